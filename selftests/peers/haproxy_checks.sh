#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Health checks of HAProxy. Before an accept rule, "check-send-proxy": a stock nginx sees them as
# the load balancer's own, and users as themselves. Through a send rule: the load balancer's own
# checks carry a LOCAL header, and HAProxy, "accept-proxy", takes it.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

need nft jq curl haproxy nginx socat
behind=$PP_TMP/bg/behind.out
module_require

defaults() {
	cat <<-END
		global
			log stdout format raw local0
			stats socket $PP_TMP/$1.sock
		defaults
			mode http
			timeout connect 20s
			timeout client 60s
			timeout server 60s
			default-server inter 400ms fall 2 rise 2
	END
}

# Users connect to port 1808, whose servers get v1, and 2808
front_conf() {
	local family version option

	defaults front
	for family in 4 6; do
		for version in 1 2; do
			accept_setting $family $version
			option=send-proxy
			((version == 1)) || option=send-proxy-v2
			cat <<-END
				listen front$FAMILY-$VERSION
					bind $FRONT_URL:${VERSION}808
					option httpchk GET /check$FAMILY-$VERSION
					server server $BACKEND_URL:8080 check check-send-proxy $option
			END
		done
	done
}

# The load balancer's own checks, which have no header
lb_conf() {
	defaults lb
	for family in 4 6; do
		accept_setting $family 2
		cat <<-END
			backend http$FAMILY
				option httpchk GET /check
				server server $BACKEND_URL:8090 check
			backend tcp$FAMILY
				server server $BACKEND_URL:8090 check
		END
	done
}

behind_conf() {
	defaults behind
	cat <<-END
		frontend behind
			log global
			log-format "%HU %[src] %[fc_rcvd_proxy] %ST"
			bind 10.0.2.2:8090 accept-proxy
			bind [fd00:2::2]:8090 accept-proxy
			http-request return status 200
	END
}

# haproxy_run NAME NAMESPACE: returns when its socket exists
haproxy_run() {
	"$1_conf" >"$PP_TMP/$1.cfg"
	start_bg "$1" "$2" haproxy -db -f "$PP_TMP/$1.cfg"
	wait_until 90 test -S "$PP_TMP/$1.sock"
}

# column NAME PROXY NUMBER: a column of HAProxy's statistics for this server
column() {
	echo 'show stat' | socat - "UNIX:$PP_TMP/$1.sock" | awk -F, -v proxy="$2" -v column="$3" \
		'$1 == proxy && $2 == "server" { print $column }'
}

# status NAME PROXY WANTED
status() {
	[[ $(column "$1" "$2" 18) == "$3" ]]
}

# times COUNT FILE AFTER LINE: COUNT such lines, after so many other lines
times() {
	(($(tail -n "+$(($3 + 1))" "$2" | grep -cE "^$4\$") >= $1))
}

# Without a rule the header is a bad request
down() {
	wait_until 30 status front "front$FAMILY-1" DOWN
	wait_until 30 status front "front$FAMILY-2" DOWN
}

front_rule() {
	backend_ppctl add-rule accept to "$BACKEND" port 8080 from "$BALANCER" >/dev/null
}

# Five checks, with a user between them; the first logged check may have been counted before. In
# version 1, which has no LOCAL, HAProxy names its own address.
front_up() {
	local before downs locals socket proxy=front$FAMILY-$VERSION

	wait_until 30 status front "$proxy" UP
	downs=$(column front "$proxy" 23)
	locals=$(accept_stat accepted_own)
	before=$(wc -l <"$access")
	socket=$(fetch "http://$FRONT_URL:${VERSION}808/$proxy")
	is "$(log_line "$access" "/$proxy")" "$socket 200"
	wait_until 30 times 6 "$access" "$before" "/check$FAMILY-$VERSION $BALANCER [0-9]+ 200"
	status front "$proxy" UP
	is "$(column front "$proxy" 23)" "$downs" 'times it went down'
	((VERSION == 1 || $(accept_stat accepted_own) >= locals + 5)) || fail 'the checks are not LOCAL'
	is "$(accept_stat bad_header)" 0
}

lb_down() {
	wait_until 30 status lb "http$FAMILY" DOWN
}

# The header has the load balancer's own addresses. A TCP check, which is reset before its first
# byte, is no reason to complain.
lb_up() {
	local before errors

	rule to "$BACKEND" port 8090 version "$VERSION"
	wait_until 30 status lb "http$FAMILY" UP
	# So that no check from before the rule is in flight
	wait_until 30 tagged 6
	before=$(wc -l <"$behind")
	wait_until 30 times 5 "$behind" "$before" "/check $LB 1 200"
	status lb "http$FAMILY" UP
	status lb "tcp$FAMILY" UP
	errors=$(tail -n "+$((before + 1))" "$behind" | grep "^$LB:" || true)
	is "$errors" '' 'errors of HAProxy'
}

topo_users
check 'peers: nginx -> listens' nginx_start
check 'peers: HAProxy checks, in front -> run' haproxy_run front client
for family in 4 6; do
	accept_setting $family 2
	check "peers: HAProxy checks, IPv$FAMILY, no rule -> down" down
	check "peers: HAProxy checks, IPv$FAMILY -> rule" front_rule
	for version in 2 1; do
		accept_setting $family $version
		check "peers: HAProxy checks, $WHERE, check-send-proxy -> up, as the load balancer; user as himself" \
			front_up
	done
done
stop_bg front
check 'peers: HAProxy checks, accept-proxy -> runs' haproxy_run behind backend
check 'peers: HAProxy checks, of the load balancer itself -> run' haproxy_run lb lb
for family in 4 6; do
	accept_setting $family 2
	check "peers: HAProxy checks, IPv$FAMILY, of the load balancer, no rule -> down" lb_down
	for version in 2 1; do
		accept_setting $family $version
		check "peers: HAProxy checks, $WHERE, of the load balancer -> up, with a header" lb_up
	done
done
