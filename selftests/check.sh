#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# All checks, behind "make check": installs missing packages, builds anew with every warning on, and
# runs the selftests. Beside them, it builds for other kernels and runs lint, unit tests, the kept
# inputs of fuzzing, and the tests of the installation. Each result is a line of TAP; the last line
# of the output adds them up. Keeps the logs in build/check.
#
# If KVM boots a kernel, all selftests run on Debian's own kernel. If not, they run in simulated
# time (vm/sim.sh). After them, Debian's own kernel, emulated, runs what cannot run in simulated
# time and a few files that depend on the kernel most.
#
# Usage: check.sh [--all]        as root if anything has to be installed
#   --all    all selftests on Debian's own kernel, emulated if need be
#
# Variables: KDIR, kernel headers to build for; K, kernel to boot, if it is not the one of KDIR; T,
# names of selftests, if not all; PP_VM_ACCEL, kvm or tcg, see vm/run.sh, found out if not set;
# PP_SEED, the seed of all random numbers of the tests (1; "random" draws one). Exit status: 0 if all
# steps ran and nothing failed.
set -euo pipefail

selftests=$(readlink -f "${BASH_SOURCE[0]%/*}")
tree=${selftests%/*}
logs=$tree/build/check
passed=0 failed=0 skipped=0
all='' machine='' why=''
cd "$tree"
unset MAKELEVEL MFLAGS MAKEFLAGS
jobs=$(nproc)
# shellcheck source=selftests/lib/nap.sh
. "$selftests/lib/nap.sh"

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

# tap NAME COMMAND...: counts lines of TAP as results; a command that fails without a failed result,
# or prints no result, is one failure
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

# The compiler may be another one than the kernel's: that is no warning
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

# build_for SERIES KDIR: the module alone, in a copy, so that the objects of the tree stay
build_for() {
	local dir=$logs/kernel-$1

	mkdir "$dir"
	find Kbuild kmod \( -name '*.[ch]' -o -name Kbuild \) ! -name '*.mod.c' \
		-exec cp --parents -t "$dir" {} +
	make -j "$jobs" -C "$2" M="$dir" W=1 modules && no_warnings "$logs/kernel-$1.log" &&
		rm -rf "$dir"
}

# kernel SERIES: if the network does not answer, it is skipped: that says nothing about the module
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

# vm PART CPUS [NAME]...: in a VM of its own, all selftests or those named
vm() {
	local part=$1 cpus=$2

	shift 2
	selftests/vm/run.sh --cpus "$cpus" --timeout "${TIMEOUT:-7200}" --out "$logs/vm-$part" \
		--kernel "$kernel_of_vm" -- selftests/run_tests.sh "$@"
}

vm_in_background() {
	local status=0

	vm "$@" >"$logs/vm-$1.output" 2>&1 </dev/null || status=$?
	echo "$status" >"$logs/vm-$1.status"
}

# replay PART: what it has printed, when it has ended
replay() {
	until [[ -s $logs/vm-$1.status ]]; do
		nap 1
	done
	cat "$logs/vm-$1.output"
	return "$(<"$logs/vm-$1.status")"
}

# ---- on Debian's own kernel

# Tests wait for half of their time. So with two processors, and enough memory, three VMs share the
# work. Each has one processor: the processors of one VM wait for each other, and a test takes twice
# the time if they cannot all run at once.
three_vms() {
	((jobs > 1)) && [[ $(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) -gt 12000000 ]]
}

# part_names FIRST: the files of a VM, a few, so that none is the last one for long. Those that want
# two processors are "races".
part_names() {
	if [[ $1 == races ]]; then
		printf '%s\n' "${races[@]}"
	else
		printf '%s\n' "${rest[@]:$1:files_of_vm}"
	fi
}

# All parts, three at a time
run_parts() {
	local first names count=0

	for first in "${firsts[@]}"; do
		((count++ < 3)) || wait -n || true
		mapfile -t names < <(part_names "$first")
		vm_in_background "$part$first" "$([[ $first == races ]] && echo 2 || echo 1)" "${names[@]}" &
	done
	wait
}

# own_kernel PART NAME...: in VMs whose names begin with PART
own_kernel() {
	local part=$1 races rest first firsts files_of_vm=6
	local race='^(.*_(lifecycle|races)|enemy_packets|stress_host)$'

	shift
	export PP_SLOW=3
	if [[ -n ${T:-} ]] || ! three_vms; then
		tap "vm-$part" vm "$part" 2 "$@"
		return
	fi
	mapfile -t races < <(printf '%s\n' "$@" | grep -E "$race")
	mapfile -t rest < <(printf '%s\n' "$@" | grep -vE "$race")
	mapfile -t firsts < <(seq 0 $files_of_vm $((${#rest[@]} - 1)))
	((${#races[@]} == 0)) || firsts+=(races)
	run_parts &
	for first in "${firsts[@]}"; do
		tap "vm-$part$first" replay "$part$first"
	done
}

# ---- in simulated time

# files_with PATTERN: names of the selftests that have such a line
files_with() {
	grep -lE "$1" "$selftests"/[a-z]*/*.sh | sed -E 's,.*/([^/]+)/([^/]+)\.sh$,\1_\2,'
}

