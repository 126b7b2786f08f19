#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An attacker knows addresses, ports and sequence numbers of connections that begin with a header,
# and sends packets in the load balancer's, the server's and the client's name. A connection that
# survives without a rule survives with it, the application sees the client of the connection's own
# header, no connection reaches it without a header, and no packet goes to a client. lib/enemy.sh
# says how this is tried, and has the variables.
#
# Takes up to 10000000 s of simulated time
set -euo pipefail
# shellcheck source=selftests/lib/enemy.sh
. "${BASH_SOURCE[0]%/*}/../lib/enemy.sh"

need nft
module_require
enemy_topo

# Kinds of enemies that the module is known not to stand yet: place, kind and reason
known_faults=()

# Place, kind and the trials that have failed once: numbers of seed 1, or SEED:NUMBER
found=(
	'local syn 4 5 11'
	'local synack 46 267'
	'local rst 0 3 4 13 31 334946932:17'
	'local ack 96 156 202'
	'local fin 39 41 46'
	'local data 37 44 46 205'
	'local all 13 17 28'
	'gateway none 20 126 157'
	'gateway syn 4 5 10 16 20'
	'gateway synack 10 20 31'
	'gateway rst 0 3 4 13 25'
	'gateway ack 20 31 52'
	'gateway fin 39 41 46'
	'gateway data 31 39 44'
	'gateway named 1 13 19 20 31'
	'gateway all 13 17 19 15'
	'dnat none 20 58 66'
	'dnat syn 4 5 10 16 51'
	'dnat synack 10 18 21'
	'dnat rst 0 3 5 11 25 39'
	'dnat ack 31 58 66'
	'dnat fin 1 39 41 80'
	'dnat data 29 31 39'
	'dnat named 20 21 23 30 118 5:36'
	'dnat all 13 17 20 15 25 80'
)

# The application is on this host, with packets translated or by socket, behind it, or behind NAT
place_local() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	enemy_target "$BACKEND" 8080
}

# The listener has the ULP
place_socket() {
	place_local
}

place_gateway() {
	gateway_rule to "$BACKEND" port 8080 from "$BALANCER"
	enemy_target "$BACKEND" 8080
}

place_dnat() {
	gateway_rule to "$VIP" port 80 from "$BALANCER"
	enemy_target "$VIP" 80
}

kinds=(none syn synack rst ack fin data named all)
for place in local socket gateway dnat; do
	if [[ $place == dnat ]]; then
		nat_dnat
		nat_dnat 81 8081
	fi
	for family in 4 6; do
		accept_family $family
		place_$place
		for kind in "${kinds[@]}"; do
			enemy_case accept "$place" "$kind"
		done
	done
	backend_ppctl flush-rules
done
enemy_report
