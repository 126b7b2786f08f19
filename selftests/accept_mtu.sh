#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The way to the load balancer takes less than the way to the client, whom the application's
# host sends to: its first packets fit, and where the way gets narrower later, it learns so.
set -euo pipefail
# shellcheck source=selftests/lib_accept.sh
. "${BASH_SOURCE[0]%/*}/lib_accept.sh"

need jq nft ip tc conntrack
module_require
topo_lb 4

links=(client:eth0 lb:front lb:back backend:eth0)

# narrow NAME: its route to the load balancer has 1300 bytes
narrow() {
	case $1 in
	backend) nsip backend "-$FAMILY" route add "$BALANCER" via "$LB" dev eth0 mtu 1300 ;;
	lb) nsip lb "-$FAMILY" route add "$BALANCER" dev front mtu 1300 ;;
	esac
}

wide() {
	nsip "$1" "-$FAMILY" route del "$BALANCER" mtu 1300
}

# from_application COUNT: what it sends is more than a packet. What it sees is in $sees.
from_application() {
	transfer "$1" --size 300k "${sees[@]}" -- --size 100 --timeout 30 -j "$1" \
		--send-header "v2,$REAL,0,$ASKED,443"
}

# The application's host has heard of 1300 bytes to the client, or whom it takes for that
has_heard() {
	ns backend ip route get "${sees[-1]}" | grep -q 'mtu 1300'
}

forget() {
	nsip backend route flush cache
	nsip backend -6 route flush cache
}

# Where no error is heard of, there is none
nothing_too_long() {
	narrowed=$1
	trap 'ns backend nft delete table inet pp_deaf; wide "$narrowed"' EXIT
	ns backend nft -f - <<-END
		table inet pp_deaf {
			chain input {
				type filter hook input priority 0; policy accept;
				icmp type destination-unreachable drop
				icmpv6 type packet-too-big drop
			}
		}
	END
	narrow "$1"
	from_application 3
}

is_accepted() {
	(($("${1}_ppctl" -j list-rules | json_first accepted) > 0))
}

gets_narrower() {
	wait_until 20 is_accepted "$1"
	narrow "$1"
	netem lb front rate 20mbit
}

# Half a megabyte would take twenty seconds; the way gets narrower when that has begun
narrower_now() {
	local narrowing

	narrowed=$1
	trap 'netem lb front none; wide "$narrowed"' EXIT
	netem lb front rate 200kbit
	gets_narrower "$narrowed" &
	narrowing=$!
	transfer 1 --size 500k "${sees[@]}" -- --size 100 --timeout 50 \
		--send-header "v2,$REAL,0,$ASKED,443"
	wait $narrowing
	has_heard
	forget
}

# with_redirect COMMAND...: the application is here, and yet NAT leads to it
with_redirect() {
	redirect backend 8080 9090
	BPORT=9090 "$@"
	redirect_end backend
}

with_dnat() {
	nat_dnat
	TARGET=$VIP PORT=80 "$@"
	nat_flush
}

# with_chain COMMAND...: to a tagged backend, with masquerade
with_chain() {
	nat_dnat_masq
	sees=(--header v2 --src-addr "$REAL" --peer-addr "$LB")
	TARGET=$VIP PORT=80 tagged=$BACKEND "$@"
	nat_flush
}

# either WHAT NAME: the way that NAME has to the load balancer
either() {
	check "accept: IPv$FAMILY, $what, $1, small MTU -> nothing too long, exact" \
		with_rule "$2" nothing_too_long "$2"
	check "accept: IPv$FAMILY, $what, $1, MTU gets smaller -> found out, exact" \
		with_rule "$2" narrower_now "$2"
}

# with_rule NAME COMMAND...
with_rule() {
	"${1}_ppctl" flush-rules
	"${1}_ppctl" add-rule accept to "$TARGET" port "$PORT" from "$BALANCER" >/dev/null
	[[ -z ${tagged:-} ]] || lb_ppctl add-rule send to "$tagged" port 8080 >/dev/null
	"${@:2}"
}

# The way from the gateway to the application
load_balancer_learns() {
	nsip lb "-$FAMILY" route add "$BACKEND" dev back mtu 1300
	trap 'nsip lb "-$FAMILY" route del "$BACKEND" mtu 1300' EXIT
	transfer 3 --size 100 "${sees[@]}" -- --size 300k --timeout 20 -j 3 \
		--send-header "v2,$REAL,0,$ASKED,443"
	ns client ip route get "$TARGET" | grep -q 'mtu 1300'
	nsip client route flush cache
	nsip client -6 route flush cache
}

narrow_behind() {
	check "accept: IPv$FAMILY, $what, $1, small MTU behind it -> found out, exact" \
		with_rule lb load_balancer_learns
}

