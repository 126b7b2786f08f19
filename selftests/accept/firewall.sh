#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The backend's firewall and conntrack see the client: INPUT rules for its address hold for its
# connections alone, counters and the conntrack table name it, no packet is invalid, and a strict
# rp_filter accepts its packets. A handshake that is taken back leaves nothing in either.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need nft jq conntrack tc ss nstat
module_require
VERSION=2

# Another client of the same load balancer
other_client() {
	case $FAMILY in
	4) echo 192.0.2.78 ;;
	6) echo 2001:db8::78 ;;
	esac
}

ip_word() {
	case $FAMILY in
	4) echo ip ;;
	6) echo ip6 ;;
	esac
}

# input RULE...: the backend's INPUT chain
input() {
	local rules=''

	printf -v rules '%s\n' "$@"
	ns backend nft -f - <<-END
		table inet filter
		delete table inet filter
		table inet filter {
			counter named {
			}
			counter others {
			}
			counter invalid {
			}
			chain input {
				type filter hook input priority 0;
				ct state invalid counter name invalid
				$rules
			}
			chain output {
				type filter hook output priority 0;
				ct state invalid counter name invalid
			}
		}
	END
}

# counter_of NAME: packets
counter_of() {
	ns backend nft -j list counter inet filter "$1" | jq '.nftables[] | .counter.packets // empty'
}

# other: a connection that no nft rule matches
other() {
	next_port
	SEEN=$(other_client) REAL=$(other_client) named "$port"
}

# The AccECN bit, which not all kernels know as a flag; nft does not write that byte in all of them
accurate_ecn() {
	local protocol=ip word=ip tcp=20

	[[ $FAMILY == 4 ]] || protocol=ipv6 word=ip6 tcp=40
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	input "$(ip_word) saddr $REAL tcp flags & (syn | ack) == syn @th,100,4 1 counter name named" \
		"$(ip_word) saddr $REAL tcp flags & (syn | ack) == syn @th,100,4 0 counter name others"
	ns client tc qdisc add dev eth0 clsact
	ns client tc filter add dev eth0 egress protocol $protocol u32 match $word protocol 6 0xff \
		match u8 0x02 0x12 at $((tcp + 13)) \
		action pedit munge offset $((tcp + 12)) u8 set 1 retain 1 pipe csum tcp
	next_port
	named "$port"
	ns client tc qdisc del dev eth0 clsact
	is "$(counter_of named)" 1
	is "$(counter_of others)" 0
}

# Now, in milliseconds
now() {
	printf '%.0f\n' "${EPOCHREALTIME/,/.}e3"
}

# blocked MIN MAX [OPTION of the rule]...: the client's connection is reset after MIN to MAX
# milliseconds, and the application only gets another one
blocked() {
	local min=$1 max=$2 began took client

	accept_rule to "$BACKEND" port 8080 from "$BALANCER" "${@:3}"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 1 --timeout 40 \
		--peer-addr "$(other_client)"
	wait_listening server
	next_port
	began=$(now)
	client=$(ns client "$PEER" client -c "$BACKEND" -p 8080 --timeout 30 \
		--send-header "v2,$REAL,$port,$ASKED,443" 2>&1) && fail "connected: $client"
	took=$(($(now) - began))
	[[ $client == *'reset by the server'* ]] || fail "$client"
	((took >= min && took < max)) || fail "after $took ms, not $min to $max"
	next_port
	ns client "$PEER" client -c "$BACKEND" -p 8080 \
		--send-header "v2,$(other_client),$port,$ASKED,443"
	wait_bg server
	is "$(accept_stat pending)" 0
	is "$(backend_ppctl -j list-rules | jq -c 'map([.accepted, .refused])')" '[[1,0]]'
}

drop() {
	input "$(ip_word) saddr $REAL drop"
	blocked 2500 25000 timeout 3
	# A reset ends a connection that conntrack has not confirmed
	(($(counter_of invalid) <= 1))
}

reject_reset() {
	input "$(ip_word) saddr $REAL tcp dport 8080 reject with tcp reset"
	blocked 0 25000
	is "$(counter_of invalid)" 0 'invalid'
}

reject() {
	input "$(ip_word) saddr $REAL reject"
	blocked 0 25000
	is "$(counter_of invalid)" 0 'invalid'
}

# A client that is added to the set while connected is cut off
dropped_later() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	input
	next_port
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --end none --timeout 60
	wait_listening server
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 --end none --timeout 60 \
		--send-header "v2,$REAL,$port,$ASKED,443"
	wait_until 10 client_is_open
	ns backend ss -K "dst [$REAL] and dport = $port" >/dev/null
	wait_until 10 not client_is_open
	[[ -z $(ns client ss -Htn state established "dst [$BACKEND]") ]]
	stop_bg client
	stop_bg server
}

