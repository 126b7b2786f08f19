#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the module costs traffic that no rule matches: without the module, with it, and with 1,000
# send rules, with an accept rule and with both for others, in turns. Short connections by NAT, long
# ones, and single forwarded packets. Ratios are taken within each round; medians, with the least
# and the most.
#
# Writes bench_idle.md and bench_idle.json to PP_RESULTS (build). Variables:
# PP_BENCH_ROUNDS (5), PP_BENCH_SECONDS for each measurement (1).
set -euo pipefail
# shellcheck source=selftests/bench/lib_bench.sh
. "${BASH_SOURCE[0]%/*}/lib_bench.sh"

modes=(none loaded send accept both)
declare -A rules_of=([send]=1000 [accept]=1 [both]=1001)
bytes=$((16 << 20))

bench_need nft jq conntrack "$bench/bulk" "$bench/packets" "$bench/../pp_netlink_load"

# enter MODE
enter() {
	local ns

	if module_loaded; then
		lb_ppctl flush-rules
		"$PPCTL" -n "$(ns_name tun)" flush-rules
	fi
	ns lb conntrack -F 2>/dev/null
	if [[ $1 == none ]]; then
		module_unload
		return
	fi
	module_load
	for ns in lb tun; do
		[[ $1 != send && $1 != both ]] ||
			ns "$ns" "$bench/../pp_netlink_load" hosts 0 1000 >/dev/null
		[[ $1 != accept && $1 != both ]] ||
			ns "$ns" "$PPCTL" add-rule accept to 10.99.0.1 port 80 from 10.99.0.0/16 >/dev/null
	done
}

not_in_the_way() {
	[[ $1 != none ]] || ! module_loaded || fail "the module is loaded"
	if [[ -n ${rules_of[$1]:-} ]]; then
		is "$(lb_ppctl -j list-rules | grep -o '"id"' | wc -l)" "${rules_of[$1]}" 'rules'
		is "$(first_of tagged lb_ppctl -j show-stats)" 0 'tagged connections'
	fi
}

# measure ROUND MODE
measure() {
	local short long single

	enter "$2"
	# work that loading and unloading has left for later must not be measured
	sleep 1
	short=$(ns client "$bench/load" "$VIP" 80 "$seconds" "$connections")
	long=$(ns client "$bench/bulk" get "$VIP" 81 "$seconds" "$bytes")
	single=$(packets tun 200 plain 10.0.2.2 8080)
	not_in_the_way "$2"
	bench_record "\"round\":$1,\"mode\":\"$2\",\"short\":$short,\"long\":$long" "$single"
}

# Everything that is computed from the raw figures
summary() {
	jq -s --arg kernel "$(uname -r)" --argjson cpus "$(nproc)" --argjson seconds "$seconds" \
		--argjson connections "$connections" --arg unit "$unit" \
		--argjson scale "$ns_per_unit" "$bench_jq"'
		map(([.short] | derived($cpus)[0]) as $short | ([.long] | derived($cpus)[0]) as $long |
			{ round, mode, failed: ($short.failed + $long.failed), rate: $short.rate,
			cpu_us: $short.cpu_us, mb_per_s: $long.mb_per_s, cpu_s_per_gb: $long.cpu_s_per_gb,
			syn: (.ns.syn.median / $scale), request: (.ns.request.median / $scale),
			response: (.ns.response.median / $scale) }) |
		["rate", "cpu_us", "mb_per_s", "cpu_s_per_gb", "syn", "request", "response"] as $figures |
		(group_by(.round) | map(map(key(.mode; .)) | from_entries)) as $rounds |
		{
			kernel: $kernel, cpus: $cpus, seconds: $seconds, connections: $connections,
			unit: $unit, rounds: ($rounds | length), failed: (map(.failed) | add),
			modes: (["none", "loaded", "send", "accept", "both"] | map(. as $m | key($m; $figures | map(. as $f |
				key($f; { value: ($rounds | map(.[$m][$f]) | spread),
					ratio: ($rounds | map(.[$m][$f] / .none[$f]) | spread) })) |
				from_entries)) | from_entries),
			raw: .,
		}' "$raw"
}

markdown() {
	jq -r "$bench_jq"'
		def names: { none: "no module", loaded: "module, no rule", send: "1,000 send rules",
			accept: "an accept rule", both: "1,000 send rules, an accept rule" };
		"Linux \(.kernel), \(.cpus) CPUs, \(.rounds) rounds of \(.seconds) s each; medians, " +
		"ratios within each round (least to most)\n",
		(["", "connections/s", "CPU each", "throughput", "CPU per byte"] | row),
		(["---", "--:", "--:", "--:", "--:"] | row),
		(.modes | to_entries[] | [names[.key], (.value | (.rate, .cpu_us, .mb_per_s,
			.cpu_s_per_gb) | .ratio | within)] | row),
		"\nA packet that is forwarded, \(.unit):\n",
		(["", "SYN", "request", "response"] | row), (["---", "--:", "--:", "--:"] | row),
		(.modes | to_entries[] | [names[.key], (.value | (.syn, .request, .response) |
			.value.median | n)] | row)
	' "$results/bench_idle.json"
}

module_require
topo_lb 4
bench_tune client lb backend
ns_sysctl lb net.netfilter.nf_conntrack_tcp_timeout_time_wait=1
bench_forwarder tun
nat_dnat_masq 80 9001
ns lb nft add rule inet pp_nat prerouting ip daddr "$VIP" tcp dport 81 dnat ip to "$BACKEND:9002"
start_bg sink backend "$bench/sink" "$BACKEND" 9001
start_bg bulk backend "$bench/bulk" serve "$BACKEND" 9002
wait_port backend 9001
wait_port backend 9002
for ((round = 1; round <= rounds; round++)); do
	for mode in "${modes[@]}"; do
		measure $round "$mode"
	done
done
enter none

mkdir -p "$results"
summary >"$results/bench_idle.json"
markdown | tee "$results/bench_idle.md"
is "$(jq .failed "$results/bench_idle.json")" 0 'failed connections'
