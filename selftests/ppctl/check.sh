#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl check, on hosts with one fault each: it finds the fault, the command that it names fixes it,
# and it finds nothing on a host without a fault.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"
# shellcheck source=selftests/lib/check.sh
. "${BASH_SOURCE[0]%/*}/../lib/check.sh"

need jq setpriv
module_require
topo_lb 4
accept_family 4
export VERSION=2

# The module is loaded again at the end, as it was before
end() {
	local status=$?

	module_load
	(exit "$status")
	pp_cleanup
}
trap end EXIT

# ---- module and rules

without_module() {
	local fix='make dkms-install'

	! modprobe -n proxyproto 2>/dev/null || fix='modprobe proxyproto'
	looked lb
	grep -q "^problem module: .*; fix: $fix\$" "$PP_TMP/found"
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
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0
	wait_listening server
	nothing_of lb '[a-z]*'
	nothing_of backend '[a-z]*'
	stop_bg server
	finds lb 'ok forwarding' IPv6
	finds backend 'ok route' IPv4
}

# seems PATH TEXT COMMAND...: the command reads the text there
seems() {
	echo "$2" >"$PP_TMP/text"
	# shellcheck disable=SC2016 # that shell's
	ns lb unshare -m bash -euc 'mount --bind "$1" "$2"; "${@:3}"' - "$PP_TMP/text" "$1" "${@:3}"
}

other_version() {
	finds lb 'ok version' "$(modinfo -F version "$PP_MODULE")"
	seems /sys/module/proxyproto/version 0.0.9 "$PPCTL" check >"$PP_TMP/found" || is $? 3
	grep -q '^warning version: .* version 0\.0\.9 and ppctl has ' "$PP_TMP/found" ||
		fail "$(<"$PP_TMP/found")"
}

# kernels RELEASE...: check, with the module installed for the running kernel and these
kernels() {
	local release status=0

	for release in "$(uname -r)" 9.9.9-with 9.9.9-without; do
		mkdir -p "$PP_TMP/modules/$release"
		: >"$PP_TMP/modules/$release/modules.dep"
	done
	for release in "$(uname -r)" "$@"; do
		echo 'updates/dkms/proxyproto.ko.xz:' >"$PP_TMP/modules/$release/modules.dep"
	done
	# shellcheck disable=SC2016 # that shell's
	ns lb unshare -m bash -euc 'mount --bind "$1" /lib/modules; mkdir -p /var/lib/dkms
		mount -t tmpfs dkms /var/lib/dkms; [[ -z $3 ]] || mkdir -p "/var/lib/dkms/proxyproto/$3"
		"$2" -j check' - "$PP_TMP/modules" "$PPCTL" "${DKMS_HAS:-}" >"$PP_TMP/json" || status=$?
	jq -r '.[] | "\(.level) \(.check): \(.text) [\(.fix)]"' "$PP_TMP/json" >"$PP_TMP/found"
	echo "$status"
}

other_kernel() {
	local version

	is "$(kernels 9.9.9-with)" 3
	grep -q '^warning kernels: .* for kernel 9\.9\.9-without: .* \[null\]$' "$PP_TMP/found" ||
		fail "$(<"$PP_TMP/found")"
	version=$(modinfo -F version "$PP_MODULE")
	is "$(DKMS_HAS=$version kernels 9.9.9-with)" 3
	grep -qF "[dkms install -m proxyproto -v $version -k 9.9.9-without]" "$PP_TMP/found" ||
		fail "$(<"$PP_TMP/found")"
	is "$(kernels 9.9.9-with 9.9.9-without)" 0
	grep -q '^ok kernels: ' "$PP_TMP/found" || fail "$(<"$PP_TMP/found")"
}

unprivileged() {
	ns lb setpriv --reuid 65534 --regid 65534 --clear-groups "$PPCTL" check >"$PP_TMP/found"
	grep -q '^note rules: .*CAP_NET_ADMIN' "$PP_TMP/found"
	grep -q '^ok limits: ' "$PP_TMP/found"
}

json() {
	ns lb "$PPCTL" -j check >"$PP_TMP/json"
	is "$(jq -r '[.[] | keys_unsorted | join(" ")] | unique[]' "$PP_TMP/json")" 'check level text fix'
	is "$(jq -r '.[] | select(.check == "module") | .level, .fix' "$PP_TMP/json")" $'ok\nnull'
}

# ---- send

not_forwarded() {
	ns_sysctl lb net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	finds lb 'warning forwarding' 'IPv4 is not forwarded'
	finds lb 'warning forwarding' 'IPv6 is not forwarded'
	fixes lb forwarding
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
	fixes lb ipvs
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
	fixes lb limits
	lb_ppctl show-limits | grep -qx 'handshakes 2'
	stop_bg syn KILL
}

# Conntrack is not at work in this namespace
no_conntrack() {
	finds lb 'note counters' 'so far [1-9][0-9]* connections were unknown to conntrack'
}

# ---- accept

accepted() {
	next_port
	named "$port" --timeout 5
}

# Before, no client is accepted, and after, one is. A connection that failed would come about once
# there is a route, and take the place of the next one: it is given up first.
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
	nsip backend route add default via 10.0.2.1
	nothing_of backend route
	accepted
}

none_pending() {
	is "$(accept_stat pending)" 0
}

no_route_ipv6() {
	backend_ppctl add-rule accept to fd00:2::2 from fd00:2::/64
	nsip backend -6 route del default
	finds backend 'warning route' 'IPv6 has no default route'
	nsip backend -6 route add default via fd00:2::1
	nothing_of backend route
}

module_unload
check "ppctl: check without the module -> problem, not loaded by it" without_module
module_load
check "ppctl: check without rules -> told so" no_rules
check "ppctl: check where nothing is wrong -> nothing found, status 0" nothing_wrong
check "ppctl: check, module of another version -> found" other_version
check "ppctl: check, an installed kernel without the module -> found" other_kernel
check "ppctl: check without privilege -> the rest is looked at" unprivileged
check "ppctl: check -j -> the keys of the man page" json
check "ppctl: check, forwarding off -> found, fixed" not_forwarded
check "ppctl: check, backend is the host itself -> found" backend_here
if type -P ipvsadm >/dev/null && modprobe -q ip_vs; then
	check "ppctl: check, IPVS without conntrack -> found, fixed" ipvs_unknown
else
	skip "ppctl: check, IPVS without conntrack -> found, fixed" "no IPVS here"
fi
check "ppctl: check, limit reached -> found, fixed" limit_near
check "ppctl: check, connections unknown to conntrack -> told what headers lack" no_conntrack
check "ppctl: check, no default route to clients -> found; with one, clients accepted" no_route
check "ppctl: check, the same with IPv6 -> found" no_route_ipv6
