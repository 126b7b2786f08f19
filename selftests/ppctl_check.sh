#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl check: on hosts that are wrong in one way each, what it finds, that the
# command which it names mends it, and that it finds nothing where nothing is
# wrong.
set -euo pipefail
# shellcheck source=selftests/lib_accept.sh
. "${BASH_SOURCE[0]%/*}/lib_accept.sh"

need jq setpriv
module_require
topo_lb 4
accept_family 4
export VERSION=2

# Loaded, as it was, however this ends
end() {
	local status=$?

	module_load
	(exit "$status")
	pp_cleanup
}
trap end EXIT

# looked NS: what check says there; $want is the status (0)
looked() {
	local status=0

	"$PPCTL" -n "$(ns_name "$1")" check >"$PP_TMP/found" 2>"$PP_TMP/err" || status=$?
	is "$(<"$PP_TMP/err")" '' stderr
	is "$status" "${want:-0}" status
}

# finds NS 'LEVEL CHECK' PATTERN
finds() {
	looked "$1"
	grep -qE "^$2: .*$3" "$PP_TMP/found" || fail "no '$2: $3' in: $(<"$PP_TMP/found")"
}

# nothing_of NS CHECK: nothing worse than ok
nothing_of() {
	looked "$1"
	! grep -E "^(note|warning|problem) $2:" "$PP_TMP/found"
}

# mends NS CHECK: runs the commands that check names, and they mend it
mends() {
	local commands

	looked "$1"
	commands=$(sed -n "s/^[a-z]* $2: .*; mend: //p" "$PP_TMP/found")
	[[ -n $commands ]] || fail "no command in: $(<"$PP_TMP/found")"
	PATH=${PPCTL%/*}:$PATH bash -euc "$commands"
	nothing_of "$1" "$2"
}

# ---- module and rules

without_module() {
	local mend='make dkms-install'

	! modprobe -n proxyproto 2>/dev/null || mend='modprobe proxyproto'
	want=2 looked lb
	grep -q "^problem module: .*; mend: $mend\$" "$PP_TMP/found"
	if module_loaded; then
		fail "the module is loaded"
	fi
}

no_rules() {
	finds lb 'ok kernel' supported
	finds lb 'ok module' loaded
	finds lb 'note rules' 'no rules'
}

nothing_wrong() {
	lb_ppctl add-rule send to "$BACKEND" port 8080
	lb_ppctl add-rule send to fd00:2::2
	backend_ppctl add-rule accept to "$BACKEND" port 8080 from "$BALANCER"
	nothing_of lb '[a-z]*'
	nothing_of backend '[a-z]*'
	finds lb 'ok forwarding' IPv6
	finds backend 'ok route' IPv4
}

unprivileged() {
	ns lb setpriv --reuid 65534 --regid 65534 --clear-groups "$PPCTL" check >"$PP_TMP/found"
	grep -q '^note rules: .*CAP_NET_ADMIN' "$PP_TMP/found"
	grep -q '^ok limits: ' "$PP_TMP/found"
}

json() {
	ns lb "$PPCTL" -j check >"$PP_TMP/json"
	is "$(jq -r '[.[] | keys_unsorted | join(" ")] | unique[]' "$PP_TMP/json")" 'check level text mend'
	is "$(jq -r '.[] | select(.check == "module") | .level, .mend' "$PP_TMP/json")" $'ok\nnull'
}

# ---- send

not_forwarded() {
	ns_sysctl lb net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	finds lb 'warning forwarding' 'IPv4 is not forwarded'
	finds lb 'warning forwarding' 'IPv6 is not forwarded'
	mends lb forwarding
	is "$(ns lb sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding)" $'1\n1'
}

backend_here() {
	rule to "$LB" port 80
	finds lb 'warning backend' "rule [0-9]*, $LB, is this host"
	rule to "$BACKEND" port 8080
	nothing_of lb backend
}

ipvs_unknown() {
	ns lb ipvsadm -A -t "$VIP:80" -s rr
	ns lb ipvsadm -a -t "$VIP:80" -r "$BACKEND:8080" -m
	ns_sysctl lb net.ipv4.vs.conntrack=0
	finds lb 'warning ipvs' 'conntrack does not know'
	mends lb ipvs
	is "$(ns lb sysctl -n net.ipv4.vs.conntrack)" 1
	ns lb ipvsadm -C
}

# A SYN that nobody answers
limit_near() {
	rule to 10.0.2.99
	nothing_of lb limits
	lb_ppctl set-limit handshakes 1
	start_bg syn client "$PEER" client -c 10.0.2.99 -p 80
	wait_until 10 finds lb 'warning limits' '1 of at most 1 handshakes'
	mends lb limits
	lb_ppctl show-limits | grep -qx 'handshakes 2'
	stop_bg syn KILL
}

# Nothing here has conntrack at work
no_conntrack() {
	finds lb 'note counters' 'so far [1-9][0-9]* connections were unknown to conntrack'
}

# ---- accept

accepted() {
	next_port
	named "$port" --timeout 5
}

# Nobody is accepted before, and one is after. What did not come about would yet,
# once there is a route, and take the next one's place: it is given up first.
no_route() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER" timeout 3
	accepted
	nsip backend route add 10.0.1.0/24 via 10.0.2.1
	nsip backend route del default
	if accepted >/dev/null 2>&1; then
		fail "accepted without a route"
	fi
	stop_bg server KILL
	wait_until 20 none_pending
	finds backend 'warning route' 'IPv4 has no default route'
	mends backend route
	nsip backend route show default | grep -q '^default dev eth0'
	accepted
}

none_pending() {
	is "$(accept_stat pending)" 0
}

no_route_ipv6() {
	backend_ppctl add-rule accept to fd00:2::2 from fd00:2::/64
	nsip backend -6 route del default
	finds backend 'warning route' 'IPv6 has no default route'
	mends backend route
	nsip backend -6 route show default | grep -q 'dev eth0'
}

module_unload
check "ppctl: check without the module -> problem, not loaded by it" without_module
module_load
check "ppctl: check without rules -> told so" no_rules
check "ppctl: check where nothing is wrong -> nothing found, status 0" nothing_wrong
check "ppctl: check without privilege -> the rest is looked at" unprivileged
check "ppctl: check -j -> the keys of the man page" json
check "ppctl: check, forwarding off -> found, mended" not_forwarded
check "ppctl: check, backend is the host itself -> found" backend_here
if type -P ipvsadm >/dev/null && modprobe -q ip_vs; then
	check "ppctl: check, IPVS without conntrack -> found, mended" ipvs_unknown
else
	skip "ppctl: check, IPVS without conntrack -> found, mended" "no IPVS here"
fi
check "ppctl: check, limit reached -> found, mended" limit_near
check "ppctl: check, connections unknown to conntrack -> told what headers lack" no_conntrack
check "ppctl: check, no default route to clients -> found, mended, clients accepted" no_route
check "ppctl: check, the same with IPv6 -> found, mended" no_route_ipv6
