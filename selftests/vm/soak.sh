#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A soak, behind "make soak": JOBS machines side by side, each with its share of N connections
# (soak.sh), and the results of all. The same command continues an interrupted run.
#
# Usage: soak.sh N [SEED] [JOBS] [OPTION of run.sh]...
#   without an option of run.sh, in simulated time
#
# Writes to build/soak. Exit status: 0 if nothing was wrong on any machine.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
out=${here%/selftests/vm}/build/soak
total=$1 seed=${2:-} jobs=${3:-1}
shift $(($# < 3 ? $# : 3))
cd "${here%/selftests/vm}"

if (($# == 0)); then
	read -r kernel PP_MODULE < <("$here/sim.sh" --prepare)
	[[ -n $kernel ]] || exit 125
	export PP_MODULE
	set -- --kernel "$kernel" --memory 2048 --timeout 86400
fi

# Continues the run in build/soak if it has these parameters; without a SEED, any seed matches
run="N=$total JOBS=$jobs"
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
	PP_SEED=$((seed + job)) "$here/run.sh" "$@" --out "$out/$job" -- selftests/soak.sh \
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
