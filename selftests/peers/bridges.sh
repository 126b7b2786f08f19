#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two bridges in a row in one namespace, with br_netfilter: packets pass the same hooks twice,
# once with each bridge. Bridged all the way, and routed to the first of them:
#
#	client (eth0) ---- (front) br0 (x0) ---- (x1) br1 (back) ---- (eth0) backend
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft jq tc tcpdump
need_root
modprobe -q br_netfilter || skip_all 'no br_netfilter in this kernel'
module_require
topo_lb 4

bridges_make() {
	nsip lb addr flush dev back scope global
	nsip lb link add name br0 type bridge
	nsip lb link add name br1 type bridge
	nsip lb link add x0 type veth peer name x1
	nsip lb link set x0 master br0
	nsip lb link set x1 master br1
	nsip lb link set back master br1
	for dev in x0 x1 br0 br1; do
		nsip lb link set $dev up
	done
	ns_sysctl lb net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
	addr_add lb br0 10.0.2.1/24 fd00:2::1/64
}

# The client moves to the backend's subnet
client_joins() {
	nsip lb addr flush dev br0 scope global
	nsip lb addr flush dev front scope global
	nsip lb link set front master br0
	nsip client addr flush dev eth0 scope global
	addr_add client eth0 10.0.2.3/24 fd00:2::3/64
}

# tagged VERSION COUNT EXPRESSION: and what jq says of the growth of the counters
tagged() {
	local version=$1 count=$2

	rule to "$BACKEND" port 8080 version "$version"
	grown "$3" transfer "$count" --header "v$version" "${names_client[@]}" -- -j 20
	lb_ppctl -j list-rules | jq -e ".[0] | .acked == $count and .tagged == $count" >/dev/null ||
		fail "$(lb_ppctl list-rules)"
	is "$(lb_ppctl -j list-connections)" '[]'
}

# Each packet is handled once: none counts as a client's forgery, and no header leaves twice
once='.forged == 0 and .untagged == 0 and .resent == 0'

lossy() {
	netem lb back loss 10%
	netem backend eth0 loss 10%
	BOTH='--order both --size 20k --timeout 120' tagged "$1" 20 '.untagged == 0'
}

lossless() {
	netem lb back none
	netem backend eth0 none
}

# lost WHERE KIND VERSION: the first packet of this kind, of each connection
lost() {
	lose "$1" 1 "$2"
	tagged "$3" 5 '.forged == 0 and .untagged == 0'
	lose_end "$1"
}

# closed_port: a closed port, whose reset acknowledges a number in the header's place
closed_port() {
	rule to "$BACKEND" port 8081
	grown '.untagged == 0 and .acked == 0' connection_refused
	wait_until 10 nothing_open
}

nothing_open() {
	[[ $(lb_ppctl -j list-connections) == '[]' ]]
}

connection_refused() {
	local said

	said=$(ns client timeout 20 bash -c "exec 3<>/dev/tcp/$BACKEND/8081" 2>&1) || true
	[[ $said == *'Connection refused'* ]] || fail "$said"
}

# The backend gets one segment with the header, and no second one
one_header() {
	local headers

	cap_start twice backend eth0 'tcp dst port 8080'
	tagged 2 1 "$once"
	cap_stop twice
	headers=$(cap_read twice -X | grep -c '0d0a 0d0a 000d 0a51') || true
	is "$headers" 1 'headers'
}

cases() {
	local what="peers: two bridges, IPv$FAMILY, $1"

	BOTH='--order client' check "$what, v2, client first -> one header" tagged 2 3 "$once"
	BOTH='--order client' check "$what, v2, client first -> one segment with a header" one_header
	BOTH='--order server' check "$what, v1, server first -> one header" tagged 1 3 "$once"
	BOTH='--order both --size 1M' check "$what, 1 MB both ways -> exact" tagged 2 2 "$once"
	BOTH='--order both --end rst' check "$what, client resets -> exact" tagged 2 3 "$once"
	BOTH='--size 20k' check "$what, SYN-ACK lost -> exact" lost $at_lb synack 2
	BOTH='--size 20k' check "$what, first header lost -> exact" lost $at_backend payload 1
	check "$what, closed port -> refused at once" closed_port
	check "$what, 10 % loss -> 20 of 20 exact" lossy 2
	lossless
}

bridges_make
export PORT=8080
for family in 4 6; do
	topo_family $family
	export TARGET=$BACKEND
	cases 'routed to the first'
done
client_joins
for family in 4 6; do
	topo_family $family
	export TARGET=$BACKEND
	cases 'bridged'
done
