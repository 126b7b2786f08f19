# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For lib.sh, which sources this: network namespaces with random names, links,
# the standard topology of client, load balancer and backend, and NAT for it.
#
# The topology of topo_lb (interface names in parentheses):
#
#	client                    lb                        backend
#	10.0.1.2 (eth0) ---- (front) 10.0.1.1
#	                     (back)  10.0.2.1 ---- (eth0) 10.0.2.2
#	fd00:1::2            fd00:1::1, fd00:2::1           fd00:2::2
#
# Source ports that tests choose are below 32768: the kernel chooses from there on, and what is left
# of an earlier connection would answer.

pp_ns=${BASH_SOURCE[0]%/*}/../tools/pp_ns

# Full name of a namespace of this run
ns_name() {
	echo "pp-$PP_ID-$1"
}

# ns_make NAME...: with loopback up and IPv6 addresses usable at once
ns_make() {
	local name full

	for name in "$@"; do
		full=pp-$PP_ID-$name
		ip netns add "$full"
		: >"$PP_TMP/ns/$name"
		ns_sysctl "$name" net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
			net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
		ip -n "$full" link set lo up
	done
}

# ns NAME COMMAND...: runs a program in a namespace; not a shell function. Like ip netns exec, but
# without a /sys of the namespace, which takes as long as the rest under emulation.
ns() {
	"$pp_ns" "pp-$PP_ID-$1" "${@:2}"
}

# nsip NAME ARGUMENT...: ip(8) there
nsip() {
	ip -n "pp-$PP_ID-$1" "${@:2}"
}

ns_sysctl() {
	ns "$1" sysctl -qw "${@:2}"
}

ns_delete() {
	local name pids

	for name in "$@"; do
		[[ -e $PP_TMP/ns/$name ]] || continue
		# Daemons that the test has lost track of: every process in a namespace of ours is
		# ours
		pids=$(ip netns pids "$(ns_name "$name")" 2>/dev/null || true)
		# shellcheck disable=SC2086 # a list
		[[ -z $pids ]] || kill -KILL $pids 2>/dev/null || true
		ip netns del "$(ns_name "$name")" || true
		rm -f "$PP_TMP/ns/$name"
	done
}

# veth_make NS1 DEV1 NS2 DEV2: a cable
veth_make() {
	ip link add "$2" netns "$(ns_name "$1")" type veth peer name "$4" netns "$(ns_name "$3")"
	nsip "$1" link set "$2" up
	nsip "$3" link set "$4" up
}

# addr_add NS DEV ADDRESS/LENGTH...
addr_add() {
	local name=$1 dev=$2 address

	shift 2
	for address in "$@"; do
		case $address in
		*:*) nsip "$name" addr add "$address" dev "$dev" nodad ;;
		*) nsip "$name" addr add "$address" dev "$dev" ;;
		esac
	done
}

# Segments and checksums as on a wire: no GSO, no GRO, complete checksums
veth_offload_off() {
	ns "$1" ethtool -K "$2" tx off rx off gso off gro off tso off >/dev/null
}

# slow_timers NS...: TCP's timers are from now on those of a far slower network, so that a machine
# that stalls retransmits nothing
slow_timers() {
	local name family routes route

	for name in "$@"; do
		ns_sysctl "$name" net.ipv4.tcp_early_retrans=0
		for family in -4 -6; do
			mapfile -t routes < <(nsip "$name" $family route show)
			for route in "${routes[@]}"; do
				# shellcheck disable=SC2086 # words of a command
				nsip "$name" $family route change $route rto_min 20s
			done
		done
	done
}

# neighbours_stay NS DEV: known neighbours are never looked for again
neighbours_stay() {
	nsip "$1" -4 neigh show dev "$2" | while read -r address word mac _; do
		[[ $word != lladdr ]] || nsip "$1" neigh replace "$address" lladdr "$mac" dev "$2" nud permanent
	done
}

# netem NS DEV ARGUMENT...: loss, delay and the like of packets that leave there; "none" ends it.
# ARP is exempt, since it has no checksum that could find damage.
netem() {
	local name=$1 dev=$2

	shift 2
	if [[ $* == none ]]; then
		ns "$name" tc qdisc del dev "$dev" root
	else
		[[ $* != *corrupt* ]] || neighbours_stay "$name" "$dev"
		ns "$name" tc qdisc replace dev "$dev" root netem "$@"
	fi
}

# check_impaired NAME COMMAND NETEM-ARGUMENT... -- [ARGUMENT of the command]...: a case with netem
# between load balancer and backend, in both directions
check_impaired() {
	local name=$1 command=$2 args=()

	shift 2
	while [[ $1 != -- ]]; do
		args+=("$1")
		shift
	done
	shift
	netem lb back "${args[@]}"
	netem backend eth0 "${args[@]}"
	check "$name" "$command" "$@"
	netem lb back none
	netem backend eth0 none
}

port_open() {
	[[ -n $(ns "$1" ss -Hltn "sport = :$2") ]]
}

# wait_port NS PORT [SECONDS]: until a program listens there
wait_port() {
	wait_until "${3:-20}" port_open "$1" "$2"
}

# ---- topology and NAT

# topo_family 4|6: the addresses of the topology, in one family. VIP is the address that clients
# connect to, LB the one that the backend sees with masquerade; the _URL ones have brackets if
# needed.
topo_family() {
	case $1 in
	4) CLIENT=10.0.1.2 VIP=10.0.1.1 LB=10.0.2.1 BACKEND=10.0.2.2 ;;
	6) CLIENT=fd00:1::2 VIP=fd00:1::1 LB=fd00:2::1 BACKEND=fd00:2::2 ;;
	*) fail "family $1?" ;;
	esac
	FAMILY=$1 VIP_URL=$VIP BACKEND_URL=$BACKEND
	if [[ $1 == 6 ]]; then
		VIP_URL="[$VIP]" BACKEND_URL="[$BACKEND]"
	fi
	export FAMILY CLIENT VIP LB BACKEND VIP_URL BACKEND_URL
}

# topo_lb [4|6]: builds the topology above, always with both families, and
# sets the addresses of one of them (4)
topo_lb() {
	ns_make client lb backend
	veth_make client eth0 lb front
	veth_make lb back backend eth0
	addr_add client eth0 10.0.1.2/24 fd00:1::2/64
	addr_add lb front 10.0.1.1/24 fd00:1::1/64
	addr_add lb back 10.0.2.1/24 fd00:2::1/64
	addr_add backend eth0 10.0.2.2/24 fd00:2::2/64
	ns_sysctl lb net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	nsip client route add default via 10.0.1.1
	nsip client -6 route add default via fd00:1::1
	nsip backend route add default via 10.0.2.1
	nsip backend -6 route add default via fd00:2::1
	topo_family "${1:-4}"
}

# nat_dnat [VIP-PORT [BACKEND-PORT]]: the load balancer sends connections to
# VIP:80 on to BACKEND:8080, in both families; the backend sees the client
nat_dnat() {
	local vport=${1:-80} bport=${2:-8080}

	ns lb nft -f - <<-END
		table inet pp_nat {
			chain prerouting {
				type nat hook prerouting priority -100; policy accept;
				ip daddr 10.0.1.1 tcp dport $vport dnat ip to 10.0.2.2:$bport
				ip6 daddr fd00:1::1 tcp dport $vport dnat ip6 to [fd00:2::2]:$bport
			}
			chain postrouting {
				type nat hook postrouting priority 100; policy accept;
			}
		}
	END
}

# nat_dnat_masq [VIP-PORT [BACKEND-PORT]]: the same, and the backend sees the
# load balancer
nat_dnat_masq() {
	local bport=${2:-8080}

	nat_dnat "$@"
	ns lb nft -f - <<-END
		add rule inet pp_nat postrouting ip daddr 10.0.2.2 tcp dport $bport ct status dnat masquerade
		add rule inet pp_nat postrouting ip6 daddr fd00:2::2 tcp dport $bport ct status dnat masquerade
	END
}

# nat_masq [BACKEND-PORT]: connections to the backend get the load balancer's address, from wherever
# they come
nat_masq() {
	ns lb nft -f - <<-END
		table inet pp_masq {
			chain postrouting {
				type nat hook postrouting priority 100; policy accept;
				oifname back tcp dport ${1:-8080} masquerade
			}
		}
	END
}

# Connections from the load balancer itself to VIP go to the backend, too
nat_output() {
	local vport=${1:-80} bport=${2:-8080}

	ns lb nft -f - <<-END
		table inet pp_nat {
			chain output {
				type nat hook output priority -100; policy accept;
				ip daddr 10.0.1.1 tcp dport $vport dnat ip to 10.0.2.2:$bport
				ip6 daddr fd00:1::1 tcp dport $vport dnat ip6 to [fd00:2::2]:$bport
			}
		}
	END
}

nat_flush() {
	ns lb nft delete table inet pp_nat
}

# redirect NAME PORT TO: connections to this port are for the application at another one
redirect() {
	ns "$1" nft -f - <<-END
		table inet pp_redirect {
			chain prerouting {
				type nat hook prerouting priority -100; policy accept;
				tcp dport $2 redirect to :$3
			}
		}
	END
}

redirect_end() {
	ns "$1" nft delete table inet pp_redirect
}

# ppctl in the load balancer's namespace
lb_ppctl() {
	"$PPCTL" -n "pp-$PP_ID-lb" "$@"
}
