# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the shell selftests share: TAP, captures, background processes and waiting with a deadline;
# and namespaces and links, by lib/net.sh. Sourced first. Whatever a test starts or makes ends with
# it, by a trap on EXIT.
#
# A test file looks like this:
#
#	#!/bin/bash
#	# SPDX-License-Identifier: GPL-2.0
#	set -euo pipefail
#	. "${BASH_SOURCE[0]%/*}/../lib/lib.sh"
#
#	need curl nginx
#	module_require
#	topo_lb 4
#	nat_dnat_masq
#	check "send: rule for another port -> no header" no_header
#
# check runs its command in a subshell with "set -e": a function fails at its
# first command that fails, and what it prints is shown if it does. Variables
# set in it are lost; background processes, namespaces and captures are known
# by name everywhere.

export LC_ALL=C

pp_selftests=$(readlink -f "${BASH_SOURCE[0]%/*}/..")
pp_tree=${pp_selftests%/*}

# shellcheck source=selftests/lib/module.sh
. "$pp_selftests/lib/module.sh"

# The tool under test, and the program that plays client and server
PPCTL=${PPCTL:-$pp_tree/tools/ppctl/ppctl}
PEER=${PEER:-$pp_selftests/tools/pp_peer}
export PPCTL PEER

# Scratch directory, and part of the name of every namespace of this run
PP_TMP=$(mktemp -d "${TMPDIR:-/tmp}/pp.XXXXXX")
PP_ID=${PP_TMP##*.}
mkdir "$PP_TMP"/{bg,ns,cap}

# Everything that tests draw comes from PP_SEED, if it is set
[[ -z ${PP_SEED:-} ]] || RANDOM=$((PP_SEED % 32768))

# random_bytes COUNT
random_bytes() {
	head -c "$1" /dev/zero |
		openssl enc -aes-128-ctr -nosalt -pbkdf2 -pass "pass:${PP_SEED:-$RANDOM$RANDOM}"
}

# ---- TAP

pp_count=0 pp_failed=0 pp_planned=''

# Announces the number of results; without it the plan comes at the end
pp_plan() {
	pp_planned=$1
	echo "1..$1"
}

ok() {
	((++pp_count))
	echo "ok $pp_count - $1"
}

not_ok() {
	((++pp_count))
	((++pp_failed))
	echo "not ok $pp_count - $1"
}

# skip NAME REASON: one case that cannot run here
skip() {
	((++pp_count))
	echo "ok $pp_count - $1 # SKIP $2"
}

# Nothing of this file can run here
skip_all() {
	echo "1..0 # SKIP $*"
	exit 4
}

# In simulated time (vm/machine_uml.sh) the clock stands while any program computes, there is one
# processor, and everything is built into the kernel
in_sim() {
	[[ $(uname -r) == *-uml* ]]
}

# Nothing of this file can run in simulated time
not_in_sim() {
	! in_sim || skip_all "not in simulated time: $*"
}

# sim_skip NAME REASON: one case that cannot run there; false elsewhere
sim_skip() {
	in_sim || return
	skip "$1" "not in simulated time: $2"
}

# Prints its arguments, or stdin, as TAP diagnostics
diag() {
	if (($#)); then
		printf '%s\n' "$*"
	else
		cat
	fi | sed 's/^/# /'
}

# Prints why, and fails: for the end of a test function
fail() {
	printf '%s\n' "$*"
	return 1
}

# check NAME COMMAND [ARGUMENT]...: one result. Not to be used as a condition
# (if, &&, ||), where bash would ignore the "set -e" inside.
check() {
	local name=$1 output=$PP_TMP/check.$BASHPID.out status errexit=$-

	shift
	set +e
	(
		trap - EXIT
		set -e
		"$@"
	) >"$output" 2>&1 </dev/null
	status=$?
	[[ $errexit != *e* ]] || set -e
	if ((status == 0)); then
		ok "$name"
	else
		not_ok "$name"
		diag "status $status of: $*"
		diag <"$output"
	fi
}

# Compares two values, for use in test functions
is() {
	[[ $1 == "$2" ]] || fail "got '$1', want '$2'${3:+ ($3)}"
}

# json_first NAME: the value of the first field of this name in the JSON on
# standard input, a number or a simple string; far quicker than jq
json_first() {
	local text

	IFS= read -rd '' text || true
	[[ $text =~ \"$1\":[[:space:]]*\"?([^],}\"[:space:]]+) ]] || fail "no $1 in $text"
	printf '%s\n' "${BASH_REMATCH[1]}"
}

# first_of NAME COMMAND...: the same of the JSON that a command prints; without a pipe, both of whose
# ends would be processes
first_of() {
	local name=$1 output=$PP_TMP/first.$BASHPID

	shift
	"$@" >"$output"
	json_first "$name" <"$output"
}

need() {
	local command

	for command in "$@"; do
		type -P "$command" >/dev/null || skip_all "$command is not installed"
	done
}

need_root() {
	[[ $(id -u) == 0 ]] || skip_all "needs root"
}

# The module, loaded if it is not
module_require() {
	need_root
	if ! module_load; then
		echo "Bail out! cannot load the module"
		exit 1
	fi
}

# ---- waiting

# shellcheck source=selftests/lib/nap.sh
. "$pp_selftests/lib/nap.sh"

# wait_until SECONDS COMMAND...: repeats the command until it succeeds, after 0.05 s and then less and
# less often, down to every 0.5 s; fails at the deadline, which is PP_SLOW times as far off. With
# pp_never_idle, because a program beside never sleeps and simulated time stands, it repeats at once.
wait_until() {
	local now deadline pause=50 seconds

	printf -v deadline '%.0f' "${1}e3"
	printf -v now '%.0f' "${EPOCHREALTIME/,/.}e3"
	((deadline = deadline * ${PP_SLOW:-1} + now))
	shift
	until "$@" >/dev/null 2>&1; do
		printf -v now '%.0f' "${EPOCHREALTIME/,/.}e3"
		if ((now > deadline)); then
			echo "timed out waiting for: $*"
			return 1
		fi
		printf -v seconds '0.%03d' $pause
		if [[ -n ${pp_never_idle:-} ]]; then
			(:)
		else
			nap "$seconds"
		fi
		((pause = pause < 333 ? pause * 3 / 2 : 500))
	done
}

# For wait_until: not COMMAND...
not() {
	! "$@"
}

# ---- background processes, known by name

# start_bg NAME NS COMMAND...: runs a program in a namespace ("-": the current one); its output goes
# to $PP_TMP/bg/NAME.out, its status to NAME.status
start_bg() {
	local name=$1 ns=$2 base=$PP_TMP/bg/$1

	shift 2
	# One of this name that a failed case has left; nothing of it is left to read
	stop_bg "$name"
	: >"$base.pid"
	: >"$base.status"
	: >"$base.out"
	[[ $ns == - ]] || set -- "$pp_ns" "pp-$PP_ID-$ns" "$@"
	(
		trap - EXIT
		set +e
		"$@" </dev/null >"$base.out" 2>&1 &
		echo $! >"$base.pid"
		wait $!
		echo $? >"$base.status"
	) </dev/null >/dev/null 2>&1 &
	wait_until 10 test -s "$base.pid" || fail "cannot start $name"
}

# bg_file NAME pid|out: prints a file of start_bg, without a process
bg_file() {
	local text

	IFS= read -rd '' text <"$PP_TMP/bg/$1.$2" || true
	printf '%s' "$text"
}

bg_pid() {
	bg_file "$1" pid
}

bg_output() {
	bg_file "$1" out
}

# bg_runs NAME: whether it has not ended
bg_runs() {
	[[ ! -s $PP_TMP/bg/$1.status ]]
}

# bg_says NAME TEXT: whether its output has this text
bg_says() {
	local text

	IFS= read -rd '' text <"$PP_TMP/bg/$1.out" || true
	[[ $text == *"$2"* ]]
}

# wait_listening NAME: until it says that it listens, as pp_peer and tcpdump do
wait_listening() {
	wait_until 20 bg_says "$1" 'listening on'
}

# wait_bg NAME [SECONDS]: until it ends (default 60 s); returns its status,
# and prints its output if that is not 0
wait_bg() {
	local base=$PP_TMP/bg/$1 status

	wait_until "${2:-60}" not bg_runs "$1" || {
		echo "$1 still runs; its output so far:"
		cat "$base.out"
		return 1
	}
	read -r status <"$base.status"
	if ((status)); then
		echo "$1 ended with $status:"
		cat "$base.out"
	fi
	return "$status"
}

# stop_bg NAME [SIGNAL]: ends it, by SIGKILL if it ignores the signal
stop_bg() {
	local base=$PP_TMP/bg/$1 signal=${2:-TERM} pid

	[[ -s $base.pid ]] || return 0
	if bg_runs "$1"; then
		read -r pid <"$base.pid"
		kill "-$signal" "$pid" 2>/dev/null || true
		if ! wait_until 5 not bg_runs "$1" >/dev/null; then
			kill -KILL "$pid" 2>/dev/null || true
			wait_until 5 not bg_runs "$1" >/dev/null || true
		fi
	fi
	: >"$base.pid"
}

# shellcheck source=selftests/lib/net.sh
. "$pp_selftests/lib/net.sh"

# ---- captures

# cap_start NAME NS DEV [FILTER]...: returns when tcpdump is listening
cap_start() {
	local name=$1 ns=$2 dev=$3

	shift 3
	rm -f "$(cap_file "$name")"
	start_bg "cap-$name" "$ns" tcpdump -Z root --immediate-mode -B 8192 -s 0 -n -U \
		-i "$dev" -w "$(cap_file "$name")" "$@"
	wait_listening "cap-$name" || {
		bg_output "cap-$name"
		return 1
	}
}

# cap_stop NAME: ends it when the file has stopped growing
cap_stop() {
	local file size=-1 last=-2 i

	file=$(cap_file "$1")
	for ((i = 0; i < 100 && size != last; i++)); do
		last=$size
		sleep 0.2
		size=$(stat -c %s "$file")
	done
	stop_bg "cap-$1"
}

cap_file() {
	echo "$PP_TMP/cap/$1.pcap"
}

# cap_read NAME ARGUMENT...: tcpdump's text, with absolute sequence numbers
cap_read() {
	local file

	file=$(cap_file "$1")
	shift
	tcpdump -n -S -r "$file" "$@" 2>/dev/null
}

# ---- end

pp_cleanup() {
	local status=$? file

	trap - EXIT
	set +e
	for file in "$PP_TMP"/bg/*.pid; do
		[[ ! -e $file ]] || stop_bg "$(basename "$file" .pid)"
	done
	for file in "$PP_TMP"/ns/*; do
		[[ ! -e $file ]] || ns_delete "${file##*/}"
	done
	if [[ -n ${PP_KEEP:-} ]]; then
		diag "kept: $PP_TMP"
	else
		rm -rf --one-file-system "$PP_TMP"
	fi
	((status == 0)) || exit "$status"
	[[ -n $pp_planned ]] || echo "1..$pp_count"
	((pp_failed == 0)) || exit 1
	exit 0
}
trap pp_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
