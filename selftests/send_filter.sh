#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# While handshakes are in progress, packets of other connections are told from theirs
# before they are parsed, also where addresses and ports are those of an earlier connection
# that had its header. What is parsed of the backend's packets is counted by a kprobe.
set -euo pipefail
# shellcheck source=selftests/lib_send.sh
. "${BASH_SOURCE[0]%/*}/lib_send.sh"
# shellcheck source=selftests/lib_probe.sh
. "${BASH_SOURCE[0]%/*}/lib_probe.sh"

need nft jq
module_require
topo_lb 4
probe_begin reply proxyproto:hook_reply

# same_ports [OPTION of the server]...: a connection of a client that always has the same port
same_ports() {
	BOTH='--size 100k --end rst' TARGET=$BACKEND PORT=8080 transfer 1 "$@" -- --bind-port 30001
}

# in_progress COUNT
in_progress() {
	is "$(stat_of handshakes)" "$1"
}

# A handshake that the backend leaves without an answer
begin_handshake() {
	rule to "$BACKEND" port 8081
	ns backend nft add table inet silent
	ns backend nft add chain inet silent input '{ type filter hook input priority 0; }'
	ns backend nft add rule inet silent input tcp dport 8081 drop
	start_bg waiting client "$PEER" client -c "$BACKEND" -p 8081 --timeout 60
}

parsed() {
	local before

	before=$(probed)
	"$@" >/dev/null
	echo $(($(probed) - before))
}

others() {
	local tagged before other

	before=$(stat_of handshakes) # of another family, which lasts for a minute
	rule to "$BACKEND" port 8080
	tagged=$(parsed same_ports --header v2 --peer-addr "$CLIENT")
	((tagged > 0)) || fail 'the probe has seen nothing of a handshake'
	wait_until 20 in_progress "$before"
	begin_handshake
	wait_until 20 in_progress $((before + 1))
	# without ports are messages of ICMPv6: neighbours are looked for now and then
	other=$(parsed same_ports)
	((other < 10)) || fail "$other packets of another connection parsed"
	in_progress $((before + 1))
	stop_bg waiting
	ns backend nft delete table inet silent
	lb_ppctl flush-rules
}

for family in 4 6; do
	topo_family $family
	check "send: IPv$family, one handshake in progress -> nobody else's packets are parsed" others
done
