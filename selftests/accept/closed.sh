#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# No way past "header required": no packet of a trusted source begins a connection without a header,
# neither by a SYN cookie nor after the end of a handshake. No packet of anybody else ends a
# handshake. Half-open handshakes end with their rule.
# Takes up to 3600 s
set -euo pipefail
# shellcheck source=selftests/lib/state.sh
. "${BASH_SOURCE[0]%/*}/../lib/state.sh"

need jq nft ss python3 conntrack
module_require
topo_lb 4
state_init

# no_connection SCENARIO
no_connection() {
	state_app 203.0.113.1
	balancer "$1"
	state_app_end 0
}

one_connection() {
	state_app "$FIRST"
	balancer "$1"
	state_app_end 1
}

restart() {
	APP_BYTE=any state_app
	balancer restart
	state_app_end 1
}

state_half_open() {
	"$state_ppctl" -j list-connections | jq '[.[] | select(.state == "answered")] | length'
}

none_half_open() {
	[[ $(state_half_open) == 0 ]]
}

half_open_ends() {
	state_app
	balancer half_open
	is "$(state_half_open)" 1 'half-open'
	"$state_ppctl" flush-rules
	wait_until 4 none_half_open
	state_app_end 0
	state_rule
}

# A connection from before the rule goes on: a gateway knows it by conntrack
older() {
	ns lb nft 'table inet pp_track { chain f { type filter hook forward priority 0; ct state new; }; }'
	trap 'ns lb nft delete table inet pp_track' EXIT
	"$state_ppctl" flush-rules
	state_app
	balancer_begin older
	state_rule
	balancer_end older
	state_app_end 1
}

for family in 4 6; do
	accept_family $family
	for place in here gateway dnat; do
		state_place $place
		state_rule
		what="accept: IPv$family, $place,"
		for cookies in 1 2; do
			ns_sysctl backend net.ipv4.tcp_syncookies=$cookies
			with="$what syncookies=$cookies,"
			for scenario in lowered taken_back refused; do
				((++raw_port))
				check "$with last ACK ${scenario/_/ } -> no connection" no_connection $scenario
			done
			((++raw_port))
			check "$with SYN and RST of somebody else amid the handshake -> exact" \
				one_connection other_syn
		done
		((++raw_port))
		check "$with last ACK 100 s late -> no connection" no_connection late
		ns_sysctl backend net.ipv4.tcp_syncookies=1
		((++raw_port))
		check "$what load balancer begins anew amid the handshake -> asked, then exact" restart
		((++raw_port))
		check "$what rules flushed -> half-open handshake ends" half_open_ends
		((++raw_port))
		check "$what connection older than the rule -> goes on" older
	done
done
