#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Connections that the load balancer's host opens itself: directly, through OUTPUT NAT, over
# loopback, and as a transparent proxy for a client. The rule's origin decides what their header
# says. Marks choose rules.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft jq tc
module_require
topo_lb 4

CLIENT_NS=lb

# tagged VERSION ORIGIN HEADER [OPTION of the client]...: HEADER is what the server expects; if it
# has addresses, they are those of the client's socket
tagged() {
	local version=$1 origin=$2 header=$3 names=()

	shift 3
	[[ $header == local ]] || names=("${names_client[@]}")
	rule to "$BACKEND" port 8080 version "$version" origin "$origin"
	transfer "${COUNT:-3}" --header "$header" "${names[@]}" -- "$@"
	is "$(rule_stat tagged)" "${COUNT:-3}"
	is "$(rule_stat acked)" "${COUNT:-3}"
	is "$(lb_ppctl -j list-connections)" '[]'
}

# both_origins NAME [OPTION of the client]...
both_origins() {
	local name="send: IPv$FAMILY, own connection, $1" locals

	shift
	locals=$(stat_of local)
	check "$name, v2, origin local -> LOCAL header" tagged 2 local local "$@"
	check "$name, v2, origin local -> counted" is "$(stat_of local)" $((locals + 3))
	BOTH='--order server' check "$name, v2, origin proxy -> its own addresses" \
		tagged 2 proxy v2 "$@"
	check "$name, v1, origin local -> its own addresses" tagged 1 local v1 "$@"
	BOTH='--order both' check "$name, v1, origin proxy -> its own addresses" \
		tagged 1 proxy v1 "$@"
	check "$name, addresses in the header -> not counted as LOCAL" \
		is "$(stat_of local)" $((locals + 3))
}

# Backends on the load balancer itself
loopback() {
	local BACKEND=$1 TARGET=$1 PORT=8080 SERVER_NS=lb

	check "send: IPv$FAMILY, $BACKEND on the same host, v2, origin local -> LOCAL header" \
		tagged 2 local local
	BOTH='--order server' \
		check "send: IPv$FAMILY, $BACKEND on the same host, v1, origin local -> its own addresses" \
		tagged 1 local v1
	BOTH='--order both --size 1M' \
		check "send: IPv$FAMILY, $BACKEND on the same host, 1 MB both ways -> exact" tagged 2 proxy v2
	BOTH='--no-data' \
		check "send: IPv$FAMILY, $BACKEND on the same host, FIN right behind the handshake -> exact" \
		tagged 2 local local
	netem lb lo loss 15%
	COUNT=10 BOTH='--order both --size 20k' \
		check "send: IPv$FAMILY, $BACKEND on the same host, 15 % loss, both -> 10 of 10 exact" \
		tagged 1 proxy v1 -j 10
	netem lb lo none
}

# A connection to VIP:80 that ends on this host
redirected() {
	ns lb nft -f - <<-END
		table inet pp_nat {
			chain output {
				type nat hook output priority -100; policy accept;
				tcp dport 80 redirect to :8080
			}
		}
	END
	tagged 2 proxy v2
	tagged 2 local local
}

# The proxy's sockets have the client's address; packets to them get a mark that routes them to this
# host
transparent_routing() {
	ns lb nft -f - <<-END
		table inet pp_divert {
			chain prerouting {
				type filter hook prerouting priority -150; policy accept;
				meta l4proto tcp socket transparent 1 meta mark set 0x77
			}
		}
	END
	nsip lb -"$FAMILY" rule add fwmark 0x77 lookup 100
	nsip lb -"$FAMILY" route add local default dev lo table 100
}

transparent_end() {
	ns lb nft delete table inet pp_divert
	nsip lb -"$FAMILY" rule del fwmark 0x77 lookup 100
	nsip lb -"$FAMILY" route flush table 100
}

transparent() {
	tagged "$1" "$2" "v$1" --transparent -b "$FOREIGN"
}

# Only the client's mark decides whether there is a header
untagged() {
	transfer 2 --header none -- "$@"
	is "$(rule_stat tagged)" 0
}

