#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Selftests in simulated time, behind "make sim": each file in a machine of its own (user-mode
# Linux, run.sh), several machines side by side. Builds the kernel once (build_kernel.sh) and the
# module for it. The output of a file appears when it has ended; if it failed, with the command that
# repeats it. Logs are in build/sim/DATE-PID; "time" beside a log says what its machine took.
#
# Usage: sim.sh [NAME]...      all selftests, or these (see run_tests.sh)
#        sim.sh --prepare      builds, prints kernel and module, and runs nothing
#
# Variables: DEBUG, 1 for a kernel with KASAN, "all" for one with lockdep, PROVE_RCU, debug objects
# and kmemleak as well; JOBS, machines side by side (as many as processors); PP_SEED, the seed of
# all random numbers (drawn and printed if not set); TIMEOUT, seconds for each file (1800, in real
# time); PP_SIM_DEADLINE, seconds since 1970 after which no file begins any more: those that have not
# are skipped, and named. Exit status: 0 if nothing failed.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
tree=${here%/selftests/vm}
self=$here/${0##*/}
logs=${PP_SIM_LOGS:-$tree/build/sim/$(date +%Y%m%d-%H%M%S)-$$}
debug=${DEBUG:-}
memory=2048
cd "$tree"
unset MAKEFLAGS MAKELEVEL MFLAGS

die() {
	printf 'sim: %s\n' "$*" >&2
	exit 125
}

# Runs one file in its machine; only one prints at a time
run_one() {
	local name=$1 status=0 out=$logs/$1 begin=$SECONDS

	if [[ -n ${PP_SIM_DEADLINE:-} ]] && (($(date +%s) > PP_SIM_DEADLINE)); then
		mkdir -p "$out"
		echo "ok - $name # SKIP no time left" | tee "$out/log"
		return
	fi
	mkdir -p "$out"
	{
		time "$here/run.sh" --kernel "$PP_SIM_KERNEL" --memory "$memory" \
			--timeout "${TIMEOUT:-1800}" --append "$PP_SIM_APPEND" --out "$out" -- \
			selftests/run_tests.sh "$name" >"$out/log" 2>&1 </dev/null || status=$?
	} 2>"$out/time"
	if ((status)) && ! grep -q '^not ok' "$out/log"; then
		echo "not ok - $name: its machine ended with status $status" >>"$out/log"
		echo "# again: make $PP_AGAIN T=$name PP_SEED=$PP_SEED" >>"$out/log"
	fi
	echo "# $name: its machine ended after $((SECONDS - begin)) s of real time" >>"$out/log"
	exec 9>"$logs/lock"
	flock 9
	grep -vE '^[0-9]+ passed, [0-9]+ failed$' "$out/log" || true
}

# Adds up the results in the logs
finish() {
	local good bad skips

	good=$(cat "$logs"/*/log | grep -cE '^ok\b' || true)
	bad=$(cat "$logs"/*/log | grep -cE '^not ok\b' || true)
	skips=$(cat "$logs"/*/log | grep -ciE '^ok\b.*# *SKIP' || true)
	((skips == 0)) || echo "# $skips skipped"
	((bad == 0)) || echo "# logs: $logs"
	echo "$((good - skips)) passed, $bad failed"
	((bad == 0 && good > skips)) || exit 1
	exit 0
}

if [[ ${1:-} == --one ]]; then
	run_one "$2"
	exit 0
fi

case $debug in
'') flavour=uml append='' ;;
1) flavour=uml-kasan append='kmemleak=off' ;;
all) flavour=uml-debug append='kmemleak=on' memory=3072 ;;
*) die "DEBUG is 1 or all" ;;
esac
kernel=$("$here/build_kernel.sh" "$flavour")
PP_MODULE=$("$here/build_module.sh" "$kernel/build" "build/$flavour" ARCH=um)
if [[ ${1:-} == --prepare ]]; then
	printf '%s %s\n' "$kernel/vmlinux" "$PP_MODULE"
	exit 0
fi

export PP_MODULE PP_SIM_KERNEL=$kernel/vmlinux PP_SIM_APPEND=$append PP_SIM_LOGS=$logs \
	PP_AGAIN="sim${debug:+ DEBUG=$debug}" DEBUG=$debug
export PP_SEED=${PP_SEED:-$((SRANDOM % 1000000000))}
[[ $PP_SEED =~ ^[0-9]+$ ]] || die "PP_SEED is a number"
mkdir -p "$logs"
echo "# simulated time, PP_SEED=$PP_SEED"
mapfile -t names < <("$tree/selftests/run_tests.sh" --list "$@")
for name in "${names[@]}"; do
	[[ $name != \?* ]] || die "no such test: ${name#\?}"
done
# Without a network the test says what is missing
if [[ " ${names[*]} " == *' netlink_spec '* ]]; then
	"$here/fetch_ynl.sh" >/dev/null || true
fi
if [[ " ${names[*]} " =~ ' faults_'(helpers|socket)' ' ]]; then
	PP_MODULE_FAILING=$("$here/build_module.sh" "$kernel/build" "build/$flavour/failing" ARCH=um \
		KCFLAGS="-include $here/failing.h" CFLAGS_main.o=-DPP_FAILING_PARAMETERS)
	export PP_MODULE_FAILING
fi
printf '%s\0' "${names[@]}" | xargs -0 -P "${JOBS:-$(nproc)}" -n 1 "$self" --one
finish
