# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the *_races selftests share: pp_race, which ends handshakes with two segments at the same
# time, each sent by a processor of its own.

# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/accept.sh"
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/loss.sh"

race_count=300

# race_topo: topo_lb, for two processors
race_topo() {
	(($(nproc) > 1)) || skip_all 'it wants two processors'
	topo_lb 4
	accept_family 4
	raw_init
}

# race_listen HEADERS: an application that gets so many headers at the beginning of each connection
race_listen() {
	start_bg listener backend python3 "$pp_selftests/tools/race_app.py" "$BACKEND" 8080 "$1" \
		"$race_count"
	wait_port backend 8080
}

# race TARGET PORT RIVAL: each rival has ports of its own
race() {
	local -A first=([bare]=0 [same]=1 [part]=2)

	ns client "$pp_selftests/tools/pp_race" "$CLIENT" "$1" "$2" "$race_count" \
		$((raw_port + first[$3] * race_count)) "$3"
	wait_bg listener
	is "$(bg_output listener)" "$race_count right"
}
