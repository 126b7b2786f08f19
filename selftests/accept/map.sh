#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Clients of the other address family: with map4 and map6 the application, ss, conntrack and nft see
# an address of their own family, computed from the client, and the same after a restore. Lists,
# events, getsockopt() and the header of a chain name the client itself. Without map4 and map6, and
# for clients that cannot be shown, they see the load balancer.
set -euo pipefail
# shellcheck source=selftests/lib/header.sh
. "${BASH_SOURCE[0]%/*}/../lib/header.sh"

need conntrack jq nft python3 ss
module_require
topo_lb 4

key=0x000102030405060708090a0b0c0d0e0f

map_family() {
	accept_family "$1"
	case $1 in
	4)
		FAR=2001:db8:7:7::77 SIBLING=2001:db8:7:7:ffff::1 FAR_ASKED=2001:db8:5::5 TCP=21
		MAP="map6 240.0.0.0/4 map6-key $key" POOL=240.0.0.0/4 NFT="ip saddr 240.0.0.0/4"
		;;
	6)
		FAR=192.0.2.77 SIBLING=192.0.2.78 FAR_ASKED=198.51.100.5 TCP=11
		MAP="map4 fd64::/96" POOL=fd64::/96 NFT="ip6 saddr fd64::/96"
		;;
	esac
	V1="PROXY TCP$((10 - FAMILY))"
}

# seen_for CLIENT: what the rule of $MAP shows, by another program
seen_for() {
	case $FAMILY in
	4) "$pp_selftests/tools/map_client.py" "$POOL" "$key" "${PER:-64}" "$1" ;;
	6) "$pp_selftests/tools/map_client.py" "$POOL" "$1" ;;
	esac
}

map_rule() {
	# shellcheck disable=SC2086 # words
	accept_rule to "$BACKEND" port 8080 from "$BALANCER" ${1:-$MAP} ${2:-}
}

# shown CLIENT SEEN [OPTION of the client]...: the application sees SEEN, with the client's port
shown() {
	local before

	next_port
	before=$(accept_rule_stat accepted)
	accept_transfer 1 --peer-addr "$2" --peer-port "$port" -- \
		--send-raw "$(v2 21 "${HEADER:-$TCP}" "$1,$port,${3:-$FAR_ASKED},443")" --size 50k
	is "$(accept_rule_stat accepted)" $((before + 1)) accepted
}

by_line() {
	next_port
	accept_transfer 1 --peer-addr "$(seen_for "$FAR")" --peer-port "$port" -- --chunk 30 --no-delay \
		--send-raw "$(printf '%s %s %s %s 443\r\n' "$V1" "$FAR" "$FAR_ASKED" "$port" |
			od -An -v -tx1 | tr -d ' \n')"
}

# The load balancer is shown, as without the mapping
hidden() {
	local before

	before=$(accept_stat mismatch)
	accept_transfer 1 --peer-addr "$BALANCER" --peer-port client -- \
		--send-raw "$(v2 21 "$TCP" "$1,4711,$FAR_ASKED,443")"
	is "$(accept_stat mismatch)" $((before + 1)) mismatch
}

own_family() {
	map_rule
	next_port
	VERSION=2 named "$port"
}

# conn FILTER [WORD of list-connections]...: of the connections in the list that have the port $port
conn() {
	backend_ppctl -j list-connections "${@:2}" | jq -c "map(select(.client_port == $port) | $1)"
}

found() {
	is "$(conn .client_port "$@")" "[$port]" "$*"
}

not_found() {
	is "$(conn .client_port "$@")" '[]' "$*"
}

connected() {
	[[ $(conn .state) == '["accepted"]' ]]
}

begin_watching() {
	start_bg monitor backend "$PPCTL" -j monitor
	wait_until 10 watching
}

watching() {
	map_rule
	grep -q rule-added "$PP_TMP/bg/monitor.out"
}

accepted_event() {
	jq -e 'select(.event == "accepted")' "$PP_TMP/bg/monitor.out"
}