# router NAME: that has the rule; its error of a router's is what the application's host hears of
router() {
	from_application 1
	(($("${1}_ppctl" -j show-stats | json_first icmp) > 0))
	has_heard
	forget
}

# has_learnt [mark MARK]: the application's host knows what the way to the load balancer takes
has_learnt() {
	ns backend ip route get "$BALANCER" "$@" | grep -q 'mtu 1300'
}

# The second client has no need of the router, which may well have said enough by then
told_once() {
	local heard

	from_application 1
	has_learnt || fail 'the route to the load balancer has not learnt'
	heard=$(accept_stat icmp)
	((heard > 0))
	REAL=$other sees=(--peer-addr "$other")
	from_application 3
	is "$(accept_stat icmp)" "$heard" 'errors heard of'
	forget
}

# forged right|wrong|corrupt: a router says what it has no reason to say
forged() {
	local heard port=40004

	heard=$(accept_stat icmp)
	start_bg router lb "$pp_selftests/forge_error.py" back "$BACKEND" 8080 "$BALANCER" $port \
		1300 "$1"
	wait_until 20 grep -q listening "$PP_TMP/bg/router.out"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --end none --timeout 60
	wait_until 20 grep -q 'listening on' "$PP_TMP/bg/server.out"
	start_bg held far "$PEER" client -c "$BACKEND" -p 8080 --bind-port $port --end none \
		--timeout 60 --send-header "v2,$REAL,0,$ASKED,443"
	wait_bg router
	wait_until 20 has_told "$heard"
}

# A packet that is not on its way was not too long, and what is corrupt says nothing
forged_error() {
	local learns=no

	forged "$1"
	! has_learnt || learns=yes
	stop_bg held
	stop_bg server
	forget
	is $learns "$2" 'learnt by the route to the load balancer'
}

# The way that is narrow is the one that packets take, and the route without a mark is another
marked() {
	trap 'marks_end; forget' EXIT
	marks_begin
	from_application 1
	! has_learnt || fail 'the route without a mark has learnt'
	[[ $FAMILY == 4 ]] || has_learnt mark 0x77
}

has_told() {
	(($(accept_stat icmp) > $1))
}

by_router() {
	check "accept: IPv$FAMILY, $1, small MTU of a router -> found out, exact" \
		with_rule "$2" router "$2"
}

nsip lb route add default via 10.0.1.2
nsip lb -6 route add default via fd00:1::2
TARGET=$BACKEND PORT=8080
for what in 'GSO on' 'GSO off'; do
	[[ $what == 'GSO on' ]] || for link in "${links[@]}"; do
		veth_offload_off "${link%:*}" "${link#*:}"
	done
	for family in 4 6; do
		accept_family $family
		TARGET=$BACKEND sees=(--peer-addr "$REAL")
		either 'this host' backend
		with_redirect either 'redirected port' backend
		backend_ppctl flush-rules
		either 'gateway' lb
		with_dnat either 'DNAT to a container' lb
		narrow_behind 'gateway'
		with_dnat narrow_behind 'DNAT to a container'
		with_chain either 'chain' lb
		with_chain narrow_behind 'chain'
		lb_ppctl flush-rules
	done
done
# The load balancer is behind who has been it so far
ns_make far
veth_make client far far eth0
addr_add client far 10.0.3.1/24 fd00:3::1/64
addr_add far eth0 10.0.3.2/24 fd00:3::2/64
ns_sysctl client net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
nsip far route add default via 10.0.3.1
nsip far -6 route add default via fd00:3::1
nsip client link set far mtu 1300
CLIENT_NS=far
for family in 4 6; do
	accept_family $family
	TARGET=$BACKEND sees=(--peer-addr "$REAL") BALANCER=10.0.3.2
	other=192.0.2.78
	[[ $family == 4 ]] || BALANCER=fd00:3::2 other=2001:db8::78
	by_router 'this host' backend
	check "accept: IPv$family, small MTU of a router -> found out once for all clients" \
		with_rule backend told_once
	check "accept: IPv$family, small MTU, forged, right number -> believed" \
		with_rule backend forged_error right yes
	check "accept: IPv$family, small MTU, forged, wrong number -> not believed" \
		with_rule backend forged_error wrong no
	check "accept: IPv$family, small MTU, forged, corrupt -> not believed" \
		with_rule backend forged_error corrupt no
	check "accept: IPv$family, small MTU of a router, route by mark -> found out, exact" \
		with_rule backend marked
	with_redirect by_router 'redirected port' backend
	backend_ppctl flush-rules
	by_router 'gateway' lb
	with_dnat by_router 'DNAT to a container' lb
	lb_ppctl flush-rules
done
