#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What an accept rule costs, against its peers. A load balancer fetches from a web server, in turns
# without any header ("none"), with a header that nginx reads itself, with one that a rule takes out
# before a plain nginx, with one that the listener of a plain nginx takes itself, attached by socket,
# with one that go-mmproxy takes out before a plain nginx, and with one that HAProxy reads before a
# plain nginx, which then sees HAProxy as its client. Short responses measure
# connections and their CPU, long ones throughput and the CPU of a byte. Every response has to name
# the right client. Ratios are taken within each round; medians, with the least and the most, or by
# time with the quartiles.
#
# Load balancer and backends are namespaces of one machine, so that the figures
# are the sum of both. Each way has a backend of its own, where it stays set up: a
# turn takes no longer than the program that connects. Writes bench_accept.md and
# bench_accept.json to PP_RESULTS (build). Variables: PP_BENCH_ROUNDS (5; by time
# 100), PP_BENCH_SECONDS for each measurement (1; by time 0.1, of long responses
# PP_BENCH_SECONDS_LONG, 0.5), PP_BENCH_MODES (all of them), PP_BENCH_CONNECTIONS at a time (32) for short responses,
# PP_BENCH_BYTES of long ones (16 MiB).
set -euo pipefail
# shellcheck source=selftests/bench/lib_bench.sh
. "${BASH_SOURCE[0]%/*}/lib_bench.sh"
bench_turns 100
# Seconds for each kind: few long responses end in a turn, and those at its ends are lost
declare -A turn=([short]=$seconds [long]=$seconds)
[[ -n ${PP_BENCH_ICOUNT:-} ]] || turn[long]=${PP_BENCH_SECONDS_LONG:-0.5}

read -ra modes <<<"${PP_BENCH_MODES:-none nginx module socket mmproxy haproxy}"
# For each mode, the address that the load balancer connects to, and its own address there
declare -A backend=() balancer=()
REAL=192.0.2.77
long=${PP_BENCH_BYTES:-$((16 << 20))}

bench_need jq nginx go-mmproxy haproxy

# A backend for each mode: client 10.1.N.2 -- 10.1.N.1 backend-MODE
topology() {
	local mode n=0

	ns_make client
	for mode in "${modes[@]}"; do
		((++n))
		balancer[$mode]=10.1.$n.2
		backend[$mode]=10.1.$n.1
		ns_make "backend-$mode"
		veth_make client "$mode" "backend-$mode" eth0
		addr_add client "$mode" "10.1.$n.2/24"
		addr_add "backend-$mode" eth0 "10.1.$n.1/24"
		nsip "backend-$mode" route add default via "10.1.$n.2"
	done
}

# web_server MODE ADDRESS:PORT [PARAMETER]...: nginx, whose short response names its client
web_server() {
	local real_ip=''

	[[ ${3:-} != proxy_protocol ]] ||
		real_ip="set_real_ip_from ${balancer[$1]}; real_ip_header proxy_protocol;"
	cat >"$PP_TMP/nginx-$1.conf" <<-END
		pid $PP_TMP/nginx-$1.pid;
		error_log $PP_TMP/error.log;
		worker_processes auto;
		events {
			worker_connections 4000;
		}
		http {
			access_log off;
			sendfile on;
			server {
				listen ${*:2} backlog=4096;
				$real_ip
				location = /short {
					default_type text/plain;
					return 200 "the client is \$remote_addr\n";
				}
				location = /long {
					alias $PP_TMP/long;
				}
			}
		}
	END
	start_bg "nginx-$1" "backend-$1" nginx -c "$PP_TMP/nginx-$1.conf" -g 'daemon off; user root;'
	wait_port "backend-$1" "${2#*:}"
}

# nginx's answers to the clients that go-mmproxy imitates have to come back to go-mmproxy
mmproxy_before_nginx() {
	web_server mmproxy 127.0.0.1:80
	nsip backend-mmproxy rule add from 127.0.0.1/8 iif lo table 123
	nsip backend-mmproxy route add local 0.0.0.0/0 dev lo table 123
	ns_sysctl backend-mmproxy net.ipv4.conf.eth0.route_localnet=1
	echo "${balancer[mmproxy]}/32" >"$PP_TMP/allowed"
	start_bg mmproxy backend-mmproxy go-mmproxy -l "${backend[mmproxy]}:8080" -4 127.0.0.1:80 \
		-allowed-subnets "$PP_TMP/allowed" -listeners 2 -v 0
	wait_port backend-mmproxy 8080
}

haproxy_before_nginx() {
	web_server haproxy 127.0.0.1:80
	cat >"$PP_TMP/haproxy.cfg" <<-END
		global
			maxconn 4000
		defaults
			mode tcp
			timeout connect 20s
			timeout client 60s
			timeout server 60s
		listen bench
			bind ${backend[haproxy]}:8080 accept-proxy
			server nginx 127.0.0.1:80
	END
	start_bg haproxy backend-haproxy haproxy -db -f "$PP_TMP/haproxy.cfg"
	wait_port backend-haproxy 8080
}

