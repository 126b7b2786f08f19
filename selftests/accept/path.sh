#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Where the header is accepted and where the application is: behind this host, with DNAT and with
# plain routing, as containers and gateways have it. And what TCP learns of the path: its MTU, its
# round-trip time, a strict rp_filter.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need jq nft tc ethtool ss nstat python3 socat conntrack
module_require
topo_lb 4

# Both ways, server or client first, and on a bad link on either side
behind() {
	local order

	for VERSION in 1 2; do
		for order in client server both; do
			BOTH="--order $order" check "accept: IPv$FAMILY, $1, v$VERSION, $order first -> exact" \
				through 3
		done
	done
	check "accept: IPv$FAMILY, $1, header byte by byte -> exact" through 1 --chunk 1 --no-delay
	BOTH='--size 1M' check "accept: IPv$FAMILY, $1, 1 MB both ways -> exact" through 2
	netem lb back loss 8%
	netem lb front loss 8%
	BOTH='--timeout 100' check "accept: IPv$FAMILY, $1, loss on both sides -> all exact" \
		through 30 -j 15
	netem lb back none
	netem lb front none
}

# Through the gateway and to the VIP from the same ports: the first connections are in TIME_WAIT on
# the backend, which takes a SYN there only if its numbers are higher
remembered() {
	local port

	for port in 31001 31002 31003 31004 31005 31006; do
		gateway_rule to "$BACKEND" port 8080 from "$BALANCER"
		BOTH='--order both' through 1 --bind-port $port
		nat_dnat
		gateway_rule to "$VIP" port 80 from "$BALANCER"
		TARGET=$VIP PORT=80 BOTH='--order both --timeout 20' through 1 --bind-port $port
		nat_flush
	done
}

# As $BALANCER itself, whose header names no client
without_client() {
	TARGET=${TARGET:-$BACKEND} PORT=${PORT:-8080} transfer "$1" --peer-addr "$BALANCER" \
		--peer-port client -- --send-header local "${@:2}"
	is "$(lb_ppctl -j show-stats | jq '.[0].pending')" 0 'pending'
}

# by_flowtable COMMAND...: neither the load balancer's packets nor the answers pass netfilter by,
# which alone knows where they go
by_flowtable() {
	ns lb nft -f - <<-END
		table inet pp_forward {
			flowtable f {
				hook ingress priority 0
				devices = { front, back }
			}
			chain forward {
				type filter hook forward priority 0; policy accept;
				meta l4proto tcp flow add @f
			}
		}
	END
	trap 'ns lb nft delete table inet pp_forward' EXIT
	BOTH='--size 300k --order both --timeout 20' "$@" 3 -j 3
}

retransmitted() {
	ns client nstat -asz TcpRetransSegs | awk '$1 == "TcpRetransSegs" { print $2 }'
}

# Header and data are two segments in one packet, the data alone is one segment, if the device does
# not cut it
one_segment_left() {
	local before header

	before=$(retransmitted)
	header=$("$pp_selftests/tools/make_header.py" 21 11 "$REAL,5555,$ASKED,443")
	ns lb ethtool -K back tso off gso off >/dev/null
	start_bg server backend socat -u TCP-LISTEN:8080,reuseaddr "OPEN:$PP_TMP/one,creat,trunc"
	wait_port backend 8080
	ns client bash -c "{ printf '$(escaped "$header")'; head -c 1440 /dev/zero; } |
		dd bs=4096 iflag=fullblock status=none >/dev/tcp/$BACKEND/8080"
	wait_bg server
	ns lb ethtool -K back tso on gso on >/dev/null
	is "$(stat -c %s "$PP_TMP/one")" 1440
	is $(($(retransmitted) - before)) 0 'segments sent again'
}

# How many of the client's SYNs the backend has dropped
syns_lost() {
	ns backend nft -j list counter inet pp_drop syns | jq '.nftables[].counter.packets // empty'
}

four_syns_lost() {
	(($(syns_lost) >= 4))
}

# The header is acknowledged when it is retransmitted, and the client's SYN is repeated as long as
# nothing answers it, ever more seldom, though the load balancer sends nothing more
unanswered() {
	local before

	ns backend nft -f - <<-END
		table inet pp_drop {
			counter syns { }
			chain input {
				type filter hook prerouting priority -400; policy accept;
				ip saddr 192.0.2.77 tcp flags syn counter name syns drop
				ip6 saddr 2001:db8::77 tcp flags syn counter name syns drop
			}
		}
	END
	trap 'ns backend nft delete table inet pp_drop' EXIT
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --order server --timeout 30 \
		--peer-addr "$REAL"
	wait_listening server
	before=$(retransmitted)
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 --order server --timeout 30 \
		--send-header "v2,$REAL,0,$ASKED,443"
	wait_until 20 four_syns_lost
	(($(retransmitted) - before <= 2)) || fail "the header came again $(($(retransmitted) - before)) times"
	sleep 2.5
	(($(syns_lost) <= 5)) || fail "$(syns_lost) SYNs"
	ns backend nft flush table inet pp_drop
	wait_bg client
	wait_bg server
}

