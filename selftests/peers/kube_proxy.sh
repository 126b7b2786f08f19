#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The recipe "kube-proxy": the rules that kube-proxy writes for a service with two endpoints, in its
# iptables and nftables modes. Clients of the node port and of the cluster IP come with a header;
# with a mark of the connection, clients of the node port alone.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"
# shellcheck source=selftests/lib/kube.sh
. "${BASH_SOURCE[0]%/*}/../lib/kube.sh"

need nft jq iptables-nft-restore iptables-legacy-restore ip6tables-nft-restore \
	ip6tables-legacy-restore
module_require
topo_lb 4
addr_add backend eth0 10.0.2.3/24 fd00:2::3/64
nsip lb route replace default via 10.0.1.2
nsip lb -6 route replace default via fd00:1::2

# to ADDRESS PORT COUNT [OPTION of the server]...: both endpoints are used
to() {
	local any=0.0.0.0 count=$3

	[[ $FAMILY == 4 ]] || any=::
	start_bg server backend "$PEER" server -l $any -p 8080 -n "$count" --peer-addr "$LB" "${@:4}"
	wait_listening server
	ns client "$PEER" client -c "$1" -p "$2" -n "$count" -j 10 --size 20k
	wait_bg server
}

both_used() {
	is "$(lb_ppctl -j list-rules | jq -c 'map(.tagged > 0)')" '[true,true]' 'both endpoints'
	is "$(lb_ppctl -j list-rules | jq -c 'map(.tagged == .acked) | unique')" '[true]' 'acked'
}

# rules [WORD]...: one for each endpoint
rules() {
	lb_ppctl flush-rules
	lb_ppctl add-rule send to "$BACKEND" port 8080 "$@" >/dev/null
	lb_ppctl add-rule send to "$OTHER_POD" port 8080 "$@" >/dev/null
}

node_port() {
	rules version "$1"
	to "$VIP" 30080 30 --header "v$1" --src-addr client --src-port client --dst-addr "$VIP" \
		--dst-port 30080
	both_used
}

cluster_ip() {
	rules version "$1"
	to "$CLUSTER" 80 30 --header "v$1" --src-addr client --src-port client --dst-addr "$CLUSTER" \
		--dst-port 80
	both_used
}

# The connection mark of docs/recipes.md says who came by the node port
mark_node_port() {
	ns lb nft "table inet proxyproto_mark { chain prerouting {
		type filter hook prerouting priority mangle;
		fib daddr type local tcp dport 30080 ct mark set ct mark | 0x1; }; }"
}

marked() {
	mark_node_port
	rules mark 0x1/0x1
	to "$VIP" 30080 30 --header v2 --src-addr client --src-port client --dst-addr "$VIP" \
		--dst-port 30080
	both_used
	to "$CLUSTER" 80 10 --header none
	ns lb nft delete table inet proxyproto_mark
}

# A program of the node itself
from_node() {
	rules origin proxy
	start_bg server backend "$PEER" server -l "$([[ $FAMILY == 4 ]] && echo 0.0.0.0 || echo ::)" \
		-p 8080 -n 4 --header v2 --dst-addr any --dst-port any
	wait_listening server
	ns lb "$PEER" client -c "$CLUSTER" -p 80 -n 4
	wait_bg server
}

for mode in iptables:legacy iptables:nft nftables; do
	for family in 4 6; do
		kube_family $family
		what="peers: kube-proxy, ${mode/:/-}, IPv$family"
		if ! "kube_${mode%:*}" "${mode#*:}" >"$PP_TMP/why" 2>&1; then
			cat "$PP_TMP/why"
			not_ok "$what, its rules -> are taken"
			continue
		fi
		for version in 1 2; do
			check "$what, node port, v$version -> client and node port" node_port $version
			check "$what, cluster IP, v$version -> client and cluster IP" cluster_ip $version
		done
		check "$what, mark of the node port -> header there, none at the cluster IP" marked
		check "$what, program of the node -> header" from_node
		"kube_${mode%:*}_end" "${mode#*:}"
	done
done
