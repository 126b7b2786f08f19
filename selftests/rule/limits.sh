#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Limits of a namespace: how many handshakes may be in progress, that SYNs beyond the limit are
# dropped while everything else goes on, and how many mark masks the rules of a destination may
# have.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

need nft jq socat
module_require
topo_lb 4
pp_net=$(ns_name lb)
hole=10.9.9.1 pit=10.9.9.2

# An address of the backend that gets only SYNs, and one that gets nothing
hole_dig() {
	# The backend must keep half-open connections all the time
	ns_sysctl backend net.ipv4.tcp_synack_retries=9
	addr_add backend eth0 "$hole/32" "$pit/32"
	nsip lb route add 10.9.9.0/24 via "$BACKEND"
	ns backend nft -f - <<-END
		table inet pp_hole {
			chain prerouting {
				type filter hook prerouting priority -300; policy accept;
				ip daddr $hole tcp flags & (syn | ack) != syn drop
			}
		}
		table inet pp_pit {
			chain prerouting {
				type filter hook prerouting priority -300; policy accept;
				ip daddr $pit drop
			}
		}
	END
}

at_least() {
	(($(stats "$1") >= $2))
}

exactly() {
	(($(stats "$1") == $2))
}

default_limit() {
	is "$(pp show-limits)" $'handshakes 65536\npending 131072\naccepted 1000000'
	is "$(pp -j show-limits)" '[{"handshakes":65536,"pending":131072,"accepted":1000000}]'
}

# A connection that is open all the time; a line of the pipe goes through it
open_one() {
	mkfifo "$PP_TMP/pipe"
	start_bg open-server backend socat -u "TCP-LISTEN:8080,bind=$BACKEND,reuseaddr" "OPEN:$PP_TMP/got,creat,append"
	wait_port backend 8080
	start_bg open-client client bash -c "exec 3<>'$PP_TMP/pipe' 4>/dev/tcp/$BACKEND/8080; cat <&3 >&4"
	echo one >"$PP_TMP/pipe"
	wait_until 10 grep -aq 'one$' "$PP_TMP/got"
	is "$(stats acked)" 1
	is "$(stats handshakes)" 0
}

# Three whose headers are not acknowledged
three() {
	pp set-limit handshakes 3
	is "$(limit handshakes)" 3
	start_bg three-server backend "$PEER" server -l "$hole" -p 8080 -n 3 --header v2 \
		"${names_client[@]}" --timeout 240
	wait_listening three-server
	start_bg three client "$PEER" client -c "$hole" -p 8080 -n 3 -j 3 --timeout 240
	wait_until 20 exactly handshakes 3
	wait_until 20 header_sent 3
	is "$(stats limit)" 0
}

header_sent() {
	(($(pp -j list-connections | jq 'map(select(.state == "header-sent")) | length') == $1))
}

shown() {
	pp -j list-connections >"$PP_TMP/connections"
	is "$(jq 'length' "$PP_TMP/connections")" 3
	is "$(jq -c 'map(keys_unsorted) | unique' "$PP_TMP/connections")" \
		'[["direction","client","client_port","original_destination","original_destination_port","local","local_port","backend","backend_port","state","by_socket","age_ms","rule","header_bytes","resent","unique_id"]]'
	is "$(jq -c 'map([.direction, .client, .original_destination, .original_destination_port,
		.local, .backend, .backend_port, .state, .header_bytes]) | unique' "$PP_TMP/connections")" \
		"[[\"send\",\"$CLIENT\",\"$hole\",8080,\"$CLIENT\",\"$hole\",8080,\"header-sent\",28]]"
	is "$(jq -c 'map(.rule) | unique' "$PP_TMP/connections")" "$(pp -j list-rules | jq -c 'map(.id)')"
	is "$(jq 'map(.client_port) | unique | length' "$PP_TMP/connections")" 3
	is "$(jq 'all(.client_port == .local_port and .age_ms < 60000)' "$PP_TMP/connections")" true
	is "$(pp list-connections | wc -l)" 4
}

# The fourth, to a server that would answer: its retransmitted SYN is dropped again
fourth() {
	start_bg fourth-server backend "$PEER" server -l "$BACKEND" -p 8081 --header v2 \
		"${names_client[@]}" --timeout 240
	wait_listening fourth-server
	start_bg fourth client "$PEER" client -c "$BACKEND" -p 8081 --timeout 240
	wait_until 20 at_least limit 2
	is "$(stats handshakes)" 3
	is "$(stats tagged)" 4
	is "$(ns backend ss -Htn 'sport = :8081')" ''
}

untouched() {
	echo two >"$PP_TMP/pipe"
	wait_until 10 grep -aq 'two$' "$PP_TMP/got"
	# PROXY protocol 2: 28 bytes, then the two lines
	is "$(stat -c %s "$PP_TMP/got")" 36
	TARGET=$BACKEND PORT=9090 BPORT=9090 transfer 1 --header none --
}

lowered() {
	local dropped

	pp set-limit handshakes 1
	dropped=$(stats limit)
	start_bg fifth client "$PEER" client -c "$BACKEND" -p 8081
	wait_until 30 at_least limit $((dropped + 1))
	stop_bg fifth KILL
	is "$(stats handshakes)" 3
	is "$(pp -j list-connections | jq length)" 3
}

