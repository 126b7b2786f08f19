#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rules, hooks, namespaces and the module come and go while connections are in progress. Hooks are
# there only where and while they are needed, no connection loses its header, and nothing is left
# behind.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"
# shellcheck source=selftests/vm/kernel_log.sh
. "$pp_selftests/vm/kernel_log.sh"

not_in_sim 'an endless load never lets the clock move'
need nft jq
module_require
topo_lb 4

tracing=/sys/kernel/tracing

# ---- hooks, counted by the function tracer

trace_start() {
	echo 0 >$tracing/tracing_on
	echo ':mod:proxyproto' >$tracing/set_ftrace_filter
	echo function >$tracing/current_tracer
	echo 1 >$tracing/tracing_on
}

trace_end() {
	echo nop >$tracing/current_tracer
	echo >$tracing/set_ftrace_filter
}

# called COMMAND...: it must succeed; $calls is how often a hook ran meanwhile
called() {
	echo >$tracing/trace
	"$@" || return
	calls=$(grep -cE ' send_hook_(client|reply)_(in|out) ' $tracing/trace || true)
}

some_traffic() {
	transfer 1 --header "$1" --
}

some_in_backend() {
	local TARGET=$BACKEND PORT=8080 CLIENT_NS=backend

	transfer 1 --
}

no_hook_called() {
	called "$@" || return
	is "$calls" 0 'calls of hooks'
}

hook_called() {
	called "$@" || return
	((calls > 0)) || fail "no hook was called"
}

hooks() {
	trace_start
	check "send: no rule yet -> no hook is called" no_hook_called some_traffic none
	rule to 10.0.2.2 port 8080
	check "send: a rule -> hooks are called" hook_called some_traffic v2
	check "send: a rule, traffic of another namespace -> no hook is called" \
		no_hook_called some_in_backend
	topo_family 6
	check "send: an IPv4 rule, IPv6 traffic -> no hook is called" no_hook_called some_traffic none
	lb_ppctl add-rule send to any port 9 >/dev/null
	check "send: a rule for both families, IPv6 traffic -> hooks are called" \
		hook_called some_traffic none
	topo_family 4
	lb_ppctl flush-rules
	check "send: rules flushed -> no hook is called" no_hook_called some_traffic none
	check "send: rules flushed while SYNs are lost -> header, then no hook is called" \
		flushed_meanwhile 'tcp dport 8080 tcp flags & (syn | ack) == syn'
	check "send: rules flushed while headers are lost -> header, then no hook is called" \
		flushed_meanwhile 'tcp dport 8080 meta length > 76'
	trace_end
}

# ---- handshakes that do not end

# block RULE...: the backend drops these packets
block() {
	ns backend nft -f - <<-END
		table inet pp_block
		delete table inet pp_block
		table inet pp_block {
			chain block {
				type filter hook prerouting priority -350; policy accept;
				$(printf '%s drop\n' "$@")
			}
		}
	END
}

unblock() {
	ns backend nft delete table inet pp_block
}

handshakes() {
	(($(stat_of handshakes) >= $1))
}

no_handshakes() {
	[[ $(stat_of handshakes) == 0 ]]
}

flushed_meanwhile() {
	rule to "$BACKEND" port 8080
	block "$1"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 3 --header v2 "${names_client[@]}"
	wait_listening server
	start_bg client client "$PEER" client -c "$VIP" -p 80 -n 3 -j 3
	wait_until 20 handshakes 3
	lb_ppctl flush-rules
	is "$(lb_ppctl -j list-rules)" '[]'
	is "$(lb_ppctl -j list-connections | jq length)" 3
	unblock
	wait_bg client
	wait_bg server
	no_handshakes
	# The garbage collection, which runs once a second, ends them
	wait_until 10 no_hook_called some_traffic none
}

# ---- rules come and go

# Rules less and more specific than the rule that stays
churn() {
	local ids=() to

	while [[ ! -e $PP_TMP/churned ]]; do
		for to in 10.0.2.0/24 '10.0.2.2 port 8080 mark 0/1' fd00:2::/64 'fd00:2::2 port 8080 mark 0/1'; do
			# shellcheck disable=SC2086 # words
			ids+=("$("$PPCTL" -j add-rule send to $to version 2 | jq '.. | .id? // empty')")
		done
		"$PPCTL" delete-rule "${ids[@]}"
		ids=()
		echo turn
	done
}

turns() {
	(($(bg_output churn | grep -c turn) >= $1))
}

