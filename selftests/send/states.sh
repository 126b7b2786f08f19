#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A handshake in each of its states: what list-connections shows, and that it ends as it should when
# the client or the backend goes on, resets, closes, is silent or begins anew with the same
# addresses.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft jq python3
module_require
topo_lb 4

# block NS HOOK MATCH...: drops these packets there; MATCH has no verdict
block() {
	local name=$1 hook=$2

	shift 2
	ns "$name" nft -f - <<-END
		table inet pp_block
		delete table inet pp_block
		table inet pp_block {
			counter taken { }
			chain block {
				type filter hook $hook priority -350; policy accept;
				$* counter name taken drop
			}
		}
	END
}

unblock() {
	local name

	for name in "$@"; do
		ns "$name" nft -f - <<-END
			table inet pp_block
			delete table inet pp_block
		END
	done
}

taken() {
	(($(ns "$1" nft -j list counter inet pp_block taken |
		jq '.nftables[] | select(.counter) | .counter.packets') >= ${2:-1}))
}

# What to block: SYNs; ACKs of the handshake and later ones; SYN-ACKs; all payload
syns='tcp flags & (syn | ack) == syn'
acks='tcp flags & (syn | ack | rst) == ack'
synacks='tcp flags & (syn | ack) == (syn | ack)'

payload() {
	if [[ $FAMILY == 4 ]]; then
		echo 'tcp dport 8080 meta length > 76'
	else
		echo 'tcp dport 8080 meta length > 100'
	fi
}

# One client and one server in the background, and a new port for the client
fresh() {
	stop_bg client KILL
	stop_bg server KILL
	unblock client lb backend
	port=$((20000 + RANDOM % 10000))
	rule to "$BACKEND" port 8080
}

begin_server() {
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --header v2 \
		--src-addr "$CLIENT" --src-port "$port" --dst-addr "$VIP" --dst-port 80 "$@"
	wait_listening server
}

begin_client() {
	start_bg client client "$PEER" client -c "$VIP" -p 80 --bind-port "$port" "$@"
}

state() {
	lb_ppctl -j list-connections | jq -r ".[] | select(.client_port == $port).state"
}

in_state() {
	[[ $(state) == "$1" ]]
}

connection() {
	lb_ppctl -j list-connections | jq -r ".[] | select(.client_port == $port) | $1"
}

older() {
	(($(connection .age_ms) > $1))
}

no_handshake() {
	[[ $(lb_ppctl -j list-connections) == '[]' ]]
}

# The backend has no socket left of connections with the load balancer
backend_forgot() {
	[[ -z $(ns backend ss -Htn state all exclude listening exclude time-wait sport = :8080) ]]
}

# listed STATE: the list shows the connection, with every field
listed() {
	local age

	is "$(connection '[.direction, .state, .client, .client_port, .original_destination,
		.original_destination_port, .local, .backend, .backend_port, .rule, .header_bytes] |
		join(" ")')" "send $1 $CLIENT $port $VIP 80 $LB $BACKEND 8080 $(rule_stat id) $hlen"
	# The list may show an entry twice while others come and go
	is "$(connection .local_port)" "$(ns lb grep "sport=$port dport=80 " /proc/net/nf_conntrack |
		sed 's/.* dport=\([0-9]*\) .*/\1/' | sort -u)"
	is "$(lb_ppctl -j list-connections | jq length)" "$(stat_of handshakes)"
	age=$(connection .age_ms)
	((age < 60000))
	wait_until 5 older "$age"
}

finish() {
	wait_bg client
	wait_bg server
	is "$(state)" ''
	is "$(rule_stat tagged) $(rule_stat acked)" '1 1'
}

