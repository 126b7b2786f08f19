# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the stress_* selftests share: both sides of the module in a row, the load balancer's send
# rule and the backend's accept rule, and transfers through them that are checked byte by byte
# meanwhile.

# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/accept.sh"

# The rules of both, if they are missing
chain_rules() {
	rule to "$BACKEND" port 8080
	accept_rule to "$BACKEND" port 8080 from "$LB"
}

# chain_begin COUNT SIZE: COUNT connections of the client, in the background, to an application that
# expects the client as its peer
chain_begin() {
	local both=(-n "$1" --size "$2" --order both --timeout 240)

	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 "${both[@]}" \
		--peer-addr client --peer-port client
	wait_listening server
	start_bg client client "$PEER" client -c "$VIP" -p 80 -j 8 "${both[@]}"
}

chain_runs() {
	bg_runs client
}

# All were exact, and no connection is in progress any more
chain_end() {
	wait_bg client 300
	wait_bg server
	wait_until 20 nothing_in_progress
}

nothing_in_progress() {
	[[ $(stat_of handshakes) == 0 && $(accept_stat pending) == 0 ]]
}
