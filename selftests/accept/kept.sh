#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The header after it was read: an application asks for it and for the original destination by
# getsockopt(), on each kind of socket; list-connections shows its TLVs; and the memory is released.
set -euo pipefail
# shellcheck source=selftests/lib/header.sh
. "${BASH_SOURCE[0]%/*}/../lib/header.sh"

need nft jq python3
module_require
topo_lb 4

# serve ADDRESS [PORT]: the application that asks
serve() {
	start_bg asker backend "$pp_selftests/tools/ask_header.py" "$1" "${2:-8080}" 1
	wait_listening asker
}

# call HEX: a connection that begins with these bytes, and then says a word
call() {
	local bytes

	bytes=$(escaped "$1")
	is "$(ns client timeout 30 bash -c "exec 3<>/dev/tcp/$BACKEND/8080
		printf '${bytes}hello\n' >&3; head -n 1 <&3")" hello || {
		bg_output asker
		return 1
	}
	wait_bg asker
	answer=$(grep '^{' "$PP_TMP/bg/asker.out")
}

# answered HEADER ORIGINAL: the application prints these
answered() {
	is "$(jq -r .header <<<"$answer")" "$1" 'header'
	is "$(jq -c .original <<<"$answer")" "$2" 'original destination'
}

# Opens connections one after the other, each with this header
caller='
import socket, sys
host, count, header = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])
for i in range(count):
    with socket.create_connection((host, 8080)) as conn:
        conn.send(header)
        conn.shutdown(socket.SHUT_WR)
        conn.recv(1)
'

# The application asks at once when it has the connection, which another processor has just given to
# it
at_once() {
	local count=300

	next_port
	start_bg asker backend "$pp_selftests/tools/ask_header.py" "$BACKEND" 8080 $count
	wait_listening asker
	ns client python3 -c "$caller" "$BACKEND" $count "$(v2 21 $tcp "$REAL,$port,$ASKED,443")"
	wait_bg asker
	is "$(grep '^{' "$PP_TMP/bg/asker.out" | grep -c ENOENT || true)" 0 'not found'
	is "$(grep -c '"header": "0d0a' "$PP_TMP/bg/asker.out")" $count 'headers'
}

# asked HEADER ORIGINAL: that header comes back, byte by byte
asked() {
	serve "$BACKEND"
	call "$1"
	answered "$1" "$2"
	is "$(jq -r .short <<<"$answer")" EINVAL 'a buffer that is too small'
}

port_of_line() {
	printf 'PROXY TCP%s %s %s %s 443\r\n' "$FAMILY" "$1" "$2" "$3" | od -An -v -tx1 | tr -d ' \n'
}

plain() {
	next_port
	asked "$(v2 21 $tcp "$REAL,$port,$ASKED,443")" "[\"$ASKED\",443]"
	is "$(jq -c .peer <<<"$answer")" "[\"$REAL\",$port]"
}

line() {
	next_port
	asked "$(port_of_line "$REAL" "$ASKED" "$port")" "[\"$ASKED\",443]"
}

tlvs() {
	next_port
	asked "$(v2 21 $tcp "$REAL,$port,$ASKED,443" 02=6162 e1:300 crc)" "[\"$ASKED\",443]"
}

longest() {
	next_port
	asked "$(v2 21 $tcp "$REAL,$port,$ASKED,443" e1:$((4096 - 16 - (FAMILY == 4 ? 12 : 36) - 3)))" \
		"[\"$ASKED\",443]"
}

own_address() {
	asked "$(v2 20 00 - e1:5)" '"ENOENT"'
}

unknown_line() {
	asked "$(printf 'PROXY UNKNOWN\r\n' | od -An -v -tx1 | tr -d ' \n')" '"ENOENT"'
}