raised() {
	pp set-limit handshakes 4
	wait_bg fourth 120
	wait_bg fourth-server
	is "$(stats handshakes)" 3
}

# The connection that was in progress all the time ends
answered() {
	ns backend nft delete table inet pp_hole
	wait_bg three 120
	wait_bg three-server
	wait_until 10 exactly handshakes 0
	is "$(pp -j list-connections)" '[]'
	is "$(pp -j list-rules | jq -c 'map([.tagged, .acked])')" '[[5,5]]'
}

bad_limits() {
	local value

	for value in 0 1048577 -1 3x ''; do
		! pp set-limit handshakes "$value" || fail "'$value' was taken"
	done
	is "$(limit handshakes)" 4
	pp set-limit handshakes 1048576
	pp set-limit handshakes 1
	is "$(limit handshakes)" 1
	is "$("$PPCTL" -n "$(ns_name client)" -j show-limits | jq '.[0].handshakes')" 65536
}

# In the client's own namespace: two SYNs without an answer, one more than the limit
half_open() {
	local pp_net=$pp_net

	pp flush-rules
	pp_net=$(ns_name client)
	pp add-rule send to "$pit" version 1
	pp set-limit handshakes 1
	start_bg half-open client "$PEER" client -c "$pit" -p 8080 -n 2 -j 2
	wait_until 20 at_least limit 1
	is "$(pp -j list-connections | jq -c 'map([.client, .backend, .state, .header_bytes, .rule, .resent])')" \
		"[[\"$CLIENT\",\"$pit\",\"syn-sent\",$(printf 'PROXY TCP4 %s %s %s 8080\r\n' "$CLIENT" "$pit" 50000 | wc -c),1,0]]"
	is "$(stats handshakes)" 1
	stop_bg half-open KILL
	wait_until 30 forgotten
	# On a slow machine the entry may end before it is seen
	[[ ! -s $PP_TMP/ages && ${PP_SLOW:-1} -gt 1 ]] ||
		(($(sort -n "$PP_TMP/ages" | tail -n 1) >= 6000)) ||
		fail "its ages in ms, last: $(tail -n 1 "$PP_TMP/ages")"
	is "$(stats handshakes)" 0
	is "$(stats acked)" 0
}

# With more than half of the limit in use, entries end 10 s after their last packet
forgotten() {
	pp -j list-connections | jq '.[].age_ms' >>"$PP_TMP/ages"
	exactly expired 1
}

# Sixteen masks, with that of rules without a mark
masks_fill() {
	local bit

	pp flush-rules
	pp add-rule send to 0.0.0.0/0
	for ((bit = 0; bit < 15; bit++)); do
		pp add-rule send to 0.0.0.0/0 mark "$((1 << bit))/$((1 << bit))"
	done
	is "$(stats rules)" 16
}

masks_full='the rules of this destination have 16 different mark masks: no more fit'

# A refused rule leaves nothing behind, in either family
masks_refused() {
	refused "$masks_full" add-rule send to 0.0.0.0/0 mark 0x8000/0x8000
	refused "$masks_full" add-rule send to 0.0.0.0/0 port 80,443 mark 0x8000/0x8000
	refused "$masks_full" add-rule send to any mark 0x8000/0x8000
	is "$(stats rules)" 16
}

masks_elsewhere() {
	pp add-rule send to 0.0.0.0/0 port 80 mark 0/1
	pp add-rule send to 10.0.0.0/8 mark 0x8000/0x8000
	pp add-rule send to ::/0 mark 0x8000/0x8000
}

masks_freed() {
	local id

	id=$(pp list-rules | sed -n 's,^\([0-9]*\): .* mark 0x4/0x4 .*,\1,p')
	pp delete-rule "$id"
	pp add-rule send to 0.0.0.0/0 mark 0x8000/0x8000
	refused "$masks_full" add-rule send to 0.0.0.0/0 mark 4/4
}

hole_dig
rule to any port 8080-8081
check "rule: limit of handshakes, not set -> 65536" default_limit
check "rule: a connection before the limit is reached -> tagged, acknowledged" open_one
check "rule: as many connections as the limit of handshakes -> all in progress" three
check "rule: handshakes in progress -> listed" shown
check "rule: one SYN more, and again -> dropped, counted" fourth
check "rule: connections that exist or have no rule -> pass at the limit" untouched
check "rule: limit below what is in progress -> that stays, nothing new" lowered
check "rule: limit raised -> the dropped SYN's connection comes about, exact" raised
check "rule: backend answers at last -> all three exact" answered
check "rule: limits out of range -> refused; the least and the most -> set, here alone" bad_limits
check "rule: SYN that is never answered -> in progress, counted, forgotten" half_open
check "rule: 16 mark masks on one destination -> accepted" masks_fill
check "rule: one mask more -> ENOSPC, and nothing of it stays" masks_refused
check "rule: known mask, other destination, other family -> accepted" masks_elsewhere
check "rule: last rule of a mask deleted -> room for another" masks_freed
