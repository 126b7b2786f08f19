#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The way to the load balancer takes less than the way to the client, whom the application's
# host sends to: it learns so from whoever is the first to know.
set -euo pipefail
# shellcheck source=selftests/lib_accept.sh
. "${BASH_SOURCE[0]%/*}/lib_accept.sh"

need jq nft ip conntrack
module_require
topo_lb 4
VERSION=2

# found_out COUNT [OPTION of the server]...: what the backend sends has no more than 1300 bytes
found_out() {
	transfer "$1" --size 300k --peer-addr "$REAL" "${@:2}" -- --size 100 --timeout 20 -j "$1" \
		--send-header "v2,$REAL,0,$ASKED,443"
	ns backend ip route get "$REAL" | grep -q 'mtu 1300'
	nsip backend route flush cache
	nsip backend -6 route flush cache
}

# A router beyond this host
on_the_way() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	TARGET=$BACKEND PORT=8080 found_out 1
	(($(accept_stat icmp) > 0))
}

# narrow NAME [via WHOM] dev DEVICE: its route to the load balancer
narrow() {
	local name=$1

	shift
	nsip "$name" "-$FAMILY" route add "$BALANCER" "$@" mtu 1300
}

here() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	TARGET=$BACKEND PORT=8080 found_out 3
}

# The application is here, and yet NAT leads to it
redirected() {
	trap 'ns backend nft delete table inet pp_redirect' EXIT
	ns backend nft -f - <<-END
		table inet pp_redirect {
			chain prerouting {
				type nat hook prerouting priority -100; policy accept;
				tcp dport 8080 redirect to :9090
			}
		}
	END
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	BPORT=9090 TARGET=$BACKEND PORT=8080 found_out 3
}

behind_gateway() {
	gateway_rule to "$BACKEND" port 8080 from "$BALANCER"
	TARGET=$BACKEND PORT=8080 found_out 3
}

behind_dnat() {
	trap nat_flush EXIT
	nat_dnat
	gateway_rule to "$VIP" port 80 from "$BALANCER"
	TARGET=$VIP PORT=80 found_out 3
}

# The way from the gateway to the application takes 1300 bytes
load_balancer_learns() {
	transfer 3 --size 100 --peer-addr "$REAL" -- --size 300k --timeout 20 -j 3 \
		--send-header "v2,$REAL,0,$ASKED,443"
	ns client ip route get "$TARGET" | grep -q 'mtu 1300'
	nsip client route flush cache
	nsip client -6 route flush cache
}

narrow_behind() {
	gateway_rule to "$BACKEND" port 8080 from "$BALANCER"
	TARGET=$BACKEND PORT=8080 load_balancer_learns
}

narrow_behind_dnat() {
	trap nat_flush EXIT
	nat_dnat
	gateway_rule to "$VIP" port 80 from "$BALANCER"
	TARGET=$VIP PORT=80 load_balancer_learns
}

nsip lb route add default via 10.0.1.2
nsip lb -6 route add default via fd00:1::2
for offload in on off; do
	what="GSO $offload"
	[[ $offload == on ]] || for link in client:eth0 lb:front lb:back backend:eth0; do
		veth_offload_off "${link%:*}" "${link#*:}"
	done
	for family in 4 6; do
		accept_family $family
		narrow backend via "$LB" dev eth0
		check "accept: IPv$family, $what, small MTU -> found out, exact" here
		check "accept: IPv$family, $what, small MTU, redirected port -> found out, exact" redirected
		nsip backend "-$family" route del "$BALANCER" mtu 1300
		backend_ppctl flush-rules
		narrow lb dev front
		check "accept: IPv$family, $what, small MTU, gateway -> found out, exact" behind_gateway
		check "accept: IPv$family, $what, small MTU, DNAT to a container -> found out, exact" \
			behind_dnat
		nsip lb "-$family" route del "$BALANCER" mtu 1300
		nsip lb "-$family" route add "$BACKEND" dev back mtu 1300
		check "accept: IPv$family, $what, gateway, small MTU behind it -> found out, exact" \
			narrow_behind
		check "accept: IPv$family, $what, DNAT, small MTU behind it -> found out, exact" \
			narrow_behind_dnat
		nsip lb "-$family" route del "$BACKEND" mtu 1300
		lb_ppctl flush-rules
	done
done
nsip lb link set front mtu 1300
for family in 4 6; do
	accept_family $family
	check "accept: IPv$family, smaller MTU on the way -> found out, exact" on_the_way
done