# stopped STATE NS HOOK MATCH: a handshake that stays in a state until it is released.
# Retransmissions are ever longer apart, and a slow machine adds to that.
stopped() {
	local patience=(--timeout $((60 * ${PP_SLOW:-1})))

	fresh
	block "$2" "$3" "$4"
	begin_server "${patience[@]}"
	begin_client "${patience[@]}"
	wait_until 20 in_state "$1"
	listed "$1"
	if [[ $1 != syn-sent ]] && backend_forgot; then
		fail "the backend has no socket"
	fi
	if [[ $1 == header-sent ]]; then
		wait_until 20 resent_more "$(connection .resent)"
	else
		is "$(connection .resent)" 0
	fi
	unblock "$2"
	finish
}

resent_more() {
	(($(connection .resent) > $1))
}

# No connection of a server that goes on forever was wrong
all_ok() {
	if bg_output "$1" | grep -a '"ok":false'; then
		return 1
	fi
}

# reset_in NS HOOK MATCH: the client resets there, and the backend gets the reset at once; without
# it, its half-open socket would live on for a minute
reset_in() {
	local resets

	fresh
	resets=$(stat_of reset)
	block "$1" "$2" "$3"
	begin_server -n 0 --no-data --end rst
	begin_client --no-data --end rst
	wait_until 20 in_state closed
	wait_until 2 backend_forgot || {
		ns backend ss -tnao
		return 1
	}
	wait_bg client
	unblock "$1"
	wait_until 10 no_handshake
	is "$(stat_of reset)" $((resets + 1))
	stop_bg server
	all_ok server
}

# Sends data that gets lost, and a reset behind it on command
lost_and_reset='
import os, socket, struct, sys, time
vip, own, go = sys.argv[1], int(sys.argv[2]), sys.argv[3]
conn = socket.create_connection((vip, 80), source_address=("", own))
conn.send(bytes(1000))
while not os.path.exists(go):
    time.sleep(0.05)
conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
'

# The reset does not have the number that the backend expects. The backend asks the client, and its
# question is the first acknowledgement of the header that arrives.
asked_again() {
	local go=$PP_TMP/go

	fresh
	rm -f "$go"
	block backend output "$acks"
	block lb prerouting 'tcp dport 80 meta length > 500'
	begin_server -n 0
	start_bg client client python3 -c "$lost_and_reset" "$VIP" "$port" "$go"
	wait_until 20 in_state header-sent
	wait_until 20 taken backend
	wait_until 20 taken lb
	unblock backend
	touch "$go"
	wait_until 2 backend_forgot || {
		ns backend ss -tnao
		return 1
	}
	wait_bg client
	unblock lb
	wait_until 10 no_handshake
	stop_bg server
}

# A reset from a client that knows nothing of the connection has no ACK
stray_reset() {
	fresh
	begin_server -n 0
	block client prerouting "$synacks"
	begin_client
	wait_until 20 taken client
	is "$(state)" syn-recv
	stop_bg client KILL
	unblock client
	wait_until 10 in_state closed
	wait_until 2 backend_forgot
	wait_until 10 no_handshake
	stop_bg server
}

# No data behind the handshake: connections end in one way or another
bare() {
	local count=$1 header=$2

	shift 2
	fresh
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --no-data \
		--header "$header" "$@"
	wait_listening server
	ns client "$PEER" client -c "$VIP" -p 80 -n "$count" --no-data "$@" -j 5
	wait_until 10 backend_forgot
	wait_until 10 no_handshake
	is "$(rule_stat tagged)" "$count"
	stop_bg server
	all_ok server
}

# A client that is killed while it is silent; its kernel says FIN
killed() {
	fresh
	begin_server --no-data --end none
	begin_client --no-data --end none
	wait_until 10 acked
	stop_bg client KILL
	wait_bg server 10
}

acked() {
	[[ $(rule_stat acked) == 1 ]]
}

# FIN right behind the handshake while headers are lost
fin_lost() {
	fresh
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 5 --no-data --header v2
	wait_listening server
	block backend prerouting "$(payload)"
	start_bg client client "$PEER" client -c "$VIP" -p 80 -n 5 -j 5 --no-data
	wait_until 20 taken backend 10
	unblock backend
	wait_bg client
	wait_bg server
	is "$(rule_stat acked)" 5
}

