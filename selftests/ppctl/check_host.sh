#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl check, on hosts with one fault each, of what is beside the module: firewall rules that look
# at sources, routes to mapped clients, listeners of one family, eBPF programs, flowtables, and the
# file of rules. It finds the fault, and nothing on a host without it.
set -euo pipefail
# shellcheck source=selftests/lib/header.sh
. "${BASH_SOURCE[0]%/*}/../lib/header.sh"
# shellcheck source=selftests/lib/check.sh
. "${BASH_SOURCE[0]%/*}/../lib/check.sh"

need iptables-legacy jq nft python3 tc
module_require
topo_lb 4
accept_family 4
export VERSION=2

accepted() {
	next_port
	named "$port" --timeout 5
}

not_accepted() {
	if accepted >/dev/null 2>&1; then
		fail "accepted"
	fi
	stop_bg server KILL
}

# ---- firewall rules that look at sources

# Clients have another route than the load balancer
route_elsewhere() {
	nsip backend link add elsewhere type dummy
	nsip backend link set elsewhere up
	nsip backend route add "$BALANCER" via 10.0.2.1
	nsip backend route replace default dev elsewhere
}

route_as_ever() {
	nsip backend route replace default via 10.0.2.1
	nsip backend link del elsewhere
	nsip backend route del "$BALANCER"
}

# looks_at_sources PATTERN: the firewall of the backend has a rule that does
looks_at_sources() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	accepted
	finds backend 'ok filter' 'no firewall rule'
	route_elsewhere
	not_accepted
	finds backend 'warning filter' "$1.* drops clients of rule [0-9]*: they come by eth0 .*their route leads to elsewhere"
	route_as_ever
	finds backend 'ok filter' 'no firewall rule'
	accepted
}

by_fib() {
	ns backend nft 'table inet pp_source { chain prerouting {
		type filter hook prerouting priority raw; fib saddr . iif oif missing drop; }; }'
	looks_at_sources 'fib saddr . iif oif'
	ns backend nft delete table inet pp_source
}

by_rpfilter() {
	ns backend iptables-legacy -t raw -A PREROUTING -m rpfilter --invert -j DROP
	looks_at_sources 'rpfilter'
	ns backend iptables-legacy -t raw -F PREROUTING
}

# The route alone is no fault, and a rule that drops something else is none
no_such_rule() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	ns backend nft 'table inet pp_source { chain prerouting {
		type filter hook prerouting priority raw; fib daddr type broadcast drop; }; }'
	route_elsewhere
	finds backend 'ok filter' 'no firewall rule'
	accepted
	route_as_ever
	ns backend nft delete table inet pp_source
}

# ---- pools

# mapped FAMILY WORD...: a client of the other family is accepted as one of the pool
mapped() {
	accept_transfer 1 --peer-addr any --peer-port "$port" -- --timeout 5 --send-raw \
		"$(v2 21 "$1" "$2,$port,$3,443")"
}

no_pool_route() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER" map6 240.0.0.0/4
	finds backend 'ok pool' '240.0.0.0/4'
	nsip backend route add "$BALANCER" via 10.0.2.1
	nsip backend route del default
	finds backend 'warning pool' 'no route leads to 240.0.0.0/4 of rule'
	fixes backend pool
	nsip backend route show | grep -q '^240.0.0.0/4 via 10.0.2.1 dev eth0' ||
		fail "$(nsip backend route show)"
	next_port
	mapped 21 2001:db8::77 2001:db8::5
	nsip backend route del 240.0.0.0/4
	nsip backend route add default via 10.0.2.1
	nsip backend route del "$BALANCER"
}

no_pool_route_ipv6() {
	backend_ppctl flush-rules
	backend_ppctl add-rule accept to fd00:2::2 port 8080 from fd00:2::1 map4 fd64::/96
	finds backend 'ok pool' 'fd64::/96'
	nsip backend -6 route del default
	finds backend 'warning pool' 'no route leads to fd64::/96 of rule'
	fixes backend pool
	nsip backend -6 route show | grep -q '^fd64::/96 dev eth0' || fail "$(nsip backend -6 route show)"
	nsip backend -6 route del fd64::/96
	nsip backend -6 route add default via fd00:2::1
}

own_pool() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER" map6 10.9.0.0/16
	nothing_of backend pool
	nsip backend addr add 10.9.0.1/16 dev eth0
	finds backend 'warning pool' "10.9.0.0/16 of rule [0-9]* is this host's own"
	nsip backend addr del 10.9.0.1/16 dev eth0
	nothing_of backend pool
}

# ---- listeners

