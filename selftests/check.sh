#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All there is to check, behind "make check": installs what is missing, builds
# anew with every warning on, and runs the selftests in VMs; beside them, it builds
# for other kernels and runs lint, unit tests, what fuzzing has kept, and the tests of
# the installation. Each result is a line of TAP; the last line of the output adds
# them up. Keeps the logs in build/check.
#
# Usage: check.sh        as root if anything has to be installed
#
# Variables: KDIR, kernel headers to build for; K, kernel to boot, if it is not
# the one of KDIR; T, names of selftests, if not all; PP_VM_ACCEL, see
# vm/run.sh. Exit status: 0 if all steps ran and nothing failed.
set -euo pipefail

selftests=$(readlink -f "${BASH_SOURCE[0]%/*}")
tree=${selftests%/*}
logs=$tree/build/check
passed=0 failed=0 skipped=0
cd "$tree"
unset MAKELEVEL MFLAGS MAKEFLAGS
jobs=$(nproc)

pass() {
	((++passed))
	echo "ok - $1"
}

fail() {
	((++failed))
	echo "not ok - $1"
}

skip() {
	((++skipped))
	echo "ok - $1 # SKIP $2"
}

# quiet NAME COMMAND...: one result, shown in full if it is bad
quiet() {
	local name=$1 log=$logs/${1%%:*}.log

	shift
	if "$@" >>"$log" 2>&1 </dev/null; then
		pass "$name"
	else
		fail "$name"
		tail -n 40 "$log" | sed 's/^/# /'
		return 1
	fi
}

# tap NAME COMMAND...: as many results as lines of TAP; a command that fails
# without a failed result, or gives no result at all, is one failure
tap() {
	local name=$1 log=$logs/$1.log status=0 good bad skips

	shift
	"$@" </dev/null 2>&1 | tee "$log" || status=$?
	good=$(grep -c '^ok\b' "$log" || true)
	bad=$(grep -c '^not ok\b' "$log" || true)
	skips=$(grep -ciE '^(ok\b|1\.\.0\b).*# *SKIP' "$log" || true)
	((passed += good - $(grep -ciE '^ok\b.*# *SKIP' "$log" || true), failed += bad, skipped += skips)) || true
	if ((status != 0 && status != 4 && bad == 0)); then
		fail "$name: ended with status $status"
	elif ((good + bad + skips == 0)); then
		fail "$name: no results"
	fi
}

step() {
	echo "# ---- $1 ($SECONDS s)"
}

not_run() {
	fail "$1: did not run, since the build failed"
}

# The compiler need not be the kernel's own, so that this is no warning
warnings() {
	grep -i 'warning:' "$1" | grep -vE '(compiler|pahole version) differs from the one used' || true
}

no_warnings() {
	local found

	found=$(warnings "$1")
	if [[ -n $found ]]; then
		printf '%s\n' "$found"
		return 1
	fi
}

build() {
	make clean-objects &&
		make -j "$jobs" W=1 all selftests &&
		make -C selftests/unit
}

# build_for SERIES KDIR: the module alone, in a copy, so that ours stays
build_for() {
	local dir=$logs/kernel-$1

	mkdir "$dir"
	find Kbuild kmod \( -name '*.[ch]' -o -name Kbuild \) ! -name '*.mod.c' \
		-exec cp --parents -t "$dir" {} +
	make -j "$jobs" -C "$2" M="$dir" W=1 modules && no_warnings "$logs/kernel-$1.log" &&
		rm -rf "$dir"
}

# kernel SERIES: a network that does not answer says nothing about the module
kernel() {
	local name="kernel-$1: module, W=1 -> built without warnings" log=$logs/kernel-$1.log
	local kdir status=0

	kdir=$("$selftests/vm/fetch_kernel.sh" --headers "$1" 2>>"$log") || status=$?
	case $status in
	0) quiet "$name" build_for "$1" "$kdir" || true ;;
	75) skip "$name" "$(sed -n '$s/^fetch_kernel: //p' "$log")" ;;
	*)
		fail "$name"
		sed 's/^/# /' "$log"
		;;
	esac
}

# vm PART CPUS [NAME]...: in a VM of their own, all selftests or those named
vm() {
	local part=$1 cpus=$2

	shift 2
	selftests/vm/run.sh --cpus "$cpus" --timeout "${TIMEOUT:-7200}" --out "$logs/vm-$part" \
		--kernel "${K:-$(make -s --no-print-directory print-KVER)}" -- \
		selftests/run_tests.sh "$@"
}

# Tests wait for half of their time. So where there are two processors, and memory for it,
# three VMs share the work. Of one processor each: those of one VM wait for each other, and
# where they cannot all run at once it takes twice the time
three_vms() {
	((jobs > 1)) && [[ $(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) -gt 12000000 ]]
}

vm_in_background() {
	local status=0

	vm "$@" >"$logs/vm-$1.output" 2>&1 </dev/null || status=$?
	echo "$status" >"$logs/vm-$1.status"
}

replay() {
	cat "$logs/vm-$1.output"
	return "$(<"$logs/vm-$1.status")"
}

# The second VM, and in its place one of two processors for what wants them
second_and_races() {
	vm_in_background second 1 "${second[@]}"
	vm_in_background races 2 "${races[@]}"
}

vms() {
	local names=() all first second peers races pids=()
	local race='^(.*_lifecycle|fuzz_packets|stress_(host|races))$' # which want two processors
	local peer='^(peers|ppctl|netlink)_|^rule_(lookup|scale)$' # which are a third of the rest
	local half='^(send_[a-o]|accept_(fo|p))' # and these another

	read -ra names <<<"${T:-}"
	if ((${#names[@]})) || ! three_vms; then
		tap vm vm all 2 ${names[@]+"${names[@]}"}
		return
	fi
	all=$("$selftests/run_tests.sh" --list)
	mapfile -t races < <(grep -E "$race" <<<"$all")
	mapfile -t peers < <(grep -vE "$race" <<<"$all" | grep -E "$peer")
	mapfile -t first < <(grep -vE "$race|$peer" <<<"$all" | grep -E "$half")
	mapfile -t second < <(grep -vE "$race|$peer|$half" <<<"$all")
	second_and_races &
	pids+=($!)
	# Real software takes its time to start
	PP_SLOW=3 vm_in_background peers 1 "${peers[@]}" &
	pids+=($!)
	tap vm-first vm first 1 "${first[@]}"
	wait "${pids[@]}"
	tap vm-second replay second
	tap vm-races replay races
	tap vm-peers replay peers
}

static() {
	local file name series

	step kernels
	for series in 5.10 6.12 7.3; do
		kernel "$series"
	done
	step lint
	tap lint "$selftests/lint.sh" --quick
	step unit
	tap unit make -s --no-print-directory -C selftests/unit run
	step fuzz
	tap fuzz "$selftests/fuzz/replay.sh"
	step install
	for file in "$selftests"/install_*.sh "$selftests"/ppctl_usage*.sh; do
		name=$(basename "$file" .sh)
		if [[ -n $built ]]; then
			tap "$name" "$file"
		else
			not_run "$name"
		fi
	done
	step 'end of these'
}

# All that needs no VM, in what time the VMs leave
static_in_background() {
	renice -n 19 "$BASHPID" >/dev/null
	passed=0 failed=0 skipped=0
	static >"$logs/static.output" 2>&1 </dev/null
	echo "$passed $failed $skipped" >"$logs/static.counts"
}

static_replay() {
	local counts

	cat "$logs/static.output"
	if read -ra counts <"$logs/static.counts"; then
		((passed += counts[0], failed += counts[1], skipped += counts[2])) || true
	else
		fail 'static: did not come to its end'
	fi
}

# What failed, once more, with what was said of it
failures() {
	echo "# what failed:"
	cat "$logs"/*.log | awk '/^not ok/ { print; lines = 20; next }
		/^# \{"ok":true/ { next }
		/^#/ && lines-- > 0 { print; next }
		{ lines = 0 }'
}

finish() {
	((skipped == 0)) || echo "# $skipped skipped"
	((failed == 0)) || failures
	echo "# logs: $logs"
	echo "$passed passed, $failed failed"
	((failed == 0 && passed > 0)) || exit 1
	exit 0
}

rm -rf "$logs"
mkdir -p "$logs"
export PP_MODULE=$tree/kmod/proxyproto.ko

step setup
quiet 'setup: all that is needed -> there' "$selftests/setup.sh" || finish

step build
built=1
quiet 'build: module, ppctl, tests -> success' build || built=''
quiet 'build-warnings: W=1 -> none' no_warnings "$logs/build.log" || true

static_in_background &
static_pid=$!

step vm
if [[ -n $built ]]; then
	vms
else
	not_run vm
fi

wait "$static_pid" || true
static_replay

step end
finish