# What runs on Debian's own kernel in any case: both directions, loading and unloading, and the two
# most important peers; and files that cannot run in simulated time, as a whole or in part
emulated_too() {
	printf '%s\n' send_basic accept_basic send_lifecycle accept_lifecycle peers_nginx peers_haproxy
	files_with '^[[:space:]]*(not_in_sim|sim_skip) '
}

# Whether KVM boots a kernel here: /dev/kvm alone does not prove it
kvm_boots() {
	if [[ ! -r /dev/kvm || ! -w /dev/kvm ]]; then
		why='there is no /dev/kvm for us'
		return 1
	fi
	why='/dev/kvm is here, but no kernel has booted with it in 30 s'
	PP_VM_ACCEL=kvm "$selftests/vm/run.sh" --timeout 30 --out "$logs/kvm" \
		--kernel "$kernel_of_vm" -- true >"$logs/kvm.log" 2>&1 ||
		return 1
	why='KVM boots a kernel here'
}

# Sets machine (own or simulated), PP_VM_ACCEL, and why
choose_machine() {
	local status=0

	machine=own why='asked for'
	if [[ -z ${PP_VM_ACCEL:-} ]]; then
		PP_VM_ACCEL=tcg
		! kvm_boots || PP_VM_ACCEL=kvm
	fi
	export PP_VM_ACCEL
	[[ $PP_VM_ACCEL == tcg && -z $all ]] || return 0
	quiet 'setup-sim: all that simulated time needs -> there' "$selftests/setup.sh" --sim || return 0
	"$selftests/vm/sim.sh" --prepare >"$logs/sim-build.log" 2>&1 || status=$?
	if ((status == 75)); then
		why+="; no simulated time: $(tail -n 1 "$logs/sim-build.log")"
		return
	fi
	machine=simulated
	((status == 0)) || fail 'sim: the kernel of simulated time, and the module for it -> built'
}

vms() {
	local names unknown emulated

	# shellcheck disable=SC2086 # words
	mapfile -t names < <("$selftests/run_tests.sh" --list ${T:-})
	unknown=$(printf '%s\n' "${names[@]}" | sed -n 's/^?//p')
	if [[ -n $unknown ]]; then
		fail "no such test: ${unknown//$'\n'/, }"
		return
	fi
	if [[ $machine == own ]]; then
		echo "# all selftests on Debian's own kernel ($PP_VM_ACCEL): $why"
		own_kernel all "${names[@]}"
		return
	fi
	echo "# selftests in simulated time, then some on Debian's own kernel, emulated: $why"
	# A process beside a machine of simulated time makes that far slower
	tap sim "$selftests/vm/sim.sh" "${names[@]}"
	step "Debian's own kernel"
	mapfile -t emulated < <(printf '%s\n' "${names[@]}" | grep -xFf <(emulated_too))
	((${#emulated[@]} == 0)) || own_kernel own "${emulated[@]}"
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
	for file in "$selftests"/{install,usage}/*.sh; do
		name=$(basename "${file%/*}")_$(basename "$file" .sh)
		if [[ -n $built ]]; then
			tap "$name" "$file"
		else
			not_run "$name"
		fi
	done
	step 'end of these'
}

# All that needs no VM, while the VMs run, with what time they leave: a machine of simulated time
# wakes up for each system call, and beside a busy process of its own priority it waits each time
static_in_background() {
	chrt --idle --pid 0 "$BASHPID"
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

# Repeats what failed, with its message
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

case ${1:-} in
'') ;;
--all) all=1 ;;
*)
	sed -n '/^# Usage/,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac
rm -rf "$logs"
mkdir -p "$logs"
# The same seed each time, so that a result says something about the tree and not about luck
PP_SEED=${PP_SEED:-1}
[[ $PP_SEED != random ]] || PP_SEED=$((SRANDOM % 1000000000))
export PP_SEED
echo "# PP_SEED=$PP_SEED"
export PP_MODULE=$tree/kmod/proxyproto.ko

step setup
quiet 'setup: all that is needed -> there' "$selftests/setup.sh" || finish

kernel_of_vm=${K:-$(make -s --no-print-directory print-KVER)}

step build
built=1
quiet 'build: module, ppctl, tests -> success' build || built=''
quiet 'build-warnings: W=1 -> none' no_warnings "$logs/build.log" || true

static_in_background &
static_pid=$!

step vm
if [[ -n $built ]]; then
	choose_machine
	vms
else
	not_run vm
fi

wait "$static_pid" || true
static_replay

step end
finish
