#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Exim behind the load balancer, "hosts_proxy": its log shows the client's own address and port, the
# VIP, and the load balancer as the proxy; an ACL decides by the client. The server sends first.
#
# Debian has this option in exim4-daemon-heavy, which cannot be installed beside
# Postfix: setup.sh unpacks it.
set -euo pipefail
# shellcheck source=selftests/lib/mail.sh
. "${BASH_SOURCE[0]%/*}/../lib/mail.sh"

need nft jq curl unshare
dir=$PP_TMP/exim
exim=/var/cache/proxyproto/exim4-daemon-heavy/usr/sbin/exim4
[[ -x $exim ]] || skip_all "$exim is missing: run selftests/setup.sh"
module_require

write_conf() {
	cat <<-END
		exim_path = $exim
		hosts_proxy = <; 10.0.2.1 ; fd00:2::1
		local_interfaces = <; 10.0.2.2 ; fd00:2::2
		daemon_smtp_ports = 2525
		primary_hostname = backend.example
		spool_directory = $dir/spool
		pid_file_path = $dir/pid
		log_file_path = $dir/%slog
		log_selector = +incoming_port +incoming_interface +proxy
		keep_environment =
		tls_advertise_hosts =
		queue_only = true
		acl_smtp_rcpt = rcpt
		acl_smtp_data = data
		begin acl
		rcpt:
		    accept hosts = <; 10.0.1.2 ; fd00:1::2
		data:
		    accept logwrite = seen \$sender_host_address \$sender_host_port \$proxy_external_address \$proxy_external_port.
	END
}

# It needs a user of its own, by name: one that only it sees in /etc
exim_start() {
	local file

	chmod 755 "$PP_TMP"
	install -d -o nobody -g nogroup "$dir"
	write_conf >"$dir/exim.conf"
	for file in passwd group; do
		cp /etc/$file "$dir/$file"
	done
	echo "Debian-exim:x:$(id -u nobody):$(id -g nobody)::/:/usr/sbin/nologin" >>"$dir/passwd"
	echo "Debian-exim:x:$(id -g nobody):" >>"$dir/group"
	# shellcheck disable=SC2016 # of the inner shell
	start_bg exim backend unshare -m sh -c 'mount --bind "$1/passwd" /etc/passwd &&
		mount --bind "$1/group" /etc/group && exec "$2" -C "$1/exim.conf" -bdf' - "$dir" "$exim"
	wait_port backend 2525 60
}

# It waits for a header until its timeout, and then refuses all commands
without_rule() {
	local status=0

	lb_ppctl flush-rules
	send_mail "$VIP_URL:25" || status=$?
	is "$status" 9 'access denied'
}

received() {
	local sent

	rule to "$BACKEND" port 2525 version "$VERSION"
	sent=$(send_mail "$VIP_URL:25")
	logged "$dir/mainlog" "seen $CLIENT $sent $VIP 25."
	logged "$dir/mainlog" \
		" <= user@client.example H=(client.example) [$CLIENT]:$sent I=[$BACKEND]:2525 P=esmtp PRX=$LB "
	all_sent 1
}

topo_lb 4
nat_dnat_masq 25 2525
check 'peers: Exim -> listens' exim_start
for family in 4 6; do
	setting $family 2
	check "peers: Exim, IPv$FAMILY, no rule -> refused" without_rule
	for version in 2 1; do
		setting $family $version
		check "peers: Exim, $WHERE, ACL for the client -> received, client and VIP in the log" received
	done
done
