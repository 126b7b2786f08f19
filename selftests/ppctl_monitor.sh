#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl monitor: every kind of event, as text and as JSON; those of one namespace
# alone; to those who may; lost ones are reported; and its end.
set -euo pipefail
# shellcheck source=selftests/lib_accept.sh
. "${BASH_SOURCE[0]%/*}/lib_accept.sh"

need nft jq setpriv
module_require
topo_lb 4
nat_dnat_masq

# watch NAME NAMESPACE [OPTION]...: a monitor; it has begun once it sees a rule come
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

# lines NAME: what it has printed but for the rule of watch
lines() {
	grep -v '192\.0\.2\.250' "$PP_TMP/bg/$1.out" || true
}

# events NAME FILTER: what jq makes of each
events() {
	lines "$1" | jq -c "$2"
}

# printed NAME EXPRESSION: a line of text
printed() {
	lines "$1" | grep -qE "$2"
}

# has NAME FILTER: there is one
has() {
	[[ -n $(events "$1" "$2") ]]
}

rules() {
	watch json lb -j
	watch text lb
	lb_ppctl add-rule send to 10.0.2.2 port 8080 unique-id comment 'a b' >/dev/null
	wait_until 10 has json 'select(.event == "rule-added" and .rule.to == "10.0.2.2")'
	is "$(events json '[.event, .rule.to, .rule.ports, .rule.unique_id, .rule.comment, .rule.tagged]')" \
		'["rule-added","10.0.2.2",["8080"],true,"a b",0]'
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
	wait_port backend 8080
	refused_for bad_header 6162636465666768
	refused_for bad_crc "$("$pp_selftests/make_header.py" 21 11 "$REAL,9,$ASKED,443" badcrc)"
	refused_for timeout '' 15
	wait_until 10 printed text " refused bad_header proxy $BALANCER:[0-9]* local $BACKEND:8080 rule "
	stop_bg server
	ended json
	ended text
	backend_ppctl flush-rules
}

# A TLV as long as can be is in the event, all of it
long_tlv() {
	next_port
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	watch json backend -j
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	accept_transfer 1 --peer-addr "$REAL" --peer-port "$port" -- \
		--send-raw "$("$pp_selftests/make_header.py" 21 11 "$REAL,$port,$ASKED,443" e1:4065)"
	wait_until 10 has json 'select(.event == "accepted")'
	is "$(events json 'select(.event == "accepted") | .connection.tlvs[0].value | length')" 8132
	ended json
	backend_ppctl flush-rules
}

# Stopped, its socket overflows; then it says so, and goes on
lost() {
	watch json lb -j
	kill -STOP "$(bg_pid json)"
	ns lb "$pp_selftests/pp_netlink_load" hosts 0 30000 >/dev/null
	lb_ppctl flush-rules
	kill -CONT "$(bg_pid json)"
	wait_until 60 grep -q '"event":"lost"' "$PP_TMP/bg/json.out"
	wait_until 90 goes_on
	ended json
	lb_ppctl flush-rules
}

# Nothing more is queued for it until it has read what is
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

# Its reader is gone
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

# The backend's handshakes keep the module in use until it has gone
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
check 'monitor: connections are accepted or refused -> told, with the reason' accepted
check 'monitor: TLV of 4065 bytes -> in the event' long_tlv
check 'monitor: too slow -> told that events are lost, and goes on' lost
check 'monitor: no privilege -> refused' unprivileged
check 'monitor: nobody reads -> ends' closed_pipe
check 'monitor: module unloaded -> says so' unloaded