set_up() {
	local address=${backend[$1]}:8080

	bench_tune "backend-$1"
	case $1 in
	none) web_server none "$address" ;;
	nginx) web_server nginx "$address" proxy_protocol ;;
	module)
		web_server module "$address"
		ns backend-module "$PPCTL" add-rule accept to "${backend[module]}" port 8080 \
			from "${balancer[module]}"
		;;
	socket)
		web_server socket "$address"
		ns backend-socket "$PPCTL" attach to "${backend[socket]}" port 8080 \
			from "${balancer[socket]}"
		;;
	*) "$1_before_nginx" ;;
	esac
}

# load MODE KIND SECONDS: JSON
load() {
	local options=() kind=$2 client=$REAL

	if [[ $1 == none ]]; then
		client=${balancer[none]}
	else
		options=(-c "$REAL")
	fi
	[[ $1 != haproxy ]] || client=127.0.0.1
	case $kind in
	short) options+=(-g /short -e "the client is $client"$'\n') ;;
	long) options+=(-g /long -e 'end of file'$'\n' -l $((long - 128))) ;;
	esac
	ns client "$bench/load" "${options[@]}" "${backend[$1]}" 8080 "$3" \
		"$([[ $kind == long ]] && echo 4 || echo "$connections")"
}

# measure ROUND MODE KIND: also counts all connections of the mode
declare -A total=()
measure() {
	local result

	result=$(load "$2" "$3" "${turn[$3]}")
	total[$2]=$((${total[$2]:-0} + $(bench_total "$result")))
	((!$1)) || bench_record "\"round\":$1,\"mode\":\"$2\",\"kind\":\"$3\"" "$result"
}

# Everything that is computed from the raw figures
summary() {
	jq -s --arg kernel "$(uname -r)" --argjson cpus "$(nproc)" --argjson seconds "$seconds" \
		--argjson connections "$connections" --argjson size "$long" "$bench_jq"'
		derived($cpus) |
		(map(.mode) | unique) as $measured |
		(["none", "nginx", "module", "socket", "mmproxy", "haproxy"] |
			map(select(. as $m | $measured | index($m)))) as $modes |
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
			# rule and socket, each against each other mode
			ratios: (["module", "socket"] | map(select(. as $m | $modes | index($m))) |
				map(. as $own | { key: $own, value: ($figures |
					with_entries(.key as $kind | .value as $names | .value = (
					$modes - [$own] | map(. as $m | { key: $m, value: (
						$names | map(. as $f | { key: $f, value: ($rounds[$kind] |
							map(.[$own][$f] / .[$m][$f]) | spread) }) |
						from_entries) }) | from_entries))) }) | from_entries),
			raw: .,
		}' "$raw"
}

markdown() {
	jq -r "$bench_jq"'
		def names: { none: "no header", nginx: "nginx reads it", module: "accept rule, plain nginx",
			socket: "attached by socket, plain nginx", mmproxy: "go-mmproxy, plain nginx", haproxy: "HAProxy, plain nginx" };
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
		(.rounds as $rounds | .ratios | to_entries[] | .value as $r |
		"\n\(names[.key]) against the others, ratios within each round, median " +
			"(\(lowest_highest($rounds))):\n",
		(["against", "connections/s", "CPU each", "throughput", "CPU per byte"] | row),
		(["---", "--:", "--:", "--:", "--:"] | row),
		($r.short | keys_unsorted[] | [names[.], ($r.short[.].rate | within),
			($r.short[.].cpu_us | within), ($r.long[.].mb_per_s | within),
			($r.long[.].cpu_s_per_gb | within)] | row))
	' "$results/bench_accept.json"
}

module_require
topology
bench_tune client
{
	head -c $((long - 128)) /dev/zero
	printf 'end of file\n'
} >"$PP_TMP/long"
for mode in "${modes[@]}"; do
	set_up "$mode"
done
# The first round is a warm-up
for ((round = 0; round <= rounds; round++)); do
	for kind in short long; do
		for mode in "${modes[@]}"; do
			measure $round "$mode" $kind
		done
	done
done
# accepted MODE COMMAND: each connection of the mode was accepted
accepted() {
	[[ -z ${total[$1]:-} ]] ||
		is "$(ns "backend-$1" "$PPCTL" -j "$2" | jq 'map(.accepted) | add')" "${total[$1]}" \
			"accepted connections of $1"
}

accepted module list-rules
accepted socket list-sockets

mkdir -p "$results"
summary >"$results/bench_accept.json"
markdown | tee "$results/bench_accept.md"
is "$(jq .failed "$results/bench_accept.json")" 0 'failed connections'
