#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Varnish behind the load balancer, "-a ...,PROXY", answers with the client's own address and port
# and the VIP. Before a stock nginx with an accept rule, ".proxy_header", nginx logs the user's.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

need nft jq curl nginx varnishd
module_require

# A backend of Varnish for each family and version; no answer is cached
vcl() {
	local family version

	echo 'vcl 4.1; import std;'
	for family in 4 6; do
		accept_setting $family 2
		for version in 1 2; do
			echo "backend b$family$version { .host = \"$BACKEND\"; .port = \"8080\"; .proxy_header = $version; }"
		done
	done
	cat <<-'END'
		sub vcl_recv {
			if (std.port(local.ip) == 8081) {
				return (synth(200, client.ip + " " + std.port(client.ip) + " " +
					server.ip + " " + std.port(server.ip)));
			}
			if (req.url ~ "^/4/1") { set req.backend_hint = b41; }
			else if (req.url ~ "^/4/2") { set req.backend_hint = b42; }
			else if (req.url ~ "^/6/1") { set req.backend_hint = b61; }
			else { set req.backend_hint = b62; }
			return (pass);
		}
		sub vcl_synth {
			set resp.http.X-Seen = resp.reason;
			return (deliver);
		}
	END
}

# varnish_start NAME NAMESPACE PORT ADDRESS...
varnish_start() {
	local name=$1 ns=$2 port=$3 address addresses=()

	shift 3
	for address; do
		addresses+=(-a "$address")
	done
	start_bg "varnish-$name" "$ns" varnishd -F -j none -n "$PP_TMP/varnish-$name" \
		-f "$PP_TMP/peers.vcl" -s default,8m "${addresses[@]}"
	wait_port "$ns" "$port" 90
}

without_rule() {
	local code

	lb_ppctl flush-rules
	code=$(client_curl -o /dev/null -w '%{http_code}' "http://$VIP_URL/refused" || true)
	is "$code" 000
}

behind() {
	local seen socket

	rule to "$BACKEND" port 8081 version "$VERSION"
	seen=$(CLIENT_NS=client fetch -D "$PP_TMP/answer" "http://$VIP_URL/behind")
	socket=$(sed -n 's/^X-Seen: \(.*\)\r$/\1/p' "$PP_TMP/answer")
	is "$socket" "$seen $VIP 80"
	all_sent 1
}

front_of() {
	local socket path=/$FAMILY/$VERSION/front

	front 8080
	socket=$(fetch "http://$FRONT_URL:8000$path")
	is "${socket% *}" "$USER_IP"
	is "$(log_line "$access" "$path")" "$socket 200"
	all_accepted 1
}

topo_users
nat_dnat_masq 80 8081
vcl >"$PP_TMP/peers.vcl"
check 'peers: nginx -> listens' nginx_start
check 'peers: Varnish, backend -> listens' varnish_start behind backend 8081 \
	10.0.2.2:8081,PROXY '[fd00:2::2]:8081,PROXY'
check 'peers: Varnish, in front -> listens' varnish_start front client 8000 \
	203.0.113.1:8000 '[2001:db8:3::1]:8000'
for family in 4 6; do
	accept_setting $family 2
	CLIENT_NS=client check "peers: Varnish, IPv$FAMILY, no rule -> refused" without_rule
	for version in 2 1; do
		accept_setting $family $version
		check "peers: Varnish, $WHERE -> answers with client and VIP" behind
		check "peers: Varnish, $WHERE, in front of nginx -> logs the user" front_of
	done
done
