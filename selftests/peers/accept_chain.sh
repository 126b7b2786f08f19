#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module on both ends: a send rule on the load balancer, behind DNAT and masquerading, and an
# accept rule on the backend, whose program sees the client as if nothing were between. And both
# rules on one host.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

need nft jq curl nginx
access=$PP_TMP/access.log
export CLIENT_NS=client
module_require

nginx_conf() {
	cat <<-END
		pid $PP_TMP/nginx.pid;
		error_log $PP_TMP/error.log info;
		worker_processes 1;
		events {}
		http {
			log_format peers '\$uri \$remote_addr \$remote_port';
			access_log $access peers;
			server {
				listen 10.0.2.2:8081;
				listen [fd00:2::2]:8081;
				location / { return 200 "hello\n"; }
			}
		}
	END
}

# chain PORT: the only rule of each host
chain() {
	rule to "$BACKEND" port "$1" version "$VERSION"
	accept_rule to "$BACKEND" port "$1" from "$LB"
}

# all_chained COUNT: both sides agree
all_chained() {
	all_sent "$1"
	all_accepted "$1"
}

# through COUNT [OPTION of the client]...: pp_peer's server expects the client's own socket as its
# peer; options of both are in $BOTH
through() {
	chain 8080
	transfer "$1" --peer-addr client --peer-port client -- "${@:2}"
	all_chained "$1"
}

many() {
	chain 8081
	each_logged_own "http://$VIP_URL:81/$FAMILY/$VERSION" "$PP_TMP/many.$FAMILY.$VERSION" "$access" ''
	all_chained 100
}

# The send rule alone
without_accept() {
	chain 8080
	backend_ppctl flush-rules
	transfer 1 --header "v$VERSION" "${names_client[@]}" --peer-addr "$LB" --
}

# ---- one host

# own_rules [ORIGIN]: the backend tags what it sends to itself
own_rules() {
	backend_ppctl flush-rules
	backend_ppctl add-rule send to "$1" port 8080 version "$VERSION" origin proxy >/dev/null
	backend_ppctl add-rule accept to "$1" port 8080 from "$1" >/dev/null
}

own_all() {
	is "$(backend_ppctl -j list-rules | jq -c 'map([.tagged, .acked, .accepted, .refused])')" \
		"[[$1,$1,null,null],[null,null,$1,0]]"
}

# itself ADDRESS: connections of the backend's to an address of its own
itself() {
	own_rules "$1"
	TARGET=$1 BACKEND=$1 PORT=8080 CLIENT_NS=backend transfer 5 \
		--peer-addr client --peer-port client -- -j 5
	own_all 5
}

nginx_conf >"$PP_TMP/nginx.conf"
touch "$access"
topo_lb 4
nat_dnat_masq
nat_dnat_masq 81 8081
start_bg nginx backend nginx -c "$PP_TMP/nginx.conf" -g 'daemon off; user root;'
wait_port backend 8081

for family in 4 6; do
	for version in 2 1; do
		accept_setting $family $version
		check "peers: send, $WHERE, no accept rule -> the header is the program's" without_accept
		for order in client server both; do
			BOTH="--order $order" check \
				"peers: send and accept, $WHERE, $order first -> exact, from the client" through 1
		done
		BOTH='--size 300k' check "peers: send and accept, $WHERE, 300 kB both ways -> exact" \
			through 2
		BOTH='--size 20k' check "peers: send and accept, $WHERE, 100, 10 at a time -> exact" \
			through 100 -j 10
		check "peers: send and accept, $WHERE, nginx, 100 at once -> each by its own port" many
	done
done
backend_ppctl flush-rules
lb_ppctl flush-rules
for family in 4 6; do
	for version in 2 1; do
		accept_setting $family $version
		case $family in
		4) loopback=127.0.0.1 ;;
		6) loopback=::1 ;;
		esac
		check "peers: one host, $WHERE, loopback -> exact" itself "$loopback"
		check "peers: one host, $WHERE, own address -> exact" itself "$BACKEND"
	done
done
