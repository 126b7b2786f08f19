#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Checksums that a device computes over a whole packet (CHECKSUM_COMPLETE), as many network cards
# do, stay right when the packet is translated. Otherwise TCP computes them again and blames the
# device. Here the device is a GRE tunnel with checksums of its own. A kprobe counts software
# checksums: one for each packet that the tunnel receives.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"
# shellcheck source=selftests/lib/probe.sh
. "${BASH_SOURCE[0]%/*}/../lib/probe.sh"

not_in_sim 'user-mode Linux has no kprobes'
need jq ethtool
module_require
topo_lb 4

REAL_PORT=4000

received() {
	nsip backend -j -s link show dev tunnel | jq '.[0].stats64.rx.packets'
}

# tunnel TYPE NS LOCAL REMOTE ADDRESS: one end. GRO is off, since merged packets have no such
# checksum.
tunnel() {
	nsip "$2" link add tunnel type "$1" local "$3" remote "$4" csum
	ns "$2" ethtool -K tunnel gro off
	nsip "$2" link set tunnel up
	addr_add "$2" tunnel "$5"
}

# through_tunnel PORT [OPTION of the client]...: 1 MB each way; prints the software checksums for
# 100 packets that the backend received
through_tunnel() {
	local port=$1 packets sums server=()

	[[ $port != 8080 ]] || server=(--peer-addr "$REAL" --peer-port "$REAL_PORT")
	packets=$(received) sums=$(probed)
	start_bg server backend "$PEER" server -l "$BACKEND" -p "$port" -n 1 --size 1M "${server[@]}"
	wait_listening server
	ns lb "$PEER" client -c "$BACKEND" -p "$port" --size 1M "${@:2}"
	wait_bg server
	echo $((($(probed) - sums) * 100 / ($(received) - packets)))
}

# TCP must use the tunnel's checksum without a rule, too, or the test would prove nothing
once_a_packet() {
	local percent

	percent=$(through_tunnel "$@" | tail -n 1)
	((percent >= 95 && percent <= 105)) || fail "$percent sums for 100 packets"
}

complete() {
	backend_ppctl flush-rules
	backend_ppctl add-rule accept to "$BACKEND" port 8080 from "$LB" >/dev/null
	once_a_packet 8081
	once_a_packet 8080 --send-header "v2,$REAL,$REAL_PORT,$ASKED,443"
}

for type in 'gre remote 192.0.2.1' 'ip6gre remote 2001:db8::1'; do
	# shellcheck disable=SC2086 # words
	nsip lb link add try type $type 2>/dev/null || skip_all "this kernel has no ${type% remote*} tunnels"
	nsip lb link del try
done
veth_offload_off lb back
probe_begin complete __skb_checksum_complete
accept_family 4
tunnel gre lb "$LB" "$BACKEND" 10.0.9.1/24
tunnel gre backend "$BACKEND" "$LB" 10.0.9.2/24
LB=10.0.9.1 BACKEND=10.0.9.2
check 'accept: IPv4, CHECKSUM_COMPLETE -> right for the client as well' complete
nsip lb link del tunnel
nsip backend link del tunnel
accept_family 6
tunnel ip6gre lb "$LB" "$BACKEND" fd00:9::1/64
tunnel ip6gre backend "$BACKEND" "$LB" fd00:9::2/64
LB=fd00:9::1 BACKEND=fd00:9::2
check 'accept: IPv6, CHECKSUM_COMPLETE -> right for the client as well' complete
