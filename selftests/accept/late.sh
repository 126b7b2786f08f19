#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The application is on another host, which speaks when others have forgotten the connection:
# no packet of it ever goes to the real client.
# Takes up to 20000 s
set -euo pipefail
# shellcheck source=selftests/lib/state.sh
. "${BASH_SOURCE[0]%/*}/../lib/state.sh"

in_sim || skip_all 'minutes go by'
need jq nft ss python3 conntrack
module_require
topo_lb 4
state_init

# What comes to the host that would have the way to the client
ns client nft -f - <<-END
	table inet pp_leak {
		counter leaked { }
		chain pre {
			type filter hook prerouting priority -400; policy accept;
			ip daddr { 192.0.2.81, 192.0.2.82 } counter name leaked
			ip6 daddr { 2001:db8::81, 2001:db8::82 } counter name leaked
		}
	}
END

nothing_leaked() {
	is "$(ns client nft -j reset counter inet pp_leak leaked | jq '.nftables[1].counter.packets')" 0 'packets to the client'
}

# Conntrack loses the connection while the application repeats what was lost
flushed() {
	state_app "$FIRST"
	balancer_begin unheard
	ns lb conntrack -F 2>/dev/null
	balancer_end unheard
	nothing_leaked
	state_app_end 1
}

# The client's SYN is lost once, behind NAT, before conntrack has confirmed its entry: what is known
# of V's ends then is a guess
syn_lost() {
	trap 'ns lb nft delete table inet pp_once' EXIT
	ns lb nft -f - <<-END
		table inet pp_once {
			chain forward {
				type filter hook forward priority 0; policy accept;
				$ip saddr $FIRST tcp flags & (syn | ack) == syn numgen inc mod 1000 0 drop
			}
		}
	END
	"$@"
}

# reset_lost COMMAND...: the application's host never gets the load balancer's reset. The command
# runs while it repeats its data, after the end of the connection.
reset_lost() {
	state_app "$FIRST"
	balancer_begin reset_lost
	ns backend nft 'table inet pp_deaf { chain pre { type filter hook prerouting priority 0; tcp flags rst drop; }; }'
	trap 'ns backend nft delete table inet pp_deaf' EXIT
	{ sleep 150 && "$@"; } &
	balancer_end reset_lost
	wait $!
	nothing_leaked
}

# V does not get the reset, and is cut off until its connection is over. Then the rule is deleted,
# and V repeats its data: the hooks must still be there.
cut_off() {
	state_app "$FIRST"
	balancer_begin reset_lost
	ns backend nft 'table inet pp_deaf { chain pre { type filter hook prerouting priority 0; tcp flags rst drop; }; }'
	ns lb nft 'table netdev pp_cut { chain in { type filter hook ingress device back priority 0; tcp sport 8080 drop; }; }'
	trap 'ns backend nft delete table inet pp_deaf; ns lb nft delete table netdev pp_cut 2>/dev/null || true' EXIT
	balancer_end reset_lost
	state_none_left || fail "$(lb_ppctl list-connections)"
	lb_ppctl flush-rules
	ns lb nft delete table netdev pp_cut
	grown '.late > 0' sleep 130
	nothing_leaked
}

# Behind NAT a reset that V does not get leaves the connection listed, and with it the hooks: that
# place comes last
for place in gateway dnat; do
	for family in 4 6; do
		accept_family $family
		ip=ip
		[[ $family == 4 ]] || ip=ip6
		state_place $place
		state_rule
		what="accept: IPv$family, $place,"
		((++raw_port))
		check "$what conntrack flushed while V repeats something -> goes on, nothing to the client" flushed
		((++raw_port))
		check "$what SYN of C lost once, conntrack flushed -> goes on, nothing to the client" \
			syn_lost flushed
		((++raw_port))
		check "$what reset of L lost, V speaks for minutes -> nothing to the client" reset_lost true
		((++raw_port))
		check "$what reset of L lost, rule deleted, V speaks for minutes -> nothing to the client" \
			reset_lost lb_ppctl flush-rules
		[[ $place == gateway ]] || continue
		state_rule
		((++raw_port))
		check "$what V cut off until all is over, rule deleted, V speaks -> nothing to the client" cut_off
	done
done
