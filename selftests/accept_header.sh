#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a header may say, and what it may not: LOCAL, UNKNOWN, families that are
# none of TCP's, TLVs up to the longest header, CRC32C; malformed headers, of
# which nothing reaches the application; headers that do not come, and those that
# need not.
set -euo pipefail
# shellcheck source=selftests/lib_accept.sh
. "${BASH_SOURCE[0]%/*}/lib_accept.sh"

need jq python3 socat
module_require
topo_lb 4

# v2 COMMAND FAMILY BODY [TLV]...: a header in hexadecimal
v2() {
	"$pp_selftests/make_header.py" "$@"
}

# v1 LINE: the same, of version 1; \r\n is added
v1() {
	printf '%s\r\n' "$1" | od -An -v -tx1 | tr -d ' \n'
}

# seen_as ADDRESS PORT COUNTER HEX [OPTION of the client]...
seen_as() {
	local before

	before=$(accept_stat "$3")
	accept_transfer 1 --peer-addr "$1" --peer-port "$2" -- ${4:+--send-raw "$4"} "${@:5}"
	is "$(accept_stat "$3")" $((before + 1)) "$3"
}

# taken NAME ADDRESS PORT COUNTER HEX: the header comes out, at once and in pieces;
# how it is put together is the same for both families
taken() {
	local name=$1

	shift
	check "accept: IPv$FAMILY, $name -> exact" seen_as "$@"
	[[ $FAMILY == 6 ]] ||
		check "accept: IPv$FAMILY, $name, in pieces -> exact" seen_as "$@" --chunk 50 --no-delay
}

# As the load balancer
own() {
	taken "$1" "$BALANCER" client accepted_own "$2"
}

# The same client again and again, whose last connection is in TIME_WAIT still
client_says() {
	taken "$1" "$REAL" 4711 accepted "$2"
}

refused_with() {
	local counter=$1 before status=0

	shift
	before=$(accept_stat "$counter")
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0
	wait_until 20 grep -q 'listening on' "$PP_TMP/bg/server.out"
	ns client "$PEER" client -c "$BACKEND" -p 8080 --timeout 15 "$@" >"$PP_TMP/client.json" 2>&1 ||
		status=$?
	stop_bg server
	cat "$PP_TMP/client.json"
	is "$status" 1
	# What the application had would be told
	bg_output server | grep '"ok"' && return 1
	grep -qE '"end":"rst"|reset by peer' "$PP_TMP/client.json"
	is "$(accept_stat "$counter")" $((before + 1)) "$counter"
	is "$(accept_stat pending)" 0 'pending'
}

# bad NAME COUNTER HEX
bad() {
	check "accept: IPv$FAMILY, $1 -> reset, nothing reaches the application" \
		refused_with "$2" --send-raw "$3"
}

# A second header is data: the server reads it as such
mid_stream() {
	local inner

	inner=$(v2 21 "$TCP" "$REAL,1,$ASKED,2")
	accept_transfer 1 --header v2 --src-addr "$REAL" --src-port 1 --dst-port 2 \
		--peer-addr "$REAL" -- --send-raw "$(v2 21 "$TCP" "$ends")$inner"
}

