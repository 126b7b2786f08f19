#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How costs grow: with 1 to 100,000 send rules, with handshakes in progress, and with accepted
# connections. Each number has a namespace of its own, in which the packets of some more connections
# are timed one by one (packets.c), in turns with the other numbers. The median of a packet is taken
# within each round; medians of the rounds, with the least and the most.
#
# Writes bench_scale.md and bench_scale.json to PP_RESULTS (build). Variables:
# PP_BENCH_ROUNDS (5), PP_BENCH_COUNT connections for each measurement (100),
# PP_BENCH_RULES, PP_BENCH_HANDSHAKES, PP_BENCH_FLOWS: numbers, 0 is added;
# PP_BENCH_SENT (10000) connections that got a header and are established.
set -euo pipefail
# shellcheck source=selftests/bench/lib_bench.sh
. "${BASH_SOURCE[0]%/*}/lib_bench.sh"

count=${PP_BENCH_COUNT:-100}
read -ra rules <<<"${PP_BENCH_RULES:-1 10 1000 100000}"
read -ra handshakes <<<"${PP_BENCH_HANDSHAKES:-1 100 1000 10000 100000}"
read -ra flows <<<"${PP_BENCH_FLOWS:-1 1000 100000}"
sent=${PP_BENCH_SENT:-10000}
# Backends with a rule of their own, and one without
backend=10.0.2.2 other=10.0.2.3
memory=$PP_TMP/memory

bench_need jq "$bench/packets" "$bench/../pp_netlink_load"

# in_ns NS COMMAND...: ppctl in this namespace
in_ns() {
	ns "$1" "$PPCTL" "${@:2}"
}

stat_in() {
	first_of "$2" in_ns "$1" -j show-stats
}

# The address of the last rule of pp_netlink_load that is for one IPv4 port
last_host() {
	local last=$((($1 - 1) / 4 * 4))

	echo "10.$((128 + (last >> 16))).$((last >> 8 & 255)).$((last & 255))"
}

fill_rules() {
	local number=$1 ns=rules$1

	bench_forwarder "$ns"
	((number == 0)) || ns "$ns" "$bench/../pp_netlink_load" hosts 0 "$number" >/dev/null
	is "$(stat_in "$ns" rules)" "$number" 'rules'
}

# Their headers are in flight for as long as the measurement takes
fill_handshakes() {
	local number=$1 ns=handshakes$1

	bench_forwarder "$ns"
	in_ns "$ns" set-limit handshakes 1000000 >/dev/null
	in_ns "$ns" add-rule send to $backend port 8080 >/dev/null
	((number == 0)) || keep "$ns" "$number" -p send
	is "$(stat_in "$ns" handshakes)" "$number" 'handshakes in progress'
}

fill_flows() {
	local number=$1 ns=flows$1

	bench_forwarder "$ns"
	in_ns "$ns" set-limit accepted 2000000 >/dev/null
	in_ns "$ns" add-rule accept to $backend port 8080 from 10.32.0.0/11 >/dev/null
	((number == 0)) || keep "$ns" "$number" -k accept
	is "$(stat_in "$ns" established)" "$number" 'accepted connections'
}

# keep NS NUMBER OPTION KIND: makes connections that stay, and prints their memory
keep() {
	packets "$1" "$2" "$3" "$4" $backend 8080 |
		jq -c --arg kind "$4" '{ kind: $kind, number: .good, slab_kb, memory_kb }' >>"$memory"
	tail -n 1 "$memory"
	first_of[$1]=$(($2 + 1))
}

slab_below() {
	(($(awk '$1 == "Slab:" { print $2 }' /proc/meminfo) < $1))
}

# Nothing is left of connections whose header is acknowledged, after a grace period of RCU
fill_sent() {
	local before

	bench_forwarder sent
	in_ns sent add-rule send to $backend port 8080 >/dev/null
	before=$(awk '$1 == "Slab:" { print $2 }' /proc/meminfo)
	packets sent "$sent" -k send $backend 8080 >/dev/null
	is "$(stat_in sent acked)" "$sent" 'acknowledged headers'
	is "$(stat_in sent handshakes)" 0 'handshakes in progress'
	# An entry has 298 bytes; the shell's own tasks and files take slabs as well
	wait_until 60 slab_below $((before + sent / 32)) || fail "slabs have grown"
	jq -nc --argjson number "$sent" --argjson kb $(($(awk '$1 == "Slab:" { print $2 }' \
		/proc/meminfo) - before)) '{ kind: "sent", number: $number, slab_kb: $kb }' >>"$memory"
	tail -n 1 "$memory"
}

