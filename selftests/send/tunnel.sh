#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Backends in overlay networks and behind virtual devices: the header and all data behind it arrive
# unchanged, and a backend with an accept rule takes the header out again.
set -euo pipefail
# shellcheck source=selftests/lib/tunnel.sh
. "${BASH_SOURCE[0]%/*}/../lib/tunnel.sh"

need nft jq wg
module_require
topo_lb 4
nat_to_tunnel

# over_ip TYPE [OPTION]...
over_ip() {
	nsip lb link add tunnel type "$1" local 10.0.2.1 remote 10.0.2.2 "${@:2}"
	nsip backend link add tunnel type "$1" local 10.0.2.2 remote 10.0.2.1 "${@:2}"
	inner_addresses
}

over_geneve() {
	nsip lb link add tunnel type geneve id 7 remote 10.0.2.2
	nsip backend link add tunnel type geneve id 7 remote 10.0.2.1
	inner_addresses
}

over_wireguard() {
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

over_bridge() {
	local name dev

	for name in lb backend; do
		dev=eth0
		[[ $name == backend ]] || dev=back
		nsip "$name" link add tunnel type bridge
		nsip "$name" link set $dev master tunnel
	done
	inner_addresses
}

# The message of ip(8) if the kernel does not have the device type
not_there='Unknown device type|not supported'

# tunnel TEXT COMMAND...: the command makes it, at both ends
tunnel() {
	local text=$1 family

	shift
	("$@") >"$PP_TMP/tunnel.out" 2>&1 || true
	if grep -qiE "$not_there" "$PP_TMP/tunnel.out"; then
		skip "send: $text" "$(tail -n 1 "$PP_TMP/tunnel.out")"
		return
	fi
	diag <"$PP_TMP/tunnel.out"
	for family in 4 6; do
		tunnel_family $family
		check "send: IPv$family, backend beyond $text -> header, exact" through_tunnel
		check "send: IPv$family, backend beyond $text that accepts -> client, exact" accepted
	done
	tunnel_gone
}

tunnel GRE over_ip gre
tunnel 'Ethernet over GRE' over_ip gretap
tunnel VXLAN over_ip vxlan id 7 dstport 4789
tunnel Geneve over_geneve
tunnel WireGuard over_wireguard
tunnel 'a VLAN' over_device vlan id 7
tunnel macvlan over_device macvlan mode bridge
tunnel ipvlan over_device ipvlan mode l2
tunnel 'a bridge' over_bridge
