#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The way to the load balancer has a smaller MTU than the way to the client, which the application's
# host sends to: the first packets fit, and if the MTU gets smaller later, the host learns it.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

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

# from_application COUNT: it sends more than a packet; $sees is what it sees
from_application() {
	transfer "$1" --size 300k "${sees[@]}" -- --size 100 --timeout 30 -j "$1" \
		--send-header "v2,$REAL,0,$ASKED,443"
}

# The application's host has learnt 1300 bytes for the client, or for the address that it takes for
# the client
has_heard() {
	ns backend ip route get "${sees[-1]}" | grep -q 'mtu 1300'
}

forget() {
	nsip backend route flush cache
	nsip backend -6 route flush cache
}

# All packets fit though the backend gets no ICMP error
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
	(($(first_of accepted "${1}_ppctl" -j list-rules) > 0))
}

gets_narrower() {
	wait_until 20 is_accepted "$1"
	narrow "$1"
	netem lb front rate 20mbit
}

# Half a megabyte takes twenty seconds; the MTU gets smaller after the beginning
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

# with_redirect COMMAND...: the application is here, but NAT leads to it
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

# either WHAT NAME: the MTU of NAME's way to the load balancer
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

# router NAME: NAME has the rule; the application's host gets the error as one of a router
router() {
	from_application 1
	(($(first_of icmp "${1}_ppctl" -j show-stats) > 0))
	has_heard
	forget
}

# has_learnt [mark MARK]: the application's host knows the MTU of the way to the load balancer
has_learnt() {
	ns backend ip route get "$BALANCER" "$@" | grep -q "mtu ${mtu:-1300}"
}

# The third client does not need the router's error, which a rate limit may suppress by then
told_twice() {
	local heard

	forget
	from_application 1
	! has_learnt || fail 'the route to the load balancer has learnt of one client'
	from_application 1
	! has_learnt || fail 'the route to the load balancer has learnt of one client twice'
	REAL=$other sees=(--peer-addr "$other")
	from_application 1
	has_learnt || fail 'the route to the load balancer has not learnt'
	heard=$(accept_stat icmp)
	((heard > 0))
	REAL=$third sees=(--peer-addr "$third")
	from_application 3
	is "$(accept_stat icmp)" "$heard" 'errors heard of'
	forget
}

# forged right|wrong|corrupt|short PORT [PORT of the load balancer]: a router's error without a
# reason
forged() {
	start_bg router lb "$pp_selftests/tools/forge_error.py" back "$BACKEND" "$2" "$BALANCER" \
		"${3:-30004}" "${mtu:-1300}" "$1"
	wait_until 20 bg_says router listening
	start_bg server backend "$PEER" server -l "$BACKEND" -p "$2" --end none --timeout 60
	wait_listening server
	start_bg held far "$PEER" client -c "$BACKEND" -p "$2" --bind-port "${3:-30004}" --end none \
		--timeout 60 --send-header "v2,$REAL,0,$ASKED,443"
	wait_bg router
}

# forged_error KIND MTU yes|no CLIENT...: whether the route to the load balancer learns. A packet
# that is not in flight was not too long, and a corrupt error proves nothing.
forged_error() {
	local kind=$1 mtu=$2 wanted=$3 learns=no heard

	shift 3
	forget
	for REAL in "$@"; do
		heard=$(accept_stat icmp)
		forged "$kind" 8080
		wait_until 20 has_told "$heard"
		[[ $kind != right ]] || ns backend ip route get "$REAL" | grep -q "mtu $mtu"
		stop_bg held
		stop_bg server
	done
	! has_learnt || learns=yes
	forget
	is $learns "$wanted" 'learnt by the route to the load balancer'
}

# The quoted IP header has 16 bytes, as its length says, so that its destination seems to be ports:
# those of a connection
too_short() {
	local heard

	backend_ppctl add-rule accept to "$BACKEND" port 2560 from "$BALANCER" >/dev/null
	heard=$(accept_stat icmp)
	forged short 2560 770
	sleep 2
	stop_bg held
	stop_bg server
	is "$(accept_stat icmp)" "$heard" 'errors heard of'
}

# The packets take the narrow way, and the route without a mark is another one
marked() {
	trap 'marks_end; forget' EXIT
	marks_begin
	from_application 1
	REAL=$other sees=(--peer-addr "$other")
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
# The load balancer is behind the address that was its own before
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
	other=192.0.2.78 third=192.0.2.79
	[[ $family == 4 ]] || BALANCER=fd00:3::2 other=2001:db8::78 third=2001:db8::79
	by_router 'this host' backend
	check "accept: IPv$family, small MTU of a router, two clients -> found out for all" \
		with_rule backend told_twice
	check "accept: IPv$family, small MTU, forged, one client -> believed for that one" \
		with_rule backend forged_error right 1310 no "$third" "$third"
	check "accept: IPv$family, small MTU, forged, two clients -> believed" \
		with_rule backend forged_error right 1320 yes "$REAL" "$other"
	check "accept: IPv$family, small MTU, forged, wrong number -> not believed" \
		with_rule backend forged_error wrong 1330 no "$third" "$REAL"
	check "accept: IPv$family, small MTU, forged, corrupt -> not believed" \
		with_rule backend forged_error corrupt 1340 no "$third" "$REAL"
	[[ $family == 6 ]] || check "accept: IPv4, error with a quoted header of 16 bytes -> left alone" \
		with_rule backend too_short
	check "accept: IPv$family, small MTU of a router, route by mark -> found out, exact" \
		with_rule backend marked
	with_redirect by_router 'redirected port' backend
	backend_ppctl flush-rules
	by_router 'gateway' lb
	with_dnat by_router 'DNAT to a container' lb
	lb_ppctl flush-rules
done
