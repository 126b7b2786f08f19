# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Headers as bytes, and what becomes of the connections that begin with them: for selftests of
# accept rules and of listeners that take the header themselves.

# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/accept.sh"

# v2 COMMAND FAMILY BODY [TLV]...: a header in hexadecimal
v2() {
	"$pp_selftests/tools/make_header.py" "$@"
}

# v1 LINE: the same, of version 1; \r\n is added
v1() {
	printf '%s\r\n' "$1" | od -An -v -tx1 | tr -d ' \n'
}

# header_family FAMILY: accept_family, and the bytes and addresses of headers of that family
# shellcheck disable=SC2034 # for the test files
header_family() {
	accept_family "$1"
	TCP=11 UDP=12 other_tcp=21 other='2001:db8::1,1,2001:db8::2,2' loopback=127.0.0.1
	nobody=0.0.0.0 fixed=28
	if [[ $1 == 6 ]]; then
		TCP=21 UDP=22 other_tcp=11 other=192.0.2.1,1,192.0.2.2,2 loopback=::1
		nobody=:: fixed=52
	fi
	ends="$REAL,4711,$ASKED,443"
	packed=$(v2 21 $TCP "$ends") packed=${packed:32}
}

# seen_as ADDRESS PORT COUNTER HEX [OPTION of the client]...
seen_as() {
	local before

	before=$(accept_stat "$3")
	accept_transfer 1 --peer-addr "$1" --peer-port "$2" -- ${4:+--send-raw "$4"} "${@:5}"
	is "$(accept_stat "$3")" $((before + 1)) "$3"
}

# as_balancer: headers that name no TCP client. The test file has a function taken.
as_balancer() {
	local own=("$BALANCER" client accepted_own)

	taken 'LOCAL' "${own[@]}" "$(v2 20 00 -)"
	taken 'LOCAL, health check of AWS' "${own[@]}" "$(v2 20 11 - 03=bce5951f 04:74)"
	taken 'LOCAL with 7 bytes that are no TLVs' "${own[@]}" "$(v2 20 00 01020304050607)"
	taken 'LOCAL of 4096 bytes' "${own[@]}" "$(v2 20 00 "$(printf '%08160d' 0)")"
	taken 'v1 UNKNOWN' "${own[@]}" "$(v1 'PROXY UNKNOWN')"
	taken 'v1 UNKNOWN with what may follow' "${own[@]}" "$(v1 'PROXY UNKNOWN ffff::1 ffff::2 1 x')"
	taken 'PROXY of no family' "${own[@]}" "$(v2 21 00 -)"
	taken 'PROXY of UNIX sockets' "${own[@]}" "$(v2 21 31 "$(printf '%0432d' 0)")"
	taken 'PROXY of datagrams' "${own[@]}" "$(v2 21 "$UDP" "$ends")"
}

# as_client: headers that name one, whose last connection is still in TIME_WAIT
as_client() {
	taken 'TLV of 700 bytes' "$REAL" 4711 accepted "$(v2 21 "$TCP" "$ends" e0:700)"
	taken 'TLVs, 4096 bytes in all' "$REAL" 4711 accepted \
		"$(v2 21 "$TCP" "$ends" 04:1000 "e1:$((4096 - fixed - 1003 - 3))")"
	taken 'CRC32C' "$REAL" 4711 accepted "$(v2 21 "$TCP" "$ends" 01=6832 crc e0:9)"
}

# A second header is data, and the server reads it as data
mid_stream() {
	local inner

	inner=$(v2 21 "$TCP" "$REAL,1,$ASKED,2")
	accept_transfer 1 --header v2 --src-addr "$REAL" --src-port 1 --dst-port 2 \
		--peer-addr "$REAL" -- --send-raw "$(v2 21 "$TCP" "$ends")$inner"
}

