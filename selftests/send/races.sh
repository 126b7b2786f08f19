#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two processors have segments of the same handshake to a tagged backend at the same time: one has
# the client's first data, the other a bare ACK, the data again, or a part of it. The backend gets
# one header, and then the data.
set -euo pipefail
# shellcheck source=selftests/lib/race.sh
. "${BASH_SOURCE[0]%/*}/../lib/race.sh"

not_in_sim 'it wants two processors'
need jq nft python3
module_require
race_topo
nat_dnat

# raced RIVAL: the client's data begins with a header of its own
raced() {
	rule to "$BACKEND" port 8080
	race_listen 2
	race "$VIP" 80 "$1"
	wait_until 10 nothing_sent
	is "$(rule_stat tagged)" "$race_count" tagged
	is "$(rule_stat acked)" "$race_count" acked
}

nothing_sent() {
	[[ $(lb_ppctl -j list-connections) == '[]' ]]
}

check 'send: data and bare ACK at the same time -> one header for each' raced bare
check 'send: the same data twice at the same time -> one header for each' raced same
check 'send: data and a part of it at the same time -> one header for each' raced part
