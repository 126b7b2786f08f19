#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl monitor: every kind of event, as text and as JSON; of one namespace alone; for the
# privileged; lost events are reported; and how it ends.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need nft jq setpriv
module_require
topo_lb 4
nat_dnat_masq

# watch NAME NAMESPACE [OPTION]...: starts a monitor, and waits until it reports a new rule
watch() {
	local name=$1 ns=$2

	shift 2
	start_bg "$name" "$ns" "$PPCTL" "$@" monitor
	wait_until 10 begun "$name" "$ns"
}

begun() {
	ns "$2" "$PPCTL" add-rule send to 192.0.2.250 >/dev/null
	ns "$2" "$PPCTL" flush-rules
	sleep 0.1
	grep -q 'rule-removed' "$PP_TMP/bg/$1.out"
}

# ended NAME: by SIGTERM, with status 0
ended() {
	kill -TERM "$(bg_pid "$1")"
	wait_bg "$1"
}

# lines NAME: its lines, without the rule of watch
lines() {
	grep -v '192\.0\.2\.250' "$PP_TMP/bg/$1.out" || true
}

# events NAME FILTER: the output of jq for each event
events() {
	lines "$1" | jq -c "$2"
}

# printed NAME EXPRESSION: a line of text
printed() {
	lines "$1" | grep -qE "$2"
}

# has NAME FILTER: an event matches
has() {
	[[ -n $(events "$1" "$2") ]]
}

rules() {
	watch json lb -j
	watch text lb
	lb_ppctl add-rule send to 10.0.2.2 port 8080 unique-id comment 'a b' >/dev/null
	wait_until 10 has json 'select(.event == "rule-added" and .rule.to == "10.0.2.2")'
	is "$(events json '[.event, .rule.to, .rule.ports, .rule.unique_id, .rule.comment, .rule.tagged]')" \
		'["rule-added","10.0.2.2",[{"first":8080,"last":8080}],true,"a b",0]'
	wait_until 10 printed text \
		'^[-0-9]+T[:0-9]+\.[0-9]{6}Z rule-added [0-9]+: send to 10\.0\.2\.2 port 8080 '
	lb_ppctl flush-rules
	wait_until 10 has json 'select(.event == "rule-removed")'
	# Of another namespace
	backend_ppctl add-rule send to 10.9.9.9 >/dev/null
	backend_ppctl flush-rules
	ended json
	ended text
	is "$(events json .event | xargs)" 'rule-added rule-removed'
}

tagged() {
	rule to "$BACKEND" port 8080 unique-id
	watch json lb -j
	rule to "$BACKEND" port 8080 unique-id
	transfer 3 --header v2 "${names_client[@]}" --
	wait_until 10 has json 'select(.event == "tagged")'
	is "$(events json 'select(.event == "tagged") | .connection | [.client, .original_destination,
		.original_destination_port, .backend, .backend_port, (.unique_id | length)]' | sort | uniq -c | xargs)" \
		"3 [$CLIENT,$VIP,80,$BACKEND,8080,32]"
	ended json
	lb_ppctl flush-rules
}

acked() {
	rule to "$BACKEND" port 8080
	watch json lb -j
	watch text lb
	rule to "$BACKEND" port 8080
	transfer 3 --header v2 "${names_client[@]}" --
	wait_until 10 has json 'select(.event == "acked")'
	ended json
	ended text
	is "$(events json 'select(.event == "acked") | .connection | [.direction, .client, .backend,
		.backend_port, .state, .resent]' | sort | uniq -c | xargs)" \
		"3 [send,$CLIENT,$BACKEND,8080,header-sent,0]"
	is "$(events json 'select(.connection) | .event' | sort | uniq -c | xargs)" '3 acked 3 tagged'
	printed text " acked client $CLIENT:[0-9]* to $VIP:80 local [0-9.]*:[0-9]* backend $BACKEND:8080 rule "
	lb_ppctl flush-rules
}

# The backend's host refuses the connection, or nobody answers
closed_handshake() {
	rule to "$BACKEND" port 8080
	watch json lb -j
	rule to "$BACKEND" port 8080
	if ns client timeout 5 bash -c "exec 3<>/dev/tcp/$VIP/80" 2>/dev/null; then
		fail 'nobody listens'
	fi
	wait_until 20 has json 'select(.event == "closed" and .reason == "reset")'
	ended json
	is "$(events json 'select(.event == "closed") | .connection | [.client, .backend, .state]')" \
		"[\"$CLIENT\",\"$BACKEND\",\"closed\"]"
	lb_ppctl flush-rules
}

# knocks COUNT: SYNs of so many connections
knocks() {
	ns lb python3 - "$1" <<-'END'
		import socket, sys
		for _ in range(int(sys.argv[1])):
		    sock = socket.socket()
		    sock.setblocking(False)
		    sock.connect_ex(("10.0.2.2", 8080))
	END
}

