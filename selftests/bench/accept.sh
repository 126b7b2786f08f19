#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What an accept rule costs, against its peers: a load balancer fetches from a
# web server, in turns without any header ("none"), with a header that nginx
# reads itself, with one that a rule takes out before an nginx that knows nothing
# of it, with one that go-mmproxy takes out before such an nginx, and with one that
# HAProxy reads before such an nginx, which then sees HAProxy as its client. Short
# responses give connections and CPU for each, long ones throughput and CPU for
# each byte. Every response has to name the right client. Ratios are taken within
# each round; medians, with the least and the most.
#
# Load balancer and backend are namespaces of one machine, so that the figures
# are the sum of both. Writes bench_accept.md and bench_accept.json to PP_RESULTS
# (build). Variables: PP_BENCH_ROUNDS (5), PP_BENCH_SECONDS for each measurement
# (1), PP_BENCH_CONNECTIONS at a time (32) for short responses, PP_BENCH_BYTES of
# long ones (16 MiB).
set -euo pipefail
# shellcheck source=selftests/bench/lib_bench.sh
. "${BASH_SOURCE[0]%/*}/lib_bench.sh"

modes=(none nginx module mmproxy haproxy)
declare -A bport=([none]=9001 [nginx]=9002 [module]=9003 [mmproxy]=9004 [haproxy]=9005)
long=${PP_BENCH_BYTES:-$((16 << 20))}

bench_need jq nginx go-mmproxy haproxy

write_conf() {
	local location="
		location = /short {
			default_type text/plain;
			return 200 \"the client is \$remote_addr\\n\";
		}
		location = /long {
			alias $PP_TMP/long;
		}"

	{
		head -c $((long - 128)) /dev/zero
		printf 'end of file\n'
	} >"$PP_TMP/long"
	cat >"$PP_TMP/nginx.conf" <<-END
		pid $PP_TMP/nginx.pid;
		error_log $PP_TMP/error.log;
		worker_processes auto;
		events {
			worker_connections 4000;
		}
		http {
			access_log off;
			sendfile on;
			server {
				listen $BACKEND:${bport[none]} backlog=4096;
				listen $BACKEND:${bport[module]} backlog=4096;
				listen 127.0.0.1:80 backlog=4096;
				$location
			}
			server {
				listen $BACKEND:${bport[nginx]} proxy_protocol backlog=4096;
				set_real_ip_from $BALANCER;
				real_ip_header proxy_protocol;
				$location
			}
		}
	END
}

# nginx's answers to clients that go-mmproxy feigns have to come back to it
route_to_mmproxy() {
	nsip backend rule add from 127.0.0.1/8 iif lo table 123
	nsip backend route add local 0.0.0.0/0 dev lo table 123
	ns_sysctl backend net.ipv4.conf.eth0.route_localnet=1
	echo "$BALANCER/32" >"$PP_TMP/allowed"
	start_bg mmproxy backend go-mmproxy -l "$BACKEND:${bport[mmproxy]}" -4 127.0.0.1:80 \
		-allowed-subnets "$PP_TMP/allowed" -listeners 2 -v 0
	wait_port backend "${bport[mmproxy]}"
}

haproxy_before_nginx() {
	cat >"$PP_TMP/haproxy.cfg" <<-END
		global
			maxconn 4000
		defaults
			mode tcp
			timeout connect 20s
			timeout client 60s
			timeout server 60s
		listen bench
			bind $BACKEND:${bport[haproxy]} accept-proxy
			server nginx 127.0.0.1:80
	END
	start_bg haproxy backend haproxy -db -f "$PP_TMP/haproxy.cfg"
	wait_port backend "${bport[haproxy]}"
}

# load MODE KIND SECONDS: JSON
load() {
	local options=() kind=$2 client=$REAL

	if [[ $1 == none ]]; then
		client=$BALANCER
	else
		options=(-c "$REAL")
	fi
	[[ $1 != haproxy ]] || client=127.0.0.1
	case $kind in
	short) options+=(-g /short -e "the client is $client"$'\n') ;;
	long) options+=(-g /long -e 'end of file'$'\n' -l $((long - 128))) ;;
	esac
	ns client "$bench/load" "${options[@]}" "$BACKEND" "${bport[$1]}" "$3" \
		"$([[ $kind == long ]] && echo 4 || echo "$connections")"
}

# Without a rule, and so without a hook, unless it is the module's turn
enter() {
	backend_ppctl flush-rules
	[[ $1 != module ]] ||
		backend_ppctl add-rule accept to "$BACKEND" port "${bport[module]}" from "$BALANCER" >/dev/null
}

