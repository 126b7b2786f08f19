#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The backend gets the header before forwarded connections: with DNAT and masquerade, with DNAT
# alone, with plain routing; both families, both versions, server or client first.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft jq
module_require
topo_lb 4

untagged() {
	transfer 2 --header none --
	is "$(lb_ppctl -j list-connections)" "[]"
}

tagged() {
	local version=$1

	shift
	rule to "$BACKEND" port 8080 version "$version"
	transfer 3 --header "v$version" "${names_client[@]}" "$@" --
	is "$(rule_stat tagged)" 3
	is "$(rule_stat acked)" 3
	is "$(lb_ppctl -j list-connections)" '[]'
}

# Server first, client first, both at once; nothing but FIN; half-close; much
orders() {
	local version=$1

	for order in client server both; do
		BOTH="--order $order" check "send: IPv$FAMILY, $nat, v$version, $order first -> exact" \
			tagged "$version"
	done
}

# The client's own address and port are not known to the server without data
bare_fin() {
	rule to "$BACKEND" port 8080
	transfer 3 --header v2 --src-addr "$CLIENT" --dst-addr "$VIP" --dst-port 80 --
	is "$(rule_stat acked)" 3
}

other_port() {
	rule to "$BACKEND" port 8081
	transfer 2 --header none --
	is "$(rule_stat tagged)" 0
}

for family in 4 6; do
	topo_family $family
	nat=dnat+masquerade
	nat_dnat_masq
	check "send: IPv$family, no rule -> no header" untagged
	check "send: IPv$family, rule for another port -> no header" other_port
	orders 2
	orders 1
	BOTH='--no-data' check "send: IPv$family, FIN right behind the handshake -> header, then FIN" \
		bare_fin
	BOTH='--end half-close --size 300k' check "send: IPv$family, half-close, 300 kB both ways -> exact" \
		tagged 2
	BOTH='--size 3M' check "send: IPv$family, 3 MB both ways, v1 -> exact" tagged 1
	nat_flush

	nat='dnat alone'
	nat_dnat
	BOTH='--order both' check "send: IPv$family, $nat, v2 -> exact" tagged 2
	BOTH='--order server' check "send: IPv$family, $nat, v1 -> exact" tagged 1
	nat_flush

	TARGET=$BACKEND PORT=8080
	BOTH='--order both' check "send: IPv$family, plain routing, v2 -> exact" tagged 2
	BOTH='--order server' check "send: IPv$family, plain routing, v1 -> exact" tagged 1
	unset TARGET PORT
	lb_ppctl flush-rules
done
