#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two processors at once: each runs a client, and the server of the other processor's client,
# through both sides of the module. So the two directions of a connection, and the connections of
# two rules, use the same tables and counters at the same time, while rules are added, deleted and
# listed. For "make vm-kcsan", which finds data races. Variables: PP_STRESS_CONNECTIONS (50) of each
# client; a fifth of that with long messages.
set -euo pipefail
# shellcheck source=selftests/lib/stress.sh
. "${BASH_SOURCE[0]%/*}/../lib/stress.sh"

not_in_sim 'it wants two processors'
need nft jq taskset
module_require
topo_lb 4
nat_masq 8080-8081

connections=${PP_STRESS_CONNECTIONS:-50}

# pair_begin PORT CPU OTHER-CPU: a client on a processor, its application on the other
pair_begin() {
	local both=(-n "$connections" --size "${SIZE:-5k}" --order both --timeout 240)

	start_bg "server$1" backend taskset -c "$3" "$PEER" server -l "$BACKEND" -p "$1" \
		"${both[@]}" --peer-addr client --peer-port client
	wait_port backend "$1"
	start_bg "client$1" client taskset -c "$2" "$PEER" client -c "$BACKEND" -p "$1" -j 8 "${both[@]}"
}

pair_end() {
	wait_bg "client$1" 300
	wait_bg "server$1"
}

either_runs() {
	bg_runs client8080 || bg_runs client8081
}

# Rules that match nothing here, in the same tables
rules_come_and_go() {
	local sent accepted

	sent=$(first_of id lb_ppctl -j add-rule send to 10.0.2.0/24 port 8082)
	accepted=$(first_of id backend_ppctl -j add-rule accept to "$BACKEND" port 8082 from "$LB")
	lb_ppctl -j list-connections >/dev/null
	backend_ppctl -j list-connections >/dev/null
	backend_ppctl -j show-stats >/dev/null
	lb_ppctl delete-rule "$sent"
	backend_ppctl delete-rule "$accepted"
}

two_processors() {
	local rule

	lb_ppctl flush-rules
	for rule in 'port 8080' 'port 8081 version 1'; do
		# shellcheck disable=SC2086 # words
		lb_ppctl add-rule send to "$BACKEND" $rule >/dev/null
	done
	accept_rule to "$BACKEND" port 8080-8081 from "$LB"
	pair_begin 8080 0 1
	pair_begin 8081 1 0
	while either_runs; do
		rules_come_and_go
	done
	pair_end 8080
	pair_end 8081
	wait_until 20 nothing_in_progress
	lb_ppctl -j list-rules | jq -e "all(.acked == $connections)" >/dev/null ||
		fail "$(lb_ppctl list-rules)"
	is "$(accept_rule_stat accepted)" $((2 * connections)) 'accepted'
}

if (($(nproc) < 2)); then
	skip 'stress: two processors at once' 'one processor'
	exit
fi
check "stress: 2 x $connections connections on two processors -> all exact, all counted" two_processors
connections=$((connections / 5))
SIZE=300k check "stress: 2 x $connections, 300 kB both ways -> all exact, all counted" two_processors