# measure ROUND WHAT NUMBER CASE KIND ADDRESS
measure() {
	local ns=$2$3 result

	result=$(packets "$ns" "$count" "$5" "$6" 8080)
	bench_record "\"round\":$1,\"what\":\"$2\",\"number\":$3,\"case\":\"$4\"" "$result"
	((first_of[$ns] += count))
}

# The module must have counted what was sent
round() {
	local number

	for number in 0 "${rules[@]}"; do
		((number == 0)) || measure "$1" rules "$number" tagged send "$(last_host "$number")"
		measure "$1" rules "$number" untagged plain $other
		is "$(stat_in "rules$number" acked)" $((number ? $1 * count : 0)) 'acknowledged headers'
	done
	for number in 0 "${handshakes[@]}"; do
		measure "$1" handshakes "$number" tagged send $backend
		measure "$1" handshakes "$number" untagged plain $other
		is "$(stat_in "handshakes$number" handshakes)" "$number" 'handshakes in progress'
		is "$(stat_in "handshakes$number" acked)" $(($1 * count)) 'acknowledged headers'
	done
	for number in 0 "${flows[@]}"; do
		measure "$1" flows "$number" accepted accept $backend
		measure "$1" flows "$number" other plain $other
		is "$(stat_in "flows$number" accepted)" $((number + $1 * count)) 'accepted connections'
	done
}

summary() {
	jq -s --arg kernel "$(uname -r)" --arg unit "$unit" --argjson rounds "$rounds" \
		--argjson count "$count" --slurpfile memory "$memory" \
		--argjson entry "$(awk '$1 == "proxyproto_accept" { print $4 }' /proc/slabinfo)" \
		--argjson scale "$ns_per_unit" "$bench_jq"'
		map(. + { cost: (.ns | map_values(.median / $scale)) }) |
		{
			kernel: $kernel, unit: $unit, rounds: $rounds, count: $count,
			entry_bytes: $entry,
			memory: ($memory | map(. + {
				bytes_each: (.slab_kb * 1024 / .number | round) })),
			what: (group_by(.what) | map(key(.[0].what; group_by(.case) | map(key(.[0].case;
				group_by(.number) | map({ number: .[0].number, cost: (
					. as $rounds | .[0].cost | with_entries(.key as $step |
						.value = ($rounds | map(.cost[$step]) | spread))) }))) |
				from_entries)) | from_entries),
			raw: .,
		}' "$raw"
}

markdown() {
	jq -r "$bench_jq"'
		def table($what; $case; $steps):
			"\n\($what), \($case):\n",
			(["number"] + $steps + ["total"] | row), (["--:"] + ($steps | map("--:")) + ["--:"] | row),
			(.what[$what][$case][] | . as $n | [(.number | n)] +
				($steps + ["total"] | map($n.cost[.] | .median | n)) | row);
		"Linux \(.kernel), \(.rounds) rounds of \(.count) connections each; medians, in \(.unit)",
		table("rules"; "tagged"; ["syn", "synack", "ack", "header_ack", "request", "response"]),
		table("rules"; "untagged"; ["syn", "synack", "ack", "request", "response"]),
		table("handshakes"; "tagged"; ["syn", "synack", "ack", "header_ack", "request", "response"]),
		table("handshakes"; "untagged"; ["syn", "synack", "ack", "request", "response"]),
		table("flows"; "accepted"; ["syn", "synack", "ack", "header", "synack2", "request", "response"]),
		table("flows"; "other"; ["syn", "synack", "ack", "request", "response"]),
		"\nMemory:\n", (["kind", "number", "slab kB", "all memory, kB", "bytes of slabs each"] | row),
		(["---", "--:", "--:", "--:", "--:"] | row),
		(.memory[] | [.kind, (.number, .slab_kb, .memory_kb // 0, .bytes_each | n)] | row)
	' "$results/bench_scale.json"
}

module_require
fill_sent
for number in 0 "${rules[@]}"; do
	fill_rules "$number"
done
for number in 0 "${flows[@]}"; do
	fill_flows "$number"
done
# Last, since they do not stay forever
for number in 0 "${handshakes[@]}"; do
	fill_handshakes "$number"
done
for ((round = 1; round <= rounds; round++)); do
	round $round
done
mkdir -p "$results"
summary >"$results/bench_scale.json"
markdown | tee "$results/bench_scale.md"
