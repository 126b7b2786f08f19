#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# stunnel, "protocol = proxy", ends the user's TLS and sends a header of version 1. Behind it stands
# an accept rule with a stock nginx, whose log shows the user's address and port.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

need jq curl nginx openssl stunnel
module_require

stunnel_start() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 \
		-subj /CN=front.example -keyout "$PP_TMP/key.pem" -out "$PP_TMP/cert.pem"
	cat >"$PP_TMP/stunnel.conf" <<-END
		foreground = yes
		pid =
		cert = $PP_TMP/cert.pem
		key = $PP_TMP/key.pem
		[front4]
		accept = 203.0.113.1:443
		connect = 10.0.2.2:8080
		protocol = proxy
		[front6]
		accept = 2001:db8:3::1:443
		connect = fd00:2::2:8080
		protocol = proxy
	END
	start_bg stunnel client stunnel "$PP_TMP/stunnel.conf"
	wait_port client 443
}

# Without a rule the header is a request that nginx does not understand
without_rule() {
	backend_ppctl flush-rules
	is "$(client_curl -k -o /dev/null -w '%{http_code}' "https://$FRONT_URL/refused")" 400
	wait_until 10 grep -q " $BALANCER [0-9]* 400\$" "$access"
}

one() {
	local socket

	front 8080
	socket=$(fetch -k "https://$FRONT_URL/$FAMILY/one")
	is "${socket% *}" "$USER_IP"
	is "$(log_line "$access" "/$FAMILY/one")" "$socket 200"
	all_accepted 1
}

topo_users
check 'peers: nginx -> listens' nginx_start
check 'peers: stunnel -> listens' stunnel_start
for family in 4 6; do
	accept_setting $family 1
	check "peers: stunnel, $WHERE, no rule -> header is a bad request" without_rule
	check "peers: stunnel, $WHERE, TLS to nginx -> logs the user" one
done
