#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Backends on the load balancer's own host: if NAT leads a client from outside to a local socket,
# the socket gets its header. A client from outside that asks for the host's own address gets none.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft jq tc ethtool curl conntrack
module_require
topo_lb 4

SERVER_NS=lb

# led TARGET4 TARGET6: nft leads connections of clients to VIP:80 to a local socket
led() {
	ns lb nft -f - <<-END
		table inet pp_nat {
			chain prerouting {
				type nat hook prerouting priority -100; policy accept;
				ip daddr 10.0.1.1 tcp dport 80 $1
				ip6 daddr fd00:1::1 tcp dport 80 $2
			}
		}
	END
}

untagged() {
	rule to "$BACKEND" port "${1:-8080}"
	transfer 2 --header none --
	is "$(rule_stat tagged)" 0
	is "$(lb_ppctl -j list-connections)" '[]'
}

no_handshakes() {
	[[ $(lb_ppctl -j list-connections) == '[]' ]]
}

# tagged VERSION [OPTION of the client]...: a stray SYN counts as a connection
tagged() {
	local version=$1

	shift
	rule to "$BACKEND" port 8080 version "$version"
	transfer "${COUNT:-3}" --header "v$version" "${names_client[@]}" \
		--peer-addr client --peer-port client -- "$@"
	lb_ppctl -j list-rules | jq -e ".[0] | .acked >= ${COUNT:-3}" >/dev/null ||
		fail "$(lb_ppctl list-rules)"
	# The second copy of a SYN may come after the end of its handshake, and then waits for 60 s
	wait_until 70 no_handshakes || fail "$(lb_ppctl list-connections)"
}

# The client's own address and port are not known to the server without data
bare_fin() {
	rule to "$BACKEND" port 8080
	transfer 3 --header v2 --src-addr "$CLIENT" --dst-addr "$VIP" --dst-port 80 --
	is "$(rule_stat acked)" 3
}

# The answer to the moved SYN acknowledges the client's SYN
nobody_listens() {
	local status=0

	rule to "$BACKEND" port 8080
	ns client curl -sS -m 10 "http://$VIP_URL/" || status=$?
	is "$status" 7 'curl: cannot connect'
	is "$(rule_stat tagged)" 1
	wait_until 10 no_handshakes
}

# impaired NETEM-ARGUMENT...: both directions of the client's link, many connections at a time
impaired() {
	netem client eth0 "$@"
	netem lb front "$@"
	COUNT=20 BOTH="--order ${order:-both} --size 20k --timeout 120" tagged "${version:-2}" -j 20
}

unimpaired() {
	netem client eth0 none
	netem lb front none
}

syncookies() {
	ns_sysctl lb net.ipv4.tcp_syncookies=2
	BOTH='--order client' tagged 2
	BOTH='--order server' tagged 1
}

for family in 4 6; do
	topo_family $family
	what="send: IPv$family, client led to a local socket"

	led 'dnat ip to 10.0.2.1:8080' 'dnat ip6 to [fd00:2::1]:8080'
	BACKEND=$LB
	check "$what, rule for another port -> no header" untagged 8081
	TARGET=$LB PORT=8080 check \
		"send: IPv$family, client that asks for the local socket itself -> no header" untagged
	# Otherwise NAT gives another port to a client that uses one of these again
	ns lb conntrack -F 2>/dev/null
	for version in 2 1; do
		for order in client server; do
			BOTH="--order $order" check "$what, v$version, $order first -> client and VIP" \
				tagged $version
		done
	done
	BOTH='--no-data' check "$what, FIN right behind the handshake -> header, then FIN" bare_fin
	BOTH='--size 3M --order both' check "$what, 3 MB both ways -> exact" tagged 1
	check "$what, nobody listens -> refused at once" nobody_listens
	check "$what, SYN cookies -> client and VIP" syncookies
	ns_sysctl lb net.ipv4.tcp_syncookies=1
	check "$what, 10 % loss both ways -> 20 of 20 exact" impaired loss 10%
	unimpaired
	ns lb nft delete table inet pp_nat

	led 'redirect to :8080' 'redirect to :8080'
	BACKEND=$VIP
	BOTH='--order both' check "$what by redirect, v2 -> client and VIP" tagged 2
	ns lb nft delete table inet pp_nat
done

# The receivers' checksums have to find damage: offloads would hide it
veth_offload_off client eth0
veth_offload_off lb front
led 'dnat ip to 10.0.2.1:8080' 'dnat ip6 to [fd00:2::1]:8080'
topo_family 6
BACKEND=$LB
what="send: IPv6, client led to a local socket, complete checksums"
BOTH='--size 1M --order client' check "$what, 1 MB -> exact" tagged 1
topo_family 4
BACKEND=$LB
what="send: IPv4, client led to a local socket, complete checksums"
BOTH='--size 1M --order client' check "$what, 1 MB -> exact" tagged 2
version=1 order=server check "$what, damage, loss, duplicates, reordering -> 20 of 20 exact" \
	impaired corrupt 5% loss 3% duplicate 5% delay 5ms 4ms reorder 10%
