# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the accept_* selftests share. In the topology of topo_lb "client" is the
# load balancer, which sends a header before its message, and "backend" has an
# application that knows nothing of headers and wants its peer to be the client
# that the header names. "lb" routes.

# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/send.sh"

# accept_family 4|6: topo_family, and the ends that headers name
accept_family() {
	topo_family "$1"
	BALANCER=$CLIENT
	case $1 in
	4) REAL=192.0.2.77 ASKED=198.51.100.5 ANY=0.0.0.0 ;;
	6) REAL=2001:db8::77 ASKED=2001:db8:5::5 ANY=:: ;;
	esac
	export BALANCER REAL ASKED ANY
}

# ppctl in the backend's namespace
backend_ppctl() {
	"$PPCTL" -n "pp-$PP_ID-backend" "$@"
}

# accept_rule ARGUMENT...: the only rule there is
accept_rule() {
	backend_ppctl flush-rules
	backend_ppctl add-rule accept "$@" >/dev/null
}

# accept_stat NAME: a counter
accept_stat() {
	first_of "$1" backend_ppctl -j show-stats
}

# accept_rule_stat NAME: a counter of the only rule
accept_rule_stat() {
	first_of "$1" backend_ppctl -j list-rules
}

# The backend's own packets find the load balancer only by the mark of OUTPUT
marks_begin() {
	local nowhere=10.0.2.99

	[[ $FAMILY == 4 ]] || nowhere=fd00:2::99
	nsip backend neigh replace "$nowhere" lladdr 02:00:00:00:00:99 dev eth0 nud permanent
	nsip backend route add "$BALANCER" via "$nowhere"
	nsip backend -"$FAMILY" route add default via "$LB" table 100
	nsip backend -"$FAMILY" rule add fwmark 0x77 lookup 100
	ns backend nft -f - <<-END
		table inet pp_mark {
			chain output {
				type route hook output priority mangle; policy accept;
				tcp sport 8080 meta mark set 0x77
			}
		}
	END
}

marks_end() {
	ns backend nft delete table inet pp_mark
	nsip backend -"$FAMILY" rule del fwmark 0x77 lookup 100
	nsip backend -"$FAMILY" route flush table 100
	nsip backend route del "$BALANCER"
}

# accept_transfer COUNT [OPTION of the server]... -- [OPTION of the client]...:
# from the load balancer to the backend, without any header
accept_transfer() {
	TARGET=$BACKEND PORT=8080 transfer "$@"
}

# named PORT [OPTION of the client]...: one connection whose header names $REAL and this port, which
# the application must see as its peer. $VERSION is the header's, options of both sides are in
# $BOTH.
named() {
	local port=$1

	shift
	accept_transfer 1 --peer-addr "${SEEN:-$REAL}" --peer-port "${SEEN_PORT:-$port}" -- \
		--send-header "v$VERSION,$REAL,$port,$ASKED,443" "$@"
}

# gateway_rule ARGUMENT...: the only rule of the gateway
gateway_rule() {
	lb_ppctl flush-rules
	lb_ppctl add-rule accept "$@" >/dev/null
}

# through COUNT [OPTION of the client]...: as accept_transfer, to $TARGET ($BACKEND) port $PORT
# (8080); the application sees the clients' own ports
through() {
	TARGET=${TARGET:-$BACKEND} PORT=${PORT:-8080} transfer "$1" --peer-addr "$REAL" \
		--peer-port client -- --send-header "v$VERSION,$REAL,0,$ASKED,443" "${@:2}"
	is "$(lb_ppctl -j show-stats | jq '.[0].pending')" 0 'pending'
}

# Nothing listens on this port
closed_port() {
	local status=0

	TARGET=${TARGET:-$BACKEND} PORT=${PORT:-8080}
	ns client "$PEER" client -c "$TARGET" -p "$PORT" --timeout 10 \
		--send-header "v2,$REAL,0,$ASKED,443" >"$PP_TMP/out" 2>&1 || status=$?
	is "$status" 1
	grep -qi refused "$PP_TMP/out"
}

# escaped HEX: as printf reads bytes
escaped() {
	printf '%s' "$1" | sed 's/../\\x&/g'
}

# next_port: sets $port to a client port that no connection of this test has used
next_port() {
	local used=0

	[[ ! -e $PP_TMP/ports ]] || read -r used <"$PP_TMP/ports"
	echo $((used + 1)) >"$PP_TMP/ports"
	port=$((20001 + used))
}
