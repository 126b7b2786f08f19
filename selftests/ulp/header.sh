#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A listener with the ULP and what a header may contain: LOCAL, UNKNOWN, other families, TLVs up to
# the longest header, CRC32C. Of a malformed header the application gets nothing. Headers that never
# come, and optional ones.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"

need jq python3
module_require
topo_lb 4

# taken NAME ADDRESS PORT COUNTER HEX: in one segment and in pieces
taken() {
	check "ulp: IPv$FAMILY, $1 -> exact" seen_as "${@:2}"
	check "ulp: IPv$FAMILY, $1, in pieces -> exact" seen_as "${@:2}" --chunk 50 --no-delay
}

told_refused() {
	start_bg monitor backend "$PPCTL" -j monitor
	LISTENER=--ulp refused_with "$@"
	wait_until 10 bg_says monitor '"refused"'
	stop_bg monitor
	is "$(bg_output monitor | jq -r 'select(.event == "refused") |
		.reason, .connection.by_socket' | paste -sd ' ')" "$1 true"
}

# bad NAME COUNTER HEX
bad() {
	check "ulp: IPv$FAMILY, $1 -> reset, told, nothing reaches the application" \
		told_refused "$2" --send-raw "$3"
}

for family in 4 6; do
	header_family $family
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	as_balancer
	as_client
	taken 'client on loopback' "$BALANCER" client mismatch \
		"$(v2 21 "$TCP" "$loopback,4711,$ASKED,443")"
	[[ $family == 6 ]] || taken 'client of the other family' "$BALANCER" client mismatch \
		"$(v2 21 "$other_tcp" "$other")"
	check "ulp: IPv$family, second header -> data" mid_stream
	malformed
	check "ulp: IPv$family, closed before the header -> reset, told" told_refused abandoned --no-data
	check "ulp: IPv$family, closed amid the header -> reset, told" told_refused abandoned --no-data \
		--send-raw 0d0a0d0a000d0a51

	accept_rule to "$BACKEND" port 8080 from "$BALANCER" timeout 3
	PATIENCE=90 check "ulp: IPv$family, no header in time -> reset when the SYN-ACK is repeated" \
		told_refused timeout --no-data --end none

	accept_rule to "$BACKEND" port 8080 from "$BALANCER" header optional timeout 3
	optional "ulp: IPv$family"
done
