#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The memory for headers and for the data behind them: if the connections of one rule use all that
# the rule may have, those of another rule still get a long header and are exact.
#
# Takes up to 3600 s
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need nft jq
module_require
topo_lb 4
nsip lb route add default via 10.0.1.2
nsip lb -6 route add default via fd00:1::2
# What waits has no acknowledgement, so that no more leaves than the first window
nsip client route replace 10.0.2.0/24 via 10.0.1.1 initcwnd 45
nsip client -6 route replace fd00:2::/64 via fd00:1::1 initcwnd 45
export VERSION=2

# Half of 64 MiB, in data that waits for a client whose SYN never arrives
greedy=700

greedy_begin() {
	ns lb nft -f - <<-END
		table inet pp_greedy {
			chain forward {
				type filter hook forward priority 0; policy accept;
				$ip saddr $REAL tcp dport 8080 drop
			}
		}
	END
	ns_sysctl backend net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=4096
	start_bg greedy-server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0
	wait_listening greedy-server
	ulimit -n 4096
	start_bg greedy client "$PEER" client -c "$BACKEND" -p 8080 -n $greedy -j $greedy --size 200k \
		--timeout 60 --send-header "v2,$REAL,0,$ASKED,443"
	wait_until 40 greedy_refused
}

greedy_refused() {
	(($(first_of accept_nomem lb_ppctl -j show-stats) > refused_before))
}

another_rule() {
	refused_before=$(first_of accept_nomem lb_ppctl -j show-stats)
	greedy_begin
	TARGET=$BACKEND PORT=8081 BPORT=8081 BOTH='--size 20k --timeout 20' \
		transfer 20 --peer-addr "$REAL" -- -j 20 --send-header "v2,$REAL,0,$ASKED,443"
	stop_bg greedy
	stop_bg greedy-server
	ns lb nft delete table inet pp_greedy
}

for family in 4 6; do
	accept_family $family
	ip=ip
	[[ $family == 4 ]] || ip=ip6
	lb_ppctl flush-rules
	lb_ppctl add-rule accept to "$BACKEND" port 8080 from "$BALANCER" >/dev/null
	lb_ppctl add-rule accept to "$BACKEND" port 8081 from "$BALANCER" >/dev/null
	check "accept: IPv$family, one rule uses all the memory it may -> another one's are exact" another_rule
done
