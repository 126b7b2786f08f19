#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Accepted connections on bad links: loss, reordering, duplicates, delay and damage, in each
# direction. Every one of many connections at a time is exact and shows its client. With SYN
# cookies, where TCP itself gives some up, no more fail than without a rule.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need jq tc ethtool nft
module_require
topo_lb 4

# Where netem stands, as NAMESPACE:DEVICE, for what leaves there
there=lb:back back=backend:eth0
links="$there $back"

# Time for so many retransmissions that all copies of a packet are lost once in a thousand runs
patience=120
count=60

all_exact() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	accept_transfer "$count" --peer-addr "$REAL" --peer-port client -- -j "$count" \
		--send-header "v$VERSION,$REAL,0,$ASKED,443" "$@"
	accept_rule_stat accepted >"$PP_TMP/accepted"
	(($(cat "$PP_TMP/accepted") >= count)) || fail "$(backend_ppctl list-rules)"
}

# netem_all LINKS ARGUMENT...
netem_all() {
	local link
	local -r on=$1

	shift
	for link in $on; do
		netem "${link%:*}" "${link#*:}" "$@"
	done
}

# impaired NAME FAMILY VERSION ORDER LINKS NETEM-ARGUMENT...
impaired() {
	local name=$1 order=$4 on=$5

	accept_family "$2"
	VERSION=$3
	shift 5
	netem_all "$on" "$@"
	BOTH="--order $order --timeout $patience" \
		check "accept: IPv$FAMILY, v$VERSION, $order first, $name -> all exact" \
		all_exact ${client_options[@]+"${client_options[@]}"}
	netem_all "$on" none
}

# failures RULE: how many of 100 connections fail, with or without a rule. What the server finds
# wrong in a connection that came through counts as 1000.
failures() {
	local header=() seen=() client=$PP_TMP/client.json wrong

	if [[ $1 == rule ]]; then
		header=(--send-header "v2,$REAL,0,$ASKED,443") seen=(--peer-addr "$REAL" --peer-port client)
	fi
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --timeout 25 "${seen[@]}"
	wait_listening server
	ns client "$PEER" client -c "$BACKEND" -p 8080 -n 100 -j 100 --timeout 25 "${header[@]}" \
		>"$client" 2>/dev/null || true
	stop_bg server
	wrong=$(bg_output server | grep -cE "\"error\":\"[^\"]*($pp_wrong)" || true)
	echo $(($(grep -c '"ok":false' "$client" || true) + 1000 * wrong))
}

no_worse() {
	(($1 <= $2 + 3)) || fail "$1 failed with a rule, $2 without"
}

syncookies() {
	local with without

	accept_family "$1"
	ns_sysctl backend net.ipv4.tcp_syncookies=2
	netem_all "$links" loss 10%
	backend_ppctl flush-rules
	without=$(failures none)
	backend_ppctl add-rule accept to "$BACKEND" port 8080 from "$BALANCER" >/dev/null
	with=$(failures rule)
	netem_all "$links" none
	ns_sysctl backend net.ipv4.tcp_syncookies=1
	diag "of 100 connections failed: $with with a rule, $without without"
	check "accept: IPv$1, SYN cookies, 10 % loss -> no more fail than without a rule" \
		no_worse "$with" "$without"
}

# raw_named PORT OPTION...: one connection from this port that names its client
raw_named() {
	local port=$1

	shift
	TARGET=$BACKEND PORT=8080 raw_transfer "$port" --peer-addr "$REAL" --peer-port "$port" \
		--timeout 10 -- --send-header "v2,$REAL,$port,$ASKED,443" --timeout 10 "$@"
}

raw_init
for family in 4 6; do
	accept_family $family
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	check "accept: IPv$family, a damaged SYN amid the handshake -> exact" \
		raw_named 30001 --damage syn
	check "accept: IPv$family, another SYN amid the handshake -> exact" \
		raw_named 30002 --damage new-syn
done

client_options=()
impaired '15 % loss towards the backend' 4 2 client "$there" loss 15%
impaired '15 % loss towards the backend' 6 1 server "$there" loss 15%
impaired '15 % loss from the backend' 6 2 server "$back" loss 15%
impaired '15 % loss from the backend' 4 1 both "$back" loss 15%
impaired '10 % loss both ways' 4 2 server "$links" loss 10%
impaired '10 % loss both ways' 6 2 client "$links" loss 10%
impaired 'reordering' 4 2 both "$links" delay 20ms reorder 40% 50%
impaired 'every third packet twice' 6 1 client "$links" duplicate 33%
impaired 'delay that varies' 4 2 server "$links" delay 40ms 20ms
client_options=(--chunk 20 --no-delay)
impaired '10 % loss both ways, 20 bytes at a time' 4 1 client "$links" loss 10%
impaired 'reordering, 20 bytes at a time' 6 2 both "$links" delay 20ms reorder 40% 50%
client_options=()

# The receivers' checksums have to find damage: offloads would hide it
for link in client:eth0 lb:front lb:back backend:eth0; do
	veth_offload_off "${link%:*}" "${link#*:}"
done
all='loss 3% duplicate 5% corrupt 3% delay 5ms 4ms reorder 10%'
impaired 'every tenth packet damaged' 4 2 client "$links" corrupt 10%
# shellcheck disable=SC2086 # words
impaired 'all of these' 4 2 both "$links" $all
# shellcheck disable=SC2086
impaired 'all of these' 6 1 server "$links" $all
syncookies 4
syncookies 6
for name in client backend; do
	ns_sysctl $name net.ipv4.tcp_timestamps=0 net.ipv4.tcp_sack=0
done
impaired '10 % loss both ways, no timestamps, no SACK' 4 2 both "$links" loss 10%
