#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two customers of one load balancer use the same addresses and ports at the same moment. They are
# told apart by VRF, by conntrack zone, or by both. While the first one's header is in flight, the
# second one's connection begins and ends.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft jq
module_require

# The topology of topo_lb twice, on one load balancer:
#
#	client1 ---- front1 (table 11, vrf1) back1 ---- backend1
#	client2 ---- front2 (table 12, vrf2) back2 ---- backend2
customer() {
	ns_make "client$1" "backend$1"
	veth_make "client$1" eth0 lb "front$1"
	veth_make lb "back$1" "backend$1" eth0
	addr_add "client$1" eth0 10.0.1.2/24 fd00:1::2/64
	addr_add "backend$1" eth0 10.0.2.2/24 fd00:2::2/64
	nsip "client$1" route add default via 10.0.1.1
	nsip "client$1" -6 route add default via fd00:1::1
	nsip "backend$1" route add default via 10.0.2.1
	nsip "backend$1" -6 route add default via fd00:2::1
}

addresses() {
	addr_add lb "front$1" 10.0.1.1/24 fd00:1::1/64
	addr_add lb "back$1" 10.0.2.1/24 fd00:2::1/64
}

# Routes by the device that a packet comes in by
policy_routing() {
	local table=1$1 dev

	addresses "$1"
	for dev in "front$1" "back$1"; do
		nsip lb -4 rule add iif "$dev" lookup "$table"
		nsip lb -6 rule add iif "$dev" lookup "$table"
	done
	nsip lb route add 10.0.1.0/24 dev "front$1" table "$table"
	nsip lb route add 10.0.2.0/24 dev "back$1" table "$table"
	nsip lb -6 route add fd00:1::/64 dev "front$1" table "$table"
	nsip lb -6 route add fd00:2::/64 dev "back$1" table "$table"
}

policy_routing_end() {
	local dev family

	for dev in "front$1" "back$1"; do
		for family in -4 -6; do
			nsip lb $family rule del iif "$dev" lookup "1$1"
			nsip lb $family addr flush dev "$dev" scope global
		done
	done
}

vrf() {
	nsip lb link add "vrf$1" type vrf table "1$1"
	nsip lb link set "vrf$1" up
	nsip lb link set "front$1" master "vrf$1"
	nsip lb link set "back$1" master "vrf$1"
	addresses "$1"
}

# zones [original]: a customer's packets are tracked in a zone, or only those from its client
zones() {
	local devices='"front1", "back1"' others='"front2", "back2"'

	[[ -z ${1:-} ]] || devices='"front1"' others='"front2"'
	ns lb nft -f - <<-END
		table inet pp_zones {
			chain prerouting {
				type filter hook prerouting priority -300; policy accept;
				iifname { $devices } ct ${1:-} zone set 1
				iifname { $others } ct ${1:-} zone set 2
			}
		}
	END
}

zones_end() {
	ns lb nft delete table inet pp_zones
}

# The first customer's backend loses headers
hold() {
	ns backend1 nft -f - <<-END
		table netdev pp_hold {
			chain ingress {
				type filter hook ingress device eth0 priority 0; policy accept;
				tcp dport 8080 tcp flags & (syn|rst) == 0 meta length > 72 drop
			}
		}
	END
}

header_sent() {
	lb_ppctl -j list-connections | jq -e 'map(select(.state == "header-sent")) | length == 1'
}

# at_once VERSION: both connections have the same port, which NAT keeps if it can
at_once() {
	local version=$1 options

	options=(-c "${TARGET:-$VIP}" -p "${PORT:-80}" -b "$CLIENT" --bind-port 31500)
	rule to "$BACKEND" port 8080 version "$version"
	start_bg first-server backend1 "$PEER" server -l "$BACKEND" -p 8080 \
		--header "v$version" "${names_client[@]}"
	wait_listening first-server
	hold
	start_bg first-client client1 "$PEER" client "${options[@]}"
	wait_until 20 header_sent
	CLIENT_NS=client2 SERVER_NS=backend2 transfer 1 --header "v$version" "${names_client[@]}" \
		-- -b "$CLIENT" --bind-port 31500
	header_sent
	ns backend1 nft delete table netdev pp_hold
	wait_bg first-client
	wait_bg first-server
	is "$(rule_stat tagged)" 2
	is "$(rule_stat acked)" 2
}

# The listener is bound to no VRF, and so to no address in a VRF
led_to_vrf() {
	ns_sysctl lb net.ipv4.tcp_l3mdev_accept=1
	nat_dnat
	ns lb nft insert rule inet pp_nat prerouting ip daddr 10.0.1.1 tcp dport 80 dnat ip to 10.0.2.1:8080
	rule to "$LB" port 8080
	CLIENT_NS=client1 SERVER_NS=lb BACKEND=0.0.0.0 BOTH='--order both --timeout 20' \
		transfer 3 --header v2 "${names_client[@]}" --
	is "$(rule_stat acked)" 3
}

ns_make lb
ns_sysctl lb net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
customer 1
customer 2

policy_routing 1
policy_routing 2
zones
nat_dnat_masq
topo_family 4
check 'send: IPv4, same addresses in two zones, masquerade, v2 -> both exact' at_once 2
topo_family 6
check 'send: IPv6, same addresses in two zones, masquerade, v1 -> both exact' at_once 1
zones_end
zones original
topo_family 4
check 'send: IPv4, zones for the original direction only, masquerade, v1 -> both exact' at_once 1
zones_end
nat_flush
policy_routing_end 1
policy_routing_end 2

vrf 1
vrf 2
for family in 4 6; do
	topo_family $family
	TARGET=$BACKEND PORT=8080 check \
		"send: IPv$family, same addresses in two VRFs, plain routing, v2 -> both exact" at_once 2
done
topo_family 4
check 'send: IPv4, client led to a local socket in a VRF -> client and VIP' led_to_vrf
nat_flush

zones
nat_dnat_masq
topo_family 4
check 'send: IPv4, same addresses in two VRFs and zones, masquerade, v1 -> both exact' at_once 1
topo_family 6
check 'send: IPv6, same addresses in two VRFs and zones, masquerade, v2 -> both exact' at_once 2