no_header() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER" header optional
	serve "$BACKEND"
	call ''
	answered ENOENT '"ENOENT"'
	accept_rule to "$BACKEND" port 8081 from "$BALANCER"
	serve "$BACKEND"
	call ''
	answered ENOENT '"ENOENT"'
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
}

mapped() {
	local header

	next_port
	header=$(v2 21 11 "$REAL,$port,$ASKED,443")
	serve ::
	call "$header"
	answered "$header" "[\"$ASKED\",443]"
	is "$(jq -c .peer <<<"$answer")" "[\"::ffff:$REAL\",$port]"
}

# The rule has the port on the wire, the application another
redirected() {
	local header

	next_port
	header=$(v2 21 $tcp "$REAL,$port,$ASKED,443" e1=00ff)
	redirect backend 8080 9090
	serve "$BACKEND" 9090
	call "$header"
	answered "$header" "[\"$ASKED\",443]"
	redirect_end backend
}

listed() {
	next_port
	serve "$BACKEND"
	start_bg caller client bash -c "exec 3<>/dev/tcp/$BACKEND/8080
		printf '$(escaped "$(v2 21 $tcp "$REAL,$port,$ASKED,443" 02=6162 e1=0001 ea=0176706365 e2:2000)")' >&3
		sleep 30"
	wait_until 10 grep -q '^{' "$PP_TMP/bg/asker.out"
	is "$(backend_ppctl -j list-connections | jq -c ".[] | select(.client_port == $port) | .tlvs |
		map([.type, .name, .text, .value[:20]])")" \
		'[[2,"authority","ab","0x6162"],[225,null,null,"0x0001"],[234,"aws-vpce-id","vpce","0x0176706365"],[226,null,null,"0x000000000000000000"]]'
	stop_bg caller
	wait_bg asker
}

# The program of the documentation
example() {
	next_port
	start_bg example backend "$pp_selftests/tools/show_header" 8080
	wait_port backend 8080
	ns client bash -c "exec 3<>/dev/tcp/$BACKEND/8080
		printf '$(escaped "$(v2 21 11 "$REAL,$port,$ASKED,443")")' >&3; cat <&3"
	wait_bg example
	is "$(<"$PP_TMP/bg/example.out")" "asked for $ASKED:443
$(v2 21 11 "$REAL,$port,$ASKED,443")"
}

# Without a header it has nothing to print
example_without() {
	backend_ppctl flush-rules
	start_bg example backend "$pp_selftests/tools/show_header" 8080
	wait_port backend 8080
	ns client bash -c "exec 3<>/dev/tcp/$BACKEND/8080; cat <&3"
	if wait_bg example; then
		fail 'it ends as if all were well'
	fi
	is "$(<"$PP_TMP/bg/example.out")" 'original destination: No such file or directory
header: No such file or directory'
}

for family in 4 6; do
	accept_family $family
	tcp=$((family == 4 ? 11 : 21))
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	check "accept: IPv$family, getsockopt, v2 -> the header and the destination" plain
	check "accept: IPv$family, getsockopt, v1 -> the same" line
	check "accept: IPv$family, getsockopt, TLVs -> the header, all of it" tlvs
	check "accept: IPv$family, getsockopt, redirected port -> the header" redirected
	check "accept: IPv$family, TLVs -> in list-connections" listed
done
accept_family 4
tcp=11
accept_rule to "$BACKEND" port 8080 from "$BALANCER"
check 'accept: getsockopt, 300 connections, asked at once -> the header of each' at_once
check 'accept: getsockopt, 4096 bytes -> the header, all of it' longest
check 'accept: getsockopt, LOCAL -> the header, no destination' own_address
check 'accept: getsockopt, UNKNOWN -> the header, no destination' unknown_line
check 'accept: getsockopt, no header or no rule -> ENOENT' no_header
check 'accept: getsockopt on an IPv6 socket of an IPv4 client -> the header' mapped
check 'accept: the example program -> shows the header' example
check 'accept: the example program, no header -> says so' example_without
