#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Sockets that send a header by the ULP, on bad links: loss, reordering, duplicates, delay and damage
# in both directions; without SACK, without timestamps, with SYN cookies; the first packet of a kind
# is lost. Every connection is exact, with one header, with a send rule for the backend and without.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need jq tc nft
module_require
topo_lb 4
CLIENT_NS=lb PORT=8080
patience=120
count=60

# Messages have a SHA-256 in both directions, and pp_peer compares every byte
all_exact() {
	local before

	before=$(stat_of sent_by_socket)
	TARGET=$BACKEND transfer "$count" --header "v$VERSION" --src-addr "$REAL" --src-port 4711 \
		--dst-addr "$ASKED" -- -j "$count" --ulp \
		--send-header "v$VERSION,$REAL,4711,$ASKED,443" "$@"
	is "$(stat_of sent_by_socket)" $((before + count))
	[[ $(lb_ppctl -j list-rules) == '[]' ]] || is "$(rule_stat tagged)" 0 tagged
}

# impaired NAME NETEM-ARGUMENT... -- [OPTION of the client]...
impaired() {
	local name=$1

	shift
	BOTH="--order ${ORDER:-client} --timeout $patience" check_impaired \
		"ulp: send, IPv$FAMILY, v$VERSION$rule_name, ${ORDER:-client} first, $name -> all exact" \
		all_exact "$@"
}

# first_lost NAME WHERE KIND
first_lost() {
	lose "$2" 1 "$3"
	count=1 BOTH="--timeout $patience" \
		check "ulp: send, IPv$FAMILY$rule_name, first $1 lost -> exact" all_exact
	lose_end "$2"
}

# with_sysctl NAME=VALUE USUAL NAMESPACE
with_sysctl() {
	ns_sysctl "$3" "$1"
	BOTH="--timeout $patience" \
		check "ulp: send, IPv$FAMILY$rule_name, $3 has $1 -> all exact" all_exact
	ns_sysctl "$3" "${1%=*}=$2"
}

for family in 4 6; do
	header_family $family
	topo_family $family
	lb_ppctl flush-rules
	rule_name=''
	VERSION=2
	impaired 'loss 10 %' loss 10% -- --size 50k
	ORDER=server impaired 'loss 10 %' loss 10% -- --size 50k
	impaired 'reordering' delay 20ms reorder 50% --
	impaired 'duplicates' duplicate 30% --
	impaired 'damage 3 %' corrupt 3% --
	VERSION=1
	impaired 'all of it' loss 5% delay 10ms 5ms duplicate 5% reorder 10% corrupt 1% -- \
		--chunk 300 --no-delay
	VERSION=2
	rule to "$BACKEND" port 8080 version 2 origin proxy
	rule_name=', with a rule'
	impaired 'loss 10 %' loss 10% --
	for cookies in 0 1 2; do
		with_sysctl net.ipv4.tcp_syncookies=$cookies 1 backend
	done
	lb_ppctl flush-rules
	rule_name=''
	first_lost SYN "$at_backend" syn
	first_lost 'bare ACK' "$at_backend" bare
	first_lost 'segment with data' "$at_backend" payload
	first_lost SYN-ACK "$at_lb" synack
	with_sysctl net.ipv4.tcp_sack=0 1 lb
	with_sysctl net.ipv4.tcp_timestamps=0 1 lb
	with_sysctl net.ipv4.tcp_timestamps=0 1 backend
done
