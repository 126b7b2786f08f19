#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the shell selftests, <area>/<what>.sh, on the running kernel, as root: in a VM, or by hand
# inside one. Loads the module, gives each file a time limit, reads its TAP and what it adds to the
# kernel log, unloads the module, and adds all up. Tests that need no module (install/, usage/) do
# not run here.
#
# Usage: run_tests.sh [NAME...]     all tests, or these (send_basic, which is
#                                   send/basic.sh, or a pattern: 'send_*')
#        run_tests.sh --list [NAME...]    only their names, "?" before those there are not
#
# A file that is cut short, has no plan or another number of results, or fails without a failed case
# counts as one failure more; bad lines in the kernel log as another. Exit status: 0 if nothing
# failed. The last line of the output is "N passed, N failed". Variables: PP_TIMEOUT, seconds for
# each file (900, or the number in the file's line "# Takes up to N s"); PP_RESULTS, directory for a
# copy of each file's output; PP_MODULE, file of the module; PP_SEED, the seed of all random numbers
# of the tests (drawn and printed if not set); PP_AGAIN, target of make that repeats a failed file
# (vm-test).
set -euo pipefail

selftests=$(readlink -f "${BASH_SOURCE[0]%/*}")
# shellcheck source=selftests/vm/kernel_log.sh
. "$selftests/vm/kernel_log.sh"
# shellcheck source=selftests/lib/module.sh
. "$selftests/lib/module.sh"

timeout=''
passed=0 failed=0 skipped=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

case ${1:-} in
-h | --help)
	sed -n '/^# Usage/,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
	exit 0
	;;
esac

pass() {
	((++passed))
	echo "ok - $1"
}

fail() {
	((++failed))
	echo "not ok - $1"
}

# A file in one of these folders is a test: send/basic.sh is send_basic. They run in this order; the
# last ones are left out first if time is short (PP_SIM_DEADLINE of vm/sim.sh).
areas=(enemy send accept ulp rule faults netlink ppctl stress peers)

all_tests() {
	local area file

	for area in "${areas[@]}"; do
		for file in "$selftests/$area"/*.sh; do
			file=${file##*/}
			printf '%s_%s\n' "$area" "${file%.sh}"
		done
	done
}

file_of() {
	printf '%s\n' "$selftests/${1%%_*}/${1#*_}.sh"
}

# Names of the tests to run; a name without a test has a "?" before it
find_tests() {
	local all name test found

	(($#)) || set -- '*'
	mapfile -t all < <(all_tests)
	for name; do
		found=''
		for test in "${all[@]}"; do
			# shellcheck disable=SC2053 # a pattern
			[[ $test == ${name%.sh} ]] || continue
			printf '%s\n' "$test"
			found=1
		done
		[[ -n $found ]] || printf '?%s\n' "$name"
	done | awk '!seen[$0]++'
}

if [[ ${1:-} == --list ]]; then
	shift
	find_tests "$@"
	exit 0
fi

log_mark() {
	printf '<6>pp selftests: %s\n' "$1" >/dev/kmsg
}

# The kernel log between two marks
log_between() {
	dmesg | sed -n "/pp selftests: $1\$/,/pp selftests: $2\$/p"
}

# Bad lines of the kernel log since a mark
judge_log() {
	local bad

	log_mark "$1 ends"
	bad=$(log_between "$1 begins" "$1 ends" | kernel_log_bad)
	[[ -n $bad ]] || return 0
	fail "$1: kernel log"
	printf '%s\n' "$bad" | sed 's/^/# /'
}

# Counts the results of a file, and the missing ones
judge_output() {
	local name=$1 status=$2 output=$3 good bad skips plan reason=''

	good=$(grep -c '^ok\b' "$output" || true)
	bad=$(grep -c '^not ok\b' "$output" || true)
	skips=$(grep -ciE '^ok\b.*# *SKIP' "$output" || true)
	plan=$(sed -n 's/^1\.\.\([0-9]\+\).*/\1/p' "$output")

	if ((status == 4 && good + bad == 0)); then
		((++skipped))
		return
	fi
	((passed += good - skips, failed += bad, skipped += skips)) || true
	if ((status == 124 || status == 137)); then
		reason="took longer than $timeout s"
	elif [[ -z $plan ]]; then
		reason="ended with status $status before its plan"
	elif [[ $plan == *$'\n'* ]]; then
		reason="has more than one plan"
	elif ((plan != good + bad)); then
		reason="planned $plan results, gave $((good + bad))"
	elif ((status != 0 && bad == 0)); then
		reason="ended with status $status"
	elif ((status == 0 && bad != 0)); then
		reason="ended with status 0 despite failures"
	fi
	[[ -z $reason ]] || fail "$name: $reason"
}

# Seconds that a file may take, by its line "# Takes up to N s". The machine has a limit in real
# time.
limit_of() {
	local takes

	takes=$(sed -n 's/^# Takes up to \([0-9]*\) s\b.*/\1/p' "$(file_of "$1")")
	echo "${PP_TIMEOUT:-${takes:-900}}"
}

run_file() {
	local name=$1 output=$tmp/$1.tap status=0 began=$SECONDS before=$failed pid interval=0.1

	timeout=$(limit_of "$1")
	# Simulated time passes quickly
	[[ $(uname -r) != *-uml* ]] || interval=20
	echo "# $name"
	: >"$output"
	log_mark "$name begins"
	# Not through a pipe: a process that the file left behind would keep it open
	timeout -k 10 "$timeout" bash "$(file_of "$1")" </dev/null >>"$output" 2>&1 &
	pid=$!
	tail -s "$interval" --pid="$pid" -c +1 -f "$output" 2>/dev/null
	wait "$pid" || status=$?
	judge_output "$name" "$status" "$output"
	judge_log "$name"
	echo "# $name: $((SECONDS - began)) s"
	((failed == before)) || echo "# again: make ${PP_AGAIN:-vm-test} T=$name PP_SEED=$PP_SEED"
	[[ -z ${PP_RESULTS:-} ]] || cp "$output" "$PP_RESULTS/$name.tap"
}

load() {
	log_mark 'module load begins'
	if module_load; then
		pass 'module: load'
	else
		fail 'module: load'
	fi
	judge_log 'module load'
}

unload() {
	log_mark 'module unload begins'
	if module_unload; then
		pass 'module: unload after the tests'
	else
		fail 'module: unload after the tests'
	fi
	judge_log 'module unload'
}

finish() {
	((skipped == 0)) || echo "# $skipped skipped"
	echo "$passed passed, $failed failed"
	((failed == 0 && passed > 0)) || exit 1
	exit 0
}

if [[ $(id -u) != 0 ]]; then
	echo "run_tests.sh: needs root, on a kernel that may crash: try make vm-test" >&2
	exit 1
fi

mapfile -t tests < <(find_tests "$@")
if [[ -z ${PP_SEED:-} ]]; then
	export PP_SEED=$((SRANDOM % 1000000000))
	echo "# PP_SEED=$PP_SEED"
fi
load
if ((failed == 0)); then
	for test in "${tests[@]}"; do
		case $test in
		\?*) fail "${test#\?}: no such test" ;;
		*) run_file "$test" ;;
		esac
	done
	unload
fi
finish