client_is_open() {
	[[ -n $(ns backend ss -Htn state established "dst [$REAL] and dport = $port") ]]
}

# The events that fail2ban and the like count
counted() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	input "ct state new $(ip_word) saddr $REAL counter name named" \
		"ct state new $(ip_word) saddr $(other_client) counter name others"
	for ((i = 0; i < 3; i++)); do
		next_port
		named "$port"
	done
	other
	is "$(counter_of named)" 3
	is "$(counter_of others)" 1
	is "$(counter_of invalid)" 0
}

# At most two new connections of the client at a time, while other clients are not limited
limited() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER" timeout 3
	input "$(ip_word) saddr $REAL tcp dport 8080 ct state new limit rate over 1/hour burst 2 packets reject with tcp reset"
	next_port
	named "$port"
	next_port
	named "$port"
	next_port
	not named "$port" --timeout 10
	stop_bg server
	other
}

tracked() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	input 'ct state established counter name named'
	ns backend conntrack -F 2>/dev/null
	next_port
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --end none --timeout 60
	wait_listening server
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 --end none --timeout 60 \
		--send-header "v2,$REAL,$port,$ASKED,443"
	wait_until 10 client_is_open
	wait_until 10 listed
	[[ -z $(ns backend conntrack -L -f "ipv$FAMILY" -p tcp --state ESTABLISHED -s "$BALANCER" \
		2>/dev/null) ]]
	is "$(counter_of invalid)" 0
	stop_bg client
	stop_bg server
}

# as conntrack's original and reply direction
listed() {
	ns backend conntrack -L -f "ipv$FAMILY" -p tcp --state ESTABLISHED 2>/dev/null |
		sed 's/  */ /g' | grep -q "ESTABLISHED src=$REAL dst=$BACKEND sport=$port dport=8080 \
src=$BACKEND dst=$REAL sport=8080 dport=$port \[ASSURED\]"
}

# half_open RESETS: what a sender that never finishes its header leaves behind. The handshake is
# taken back by RESETS resets, which only conntrack needs.
half_open() {
	local before

	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --end none --timeout 60
	wait_listening server
	before=$(resets_of_half_open)
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 --no-data --end none --timeout 60
	wait_until 10 header_awaited
	is "$(ns backend ss -Htn state syn-recv 'sport = :8080')" '' 'of the listener'
	is "$(ns backend conntrack -L -f "ipv$FAMILY" -p tcp --state SYN_RECV 2>/dev/null)" '' \
		'of conntrack'
	is "$(($(resets_of_half_open) - before))" "$1" 'resets'
	stop_bg client
	stop_bg server
}

header_awaited() {
	backend_ppctl list-connections | grep -q header-awaited
}

resets_of_half_open() {
	ns backend nstat -asz TcpExtEmbryonicRsts | awk 'NR > 1 { print $2 }'
}

half_open_tracked() {
	input
	half_open 1
	ns backend nft delete table inet filter
}

# The route back to the client uses another device than the one that its packets come by
strict() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	input
	ns_sysctl backend net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.eth0.rp_filter=1
	nsip backend link add elsewhere type dummy
	nsip backend link set elsewhere up
	addr_add backend elsewhere 192.0.2.1/24
	next_port
	BOTH='--size 100k' named "$port"
	BOTH='--order server' named "$((port + 1000))"
	is "$(ns backend nstat -asz TcpExtIPReversePathFilter | awk 'NR > 1 { print $2 }')" 0
	is "$(counter_of invalid)" 0
	nsip backend link del elsewhere
	ns_sysctl backend net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
}

topo_lb 4
for family in 4 6; do
	accept_family $family
	check "accept: IPv$family, header awaited -> the listener has nothing, without a reset" half_open 0
	check "accept: IPv$family, header awaited, conntrack -> neither has anything" half_open_tracked
done
for family in 4 6; do
	accept_family $family
	where="accept: IPv$family, INPUT"
	check "$where, drop of a client -> reset at the timeout, nobody else" drop
	check "$where, reject with tcp reset of a client -> at once, nobody else" reject_reset
	check "$where, reject of a client -> reset at once, nobody else" reject
	check "$where, limit on a client's new ones -> held, nobody else" limited
	check "$where, ct state new of a client -> counted exactly, none invalid" counted
	check "accept: IPv$family, SYN with AccECN's bit -> the application's stack sees it" accurate_ecn
	check "accept: IPv$family, ss -K of the client's socket -> closed for the load balancer" \
		dropped_later
	check "accept: IPv$family, conntrack -> the client is the original source" tracked
done
accept_family 4
check 'accept: IPv4, rp_filter=1, another way to the client -> exact' strict