# listen FAMILY ADDRESS V6ONLY
listen() {
	start_bg listener backend python3 -u -c '
import socket, sys, time
sock = socket.socket(socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET)
if sys.argv[1] == "6":
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(sys.argv[3]))
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.bind((sys.argv[2], 8080))
sock.listen()
time.sleep(600)' "$@"
	wait_port backend 8080
}

one_family() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	finds backend 'note listener' 'nothing listens on port 8080 for the IPv4 connections of rule'
	listen 6 :: 1
	finds backend 'warning listener' 'port 8080 takes no IPv4 connections \(IPV6_V6ONLY'
	accept_rule to any port 8080 from "$BALANCER"
	finds backend 'warning listener' 'port 8080 takes no IPv4 connections'
	accept_rule to any port 8080 from any
	nothing_of backend listener
	stop_bg listener KILL
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	listen 6 :: 0
	finds backend 'ok listener' 'rule [0-9]* leads'
	accepted_by_both
	stop_bg listener KILL
	listen 4 10.0.2.2
	finds backend 'ok listener' 'rule [0-9]* leads'
	stop_bg listener KILL
	listen 4 0.0.0.0
	accept_rule to fd00:2::2 port 8080 from fd00:2::1
	finds backend 'warning listener' 'port 8080 takes no IPv6 connections,'
	stop_bg listener KILL
}

# What check says of an IPv6 listener of both families is true
accepted_by_both() {
	ns client bash -c "exec 3<>/dev/tcp/$BACKEND/8080
		printf '$(escaped "$(v2 21 11 "$REAL,4711,$ASKED,443")")' >&3"
	wait_until 10 client_is_there
}

client_is_there() {
	ns backend ss -Htna "sport = :8080" | grep -q "$REAL"
}

# A rule for another host, and one for all ports
no_own_listener() {
	accept_rule to 10.0.2.99 port 8080 from "$BALANCER"
	nothing_of backend listener
	accept_rule to "$BACKEND" from "$BALANCER"
	nothing_of backend listener
}

# ---- eBPF

program() {
	mkdir -p "$PP_TMP/bpf"
	mountpoint -q "$PP_TMP/bpf" || mount -t bpf bpf "$PP_TMP/bpf"
	"$pp_selftests/tools/pass_packets.py" "$1" "$PP_TMP/bpf/$1"
}

at_tc() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	finds backend 'ok bpf' 'no eBPF program'
	program tc
	ns backend tc qdisc add dev eth0 clsact
	ns backend tc filter add dev eth0 ingress bpf direct-action object-pinned "$PP_TMP/bpf/tc"
	finds backend 'note bpf' 'eth0 has eBPF programs at tc ingress:'
	ns backend tc filter add dev eth0 egress bpf direct-action object-pinned "$PP_TMP/bpf/tc"
	finds backend 'note bpf' 'eth0 has eBPF programs at tc ingress tc egress:'
	ns backend tc qdisc del dev eth0 clsact
	finds backend 'ok bpf' 'no eBPF program'
}

tcx() {
	ns backend "$pp_selftests/tools/pass_packets.py" "$1" \
		"$(nsip backend -j link show eth0 | jq '.[0].ifindex')"
}

at_tcx() {
	tcx tcx
	finds backend 'note bpf' 'eth0 has eBPF programs at tc ingress:'
	tcx no-tcx
	finds backend 'ok bpf' 'no eBPF program'
}

# Of a send rule, on the device that leads to the backend
at_xdp() {
	lb_ppctl flush-rules
	lb_ppctl add-rule send to "$BACKEND" port 8080
	program xdp
	nsip lb link set front xdpgeneric pinned "$PP_TMP/bpf/xdp"
	finds lb 'ok bpf' 'no eBPF program'
	nsip lb link set back xdpgeneric pinned "$PP_TMP/bpf/xdp"
	finds lb 'note bpf' 'back has eBPF programs at XDP:'
	nsip lb link set back xdpgeneric off
	nsip lb link set front xdpgeneric off
	finds lb 'ok bpf' 'no eBPF program'
	umount "$PP_TMP/bpf"
}

# ---- flowtables

offloaded() {
	ns lb conntrack -L -p tcp 2>/dev/null | grep -q 'OFFLOAD'
}

