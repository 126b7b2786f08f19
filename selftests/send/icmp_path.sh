#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ICMP errors on the way to the backend: the client gets them as it does without a header, although
# the quoted packets have moved sequence numbers. A smaller MTU behind the load balancer is found.
#
#	client ---- (front) lb (back) ---- (near) router (far) ---- (eth0) backend
#	                     10.0.2.1   10.0.2.254  10.0.3.1   10.0.3.2
#	                                                       10.0.2.2 (lo)
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft jq nstat
module_require

topo_router() {
	ns_make client lb router backend
	veth_make client eth0 lb front
	veth_make lb back router near
	veth_make router far backend eth0
	addr_add client eth0 10.0.1.2/24 fd00:1::2/64
	addr_add lb front 10.0.1.1/24 fd00:1::1/64
	addr_add lb back 10.0.2.1/24 fd00:2::1/64
	addr_add router near 10.0.2.254/24 fd00:2::fe/64
	addr_add router far 10.0.3.1/24 fd00:3::1/64
	addr_add backend eth0 10.0.3.2/24 fd00:3::2/64
	addr_add backend lo 10.0.2.2/32 fd00:2::2/128
	ns_sysctl lb net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ns_sysctl router net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	nsip client route add default via 10.0.1.1
	nsip client -6 route add default via fd00:1::1
	nsip router route add 10.0.1.0/24 via 10.0.2.1
	nsip router -6 route add fd00:1::/64 via fd00:2::1
	nsip backend route add default via 10.0.3.1
	nsip backend -6 route add default via fd00:3::1
}

# Errors come at once, without a rate limit
settings() {
	local name dev family

	for name in lb router backend; do
		ns_sysctl "$name" net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
	done
	for dev in lb:back router:far; do
		for family in ipv4 ipv6; do
			ns_sysctl "${dev%:*}" "net.$family.neigh.${dev#*:}.mcast_solicit=1" \
				"net.$family.neigh.${dev#*:}.retrans_time_ms=100"
		done
	done
}

# path LB-NEXT-HOP ROUTER-NEXT-HOP [OPTION]...: the way to the backend, new to the client
path() {
	nsip lb "-$FAMILY" route replace "$BACKEND" via "$1"
	nsip router "-$FAMILY" route replace "$BACKEND" via "$2" "${@:3}"
	nsip client "-$FAMILY" route flush cache
}

good_path() {
	if [[ $FAMILY == 4 ]]; then
		path 10.0.2.254 10.0.3.2 "$@"
	else
		path fd00:2::fe fd00:3::2 "$@"
	fi
}

# ---- An error in place of an answer

# error_of: why the connection failed
error_of() {
	{
		ns "${CLIENT_NS:-client}" "$PEER" client -c "${TARGET:-$VIP}" -p "${PORT:-80}" \
			--timeout 12 2>/dev/null || true
	} | jq -r .error
}

# same_error ERROR EXPRESSION: the same error with and without a rule
same_error() {
	local without

	lb_ppctl flush-rules
	without=$(error_of)
	is "$without" "connect: $1" "without a rule"
	rule to "$BACKEND" port 8080 version "$version"
	grown ".tagged == 1 and .acked == 0 and $2" expect_error "$without"
}

expect_error() {
	is "$(error_of)" "$1"
}

# error NAME ERROR EXPRESSION
error() {
	check "send: IPv$FAMILY, $nat, $1 -> ${2,,} at once" same_error "$2" "$3"
}

# rejected NAMESPACE HOOK HOW NAME ERROR EXPRESSION: an nft rule in this namespace rejects
rejected() {
	ns "$1" nft -f - <<-END
		table inet pp_reject {
			chain rejected {
				type filter hook $2 priority 0; policy accept;
				tcp dport 8080 reject with $3
			}
		}
	END
	error "$4" "$5" "$6"
	ns "$1" nft delete table inet pp_reject
}

# The error of the router next to the backend
expired() {
	ns lb nft -f - <<-END
		table inet pp_hops {
			chain postrouting {
				type filter hook postrouting priority 200; policy accept;
				ip daddr 10.0.2.2 ip ttl set 1
				ip6 daddr fd00:2::2 ip6 hoplimit set 1
			}
		}
	END
	error 'too many hops' 'No route to host' "$mended"
	ns lb nft delete table inet pp_hops
}

