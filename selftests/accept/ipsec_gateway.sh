#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IPsec between load balancer and gateway, which takes the header out for a host behind it: its
# forward policies hold for an accepted connection.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"
# shellcheck source=selftests/lib/ipsec.sh
. "${BASH_SOURCE[0]%/*}/../lib/ipsec.sh"

need nft jq socat conntrack python3
module_require
topo_lb 4

# IPv6 looks for an address of the device, and here none is
esp_talks=client esp_listens=lb esp_device=front esp_always=6
esp_outer=(10.0.1.2 10.0.1.1)
esp_near=([4]=10.0.1.2 [6]=fd00:1::2) esp_far=([4]=10.0.1.1 [6]=fd00:1::1)

# esp_policies NAME: the load balancer's packets to the gateway, and in tunnel mode through it; both
# directions of both families
esp_policies() {
	local family near to

	for family in 4 6; do
		near=${esp_near[$family]} to=${esp_far[$family]}
		[[ $esp_mode == transport ]] || to=${any[$family]}
		if [[ $1 == client ]]; then
			esp_policy client "$near" "$to" out
			esp_policy client "$to" "$near" in
			continue
		fi
		esp_policy lb "$to" "$near" out
		# No packet stays at the gateway
		esp_policy lb "$near" "$to" fwd
	done
}

# of_rule COMMAND [ARGUMENT]...: to $TARGET port $PORT, with the rule that takes the header
of_rule() {
	gateway_rule to "$TARGET" port "$PORT" from "$BALANCER"
	"$@"
}

# More data than the first packets, in both directions: each side has to learn the size that IPsec
# leaves
both_ways() {
	BOTH='--order client --size 20k --timeout 30' through 2
	BOTH='--order both --size 300k --timeout 30' through 4 -j 4
}

without_rule() {
	lb_ppctl flush-rules
	BOTH='--order both --size 300k --timeout 30' TARGET=$TARGET PORT=$PORT transfer 2 --
}

some_plain() {
	local header

	header=$("$pp_selftests/tools/make_header.py" 21 "$((FAMILY == 4 ? 11 : 21))" "$REAL,5555,$ASKED,443")
	plain_refused "$TARGET" "$PORT" "$(escaped "$header")"
	is "$(first_of accepted lb_ppctl -j list-rules)" 1 'accepted'
}

cases() {
	local what="IPv$FAMILY, IPsec, $esp_mode mode, $1"

	check "$what, no rule -> exact" without_rule
	for VERSION in 1 2; do
		check "accept: $what, v$VERSION -> client, exact" of_rule both_ways
	done
	check "accept: $what, some packets without IPsec -> refused, or taken where no policy counts" \
		of_rule some_plain
}

nsip lb xfrm state count >/dev/null 2>&1 || skip_all 'this kernel has no IPsec'
nsip lb route add default via 10.0.1.2
nsip lb -6 route add default via fd00:1::2
for esp_mode in tunnel transport; do
	esp_states client lb
	esp_policies client
	esp_policies lb
	for family in 4 6; do
		accept_family $family
		if [[ $esp_mode == tunnel ]]; then
			TARGET=$BACKEND PORT=8080
			cases 'gateway'
		fi
		nat_dnat
		TARGET=$VIP PORT=80
		cases 'DNAT'
		nat_flush
		ns lb conntrack -F 2>/dev/null
	done
	esp_gone client lb
done
