#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Memory that fails, on a kernel with CONFIG_FAILSLAB (make vm-debug): each allocation of a new
# namespace, of loading the module and of each command in turn, and random allocations that may not
# wait while connections begin. A refused command has changed nothing. A connection may fail, but
# none continues with a wrong byte, and nothing is left of it.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

failslab=/sys/kernel/debug/failslab
shim=${PP_FAIL_SO:-$pp_selftests/tools/pp_fail_nth.so}

need jq nft python3
need_root
[[ -d $failslab ]] || skip_all "the kernel has no CONFIG_FAILSLAB"
module_require
load_again() {
	echo N >"$failslab/ignore-gfp-wait"
	echo 0 >"$failslab/verbose"
	check "faults: namespace, each of its last allocations -> refused, or made" \
		"$pp_selftests/tools/fail_nth.py" netns
	module_unload
	check "faults: module load, each allocation -> refused, or loaded" \
		"$pp_selftests/tools/fail_nth.py" load "${PP_MODULE:-$pp_tree/kmod/proxyproto.ko}"
	module_require
}

load_again
topo_lb 4
nat_dnat_masq
pp_net=$(ns_name lb)

# faults NAME VALUE...: of failslab
faults() {
	while (($#)); do
		echo "$2" >"$failslab/$1"
		shift 2
	done
}

# ---- commands

# pp_failing N COMMAND...: ppctl, whose Nth allocation in the kernel fails; $PP_TMP/failed exists
# afterwards if the command has so many allocations
pp_failing() {
	rm -f "$PP_TMP/failed"
	PP_FAIL_NTH=$1 PP_FAIL_FILE=$PP_TMP/failed LD_PRELOAD=$shim \
		"$PPCTL" -n "$pp_net" "${@:2}" >"$PP_TMP/said" 2>&1
}

# What a command may change: rules, or the output of $STATE
state() {
	# shellcheck disable=SC2086 # words
	pp ${STATE:-save}
}

restore() {
	pp restore --allow-empty "$PP_TMP/$1.rules"
	[[ $1 != none ]] || pp set-limit handshakes 1000
}

# For each_allocation: nothing has changed, or only the answer was lost
refused_or_unknown() {
	local now

	now=$(state)
	[[ $now != "$before" ]] || return 0
	is "$now" "$after" "allocation $nth, $(cat "$PP_TMP/said")"
	grep -q 'No buffer space' "$PP_TMP/said" || fail "allocation $nth: $(cat "$PP_TMP/said")"
	restore "$from"
}

# each_allocation BEFORE COMMAND...: begins with the rules BEFORE, and lets each allocation fail in
# turn; the last run has no such allocation
each_allocation() {
	local from=$1 nth=0 status before after

	shift
	restore "$from"
	before=$(state)
	pp "$@" >/dev/null
	after=$(state)
	restore "$from"
	while ((++nth < 300)); do
		status=0
		pp_failing $nth "$@" || status=$?
		if ((status == 0)); then
			is "$(state)" "$after" "allocation $nth, status 0"
			[[ -e $PP_TMP/failed ]] || break
			restore "$from"
		else
			[[ -e $PP_TMP/failed ]] || fail "$nth: $(cat "$PP_TMP/said")"
			grep -qE 'memory|No buffer space|could not be registered' "$PP_TMP/said" ||
				fail "$nth: status $status, $(cat "$PP_TMP/said")"
			refused_or_unknown
		fi
	done
	((nth > 1)) || fail 'no allocation'
	echo "$1: $((nth - 1)) allocations" >>"$PP_TMP/allocations"
}

commands() {
	faults probability 0 times -1 verbose 0 task-filter N cache-filter N ignore-gfp-wait N
	echo '# none' >"$PP_TMP/none.rules"
	cat >"$PP_TMP/some.rules" <<-END
		send to 10.0.0.1 port 80 version 1
		send to fd00::/64 port 80,443 mark 1/1
		accept to 10.0.0.1 port 22 from any
	END
	echo 'send to 10.0.0.1 port 90' >"$PP_TMP/other.rules"
	check "faults: the first rule, each allocation -> refused, or there" \
		each_allocation none add-rule send to 10.0.0.2 port 8080
	check "faults: a rule with everything, each allocation -> refused, or there" \
		each_allocation some add-rule send to 10.0.0.1 port 81-99,443 mark 1/7 \
		authority a.example tlv 0xe0=00ff unique-id crc32c comment x
	check "faults: an accept rule, each allocation -> refused, or there" \
		each_allocation some add-rule accept to fd00::/65 port 1-9,11 from fd00::1,fd00::/70
	check "faults: all rules deleted, each allocation -> refused, or gone" \
		each_allocation some flush-rules
	check "faults: rules restored, each allocation -> refused, or all there" \
		each_allocation none restore "$PP_TMP/some.rules"
	check "faults: other rules restored, each allocation -> the old ones, or the new" \
		each_allocation some restore "$PP_TMP/other.rules"
	STATE=show-limits check "faults: a limit, each allocation -> refused, or set" \
		each_allocation none set-limit handshakes 77
	for command in list-rules list-connections show-stats show-limits; do
		check "faults: $command, each allocation -> refused, or printed" \
			each_allocation some "$command"
	done
	for command in list-rules show-stats; do
		check "faults: $command --reset, each allocation -> refused, or printed" \
			each_allocation some "$command" --reset
	done
	diag <"$PP_TMP/allocations"
}

# ---- connections

# some_fail PERCENT KIND HEADER SERVER-OPTION... -- CLIENT-OPTION...: while that many allocations
# fail
some_fail() {
	local percent=$1 count=100 sent=$PP_TMP/client.json served both=()

	shift
	while [[ $1 != -- ]]; do
		both+=("$1")
		shift
	done
	shift
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --timeout 60 "${both[@]}"
	wait_listening server
	faults task-filter N ignore-gfp-wait Y probability "$percent"
	ns client "$PEER" client -c "$TARGET" -p "$PORT" -n $count -j 20 --timeout 60 \
		"$@" >"$sent" 2>/dev/null || true
	faults probability 0
	stop_bg server
	served=$(bg_output server)
	! grep -hE "\"error\":\"[^\"]*($pp_wrong)" "$sent" - <<<"$served" || fail 'wrong bytes'
	echo "$percent %: $(grep -c '"ok":true' "$sent" || true) of $count exact" >>"$PP_TMP/exact"
	grep -q '"ok":true' "$sent" || fail "none came through: $(sort "$sent" | uniq -c | head -n 5)"
}

# The lists become empty when the last entry times out, or ends with its socket
send_some_fail() {
	topo_family "$2"
	rule to "$BACKEND" port 8080 version "$3"
	TARGET=$VIP PORT=80 some_fail "$1" --header "v$3" "${names_client[@]}" --
	transfer 10 --header "v$3" "${names_client[@]}" -- -j 10
}

accept_some_fail() {
	local port

	accept_family "$2"
	# It would add a header of its own to what it forwards
	lb_ppctl flush-rules
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	TARGET=$BACKEND PORT=8080 some_fail "$1" --peer-addr "$REAL" -- \
		--send-header "v$3,$REAL,0,$ASKED,443"
	next_port
	VERSION=$3 named "$port"
}

# A FIN for which there was no memory is never sent: its socket waits in one of these
# states for ever, has no timer, and keeps the namespace, with the module and without
fins_lost() {
	ns backend ss -Htno state fin-wait-1 state last-ack | grep -vc timer: || true
}

plain_some_fail() {
	local before

	before=$(fins_lost)
	topo_family 4
	backend_ppctl flush-rules
	TARGET=$BACKEND PORT=8080 some_fail 10 --
	echo "with rules $before FINs lost, without $(($(fins_lost) - before))" >>"$PP_TMP/exact"
}

none_accepted() {
	[[ $(accept_stat established) == 0 ]]
}

all_forgotten() {
	local name

	for name in client lb backend; do
		ns $name ss -HKt state fin-wait-1 state last-ack >/dev/null
	done
	wait_until 120 none_accepted
}

connections() {
	local percent

	start_bg lb-monitor lb "$PPCTL" monitor
	start_bg backend-monitor backend "$PPCTL" monitor
	for percent in 1 10; do
		check "faults: IPv4, v2 sent, $percent % fail -> no wrong byte" send_some_fail $percent 4 2
		check "faults: IPv6, v1 sent, $percent % fail -> no wrong byte" send_some_fail $percent 6 1
		check "faults: IPv4, v1 accepted, $percent % fail -> no wrong byte" accept_some_fail $percent 4 1
		check "faults: IPv6, v2 accepted, $percent % fail -> no wrong byte" accept_some_fail $percent 6 2
	done
	stop_bg lb-monitor
	stop_bg backend-monitor
	check "faults: no rule, 10 % fail -> no wrong byte" plain_some_fail
	check "faults: sockets that lost their FIN destroyed -> no accepted connection left" all_forgotten
	diag <"$PP_TMP/exact"
	lb_ppctl show-stats | grep nomem | diag
	backend_ppctl show-stats | grep nomem | diag
}

commands
connections
faults probability 0 ignore-gfp-wait Y
