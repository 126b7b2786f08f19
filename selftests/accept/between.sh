#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Hosts that change or delay packets between the hooks: programs that decide on each packet,
# SYNPROXY, source checks of nftables, IPVS, no early demultiplexing. A connection is exact, or it
# is refused soon, and no packet of it reaches the client that the header names.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need jq nft python3 tcpdump
module_require
topo_lb 4

# exact COMMAND...: three connections; no packet leaves for the client
exact() {
	cap_start leak backend eth0 "$ip" "host $REAL"
	BOTH='--size 200k --order both --timeout 15' accept_transfer 3 --peer-addr "$REAL" -- -j 3 \
		--send-header "v2,$REAL,0,$ASKED,443"
	cap_stop leak
	is "$(cap_read leak | grep -c . || true)" 0 'packets of the client'
}

# Chains of the backend's own: between TEXT COMMAND...
between() {
	trap 'ns backend nft delete table inet pp_between; stop_bg queue' EXIT
	ns backend nft "add table inet pp_between { $1; }"
	"${@:2}"
}

# queued HOOK PRIORITY EXPRESSION [DELAY]: a program in user space decides on these packets
queued() {
	start_bg queue backend "$pp_selftests/tools/queue_packets.py" 7 "${4:-0}"
	wait_until 20 bg_says queue 'queue is open'
	between "chain c { type filter hook $1 priority $2; $3 queue num 7; }" exact
}

# refused_soon SECONDS: with a reset and a counter, and no packet leaves for the client
refused_soon() {
	local rejected status=0

	rejected=$(accept_stat rejected)
	cap_start leak backend eth0 "$ip" "host $REAL"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0
	wait_listening server
	ns client "$PEER" client -c "$BACKEND" -p 8080 --timeout "$1" \
		--send-header "v2,$REAL,4711,$ASKED,443" >"$PP_TMP/client.json" 2>&1 || status=$?
	stop_bg server
	cap_stop leak
	is "$status" 1
	grep -qE '"end":"rst"|reset by peer' "$PP_TMP/client.json" || fail "$(<"$PP_TMP/client.json")"
	is "$(accept_stat rejected)" $((rejected + 1)) 'rejected'
	is "$(cap_read leak | grep -c . || true)" 0 'packets of the client'
}

no_early_demux() {
	trap 'ns_sysctl backend net.ipv4.ip_early_demux=1 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.eth0.rp_filter=0' EXIT
	ns_sysctl backend net.ipv4.ip_early_demux=0 net.ipv4.conf.all.rp_filter="$1" \
		net.ipv4.conf.eth0.rp_filter="$1"
	"${@:2}"
}

own_host() {
	REAL=$BACKEND
	BOTH='--size 200k --order both --timeout 15' accept_transfer 1 --peer-addr "$REAL" -- \
		--send-header "v2,$REAL,4711,$ASKED,443"
}

for family in 4 6; do
	accept_family $family
	ip=ip
	[[ $family == 4 ]] || ip=ip6
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	what="accept: IPv$family"
	check "$what, NFQUEUE in PRE_ROUTING -> exact" queued prerouting -150 'tcp dport 8080'
	check "$what, NFQUEUE in PRE_ROUTING before conntrack -> exact" \
		queued prerouting -300 'tcp dport 8080'
	check "$what, NFQUEUE in PRE_ROUTING, slow -> exact" \
		queued prerouting -150 'tcp dport 8080' 0.02
	check "$what, NFQUEUE in INPUT -> exact" queued input 0 'tcp dport 8080'
	check "$what, NFQUEUE in OUTPUT -> exact" queued output 0 'tcp sport 8080'
	check "$what, NFQUEUE in POST_ROUTING -> exact" queued postrouting 0 'tcp sport 8080'
	for rp in 0 1 2; do
		check "$what, ip_early_demux=0, rp_filter=$rp -> exact" no_early_demux $rp exact
		check "$what, ip_early_demux=0, rp_filter=$rp, header names this host -> exact" \
			no_early_demux $rp own_host
	done
	# A packet that nft drops by the client's address before routing is lost
	check "$what, nft drops the client in PRE_ROUTING -> refused soon" \
		between "chain c { type filter hook prerouting priority -300; $ip saddr $REAL drop; }" \
		refused_soon 6
done
accept_family 4
ip=ip
accept_rule to "$BACKEND" port 8080 from "$BALANCER"
nsip backend link add dummy type dummy
nsip backend link set dummy up
nsip backend route add 192.0.2.0/24 dev dummy
check 'accept: IPv4, nft rule "fib saddr . iif oif missing drop", client elsewhere -> refused soon' \
	between 'chain c { type filter hook prerouting priority -300; fib saddr . iif oif missing drop; }' \
	refused_soon 6
nsip backend link del dummy
backend_ppctl flush-rules
