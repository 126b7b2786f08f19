#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What is rewritten in each packet of an accepted connection: TCP options in all places, at odd
# offsets, full or absent, numbers that wrap around, and checksums, of which a wrong one stays
# wrong. accept_ends.py sends the packets.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need python3
module_require
modprobe -q tun || true
[[ -e /dev/net/tun ]] || skip_all 'this kernel has no tun devices'

# A host between two tun devices: load balancer and client, and destination
ns_make lb
ns_sysctl lb net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
	net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
for dev in front back; do
	nsip lb tuntap add dev $dev mode tun
	nsip lb link set $dev up
done
addr_add lb front 10.0.1.1/24 fd00:1::1/64
addr_add lb back 10.0.2.1/24 fd00:2::1/64

translated() {
	lb_ppctl flush-rules
	lb_ppctl add-rule accept to "$BACKEND" port 8080 from "$BALANCER" >/dev/null
	ns lb "$pp_selftests/tools/accept_ends.py" "$BALANCER" "$1" "$BACKEND"
}

accept_family 4
check 'accept: IPv4, options in all places, both ways -> translated, checksum as it was' \
	translated 10.0.1.77
accept_family 6
check 'accept: IPv6, options in all places, both ways -> translated, checksum as it was' \
	translated fd00:1::77
