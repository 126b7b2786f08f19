#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Accept rules on a host whose devices belong to a VRF: answers find the load balancer by the VRF's
# routes, since there are no others. On a gateway, and for applications of its own that listen in
# all VRFs or are bound to this one.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need jq tc socat python3
module_require
topo_lb 4

# IPv6 addresses do not survive the change
vrf() {
	nsip lb link add vrf1 type vrf table 11
	nsip lb link set vrf1 up
	nsip lb link set front master vrf1
	nsip lb link set back master vrf1
	nsip lb addr add fd00:1::1/64 dev front nodad
	nsip lb addr add fd00:2::1/64 dev back nodad
	nsip lb route add default via 10.0.1.2 table 11
	nsip lb -6 route add default via fd00:1::2 table 11
	nsip lb route show table main | grep -q 10.0.1 && return 1
	ns_sysctl lb net.ipv4.tcp_l3mdev_accept=1
}

lossy() {
	netem lb back loss 8%
	netem lb front loss 8%
	BOTH='--timeout 100' through 20 -j 10
	netem lb back none
	netem lb front none
}

# The load balancer connects to an address of the gateway
local_application() {
	gateway_rule to "$LB" port 8080 from "$BALANCER"
	SERVER_NS=lb BACKEND=$ANY TARGET=$LB BOTH='--size 300k --order both' through 3
}

strictly() {
	ns_sysctl lb net.ipv4.conf.{all,front,vrf1}.rp_filter=1
	local_application
	ns_sysctl lb net.ipv4.conf.{all,front,vrf1}.rp_filter=0
}

# An application bound to the VRF. Its socket must be found, or the last packet of a connection
# counts as one without a connection.
bound_application() {
	local only='' header

	gateway_rule to "$LB" port 8081 from "$BALANCER"
	header=$("$pp_selftests/tools/make_header.py" 21 $((FAMILY == 4 ? 11 : 21)) "$REAL,4711,$ASKED,443")
	[[ $FAMILY == 4 ]] || only=,ipv6only=1
	start_bg bound lb socat "TCP$FAMILY-LISTEN:8081,reuseaddr$only,so-bindtodevice=vrf1" \
		"SYSTEM:echo \$SOCAT_PEERPORT; exec cat"
	wait_until 20 listens 8081
	is "$(ns client bash -c "exec 3<>/dev/tcp/$LB/8081; printf '$(escaped "$header")word\n' >&3
		read -rt 20 port <&3; read -rt 20 word <&3; echo \$port \$word")" '4711 word'
	wait_bg bound
	wait_until 10 over
}

over() {
	[[ -z $(ns lb ss -Htan 'sport = :8081') ]]
}

# A packet to an address of this host and VRF passes the hooks with the VRF as its only device
own_address() {
	lb_ppctl flush-rules
	lb_ppctl add-rule accept to "$LB" port 8082 from "$LB" >/dev/null
	start_bg own lb socat -u "TCP$FAMILY-LISTEN:8082,reuseaddr" "OPEN:$PP_TMP/own,creat,trunc"
	wait_until 20 listens 8082
	! echo 'PROXY UNKNOWN' | ns lb socat -u - \
		"TCP$FAMILY:$LB_URL:8082,so-bindtodevice=vrf1,connect-timeout=3" || fail 'connected'
	(($(first_of own_vrf lb_ppctl -j show-stats) > $1))
	[[ ! -s $PP_TMP/own ]]
	stop_bg own
}

listens() {
	[[ -n $(ns lb ss -"$FAMILY" -Htln "sport = :$1") ]]
}

vrf
VERSION=2
for family in 4 6; do
	accept_family $family
	gateway_rule to "$BACKEND" port 8080 from "$BALANCER"
	BOTH='--order both' check "accept: IPv$family, VRF, gateway -> exact" through 3
	check "accept: IPv$family, VRF, gateway, loss on both sides -> all exact" lossy
	check "accept: IPv$family, VRF, gateway, no listener -> refused" closed_port
	check "accept: IPv$family, VRF, local application -> exact" local_application
	check "accept: IPv$family, VRF, application bound to it -> exact, and over" bound_application
	LB_URL=$LB
	[[ $family == 4 ]] || LB_URL=[$LB]
	check "accept: IPv$family, VRF, host to its own address -> SYN dropped" own_address \
		"$(first_of own_vrf lb_ppctl -j show-stats)"
	[[ $family == 6 ]] ||
		check 'accept: IPv4, VRF, local application, rp_filter=1 -> exact' strictly
done
