#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a send rule costs: short connections from a client over the load
# balancer to a backend, in turns by plain routing, by NAT, by NAT with a send
# rule (v2, v1, v2 with TLVs), by HAProxy (tcp, send-proxy-v2) and by nginx
# (stream, v1). Ratios are taken within each round; medians, with the least and
# the most.
#
# All three machines are namespaces of one: the load balancer's own share of
# CPU is the total minus that of plain routing in the same round. Writes
# bench_send.md and bench_send.json to PP_RESULTS (build). Variables:
# PP_BENCH_ROUNDS (5), PP_BENCH_SECONDS for each measurement (1),
# PP_BENCH_CONNECTIONS at a time (1: with more of them, where an emulated processor
# is shared by all, a client comes to speak only after the ACK has waited).
set -euo pipefail
PP_BENCH_CONNECTIONS=${PP_BENCH_CONNECTIONS:-1}
# shellcheck source=selftests/bench/lib_bench.sh
. "${BASH_SOURCE[0]%/*}/lib_bench.sh"

# Each has a port of the backend for itself, so that none meets connections of
# another in TIME_WAIT
modes=(routing nat send send-v1 send-tlv haproxy nginx)
declare -A bport=([routing]=9001 [nat]=9002 [send]=9003 [haproxy]=9004 [nginx]=9005
	[send-v1]=9006 [send-tlv]=9007)
# What the header of each rule is
declare -A header=([send]='version 2' [send-v1]='version 1'
	[send-tlv]='version 2 authority bench.example crc32c tlv 0xe1=blue')
stream_module=/usr/lib/nginx/modules/ngx_stream_module.so

bench_need nft jq conntrack haproxy nginx
[[ -e $stream_module ]] || die "nginx has no stream module"

write_conf() {
	cat >"$PP_TMP/nginx.conf" <<-END
		load_module $stream_module;
		pid $PP_TMP/nginx.pid;
		error_log $PP_TMP/error.log;
		worker_processes auto;
		events {
			worker_connections 4000;
		}
		stream {
			server {
				listen 10.0.1.1:82;
				proxy_pass 10.0.2.2:${bport[nginx]};
				proxy_protocol on;
			}
		}
	END
}

# Connections of conntrack must not linger
tune() {
	bench_tune client lb backend
	ns_sysctl lb net.netfilter.nf_conntrack_tcp_timeout_time_wait=1 \
		net.netfilter.nf_conntrack_tcp_timeout_close=1
}

start_servers() {
	local mode

	for mode in "${modes[@]}"; do
		case $mode in
		routing | nat) set -- ;;
		*) set -- "$CLIENT" ;;
		esac
		start_bg "sink-$mode" backend "$bench/sink" "$BACKEND" "${bport[$mode]}" "$@"
		wait_port backend "${bport[$mode]}"
	done
	bench_haproxy "${bport[haproxy]}"
	start_bg nginx lb nginx -c "$PP_TMP/nginx.conf" -g 'daemon off; user root;'
	wait_port lb 82
}

# enter MODE: with nothing of the others in the way, not even empty hooks;
# TARGET is what the client connects to
enter() {
	lb_ppctl flush-rules
	ns lb nft flush ruleset
	ns lb conntrack -F 2>/dev/null
	case $1 in
	routing) TARGET=("$BACKEND" "${bport[routing]}") ;;
	nat | send*) TARGET=("$VIP" 80) && nat_dnat_masq 80 "${bport[$1]}" ;;
	haproxy) TARGET=("$VIP" 81) ;;
	nginx) TARGET=("$VIP" 82) ;;
	esac
	# shellcheck disable=SC2086 # words of a rule
	[[ $1 != send* ]] || rule to "$BACKEND" port "${bport[$1]}" ${header[$1]}
}

# load SECONDS: JSON
load() {
	ns client "$bench/load" "${TARGET[@]}" "$1" "$connections"
}

# Every connection of the mode just measured was tagged: $1 of them
all_tagged() {
	is "$(rule_stat tagged)" "$1" 'tagged connections'
	is "$(rule_stat acked)" "$1" 'acknowledged headers'
}

measure() {
	local round=$1 mode=$2 result

	enter "$mode"
	result=$(load "$seconds")
	[[ $mode != send* ]] || all_tagged "$(bench_total "$result")"
	bench_record "\"round\":$round,\"mode\":\"$mode\"" "$result"
}

