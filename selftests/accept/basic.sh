#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The header is taken out of the stream, and the application sees the client that it names: both
# families and versions, server or client first, listeners on one address and on all, headers in one
# segment and byte by byte.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need jq nft nstat socat
module_require
topo_lb 4

# exact NAME [OPTION of the client]...: a connection from a new client
exact() {
	next_port
	check "accept: IPv$FAMILY, $1 -> exact, from the client" named "$port" "${@:2}"
}

# On all addresses; an IPv6 listener also for IPv4
any_listener() {
	next_port
	start_bg server backend "$PEER" server -l "$ANY" -p 8080 --peer-addr "$REAL" --peer-port "$port"
	wait_listening server
	ns client "$PEER" client -c "$BACKEND" -p 8080 --send-header "v2,$REAL,$port,$ASKED,443"
	wait_bg server
}

# One listener for many clients, some at a time
many() {
	next_port
	accept_transfer 50 --peer-addr "$BALANCER" --peer-port client -- -j 10 --send-header v2 --size 10k
	is "$(accept_stat accepted)" "$1"
	is "$(accept_rule_stat accepted)" 50
	is "$(accept_rule_stat refused)" 0
	is "$(accept_stat pending)" 0
}

# The rule believes no header of theirs, so that the application gets it as data
others() {
	accept_rule to "$BACKEND" port 8080 from "$1"
	accept_transfer 1 --header v2 --src-addr "$REAL" --peer-addr "$BALANCER" -- \
		--send-header "v2,$REAL,4711,$ASKED,443"
	accept_transfer 2 --peer-addr "$BALANCER" --peer-port client --
	is "$(accept_stat pending)" 0
}

other_port() {
	accept_rule to "$BACKEND" port 8081 from "$BALANCER"
	accept_transfer 2 --peer-addr "$BALANCER" --peer-port client --
}

listed() {
	next_port
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --end none --timeout 20
	wait_listening server
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 --end none --timeout 20 \
		--bind-port 31678 --send-header "v2,$REAL,$port,$ASKED,443"
	wait_until 10 backend_has 'select(.state == "accepted")'
	is "$(backend_ppctl -j list-connections | jq -c '.[] | select(.client_port == '"$port"') |
		[.direction, .client, .original_destination, .original_destination_port,
		.proxy, .proxy_port, .local, .local_port, .tlv_bytes, .seen_port]')" \
		"[\"accept\",\"$REAL\",\"$ASKED\",443,\"$BALANCER\",31678,\"$BACKEND\",8080,0,null]"
	[[ -n $(ns backend ss -Htn "dst [$REAL] and dport = $port and sport = 8080") ]]
	[[ -z $(ns backend ss -Htn "dst [$BALANCER]") ]]
	stop_bg client
	stop_bg server
}

retransmitted() {
	ns client nstat -asz TcpRetransSegs | awk '$1 == "TcpRetransSegs" { print $2 }'
}

# All 528 or 552 bytes that the load balancer has sent are acknowledged
all_acked() {
	ns client ss -Htin state established dport = :8080 | grep -qE 'bytes_acked:5[2-9][0-9]'
}

# The data behind the header is the last ACK of the client's handshake. It is acknowledged though
# the application is silent. Otherwise the load balancer would retransmit it.
data_acknowledges() {
	local before header type=11

	[[ $FAMILY == 4 ]] || type=21
	header=$("$pp_selftests/tools/make_header.py" 21 $type "$REAL,5555,$ASKED,443")
	ns_sysctl backend net.netfilter.nf_conntrack_acct=1
	ns backend nft -f - <<-END
		table inet pp_second {
			counter data { }
			chain input {
				type filter hook input priority 0; policy accept;
				tcp sport 5555 ct original packets 2 meta length > 500 counter name data
			}
		}
	END
	before=$(retransmitted)
	start_bg server backend socat -u "TCP$FAMILY-LISTEN:8080,reuseaddr" OPEN:/dev/null
	wait_port backend 8080
	start_bg client client bash -c "exec 3<>/dev/tcp/$BACKEND/8080
		{ printf '$(escaped "$header")'; head -c 500 /dev/zero; } |
			dd bs=4096 iflag=fullblock status=none >&3
		read -t 30 <>$PP_TMP/never"
	wait_until 10 all_acked
	stop_bg client
	wait_bg server
	is "$(first_of packets ns backend nft -j list counter inet pp_second data)" 1 'second packet'
	is $(($(retransmitted) - before)) 0 'segments sent again'
	ns backend nft delete table inet pp_second
}

# backend_has FILTER: whether jq finds it among the connections
backend_has() {
	[[ -n $(backend_ppctl -j list-connections | jq -c ".[] | $1") ]]
}

mkfifo "$PP_TMP/never"
for family in 4 6; do
	accept_family $family
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	for VERSION in 2 1; do
		for order in client server both; do
			BOTH="--order $order" exact "v$VERSION, $order first"
		done
		exact "v$VERSION, byte by byte" --chunk 1 --no-delay
		exact "v$VERSION, 7 bytes at a time" --chunk 7 --no-delay
		BOTH='--size 1M' exact "v$VERSION, 1 MB both ways"
		BOTH='--end half-close --size 300k' exact "v$VERSION, half-close, 300 kB both ways"
	done
	VERSION=2
	BOTH='--size 0' exact 'no data'
	exact 'Fast Open' --fastopen
	if [[ -e /proc/sys/net/mptcp/enabled ]]; then
		exact 'Multipath TCP' --mptcp
	else
		skip "accept: IPv$family, Multipath TCP -> exact, from the client" 'this kernel has none'
	fi
	check "accept: IPv$family, listener on all addresses -> exact, from the client" any_listener
	check "accept: IPv$family, connection -> listed, and the socket is the client's" listed
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	before=$(accept_stat accepted)
	check "accept: IPv$family, 50 connections, 10 at a time -> exact" many $((before + 50))
	check "accept: IPv$family, data with the header -> is the last ACK, and acknowledged" \
		data_acknowledges
	check "accept: IPv$family, source that is not believed -> served as it comes" others "$REAL"
	check "accept: IPv$family, rule for another port -> served as it comes" other_port
done
