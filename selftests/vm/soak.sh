#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A soak, behind "make soak": JOBS virtual machines beside each other, each with its
# share of N connections (soak.sh), and what came of all of them. A run that was
# interrupted goes on where it stopped when it is asked for again.
#
# Usage: soak.sh N [SEED] [JOBS] [OPTION of run.sh]...
#
# Writes to build/soak. Exit status: 0 if nothing was wrong in any.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
out=${here%/selftests/vm}/build/soak
total=$1 seed=${2:-} jobs=${3:-1}
shift $(($# < 3 ? $# : 3))
cd "${here%/selftests/vm}"

# The run that is there, if it was one of these; a seed that nobody asked for is its own
run="N=$total JOBS=$jobs $*"
if [[ ! -e $out/run || $(<"$out/run") != "$run" || -e $out/soak.json ||
	(-n $seed && $(<"$out/seed") != "$seed") ]]; then
	rm -rf "$out"
	mkdir -p "$out"
	echo "${seed:-$(date +%s)}" >"$out/seed"
	echo "$run" >"$out/run"
fi
seed=$(<"$out/seed")

pids=() status=0
for ((job = 1; job <= jobs; job++)); do
	"$here/run.sh" "$@" --out "$out/$job" -- selftests/soak.sh \
		$(((total + jobs - 1) / jobs)) $((seed + 1000 * job)) >"$out/$job.log" &
	pids+=($!)
done
trap 'kill "${pids[@]}" 2>/dev/null || true' INT TERM
for pid in "${pids[@]}"; do
	wait "$pid" || status=$?
done
((!status)) || {
	tail -n 5 "$out"/*.log >&2
	exit "$status"
}
PP_RESULTS=$out selftests/soak.sh --sum "$out"/*/soak.jsonl
