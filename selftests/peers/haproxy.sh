#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# HAProxy behind the load balancer, "bind ... accept-proxy": it answers with the addresses that it
# sees, or sends them on to a server of its own; both families and versions; and the load balancer's
# own connections.
set -euo pipefail
# shellcheck source=selftests/lib/peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/peers.sh"

need nft jq curl haproxy
conf=$PP_TMP/haproxy.cfg
module_require

# The answer is a request's connection as HAProxy sees it
write_conf() {
	local seen='%[src] %[src_port] %[dst] %[dst_port] %[fc_rcvd_proxy]'

	cat <<-END
		global
			maxconn 1000
			log stdout format raw local0
		defaults
			mode http
			log global
			timeout connect 20s
			timeout client 60s
			timeout server 60s
		frontend answer
			bind 10.0.2.2:8080 accept-proxy
			bind [fd00:2::2]:8080 accept-proxy
			http-request return status 200 content-type text/plain lf-string "$seen\n"
		frontend trusting
			bind 10.0.2.2:8081
			bind [fd00:2::2]:8081
			tcp-request connection expect-proxy layer4 if { src 10.0.2.1 fd00:2::1 }
			http-request return status 200 content-type text/plain lf-string "$seen\n"
		listen chain4
			mode tcp
			bind 10.0.2.2:8082 accept-proxy
			server next 10.0.2.2:9000 send-proxy-v2
		listen chain6
			mode tcp
			bind [fd00:2::2]:8082 accept-proxy
			server next [fd00:2::2]:9000 send-proxy-v2
	END
}

# answer URL [OPTION]...: the addresses that HAProxy saw, and then curl's own
answer() {
	client_curl -f -w "$own\n" "$@"
}

without_rule() {
	lb_ppctl flush-rules
	refused "http://$VIP_URL/"
	wait_until 10 bg_says haproxy 'does not look like a PROXY protocol header'
}

one() {
	local lines socket

	rule to "$BACKEND" port 8080 version "$VERSION"
	mapfile -t lines < <(answer "http://$VIP_URL/")
	socket=${lines[1]}
	is "${socket% *}" "$CLIENT"
	is "${lines[0]}" "$socket $VIP 80 1"
	all_sent 1
}

keepalive() {
	local lines

	rule to "$BACKEND" port 8080 version "$VERSION"
	mapfile -t lines < <(answer "http://$VIP_URL/"{1,2,3})
	is "${#lines[@]}" 6
	for i in 0 2 4; do
		is "${lines[i]}" "${lines[1]} $VIP 80 1"
		is "${lines[i + 1]}" "${lines[1]}" 'the same connection'
	done
	all_sent 1
}

many() {
	local many=$PP_TMP/many.$FAMILY.$VERSION path socket

	rule to "$BACKEND" port 8080 version "$VERSION"
	fetch_many "http://$VIP_URL" "$many"
	while read -r path socket; do
		is "$(<"$many$path")" "$socket $VIP 80 1"
	done <"$many.own"
	all_sent 100
}

# pp_peer behind HAProxy expects the client's real addresses
megabyte() {
	rule to "$BACKEND" port 8082 version "$VERSION"
	PORT=82 BPORT=9000 BOTH='--size 1M' transfer 2 --header v2 "${names_client[@]}" --
	all_sent 2
}

server_first() {
	rule to "$BACKEND" port 8082 version "$VERSION"
	PORT=82 BPORT=9000 BOTH='--order server' transfer 3 --header v2 "${names_client[@]}" --
	all_sent 3
}

# One port for both kinds of clients: a client that is not the load balancer sends no header and is
# shown as itself
trusting() {
	local lines

	rule to "$BACKEND" port 8081 version "$VERSION"
	mapfile -t lines < <(answer "http://$VIP_URL:81/")
	is "${lines[0]}" "${lines[1]} $VIP 81 1"
	lb_ppctl flush-rules
	mapfile -t lines < <(answer "http://$BACKEND_URL:8081/")
	is "${lines[0]}" "${lines[1]} $BACKEND 8081 0"
}

# from_lb [ORIGIN]: a header comes, with the addresses of the socket
from_lb() {
	local lines

	rule to "$BACKEND" port 8080 version "$VERSION" "$@"
	mapfile -t lines < <(CLIENT_NS=lb answer "http://$BACKEND_URL:8080/")
	is "${lines[1]% *}" "$LB"
	is "${lines[0]}" "${lines[1]} $BACKEND 8080 1"
	all_sent 1
}

# With OUTPUT DNAT the load balancer is a client as well, and connects to VIP
from_lb_to_vip() {
	local lines

	rule to "$BACKEND" port 8080 version "$VERSION" origin proxy
	mapfile -t lines < <(CLIENT_NS=lb answer "http://$VIP_URL/")
	is "${lines[0]}" "${lines[1]} $VIP 80 1"
	all_sent 1
}

write_conf >"$conf"
topo_lb 4
# Not the client's ports, which masquerading keeps
ns_sysctl lb net.ipv4.ip_local_port_range='20000 30000'
nat_dnat_masq
nat_dnat_masq 81 8081
nat_dnat_masq 82 8082
nat_output
start_bg haproxy backend haproxy -db -f "$conf"
wait_port backend 8082

for family in 4 6; do
	setting $family 2
	check "peers: HAProxy, IPv$FAMILY, no rule -> refused" without_rule
	for version in 2 1; do
		setting $family $version
		check "peers: HAProxy, $WHERE -> src and dst are the client's" one
		check "peers: HAProxy, $WHERE, 3 requests kept alive -> all alike" keepalive
		check "peers: HAProxy, $WHERE, 100 at once -> each its own port" many
		check "peers: HAProxy, $WHERE, 1 MB through it both ways -> exact, addresses handed on" megabyte
		check "peers: HAProxy, $WHERE, server first through it -> exact" server_first
		check "peers: HAProxy, $WHERE, expect-proxy -> from the load balancer only" trusting
		check "peers: HAProxy, $WHERE, LOCAL from the load balancer -> its own addresses" from_lb
		check "peers: HAProxy, $WHERE, origin proxy -> its own addresses" from_lb origin proxy
		check "peers: HAProxy, $WHERE, OUTPUT DNAT, origin proxy -> VIP" from_lb_to_vip
	done
done
