#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the shell selftests, <area>_<what>.sh, on the running kernel, as root:
# in a VM, or by hand inside one. Loads the module, gives each file a time
# limit, reads its TAP, takes what it added to the kernel log into account,
# unloads the module, and adds all up. Not run here are libraries (lib_*) and
# what needs no module (install_*, ppctl_usage*).
#
# Usage: run_tests.sh [NAME...]     all files, or these (send_basic,
#                                   send_basic.sh, or a pattern: 'send_*')
#        run_tests.sh --list        names of all files
#
# A file that is cut short, has no plan, does not keep it, or fails without a
# failed case counts as one failure more; bad lines in the kernel log as
# another. Exit status: 0 if nothing failed. The last line of the output is
# "N passed, N failed". Variables: PP_TIMEOUT, seconds for each file (900);
# PP_RESULTS, directory for a copy of each file's output; PP_MODULE, file of
# the module.
set -euo pipefail

selftests=$(readlink -f "${BASH_SOURCE[0]%/*}")
# shellcheck source=selftests/vm/kernel_log.sh
. "$selftests/vm/kernel_log.sh"
# shellcheck source=selftests/module.sh
. "$selftests/module.sh"

timeout=${PP_TIMEOUT:-900}
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

# Names of the test files to run, checked
find_tests() {
	local name file found

	cd "$selftests"
	if (($# == 0)); then
		set -- '[a-z]*_*'
	fi
	for name in "$@"; do
		found=''
		# A pattern is to be expanded here
		for file in ${name%.sh}.sh; do
			case $file in
			run_tests.sh | lib_*.sh | install_*.sh | ppctl_usage*.sh) continue ;;
			esac
			[[ -e $file ]] || continue
			printf '%s\n' "$file"
			found=1
		done
		[[ -n $found ]] || printf '?%s\n' "$name"
	done | awk '!seen[$0]++'
}

if [[ ${1:-} == --list ]]; then
	find_tests | sed 's/\.sh$//'
	exit 0
fi

log_mark() {
	printf '<6>pp selftests: %s\n' "$1" >/dev/kmsg
}

# The kernel log between two marks
log_between() {
	dmesg | sed -n "/pp selftests: $1\$/,/pp selftests: $2\$/p"
}

# Lines of the kernel log that spoil the result so far, since a mark
judge_log() {
	local bad

	log_mark "$1 ends"
	bad=$(log_between "$1 begins" "$1 ends" | kernel_log_bad)
	[[ -n $bad ]] || return 0
	fail "$1: kernel log"
	printf '%s\n' "$bad" | sed 's/^/# /'
}

# Counts what a file said, and what it failed to say
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

run_file() {
	local name=${1%.sh} output=$tmp/$1.tap status=0 began=$SECONDS pid

	echo "# $name"
	: >"$output"
	log_mark "$name begins"
	# Not through a pipe, which a process that the file left behind would hold
	timeout -k 10 "$timeout" bash "$selftests/$1" </dev/null >>"$output" 2>&1 &
	pid=$!
	tail -s 0.1 --pid="$pid" -c +1 -f "$output" 2>/dev/null
	wait "$pid" || status=$?
	judge_output "$name" "$status" "$output"
	judge_log "$name"
	echo "# $name: $((SECONDS - began)) s"
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
