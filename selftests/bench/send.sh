#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a send rule costs: short connections from a client over a load balancer
# to a backend, in turns by plain routing, by NAT, by NAT with a send rule (v2,
# v1, v2 with TLVs), by HAProxy (tcp, send-proxy-v2) and by nginx (stream, v1).
# Ratios are taken within each round; medians, with the least and the most, or by
# time with the quartiles.
#
# All are namespaces of one machine. Each way has a load balancer of its own, which stays set up: a
# turn takes no longer than the program that connects, and rounds can be short. The load balancer's
# own share of CPU is the total minus that of plain routing in the same round. Writes bench_send.md
# and bench_send.json to PP_RESULTS (build). Variables: PP_BENCH_ROUNDS (5; by time 400),
# PP_BENCH_SECONDS for each measurement (1; by time 0.1), PP_BENCH_CONNECTIONS at a time (1: more of
# them share one emulated processor, and a client sends its data only after the ACK has waited in
# vain).
set -euo pipefail
PP_BENCH_CONNECTIONS=${PP_BENCH_CONNECTIONS:-1}
# shellcheck source=selftests/bench/lib_bench.sh
. "${BASH_SOURCE[0]%/*}/lib_bench.sh"
bench_turns 400

modes=(routing nat send send-v1 send-tlv haproxy nginx)
# The header of each rule
declare -A header=([send]='version 2' [send-v1]='version 1'
	[send-tlv]='version 2 authority bench.example crc32c tlv 0xe1=blue')
# Addresses of each mode, and the address that the client connects to
declare -A vip=() backend=() target=()
stream_module=/usr/lib/nginx/modules/ngx_stream_module.so

bench_need nft jq haproxy nginx
[[ -e $stream_module ]] || die "nginx has no stream module"

# A load balancer for each mode, between the client and the backend:
# client 10.1.N.2 -- 10.1.N.1 lb-MODE 10.2.N.1 -- 10.2.N.2 backend
topology() {
	local mode n=0

	ns_make client backend
	for mode in "${modes[@]}"; do
		((++n))
		vip[$mode]=10.1.$n.1
		backend[$mode]=10.2.$n.2
		ns_make "lb-$mode"
		veth_make client "$mode" "lb-$mode" front
		veth_make "lb-$mode" back backend "$mode"
		addr_add client "$mode" "10.1.$n.2/24"
		addr_add "lb-$mode" front "10.1.$n.1/24"
		addr_add "lb-$mode" back "10.2.$n.1/24"
		addr_add backend "$mode" "10.2.$n.2/24"
		nsip client route add "10.2.$n.0/24" via "10.1.$n.1"
		nsip backend route add "10.1.$n.0/24" via "10.2.$n.1"
		ns_sysctl "lb-$mode" net.ipv4.ip_forward=1
	done
}

# DNAT and masquerade
nat() {
	ns "lb-$1" nft -f - <<-END
		table ip nat {
			chain prerouting {
				type nat hook prerouting priority -100; policy accept;
				ip daddr ${vip[$1]} tcp dport 80 dnat to ${backend[$1]}:8080
			}
			chain postrouting {
				type nat hook postrouting priority 100; policy accept;
				ip daddr ${backend[$1]} tcp dport 8080 ct status dnat masquerade
			}
		}
	END
}

nginx_stream() {
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
				listen ${vip[nginx]}:80;
				proxy_pass ${backend[nginx]}:8080;
				proxy_protocol on;
			}
		}
	END
	start_bg nginx lb-nginx nginx -c "$PP_TMP/nginx.conf" -g 'daemon off; user root;'
	wait_port lb-nginx 80
}

listens() {
	[[ -n $(ns backend ss -Hltn "src = ${backend[$1]} and sport = :8080") ]]
}

# set_up MODE: conntrack must not keep ended connections, and ports must not run out
set_up() {
	local client=${vip[$1]%1}2

	case $1 in
	routing | nat) client='' ;;
	esac
	# shellcheck disable=SC2086 # there may be none
	start_bg "sink-$1" backend "$bench/sink" "${backend[$1]}" 8080 $client
	wait_until 20 listens "$1"
	target[$1]=${vip[$1]}:80
	case $1 in
	routing) target[$1]=${backend[$1]}:8080 ;;
	haproxy) bench_haproxy lb-haproxy "${vip[$1]}:80" "${backend[$1]}:8080" ;;
	nginx) nginx_stream ;;
	*)
		nat "$1"
		ns_sysctl "lb-$1" net.netfilter.nf_conntrack_tcp_timeout_time_wait=1 \
			net.netfilter.nf_conntrack_tcp_timeout_close=1
		;;
	esac
	# shellcheck disable=SC2086 # words of a rule
	[[ $1 != send* ]] || ns "lb-$1" "$PPCTL" add-rule send to "${backend[$1]}" port 8080 ${header[$1]}
}