# Everything that follows from the raw figures
summary() {
	jq -s --arg kernel "$(uname -r)" --argjson cpus "$(nproc)" --argjson seconds "$seconds" \
		--argjson connections "$connections" --arg modes "${modes[*]}" "$bench_jq"'
		derived($cpus) | ($modes | split(" ")) as $modes |
		def values($mode; f): map(.[$mode] | f);
		# of each round, mode to result, with the share of the load balancer
		(group_by(.round) | map(map({ key: .mode, value: . }) | from_entries |
			.routing.cpu_us as $base | map_values(. + { lb_us: (.cpu_us - $base) })
		)) as $rounds |
		{
			kernel: $kernel, cpus: $cpus, seconds: $seconds, connections: $connections,
			rounds: ($rounds | length),
			modes: ($modes | map(. as $m | { key: $m, value: ($rounds | {
				good: (values($m; .good) | add),
				failed: (values($m; .failed) | add),
				rate: (values($m; .rate) | spread),
				cpu_us: (values($m; .cpu_us) | spread),
				lb_us: (values($m; .lb_us) | spread),
				p50_us: (values($m; .p50_us) | spread),
				p99_us: (values($m; .p99_us) | spread),
			}) }) | from_entries),
			ratios: (["nat", "haproxy"] | map(. as $to | { key: $to, value: (
				$modes | map(. as $m |
				select($m != $to) | { key: $m, value: {
					rate: ($rounds | map(.[$m].rate / .[$to].rate) | spread),
					cpu_us: ($rounds | map(.[$m].cpu_us / .[$to].cpu_us) | spread),
					more_us: ($rounds | map(.[$m].cpu_us - .[$to].cpu_us) | spread),
					lb_us: ($rounds | map(.[$m].lb_us / .[$to].lb_us) | spread),
				} }) | from_entries
			) }) | from_entries),
			raw: .,
		}' "$raw"
}

markdown() {
	jq -r "$bench_jq"'
		def names: { routing: "plain routing", nat: "NAT (DNAT, masquerade)",
			send: "NAT and a send rule, v2", "send-v1": "NAT and a send rule, v1",
			"send-tlv": "NAT and a send rule, v2 with TLVs", haproxy: "HAProxy, send-proxy-v2",
			nginx: "nginx stream, v1" };
		"Linux \(.kernel), \(.cpus) CPUs, \(.rounds) rounds of \(.seconds) s each, " +
		"\(.connections) connections at a time\n",
		"Medians; CPU in microseconds per connection, of all CPUs.\n",
		(["mode", "connections/s", "CPU", "load balancer", "latency p50 ms", "p99 ms", "failed"] | row),
		(["---", "--:", "--:", "--:", "--:", "--:", "--:"] | row),
		(.modes | to_entries[] | [names[.key], (.value.rate.median | n), (.value.cpu_us.median | n),
			(.value.lb_us.median | n), (.value.p50_us.median / 1000 | r),
			(.value.p99_us.median / 1000 | r), (.value.failed | n)] | row),
		(.ratios | to_entries[] | .key as $to | "",
			"Against \(names[$to]), within each round, ratios and a difference, median (least to most):\n",
			(["mode", "connections/s", "CPU", "load balancer\u0027s CPU", "CPU more, µs"] | row),
			(["---", "--:", "--:", "--:", "--:"] | row),
			(.value | to_entries[] | [names[.key], (.value | (.rate, .cpu_us, .lb_us) | within),
				(.value.more_us | map_values(round) | within)] | row)),
		"",
		"Each round, connections/s and CPU per connection:\n",
		([.modes | keys_unsorted[] | names[.]] | ["round"] + . | row),
		([.modes | keys_unsorted[] | "--:"] | ["--:"] + . | row),
		(.raw | group_by(.round)[] | [(.[0].round | n)] + map("\(.rate | n), \(.cpu_us | n)") | row)
	' "$results/bench_send.json"
}

module_require
topo_lb 4
tune
write_conf
start_servers
for mode in "${modes[@]}"; do
	enter "$mode"
	load 0.2 >/dev/null
done
for ((round = 1; round <= rounds; round++)); do
	for mode in "${modes[@]}"; do
		measure $round "$mode"
	done
done
enter routing

mkdir -p "$results"
summary >"$results/bench_send.json"
markdown | tee "$results/bench_send.md"

for mode in "${modes[@]}"; do
	stop_bg "sink-$mode"
	printf '%s: %s\n' "sink-$mode" "$(bg_output "sink-$mode")"
	is "$(bg_output "sink-$mode" | jq .bad)" 0 "bad connections of $mode"
done
is "$(jq -s 'map(.failed) | add' "$raw")" 0 'failed connections'