# A connection whose header is not acknowledged: its entry is never evicted
stuck_begin() {
	ns backend nft -f - <<-END
		table inet pp_stuck {
			chain prerouting {
				type filter hook prerouting priority -300; policy accept;
				tcp dport 8080 tcp flags & (syn | ack) != syn drop
			}
		}
	END
	start_bg stuck-server backend "$PEER" server -l 10.0.2.2 -p 8080 --end none --timeout 240
	wait_listening stuck-server
	start_bg stuck lb bash -c 'exec 3<>/dev/tcp/10.0.2.2/8080; echo >&3; sleep 240'
	wait_until 20 is_stuck
}

is_stuck() {
	[[ $(lb_ppctl -j list-connections | jq '[.[] | select(.state == "header-sent")] | length') == 1 ]]
}

limit_of_handshakes() {
	local id

	watch json lb -j
	rule to 10.0.2.2 port 8080
	id=$(lb_ppctl list-rules | sed 's/:.*//')
	watch text lb
	rule to 10.0.2.2 port 8080
	id=$((id + 2))
	stuck_begin
	lb_ppctl set-limit handshakes 1
	knocks 5
	sleep 1.5
	knocks 1
	wait_until 10 has json 'select(.event == "limit" and .suppressed > 0)'
	is "$(events json 'select(.event == "limit") | [.reason, .suppressed, .connection.direction,
		.connection.backend, .connection.state]' | paste -sd ' ')" \
		'["limit",0,"send","10.0.2.2",null] ["limit",4,"send","10.0.2.2",null]'
	is "$(stat_of limit)" 6
	is "$(events json "select(.event == \"limit\" and .connection.rule == $id)" | wc -l)" 2
	printed text " limit limit suppressed 4 local [0-9.]*:[0-9]* backend 10.0.2.2:8080 rule $id\$"
	ended json
	ended text
	stop_bg stuck KILL
	stop_bg stuck-server KILL
	ns backend nft delete table inet pp_stuck
	lb_ppctl set-limit handshakes 65536
	lb_ppctl flush-rules
}

# refused_for REASON HEX [SECONDS]
refused_for() {
	local bytes

	bytes=$(escaped "$2")
	ns client timeout "${3:-10}" bash -c "exec 3<>/dev/tcp/$BACKEND/8080; printf '$bytes' >&3; cat <&3" \
		>/dev/null 2>&1 || true
	wait_until 10 has json "select(.event == \"refused\" and .reason == \"$1\" and .connection.proxy == \"$BALANCER\")"
}

accepted() {
	next_port
	watch json backend -j
	watch text backend
	nat_flush
	accept_rule to "$BACKEND" port 8080 from "$BALANCER" timeout 3
	named "$port"
	wait_until 10 has json 'select(.event == "accepted")'
	is "$(events json 'select(.event == "accepted") | .connection | [.client, .client_port, .original_destination,
		.proxy, .local, .state]')" "[\"$REAL\",$port,\"$ASKED\",\"$BALANCER\",\"$BACKEND\",\"accepted\"]"
	wait_until 10 printed text \
		" accepted client $REAL:$port to $ASKED:443 proxy $BALANCER:[0-9]* local $BACKEND:8080 rule "
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080
	wait_listening server
	refused_for bad_header 6162636465666768
	refused_for bad_crc "$("$pp_selftests/tools/make_header.py" 21 11 "$REAL,9,$ASKED,443" badcrc)"
	refused_for timeout '' 15
	wait_until 10 printed text " refused bad_header proxy $BALANCER:[0-9]* local $BACKEND:8080 rule "
	stop_bg server
	# Its socket is in TIME_WAIT for a minute
	sleep 100
	wait_until 50 has json 'select(.event == "closed")'
	ended json
	ended text
	is "$(events json 'select(.event == "closed") | [.reason, (.connection | .client, .client_port, .proxy, .state)]')" \
		"[null,\"$REAL\",$port,\"$BALANCER\",\"closed\"]"
	printed text " closed client $REAL:$port to $ASKED:443 proxy $BALANCER:[0-9]* local $BACKEND:8080 rule "
	backend_ppctl flush-rules
}

