#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An attacker knows addresses, ports and sequence numbers of connections that get a header, and
# sends packets in the client's and the backend's name. A connection that survives without a rule
# survives with it, and the backend reads the client's header, once. lib/enemy.sh says how this is
# tried, and has the variables.
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

# Place, kind and the trials of seed 1 that have failed once
found=(
	'nat syn 6 16 17 21 23 24 115 135 148 156 167 176 222 245 342'
	'nat synack 28 109'
	'nat rst 13 27 169'
	'nat ack 13 39 56'
	'nat fin 28 59'
	'nat data 59 84'
	'nat all 1 9 25 57'
	'dnat syn 6 16 128'
	'dnat synack 109 118'
	'dnat rst 13 27'
	'dnat ack 6 13'
	'dnat fin 28 59'
	'dnat data 59 84'
	'dnat all 1 9 25 57'
	'route syn 0 3'
	'route synack 28 44 75'
	'route rst 166 220'
	'route ack 6 13'
	'route fin 28 59'
	'route data 59 84'
	'route all 25 28'
)

# The backend sees the load balancer, or the client; or all is routed, without conntrack
place_nat() {
	nat_dnat_masq
	nat_dnat_masq 81 8081
}

place_dnat() {
	nat_dnat
	nat_dnat 81 8081
}

place_route() {
	:
}

kinds=(none syn synack rst ack fin data all)
for place in nat dnat route; do
	place_"$place"
	for family in 4 6; do
		topo_family $family
		rule to "$BACKEND" port 8080
		enemy_target "$VIP" 80
		[[ $place != route ]] || enemy_target "$BACKEND" 8080
		for kind in "${kinds[@]}"; do
			enemy_case send "$place" "$kind"
		done
	done
	[[ $place == route ]] || nat_flush
done
enemy_report