churned() {
	local round versions=''

	rule to "$BACKEND" port 8080 version 1
	rm -f "$PP_TMP/churned"
	start_bg churn lb bash -ec "$(declare -f churn); PP_TMP=$PP_TMP churn"
	for ((round = 0; round < 20; round++)); do
		transfer 40 --header any "${names_client[@]}" -- -j 4 >"$PP_TMP/client.out"
		versions+=$(bg_output server | grep -o '"version":[12]')
		! { turns 3 && [[ $versions == *1* && $versions == *2* ]]; } || break
	done
	: >"$PP_TMP/churned"
	wait_bg churn
	turns 3 || fail 'the rules hardly changed'
	[[ $versions == *1* && $versions == *2* ]] || fail 'one version only'
	wait_until 5 no_handshakes
	is "$(stat_of untagged)" 0
}

# ---- the module comes and goes

# Servers of two ports: connections to 8081 do not get their answer; to 8082 there is an endless
# sequence of connections, which may fail
load_begin() {
	block 'tcp dport 8081 tcp sport != 30000-30999' 'tcp dport 8081 meta length > 76'
	start_bg silent backend "$PEER" server -l "$BACKEND" -p 8081 -n 0
	start_bg sink backend "$PEER" server -l "$BACKEND" -p 8082 -n 0 --no-data --end rst
	wait_listening sink
	wait_port backend 8082
	start_bg flood client "$PEER" client -c "$BACKEND" -p 8082 -n 1000000 --no-data --end rst
}

load_end() {
	local name

	for name in flood sink silent; do
		stop_bg $name KILL
	done
	unblock
}

state_seen() {
	lb_ppctl -j list-connections | jq -e ".[] | select(.state == \"$1\")"
}

# Handshakes in progress that do not end
handshakes_begin() {
	lb_ppctl flush-rules
	lb_ppctl add-rule send to "$BACKEND" port 8080 >/dev/null
	lb_ppctl add-rule send to "$BACKEND" port 8081-8082 >/dev/null
	start_bg syns client "$PEER" client -c "$BACKEND" -p 8081 -n 10 -j 10
	start_bg stuck client "$PEER" client -c "$BACKEND" -p 8081 --bind-port $((30000 + RANDOM % 1000))
	wait_until 20 state_seen syn-sent
	wait_until 20 state_seen header-sent
}

handshakes_end() {
	stop_bg stuck KILL
	stop_bg syns KILL
}

all_acked() {
	[[ $(rule_stat acked) == 2 ]]
}

# Two connections whose header has arrived, busy with data
talk() {
	local both=(-n 2 --order both --size 200k)

	netem client eth0 rate $((4000 / ${PP_SLOW:-1}))kbit
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 "${both[@]}" --header v2 \
		"${names_client[@]}"
	wait_listening server
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 "${both[@]}" -j 2
	wait_until 30 all_acked
}

reloaded() {
	local i alive=0

	load_begin
	for ((i = 0; i < $1; i++)); do
		handshakes_begin
		talk
		module_unload
		! bg_runs client || ((++alive))
		module_load
		is "$(lb_ppctl -j list-rules)" '[]'
		is "$(lb_ppctl -j show-stats | jq '[.[0][] | numbers] | add')" 0
		handshakes_end
		wait_bg client
		wait_bg server
	done
	load_end
	((alive > 0)) || fail "no transfer lasted until the module was unloaded"
}

tagged() {
	local TARGET=$BACKEND PORT=8080

	rule to "$BACKEND" port 8080
	transfer 3 --header v2 "${names_client[@]}" --
}

# ---- the namespace goes

cable_gone() {
	! nsip client link show eth0
}

namespace_gone() {
	local i

	for ((i = 0; i < $1; i++)); do
		load_begin
		handshakes_begin
		talk
		ns_delete lb
		wait_until 60 cable_gone
		handshakes_end
		load_end
		stop_bg client KILL
		stop_bg server KILL
		ns_delete client backend
		topo_lb 4
	done
	# The module has released what it held for them
	module_unload
	module_load
	tagged
}

# Bad lines of the kernel log so far
log_before=$(dmesg | kernel_log_bad)
log_clean() {
	is "$(dmesg | kernel_log_bad)" "$log_before" 'kernel log'
}

ns_sysctl client net.ipv4.ip_local_port_range='50000 60000'
nat_dnat_masq
if grep -qsw function $tracing/available_tracers; then
	hooks
else
	skip "send: hooks -> registered only while there are rules" "the kernel has no function tracer"
fi
check "send: rules come and go while connections come -> each has its header" churned
topo_family 6
check "send: IPv6, rules come and go while connections come -> each has its header" churned
topo_family 4
nat_flush

check "send: module unloaded and loaded 5 times under load -> its connections go on" reloaded 5
check "send: module loaded again -> header" tagged
check "send: namespace deleted twice under load -> nothing is left" namespace_gone 2
check "send: module and namespaces gone under load -> kernel log clean" log_clean
