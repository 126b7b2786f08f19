#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# SYNPROXY before tagged backends: it answers the client itself, and then connects to the backend in
# the client's name, on this host. With the VIP on this host and NAT in OUTPUT, and on the way to
# the backend's own address.
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft jq tc ethtool
module_require
topo_lb 4

# synproxy HOOK PORT: clients' SYNs are not tracked, and SYNPROXY answers them in this hook
synproxy() {
	ns lb nft -f - <<-END
		table inet pp_synproxy {
			chain raw {
				type filter hook prerouting priority -300; policy accept;
				iif front tcp dport $2 tcp flags & (fin|syn|rst|ack) == syn notrack
			}
			chain prove {
				type filter hook $1 priority 0; policy accept;
				iif front tcp dport $2 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm
			}
		}
	END
}

tagged() {
	local version=$1 count=$2

	rule to "$BACKEND" port 8080 version "$version"
	transfer "$count" --header "v$version" "${names_client[@]}" -- -j 20
	is "$(rule_stat tagged)" "$count"
	is "$(rule_stat acked)" "$count"
	is "$(lb_ppctl -j list-connections)" '[]'
}

# headers_lost TIMES: first the header on SYNPROXY's own acknowledgement, then the one before the
# client's data; after that it leaves in a segment of its own
headers_lost() {
	lose "$at_backend" "$1" payload
	tagged 2 3
	lose_end "$at_backend"
}

without_rule() {
	lb_ppctl flush-rules
	BOTH='--timeout 10' transfer 1 --
}

# In 5.10 SYNPROXY does not work for IPv6 in this topology, with a rule and without
cases() {
	local what="peers: SYNPROXY, IPv$FAMILY, $1"

	if ! (without_rule) >"$PP_TMP/why" 2>&1; then
		skip "$what -> client and VIP" 'SYNPROXY alone has no connection'
		return
	fi
	for order in client server; do
		BOTH="--order $order" check "$what, v2, $order first -> client and VIP" tagged 2 3
	done
	BOTH='--order both --size 1M' check "$what, v1, 1 MB both ways -> exact" tagged 1 2
	BOTH='--order both' check "$what, first header lost -> exact" headers_lost 1
	BOTH='--size 20k' check "$what, header lost twice, much data -> exact" headers_lost 2
}

synproxy input 80 2>"$PP_TMP/why" || skip_all 'no SYNPROXY in this kernel'
ns lb nft delete table inet pp_synproxy
# The message is cut into segments, so that it is not one packet
veth_offload_off client eth0
ns_sysctl lb net.netfilter.nf_conntrack_tcp_loose=0
for family in 4 6; do
	topo_family $family
	nat_dnat_masq
	nat_output
	synproxy input 80
	cases 'NAT in OUTPUT and masquerade'
	ns lb nft delete table inet pp_synproxy
	nat_flush

	synproxy forward 8080
	TARGET=$BACKEND PORT=8080 cases 'plain routing'
	ns lb nft delete table inet pp_synproxy
done
