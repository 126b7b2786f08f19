#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What each function of the module costs for a forwarded connection that is sent or accepted
# (packets.c), with all that it calls. The function graph tracer measures a function. The tracer
# takes time in each function that it sees, so it sees one at a time. A constant remains in each
# figure, about 660 instructions: that of the smallest function is printed. Functions that the
# compiler has inlined count for their callers.
#
# Writes bench_functions.md and bench_functions.json to PP_RESULTS (build).
# Variables: PP_BENCH_COUNT connections for each function (40); PP_BENCH_KINDS ("send
# accept").
set -euo pipefail
# shellcheck source=selftests/bench/lib_bench.sh
. "${BASH_SOURCE[0]%/*}/lib_bench.sh"

count=${PP_BENCH_COUNT:-40}
read -ra kinds <<<"${PP_BENCH_KINDS:-send accept}"
tracing=/sys/kernel/tracing
backend=10.0.2.2

bench_need jq "$bench/packets"
grep -q function_graph $tracing/available_tracers || die "this kernel has no function graph tracer"

# trace KIND FUNCTION...: writes what the tracer sees of these in some connections to a file. Not in
# a subshell, which could not say which ports have been used.
trace() {
	local kind=$1

	shift
	printf '%s\n' "$@" >$tracing/set_ftrace_filter
	: >$tracing/trace
	echo function_graph >$tracing/current_tracer
	packets "$kind" "$count" "$kind" $backend 8080 >/dev/null
	first_of[$kind]=$((${first_of[$kind]} + count))
	echo 0 >$tracing/tracing_on
	cat $tracing/trace >"$PP_TMP/trace"
	echo nop >$tracing/current_tracer
	echo 1 >$tracing/tracing_on
}

# called: the module's functions in the file
called() {
	sed -n 's/.*|  *\([a-z_0-9.]*\)\( \[proxyproto\]\)\{0,1\}().*/\1/p' "$PP_TMP/trace" | sort -u
}

# measure KIND FUNCTION: one line of JSON
measure() {
	trace "$1" "$2"
	awk -v kind="$1" -v name="$2" -v count="$count" '
		index($0, name) && match($0, /[0-9.]+ us/) {
			hits++
			ns += substr($0, RSTART, RLENGTH) * 1000
		}
		END {
			if (hits)
				printf "{\"kind\":\"%s\",\"function\":\"%s\",\"calls\":%.3f,\"ns\":%.1f}\n",
					kind, name, hits / count, ns / hits
		}' "$PP_TMP/trace" | tee -a "$raw"
}

# Everything that is computed from the raw figures
summary() {
	jq -s --arg kernel "$(uname -r)" --arg unit "$unit" --argjson count "$count" \
		--argjson scale "$ns_per_unit" "$bench_jq"'
		map(. + { each: (.ns / $scale), connection: (.ns * .calls / $scale) }) |
		{
			kernel: $kernel, unit: $unit, count: $count, least: (map(.each) | min),
			kinds: (group_by(.kind) | map(key(.[0].kind; sort_by(-.connection))) | from_entries),
		}' "$raw"
}

markdown() {
	jq -r "$bench_jq"'
		"Linux \(.kernel), \(.count) connections for each function; means, in \(.unit), with all " +
		"that the function calls and about \(.least | n) of the tracer",
		(.kinds | to_entries[] | "\n\(.key):\n",
			(["function", "calls for a connection", "each", "for a connection"] | row),
			(["---", "--:", "--:", "--:"] | row),
			(.value[] | [.function, (.calls | r), (.each, .connection | n)] | row))
	' "$results/bench_functions.json"
}

module_require
bench_forwarder send accept
ns send "$PPCTL" add-rule send to $backend port 8080 >/dev/null
ns accept "$PPCTL" add-rule accept to $backend port 8080 from 10.32.0.0/11 >/dev/null
mapfile -t functions < <(awk '/\[proxyproto\]/ { print $1 }' $tracing/available_filter_functions)
for kind in "${kinds[@]}"; do
	trace "$kind" "${functions[@]}"
	mapfile -t names < <(called)
	((${#names[@]} > 10)) || die "no more than ${#names[@]} functions of the module are called"
	for name in "${names[@]}"; do
		measure "$kind" "$name"
	done
done

mkdir -p "$results"
summary >"$results/bench_functions.json"
markdown | tee "$results/bench_functions.md"