# Everybody who looks at a connection while it lasts
everywhere() {
	local seen

	seen=$(seen_for "$FAR")
	next_port
	begin_watching
	ns backend nft "table inet pp_seen { counter pool { }; chain input {
		type filter hook input priority 0; $NFT tcp dport 8080 counter name pool; ct state new; }; }"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --end none --timeout 20
	wait_listening server
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 --end none --timeout 20 \
		--send-raw "$(v2 21 "$TCP" "$FAR,$port,$FAR_ASKED,443" e1=616263)"
	wait_until 10 connected
	is "$(conn '[.client, .seen, .seen_port, .original_destination, .proxy, .tlv_bytes]')" \
		"[[\"$FAR\",\"$seen\",null,\"$FAR_ASKED\",\"$BALANCER\",6]]"
	backend_ppctl list-connections | grep -F "$FAR" | grep -F "$port" | grep -qwF "$seen"
	found client "$FAR"
	found seen "$seen"
	found seen "$POOL"
	found client "$FAR" seen "$seen"
	not_found client "$seen"
	not_found seen "$FAR"
	not_found client "$SIBLING"
	not_found seen "$BALANCER"
	[[ -n $(ns backend ss -Htn state established "dst [$seen] and dport = $port") ]]
	ns backend conntrack -L -f "ipv$FAMILY" -p tcp --orig-port-src "$port" 2>/dev/null |
		grep ESTABLISHED | grep -qw "$seen"
	(($(first_of packets ns backend nft -j list counter inet pp_seen pool) > 0))
	wait_until 10 accepted_event
	is "$(jq -c 'select(.event == "accepted").connection | [.client, .client_port, .seen]' \
		"$PP_TMP/bg/monitor.out")" "[\"$FAR\",$port,\"$seen\"]"
	stop_bg monitor
	stop_bg client
	stop_bg server
	ns backend nft delete table inet pp_seen
}

by_getsockopt() {
	local header answer

	map_rule
	next_port
	header=$(v2 21 "$TCP" "$FAR,$port,$FAR_ASKED,443" e1=616263)
	start_bg asker backend "$pp_selftests/tools/ask_header.py" "$BACKEND" 8080 1
	wait_listening asker
	is "$(ns client timeout 30 bash -c "exec 3<>/dev/tcp/$BACKEND/8080
		printf '$(escaped "$header")hello\n' >&3; head -n 1 <&3")" hello
	wait_bg asker
	answer=$(grep '^{' "$PP_TMP/bg/asker.out")
	is "$(jq -r .header <<<"$answer")" "$header" header
	is "$(jq -c .original <<<"$answer")" "[\"$FAR_ASKED\",443]"
	is "$(jq -c .peer <<<"$answer")" "[\"$(seen_for "$FAR")\",$port]"
}

