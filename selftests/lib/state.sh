# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For selftests of the states of accepted connections: forge_state.py is the load balancer, and
# the rule stands on the application's host, or on a gateway before it, with and without DNAT.

# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/accept.sh"
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/loss.sh"

# state_init: keeps the load balancer's kernel from resetting connections that it does not know
state_init() {
	ns client nft -f - <<-END
		table inet pp_raw {
			chain output {
				type filter hook output priority 0; policy accept;
				tcp sport 30000-30999 tcp flags & rst == rst meta mark != 7 drop
			}
		}
	END
	raw_port=30000
	# Packets to a client need a route; no host is there
	nsip lb route add default via "$CLIENT"
	nsip lb -6 route add default via fd00:1::2
}

# state_place here|gateway|dnat: sets where the rule is, $PLACE, and the address that L connects to
state_place() {
	PLACE=$1 STATE_TO=$BACKEND STATE_PORT=8080
	lb_ppctl flush-rules
	backend_ppctl flush-rules
	nat_flush 2>/dev/null || true
	ns lb conntrack -F 2>/dev/null
	case $PLACE in
	here) state_ppctl=backend_ppctl ;;
	gateway) state_ppctl=lb_ppctl ;;
	dnat)
		state_ppctl=lb_ppctl STATE_TO=$VIP STATE_PORT=80
		nat_dnat
		;;
	esac
	FIRST=192.0.2.81 SECOND=192.0.2.82
	[[ $FAMILY == 4 ]] || FIRST=2001:db8::81 SECOND=2001:db8::82
}

# state_rule [ARGUMENT]...: the only rule of that place
state_rule() {
	"$state_ppctl" flush-rules
	"$state_ppctl" add-rule accept to "$STATE_TO" port "$STATE_PORT" from "$BALANCER" "$@" >/dev/null
}

# state_app [PEER]: an application that echoes DATA, and expects its peers to be PEER
state_app() {
	# left by a case that failed
	stop_bg app KILL
	ns backend ss -HKtan sport = :8080 >/dev/null
	start_bg app backend env PP_FUZZ_PATIENCE=100000 "$pp_selftests/tools/fuzz_app.py" server "$BACKEND" 8080 "${APP_BYTE:-d}" "$@"
	wait_until 20 bg_says app ready
}

# state_app_end [CONNECTIONS]: it has no complaint, and had that many connections
state_app_end() {
	local seen

	kill -TERM "$(bg_pid app)"
	wait_bg app || fail "$(bg_output app)"
	seen=$(bg_output app | sed -n 's/^\([0-9]*\) connections.*/\1/p')
	[[ -z ${1:-} ]] || is "$seen" "$1" 'connections'
}

# balancer SCENARIO: from a port of its own
balancer() {
	((++raw_port))
	ns client "$pp_selftests/tools/forge_state.py" "$1" "$BALANCER" "$raw_port" "$STATE_TO" "$STATE_PORT" \
		"$FIRST" "$SECOND"
}

# balancer_begin SCENARIO: the same, up to its line "now"; balancer_end continues
balancer_begin() {
	local go=$PP_TMP/go.$1.$PLACE.$FAMILY

	mkfifo "$go"
	start_bg balancer client bash -c "exec \"\$@\" <>$go" - "$pp_selftests/tools/forge_state.py" "$1" \
		"$BALANCER" "$((raw_port + 1))" "$STATE_TO" "$STATE_PORT" "$FIRST" "$SECOND"
	wait_until 60 bg_says balancer now
}

balancer_end() {
	echo >"$PP_TMP/go.$1.$PLACE.$FAMILY"
	wait_bg balancer 600 || fail "$(bg_output balancer)"
	rm "$PP_TMP/go.$1.$PLACE.$FAMILY"
}

# The application's host loses its connections without a packet
state_vanish() {
	ns backend nft 'table inet pp_mute { chain post { type filter hook postrouting priority 200; tcp sport 8080 drop; }; }'
	kill -KILL "$(bg_pid app)"
	wait_bg app || true
	ns backend ss -HKtan sport = :8080 >/dev/null
	wait_until 20 state_gone
	sleep 1
	ns backend nft delete table inet pp_mute
}

state_gone() {
	[[ -z $(ns backend ss -Htan sport = :8080) ]]
}

# How many connections the module has, in any state
state_count() {
	"$state_ppctl" -j list-connections | jq length
}

state_none_left() {
	[[ $(state_count) == 0 ]]
}
