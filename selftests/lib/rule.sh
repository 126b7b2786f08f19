# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the rule_*, netlink_* and ppctl_* selftests share: ppctl in one namespace, and programs that
# print many results at once, which is much faster in an emulated machine than a few commands for
# each.

# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/send.sh"

LOAD=${LOAD:-$pp_selftests/tools/pp_netlink_load}
PROBE=${PROBE:-$pp_selftests/tools/pp_netlink_probe}
FUZZ=${FUZZ:-$pp_selftests/tools/pp_netlink_fuzz}

# Full name of the namespace whose rules are tested
pp_net=''

# pp ARGUMENT...: ppctl there
pp() {
	"$PPCTL" -n "$pp_net" "$@"
}

# in_net COMMAND...: a program in that namespace, with fewer steps than ns
in_net() {
	"$pp_ns" "$pp_net" "$@"
}

# results COMMAND...: a program in that namespace, whose results get their numbers here; its status
# is 0 or 1
results() {
	local line status=0

	in_net "$@" >"$PP_TMP/results" 2>&1 || status=$?
	while IFS= read -r line; do
		case $line in
		'ok - '*) ok "${line#ok - }" ;;
		'not ok - '*) not_ok "${line#not ok - }" ;;
		*) printf '# %s\n' "${line#\# }" ;;
		esac
	done <"$PP_TMP/results"
	((status <= 1)) || not_ok "${1##*/} ${*:2} -> comes to its end (status $status)"
}

# stats NAME: a counter there
stats() {
	first_of "$1" pp -j show-stats
}

# limit NAME: a limit there
limit() {
	first_of "$1" pp -j show-limits
}

# without_counters: rules as printed, up to their counters
without_counters() {
	sed -E 's/  # (tagged|accepted) .*//'
}

# The rules there without their counters
plain_rules() {
	pp list-rules | without_counters
}

# refused MESSAGE ARGUMENT...: ppctl in that namespace refuses, and no rule changes
refused() {
	local status=0 before

	before=$(plain_rules)
	pp "${@:2}" >"$PP_TMP/out" 2>"$PP_TMP/err" || status=$?
	is "$(<"$PP_TMP/err")" "ppctl: $1" stderr
	is "$(<"$PP_TMP/out")" '' stdout
	is "$status" 2 status
	is "$(plain_rules)" "$before" rules
}

# no_gap_while COMMAND: the words of a shell command, which changes rules of lb again and again. Each
# connection that begins meanwhile has its header.
no_gap_while() {
	local TARGET=$BACKEND PORT=8080 round

	start_bg changing lb bash -ec "while [[ ! -e '$PP_TMP/enough' ]]; do $1; echo turn; done"
	for ((round = 0; round < 20; round++)); do
		transfer 100 --header v2 "${names_client[@]}" -- -j 4 --size 100
		! no_gap_turns 20 || break
	done
	: >"$PP_TMP/enough"
	wait_bg changing
	no_gap_turns 20 || fail 'the rules hardly changed'
	is "$(stats untagged)" 0
}

no_gap_turns() {
	(($(bg_output changing | grep -c turn) >= $1))
}
