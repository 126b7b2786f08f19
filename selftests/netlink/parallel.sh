#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Commands of several processes at once, in one namespace and in two: the family takes them in
# parallel. Writers replace, add and delete rules and set limits; readers list, count and reset.
# Each list is one that there was, and in the end the rules are those of one writer.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

need jq
module_require
ns_make a
ns_make b
rounds=${PP_ROUNDS:-12}
rules=500

# set_of NUMBER: rules that differ from those of other numbers in their mark
set_of() {
	local i

	for ((i = 0; i < rules; i++)); do
		echo "send to 10.$1.$((i / 250)).$((i % 250 + 1)) port 80 mark $1"
	done
}

# times COMMAND...: as often as there are rounds; what fails for want of luck is repeated
times() {
	local i

	for ((i = 0; i < rounds; i++)); do
		"$@" || return
	done
}

restores() {
	local out

	out=$(pp restore "$PP_TMP/set.$1" 2>&1 >/dev/null) && return
	[[ $out == *'another process is about to replace the rules'* ||
		$out == *'a rule that was to stay is gone'* ]] || fail "$out"
}

# Its rule can be gone, or the set may be full of the same
adds() {
	local id

	id=$(pp add-rule send to 10.200.0.1 2>/dev/null | sed 's/:.*//') || return 0
	pp delete-rule "$id" 2>/dev/null || return 0
}

sets_limits() {
	pp set-limit pending $((1000 + RANDOM % 1000))
	(($(limit pending) >= 1000))
}

# A list is of one set, apart from the rule of adds, or ppctl says that it changes all the time
lists() {
	local err=$PP_TMP/err.$BASHPID marks

	pp -j list-rules >"$err.out" 2>"$err" || {
		grep -q 'the list changed' "$err" || fail "$(<"$err")"
		return 0
	}
	marks=$(jq -r 'map(select(.mark) | .mark) | unique | length' "$err.out")
	((marks <= 1)) || fail "rules of $marks sets in one list"
}

# No connection comes: what is reset stays 0
resets() {
	pp -j list-rules --reset >/dev/null || return
	pp -j show-stats --reset | jq -e '.[0].tagged == 0' >/dev/null
}

# at_once NAMESPACE: starts all of them there
at_once() {
	local what number

	pp_net=$(ns_name "$1")
	for number in 1 2; do
		times restores $number &
		pids+=($!)
	done
	for what in adds adds sets_limits lists lists resets; do
		times $what &
		pids+=($!)
	done
}

all_at_once() {
	local pid pids=()

	set_of 1 >"$PP_TMP/set.1"
	set_of 2 >"$PP_TMP/set.2"
	at_once a
	at_once b
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
}

usable() {
	pp_net=$(ns_name "$1")
	pp restore "$PP_TMP/set.1" >/dev/null
	is "$(pp list-rules | wc -l)" $rules
	is "$(stats rules)" $rules
	pp flush-rules
	is "$(stats rules)" 0
}

# The set that a killed process has staged goes with its socket, while others list
killed() {
	local pid i

	pp_net=$(ns_name a)
	for ((i = 0; i < 6; i++)); do
		pp restore "$PP_TMP/set.$((i % 2 + 1))" >/dev/null 2>&1 &
		pid=$!
		kill -KILL $pid 2>/dev/null || true
		pp list-rules >/dev/null
		wait $pid 2>/dev/null || true
	done
	wait_until 10 restores 1
}

check "netlink: writers and readers at once, in two namespaces -> each answer is of one set" all_at_once
check "netlink: after that -> rules can be replaced and flushed" usable a
check "netlink: after that, other namespace -> rules can be replaced and flushed" usable b
check "netlink: writers killed -> the next one can write" killed