# marked RULE-MARK SOCKET-MARK
marked() {
	rule to "$BACKEND" port 8080 mark "$1" origin proxy
	untagged
	untagged --mark 0x100
	transfer 2 --header v2 "${names_client[@]}" -- --mark "$2"
	is "$(rule_stat tagged)" 2
}

# A rule without a mark, and a more specific rule with one
better_rule() {
	rule to "$BACKEND" port 8080 version 1
	lb_ppctl add-rule send to "$BACKEND" port 8080 mark 0x1 version 2 origin proxy >/dev/null
	transfer 2 --header v1 "${names_client[@]}" --
	transfer 2 --header v2 "${names_client[@]}" -- --mark 1
}

# ct_mark HOOK: connections of a port get a mark in conntrack
ct_mark() {
	ns lb nft -f - <<-END
		table inet pp_mark {
			chain set_mark {
				type filter hook $1 priority -150; policy accept;
				tcp dport 81 ct mark set 0x1
			}
		}
	END
}

# Two ports lead to the backend: 80 without a mark, 81 with one
ct_marked() {
	ct_mark "$1"
	rule to "$BACKEND" port 8080 mark 0x1 origin proxy
	PORT=80 untagged
	PORT=81 transfer 3 --header v2 "${names_client[@]}" --
	is "$(rule_stat tagged)" 3
	rule to "$BACKEND" port 8080 mark 0x2/0x3
	PORT=81 untagged
}

two_ports() {
	nat_dnat_masq 80
	nat_output 80
	ns lb nft -f - <<-END
		add rule inet pp_nat prerouting ip daddr 10.0.1.1 tcp dport 81 dnat ip to 10.0.2.2:8080
		add rule inet pp_nat prerouting ip6 daddr fd00:1::1 tcp dport 81 dnat ip6 to [fd00:2::2]:8080
		add rule inet pp_nat output ip daddr 10.0.1.1 tcp dport 81 dnat ip to 10.0.2.2:8080
		add rule inet pp_nat output ip6 daddr fd00:1::1 tcp dport 81 dnat ip6 to [fd00:2::2]:8080
	END
}

for family in 4 6; do
	topo_family $family
	own=$LB FOREIGN=10.0.1.77 lo=127.0.0.1
	[[ $family == 4 ]] || FOREIGN=fd00:1::77 lo=::1

	TARGET=$BACKEND PORT=8080
	both_origins 'straight'
	check "send: IPv$FAMILY, own connection, socket marked -> header by the rule's mark" \
		marked 0x1 1
	check "send: IPv$FAMILY, own connection, rule's mark has a mask -> header where it matches" \
		marked 0x20/0xf0 0x2f
	check "send: IPv$FAMILY, own connection, rules with and without mark -> each its header" better_rule
	transparent_routing
	check "send: IPv$FAMILY, transparent proxy, v1, origin proxy -> the foreign address" \
		transparent 1 proxy
	check "send: IPv$FAMILY, transparent proxy, v2, origin local -> the foreign address" \
		transparent 2 local
	transparent_end
	unset TARGET PORT

	nat_output
	both_origins 'OUTPUT DNAT'
	nat_flush
	nat_dnat_masq
	nat_output
	check "send: IPv$FAMILY, own connection, OUTPUT DNAT and masquerade, v2 -> addresses before NAT" \
		tagged 2 proxy v2
	nat_flush
	SERVER_NS=lb BACKEND=$lo check \
		"send: IPv$FAMILY, own connection, OUTPUT redirect -> as the rule's origin says" redirected
	nat_flush

	two_ports
	check "send: IPv$FAMILY, own connection, ct mark set in OUTPUT -> header by the rule's mark" \
		ct_marked output
	ns lb nft delete table inet pp_mark
	CLIENT_NS=client check \
		"send: IPv$FAMILY, forwarded, ct mark set in PREROUTING -> header by the rule's mark" \
		ct_marked prerouting
	ns lb nft delete table inet pp_mark
	nat_flush

	loopback $lo
	loopback "$own"
done