measure() {
	local round=$1 mode=$2 kind=$3 result

	enter "$mode"
	result=$(load "$mode" "$kind" "$seconds")
	[[ $mode != module ]] || is "$(accept_rule_stat accepted)" "$(bench_total "$result")" \
		'accepted connections'
	bench_record "\"round\":$round,\"mode\":\"$mode\",\"kind\":\"$kind\"" "$result"
}

# Everything that follows from the raw figures
summary() {
	jq -s --arg kernel "$(uname -r)" --argjson cpus "$(nproc)" --argjson seconds "$seconds" \
		--argjson connections "$connections" --argjson size "$long" "$bench_jq"'
		derived($cpus) |
		["none", "nginx", "module", "mmproxy", "haproxy"] as $modes |
		{ short: ["rate", "cpu_us", "p50_us", "p99_us"], long: ["mb_per_s", "cpu_s_per_gb"] } as $figures |
		# rounds of each kind, mode to result
		(group_by(.kind) | map({ key: .[0].kind, value: (group_by(.round) |
			map(map({ key: .mode, value: . }) | from_entries)) }) | from_entries) as $rounds |
		{
			kernel: $kernel, cpus: $cpus, seconds: $seconds, connections: $connections,
			bytes: $size, rounds: ($rounds.short | length),
			failed: (map(.failed) | add),
			kinds: ($figures | with_entries(.key as $kind | .value as $names | .value = (
				$modes | map(. as $m | { key: $m, value: (
					$names | map(. as $f | { key: $f,
						value: ($rounds[$kind] | map(.[$m][$f]) | spread) }) |
					from_entries) }) | from_entries))),
			# the module, against each other mode
			ratios: ($figures | with_entries(.key as $kind | .value as $names | .value = (
				$modes - ["module"] | map(. as $m | { key: $m, value: (
					$names | map(. as $f | { key: $f,
						value: ($rounds[$kind] | map(.module[$f] / .[$m][$f]) | spread) }) |
					from_entries) }) | from_entries))),
			raw: .,
		}' "$raw"
}

markdown() {
	jq -r "$bench_jq"'
		def names: { none: "no header", nginx: "nginx reads it", module: "accept rule, plain nginx",
			mmproxy: "go-mmproxy, plain nginx", haproxy: "HAProxy, plain nginx" };
		"Linux \(.kernel), \(.cpus) CPUs, \(.rounds) rounds of \(.seconds) s each; " +
		"medians; CPU of all CPUs, load balancer and server\n",
		"Short responses, \(.connections) connections at a time:\n",
		(["mode", "connections/s", "CPU µs each", "latency p50 ms", "p99 ms"] | row),
		(["---", "--:", "--:", "--:", "--:"] | row),
		(.kinds.short | to_entries[] | [names[.key], (.value.rate.median | n),
			(.value.cpu_us.median | n), (.value.p50_us.median / 1000 | r),
			(.value.p99_us.median / 1000 | r)] | row),
		"\nResponses of \(.bytes / 1048576 | n) MiB, 4 at a time:\n",
		(["mode", "MB/s", "CPU s per GB"] | row),
		(["---", "--:", "--:"] | row),
		(.kinds.long | to_entries[] | [names[.key], (.value.mb_per_s.median | n),
			(.value.cpu_s_per_gb.median | r)] | row),
		"\nThe rule against the others, ratios within each round, median (least to most):\n",
		(["against", "connections/s", "CPU each", "throughput", "CPU per byte"] | row),
		(["---", "--:", "--:", "--:", "--:"] | row),
		(.ratios as $r | ["none", "nginx", "mmproxy", "haproxy"][] | [names[.], ($r.short[.].rate | within),
			($r.short[.].cpu_us | within), ($r.long[.].mb_per_s | within),
			($r.long[.].cpu_s_per_gb | within)] | row)
	' "$results/bench_accept.json"
}

module_require
ns_make client backend
veth_make client eth0 backend eth0
addr_add client eth0 10.0.1.2/24
addr_add backend eth0 10.0.1.3/24
nsip backend route add default via 10.0.1.2
BALANCER=10.0.1.2 BACKEND=10.0.1.3 REAL=192.0.2.77
bench_tune client backend
write_conf
start_bg nginx backend nginx -c "$PP_TMP/nginx.conf" -g 'daemon off; user root;'
wait_port backend "${bport[nginx]}"
route_to_mmproxy
haproxy_before_nginx
for mode in "${modes[@]}"; do
	enter "$mode"
	load "$mode" short 0.2 >/dev/null
done
for ((round = 1; round <= rounds; round++)); do
	for kind in short long; do
		for mode in "${modes[@]}"; do
			measure $round "$mode" $kind
		done
	done
done
enter none

mkdir -p "$results"
summary >"$results/bench_accept.json"
markdown | tee "$results/bench_accept.md"
is "$(jq .failed "$results/bench_accept.json")" 0 'failed connections'