# load MODE SECONDS: JSON
load() {
	ns client "$bench/load" "${target[$1]%:*}" "${target[$1]#*:}" "$2" "$connections"
}

# measure ROUND MODE: also counts all connections of the mode
declare -A total=()
measure() {
	local result

	result=$(load "$2" "$seconds")
	total[$2]=$((${total[$2]:-0} + $(bench_total "$result")))
	((!$1)) || bench_record "\"round\":$1,\"mode\":\"$2\"" "$result"
}

# Every connection of the mode was tagged
all_tagged() {
	local rules

	rules=$(ns "lb-$1" "$PPCTL" -j list-rules)
	is "$(json_first tagged <<<"$rules")" "${total[$1]}" "tagged connections of $1"
	is "$(json_first acked <<<"$rules")" "${total[$1]}" "acknowledged headers of $1"
}

# Everything that is computed from the raw figures
summary() {
	jq -s --arg kernel "$(uname -r)" --argjson cpus "$(nproc)" --argjson seconds "$seconds" \
		--argjson connections "$connections" --arg modes "${modes[*]}" "$bench_jq"'
		derived($cpus) | ($modes | split(" ")) as $modes |
		def values($mode; f): map(.[$mode] | f);
		# a difference of short measurements may be
		def not_zero: if . == 0 then 1e-9 else . end;
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
					lb_us: ($rounds | map(.[$m].lb_us / (.[$to].lb_us | not_zero)) | spread),
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
		. as $summary | "Linux \(.kernel), \(.cpus) CPUs, \(.rounds) rounds of \(.seconds) s each, " +
		"\(.connections) connections at a time\n",
		"Medians; CPU in microseconds per connection, of all CPUs.\n",
		(["mode", "connections/s", "CPU", "load balancer", "latency p50 ms", "p99 ms", "failed"] | row),
		(["---", "--:", "--:", "--:", "--:", "--:", "--:"] | row),
		(.modes | to_entries[] | [names[.key], (.value.rate.median | n), (.value.cpu_us.median | n),
			(.value.lb_us.median | n), (.value.p50_us.median / 1000 | r),
			(.value.p99_us.median / 1000 | r), (.value.failed | n)] | row),
		(.ratios | to_entries[] | .key as $to | "",
			"Against \(names[$to]), within each round, ratios and a difference, " +
				"median (\($summary | lowest_highest(.rounds))):\n",
			(["mode", "connections/s", "CPU", "load balancer\u0027s CPU", "CPU more, µs"] | row),
			(["---", "--:", "--:", "--:", "--:"] | row),
			(.value | to_entries[] | [names[.key], (.value | (.rate, .cpu_us, .lb_us) | within),
				(.value.more_us | map_values(round) | within)] | row)),
		(if .rounds > 20 then empty else "",
		"Each round, connections/s and CPU per connection:\n",
		([.modes | keys_unsorted[] | names[.]] | ["round"] + . | row),
		([.modes | keys_unsorted[] | "--:"] | ["--:"] + . | row),
		(.raw | group_by(.round)[] | [(.[0].round | n)] + map("\(.rate | n), \(.cpu_us | n)") | row) end)
	' "$results/bench_send.json"
}

module_require
topology
bench_tune client backend
for mode in "${modes[@]}"; do
	bench_tune "lb-$mode"
	set_up "$mode"
done
# The first round is a warm-up
for ((round = 0; round <= rounds; round++)); do
	for mode in "${modes[@]}"; do
		measure $round "$mode"
	done
done
for mode in "${!header[@]}"; do
	all_tagged "$mode"
done

mkdir -p "$results"
summary >"$results/bench_send.json"
markdown | tee "$results/bench_send.md"

for mode in "${modes[@]}"; do
	stop_bg "sink-$mode"
	printf '%s: %s\n' "sink-$mode" "$(bg_output "sink-$mode")"
	is "$(bg_output "sink-$mode" | jq .bad)" 0 "bad connections of $mode"
done
is "$(jq -s 'map(.failed) | add' "$raw")" 0 'failed connections'
