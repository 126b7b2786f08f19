#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Dovecot behind the load balancer, "haproxy = yes": its log of a login shows the client's own
# address and port, and the VIP as its own address. The server sends first.
set -euo pipefail
# shellcheck source=selftests/lib/peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/peers.sh"

need nft jq curl dovecot
[[ $(dovecot --version) == 2.3.* ]] || skip_all "its configuration is written for Dovecot 2.3"
dir=$PP_TMP/dovecot log=$PP_TMP/dovecot.log
module_require

write_conf() {
	cat <<-END
		base_dir = $dir/run
		state_dir = $dir/state
		log_path = $log
		protocols = imap
		ssl = no
		disable_plaintext_auth = no
		default_internal_user = dovecot
		default_login_user = dovenull
		first_valid_uid = 1
		mail_location = maildir:$dir/mail
		haproxy_trusted_networks = 10.0.2.1 fd00:2::1
		haproxy_timeout = 1 s
		login_log_format_elements = rip=<%r> rport=<%{rport}> lip=<%l>
		passdb {
			driver = static
			args = password=secret
		}
		userdb {
			driver = static
			args = uid=dovecot gid=dovecot home=$dir/home allow_all_users=yes
		}
		service imap-login {
			inet_listener imap {
				address = 10.0.2.2 fd00:2::2
				port = 143
				haproxy = yes
			}
			inet_listener imaps {
				port = 0
			}
		}
	END
}

dovecot_start() {
	mkdir -p "$dir"/{run,state,home,mail}
	chmod 755 "$PP_TMP"
	chown dovecot: "$dir"/{home,mail}
	write_conf >"$dir/dovecot.conf"
	start_bg dovecot backend dovecot -F -c "$dir/dovecot.conf"
	wait_port backend 143 60
}

# Logs in and lists the folders; prints the port that curl had
folders() {
	client_curl -f -o /dev/null -w '%{local_port}\n' -u user:secret "imap://$VIP_URL/"
}

without_rule() {
	lb_ppctl flush-rules
	not folders
	wait_until 10 grep -q "haproxy.*$LB\|$LB.*haproxy" "$log" || {
		cat "$log"
		return 1
	}
}

logged_in() {
	local port

	rule to "$BACKEND" port 143 version "$VERSION"
	port=$(folders) || {
		tail -n 5 "$log"
		return 1
	}
	wait_until 10 grep -q "Login: rip=<$CLIENT>, rport=<$port>, lip=<$VIP>" "$log" || {
		echo "$port"
		tail -n 5 "$log"
		return 1
	}
	all_sent 1
}

topo_lb 4
nat_dnat_masq 143 143
check 'peers: Dovecot -> listens' dovecot_start
for family in 4 6; do
	setting $family 2
	check "peers: Dovecot, IPv$FAMILY, no rule -> refused" without_rule
	for version in 2 1; do
		setting $family $version
		check "peers: Dovecot, $WHERE -> logs in, client and VIP in the log" logged_in
	done
done
