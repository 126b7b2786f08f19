#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# keepalived on the load balancer adds the real servers that pass its TCP checks to IPVS NAT, before
# an nginx that expects a header. The checks, which the host opens itself, carry a LOCAL header, and
# nginx does not complain about one. Its log shows the clients' addresses and ports.
set -euo pipefail
# shellcheck source=selftests/lib/peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/peers.sh"

need nft jq curl nginx ipvsadm keepalived
access=$PP_TMP/access.log errors=$PP_TMP/error.log
module_require

nginx_start() {
	cat >"$PP_TMP/nginx.conf" <<-END
		pid $PP_TMP/nginx.pid;
		error_log $errors info;
		worker_processes 1;
		events {}
		http {
			log_format peers '\$uri \$proxy_protocol_addr \$proxy_protocol_port'
				' \$proxy_protocol_server_addr \$proxy_protocol_server_port';
			access_log $access peers;
			server {
				listen 10.0.2.2:8080 proxy_protocol;
				listen [fd00:2::2]:8080 proxy_protocol;
				location / { return 200 "hello\n"; }
			}
		}
	END
	start_bg nginx backend nginx -c "$PP_TMP/nginx.conf" -g 'daemon off; user root;'
	wait_port backend 8080
}

# ended WHILE: what nginx was doing when a check of this family closed
ended() {
	grep -qF "client closed connection while $1, client: $LB, server: $BACKEND_URL:8080" "$errors"
}

keepalived_conf() {
	local family

	for family in 4 6; do
		topo_family $family
		cat <<-END
			virtual_server $VIP 80 {
				delay_loop 1
				lb_algo rr
				lb_kind NAT
				protocol TCP
				real_server $BACKEND 8080 {
					TCP_CHECK {
						connect_timeout 3
						retry 0
					}
				}
			}
		END
	done
}

keepalived_start() {
	ns_sysctl lb net.ipv4.vs.conntrack=1
	keepalived_conf >"$PP_TMP/keepalived.conf"
	start_bg keepalived lb keepalived -n -l -D -C -f "$PP_TMP/keepalived.conf" \
		-p "$PP_TMP/keepalived.pid" -c "$PP_TMP/checkers.pid"
	wait_until 30 in_service
}

# real_servers COUNT: as many of both families are in IPVS
real_servers() {
	is "$(ns lb ipvsadm -Ln | grep -c -- '-> .*:8080 .*Masq')" "$1"
}

in_service() {
	real_servers 2
}

without_rule() {
	lb_ppctl flush-rules
	: >"$errors"
	wait_until 20 ended 'reading PROXY protocol'
}

# More checks than are needed for a server to be taken out
checked() {
	rule to "$BACKEND" port 8080 version "$VERSION"
	wait_until 20 tagged 1
	: >"$errors"
	wait_until 20 tagged 4
	in_service
	wait_until 20 ended 'waiting for request'
	not ended 'reading PROXY protocol'
}

clients() {
	local socket path=/$FAMILY/$VERSION${1:-}

	socket=$(fetch "http://$VIP_URL$path")
	is "${socket% *}" "$CLIENT"
	is "$(log_line "$access" "$path")" "$socket $VIP 80"
}

taken_out() {
	stop_bg nginx
	wait_until 20 real_servers 0
	nginx_start
	wait_until 20 in_service
	rule to "$BACKEND" port 8080
	clients /again
}

modprobe -qa ip_vs ip_vs_rr || true
topo_lb 4
nat_masq
ns lb test -w /proc/sys/net/ipv4/vs/conntrack || skip_all 'no IPVS in this kernel'
check 'peers: nginx -> listens' nginx_start
check 'peers: keepalived -> takes nginx into service' keepalived_start
for family in 4 6; do
	setting $family 2
	check "peers: keepalived, IPv$FAMILY, no rule, TCP checks -> nginx waits for a header" without_rule
	for version in 2 1; do
		setting $family $version
		check "peers: keepalived, $WHERE, TCP checks -> nginx got a header, server stays" checked
		check "peers: keepalived, $WHERE, clients -> client and VIP in the log" clients
	done
done
setting 4 2
check 'peers: keepalived, server stops and starts -> out of service and in' taken_out
