#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The header on bad links: loss, reordering, duplicates, delay and damage, in each of the four
# directions. Every one of many connections at a time is exact. With SYN cookies, where TCP itself
# gives some up, no more fail than without a header.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft jq tc ethtool
module_require
topo_lb 4
nat_dnat_masq

# Where netem stands, as NAMESPACE:DEVICE, for what leaves there
to_backend=lb:back
from_backend=backend:eth0
to_client=lb:front
from_client=client:eth0
back="$to_backend $from_backend"
front="$to_client $from_client"

# Time for so many retransmissions that all copies of a packet are lost once in a thousand runs
patience=120
count=60
# A client that waits for the server retransmits nothing: only SYN-ACKs make its header leave again
ns_sysctl backend net.ipv4.tcp_synack_retries=6

# A stray SYN, duplicated or late, counts as a connection of its own
all_exact_once() {
	rule to "$BACKEND" port 8080 version "$version"
	transfer "$count" --header "v$version" "${names_client[@]}" -- -j "$count" || return 1
	lb_ppctl -j list-rules | jq -e ".[0] | .acked >= $count" >/dev/null ||
		fail "$(lb_ppctl list-rules)"
}

# On such links, conntrack takes answers for invalid in one of some thousand connections, without a
# rule as well, and the load balancer itself resets the backend: one run of two may fail
all_exact() {
	all_exact_once || {
		stop_bg server 2>/dev/null || true
		all_exact_once
	}
}

# netem_all LINKS ARGUMENT...
netem_all() {
	local link links=$1

	shift
	for link in $links; do
		netem "${link%:*}" "${link#*:}" "$@"
	done
}

# impaired NAME FAMILY VERSION ORDER LINKS NETEM-ARGUMENT...
impaired() {
	local name=$1 order=$4 links=$5

	topo_family "$2"
	version=$3
	shift 5
	netem_all "$links" "$@"
	BOTH="--order $order --timeout $patience" \
		check "send: IPv$FAMILY, v$version, $order first, $name -> all exact" all_exact
	netem_all "$links" none
}

# failures KIND: how many of 100 connections fail, with this kind of header. What the server finds
# wrong in a connection that came through counts as 1000.
failures() {
	local header=(--header "$1") client=$PP_TMP/client.json wrong

	[[ $1 == none ]] || header+=("${names_client[@]}")
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --timeout 25 "${header[@]}"
	wait_listening server
	ns client "$PEER" client -c "$VIP" -p 80 -n 100 -j 100 --timeout 25 >"$client" 2>/dev/null || true
	stop_bg server
	wrong=$(bg_output server | grep -cE "\"error\":\"[^\"]*($pp_wrong)" || true)
	echo $(($(grep -c '"ok":false' "$client" || true) + 1000 * wrong))
}

no_worse() {
	(($1 <= $2 + 3)) || fail "$1 failed with a header, $2 without"
}

# The backend answers every SYN with a cookie and keeps nothing: it would reset data that arrives
# before the header
syncookies() {
	local tagged untagged

	topo_family "$1"
	ns_sysctl backend net.ipv4.tcp_syncookies=2
	netem_all "$back" loss 10%
	lb_ppctl flush-rules
	untagged=$(failures none)
	lb_ppctl add-rule send to "$BACKEND" port 8080 >/dev/null
	tagged=$(failures v2)
	netem_all "$back" none
	ns_sysctl backend net.ipv4.tcp_syncookies=1
	diag "of 100 connections failed: $tagged with a header, $untagged without"
	check "send: IPv$1, SYN cookies, 10 % loss -> no more fail than without a header" \
		no_worse "$tagged" "$untagged"
}

impaired '15 % loss towards the backend' 4 2 client "$to_backend" loss 15%
impaired '15 % loss towards the backend' 6 1 server "$to_backend" loss 15%
impaired '15 % loss from the backend' 6 2 server "$from_backend" loss 15%
impaired '15 % loss from the backend' 4 1 both "$from_backend" loss 15%
impaired '10 % loss both ways' 4 2 server "$back" loss 10%
impaired '10 % loss both ways' 6 2 client "$back" loss 10%
impaired '10 % loss on the side of the client' 6 2 both "$front" loss 10%
impaired '10 % loss on the side of the client' 4 1 server "$front" loss 10%

impaired 'reordering' 4 2 both "$back $front" delay 20ms reorder 40% 50%
impaired 'reordering' 6 1 client "$back $front" delay 20ms reorder 40% 50%
impaired 'every third packet twice' 4 1 client "$back $front" duplicate 33%
impaired 'every third packet twice' 6 2 server "$back $front" duplicate 33%
impaired 'delay that varies' 4 2 server "$back $front" delay 40ms 20ms

# The receivers' checksums have to find damage: offloads would hide it
veth_offload_off client eth0
veth_offload_off lb front
veth_offload_off lb back
veth_offload_off backend eth0
impaired 'every tenth packet damaged' 4 2 client "$back $front" corrupt 10%
impaired 'every tenth packet damaged' 6 1 both "$back $front" corrupt 10%
all='loss 3% duplicate 5% corrupt 3% delay 5ms 4ms reorder 10%'
# shellcheck disable=SC2086 # words
impaired 'all of these' 4 2 both "$back $front" $all
# shellcheck disable=SC2086
impaired 'all of these' 6 2 server "$back $front" $all
# Without NAT, conntrack lets damaged packets through
nat_flush
# shellcheck disable=SC2086
TARGET=10.0.2.2 PORT=8080 impaired 'all of these, plain routing' 4 2 client "$back $front" $all
# shellcheck disable=SC2086
TARGET=fd00:2::2 PORT=8080 impaired 'all of these, plain routing' 6 1 both "$back $front" $all

nat_dnat_masq
syncookies 4
syncookies 6