# refused_with COUNTER [OPTION of the client]...: reset, and nothing reaches the application, whose
# listener has the options $LISTENER
refused_with() {
	local counter=$1 before listener status=0

	shift
	read -ra listener <<<"${LISTENER:-}"
	before=$(accept_stat "$counter")
	start_bg server backend "$PEER" server "${listener[@]}" -l "$BACKEND" -p 8080 -n 0
	wait_listening server
	ns client "$PEER" client -c "$BACKEND" -p 8080 --timeout "${PATIENCE:-15}" "$@" \
		>"$PP_TMP/client.json" 2>&1 || status=$?
	stop_bg server
	cat "$PP_TMP/client.json"
	is "$status" 1
	# The message would show what the application got
	bg_output server | grep '"ok"' && return 1
	grep -qE '"end":"rst"|reset by peer' "$PP_TMP/client.json"
	is "$(accept_stat "$counter")" $((before + 1)) "$counter"
	is "$(accept_stat pending)" 0 'pending'
}

# malformed: headers of which nothing reaches the application. The test file has a function bad.
malformed() {
	bad 'wrong CRC32C' bad_crc "$(v2 21 "$TCP" "$ends" badcrc)"
	bad 'CRC32C of 3 bytes' bad_crc "$(v2 21 "$TCP" "$ends" 03:3)"
	bad 'CRC32C of 1 byte' bad_crc "$(v2 21 "$TCP" "$ends" 03:1)"
	bad 'no header' bad_header "$(v1 'GET / HTTP/1.0')"
	bad 'version 3' bad_header "$(v2 31 "$TCP" "$ends")"
	bad 'command 2' bad_header "$(v2 22 "$TCP" "$ends")"
	bad 'family 4' bad_header "$(v2 21 41 "$ends")"
	bad 'addresses cut short' bad_header "$(v2 21 "$TCP" 00)"
	bad 'stray byte behind the addresses' bad_header "$(v2 21 "$TCP" "${packed}00")"
	bad 'TLV that overruns the header' bad_header \
		"$(v2 21 "$TCP" "$ends" e0:9 | sed 's/e00009/e0000a/')"
	bad '4097 bytes' bad_header "$(v2 20 00 "$(printf '%08162d' 0)")"
	bad 'v1 with two spaces' bad_header "$(v1 "PROXY TCP$FAMILY  $REAL $ASKED 1 2")"
	bad 'v1 with a port of 65536' bad_header "$(v1 "PROXY TCP$FAMILY $REAL $ASKED 65536 2")"
	bad 'v1, TCP6 with an IPv4 client' bad_header "$(v1 'PROXY TCP6 192.0.2.77 2001:db8::5 1 2')"
	bad 'v1, TCP6 with an IPv4 destination' bad_header \
		"$(v1 'PROXY TCP6 2001:db8::77 198.51.100.5 1 2')"
	bad 'v1, TCP4 with an IPv6 client' bad_header "$(v1 'PROXY TCP4 2001:db8::77 198.51.100.5 1 2')"
	bad 'v1 without an end' bad_header "$(v1 "PROXY UNKNOWN $(printf '%0120d' 0)")"
}

# optional WHAT: with "header optional timeout 3"; WHAT begins the names of the results
optional() {
	check "$1, optional, header -> taken out" seen_as "$REAL" 4711 accepted \
		"$(v2 21 "$TCP" "$ends")"
	check "$1, optional, header byte by byte -> taken out" seen_as "$REAL" 4711 \
		accepted "$(v2 21 "$TCP" "$ends")" --chunk 1 --no-delay
	check "$1, optional, no header -> as it is" seen_as "$BALANCER" client passed ''
	check "$1, optional, no header, byte by byte -> as it is" \
		seen_as "$BALANCER" client passed '' --chunk 1 --no-delay
	BOTH='--order server' check "$1, optional, silent until the timeout -> as it is" \
		seen_as "$BALANCER" client passed ''
	bad 'optional, signature and no header' bad_header "$(v1 'PROXY nonsense')"
}
