#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a change costs: instructions for each connection, of all machines of the
# benchmarks, with the module of an earlier commit and with that of this tree.
# Instructions are counted by the emulator, so that the figures do not depend on
# what else this machine does: the same tree gives the same within half a per cent.
#
# Usage: compare.sh COMMIT        behind "make bench-compare BASE=COMMIT"
#
# Variables: KDIR, kernel headers to build for; PP_BENCH_ROUNDS (2) and
# PP_BENCH_SECONDS (2) of each benchmark.
set -euo pipefail

bench=$(readlink -f "${BASH_SOURCE[0]%/*}")
tree=${bench%/selftests/bench}
out=$tree/build/compare
# 2^3 ns for an instruction
shift_ns=3
cd "$tree"
unset MAKEFLAGS MAKELEVEL MFLAGS

if (($# != 1)) || ! base=$(git rev-parse --verify --quiet "$1^{commit}"); then
	sed -n '/^# Usage/,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
fi

# The sources alone: the commit's tests are not what is run
build_base() {
	rm -rf "$out"
	mkdir -p "$out/base"
	git archive "$base" | tar -x -C "$out/base"
	make -C "$out/base" module tools >"$out/build.log" 2>&1 || {
		tail -n 20 "$out/build.log" >&2
		return 1
	}
}

# run TREE BENCHMARK: with the module and the ppctl of a tree
run() {
	local name

	name=$(basename "$1")-$2
	PP_MODULE=$1/kmod/proxyproto.ko \
		PP_BENCH_ROUNDS=${PP_BENCH_ROUNDS:-2} PP_BENCH_SECONDS=${PP_BENCH_SECONDS:-2} \
		selftests/vm/run.sh --icount $shift_ns --timeout 3600 --out "$out/$name" -- \
		env PPCTL="$1/tools/ppctl/ppctl" "$bench/$2.sh" >"$out/$name.log" 2>&1 || {
		tail -n 20 "$out/$name.log" >&2
		return 1
	}
}

# report BENCHMARK: each way of it, instructions before and now
report() {
	jq -r -n --argjson shift $shift_ns --slurpfile base "$out/base-$1/bench_$1.json" \
		--slurpfile now "$out/$(basename "$tree")-$1/bench_$1.json" '
		def ways: .modes // .kinds.short;
		def instructions($m): ways[$m].cpu_us.median * 1000 / pow(2; $shift) | round;
		($base[0] | ways | keys_unsorted[]) as $m |
		[$m, ($base[0] | instructions($m)), ($now[0] | instructions($m))] |
		"| '"$1"' | \(.[0]) | \(.[1]) | \(.[2]) | \(.[2] / .[1] * 1000 | round / 1000) |"'
}

build_base
for benchmark in send accept; do
	for which in "$out/base" "$tree"; do
		run "$which" $benchmark
	done
done
printf '| benchmark | way | %s | this tree | ratio |\n|---|---|--:|--:|--:|\n' "$(git describe --always "$base")"
for benchmark in send accept; do
	report $benchmark
done