from_before() {
	lb_ppctl flush-rules
	ns lb nft 'table inet pp_forward { flowtable f { hook ingress priority 0; devices = { front, back }; };
		chain forward { type filter hook forward priority 0; ct state established flow add @f; }; }'
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --end none --timeout 60
	wait_listening server
	start_bg client client "$PEER" client -c "$VIP" -p 80 --end none --size 50k --timeout 60
	wait_until 10 offloaded
	lb_ppctl add-rule send to "$BACKEND" port 8081
	finds lb 'ok flowtable' 'no flowtable'
	lb_ppctl add-rule send to 10.0.2.0/24 port 8000-8080
	finds lb 'warning flowtable' 'a flowtable has 1 connections to backends of rule [0-9]* from before'
	stop_bg client KILL
	stop_bg server KILL
	ns lb nft delete table inet pp_forward
	wait_until 60 nothing_of lb flowtable
}

# Connections that got a header may be in a flowtable
tagged_before() {
	lb_ppctl flush-rules
	lb_ppctl add-rule send to "$BACKEND" port 8080
	ns lb nft 'table inet pp_forward { flowtable f { hook ingress priority 0; devices = { front, back }; };
		chain forward { type filter hook forward priority 0; ct state established flow add @f; }; }'
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --header v2 -n 0 --end none --timeout 60
	wait_listening server
	start_bg client client "$PEER" client -c "$VIP" -p 80 --end none --size 50k --timeout 60
	wait_until 10 offloaded
	finds lb 'ok flowtable' 'no flowtable'
	stop_bg client KILL
	stop_bg server KILL
	ns lb nft delete table inet pp_forward
}

# ---- the file of rules

# look_with TEXT: check, with this text in the file that proxyproto@.service restores
look_with() {
	local status=0

	# shellcheck disable=SC2016 # that shell's
	unshare -m bash -euc 'mount -t tmpfs tmpfs /etc; mkdir /etc/proxyproto.d
		[[ -z $2 ]] || echo "$2" >"/etc/proxyproto.d/$1.rules"; "$3" -n "$1" check' - \
		"$(ns_name lb)" "$1" "$PPCTL" >"$PP_TMP/found" || status=$?
	echo "$status"
}

other_file() {
	lb_ppctl flush-rules
	lb_ppctl add-rule send to "$BACKEND" port 8080 >/dev/null
	is "$(look_with '')" 0 'no file'
	not grep ' file: ' "$PP_TMP/found"
	is "$(look_with "send to $BACKEND port 8080")" 0 'the same'
	grep -q '^ok file: ' "$PP_TMP/found" || fail "$(<"$PP_TMP/found")"
	is "$(look_with "send to $BACKEND port 8080 version 1")" 3 'changed'
	grep -q '^warning file: .* differs: 1 of its rules are not in force as they are there, and 0 ' \
		"$PP_TMP/found" || fail "$(<"$PP_TMP/found")"
	is "$(look_with "send to $BACKEND port 8081")" 3 'another'
	grep -q '^warning file: .* differs: 1 of its rules .* and 1 rules in force are not in it' \
		"$PP_TMP/found" || fail "$(<"$PP_TMP/found")"
	is "$(look_with "send to nonsense")" 2 'malformed'
	grep -q '^problem file: .* cannot be restored' "$PP_TMP/found" || fail "$(<"$PP_TMP/found")"
}

check "ppctl: check, nft fib drops clients -> found; not where their route is the same" by_fib
check "ppctl: check, rpfilter of iptables drops clients -> found; not where their route is the same" \
	by_rpfilter
check "ppctl: check, another route to clients without such a rule -> nothing found" no_such_rule
check "ppctl: check, no route to the pool of map6 -> found, fixed; then mapped clients are accepted" \
	no_pool_route
check "ppctl: check, no route to the prefix of map4 -> found, fixed" no_pool_route_ipv6
check "ppctl: check, the pool is the host's own -> found" own_pool
check "ppctl: check, listener of the other family, or none -> found" one_family
check "ppctl: check, rule for another host, or for all ports -> no listener looked for" no_own_listener
check "ppctl: check, eBPF programs at tc -> found" at_tc
if tcx tcx 2>/dev/null; then
	tcx no-tcx
	check "ppctl: check, eBPF program at tcx -> found" at_tcx
else
	skip "ppctl: check, eBPF program at tcx -> found" "this kernel has no tcx"
fi
check "ppctl: check, eBPF program at XDP -> found, on the device to the backend" at_xdp
if ns lb nft 'table inet pp_try { flowtable f { hook ingress priority 0; devices = { back }; }; }' 2>/dev/null; then
	ns lb nft delete table inet pp_try
	nat_dnat_masq
	check "ppctl: check, connection in a flowtable from before the rule -> found" from_before
	check "ppctl: check, connection with a header in a flowtable -> nothing found" tagged_before
else
	skip "ppctl: check, connection in a flowtable from before the rule -> found" "no flowtables here"
fi
check "ppctl: check, the file of rules differs -> found" other_file
