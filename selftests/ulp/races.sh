#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two processors end the same handshake of a listener with the ULP at the same time: one has the
# header, the other a bare ACK, the header again, or a part of it. No connection is reset, each is
# accepted once, and nothing else is counted.
set -euo pipefail
# shellcheck source=selftests/lib/race.sh
. "${BASH_SOURCE[0]%/*}/../lib/race.sh"

not_in_sim 'it wants two processors'
need jq nft python3
module_require
race_topo

# raced RIVAL
raced() {
	local before

	before=$(accept_stat accepted)
	race_listen 0
	backend_ppctl attach to "$BACKEND" port 8080 from "$BALANCER" timeout 3 >/dev/null
	race "$BACKEND" 8080 "$1"
	is $(($(accept_stat accepted) - before)) "$race_count" accepted
	# Parts that nobody needs count as late when their time is over
	sleep 5
	is "$(backend_ppctl -j show-stats | jq -c '.[0] | [.timeout, .bad_header, .abandoned, .passed]')" \
		'[0,0,0,0]'
}

check 'ulp: header and bare ACK at the same time -> all accepted once' raced bare
check 'ulp: header and the same segment at the same time -> all accepted once' raced same
check 'ulp: rest of a header and its first part at the same time -> all accepted once' raced part
