#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two load balancers with keepalived (VRRP) and conntrackd. The master dies while connections begin
# and while they go on. Addresses in parentheses belong to the master:
#
#	                 10.0.1.11 lb  10.0.2.11
#	client ---- sw ----   |sync    ---- sw ---- backend
#	10.0.1.2         10.0.1.12 lb2 10.0.2.12       10.0.2.2
#	           (10.0.1.1)         (10.0.2.1)
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft jq tc keepalived conntrack conntrackd
module_require

# Seconds until a connection has ended that was in its handshake when the master died
bound=${PP_FAILOVER_BOUND:-15}

# ---- topology

cables() {
	ns_make client sw lb lb2 backend
	nsip sw link add br-front type bridge
	nsip sw link add br-back type bridge
	ns_sysctl sw net.ipv6.conf.all.disable_ipv6=1
	cable client eth0 front
	cable lb front front
	cable lb2 front front
	cable backend eth0 back
	cable lb back back
	cable lb2 back back
	veth_make lb sync lb2 sync
	nsip sw link set br-front up
	nsip sw link set br-back up
	addr_add client eth0 10.0.1.2/24 fd00:1::2/64
	addr_add backend eth0 10.0.2.2/24 fd00:2::2/64
	nsip client route add default via 10.0.1.1
	nsip client -6 route add default via fd00:1::1
	nsip backend route add default via 10.0.2.1
	nsip backend -6 route add default via fd00:2::1
	balancer lb 1
	balancer lb2 2
}

# cable NS DEV BRIDGE: to a port of the switch
cable() {
	veth_make "$1" "$2" sw "$1-$3"
	nsip sw link set "$1-$3" master "br-$3"
}

# balancer NS NUMBER: its addresses, NAT and daemons. Nobody connects to the host itself: it must
# not reset what its conntrack does not know.
balancer() {
	ns_sysctl "$1" net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv6.conf.all.keep_addr_on_down=1 net.ipv6.conf.default.keep_addr_on_down=1 \
		net.ipv6.conf.front.keep_addr_on_down=1 net.ipv6.conf.back.keep_addr_on_down=1 \
		net.netfilter.nf_conntrack_events=1
	addr_add "$1" front "10.0.1.1$2/24" "fd00:1::1$2/64"
	addr_add "$1" back "10.0.2.1$2/24" "fd00:2::1$2/64"
	addr_add "$1" sync "10.0.9.$2/24"
	ns "$1" nft -f - <<-END
		table inet pp_nat {
			chain prerouting {
				type nat hook prerouting priority -100;
				ip daddr 10.0.1.1 tcp dport 80 dnat ip to 10.0.2.2:8080
				ip6 daddr fd00:1::1 tcp dport 80 dnat ip6 to [fd00:2::2]:8080
			}
			chain input {
				type filter hook input priority 0;
				iifname { front, back } meta l4proto tcp drop
			}
			chain postrouting {
				type nat hook postrouting priority 100;
				ip daddr 10.0.2.2 tcp dport 8080 snat ip to 10.0.2.1
				ip6 daddr fd00:2::2 tcp dport 8080 snat ip6 to fd00:2::1
			}
		}
	END
	keepalived_conf "$1" "$((200 - 50 * $2))" >"$PP_TMP/$1.keepalived"
	conntrackd_conf "$1" "$2" "$((3 - $2))" >"$PP_TMP/$1.conntrackd"
}

keepalived_conf() {
	cat <<-END
		global_defs {
			router_id $1
			vrrp_version 3
			vrrp_garp_master_delay 1
		}
		vrrp_instance pp {
			state BACKUP
			interface front
			virtual_router_id 51
			priority $2
			advert_int 0.2
			track_interface { back }
			virtual_ipaddress {
				10.0.1.1/24 dev front
				10.0.2.1/24 dev back
			}
			virtual_ipaddress_excluded {
				fd00:1::1/64 dev front
				fd00:2::1/64 dev back
			}
		}
	END
}

conntrackd_conf() {
	cat <<-END
		Sync {
			Mode NOTRACK {
				DisableInternalCache on
				DisableExternalCache on
			}
			UDP {
				IPv4_address 10.0.9.$2
				IPv4_Destination_Address 10.0.9.$3
				Port 3780
				Interface sync
				Checksum on
			}
		}
		General {
			HashSize 1024
			HashLimit 8192
			Syslog off
			LogFile off
			LockFile $PP_TMP/$1.lock
			UNIX {
				Path $PP_TMP/$1.sock
			}
			NetlinkBufferSize 2097152
			NetlinkBufferSizeMaxGrowth 8388608
			Filter From Kernelspace {
				Protocol Accept {
					TCP
				}
			}
		}
	END
}

daemons() {
	local name

	for name in lb lb2; do
		start_bg "conntrackd-$name" $name conntrackd -C "$PP_TMP/$name.conntrackd"
		wait_until 10 test -e "$PP_TMP/$name.sock" || fail "$(bg_output "conntrackd-$name")"
		start_bg "keepalived-$name" $name keepalived -n -l -D -P -f "$PP_TMP/$name.keepalived" \
			-p "$PP_TMP/$name.pid" -r "$PP_TMP/$name.vrrp.pid"
	done
	wait_until 20 is_master lb || fail "$(bg_output keepalived-lb)"
}

