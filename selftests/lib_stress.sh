# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the stress_* selftests share: both halves of the module in a row, the load
# balancer's send rule and the backend's accept rule, and transfers through them
# that are checked byte by byte while something else goes on.

# shellcheck source=selftests/lib_accept.sh
. "${BASH_SOURCE[0]%/*}/lib_accept.sh"

# The rules of both, if they are not there
chain_rules() {
	rule to "$BACKEND" port 8080
	accept_rule to "$BACKEND" port 8080 from "$LB"
}

# chain_begin COUNT SIZE: so many connections of the client to an application that
# wants its peer to be the client, in the background
chain_begin() {
	local both=(-n "$1" --size "$2" --order both --timeout 240)

	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 "${both[@]}" \
		--peer-addr client --peer-port client
	wait_port backend 8080
	start_bg client client "$PEER" client -c "$VIP" -p 80 -j 8 "${both[@]}"
}

chain_runs() {
	[[ ! -e $PP_TMP/bg/client.status ]]
}

# All were exact, and nothing is on its way any more
chain_end() {
	wait_bg client 300
	wait_bg server
	wait_until 20 nothing_in_progress
}

nothing_in_progress() {
	[[ $(stat_of handshakes) == 0 && $(accept_stat pending) == 0 ]]
}
