#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Whom the application sees if a header names its client in an unusual way: an IPv4 address written
# as an IPv6 one, an address of the host that reads the header.
set -euo pipefail
# shellcheck source=selftests/lib/header.sh
. "${BASH_SOURCE[0]%/*}/../lib/header.sh"

need jq python3
module_require
topo_lb 4

# seen_as ADDRESS PORT COUNTER HEX [NAME]: the rule is on the application's host, or on NAME
seen_as() {
	local before stat=${5:-backend}_ppctl

	before=$(first_of "$3" "$stat" -j show-stats)
	TARGET=$BACKEND PORT=8080 transfer 1 --peer-addr "$1" --peer-port "$2" -- --send-raw "$4" \
		--timeout 5
	is "$(first_of "$3" "$stat" -j show-stats)" $((before + 1)) "$3"
}

# The destination is written in the same way, and the application asks for it as an IPv4 address
original() {
	start_bg asker backend "$pp_selftests/tools/ask_header.py" "$BACKEND" 8080 1
	wait_listening asker
	is "$(ns client timeout 30 bash -c "exec 3<>/dev/tcp/$BACKEND/8080
		printf '$(escaped "$1")hello\n' >&3; head -n 1 <&3")" hello
	wait_bg asker
	answer=$(grep '^{' "$PP_TMP/bg/asker.out")
	is "$(jq -r .header <<<"$answer")" "$1" 'header'
	is "$(jq -c .original <<<"$answer")" "$2" 'original destination'
}

accept_family 4
accept_rule to "$BACKEND" port 8080 from "$BALANCER"
mapped=::ffff:192.0.2.77,4712,::ffff:198.51.100.5,4713
check 'accept: IPv4 client written as IPv6, v2 -> the IPv4 client' \
	seen_as 192.0.2.77 4712 accepted "$(v2 21 21 $mapped)"
check 'accept: IPv4 client written as IPv6, v2 with TLVs -> the IPv4 client' \
	seen_as 192.0.2.77 4712 accepted "$(v2 21 21 $mapped e0:40 crc)"
check 'accept: IPv4 client written as IPv6, v1 -> the IPv4 client' seen_as 192.0.2.77 4713 accepted \
	"$(v1 'PROXY TCP6 ::ffff:192.0.2.77 ::ffff:198.51.100.5 4713 443')"
check 'accept: IPv4 client written as IPv6, in hexadecimal groups -> the IPv4 client' \
	seen_as 192.0.2.77 4714 accepted \
	"$(v1 'PROXY TCP6 ::ffff:c000:24d ::ffff:c633:6405 4714 443')"
check 'accept: IPv4 client written as IPv6, IPv6 destination -> the IPv4 client' \
	seen_as 192.0.2.77 4715 accepted "$(v2 21 21 ::ffff:192.0.2.77,4715,2001:db8::5,443)"
check 'accept: loopback written as IPv6 -> load balancer' \
	seen_as "$BALANCER" client mismatch "$(v2 21 21 ::ffff:127.0.0.1,4712,::ffff:1.2.3.4,443)"
check 'accept: IPv4 written as IPv6, getsockopt -> the header, the IPv4 destination' \
	original "$(v2 21 21 $mapped)" '["198.51.100.5",4713]'
accept_family 6
accept_rule to "$BACKEND" port 8080 from "$BALANCER"
check 'accept: IPv4 client written as IPv6, over IPv6 -> load balancer' \
	seen_as "$BALANCER" client mismatch "$(v2 21 21 $mapped)"

for family in 4 6; do
	accept_family $family
	tcp=11 gateway=10.0.2.1
	[[ $family == 4 ]] || tcp=21 gateway=fd00:2::1
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	check "accept: IPv$family, header names the application's host -> that is the client" \
		seen_as "$BACKEND" 4711 accepted "$(v2 21 $tcp "$BACKEND,4711,$ASKED,443")"
	backend_ppctl flush-rules
	gateway_rule to "$BACKEND" port 8080 from "$BALANCER"
	check "accept: IPv$family, gateway, header names it -> load balancer" \
		seen_as "$BALANCER" client mismatch "$(v2 21 $tcp "$gateway,4711,$ASKED,443")" lb
	lb_ppctl flush-rules
done
accept_family 4
gateway_rule to "$BACKEND" port 8080 from "$BALANCER"
check 'accept: gateway, header names a broadcast address of its own -> load balancer' \
	seen_as "$BALANCER" client mismatch "$(v2 21 11 "10.0.2.255,4711,$ASKED,443")" lb
lb_ppctl flush-rules
