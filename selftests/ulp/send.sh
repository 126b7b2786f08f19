#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Sockets that send a header by the ULP, through a router to a backend: exact with every header, with
# and without a send rule for the same backend; lists, events and counters; no memory for the header.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"

need jq nft
module_require
topo_lb 4
# The program runs on the load balancer
CLIENT_NS=lb PORT=8080

# The backend reads the header that the program has named, and every byte behind it
sent() {
	TARGET=$BACKEND transfer "${COUNT:-1}" --header "v$VERSION" --src-addr "$REAL" --src-port 4711 \
		--dst-addr "$ASKED" --dst-port 443 -- --ulp \
		--send-header "v$VERSION,$REAL,4711,$ASKED,443" "$@"
}

# exact NAME [OPTION of the client]...
exact() {
	check "ulp: send, IPv$FAMILY, v$VERSION, $1 -> exact" sent "${@:2}"
}

# The longest header there is, in segments of 536 bytes and less
longest() {
	TARGET=$BACKEND transfer 1 --header v2 --src-addr "$REAL" -- --ulp "$@" \
		--send-raw "$(v2 21 "$TCP" "$REAL,4711,$ASKED,443" "e0:$((536 - fixed - 3))")"
}

# One header, the socket's own, though a rule matches
with_rule() {
	local before

	before=$(stat_of left_to_socket)
	rule to "$BACKEND" port 8080 version "$1" origin proxy
	COUNT=10 sent -j 10
	is "$(rule_stat tagged)" 0
	is "$(stat_of left_to_socket)" $((before + 10)) left_to_socket
	is "$(stat_of picked_up)" 0 picked_up
	# The rule still serves everybody else
	TARGET=$BACKEND transfer 1 --header "v$1" -- --order client
	is "$(rule_stat tagged)" 1
}

# A port that a tagged connection has just used
port_again() {
	rule to "$BACKEND" port 8080 version 2 origin proxy
	BOTH='--end rst' TARGET=$BACKEND transfer 1 --header v2 --src-addr "$LB" -- --bind-port 32000
	sent --bind-port 32000
	is "$(rule_stat tagged)" 1
	lb_ppctl flush-rules
}

counted() {
	local before tagged

	before=$(stat_of sent_by_socket) tagged=$(stat_of tagged)
	COUNT=20 sent -j 10 --size 10k
	is "$(stat_of sent_by_socket)" $((before + 20))
	is "$(stat_of send_starved)" 0
	is "$(stat_of tagged)" "$tagged" tagged
	is "$(lb_ppctl -j list-connections)" '[]'
}

# What matters of the only connection
listed() {
	lb_ppctl -j list-connections | jq -c '.[] | [.direction, .by_socket, .client, .client_port,
		.original_destination, .original_destination_port, .local, .local_port, .backend,
		.backend_port, .header_bytes, .rule, .state]'
}

is_listed() {
	[[ $(listed) == "$(expected_row "$1")" ]]
}

# expected_row STATE
expected_row() {
	echo "[\"send\",true,\"$REAL\",4711,\"$ASKED\",443,\"$LB\",32001,\"$BACKEND\",8080,$fixed,0,\"$1\"]"
}

# The backend does not answer, then it takes the connection, but its acknowledgements are lost
lists_and_events() {
	start_bg monitor lb "$PPCTL" -j monitor
	wait_until 10 lb_ppctl list-rules
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --header v2
	wait_listening server
	ns backend nft "table inet pp_lost { chain out { type filter hook output priority 0; tcp sport 8080 drop; }; }"
	start_bg client lb "$PEER" client -c "$BACKEND" -p 8080 --bind-port 32001 --ulp --timeout 60 \
		--send-header "v2,$REAL,4711,$ASKED,443"
	wait_until 10 is_listed syn-sent || { listed && return 1; }
	lb_ppctl list-connections | grep -w socket
	ns backend nft 'flush chain inet pp_lost out; add rule inet pp_lost out tcp sport 8080 tcp flags ack / syn,ack drop'
	wait_until 30 is_listed header-sent || { listed && return 1; }
	ns backend nft delete table inet pp_lost
	wait_bg client
	wait_bg server
	is "$(lb_ppctl -j list-connections)" '[]'
	wait_until 10 bg_says monitor '"tagged"'
	stop_bg monitor
	is "$(bg_output monitor | jq -c 'select(.event == "tagged").connection |
		[.client, .client_port, .by_socket, .backend, .local_port, .rule]')" \
		"[\"$REAL\",4711,true,\"$BACKEND\",32001,0]"
}

# The namespace ends while a socket of it connects
namespace_ends() {
	ns_make gone
	ns gone python3 - "$pp_selftests/tools" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		from ulp_send_cases import sender, listener
		server, keep = listener(), []
		for n in range(20):
		    keep.append(sender())
		    keep[-1].setblocking(False)
		    keep[-1].connect_ex(server.getsockname() if n % 2 else ("127.0.0.9", 9))
	END
	ns_delete gone
	sent
}

# used COUNT: how many references others have on the module
used() {
	[[ $(</sys/module/proxyproto/refcnt) == "$1" ]]
}

module_stays() {
	local before

	wait_until 130 used 0
	start_bg hold lb "$pp_selftests/tools/ulp_send_cases.py" hold
	wait_until 20 bg_says hold ready
	not rmmod proxyproto
	not used 0
	stop_bg hold
	wait_until 10 used 0
}

for family in 4 6; do
	header_family $family
	topo_family $family
	for VERSION in 1 2; do
		exact 'client first'
		BOTH='--order server' exact 'server first'
		BOTH='--order both' exact 'both at once'
		exact 'byte by byte' --chunk 1 --no-delay
		exact '5 MB' --size 5M
		BOTH='--end half-close' exact 'half closed'
		BOTH=--no-data exact 'no data'
		BOTH='--end rst' exact 'reset at the end'
		exact 'MSS of 536' --mss 536
		BOTH='--md5 secret' exact 'signed with TCP-MD5'
	done
	check "ulp: send, IPv$FAMILY, header of 536 bytes -> exact" longest
	check "ulp: send, IPv$FAMILY, header of 536 bytes, MSS of 200 -> exact" longest --mss 200
	check "ulp: send, IPv$FAMILY, 20 connections -> counted" counted
	VERSION=2
	check "ulp: send, IPv$FAMILY, connection -> listed, told" lists_and_events
	for version in 1 2; do
		check "ulp: send, IPv$FAMILY, v2, rule with v$version for the backend -> the socket's header alone" \
			with_rule $version
	done
	check "ulp: send, IPv$FAMILY, port of a tagged connection -> the socket's header alone" port_again
done
header_family 4
topo_family 4
check 'ulp: send, namespace ends while sockets connect -> as if nothing' namespace_ends
check 'ulp: send, rmmod while a socket has a header -> refused' module_stays
