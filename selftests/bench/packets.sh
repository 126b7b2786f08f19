#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the module adds to each packet of a connection that the host forwards: a connection without a
# rule, connections of a send rule (v2, v1, v2 with TLVs) and of an accept rule, in turns, each
# packet timed by itself (packets.c). Clients wait until their header is acknowledged, or send at
# once ("first"). No application, socket or NAT takes part, so that nothing hides a change of the
# module.
#
# Writes bench_packets.md and bench_packets.json to PP_RESULTS (build). Variables:
# PP_BENCH_ROUNDS (5), PP_BENCH_COUNT connections for each measurement (300).
set -euo pipefail
# shellcheck source=selftests/bench/lib_bench.sh
. "${BASH_SOURCE[0]%/*}/lib_bench.sh"

count=${PP_BENCH_COUNT:-300}
modes=(plain send send-v1 send-tlv send-first accept accept-first)
backend=10.0.2.2
declare -A rule=([send]="send to $backend port 8080 version 2"
	[send-v1]="send to $backend port 8080 version 1"
	[send-tlv]="send to $backend port 8080 authority bench.example crc32c tlv 0xe1=blue"
	[send-first]="send to $backend port 8080 version 2"
	[accept-first]="accept to $backend port 8080 from 10.32.0.0/11"
	[accept]="accept to $backend port 8080 from 10.32.0.0/11")

bench_need jq "$bench/packets"

# measure ROUND MODE
measure() {
	local result first=()

	[[ $2 != *-first ]] || first=(-f)
	result=$(packets "$2" "$count" "${first[@]}" "${2%-*}" $backend 8080)
	bench_record "\"round\":$1,\"mode\":\"$2\"" "$result"
	first_of[$2]=$((${first_of[$2]} + count))
}

# Everything that is computed from the raw figures
summary() {
	jq -s --arg kernel "$(uname -r)" --arg unit "$unit" --argjson rounds "$rounds" \
		--argjson count "$count" --arg modes "${modes[*]}" --argjson scale "$ns_per_unit" \
		"$bench_jq"'
		map(. + { cost: (.ns | map_values(.median / $scale)) }) |
		(group_by(.round) | map(map(key(.mode; .cost)) | from_entries)) as $rounds |
		{
			kernel: $kernel, unit: $unit, rounds: $rounds | length, count: $count,
			modes: ($modes | split(" ") | map(. as $m | key($m; $rounds[0][$m] |
				with_entries(.key as $step | .value = {
					cost: ($rounds | map(.[$m][$step]) | spread),
					more: ($rounds | map(.[$m][$step] - (.plain[$step] // 0)) | spread),
				}))) | from_entries),
			raw: .,
		}' "$raw"
}

markdown() {
	jq -r "$bench_jq"'
		def names: { plain: "no rule", send: "send, v2", "send-v1": "send, v1",
			"send-tlv": "send, v2 with TLVs", "send-first": "send, v2, client first",
			accept: "accept", "accept-first": "accept, client first" };
		def steps: ["syn", "synack", "ack", "header", "header_ack", "synack2", "request",
			"response", "fin_back", "fin_front", "last_ack", "total"];
		"Linux \(.kernel), \(.rounds) rounds of \(.count) connections each; medians, in \(.unit)\n",
		(["packet"] + (.modes | keys_unsorted | map(names[.])) | row),
		(["---"] + (.modes | map("--:")) | row),
		(. as $all | steps[] | . as $step | [$step] + ($all.modes | to_entries | map(
			.value[$step] as $v | if $v == null then "" elif .key == "plain" then
			($v.cost.median | n) else "\($v.cost.median | n) (+\($v.more.median | n))" end)) | row)
	' "$results/bench_packets.json"
}

module_require
bench_forwarder "${modes[@]}"
for mode in "${modes[@]}"; do
	# shellcheck disable=SC2086 # words of a rule
	[[ $mode == plain ]] || ns "$mode" "$PPCTL" add-rule ${rule[$mode]} >/dev/null
done
for ((round = 1; round <= rounds; round++)); do
	for mode in "${modes[@]}"; do
		measure $round "$mode"
	done
done
for mode in "${modes[@]}"; do
	case $mode in
	send*) is "$(first_of acked ns "$mode" "$PPCTL" -j show-stats)" $((rounds * count)) ;;
	accept*) is "$(first_of accepted ns "$mode" "$PPCTL" -j show-stats)" $((rounds * count)) ;;
	esac
done

mkdir -p "$results"
summary >"$results/bench_packets.json"
markdown | tee "$results/bench_packets.md"
