#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a change costs, in instructions, with the module of an earlier commit and with that of this
# tree: for each connection, on all machines of the benchmarks together; and for the packets of a
# forwarded connection, which show the module alone. The emulator counts instructions, so that other
# load on this machine makes no difference: the same tree gives the same within half a per cent, and
# single packets within a few instructions.
#
# Usage: compare.sh COMMIT [BENCHMARK]...     behind "make bench-compare BASE=COMMIT"
#   BENCHMARK  packets, send, accept (all of them)
#
# Variables: KDIR, kernel headers to build for; KERNEL, of vm/run.sh; PP_BENCH_ROUNDS (2) and
# PP_BENCH_SECONDS (1) of each benchmark.
set -euo pipefail

bench=$(readlink -f "${BASH_SOURCE[0]%/*}")
# shellcheck source=selftests/bench/lib_clock.sh
. "$bench/lib_clock.sh"
tree=${bench%/selftests/bench}
out=$tree/build/compare
export PP_BENCH_ROUNDS=${PP_BENCH_ROUNDS:-2} PP_BENCH_SECONDS=${PP_BENCH_SECONDS:-1}
cd "$tree"
unset MAKEFLAGS MAKELEVEL MFLAGS

if (($# < 1)) || ! base=$(git rev-parse --verify --quiet "$1^{commit}"); then
	sed -n '/^# Usage/,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
fi
shift
benchmarks=("$@")
(($#)) || benchmarks=(packets send accept)

# The sources alone: the tests are those of this tree
build_base() {
	rm -rf "$out"
	mkdir -p "$out/base"
	git archive "$base" | tar -x -C "$out/base"
	make -C "$out/base" module tools >"$out/build.log" 2>&1 || {
		tail -n 20 "$out/build.log" >&2
		return 1
	}
}

# run TREE BENCHMARK: with module and ppctl of TREE
run() {
	local name
	local -x PP_BENCH_ICOUNT

	name=$(basename "$1")-$2
	PP_BENCH_ICOUNT=$(clock_of "$2")
	PP_MODULE=$1/kmod/proxyproto.ko \
		selftests/vm/run.sh --icount "$PP_BENCH_ICOUNT" ${KERNEL:+--kernel "$KERNEL"} \
		--timeout 3600 --out "$out/$name" -- \
		env PPCTL="$1/tools/ppctl/ppctl" "$bench/$2.sh" >"$out/$name.log" 2>&1 || {
		tail -n 20 "$out/$name.log" >&2
		return 1
	}
}

# report BENCHMARK: each way of it, instructions before and now
report() {
	jq -r -n --argjson shift "$(clock_of "$1")" --arg name "$1" \
		--slurpfile base "$out/base-$1/bench_$1.json" \
		--slurpfile now "$out/$(basename "$tree")-$1/bench_$1.json" '
		def ways: if $name == "accept" then .kinds.short else .modes end;
		def instructions($m): ways[$m] | if $name == "packets" then .total.cost.median
			else .cpu_us.median * 1000 / pow(2; $shift) end | round;
		($base[0] | ways | keys_unsorted[]) as $m |
		select($now[0] | ways | has($m)) |
		[$m, ($base[0] | instructions($m)), ($now[0] | instructions($m))] |
		"| \($name) | \(.[0]) | \(.[1]) | \(.[2]) | \(.[2] / .[1] * 10000 | round / 10000) |"'
}

build_base
for benchmark in "${benchmarks[@]}"; do
	for which in "$out/base" "$tree"; do
		run "$which" "$benchmark"
	done
done
printf '| benchmark | way | %s | this tree | ratio |\n|---|---|--:|--:|--:|\n' "$(git describe --always "$base")"
for benchmark in "${benchmarks[@]}"; do
	report "$benchmark"
done