# Two subscribers, or one, use one port: the second one gets another
same_port() {
	local seen

	map_rule
	next_port
	seen=$(seen_for "$FAR")
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 2 --end none --timeout 20
	wait_listening server
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 --end none --timeout 20 \
		--send-raw "$(v2 21 "$TCP" "$FAR,$port,$FAR_ASKED,443")"
	wait_until 10 connected
	start_bg second client "$PEER" client -c "$BACKEND" -p 8080 --end none --timeout 20 \
		--send-raw "$(v2 21 "$TCP" "$(twin),$port,$FAR_ASKED,443")"
	wait_until 10 both_connected
	is "$(conn '[.client, .client_port, .seen]' seen "$seen" | jq -c sort)" \
		"$(jq -nc "[[\"$FAR\",$port,\"$seen\"],[\"$(twin)\",$port,\"$seen\"]] | sort")"
	is "$(conn '.seen_port' | jq 'map(select(. == null)) | length')" 1
	stop_bg second
	stop_bg client
	stop_bg server
}

twin() {
	[[ $FAMILY == 6 ]] && echo "$FAR" || echo "$SIBLING"
}

both_connected() {
	[[ $(conn .state) == '["accepted","accepted"]' ]]
}

# The gateway in the middle knows the client by an address of the pool. The next header is of the
# family of the first.
chained() {
	nat_dnat
	backend_ppctl flush-rules
	lb_ppctl flush-rules
	# shellcheck disable=SC2086 # words
	lb_ppctl add-rule accept to "$VIP" port 80 from "$BALANCER" $MAP >/dev/null
	lb_ppctl add-rule send to "$BACKEND" port 8080 >/dev/null
	next_port
	start_bg reader backend "$pp_selftests/tools/read_header.py" "$BACKEND" 8080 1
	wait_listening reader
	is "$(ns client timeout 30 bash -c "exec 3<>/dev/tcp/$VIP/80
		printf '$(escaped "$(v2 21 "$TCP" "$FAR,$port,$FAR_ASKED,443")")hello\n' >&3
		head -n 1 <&3")" hello
	wait_bg reader
	is "$(grep '^{' "$PP_TMP/bg/reader.out" | jq -c '[.command, .source, .destination]')" \
		"[1,[\"$FAR\",$port],[\"$FAR_ASKED\",443]]"
	lb_ppctl flush-rules
	nat_flush
}

# The secret key is in the file, and nowhere else; with it another host shows the same address
saved() {
	map_rule
	backend_ppctl save "$PP_TMP/saved"
	backend_ppctl -j list-rules | grep -q "${key#0x}" && return 1
	backend_ppctl list-rules | grep -q "${key#0x}" && return 1
	backend_ppctl flush-rules
	backend_ppctl restore "$PP_TMP/saved"
	shown "$FAR" "$(seen_for "$FAR")"
	backend_ppctl save "$PP_TMP/again"
	tail -n +2 "$PP_TMP/saved" | cmp - <(tail -n +2 "$PP_TMP/again")
}

# Without a key, each rule draws its own
drawn() {
	local keys

	accept_rule to "$BACKEND" port 8080 from "$BALANCER" map6 240.0.0.0/4
	backend_ppctl add-rule accept to "$BACKEND" port 8081 from "$BALANCER" map6 240.0.0.0/4 >/dev/null
	keys=$(backend_ppctl save | grep -o 'map6-key 0x[0-9a-f]\{32\}$\|map6-key 0x[0-9a-f]\{32\} ')
	is "$(sort -u <<<"$keys" | wc -l)" 2
}

subscribers() {
	local seen

	seen=$(seen_for "$FAR")
	is "$(seen_for "$SIBLING")" "$seen"
	map_rule
	shown "$SIBLING" "$seen"
	map_rule "$MAP" "per 128"
	PER=128 shown "$SIBLING" "$(PER=128 seen_for "$SIBLING")"
	map_rule "$MAP" "per 48"
	PER=48 shown 2001:db8:7:8::1 "$(PER=48 seen_for "$FAR")"
}

# Each client of many by the formula; the smallest pool has two addresses
many() {
	local i client

	for i in {1..20}; do
		client=2001:db8:7:$i::$i
		POOL=198.18.0.0/30
		map_rule "map6 $POOL map6-key $key"
		shown "$client" "$(seen_for "$client")"
	done
}

own_address() {
	nsip backend addr add 198.18.0.1/32 dev lo
	nsip backend addr add 198.18.0.2/32 dev lo
	map_rule "map6 198.18.0.0/30"
	hidden "$FAR"
	nsip backend addr del 198.18.0.1/32 dev lo
	nsip backend addr del 198.18.0.2/32 dev lo
}

# RFC 6052, 3.1
well_known() {
	local address

	map_rule 'map4 64:ff9b::/96'
	for address in 10.1.2.3 172.16.0.1 192.168.1.1 100.64.0.1 169.254.1.1 192.0.2.1; do
		hidden "$address"
	done
	POOL=64:ff9b::/96
	shown 8.8.8.8 "$(seen_for 8.8.8.8)"
	map_rule 'map4 64:ff9b:1::/96'
	POOL=64:ff9b:1::/96
	shown 10.1.2.3 "$(seen_for 10.1.2.3)"
}

# HAProxy's "bind :::443 v4v6" writes an IPv4 client as IPv6
written_as_ipv6() {
	map_rule
	HEADER=21 shown "::ffff:$FAR" "$(seen_for "$FAR")" "::ffff:$FAR_ASKED"
	HEADER=21 shown "::ffff:$FAR" "$(seen_for "$FAR")" 2001:db8:5::5
}

# The gateway of a chain needs a route to the clients, too
nsip lb route add default via 10.0.1.2
nsip lb -6 route add default via fd00:1::2
for family in 4 6; do
	map_family $family
	map_rule
	check "accept: IPv$family, client of the other family -> as the rule maps it, its port" \
		shown "$FAR" "$(seen_for "$FAR")"
	check "accept: IPv$family, the same by a line, in pieces -> the same" by_line
	check "accept: IPv$family, client of this family, with a mapping -> itself" own_family
	check "accept: IPv$family, mapped -> everybody sees it; lists and events name the client" \
		everywhere
	check "accept: IPv$family, mapped, getsockopt() -> the header as it came" by_getsockopt
	check "accept: IPv$family, mapped, port in use -> another port, both listed" same_port
	check "accept: IPv$family, mapped, in a chain -> the next header names the client" chained
	check "accept: IPv$family, mapped, saved and restored -> the same address" saved
	map_rule
	[[ $family == 6 ]] || check "accept: IPv$family, mapping, client of loopback -> load balancer" \
		hidden ::1
	[[ $family == 4 ]] || check "accept: IPv$family, mapping, client of loopback -> load balancer" \
		hidden 127.0.0.1
	map_rule timeout 9
	check "accept: IPv$family, no mapping -> load balancer" hidden "$FAR"
done
map_family 4
check "accept: map6 without a key -> each rule its own" drawn
check "accept: map6, clients of one prefix -> one address" subscribers
check "accept: map6, 20 clients and two addresses -> by the formula" many
check "accept: map6, the address is this host's -> load balancer" own_address
map_family 6
check "accept: map4, the well-known prefix -> stands for global addresses alone" well_known
check "accept: map4, client written as IPv6 -> the IPv4 client" written_as_ipv6
