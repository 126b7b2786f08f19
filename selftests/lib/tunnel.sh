# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# A backend that the load balancer of topo_lb reaches through a device "tunnel" at either end, with
# addresses of its own; with a rule of the load balancer alone, and with a rule of each.

# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/accept.sh"

# Addresses within the tunnel
declare -A inner_lb=([4]=10.0.9.1 [6]=fd00:9::1) inner_backend=([4]=10.0.9.2 [6]=fd00:9::2)

# The load balancer of topo_lb, with a backend within the tunnel
nat_to_tunnel() {
	ns lb nft -f - <<-END
		table inet pp_tunnel {
			chain prerouting {
				type nat hook prerouting priority -100; policy accept;
				ip daddr 10.0.1.1 tcp dport 80 dnat ip to ${inner_backend[4]}:8080
				ip6 daddr fd00:1::1 tcp dport 80 dnat ip6 to [${inner_backend[6]}]:8080
			}
			chain postrouting {
				type nat hook postrouting priority 100; policy accept;
				tcp dport 8080 ct status dnat masquerade
			}
		}
	END
}

inner_addresses() {
	nsip lb link set tunnel up
	nsip backend link set tunnel up
	addr_add lb tunnel 10.0.9.1/24 fd00:9::1/64
	addr_add backend tunnel 10.0.9.2/24 fd00:9::2/64
}

# over_device TYPE [OPTION]...: on top of the device that connects both
over_device() {
	nsip lb link add link back name tunnel type "$@"
	nsip backend link add link eth0 name tunnel type "$@"
	inner_addresses
}

tunnel_gone() {
	nsip lb link del tunnel
	nsip backend link del tunnel
}

# tunnel_family 4|6: topo_family, but for the addresses within the tunnel
tunnel_family() {
	topo_family "$1"
	LB=${inner_lb[$1]} BACKEND=${inner_backend[$1]}
}

through_tunnel() {
	rule to "$BACKEND" port 8080
	backend_ppctl flush-rules
	BOTH='--order client --size 20k' transfer 2 --header v2 "${names_client[@]}" --
	BOTH='--order server --size 20k' transfer 2 --header v2 "${names_client[@]}" --
	# the header and the first bytes fill a packet, or more than one
	BOTH='--order both --size 300k --end half-close' transfer 4 --header v2 "${names_client[@]}" -- -j 4
}

accepted() {
	rule to "$BACKEND" port 8080
	accept_rule to "$BACKEND" port 8080 from "$LB"
	BOTH='--order client --size 20k' transfer 2 --peer-addr client --peer-port client --
	BOTH='--order both --size 300k' transfer 4 --peer-addr client --peer-port client -- -j 4
	is "$(accept_rule_stat accepted)" 6 'accepted'
}