by_mark() {
	next_port
	named "$port" --timeout 20
	next_port
	BOTH='--order server --timeout 20' named "$port"
	# the acknowledgement of half a header is the module's own
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080
	wait_listening server
	start_bg half client bash -c "exec 3<>/dev/tcp/$BACKEND/8080; printf 'PROXY ' >&3; exec sleep 60"
	wait_until 10 half_acked
	stop_bg half
	stop_bg server
}

# The SYN is one, too
half_acked() {
	ns client ss -Htin state established dport = :8080 | grep -q 'bytes_acked:7 '
}

# minrtt of the application's socket, in whole ms
min_rtt() {
	ns backend ss -Htin state established "dst [$REAL]" | sed -n 's/.* minrtt:\([0-9]*\).*/\1/p'
}

# The round trip takes 40 ms, in the first of all samples as well
round_trip() {
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --end none --timeout 30
	wait_listening server
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 --end none --timeout 30 \
		--send-header "v2,$REAL,0,$ASKED,443"
	wait_until 10 rtt_known
	(($(min_rtt) >= 35)) || fail "minrtt $(min_rtt) ms"
	stop_bg client
	stop_bg server
}

# srtt VALUE: the same, smoothed, in whole ms
smoothed_rtt() {
	ns backend ss -Htin state established "dst [$REAL]" | sed -n 's/.* rtt:\([0-9]*\)[./].*/\1/p'
}

# The first SYN-ACK is lost: the answer to the second one must not show a timeout of one second
synack_repeated() {
	trap 'ns lb nft delete table inet pp_once; stop_bg client; stop_bg server' EXIT
	ns lb nft -f - <<-END
		table inet pp_once {
			chain forward {
				type filter hook forward priority 0; policy accept;
				tcp flags & (syn | ack) == syn | ack limit rate 1/hour burst 1 packets drop
			}
		}
	END
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --end none --timeout 30
	wait_listening server
	start_bg client client "$PEER" client -c "$BACKEND" -p 8080 --end none --timeout 30 \
		--send-header "v2,$REAL,0,$ASKED,443"
	wait_until 10 rtt_known
	(($(smoothed_rtt) >= 35 && $(smoothed_rtt) < 200)) || fail "rtt $(smoothed_rtt) ms"
	(($(min_rtt) >= 35)) || fail "minrtt $(min_rtt) ms"
}

rtt_known() {
	[[ -n $(min_rtt) ]]
}

nsip lb route add default via 10.0.1.2
nsip lb -6 route add default via fd00:1::2
ns_sysctl lb net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.front.rp_filter=1 net.ipv4.conf.back.rp_filter=1
for family in 4 6; do
	accept_family $family
	gateway_rule to "$BACKEND" port 8080 from "$BALANCER"
	behind 'gateway'
	check "accept: IPv$family, gateway, flowtable -> exact" by_flowtable through
	check "accept: IPv$family, gateway, flowtable, LOCAL -> exact" by_flowtable without_client
	[[ $family == 6 ]] ||
		check "accept: IPv4, gateway, one segment without its header -> not lost" one_segment_left
	check "accept: IPv$family, gateway, no listener -> refused" closed_port
	check "accept: IPv$family, gateway, SYNs of the client lost -> exact" unanswered
	check "accept: IPv$family, ports that the backend has in TIME_WAIT -> exact" remembered
	nat_dnat
	# Otherwise NAT would avoid the ports of connections that loss has left open there
	ns lb conntrack -F 2>/dev/null
	gateway_rule to "$VIP" port 80 from "$BALANCER"
	TARGET=$VIP PORT=80
	behind 'DNAT to a container'
	check "accept: IPv$family, DNAT to a container, flowtable -> exact" by_flowtable through
	check "accept: IPv$family, DNAT, no listener -> refused" closed_port
	unset TARGET PORT
	nat_flush
	lb_ppctl flush-rules
done

for family in 4 6; do
	accept_family $family
	VERSION=2
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	ns_sysctl backend net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.eth0.rp_filter=1
	check "accept: IPv$family, rp_filter=1 -> exact" named 3333
	netem lb back delay 20ms
	netem backend eth0 delay 20ms
	check "accept: IPv$family, 40 ms -> TCP's least round-trip time is that" round_trip
	check "accept: IPv$family, 40 ms, SYN-ACK lost -> no round-trip time of a second" \
		synack_repeated
	ns_sysctl client net.ipv4.tcp_timestamps=0
	check "accept: IPv$family, 40 ms, SYN-ACK lost, no timestamps -> the same" synack_repeated
	ns_sysctl client net.ipv4.tcp_timestamps=1
	netem lb back none
	netem backend eth0 none
done
# Routes by mark: without a mark, the route to the load balancer leads nowhere
for family in 4 6; do
	accept_family $family
	VERSION=2
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	marks_begin
	check "accept: IPv$family, route to the load balancer by mark -> exact" by_mark
	marks_end
done
