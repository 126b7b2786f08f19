#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two processors have segments of the same handshake of an accept rule at the same time: one has the
# header, the other a bare ACK, the header again, or a part of it. No connection is reset, and each
# is accepted once.
set -euo pipefail
# shellcheck source=selftests/lib/race.sh
. "${BASH_SOURCE[0]%/*}/../lib/race.sh"

not_in_sim 'it wants two processors'
need jq nft python3
module_require
race_topo

# raced RIVAL
raced() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER" timeout 3
	race_listen 0
	race "$BACKEND" 8080 "$1"
	is "$(accept_rule_stat accepted)" "$race_count" accepted
	wait_until 20 nothing_waits
	is "$(accept_rule_stat refused)" 0 refused
}

nothing_waits() {
	[[ $(accept_stat pending) == 0 ]]
}

check 'accept: header and bare ACK at the same time -> all accepted once' raced bare
check 'accept: header and the same segment at the same time -> all accepted once' raced same
check 'accept: rest of a header and its first part at the same time -> all accepted once' raced part
