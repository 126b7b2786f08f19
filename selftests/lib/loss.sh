# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For selftests that lose packets on purpose: the first packets of a kind, of each connection, where
# they arrive. And what becomes of the connections then; and connections of pp_rawtcp, which sends
# what no kernel sends.

# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/send.sh"

RAWTCP=${RAWTCP:-$pp_selftests/tools/pp_rawtcp}

# Where packets can be lost, as NAMESPACE:DEVICE
# shellcheck disable=SC2034 # used by those who source this
at_backend=backend:eth0 at_lb=lb:back at_lb_front=lb:front at_client=client:eth0

# match KIND: an expression of nft. Packets without payload are never longer
# than $longest.
match() {
	local longest=$((FAMILY == 4 ? 72 : 92)) no_syn='tcp flags & syn == 0'

	case $1 in
	syn) echo "tcp flags & (syn|ack) == syn" ;;
	synack) echo "tcp flags & (syn|ack) == (syn|ack)" ;;
	no-syn) echo "$no_syn" ;;
	bare) echo "tcp flags & (syn|fin|rst) == 0 meta length <= $longest" ;;
	payload) echo "$no_syn meta length > $longest" ;;
	more) echo "$no_syn meta length > 300" ;;
	esac
}

# lose WHERE TIMES KIND: loses the first packets of each connection that match. It forgets what an
# earlier lose at the same place has lost and counted.
lose() {
	local dev=${1#*:} port='tcp sport' expression i

	# The client's port
	[[ $1 != "$at_lb" && $1 != "$at_client" ]] || port='tcp dport'
	expression=$(match "$3")
	{
		echo "table netdev pp_lose"
		echo "delete table netdev pp_lose"
		echo "table netdev pp_lose {"
		echo "counter lost { }"
		for ((i = 1; i <= $2; i++)); do
			echo "set seen$i { type inet_service; flags dynamic; size 65535; }"
		done
		echo "chain ingress {"
		echo "type filter hook ingress device $dev priority 0; policy accept;"
		for ((i = 1; i <= $2; i++)); do
			echo "$expression $port != @seen$i add @seen$i { $port } counter name lost drop"
		done
		printf '}\n}\n'
	} | ns "${1%:*}" nft -f -
}

lose_end() {
	ns "${1%:*}" nft delete table netdev pp_lose
}

# outcome WHERE EXPRESSION: jq evaluates it on the only rule, with the packets that lose has lost
# there (.lost) and handshakes in progress (.open)
outcome() {
	local all=$PP_TMP/outcome

	ns "${1%:*}" nft -j list counter netdev pp_lose lost >"$all"
	lb_ppctl -j list-connections >>"$all"
	lb_ppctl -j list-rules >>"$all"
	jq -es "{ lost: [.[0].nftables[].counter.packets // empty][0], open: .[1] } + .[2][0] | $2" \
		"$all" >/dev/null || fail "not $2: $(<"$all")"
}

# grown EXPRESSION COMMAND...: jq evaluates it on the growth of the counters by the command
grown() {
	local expression=$1 stats=$PP_TMP/grown.$BASHPID

	shift
	lb_ppctl -j show-stats >"$stats"
	"$@"
	lb_ppctl -j show-stats >>"$stats"
	jq -es ".[0][0] as \$before | .[1][0] | with_entries(.value -= \$before[.key]) | $expression" \
		"$stats" >/dev/null || fail "not $expression: $(<"$stats")"
}

# raw_init: keeps the client's kernel from resetting connections that it does not know
raw_init() {
	ns client nft -f - <<-END
		table inet pp_raw {
			chain output {
				type filter hook output priority 0; policy accept;
				tcp sport 30000-30999 tcp flags & (rst|ack) == rst drop
			}
		}
	END
	# shellcheck disable=SC2034 # used by those who source this
	raw_port=30000
}

# raw_transfer PORT [OPTION of the server]... -- [OPTION of pp_rawtcp]...: like
# transfer, one connection from this port
raw_transfer() {
	local port=$1 server=()

	shift
	while [[ $1 != -- ]]; do
		server+=("$1")
		shift
	done
	shift
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 "${server[@]}"
	wait_listening server
	ns client "$RAWTCP" -c "${TARGET:-$VIP}" -p "${PORT:-80}" -b "$CLIENT" --bind-port "$port" \
		"$@" || {
		stop_bg server
		bg_output server
		lb_ppctl show-stats
		return 1
	}
	wait_bg server
}
