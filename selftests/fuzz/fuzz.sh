#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Looks for inputs that violate what the fuzz targets promise, with clang's libFuzzer, one target
# after another. Prints TAP. Failing inputs are in build/fuzz, and so are inputs that reach new
# code, with which the next run begins.
#
# Usage: fuzz.sh [SECONDS [TARGET...]]    for so long each (60)
#        fuzz.sh --minimize [TARGET...]   keeps in corpus/ only the smallest inputs that
#                                         reach all edges, and inputs with a name
set -euo pipefail
# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib/lib.sh"

need make clang pkg-config
cd "$pp_selftests/fuzz"
unset MAKEFLAGS MAKELEVEL MFLAGS
out=$pp_tree/build/fuzz
# A header that is read has 4096 bytes at most, and longer ones must be refused
longest=4200
# Time and memory for one input
limits=(-timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=64)

dictionary() {
	echo "-dict=${1%%_*}.dict"
}

# Executions and edges, from libFuzzer's last lines
figures() {
	local runs edges

	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$1")
	edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$1" | tail -n 1)
	echo "${runs:-0} executions, ${edges:-0} edges"
}

# fuzz TARGET SECONDS
fuzz() {
	local dir=$out/$1 log=$out/$1.log

	mkdir -p "$dir" "corpus/$1"
	if "$out/$1.fuzz" -max_total_time="$2" -max_len="$longest" -print_final_stats=1 \
		"${limits[@]}" "$(dictionary "$1")" -artifact_prefix="$out/$1-" \
		"$dir" "corpus/$1" >"$log" 2>&1 </dev/null; then
		ok "fuzz: $1, $2 s, $(figures "$log") -> nothing found"
	else
		not_ok "fuzz: $1, $(figures "$log") -> finding: see $log"
		grep -E '^[^ ]+:[0-9]+: not so|^[0-9]+ bytes: |^==.*ERROR|runtime error|^Test unit|written to' \
			"$log" | diag
	fi
}

# minimize TARGET: edges count, not how often they are passed, so that the corpus is small; inputs
# that a person has named stay
minimize() {
	local new=$out/$1.min

	rm -rf "$new"
	mkdir -p "$new" "$out/$1"
	find "corpus/$1" -type f ! -name '????????????????????????????????????????' -exec cp -t "$new" {} +
	"$out/$1.fuzz" -merge=1 -use_counters=0 -max_len="$longest" "${limits[@]}" \
		"$new" "corpus/$1" "$out/$1" >"$out/$1.min.log" 2>&1
	rm -rf "corpus/$1"
	mv "$new" "corpus/$1"
	ok "fuzz: $1, smallest inputs -> $(find "corpus/$1" -type f | wc -l) kept"
}

case ${1:-60} in
--minimize) action=minimize ;;
*[!0-9]*)
	sed -n '/^# Usage/,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
*) action=fuzz seconds=${1:-60} ;;
esac
targets=("${@:2}")
((${#targets[@]})) || targets=(header_read header_write ppctl_words ppctl_restore)
make -s fuzz "OUT=$out"
for target in "${targets[@]}"; do
	"$action" "$target" ${seconds:+"$seconds"}
done
