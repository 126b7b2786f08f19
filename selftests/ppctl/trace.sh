#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tracepoints proxyproto:*: one connection is followed by tracefs through all its states, on
# both sides, and by socket; a filter picks one client. Kernels without tracepoints have none.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need nft jq
module_require
tracing=/sys/kernel/tracing
[[ -d $tracing/events/proxyproto ]] || skip_all "$tracing has no events of proxyproto: CONFIG_FTRACE, tracefs"
topo_lb 4
nat_dnat_masq
instance=$tracing/instances/pp-$PP_ID

trace_begin() {
	mkdir -p "$instance"
	echo "${1:-0}" >"$instance/events/proxyproto/filter" || true
	echo 1 >"$instance/events/proxyproto/enable"
	echo >"$instance/trace"
}

# states EVENT [WORD]: "state reason" of each, of lines with the word
states() {
	grep -F -- "${2:-}" "$instance/trace" |
		sed -nE "s/.* $1: .* state=([^ ]*) reason=([^ ]*) .*/\1 \2/p" | paste -sd ,
}

ended() {
	[[ $(states "$1" "${2:-}") == *ended* ]]
}

send() {
	rule to "$BACKEND" port 8080
	trace_begin
	transfer 1 --header v2 "${names_client[@]}" --
	wait_until 10 ended pp_send_state
	is "$(states pp_send_state)" 'syn-sent -,syn-recv -,header-sent -,ended acked'
	is "$(grep -oE "dst=\[[^ ]*" "$instance/trace" | sort -u)" "dst=[::ffff:$BACKEND]:8080"
	is "$(grep -oE "client=\[[^ ]*\]" "$instance/trace" | sort -u)" "client=[::ffff:$CLIENT]"
	is "$(grep -oE "client=\[[^ ]*" "$instance/trace" | sort -u | wc -l)" 1 'clients'
	is "$(grep -oE "rule=[0-9]*" "$instance/trace" | sort -u)" "rule=$(lb_ppctl list-rules | sed 's/:.*//')"
}

# Nobody listens
send_reset() {
	trace_begin
	if ns client timeout 5 bash -c "exec 3<>/dev/tcp/$VIP/80" 2>/dev/null; then
		fail 'nobody listens'
	fi
	wait_until 20 ended pp_send_state
	is "$(states pp_send_state)" 'syn-sent -,closed -,ended reset'
}

accepts() {
	nat_flush
	lb_ppctl flush-rules
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	next_port
	trace_begin
	named "$port"
	is "$(states pp_accept_state)" 'answered -,header-awaited -,replayed -,accepted accepted'
	is "$(states pp_accept_state "client=[::ffff:$REAL]:$port")" 'replayed -,accepted accepted'
	is "$(states pp_accept_state "src=[::ffff:$BALANCER]:")" "$(states pp_accept_state)"
}

refuses() {
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0
	wait_listening server
	trace_begin
	ns client timeout 10 bash -c "exec 3<>/dev/tcp/$BACKEND/8080; printf abcdefgh >&3; cat <&3" >/dev/null 2>&1 || true
	wait_until 10 ended pp_accept_state
	is "$(states pp_accept_state)" 'answered -,header-awaited -,ended bad_header'
	stop_bg server
}

one_client() {
	local first

	next_port
	first=$port
	trace_begin "client_port == $first"
	named "$first"
	next_port
	named "$port"
	is "$(states pp_accept_state)" 'replayed -,accepted accepted'
	is "$(grep -oE 'client=.*' "$instance/trace" | sort -u)" "client=[::ffff:$REAL]:$first"
}

by_socket() {
	backend_ppctl flush-rules
	next_port
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 1 --peer-addr "$REAL" --peer-port "$port"
	wait_listening server
	backend_ppctl attach to "$BACKEND" port 8080 from "$BALANCER" >/dev/null
	trace_begin
	ns client "$PEER" client -c "$BACKEND" -p 8080 -n 1 --send-header "v2,$REAL,$port,$ASKED,443"
	wait_bg server
	wait_until 30 ended pp_ulp_state
	is "$(states pp_ulp_state "client=[::ffff:$REAL]:$port")" 'accepted accepted,ended -'
}

accept_family 4
VERSION=2
check 'trace: connection to a tagged backend -> each state, to the acknowledgement of its header' send
check 'trace: backend refuses -> closed, and the reason' send_reset
check 'trace: accepted connection -> each state, with the client from its header on' accepts
check 'trace: bad header -> the end, and the reason' refuses
check 'trace: filter for one client -> the connection of that client alone' one_client
check 'trace: accepted by socket -> accepted, and the end of the socket' by_socket
rmdir "$instance"
