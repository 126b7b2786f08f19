#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ICMP errors on the way to the backend: a client behind a rule learns of a closed port, an
# unreachable host, a reject rule and a smaller MTU as it does without a rule. A router stands
# behind the load balancer, and the backend behind the router:
#
#   client ---- lb (back) 10.0.2.1 ---- 10.0.2.2 (eth0) backend (far) 10.0.3.1 ---- 10.0.3.2 (eth0) server
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft jq
module_require
topo_lb 4
ns_make server
veth_make backend far server eth0
addr_add backend far 10.0.3.1/24 fd00:3::1/64
addr_add server eth0 10.0.3.2/24 fd00:3::2/64
nsip server route add default via 10.0.3.1
nsip server -6 route add default via fd00:3::1
nsip lb route add 10.0.3.0/24 via 10.0.2.2
nsip lb -6 route add fd00:3::/64 via fd00:2::2
ns_sysctl backend net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
# No rate limit may drop an error
for name in lb backend server; do
	ns_sysctl "$name" net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
	# Linux 5.10 has one limit for the whole machine, which is high enough
	! ns "$name" test -e /proc/sys/net/ipv4/icmp_msgs_per_sec ||
		ns_sysctl "$name" net.ipv4.icmp_msgs_per_sec=100000
done
SERVER_NS=server
ns lb nft -f - <<-END
	table inet pp_nat {
		chain prerouting {
			type nat hook prerouting priority -100;
			ip daddr 10.0.1.1 tcp dport 80 dnat ip to 10.0.3.2:8080
			ip6 daddr fd00:1::1 tcp dport 80 dnat ip6 to [fd00:3::2]:8080
			ip daddr 10.0.1.1 tcp dport 81 dnat ip to 10.0.3.99:8080
			ip6 daddr fd00:1::1 tcp dport 81 dnat ip6 to [fd00:3::99]:8080
			ip daddr 10.0.1.1 tcp dport 82 dnat ip to 10.0.2.99:8080
			ip6 daddr fd00:1::1 tcp dport 82 dnat ip6 to [fd00:2::99]:8080
		}
		chain postrouting {
			type nat hook postrouting priority 100;
			oifname back masquerade
		}
	}
END

# connect FROM ADDRESS PORT: prints the result of connect(), within 20 s
connect() {
	ns "$1" timeout 20 bash -c "exec 3<>/dev/tcp/$2/$3" 2>&1 | sed -n 's/.*: \(.*\)$/\1/p' | tail -n 1
}

# fails_alike FROM ADDRESS PORT ERROR: without a rule and with one
fails_alike() {
	lb_ppctl flush-rules
	is "$(connect "$1" "$2" "$3")" "$4" 'without a rule'
	rule to any port 8080
	is "$(connect "$1" "$2" "$3")" "$4" 'with a rule'
	is "$(rule_stat tagged)" 1
	is "$(rule_stat acked)" 0
}

# The same, with an ICMP error
fails_by_icmp() {
	local before

	before=$(stat_of icmp)
	fails_alike "$@"
	(($(stat_of icmp) > before)) || fail "no ICMP error was mended"
}

reject_with() {
	ns backend nft -f - <<-END
		table inet pp_reject {
			chain forward {
				type filter hook forward priority 0;
				tcp dport 8080 counter reject with $1
			}
		}
	END
}

# The SYN is lost behind this host, which rejects the retransmitted SYN before it is moved: the
# error quotes what the client has sent
rejects_repeated_syn() {
	local before

	rule to any port 8080
	before=$(stat_of icmp)
	ns backend nft add table inet pp_lost '{ chain forward { type filter hook forward priority 0;
		tcp dport 8080 drop; }; }'
	start_bg connect client timeout 20 bash -c "exec 3<>/dev/tcp/$BACKEND/8080"
	wait_until 5 syn_has_left
	ns lb nft add table inet pp_own '{ chain forward { type filter hook forward priority 0;
		tcp dport 8080 reject with icmpx type host-unreachable; }; }'
	wait_bg connect 30 || true
	bg_output connect | grep -q 'No route to host' || fail "$(bg_output connect)"
	is "$(stat_of icmp)" "$before" 'errors that were mended'
}

