#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Bridges with br_netfilter, where the hooks of IP see bridged packets as well: the backend behind a
# bridge that is routed to, clients and backend on one bridge with a router or NAT between, and a
# bridge alone. Each connection has one header.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft jq tc
need_root
modprobe -q br_netfilter || skip_all 'no br_netfilter in this kernel'
module_require
topo_lb 4

# The load balancer's own side of the backend's link becomes a bridge port
bridge_make() {
	nsip lb link add name br0 type bridge
	ns_sysctl lb net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
	nsip lb addr flush dev back scope global
	nsip lb link set back master br0
	nsip lb link set br0 up
	addr_add lb br0 10.0.2.1/24 fd00:2::1/64
}

# A client on the same bridge, in the backend's subnet
neighbour_make() {
	ns_make neighbour
	veth_make neighbour eth0 lb port
	nsip lb link set port master br0
	addr_add neighbour eth0 10.0.2.3/24 fd00:2::3/64
	nsip neighbour route add default via 10.0.2.1
	nsip neighbour -6 route add default via fd00:2::1
}

# tagged VERSION COUNT: two headers, or none, would not be exact
tagged() {
	local version=$1 count=$2

	rule to "$BACKEND" port 8080 version "$version"
	transfer "$count" --header "v$version" "${names_client[@]}" -- -j 20
	lb_ppctl -j list-rules | jq -e ".[0] | .acked >= $count" >/dev/null ||
		fail "$(lb_ppctl list-rules)"
	is "$(lb_ppctl -j list-connections)" '[]'
}

lossy() {
	netem lb back loss 10%
	netem backend eth0 loss 10%
	BOTH="--order both --size 20k --timeout 120" tagged "$1" 20
}

lossless() {
	netem lb back none
	netem backend eth0 none
}

cases() {
	local what="peers: bridge, IPv$FAMILY, $1"

	BOTH='--order client' check "$what, v2, client first -> one header" tagged 2 3
	BOTH='--order server' check "$what, v1, server first -> one header" tagged 1 3
	BOTH='--order both --size 1M' check "$what, 1 MB both ways -> exact" tagged 2 2
}

bridge_make
neighbour_make
for family in 4 6; do
	topo_family $family
	nat_dnat_masq
	cases 'routed and NATed to its port'
	export CLIENT_NS=neighbour
	cases 'from port to port by NAT'
	nat_flush
	TARGET=$BACKEND PORT=8080
	cases 'from port to port, no router'
	check "peers: bridge, IPv$family, from port to port, no router, 10 % loss -> 20 of 20 exact" lossy 2
	lossless
	unset TARGET PORT
	export -n CLIENT_NS
	unset CLIENT_NS
done