# pieces TEXT...: one line, each piece sent by itself; what the application gets
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
	accept_family $family
	TCP=11 UDP=12 other_tcp=21 other='2001:db8::1,1,2001:db8::2,2' loopback=127.0.0.1
	if [[ $family == 6 ]]; then
		TCP=21 UDP=22 other_tcp=11 other=192.0.2.1,1,192.0.2.2,2 loopback=::1
	fi
	ends="$REAL,4711,$ASKED,443"
	packed=$(v2 21 $TCP "$ends") packed=${packed:32}
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"

	own 'LOCAL' "$(v2 20 00 -)"
	own 'LOCAL, health check of AWS' "$(v2 20 11 - 03=bce5951f 04:74)"
	own 'LOCAL with 7 bytes that are no TLVs' "$(v2 20 00 01020304050607)"
	own 'LOCAL of 4096 bytes' "$(v2 20 00 "$(printf '%08160d' 0)")"
	own 'v1 UNKNOWN' "$(v1 'PROXY UNKNOWN')"
	own 'v1 UNKNOWN with what may follow' "$(v1 'PROXY UNKNOWN ffff::1 ffff::2 1 x')"
	own 'PROXY of no family' "$(v2 21 00 -)"
	own 'PROXY of UNIX sockets' "$(v2 21 31 "$(printf '%0432d' 0)")"
	own 'PROXY of datagrams' "$(v2 21 $UDP "$ends")"

	client_says 'TLV of 700 bytes' "$(v2 21 $TCP "$ends" e0:700)"
	fixed=$((family == 4 ? 28 : 52))
	client_says 'TLVs, 4096 bytes in all' "$(v2 21 $TCP "$ends" 04:1000 "e1:$((4096 - fixed - 1003 - 3))")"
	client_says 'CRC32C' "$(v2 21 $TCP "$ends" 01=6832 crc e0:9)"
	taken 'client of the other family' "$BALANCER" client mismatch "$(v2 21 $other_tcp $other)"
	taken 'client on loopback' "$BALANCER" client mismatch "$(v2 21 $TCP "$loopback,4711,$ASKED,443")"
	check "accept: IPv$family, second header -> data" mid_stream

	bad 'wrong CRC32C' bad_crc "$(v2 21 $TCP "$ends" badcrc)"
	bad 'CRC32C of 3 bytes' bad_crc "$(v2 21 $TCP "$ends" 03:3)"
	bad 'no header' bad_header "$(v1 'GET / HTTP/1.0')"
	bad 'version 3' bad_header "$(v2 31 $TCP "$ends")"
	bad 'command 2' bad_header "$(v2 22 $TCP "$ends")"
	bad 'family 4' bad_header "$(v2 21 41 "$ends")"
	bad 'addresses cut short' bad_header "$(v2 21 $TCP 00)"
	bad 'stray byte behind the addresses' bad_header "$(v2 21 $TCP "${packed}00")"
	bad 'TLV that overruns the header' bad_header \
		"$(v2 21 $TCP "$ends" e0:9 | sed 's/e00009/e0000a/')"
	bad '4097 bytes' bad_header "$(v2 20 00 "$(printf '%08162d' 0)")"
	bad 'v1 with two spaces' bad_header "$(v1 "PROXY TCP$family  $REAL $ASKED 1 2")"
	bad 'v1 with a port of 65536' bad_header "$(v1 "PROXY TCP$family $REAL $ASKED 65536 2")"
	bad 'v1 without an end' bad_header "$(v1 "PROXY UNKNOWN $(printf '%0120d' 0)")"

	accept_rule to "$BACKEND" port 8080 from "$BALANCER" timeout 3
	check "accept: IPv$family, no header in time -> reset" \
		refused_with timeout --no-data --end none
	check "accept: IPv$family, half a header in time -> reset" \
		refused_with timeout --no-data --end none --send-raw "$(printf 'PROXY ' | od -An -v -tx1 | tr -d ' ')"

	accept_rule to "$BACKEND" port 8080 from "$BALANCER" header optional timeout 3
	check "accept: IPv$family, optional, header -> taken out" seen_as "$REAL" 4711 accepted \
		"$(v2 21 $TCP "$ends")"
	check "accept: IPv$family, optional, header byte by byte -> taken out" seen_as "$REAL" 4711 \
		accepted "$(v2 21 $TCP "$ends")" --chunk 1 --no-delay
	check "accept: IPv$family, optional, no header -> as it is" seen_as "$BALANCER" client passed ''
	check "accept: IPv$family, optional, no header, byte by byte -> as it is" \
		seen_as "$BALANCER" client passed '' --chunk 1 --no-delay
	BOTH='--order server' check "accept: IPv$family, optional, silent until the timeout -> as it is" \
		seen_as "$BALANCER" client passed ''
	check "accept: IPv$family, optional, begins like v1 -> as it is" pieces PRO X
	check "accept: IPv$family, optional, begins like v2 -> as it is" pieces $'\r' $'\n' "\$x"
	bad 'optional, signature and no header' bad_header "$(v1 'PROXY nonsense')"
done
