#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A listener with the ULP hands out connections behind their header, and accept() and getpeername()
# name the client: both families and versions, of the other family, server or client first, headers
# in one segment, alone, and byte by byte.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"

need jq nstat ss
module_require
topo_lb 4
slow_timers client

# exact NAME [OPTION of the client]...: a connection from a new client
exact() {
	next_port
	check "ulp: IPv$FAMILY, $1 -> exact, from the client" named "$port" "${@:2}"
}

# One listener for many clients, some at a time
many() {
	next_port
	accept_transfer 50 --peer-addr "$BALANCER" --peer-port client -- -j 10 --send-header v2 --size 10k
	is "$(accept_stat accepted)" "$1"
	is "$(accept_rule_stat accepted)" 50
	is "$(accept_rule_stat refused)" 0
	wait_until 10 has_none
}

# The rule believes no header of theirs, so that the application gets it as data
others() {
	accept_rule to "$BACKEND" port 8080 from "$1"
	accept_transfer 1 --header v2 --peer-addr "$BALANCER" --peer-port client -- --send-header v2
}

# An IPv6 listener shows clients of both families, whatever the load balancer's is
other_family() {
	local listen=$1 target=$2 client=$3 seen=$4

	next_port
	start_bg server backend "$PEER" server --ulp -l "$listen" -p 8080 --peer-addr "$seen" \
		--peer-port "$port"
	wait_listening server
	ns client "$PEER" client -c "$target" -p 8080 --send-header "v2,$client,$port,$5,443"
	wait_bg server
}

backend_has() {
	[[ -n $(backend_ppctl -j list-connections | jq ".[] | $1") ]]
}

# Lists, events and counters know it; the socket itself keeps the load balancer as its peer
listed() {
	next_port
	start_bg monitor backend "$PPCTL" -j monitor
	wait_until 10 backend_ppctl list-rules
	start_bg server backend "$PEER" server --ulp -l "$BACKEND" -p 8080 -n 2 \
		--end none --timeout 20
	wait_listening server
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 --bind-port 31678 --end none \
		--timeout 20 --send-header "v2,$REAL,$port,$ASKED,443"
	wait_until 10 backend_has "select(.client_port == $port)"
	is "$(backend_ppctl -j list-connections | jq -c '.[] | select(.client_port == '"$port"') |
		[.direction, .by_socket, .client, .client_port, .original_destination,
		.original_destination_port, .proxy, .proxy_port, .local, .local_port, .tlv_bytes]')" \
		"[\"accept\",true,\"$REAL\",$port,\"$ASKED\",443,\"$BALANCER\",31678,\"$BACKEND\",8080,0]"
	is "$(backend_ppctl -j list-sockets | jq -c '.[] | [.local, .local_port, .by_rule]')" \
		"[\"$BACKEND\",8080,true]"
	[[ -n $(ns backend ss -Htn "dst [$BALANCER] and sport = 8080") ]]
	stop_bg client
	stop_bg server
	wait_until 10 bg_says monitor '"accepted"'
	stop_bg monitor
	is "$(bg_output monitor | jq -c 'select(.event == "accepted" and .connection.client_port == '"$port"') |
		[.connection.client, .connection.client_port, .connection.by_socket]')" \
		"[\"$REAL\",$port,true]"
	wait_until 70 has_none
}

has_none() {
	[[ $(backend_ppctl -j list-connections | jq length) == 0 && $(accept_stat established) == 0 ]]
}

# For TCP, a header is neither old data, which would be told by D-SACK, nor a retransmission
no_old_data() {
	local before

	before=$(backend_count TcpExtTCPDSACKOldSent)
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	accept_transfer 5 --peer-addr "$REAL" -- --send-header "v2,$REAL,4711,$ASKED,443"
	accept_transfer 5 --peer-addr "$REAL" -- --send-header "v2,$REAL,4711,$ASKED,443" \
		--chunk 20 --no-delay
	is "$(backend_count TcpExtTCPDSACKOldSent)" "$before" 'D-SACKs'
}

backend_count() {
	ns backend nstat -asz "$1" | awk -v name="$1" '$1 == name { print $2 }'
}

# The time until a header is no round trip: retransmissions later would wait thrice as long. A slow
# machine adds to the second that it is then.
late_header() {
	local line

	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	line="PROXY TCP$FAMILY $REAL $ASKED 4711 443"
	start_bg server backend "$PEER" server --ulp -l "$BACKEND" -p 8080 --end none --timeout 60
	wait_listening server
	start_bg client client bash -c "exec 3<>/dev/tcp/$BACKEND/8080; sleep 5
		printf '$line\r\n' >&3; sleep 60"
	wait_until 20 backend_has 'select(.client_port == 4711)'
	ns backend ss -Htin "sport = 8080 and dst [$BALANCER]" >"$PP_TMP/ss"
	(($(sed -n 's/.*[[:space:]]rto:\([0-9]*\).*/\1/p' "$PP_TMP/ss") < 2000)) || fail "$(<"$PP_TMP/ss")"
	stop_bg client
	stop_bg server
	wait_until 70 has_none
}

for family in 4 6; do
	accept_family $family
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	for VERSION in 1 2; do
		exact "v$VERSION"
		BOTH='--order server' exact "v$VERSION, server first"
		exact "v$VERSION, byte by byte" --chunk 1 --no-delay
		exact "v$VERSION, in pieces of 7" --chunk 7 --no-delay
		exact "v$VERSION, 1 MB" --size 1M
	done
	before=$(accept_stat accepted)
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	check "ulp: IPv$FAMILY, 50 connections -> exact, counted" many $((before + 50))
	check "ulp: IPv$FAMILY, connection -> listed, told, counted" listed
	check "ulp: IPv$FAMILY, headers -> no old data, no D-SACK" no_old_data
	check "ulp: IPv$FAMILY, header after 5 s -> no round trip of 5 s" late_header
	check "ulp: IPv$FAMILY, source that is not trusted -> untouched" others "$REAL"
done

accept_family 4
accept_rule to any port 8080 from any
check "ulp: IPv6 listener, IPv4 load balancer, IPv6 client -> the client" other_family :: \
	"$BACKEND" 2001:db8::77 2001:db8::77 2001:db8:5::5
check "ulp: IPv6 listener, IPv4 load balancer, IPv4 client -> the client" other_family :: \
	"$BACKEND" 192.0.2.77 ::ffff:192.0.2.77 198.51.100.5
accept_family 6
check "ulp: IPv6 listener, IPv6 load balancer, IPv4 client -> the client" other_family :: \
	"$BACKEND" 192.0.2.77 ::ffff:192.0.2.77 198.51.100.5
