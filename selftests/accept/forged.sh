#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A load balancer that sends TCP as no kernel does: the application never reads a header, and every
# peer of it is the client that a header names.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft python3
module_require
topo_lb 4
raw_init

# attack NAME [ACCEPTED [CONNECTIONS]]: the number of connections that the rule accepts, if it
# matters, and the most that the application may have
attack() {
	local client=203.0.113.66 seen

	[[ $FAMILY == 4 ]] || client=2001:db8:bad::66
	accept_rule to "$BACKEND" port 8080 from "$BALANCER" timeout 3
	start_bg application backend "$pp_selftests/tools/fuzz_app.py" server "$BACKEND" 8080 d "$client"
	wait_until 20 bg_says application ready
	ns client "$pp_selftests/tools/forge_header.py" "$1" "$BALANCER" "$raw_port" "$BACKEND" 8080
	kill -TERM "$(bg_pid application)"
	wait_bg application
	[[ -z ${2:-} ]] || is "$(accept_rule_stat accepted)" "$2" 'accepted'
	seen=$(bg_output application | sed -n 's/^\([0-9]*\) connections.*/\1/p')
	((seen <= ${3:-99})) || fail "$seen connections"
}

for family in 4 6; do
	accept_family $family
	((++raw_port))
	check "accept: IPv$family, header from before the connection -> not read by the application" \
		attack early
	((++raw_port))
	check "accept: IPv$family, SYN-ACK as the last ACK -> the client that the header names" \
		attack syn_ack_last
	((++raw_port))
	check "accept: IPv$family, header that acknowledges what nobody sent -> not accepted" \
		attack blind 0
	((++raw_port))
	check "accept: IPv$family, last ACK late, header in time -> the client that the header names" \
		attack late_ack 1
	((++raw_port))
	ns_sysctl backend net.ipv4.tcp_syncookies=2
	check "accept: IPv$family, ACK that is too early, SYN cookies -> the client that the header names" \
		attack near_cookie
	for over in over over_by_reset over_for_long; do
		[[ $over$family != over_for_long6 ]] || continue # it takes its time
		((++raw_port))
		check "accept: IPv$family, last ACK again when all is ${over//_/ }, SYN cookies -> no connection" \
			attack $over 1 1
	done
	ns_sysctl backend net.ipv4.tcp_syncookies=1
done
