#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What bytes cost once a connection is established: long connections from a client over the load
# balancer to a backend, in both directions, in turns by plain routing, by NAT, by NAT with a send
# rule, by both with an nft flowtable, by HAProxy, and by plain routing to a backend with an accept
# rule. Ratios are taken within each round; medians, with the least and the most.
#
# Writes bench_bytes.md and bench_bytes.json to PP_RESULTS (build). Variables:
# PP_BENCH_ROUNDS (5), PP_BENCH_SECONDS for each measurement (0.1, but no less than
# one connection), PP_BENCH_BYTES of each connection (16 MiB).
set -euo pipefail
# shellcheck source=selftests/bench/lib_bench.sh
. "${BASH_SOURCE[0]%/*}/lib_bench.sh"

seconds=${PP_BENCH_SECONDS:-0.1}
bytes=${PP_BENCH_BYTES:-$((16 << 20))}
modes=(routing nat send flowtable send-flowtable haproxy accept)
declare -A bport=([routing]=9001 [nat]=9002 [send]=9003 [flowtable]=9004 [send-flowtable]=9005
	[haproxy]=9006 [accept]=9007)
REAL=192.0.2.77

bench_need nft jq conntrack haproxy "$bench/bulk"

start_servers() {
	local mode

	for mode in "${modes[@]}"; do
		case $mode in
		send | send-flowtable | haproxy) set -- "$CLIENT" ;;
		*) set -- ;;
		esac
		start_bg "bulk-$mode" backend "$bench/bulk" serve "$BACKEND" "${bport[$mode]}" "$@"
		wait_port backend "${bport[$mode]}"
	done
	bench_haproxy lb "$VIP:81" "$BACKEND:${bport[haproxy]}"
}

# Counts packets that pass netfilter: none once a flow is offloaded
flowtable() {
	ns lb nft -f - <<-END
		table inet pp_forward {
			counter seen { }
			flowtable f {
				hook ingress priority 0
				devices = { front, back }
			}
			chain forward {
				type filter hook forward priority 0; policy accept;
				counter name seen
				meta l4proto tcp flow add @f
			}
		}
	END
}

# enter MODE: sets the mode up and removes the others; TARGET is what the client connects to
enter() {
	lb_ppctl flush-rules
	backend_ppctl flush-rules
	ns lb nft flush ruleset
	ns lb conntrack -F 2>/dev/null
	TARGET=("$VIP" 80)
	case $1 in
	routing | accept) TARGET=("$BACKEND" "${bport[$1]}") ;;
	haproxy) TARGET=("$VIP" 81) ;;
	*) nat_dnat_masq 80 "${bport[$1]}" ;;
	esac
	case $1 in
	*flowtable) flowtable ;;
	accept) accept_rule to "$BACKEND" port "${bport[accept]}" from "$CLIENT" ;;
	esac
	case $1 in
	send*) rule to "$BACKEND" port "${bport[$1]}" version 2 ;;
	esac
}

received() {
	# shellcheck disable=SC2016 # words of awk
	ns lb awk '/(front|back):/ { sum += $3 } END { print sum }' /proc/net/dev
}

# in_the_way MODE CONNECTIONS PACKETS: the module, the flowtable
in_the_way() {
	local seen

	case $1 in
	send*)
		is "$(rule_stat tagged)" "$2" 'tagged connections'
		is "$(rule_stat acked)" "$2" 'acknowledged headers'
		;;
	accept) is "$(accept_rule_stat accepted)" "$2" 'accepted connections' ;;
	esac
	case $1 in
	*flowtable)
		seen=$(ns lb nft list counter inet pp_forward seen | awk '/packets/ { print $2 }')
		((seen * 10 < $3)) || fail "netfilter saw $seen of $3 packets"
		;;
	esac
}

# measure ROUND MODE get|put
measure() {
	local header=() before result

	enter "$2"
	[[ $2 != accept ]] || header=("$REAL")
	before=$(received)
	result=$(ns client "$bench/bulk" "$3" "${TARGET[@]}" "$seconds" "$bytes" "${header[@]}")
	in_the_way "$2" "$(bench_total "$result")" $(($(received) - before))
	bench_record "\"round\":$1,\"mode\":\"$2\",\"way\":\"$3\"" "$result"
}

# Everything that is computed from the raw figures
summary() {
	jq -s --arg kernel "$(uname -r)" --argjson cpus "$(nproc)" --argjson seconds "$seconds" \
		--argjson size "$bytes" --arg unit "$unit" "$bench_jq"'
		derived($cpus) |
		{ routing: "routing", nat: "nat", send: "nat", flowtable: "nat",
			"send-flowtable": "flowtable", haproxy: "nat", accept: "routing" } as $against |
		{
			kernel: $kernel, cpus: $cpus, seconds: $seconds, bytes: $size, unit: $unit,
			rounds: (map(.round) | max), failed: (map(.failed) | add),
			ways: (group_by(.way) | map(
				(group_by(.round) | map(map(key(.mode; .)) | from_entries)) as $rounds |
				key(.[0].way; $against | with_entries(.key as $m | .value as $to | .value = {
					against: $to,
					mb_per_s: ($rounds | map(.[$m].mb_per_s) | spread),
					cpu_s_per_gb: ($rounds | map(.[$m].cpu_s_per_gb) | spread),
					rate_ratio: ($rounds | map(.[$m].mb_per_s / .[$to].mb_per_s) | spread),
					cpu_ratio: ($rounds | map(.[$m].cpu_s_per_gb / .[$to].cpu_s_per_gb) | spread),
				}))) | from_entries),
			raw: .,
		}' "$raw"
}

markdown() {
	jq -r "$bench_jq"'
		def names: { routing: "plain routing", nat: "NAT (DNAT, masquerade)",
			send: "NAT and a send rule, v2", flowtable: "NAT, flowtable",
			"send-flowtable": "NAT, flowtable and a send rule, v2",
			haproxy: "HAProxy, send-proxy-v2", accept: "plain routing, accept rule" };
		"Linux \(.kernel), \(.cpus) CPUs, \(.rounds) rounds, " +
		"connections of \(.bytes / 1048576 | n) MiB; medians, ratios within each round " +
		"(least to most)",
		(.ways | to_entries[] | "\n\({ get: "From the backend", put: "To the backend" }[.key]):\n",
			(["way", "MB/s", "CPU s per GB", "against", "throughput", "CPU per byte"] | row),
			(["---", "--:", "--:", "---", "--:", "--:"] | row),
			(.value | to_entries[] | [names[.key], (.value.mb_per_s.median | n),
				(.value.cpu_s_per_gb.median | r), names[.value.against],
				(.value | (.rate_ratio, .cpu_ratio) | within)] | row))
	' "$results/bench_bytes.json"
}

module_require
topo_lb 4
bench_tune client lb backend
start_servers
for ((round = 1; round <= rounds; round++)); do
	for mode in "${modes[@]}"; do
		for way in get put; do
			measure $round "$mode" $way
		done
	done
done
enter routing

mkdir -p "$results"
summary >"$results/bench_bytes.json"
markdown | tee "$results/bench_bytes.md"
is "$(jq .failed "$results/bench_bytes.json")" 0 'failed connections'