syn_has_left() {
	lb_ppctl -j list-connections | jq -e 'any(.state == "syn-sent")'
}

# The client has given up a connection that the backend has answered, and opens another one from the
# same port: the error is about its SYN
rejects_another_syn() {
	rule to any port 8080
	ns client nft add table inet pp_deaf '{ chain input { type filter hook input priority 0;
		tcp sport 8080 drop; }; }'
	start_bg server server "$PEER" server -l "$BACKEND" -p 8080
	wait_listening server
	start_bg first client "$PEER" client -c "$BACKEND" -p 8080 --bind-port 30000
	wait_until 5 syn_is_answered
	stop_bg first KILL
	stop_bg server KILL
	ns client nft delete table inet pp_deaf
	reject_with 'icmpx type host-unreachable'
	! ns client timeout 20 "$PEER" client -c "$BACKEND" -p 8080 --bind-port 30000 \
		>"$PP_TMP/second" || fail 'it is connected'
	grep -q 'No route to host' "$PP_TMP/second" || fail "$(<"$PP_TMP/second")"
}

syn_is_answered() {
	lb_ppctl -j list-connections | jq -e 'any(.state == "syn-recv")'
}

small_mtu() {
	local version=$1

	rule to any port 8080 version "$version"
	transfer 3 --header "v$version" "${names_client[@]}" --
	is "$(rule_stat acked)" 3
}

for family in 4 6; do
	topo_family $family
	BACKEND=10.0.3.2
	[[ $family == 4 ]] || BACKEND=fd00:3::2

	check "send: IPv$family, closed port -> refused at once" \
		fails_alike client "$VIP" 80 'Connection refused'
	check "send: IPv$family, from the load balancer, closed port -> refused at once" \
		fails_alike lb "$BACKEND" 8080 'Connection refused'
	check "send: IPv$family, no such host behind a router -> no route to it" \
		fails_by_icmp client "$VIP" 81 'No route to host'
	check "send: IPv$family, no such host beside the load balancer -> no route to it" \
		fails_by_icmp client "$VIP" 82 'No route to host'

	reject_with 'icmpx type host-unreachable'
	check "send: IPv$family, a router rejects with host unreachable -> no route to it" \
		fails_by_icmp client "$VIP" 80 'No route to host'
	check "send: IPv$family, from the load balancer, a router rejects -> no route to it" \
		fails_by_icmp lb "$BACKEND" 8080 'No route to host'
	ns backend nft delete table inet pp_reject
	reject_with 'tcp reset'
	check "send: IPv$family, a router rejects with a reset -> refused at once" \
		fails_alike client "$VIP" 80 'Connection refused'
	ns backend nft delete table inet pp_reject

	nsip backend link set far mtu 1300
	nsip server link set eth0 mtu 1300
	BOTH='--order both --size 300k' \
		check "send: IPv$family, MTU 1300 behind a router, 300 kB both ways, v2 -> exact" small_mtu 2
	BOTH='--size 300k' \
		check "send: IPv$family, MTU 1300 behind a router, 300 kB, client first, v1 -> exact" small_mtu 1
	nsip backend link set far mtu 1500
	nsip server link set eth0 mtu 1500
	for name in client lb; do
		nsip "$name" route flush cache
		nsip "$name" -6 route flush cache
	done
done

# Only without source NAT do errors from both sides of it quote the same addresses
ns lb nft delete table inet pp_nat
for family in 4 6; do
	topo_family $family
	BACKEND=10.0.3.2
	[[ $family == 4 ]] || BACKEND=fd00:3::2
	check "send: IPv$family, this host rejects a repeated SYN -> quoted as it came" \
		rejects_repeated_syn
	ns backend nft delete table inet pp_lost || true
	ns lb nft delete table inet pp_own || true
	check "send: IPv$family, a router rejects another SYN from the same port -> no route to it" \
		rejects_another_syn
	ns backend nft delete table inet pp_reject || true
done