mended='.icmp > 0'
refused='Connection refused'

topo_router
settings
topo_family 4
version=2

nat_dnat_masq
nat=dnat+masquerade
path 10.0.2.254 10.0.3.99
error 'no such host behind a router' 'No route to host' "$mended"
path 10.0.2.99 10.0.3.2
error 'no such host on our link' 'No route to host' "$mended"
good_path
error 'closed port' "$refused" '.icmp == 0'
rejected router forward 'icmp type port-unreachable' 'rejected by a router' "$refused" "$mended"
rejected router forward 'tcp reset' 'reset by a router' "$refused" '.icmp == 0'
rejected backend input 'icmp type admin-prohibited' 'prohibited by the backend' \
	'No route to host' "$mended"
expired
nat_flush

topo_family 6
version=1
nat_dnat
nat='dnat alone'
path fd00:2::fe fd00:3::99
error 'no such host behind a router' 'No route to host' "$mended"
path fd00:2::99 fd00:3::2
error 'no such host on our link' 'No route to host' "$mended"
good_path
error 'closed port' "$refused" '.icmp == 0'
rejected router forward 'icmpv6 type admin-prohibited' 'prohibited by a router' \
	'Permission denied' "$mended"
rejected backend input 'icmpv6 type port-unreachable' 'rejected by the backend' "$refused" "$mended"
rejected backend input 'tcp reset' 'reset by the backend' "$refused" '.icmp == 0'
expired
nat_flush

# The same for connections of the load balancer itself
nat='own connection' CLIENT_NS=lb PORT=8080
for family in 4 6; do
	topo_family $family
	good_path
	TARGET=$BACKEND
	error 'closed port' "$refused" '.icmp == 0'
	rejected router forward 'icmpx type port-unreachable' 'rejected by a router' "$refused" "$mended"
done
unset CLIENT_NS TARGET PORT

# ---- A smaller MTU behind the load balancer

# The router sends the error
too_big() {
	ns router nstat -jasz IcmpOutDestUnreachs Icmp6OutPktTooBigs |
		jq '.[] | .IcmpOutDestUnreachs + .Icmp6OutPktTooBigs'
}

# found EXPRESSION: the transfers are exact, and the router had to send errors
found() {
	local before after

	rule to "$BACKEND" port 8080 version "$version"
	before=$(too_big)
	grown ".tagged == 3 and .acked == 3 and $1" \
		transfer 3 --header "v$version" "${names_client[@]}" -- --timeout 30
	after=$(too_big)
	((after > before)) || fail "the router was never asked for too much"
}

# narrow FAMILY VERSION MTU OPTIONS NAME [EXPRESSION]
narrow() {
	topo_family "$1"
	version=$2
	good_path mtu lock "$3"
	BOTH=$4 check "send: IPv$1, v$2, $nat, MTU $3 behind a router, $5 -> exact" found "${6:-true}"
}

# narrow_lost: as narrow, but the first header is lost, so that the long packets have the next
# header in front: the error quotes moved numbers
narrow_lost() {
	topo_family "$1"
	lose $at_backend 1 payload
	narrow "${@:1:4}" "$5, first header lost" "$mended"
	lose_end $at_backend
}

nat_dnat_masq
nat=dnat+masquerade
narrow 4 2 1300 '--size 300k' '300 kB'
narrow 4 1 600 '--size 300k' '300 kB'
narrow 6 1 1300 '--size 300k' '300 kB'
narrow 6 2 1280 '--size 300k --order server' '300 kB, server first'
narrow_lost 4 2 1300 '--size 300k' '300 kB'
narrow_lost 6 1 1280 '--size 300k' '300 kB'
nat_flush

nat_dnat
nat='dnat alone'
narrow_lost 4 1 1300 '--size 1300' 'one packet'
narrow_lost 6 2 1300 '--size 1220' 'one packet'
# A packet is too long by the header alone, which the client does not know of
narrow_lost 4 2 1300 '--size 1145' 'too long with the header'
narrow_lost 6 1 1280 '--size 1100' 'too long with the header'
