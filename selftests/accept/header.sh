#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a header may contain: LOCAL, UNKNOWN, families other than TCP's, TLVs up to the longest
# header, CRC32C. Malformed headers, of which the application gets nothing; headers that never come;
# and optional headers.
set -euo pipefail
# shellcheck source=selftests/lib/header.sh
. "${BASH_SOURCE[0]%/*}/../lib/header.sh"

need jq python3 socat
module_require
topo_lb 4

# taken NAME ADDRESS PORT COUNTER HEX: the header is taken out, in one segment and in pieces;
# gathering is the same for both families
taken() {
	local name=$1

	shift
	check "accept: IPv$FAMILY, $name -> exact" seen_as "$@"
	[[ $FAMILY == 6 ]] ||
		check "accept: IPv$FAMILY, $name, in pieces -> exact" seen_as "$@" --chunk 50 --no-delay
}

# bad NAME COUNTER HEX
bad() {
	check "accept: IPv$FAMILY, $1 -> reset, nothing reaches the application" \
		refused_with "$2" --send-raw "$3"
}

# pieces TEXT...: one line, each piece in a segment of its own; prints what the application gets
pieces() {
	local out=$PP_TMP/pieces

	start_bg sink backend socat -u "TCP$FAMILY-LISTEN:8080,reuseaddr" "OPEN:$out,creat,trunc"
	wait_port backend 8080
	{
		for piece in "$@"; do
			printf '%s' "$piece"
			sleep 0.3
		done
	} | ns client socat -u - "TCP$FAMILY:$BACKEND_URL:8080,nodelay"
	wait_bg sink
	is "$(cat "$out")" "$(printf '%s' "$@")"
}

for family in 4 6; do
	header_family $family
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	as_balancer
	as_client
	taken 'client of the other family' "$BALANCER" client mismatch "$(v2 21 "$other_tcp" "$other")"
	taken 'client on loopback' "$BALANCER" client mismatch \
		"$(v2 21 "$TCP" "$loopback,4711,$ASKED,443")"
	taken 'client without an address' "$BALANCER" client mismatch \
		"$(v2 21 "$TCP" "$nobody,4711,$ASKED,443")"
	taken 'client without a port' "$BALANCER" client mismatch "$(v2 21 "$TCP" "$REAL,0,$ASKED,443")"
	taken 'zeros throughout' "$BALANCER" client mismatch "$(v2 21 "$TCP" "$nobody,0,$nobody,0")"
	taken 'v1, zeros throughout' "$BALANCER" client mismatch \
		"$(v1 "PROXY TCP$family $nobody $nobody 0 0")"
	taken 'destination of zeros' "$REAL" 4711 accepted "$(v2 21 "$TCP" "$REAL,4711,$nobody,0")"
	check "accept: IPv$family, second header -> data" mid_stream
	malformed

	accept_rule to "$BACKEND" port 8080 from "$BALANCER" timeout 3
	check "accept: IPv$family, no header in time -> reset" \
		refused_with timeout --no-data --end none
	check "accept: IPv$family, half a header in time -> reset" \
		refused_with timeout --no-data --end none --send-raw "$(printf 'PROXY ' | od -An -v -tx1 | tr -d ' ')"

	accept_rule to "$BACKEND" port 8080 from "$BALANCER" header optional timeout 3
	optional "accept: IPv$family"
	check "accept: IPv$family, optional, begins like v1 -> as it is" pieces PRO X
	check "accept: IPv$family, optional, begins like v2 -> as it is" pieces $'\r' $'\n' "\$x"
done
