#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Floods at an accept rule with the default limits: SYNs in the names of trusted sources, and a
# trusted source that opens connections and sends nothing. Honest load balancers are served as on
# the same host without rules.
# Variables: PP_FLOOD_RATE (50000) SYNs a second, for PP_FLOOD_SECONDS (5).
# Takes up to 3600 s
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

in_sim || skip_all 'the rate is that of simulated time'
need jq nft python3
module_require
topo_lb 4
VERSION=2
rate=${PP_FLOOD_RATE:-50000}
seconds=${PP_FLOOD_SECONDS:-5}

# Answers to the flood's source addresses are dropped
flood_sources() {
	nsip lb route add 10.99.0.0/16 via 10.0.1.2
	nsip lb -6 route add fd00:99::/64 via fd00:1::2
	ns client nft -f - <<-END
		table inet pp_sink {
			chain prerouting {
				type filter hook prerouting priority -400; policy accept;
				ip daddr 10.99.0.0/16 drop
				ip6 daddr fd00:99::/64 drop
			}
		}
	END
}

# flooded SOURCES COMMAND...: runs the command 2 s before the flood ends, when it has filled what it
# can fill
flooded() {
	start_bg flood client "$pp_selftests/tools/pp_flood" "$1" "$BACKEND" 8080 "$rate" "$seconds"
	shift
	sleep $((seconds - 2))
	"$@"
	wait_bg flood 300
}

# honest [OPTION of the client]...: of 50 connections, the number that failed, and the time of all
# in ms
honest() {
	local before after

	before=${EPOCHREALTIME/./}
	ns client "$PEER" client -c "$BACKEND" -p 8080 -n 50 -j 10 --timeout 20 "$@" \
		>"$PP_TMP/honest.json" 2>/dev/null || true
	after=${EPOCHREALTIME/./}
	echo "$(grep -c '"ok":false' "$PP_TMP/honest.json" || true) $(((after - before) / 1000))" \
		>"$PP_TMP/honest"
}

# as_without_rules SOURCES
as_without_rules() {
	local without with

	backend_ppctl flush-rules
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --timeout 60
	wait_listening server
	flooded "$1" honest
	without=$(<"$PP_TMP/honest")
	stop_bg server
	accept_rule to "$BACKEND" port 8080 from "$BALANCER,$1"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --timeout 60 --peer-addr "$REAL"
	wait_listening server
	flooded "$1" honest --send-header "v2,$REAL,0,$ASKED,443"
	with=$(<"$PP_TMP/honest")
	stop_bg server
	echo "IPv$FAMILY, $1: without rules $without, with a rule $with (failed, ms), $(accept_stat pending) pending, \
$(accept_stat accept_evicted) evicted, $(accept_stat accept_limit) SYNs dropped" >>"$PP_TMP/figures"
	is "${with% *}" "${without% *}" 'failed'
	((${with#* } <= ${without#* } * 3 / 2 + 1000)) || fail "$with ms, $without without a rule"
	backend_ppctl flush-rules
	wait_until 10 forgotten
}

forgotten() {
	[[ $(accept_stat pending) == 0 ]]
}

# One source has all the places with silent connections; another source is served
silent_source() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER,$LB" timeout 60
	backend_ppctl set-limit pending 400
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --timeout 60 --peer-addr "$REAL"
	wait_listening server
	start_bg idlers lb "$PEER" client -c "$BACKEND" -p 8080 -n 600 -j 600 --no-data --end none --timeout 100
	wait_until 20 some_evicted
	next_port
	ns client "$PEER" client -c "$BACKEND" -p 8080 -n 40 -j 20 --send-header "v2,$REAL,0,$ASKED,443"
	stop_bg idlers
	stop_bg server
	backend_ppctl set-limit pending 131072
}

some_evicted() {
	(($(accept_stat accept_evicted) > evicted_before + 190))
}

flood_sources
for family in 4 6; do
	accept_family $family
	one=10.99.0.1 many=10.99.0.0/16
	[[ $family == 4 ]] || one=fd00:99::1 many=fd00:99::/64
	check "accept: IPv$family, $rate SYNs a second from many trusted sources -> as without rules" \
		as_without_rules $many
	check "accept: IPv$family, $rate SYNs a second from one trusted source -> as without rules" \
		as_without_rules $one
	evicted_before=$(accept_stat accept_evicted)
	check "accept: IPv$family, one source opens many and says nothing -> others are served" silent_source
done
diag <"$PP_TMP/figures"
