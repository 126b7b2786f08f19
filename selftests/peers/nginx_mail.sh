#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The mail proxy of nginx behind the load balancer, "listen ... proxy_protocol": the auth server,
# also nginx, gets the client's own address and port and the VIP. The server sends first.
set -euo pipefail
# shellcheck source=selftests/lib/peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/peers.sh"

need nft jq curl nginx socat
mail_module=/usr/lib/nginx/modules/ngx_mail_module.so
[[ -e $mail_module ]] || skip_all "$mail_module is not installed"
asked=$PP_TMP/asked.log errors=$PP_TMP/error.log
module_require

write_conf() {
	cat <<-END
		load_module $mail_module;
		pid $PP_TMP/nginx.pid;
		error_log $errors info;
		worker_processes 1;
		events {}
		mail {
			auth_http 127.0.0.1:8090/;
			set_real_ip_from 10.0.2.1;
			set_real_ip_from fd00:2::1;
			server {
				protocol imap;
				listen 10.0.2.2:1143 proxy_protocol;
				listen [fd00:2::2]:1143 proxy_protocol;
			}
		}
		http {
			log_format asked '\$http_auth_user \$http_client_ip \$http_proxy_protocol_addr'
				' \$http_proxy_protocol_port \$http_proxy_protocol_server_addr'
				' \$http_proxy_protocol_server_port';
			access_log $asked asked;
			server {
				listen 127.0.0.1:8090;
				add_header Auth-Status 'Not today';
				location / { return 200; }
			}
		}
	END
}

nginx_start() {
	write_conf >"$PP_TMP/nginx.conf"
	start_bg nginx backend nginx -c "$PP_TMP/nginx.conf" -g 'daemon off; user root;'
	wait_port backend 1143
}

without_rule() {
	lb_ppctl flush-rules
	: >"$errors"
	printf 'a NOOP\r\n' | ns client socat -t 10 -T 10 - "TCP$FAMILY:$VIP_URL:143" || true
	wait_until 10 grep -q 'broken header: "a NOOP' "$errors"
}

# login USER: the server refuses; prints curl's own port
login() {
	local status=0

	client_curl -o /dev/null -w '%{local_port}\n' -u "$1:secret" "imap://$VIP_URL/" || status=$?
	is "$status" 67 'login denied'
}

asks() {
	local port user=user$FAMILY$VERSION

	rule to "$BACKEND" port 1143 version "$VERSION"
	port=$(login "$user")
	is "$(log_line "$asked" "$user")" "$CLIENT $CLIENT $port $VIP 143"
	all_sent 1
}

topo_lb 4
nat_dnat_masq 143 1143
check 'peers: nginx mail -> listens' nginx_start
for family in 4 6; do
	setting $family 2
	check "peers: nginx mail, IPv$FAMILY, no rule -> broken header" without_rule
	for version in 2 1; do
		setting $family $version
		check "peers: nginx mail, $WHERE -> the auth server is told client and VIP" asks
	done
done
