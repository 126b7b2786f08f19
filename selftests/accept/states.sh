#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What ends an accepted connection, and what does not: a client is never shown under the name of the
# one before it, a connection is forgotten only when its ends have forgotten it, and a packet that
# the ends would not believe changes nothing.
# Takes up to 200000 s
set -euo pipefail
# shellcheck source=selftests/lib/state.sh
. "${BASH_SOURCE[0]%/*}/../lib/state.sh"

in_sim || skip_all 'hours go by'
need jq nft ss python3 conntrack
module_require
topo_lb 4
state_init

# Both ends vanish, and 200 s later the port is another client's
stale() {
	state_app "$FIRST"
	balancer_begin stale
	state_vanish
	state_app "$SECOND"
	balancer_end stale
	state_app_end 1
}

runs() {
	state_app "$FIRST"
	balancer "$1"
	state_app_end
}

challenged() {
	APP_BYTE=any state_app
	balancer challenged
	state_app_end 2
}

reset_exact() {
	state_app "$FIRST"
	balancer reset_exact
	wait_until 60 state_none_left
	state_app_end 1
}

# The destination's host has no connection any more: it is asked, and says so
vanished() {
	state_app "$FIRST"
	balancer_begin vanished
	state_vanish
	balancer_end vanished
	state_app "$FIRST"
	is "$(state_count)" 1 'before'
	sleep 7300
	wait_until 60 state_none_left
}

for family in 4 6; do
	accept_family $family
	for place in here gateway dnat; do
		state_place $place
		state_rule
		what="accept: IPv$family, $place,"
		((++raw_port))
		check "$what both ends vanish, then another client from the same port -> its own name" stale
		((++raw_port))
		check "$what SYN on the ends of a connection that runs -> challenged, goes on" challenged
		((++raw_port))
		check "$what resets with any number -> goes on" runs reset_any
		((++raw_port))
		check "$what FIN with any number -> goes on" runs fin_any
		((++raw_port))
		check "$what reset -> forgotten" reset_exact
		[[ $place != here ]] || continue
		((++raw_port))
		check "$what destination vanishes -> forgotten after two hours" vanished
		((++raw_port))
		check "$what idle for hours -> goes on" runs idle
	done
done
