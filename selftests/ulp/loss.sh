#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A listener with the ULP on bad links: loss, reordering, duplicates, delay and damage in both
# directions; headers in one segment and in pieces; without SACK, without timestamps, with Fast Open
# and SYN cookies. Every connection is exact and shows its client.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need jq tc nft
module_require
topo_lb 4

patience=120
count=60

all_exact() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER" timeout 120
	accept_transfer "$count" --peer-addr "$REAL" --peer-port client -- -j "$count" \
		--send-header "v$VERSION,$REAL,0,$ASKED,443" "$@"
	is "$(accept_rule_stat accepted)" "$count"
}

# impaired NAME NETEM-ARGUMENT... -- [OPTION of the client]...
impaired() {
	local name=$1

	shift
	BOTH="--order ${ORDER:-client} --timeout $patience" check_impaired \
		"ulp: IPv$FAMILY, v$VERSION, ${ORDER:-client} first, $name -> all exact" all_exact "$@"
}

# first_lost NAME WHERE KIND [OPTION of the client]...: the first packet of the kind is lost
first_lost() {
	lose "$2" 1 "$3"
	BOTH="--timeout $patience" check "ulp: IPv$FAMILY, first $1 lost -> all exact" all_exact "${@:4}"
	lose_end "$2"
}

# with_sysctl NAME=VALUE USUAL NAMESPACE [OPTION of the client]...
with_sysctl() {
	ns_sysctl "$3" "$1"
	BOTH="--timeout $patience" check "ulp: IPv$FAMILY, $3 has $1${4:+, ${*:4}} -> all exact" \
		all_exact "${@:4}"
	ns_sysctl "$3" "${1%=*}=$2"
}

for family in 4 6; do
	accept_family $family
	VERSION=2
	impaired 'loss 10 %' loss 10% --
	impaired 'loss 10 %, in pieces' loss 10% -- --chunk 10 --no-delay
	ORDER=server impaired 'loss 10 %' loss 10% --
	impaired 'reordering' delay 20ms reorder 50% --
	impaired 'reordering, in pieces' delay 20ms reorder 50% -- --chunk 10 --no-delay
	impaired 'duplicates' duplicate 30% --
	impaired 'duplicates, byte by byte' duplicate 30% -- --chunk 1 --no-delay
	impaired 'damage 3 %' corrupt 3% --
	VERSION=1
	impaired 'all of it' loss 5% delay 10ms 5ms duplicate 5% reorder 10% corrupt 1% -- \
		--chunk 30 --no-delay
	VERSION=2
	first_lost SYN "$at_backend" syn
	first_lost 'bare ACK' "$at_backend" bare
	first_lost 'segment with data' "$at_backend" payload
	first_lost 'segment with data, in pieces' "$at_backend" payload --chunk 9 --no-delay
	first_lost SYN-ACK "$at_lb" synack
	with_sysctl net.ipv4.tcp_sack=0 1 client
	with_sysctl net.ipv4.tcp_timestamps=0 1 client
	with_sysctl net.ipv4.tcp_timestamps=0 1 client --chunk 5 --no-delay
	with_sysctl net.ipv4.tcp_timestamps=0 1 backend --chunk 5 --no-delay
	with_sysctl net.ipv4.tcp_syncookies=0 1 backend
	with_sysctl net.ipv4.tcp_syncookies=2 1 backend
	# All SYNs have come before the first ACK does
	ns_sysctl backend net.ipv4.tcp_syncookies=2
	impaired 'SYN cookies, delay' delay 10ms --
	ns_sysctl backend net.ipv4.tcp_syncookies=1
	ns_sysctl client net.ipv4.tcp_fastopen=3
	BOTH="--timeout $patience" check "ulp: IPv$FAMILY, Fast Open -> all exact" all_exact --fastopen
done