# One connection stays, the next is one too many
limit_of_accepted() {
	local pid

	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	watch json backend -j
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	backend_ppctl set-limit accepted 1
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0
	wait_listening server
	ns client timeout 30 bash -c "exec 3<>/dev/tcp/$BACKEND/8080; exec 4<>/dev/tcp/$BACKEND/8080
		printf 'PROXY TCP4 $REAL $ASKED 4321 443\r\n' >&3
		printf 'PROXY TCP4 $REAL $ASKED 4322 443\r\n' >&4
		sleep 1; exec 5<>/dev/tcp/$BACKEND/8080" >/dev/null 2>&1 &
	pid=$!
	wait_until 20 has json 'select(.event == "limit")'
	kill $pid
	wait $pid || true
	is "$(events json 'select(.event == "limit") | [.reason, .connection.direction, .connection.proxy,
		.connection.local_port]' | sort -u)" "[\"accept_limit\",\"accept\",\"$BALANCER\",8080]"
	stop_bg server
	ended json
	backend_ppctl set-limit accepted 1000000
	backend_ppctl flush-rules
}

by_socket() {
	next_port
	watch json backend -j
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 1 --peer-addr "$REAL" --peer-port "$port"
	wait_listening server
	backend_ppctl attach to "$BACKEND" port 8080 from "$BALANCER" >/dev/null
	ns client "$PEER" client -c "$BACKEND" -p 8080 -n 1 --send-header "v2,$REAL,$port,$ASKED,443"
	wait_bg server
	wait_until 30 has json 'select(.event == "closed")'
	ended json
	is "$(events json 'select(.connection) | [.event, .reason, (.connection | .client, .client_port, .by_socket)]' |
		paste -sd ' ')" "[\"accepted\",null,\"$REAL\",$port,true] [\"closed\",null,\"$REAL\",$port,true]"
}

# The longest possible TLV is whole in the event
long_tlv() {
	next_port
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	watch json backend -j
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	accept_transfer 1 --peer-addr "$REAL" --peer-port "$port" -- \
		--send-raw "$("$pp_selftests/tools/make_header.py" 21 11 "$REAL,$port,$ASKED,443" e1:4065)"
	wait_until 10 has json 'select(.event == "accepted")'
	is "$(events json 'select(.event == "accepted") | .connection.tlvs[0].value | length')" 8132
	ended json
	backend_ppctl flush-rules
}

# While it is stopped, its socket overflows; then it reports this and goes on
lost() {
	watch json lb -j
	kill -STOP "$(bg_pid json)"
	ns lb "$pp_selftests/tools/pp_netlink_load" hosts 0 30000 >/dev/null
	lb_ppctl flush-rules
	kill -CONT "$(bg_pid json)"
	wait_until 60 bg_says json '"event":"lost"'
	wait_until 90 goes_on
	ended json
	lb_ppctl flush-rules
}

# The kernel queues nothing more for it until it has read its socket
goes_on() {
	lb_ppctl add-rule send to 10.7.7.7
	lb_ppctl flush-rules
	sleep 1
	tail -n 2 "$PP_TMP/bg/json.out" | grep -q '"to":"10.7.7.7"'
}

unprivileged() {
	local status=0 out

	out=$(ns lb setpriv --reuid 65534 --regid 65534 --clear-groups "$PPCTL" monitor 2>&1) || status=$?
	is "$status" 2
	is "$out" 'ppctl: listening needs CAP_NET_ADMIN in the network namespace'
}

# Nobody reads its output any more
closed_pipe() {
	ns lb timeout 20 bash -c "'$PPCTL' monitor | true" &
	local pid=$! i

	for ((i = 0; i < 5; i++)); do
		sleep 0.3
		lb_ppctl add-rule send to 10.7.7.8 >/dev/null
		lb_ppctl flush-rules
	done
	wait $pid
}

# The backend's handshakes keep the module in use until they end
unloaded() {
	local status=0

	ns_delete backend
	start_bg last lb "$PPCTL" monitor
	sleep 1
	wait_until 30 rmmod proxyproto
	wait_bg last || status=$?
	is "$status" 2
	grep -q 'ppctl: the proxyproto kernel module was unloaded' "$PP_TMP/bg/last.out"
	module_require
}

accept_family 4
VERSION=2
check 'monitor: rules come and go -> told, in their namespace alone' rules
check 'monitor: connections are tagged -> told, each with its unique id' tagged
check 'monitor: backends acknowledge headers -> told, once each' acked
check 'monitor: handshake ends without a header -> told, with the reason' closed_handshake
check 'monitor: SYNs dropped at the limit of handshakes -> told once a second, with their number' limit_of_handshakes
check 'monitor: connections are accepted or refused, and closed -> told, with the reason' accepted
check 'monitor: connection is accepted by socket -> told, and when the socket is gone' by_socket
check 'monitor: SYN dropped at the limit of accepted connections -> told' limit_of_accepted
check 'monitor: TLV of 4065 bytes -> in the event' long_tlv
check 'monitor: too slow -> told that events are lost, and goes on' lost
check 'monitor: no privilege -> refused' unprivileged
check 'monitor: nobody reads -> ends' closed_pipe
check 'monitor: module unloaded -> says so' unloaded
