#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# While handshakes are in progress, packets of other connections are told apart before they are
# parsed, also if addresses and ports are those of an earlier connection that had its header. A
# kprobe counts the packets of the backend that are parsed.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"
# shellcheck source=selftests/lib/probe.sh
. "${BASH_SOURCE[0]%/*}/../lib/probe.sh"

not_in_sim 'user-mode Linux has no kprobes'
need nft jq
module_require
topo_lb 4
probe_begin reply proxyproto:send_from_backend

# same_ports [OPTION of the server]...: one connection, always from the same port of the client
same_ports() {
	BOTH='--size 100k --end rst' TARGET=$BACKEND PORT=8080 transfer 1 "$@" -- --bind-port 30001
}

# in_progress COUNT
in_progress() {
	is "$(stat_of handshakes)" "$1"
}

# A handshake that the backend does not answer
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
	# ICMPv6 messages have no ports, and neighbour discovery sends some now and then
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
