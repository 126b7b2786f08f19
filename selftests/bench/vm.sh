#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs benchmarks, each in a VM of its own, one after the other, and draws plots. Each leaves
# bench_NAME.json, bench_NAME.md and its log in build/bench; the plots are in build/bench/plots.
#
# Usage: vm.sh NAME...        behind "make bench" and "make bench-NAME"
#
# Variables: KERNEL, of vm/run.sh; PP_BENCH_ICOUNT: 3 and the like for time in
# instructions of 2^3 ns, but for send (lib_clock.sh); and those of the benchmarks.
# All machines share one processor, which always has something to do.
set -euo pipefail

bench=$(readlink -f "${BASH_SOURCE[0]%/*}")
# shellcheck source=selftests/bench/lib_clock.sh
. "$bench/lib_clock.sh"
tree=${bench%/selftests/bench}
out=$tree/build/bench
cd "$tree"

options=(--timeout 7200)
[[ -z ${KERNEL:-} ]] || options+=(--kernel "$KERNEL")

# The log has each figure at once
run() {
	local status=0 shift clock=(--cpus 1)

	printf '# %s\n' "$1"
	if [[ -n ${PP_BENCH_ICOUNT:-} ]]; then
		shift=$(clock_of "$1" "$PP_BENCH_ICOUNT")
		local -x PP_BENCH_ICOUNT=$shift
		clock=(--icount "$shift")
	fi
	selftests/vm/run.sh "${options[@]}" "${clock[@]}" --out "$out/vm-$1" -- "$bench/$1.sh" \
		>"$out/$1.log" 2>&1 || status=$?
	if ((status)); then
		tail -n 20 "$out/$1.log" >&2
		return "$status"
	fi
	cp "$out/vm-$1/bench_$1".* "$out"
	if [[ -e $out/bench_$1.md ]]; then
		cat "$out/bench_$1.md"
	else
		cat "$out/bench_$1.json"
	fi
	printf '# %s took %d s\n\n' "$1" $((SECONDS - began))
}

mkdir -p "$out"
for name; do
	began=$SECONDS
	run "$name"
done
"$bench/plot.py" "$out" "$out/plots"
