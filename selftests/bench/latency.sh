#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How long a client waits for the first byte, from connect(), without and with loss: short
# connections from a client over the load balancer to a backend, in turns by plain routing, by NAT,
# by NAT with a send rule, by HAProxy, and by plain routing to a backend with an accept rule.
# Packets of both links are lost, in both directions. Medians of the rounds, with the least and the
# most.
#
# Writes bench_latency.md and bench_latency.json to PP_RESULTS (build). Variables:
# PP_BENCH_ROUNDS (5), PP_BENCH_SECONDS for each measurement (1; with loss three
# times as long), PP_BENCH_LOSS ("0 1"): per cent.
set -euo pipefail
# shellcheck source=selftests/bench/lib_bench.sh
. "${BASH_SOURCE[0]%/*}/lib_bench.sh"

read -ra losses <<<"${PP_BENCH_LOSS:-0 1}"
modes=(routing nat send haproxy accept)
declare -A bport=([routing]=9001 [nat]=9002 [send]=9003 [haproxy]=9004 [accept]=9005)
# One connection at a time shows the latency of the path. With loss, many at a time: a connection
# that waits for a lost packet must not keep others from beginning.
declare -A at_a_time=([0]=1)
REAL=192.0.2.77

bench_need nft jq conntrack haproxy tc

start_servers() {
	local mode

	for mode in "${modes[@]}"; do
		case $mode in
		send | haproxy) set -- "$CLIENT" ;;
		*) set -- ;;
		esac
		start_bg "sink-$mode" backend "$bench/sink" "$BACKEND" "${bport[$mode]}" "$@"
		wait_port backend "${bport[$mode]}"
	done
	bench_haproxy lb "$VIP:81" "$BACKEND:${bport[haproxy]}"
}

# enter MODE: TARGET is what the client connects to
enter() {
	lb_ppctl flush-rules
	backend_ppctl flush-rules
	ns lb nft flush ruleset
	ns lb conntrack -F 2>/dev/null
	case $1 in
	routing | accept) TARGET=("$BACKEND" "${bport[$1]}") ;;
	nat | send) TARGET=("$VIP" 80) && nat_dnat_masq 80 "${bport[$1]}" ;;
	haproxy) TARGET=("$VIP" 81) ;;
	esac
	case $1 in
	send) rule to "$BACKEND" port "${bport[send]}" version 2 ;;
	accept) accept_rule to "$BACKEND" port "${bport[accept]}" from "$CLIENT" ;;
	esac
}

# lose PERCENT
lose() {
	local link

	for link in 'client eth0' 'lb front' 'lb back' 'backend eth0'; do
		# shellcheck disable=SC2086 # two words
		if (($1)); then
			netem $link loss "$1%"
		else
			netem $link none 2>/dev/null || true
		fi
	done
}

# After some time all of them: if a client got an answer, its header was sent
in_the_way() {
	case $1 in
	send) (($(rule_stat tagged) >= $2)) || fail "$(rule_stat tagged) of $2 tagged" ;;
	accept) (($(accept_rule_stat accepted) >= $2)) ||
		fail "$(accept_rule_stat accepted) of $2 accepted" ;;
	esac
}

# measure ROUND LOSS MODE
measure() {
	local header=() result

	enter "$3"
	[[ $3 != accept ]] || header=(-c "$REAL")
	result=$(ns client "$bench/load" "${header[@]}" "${TARGET[@]}" $(($2 ? 3 * seconds : seconds)) \
		"${at_a_time[$2]:-$connections}")
	in_the_way "$3" "$(json_first good <<<"$result")"
	bench_record "\"round\":$1,\"loss\":$2,\"mode\":\"$3\"" "$result"
}

# Everything that is computed from the raw figures
summary() {
	jq -s --arg kernel "$(uname -r)" --argjson cpus "$(nproc)" --argjson seconds "$seconds" \
		--argjson connections "$connections" --arg unit "$unit" "$bench_jq"'
		["first_p50_us", "first_p99_us", "first_p999_us"] as $figures |
		{
			kernel: $kernel, cpus: $cpus, seconds: $seconds, connections: $connections,
			unit: $unit, rounds: (map(.round) | max), failed: (map(.failed) | add),
			losses: (group_by(.loss) | map(key(.[0].loss | tostring;
				(group_by(.round) | map(map(key(.mode; .)) | from_entries)) as $rounds |
				["routing", "nat", "send", "haproxy", "accept"] | map(. as $m | key($m;
					{ good: ($rounds | map(.[$m].good) | add) } +
					($figures | map(. as $f | key($f; $rounds | map(.[$m][$f]) | spread)) |
						from_entries) +
					{ against_nat: ($rounds | map(.[$m].first_p50_us / .nat.first_p50_us) |
						spread) })) | from_entries)) | from_entries),
			raw: .,
		}' "$raw"
}

markdown() {
	jq -r "$bench_jq"'
		def names: { routing: "plain routing", nat: "NAT (DNAT, masquerade)",
			send: "NAT and a send rule, v2", haproxy: "HAProxy, send-proxy-v2",
			accept: "plain routing, accept rule" };
		def ms: "\(.median / 1000 | r) (\(.low / 1000 | r) to \(.high / 1000 | r))";
		"Linux \(.kernel), \(.cpus) CPUs, \(.rounds) rounds of \(.seconds) s each; medians of " +
		"the rounds (least to most)",
		(.losses | to_entries[] | "\n\(.key) % loss; connect() to first byte, ms:\n",
			(["way", "p50", "p99", "p99.9", "p50 against NAT", "connections"] | row),
			(["---", "--:", "--:", "--:", "--:", "--:"] | row),
			(.value | to_entries[] | [names[.key], (.value | (.first_p50_us, .first_p99_us,
				.first_p999_us) | ms), (.value.against_nat | within), (.value.good | n)] | row))
	' "$results/bench_latency.json"
}

module_require
topo_lb 4
bench_tune client lb backend
ns_sysctl lb net.netfilter.nf_conntrack_tcp_timeout_time_wait=1
start_servers
for mode in "${modes[@]}"; do
	enter "$mode"
	ns client "$bench/load" "${TARGET[@]}" 0.2 1 >/dev/null
done
for ((round = 1; round <= rounds; round++)); do
	for loss in "${losses[@]}"; do
		lose "$loss"
		for mode in "${modes[@]}"; do
			measure $round "$loss" "$mode"
		done
	done
done
lose 0
enter routing

mkdir -p "$results"
summary >"$results/bench_latency.json"
markdown | tee "$results/bench_latency.md"
# A connection that fails under loss is one that its client gave up
is "$(jq -s 'map(select(.loss == 0).failed) | add' "$raw")" 0 'failed connections'
