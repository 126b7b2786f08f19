#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each packet of the handshake is lost on purpose: the SYN, its answer, the header, its
# acknowledgement, the client's ACK and data. The retransmissions of both ends repair it. Damaged
# packets change nothing.
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft jq "$RAWTCP"
module_require
topo_lb 4
nat_dnat_masq
count=10

# made_good WHERE TIMES EXPRESSION: all connections are exact though these packets were lost
made_good() {
	local names=("${names_client[@]}")

	if [[ $BOTH == *--no-data* ]]; then
		names=(--src-addr "$CLIENT" --dst-addr "$VIP" --dst-port 80)
	fi
	rule to "$BACKEND" port 8080 version "$version"
	transfer "$count" --header "v$version" "${names[@]}" -- -j "$count"
	outcome "$1" ".lost == $((count * $2)) and .tagged == $count and .acked == $count and
		.open == [] and $3"
}

# once NAME FAMILY VERSION ORDER WHERE TIMES KIND EXPRESSION: ORDER is who sends first, or nobody
once() {
	local options="--order $4"

	[[ $4 != nobody ]] || options='--no-data'
	topo_family "$2"
	version=$3
	lose "$5" "$6" "$7"
	BOTH=$options check "send: IPv$2, v$3, $4 first, $1 -> made good" made_good "$5" "$6" "$8"
	lose_end "$5"
}

again=".resent >= $count"

once 'SYN lost' 4 2 client $at_backend 1 syn true
once 'SYN lost' 6 1 server $at_backend 1 syn true
once 'SYN lost twice' 4 1 both $at_backend 2 syn true
once 'SYN-ACK lost' 4 2 server $at_lb 1 synack true
once 'SYN-ACK lost behind the load balancer' 6 1 both $at_client 1 synack true

for order in client server; do
	once 'first header lost' 4 2 $order $at_backend 1 payload "$again"
	once 'first header lost' 6 1 $order $at_backend 1 payload "$again"
	once 'first two headers lost' 4 1 $order $at_backend 2 payload "$again"
	once 'first two headers lost' 6 2 $order $at_backend 2 payload "$again"
done
once 'first two headers lost' 4 2 both $at_backend 2 payload "$again"
once 'first four headers lost' 6 2 client $at_backend 4 payload "$again"
once 'first header lost' 6 1 nobody $at_backend 1 payload "$again"

once "header's acknowledgement lost" 4 2 client $at_lb 1 no-syn true
once "header's acknowledgement lost" 6 1 server $at_lb 1 no-syn true
once "header's acknowledgement lost" 4 1 nobody $at_lb 1 no-syn true

once 'bare ACK lost' 4 1 client $at_lb_front 1 bare true
once 'bare ACK lost' 6 2 server $at_lb_front 1 bare true
once 'data lost' 4 2 client $at_lb_front 1 payload true
once 'data lost' 6 2 both $at_lb_front 1 payload true
once 'data lost behind the load balancer' 6 1 client $at_backend 1 more true
once 'data lost behind the load balancer' 4 2 server $at_backend 1 more true

# harmless KIND: without NAT, so that the damaged segment is forwarded, and while the header is
# missing, so that the backend would believe a reset. NOPs make the segment of the header longer
# than any segment without payload.
harmless() {
	rule to "$BACKEND" port 8080
	raw_transfer "$raw_port" --header v2 "${names_client[@]}" -- \
		--options 010101010101010101010101 --damage "$1"
	outcome $at_backend '.lost == 1 and .acked == 1 and .resent > 0'
}

nat_flush
raw_init
for family in 4 6; do
	topo_family $family
	for kind in rst ack; do
		((++raw_port))
		lose $at_backend 1 payload
		TARGET=$BACKEND PORT=8080 \
			check "send: IPv$family, $kind with a wrong checksum before the header -> no effect" \
			harmless $kind
	done
done
