#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Backends in overlay networks and beyond virtual devices: the header that the load
# balancer sends there arrives whole, and so does everything behind it; and a backend
# with an accept rule takes it out again.
set -euo pipefail
# shellcheck source=selftests/lib_tunnel.sh
. "${BASH_SOURCE[0]%/*}/lib_tunnel.sh"

need nft jq wg
module_require
topo_lb 4
nat_to_tunnel

tunnel_gre() {
	nsip lb link add tunnel type gre local 10.0.2.1 remote 10.0.2.2
	nsip backend link add tunnel type gre local 10.0.2.2 remote 10.0.2.1
	inner_addresses
}

tunnel_gretap() {
	nsip lb link add tunnel type gretap local 10.0.2.1 remote 10.0.2.2
	nsip backend link add tunnel type gretap local 10.0.2.2 remote 10.0.2.1
	inner_addresses
}

tunnel_vxlan() {
	nsip lb link add tunnel type vxlan id 7 local 10.0.2.1 remote 10.0.2.2 dstport 4789
	nsip backend link add tunnel type vxlan id 7 local 10.0.2.2 remote 10.0.2.1 dstport 4789
	inner_addresses
}

tunnel_geneve() {
	nsip lb link add tunnel type geneve id 7 remote 10.0.2.2
	nsip backend link add tunnel type geneve id 7 remote 10.0.2.1
	inner_addresses
}

tunnel_wireguard() {
	local name keys=()

	for name in lb backend; do
		nsip "$name" link add tunnel type wireguard
		wg genkey >"$PP_TMP/$name.key"
		ns "$name" wg set tunnel private-key "$PP_TMP/$name.key" listen-port 51820
		keys+=("$(wg pubkey <"$PP_TMP/$name.key")")
	done
	ns lb wg set tunnel peer "${keys[1]}" endpoint 10.0.2.2:51820 allowed-ips 10.0.9.0/24,fd00:9::/64
	ns backend wg set tunnel peer "${keys[0]}" endpoint 10.0.2.1:51820 \
		allowed-ips 10.0.9.0/24,fd00:9::/64
	inner_addresses
}

tunnel_macvlan() {
	nsip lb link add link back name tunnel type macvlan mode bridge
	nsip backend link add link eth0 name tunnel type macvlan mode bridge
	inner_addresses
}

tunnel_ipvlan() {
	nsip lb link add link back name tunnel type ipvlan mode l2
	nsip backend link add link eth0 name tunnel type ipvlan mode l2
	inner_addresses
}

tunnel_bridge() {
	local name dev

	for name in lb backend; do
		dev=eth0
		[[ $name == backend ]] || dev=back
		nsip "$name" link add tunnel type bridge
		nsip "$name" link set $dev master tunnel
	done
	inner_addresses
}

# kind NAME TEXT
kind() {
	local family

	if ! ("tunnel_$1") >"$PP_TMP/tunnel.out" 2>&1; then
		skip "send: $2" "$(tail -n 1 "$PP_TMP/tunnel.out")"
		tunnel_gone >/dev/null 2>&1 || true
		return
	fi
	for family in 4 6; do
		tunnel_family $family
		check "send: IPv$family, backend beyond $2 -> header, exact" through_tunnel
		check "send: IPv$family, backend beyond $2 that accepts -> client, exact" accepted
	done
	tunnel_gone
}

kind gre GRE
kind gretap 'Ethernet over GRE'
kind vxlan VXLAN
kind geneve Geneve
kind wireguard WireGuard
kind vlan 'a VLAN'
kind macvlan macvlan
kind ipvlan ipvlan
kind bridge 'a bridge'
