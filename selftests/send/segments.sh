#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The header and the sizes of segments: segmentation offload on and off, small MTUs, small MSS,
# small windows, single bytes. If the header does not fit in front of data, it leaves in a segment
# of its own, and no packet is too long for its link.
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft jq ethtool
module_require
topo_lb 4
nat_dnat_masq

count=3

# exact EXPRESSION: jq evaluates it on the growth of the counters
exact() {
	rule to "$BACKEND" port 8080 version "$version"
	grown ".tagged == $count and .acked == $count and .handshakes == 0 and $1" \
		transfer "$count" --header "v$version" "${names_client[@]}" "${server[@]}" -- \
		-j "$count" "${client[@]}"
}

# exactly NAME FAMILY VERSION OPTIONS [EXPRESSION]
exactly() {
	topo_family "$2"
	version=$3
	BOTH=$4 check "send: IPv$2, v$3, $1 -> exact" exact "${5:-true}"
}

# with_lost WHERE KIND, and the arguments of exactly
with_lost() {
	topo_family "$4"
	lose "$1" 1 "$2"
	exactly "${@:3}"
	lose_end "$1"
}

server=() client=()

# ---- Segmentation offload: the first data comes while the header is not acknowledged

for name in lb backend client; do
	for dev in eth0 front back; do
		! ns "$name" ip link show "$dev" >/dev/null 2>&1 ||
			ns "$name" ethtool -K "$dev" tso on gso on gro on >/dev/null
	done
done

# Packets longer than any link takes that begin with a v2 header; their data has timestamps and no
# other options
ns backend nft -f - <<-END
	table netdev pp_long {
		counter headers { }
		chain ingress {
			type filter hook ingress device eth0 priority 1; policy accept;
			tcp flags & syn == 0 meta length > 1600 @th,256,96 0x0d0a0d0a000d0a515549540a counter name headers
		}
	}
END

long_headers() {
	ns backend nft -j list counter netdev pp_long headers |
		jq '.nftables[].counter.packets // empty'
}

# long_before COMMAND...: it makes such packets within five tries, since the client has to be quick
long_before() {
	local before i

	before=$(long_headers)
	for ((i = 0; i < 5; i++)); do
		"$@"
		(($(long_headers) == before)) || return 0
	done
	fail "no header before a GSO packet"
}

exactly '3 MB with GSO and GRO' 4 1 '--size 3M'
for family in 4 6; do
	topo_family $family
	version=2
	for where in $at_backend $at_lb_front; do
		kind=payload lost='first header'
		[[ $where == "$at_backend" ]] || kind=bare lost='bare ACK'
		name="send: IPv$family, GSO, $lost lost -> header before a GSO packet, exact"
		if [[ $kind == payload ]] &&
			sim_skip "$name" 'the client writes its second packet after the answer to the first'; then
			continue
		fi
		lose "$where" 1 $kind
		BOTH='--size 300k' check "$name" long_before exact '.prefixed > 0'
		lose_end "$where"
	done
done
# What follows the first GSO packet has a segment with the header ahead
with_lost $at_backend payload 'GSO, first header lost' 6 1 '--size 300k --no-delay' true
ns backend nft delete table netdev pp_long

# ---- No offload: every checksum is complete, every segment a packet

veth_offload_off client eth0
veth_offload_off lb front
veth_offload_off lb back
veth_offload_off backend eth0
exactly 'no offload' 4 2 '--size 300k --order both'
exactly 'no offload' 6 1 '--size 300k --order server'
# A header of odd length before data
with_lost $at_backend payload 'no offload, first header lost' 4 1 '--size 1k' '.prefixed > 0'
with_lost $at_backend payload 'no offload, first header lost' 6 1 '--size 1k' '.prefixed > 0'
with_lost $at_backend payload 'no offload, first header lost, full segments' 4 2 '--size 100k' \
	'.separate > 0'

# ---- Small segments

exactly 'MSS 88 on both sides' 4 1 '--mss 88 --size 20k'
with_lost $at_backend payload 'MSS 88 on both sides, first header lost' 6 2 '--mss 88 --size 20k'
exactly 'MSS 200 on both sides' 6 1 '--mss 200 --size 20k'
client=(--mss 536)
exactly 'MSS 536 of the client' 4 2 '--size 100k --order server'
client=() server=(--mss 536)
with_lost $at_backend payload 'MSS 536 of the server, first header lost' 4 2 '--size 100k'

# ---- Small windows: the header fills part of the first, and the window closes

server=(--rcvbuf 2304)
exactly 'the smallest window of the server' 4 2 '--size 30k'
with_lost $at_backend payload 'the smallest window of the server, first header lost' 6 1 '--size 30k'
server=() client=(--rcvbuf 2304)
exactly 'the smallest window of the client' 6 2 '--size 30k --order server'
client=()
exactly 'single bytes' 4 1 '--chunk 1 --no-delay --size 300 --order both'
with_lost $at_backend payload 'single bytes, first header lost' 6 2 '--chunk 1 --no-delay --size 300'

# ---- A header longer than a segment of the backend

long_client=fd00:1::ffff:ffff:ffff:ffff long_backend=fd00:2::ffff:ffff:ffff:ffff
addr_add client eth0 $long_client/64
addr_add backend eth0 $long_backend/64
topo_family 6
client=(-b "$long_client")
BACKEND=$long_backend TARGET=$long_backend PORT=8080 version=1 BOTH='--mss 88 --size 10k' \
	check "send: IPv6, v1, header longer than the backend's MSS -> by itself, exact" \
	exact '.separate >= 3 and .in_ack == 0'
client=()

# ---- Small MTUs; IPv6 ends below 1280, so IPv4 comes last

# mtu BYTES NAMESPACE:DEVICE...
mtu() {
	local end

	for end in "${@:2}"; do
		nsip "${end%:*}" link set "${end#*:}" mtu "$1"
	done
}

mtu 1280 lb:back backend:eth0
exactly 'MTU 1280 towards the backend' 6 1 '--size 300k --order both'
with_lost $at_backend payload 'MTU 1280 towards the backend, first header lost' 6 2 '--size 100k'
mtu 576 lb:back backend:eth0
exactly 'MTU 576 towards the backend' 4 1 '--size 300k --order both'
with_lost $at_backend payload 'MTU 576 towards the backend, first header lost' 4 2 '--size 100k'
mtu 1500 lb:back backend:eth0
mtu 576 client:eth0 lb:front
exactly 'MTU 576 towards the client' 4 2 '--size 300k --order both'