is_master() {
	[[ -n $(nsip "$1" -o addr show dev back to 10.0.2.1/32) &&
		-n $(nsip "$1" -o addr show dev back to fd00:2::1/128) ]]
}

# What others see when a machine loses its power. The link between the two carries nothing more, but
# stays up.
master_dies() {
	local dev

	for dev in front back; do
		nsip lb link set $dev down
	done
	wait_until 10 is_master lb2
}

# The master is back, and no connection is left. ARP ignores a changed address within a second of
# the last change; keepalived repeats its announcements.
master_returns() {
	local dev name

	stop_bg client
	stop_bg server
	ns backend nft delete table netdev pp_lose 2>/dev/null || true
	ns lb nft delete table netdev pp_lose 2>/dev/null || true
	for dev in front back; do
		nsip lb link set $dev up
	done
	wait_until 20 is_master lb
	for name in lb lb2; do
		ns $name conntrack -F >/dev/null 2>&1
	done
	sleep 3
}

# ---- cases

rules() {
	local name

	for name in lb lb2; do
		ns $name "$PPCTL" flush-rules
		ns $name "$PPCTL" add-rule send to "$BACKEND" port 8080 version "$version" >/dev/null
	done
}

# begin COUNT [OPTION]...: connections; the options are for both sides
begin() {
	rules
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n "$1" --header "v$version" \
		"${names_client[@]}" --timeout 100 "${@:2}"
	wait_listening server
	start_bg client client "$PEER" client -c "$VIP" -p 80 -n "$1" -j "$1" --timeout 100 "${@:2}"
}

all_acked() {
	[[ $(rule_stat acked) == "$1" ]]
}

# have_state COUNT STATE: that many handshakes of the only rule
have_state() {
	local id

	id=$(rule_stat id)
	lb_ppctl -j list-connections |
		jq -e "map(select(.rule == $id and .state == \"$2\")) | length == $1"
}

# copied COUNT: conntrackd has copied that many entries of clients to the other one
copied() {
	[[ $(ns lb2 conntrack -L -p tcp -f "ipv$FAMILY" 2>/dev/null | grep -c ' dport=80 ') == "$1" ]]
}

offloaded() {
	ns lb grep -q '\[OFFLOAD\]' /proc/net/nf_conntrack
}

flowtables() {
	local name

	for name in lb lb2; do
		ns $name nft -f - <<-END
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
	done
}

# Connections whose header is acknowledged, in the middle of their data
established() {
	netem client eth0 rate 8mbit
	netem backend eth0 rate 8mbit
	begin 5 --order both --size 500k
	wait_until 20 all_acked 5
	sleep 0.5
	[[ -z ${1:-} ]] || wait_until 5 "$1"
	wait_until 5 copied 5 || fail "$(ns lb2 conntrack -L 2>&1)"
	master_dies
	wait_bg client 100
	wait_bg server
	netem client eth0 none
	netem backend eth0 none
}

# in_handshake WHERE KIND STATE [OPTION]...: the master dies when connections are in this state,
# since all packets of this kind are lost there. In time each connection is exact, or has been reset.
# The options are for both sides.
in_handshake() {
	local began took

	lose "$1" 30 "$2"
	begin 5 "${@:4}"
	wait_until 20 have_state 5 "$3" || fail "$(lb_ppctl list-connections; nsip client neigh;
		nsip backend neigh; nsip lb -br addr; nsip lb2 -br addr)"
	wait_until 5 copied 5 || fail "$(ns lb2 conntrack -L 2>&1)"
	master_dies
	ns "${1%:*}" nft delete table netdev pp_lose
	began=$(date +%s)
	wait_until "$bound" not bg_runs client || {
		ns lb2 "$PPCTL" list-connections
		ns lb2 "$PPCTL" show-stats | grep -v ' 0 '
		ns lb2 conntrack -L -p tcp
		nsip client neigh
		fail "not over after $bound s: $(bg_output client)"
	}
	took=$(($(date +%s) - began))
	echo "took $took s"
	! grep -qE "$pp_wrong" "$PP_TMP/bg/client.out" "$PP_TMP/bg/server.out" ||
		fail "$(cat "$PP_TMP"/bg/{client,server}.out)"
	bg_output client | sed -n 's/.*"end":"\([a-z]*\)".*/\1/p' | sort | uniq -c
}

cases() {
	local what

	for version in 2 1; do
		what="peers: failover, IPv$FAMILY, v$version${1:-}"
		check "$what, connections that have had their header -> exact" established "${2:-}"
		master_returns
		check "$what, SYN-ACKs on the way -> over within $bound s" \
			in_handshake $at_lb synack syn-sent
		master_returns
		check "$what, last ACKs on the way -> over within $bound s" \
			in_handshake $at_lb_front no-syn syn-recv
		master_returns
		check "$what, last ACKs on the way, server speaks first -> over within $bound s" \
			in_handshake $at_lb_front no-syn syn-recv --order server --size 20k
		master_returns
		check "$what, headers on the way -> over within $bound s" \
			in_handshake $at_backend no-syn header-sent
		master_returns
	done
}

cables
topo_family 4
daemons
for family in 4 6; do
	topo_family $family
	cases
done
flowtables
for family in 4 6; do
	topo_family $family
	cases ', flowtables' offloaded
done
