#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Source NAT gives two clients the same port at the same moment, as on two processors. Here an nft
# queue behind source NAT holds their SYNs, which conntrack has not confirmed yet, and releases them
# one after the other. Conntrack keeps the first and drops the second. The first client's connection
# is exact, and its header names it.
# second. The first client's connection is exact, and its header names it.
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft python3 jq
module_require
topo_lb 4
raw_init

# Both clients get port 5555 of the load balancer
one_port() {
	nat_dnat
	ns lb nft -f - <<-END
		add rule inet pp_nat postrouting ip daddr 10.0.2.2 tcp dport 8080 snat ip to 10.0.2.1:5555
		add rule inet pp_nat postrouting ip6 daddr fd00:2::2 tcp dport 8080 snat ip6 to [fd00:2::1]:5555
		table inet pp_queue {
			chain postrouting {
				type filter hook postrouting priority 120; policy accept;
				tcp dport 8080 tcp flags & (syn | ack) == syn queue num 7
			}
		}
	END
}

# How many SYNs are in the queue
queued() {
	ns lb grep -qE "^ *7 +[0-9]+ +$1 " /proc/net/netfilter/nfnetlink_queue
}

second_dropped() {
	(($(stat_of syn_early) > early))
}

same_port() {
	local early

	rule to "$BACKEND" port 8080
	early=$(stat_of syn_early)
	netem backend eth0 delay 100ms
	start_bg queue lb "$pp_selftests/tools/queue_order.py" 7 2
	wait_until 20 bg_says queue ready
	start_bg server backend "$pp_selftests/tools/spoof_packets.py" server "$BACKEND" 8080
	wait_until 20 bg_says server ready
	start_bg first client "$pp_selftests/tools/spoof_packets.py" low "$CLIENT" $raw_port "$VIP" 80
	wait_until 5 queued 1
	ns client "$pp_selftests/tools/spoof_packets.py" high "$1" $raw_port "$VIP" 80
	wait_bg first
	wait_until 5 bg_says server header
	is "$(grep -E 'header|nothing' "$PP_TMP/bg/server.out")" "header $CLIENT $VIP"
	wait_until 5 second_dropped
	is $(($(stat_of syn_early) - early)) 1 'SYNs dropped'
	stop_bg server KILL
	stop_bg queue KILL
	netem backend eth0 none
}

one_port
addr_add client eth0 10.0.1.9/24 fd00:1::9/64
for family in 4 6; do
	topo_family $family
	second=10.0.1.9
	[[ $family == 4 ]] || second=fd00:1::9
	((++raw_port))
	check "send: IPv$family, two clients, one port of source NAT -> the one that stays is exact" \
		same_port $second
	ns lb conntrack -F >/dev/null 2>&1 || true
done