# The backend refuses: the client must get the reset at once
refused() {
	local state

	fresh
	if ns client "$PEER" client -c "$VIP" -p 80 --bind-port "$port" --timeout 20 >"$PP_TMP/refused"; then
		fail "connected to nothing"
	fi
	# The entry is kept for three seconds, which pass quickly on a slow machine
	state=$(state)
	is "$(jq -r .error "$PP_TMP/refused")" 'connect: Connection refused'
	(($(jq .ms "$PP_TMP/refused") < 900)) || fail "after $(jq .ms "$PP_TMP/refused") ms, not at the first SYN"
	is "$state" closed
	wait_until 10 no_handshake
}

backend_resets() {
	fresh
	transfer 10 -- -j 5
	is "$(rule_stat tagged)" 10
	wait_until 10 no_handshake
}

# The same addresses and ports, again and again
same_tuple() {
	fresh
	transfer 20 --header v2 "${names_client[@]}" "$@" -- --bind-port "$port"
	is "$(rule_stat tagged)" 20
}

has_replaced() {
	[[ $(stat_of replaced) == "$1" ]]
}

# The same, while the last handshake is still in progress. The packets stay blocked until the new
# SYN has left: the backend must not learn before that the client is gone.
begins_anew() {
	local replaced

	fresh
	replaced=$(stat_of replaced)
	begin_server
	block "$2" "$3" "$4"
	begin_client
	wait_until 20 taken "$2"
	wait_until 10 in_state "$1"
	stop_bg client KILL
	begin_client
	wait_until 10 has_replaced $((replaced + 1))
	unblock "$2"
	wait_bg client
	wait_bg server
	wait_until 10 no_handshake
}

for family in 4 6; do
	topo_family $family
	nat_dnat_masq
	hlen=28
	[[ $family == 4 ]] || hlen=52

	check "send: IPv$FAMILY, backend does not get the SYN -> listed as syn-sent, then exact" \
		stopped syn-sent backend prerouting "$syns"
	check "send: IPv$FAMILY, client does not answer the SYN-ACK -> listed as syn-recv, then exact" \
		stopped syn-recv client output "$acks"
	check "send: IPv$FAMILY, backend does not get the header -> listed as header-sent, then exact" \
		stopped header-sent backend prerouting "$(payload)"
	check "send: IPv$FAMILY, backend's ACKs are lost -> listed as header-sent, then exact" \
		stopped header-sent backend output "$acks"

	check "send: IPv$FAMILY, client resets before the header leaves -> backend forgets at once" \
		reset_in client output "$acks"
	check "send: IPv$FAMILY, client resets while the header is lost -> backend forgets at once" \
		reset_in backend prerouting "$(payload)"
	check "send: IPv$FAMILY, client resets while the header's ACK is lost -> backend forgets at once" \
		reset_in backend output "$acks"
	check "send: IPv$FAMILY, client resets behind lost data -> the backend asks, and forgets at once" \
		asked_again
	check "send: IPv$FAMILY, reset from a closed port -> backend forgets at once" stray_reset
	check "send: IPv$FAMILY, resets right behind the handshake -> nothing is left" bare 20 v2 --end rst
	check "send: IPv$FAMILY, FIN while the header is lost -> header, then FIN" fin_lost
	check "send: IPv$FAMILY, silent client is killed -> header, then FIN" killed
	check "send: IPv$FAMILY, no listener -> refused at once" refused
	BOTH='--reset-on-accept' check "send: IPv$FAMILY, backend resets -> client is reset" \
		backend_resets

	BOTH='--end rst' check "send: IPv$FAMILY, same ports 20 times, reset each time -> exact" same_tuple
	check "send: IPv$FAMILY, new SYN from the same port in syn-sent -> exact" \
		begins_anew syn-sent backend prerouting "$syns"
	check "send: IPv$FAMILY, new SYN from the same port in syn-recv -> exact" \
		begins_anew syn-recv client prerouting "$synacks"
	nat_flush
done
