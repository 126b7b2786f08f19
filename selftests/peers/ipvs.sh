#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Load balancers of the kernel other than nft: IPVS NAT, with conntrack and masquerade, and without
# both; DNAT and MASQUERADE of iptables-nft and of iptables-legacy. The header names the client, and
# the VIP if conntrack knows it.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft jq ipvsadm iptables-nft iptables-legacy ip6tables-nft ip6tables-legacy
module_require

# Options of a server that expects the client in the header, and as the destination the address on
# the packet behind IPVS
names_backend() {
	names=(--src-addr client --src-port client --dst-addr "$BACKEND" --dst-port 8080)
}

untagged() {
	lb_ppctl flush-rules
	transfer 2 --header none "$@" --
	is "$(lb_ppctl -j list-connections)" '[]'
}

# tagged VERSION COUNT [OPTION of the server]...: COUNT connections, 20 at a time
tagged() {
	local version=$1 count=$2

	shift 2
	rule to "$BACKEND" port 8080 version "$version"
	transfer "$count" --header "v$version" "$@" -- -j 20
	is "$(lb_ppctl -j list-rules | jq -c 'map([.tagged, .acked])')" "[[$count,$count]]"
	is "$(lb_ppctl -j list-connections)" '[]'
}

# ipvs_start CONNTRACK
ipvs_start() {
	ns_sysctl lb "net.ipv4.vs.conntrack=$1"
	ns lb ipvsadm -A -t "$VIP_URL:80" -s rr
	ns lb ipvsadm -a -t "$VIP_URL:80" -r "$BACKEND_URL:8080" -m
}

ipvs_stop() {
	ns lb ipvsadm -C
}

# Connections that IPVS has made to the backend
# IPVS adds its counters up every two seconds
ipvs_used() {
	wait_until 10 ipvs_counted
}

ipvs_counted() {
	(($(ns lb ipvsadm -Ln --stats --exact | awk '$1 == "->" && $3 ~ /^[0-9]+$/ { print $3 }') > 0))
}

masquerade_stop() {
	ns lb nft delete table inet pp_masq
}

# iptables_start KIND: of the family of $VIP
iptables_start() {
	iptables=iptables-$1
	[[ $FAMILY == 4 ]] || iptables=ip6tables-$1
	ns lb "$iptables" -w 10 -t nat -A PREROUTING -d "$VIP" -p tcp --dport 80 \
		-j DNAT --to-destination "$BACKEND_URL:8080"
	ns lb "$iptables" -w 10 -t nat -A POSTROUTING -d "$BACKEND" -p tcp --dport 8080 \
		-m conntrack --ctstate DNAT -j MASQUERADE
}

iptables_stop() {
	ns lb "$iptables" -w 10 -t nat -F
}

# The address that the server's own socket sees
seen_lb() {
	peer=(--peer-addr "$LB")
}

seen_client() {
	peer=(--peer-addr client --peer-port client)
}

ipvs_conntrack() {
	local what="IPVS, IPv$FAMILY, conntrack, masquerade"

	seen_lb
	nat_masq
	ipvs_start 1
	check "peers: $what, no rule -> no header" untagged "${peer[@]}"
	for version in 2 1; do
		check "peers: $what, v$version -> client and VIP" tagged $version 5 \
			"${names_client[@]}" "${peer[@]}"
	done
	BOTH='--order server' check "peers: $what, server first -> exact" tagged 2 5 \
		"${names_client[@]}" "${peer[@]}"
	BOTH='--size 1M' check "peers: $what, 1 MB both ways -> exact" tagged 2 1 \
		"${names_client[@]}" "${peer[@]}"
	check "peers: $what, 100 connections -> exact" tagged 2 100 "${names_client[@]}" "${peer[@]}"
	check "peers: $what -> IPVS carried them" ipvs_used
	ipvs_stop
	masquerade_stop
}

# The backend's default route is the load balancer
ipvs_alone() {
	local what="IPVS, IPv$FAMILY, no conntrack"

	seen_client
	names_backend
	ipvs_start 0
	check "peers: $what, no rule -> no header" untagged "${peer[@]}"
	for version in 2 1; do
		check "peers: $what, v$version -> client and backend" tagged $version 5 \
			"${names[@]}" "${peer[@]}"
	done
	BOTH='--order server' check "peers: $what, server first -> exact" tagged 2 5 \
		"${names[@]}" "${peer[@]}"
	BOTH='--size 1M' check "peers: $what, 1 MB both ways -> exact" tagged 2 1 \
		"${names[@]}" "${peer[@]}"
	check "peers: $what, 100 connections -> exact" tagged 2 100 "${names[@]}" "${peer[@]}"
	check "peers: $what -> IPVS carried them" ipvs_used
	ipvs_stop
}

iptables_nat() {
	local what="iptables-$1, IPv$FAMILY"

	seen_lb
	iptables_start "$1"
	check "peers: $what, no rule -> no header" untagged "${peer[@]}"
	for version in 2 1; do
		check "peers: $what, v$version -> client and VIP" tagged $version 5 \
			"${names_client[@]}" "${peer[@]}"
	done
	BOTH='--order server --size 1M' check "peers: $what, server first, 1 MB both ways -> exact" \
		tagged 2 1 "${names_client[@]}" "${peer[@]}"
	iptables_stop
}

have_ipvs() {
	modprobe -qa ip_vs ip_vs_rr || true
	ns lb test -w /proc/sys/net/ipv4/vs/conntrack
}

have_iptables() {
	ns lb "iptables-$1" -w 10 -t nat -L -n && ns lb "ip6tables-$1" -w 10 -t nat -L -n
} >/dev/null 2>&1

topo_lb 4
for family in 4 6; do
	topo_family $family
	if have_ipvs; then
		ipvs_conntrack
		ipvs_alone
	else
		skip "peers: IPVS, IPv$FAMILY -> client" "no IPVS in this kernel"
	fi
	for kind in nft legacy; do
		if have_iptables $kind; then
			iptables_nat $kind
		else
			skip "peers: iptables-$kind, IPv$FAMILY -> client" "not in this kernel"
		fi
	done
done
