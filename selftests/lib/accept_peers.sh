# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the peers_accept_* selftests share: real programs without the PROXY protocol in "backend",
# HAProxy in "client", which sends a header before each connection, and users behind it, whom the
# programs must see:
#
#	user                         client                     lb, backend
#	203.0.113.2 (eth0) ---- (users) 203.0.113.1             as in topo_lb
#	2001:db8:3::2                2001:db8:3::1

# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/accept.sh"
# shellcheck source=selftests/lib/peers.sh
. "${BASH_SOURCE[0]%/*}/peers.sh"

haproxy_conf=$PP_TMP/haproxy.cfg
access=$PP_TMP/access.log
export CLIENT_NS=user

topo_users() {
	topo_lb 4
	ns_make user
	veth_make user eth0 client users
	addr_add user eth0 203.0.113.2/24 2001:db8:3::2/64
	addr_add client users 203.0.113.1/24 2001:db8:3::1/64
}

# haproxy_listen PORT BACKEND-PORT [OPTION]
haproxy_listen() {
	cat <<-END
		listen front$FAMILY-$1
			bind $FRONT_URL:$1
			server backend $BACKEND_URL:$2 ${3:-}
	END
}

# haproxy_start PORT...: ports of the backend; users reach each at $FRONT:1PORT with v1, 2PORT with
# v2, 3PORT without a header
haproxy_start() {
	local port family

	{
		echo 'global'
		echo '	maxconn 1000'
		echo 'defaults'
		printf '\ttimeout %s 60s\n' connect client server
		for port in "$@"; do
			for family in 4 6; do
				accept_setting $family 2
				haproxy_listen "1$port" "$port" send-proxy
				haproxy_listen "2$port" "$port" send-proxy-v2
				haproxy_listen "3$port" "$port"
			done
		done
	} >"$haproxy_conf"
	start_bg haproxy client haproxy -db -f "$haproxy_conf"
	wait_port client "3$port"
}

# accept_setting FAMILY VERSION: of the next cases; WHERE is for their names
accept_setting() {
	setting "$@"
	accept_family "$1"
	case $1 in
	4) USER_IP=203.0.113.2 FRONT=203.0.113.1 FRONT_URL=203.0.113.1 ;;
	6) USER_IP=2001:db8:3::2 FRONT=2001:db8:3::1 FRONT_URL='[2001:db8:3::1]' ;;
	esac
	export USER_IP FRONT FRONT_URL
}

# all_accepted COUNT: the only rule has accepted COUNT connections, each under its own port
all_accepted() {
	is "$(backend_ppctl -j list-rules | jq -c 'map([.accepted, .refused])')" "[[$1,0]]" \
		'accepted, refused'
	is "$(accept_stat remapped)" 0 'another port'
}

# user_talk PORT FRONT-PORT INPUT: sends the input from the user's port PORT, and prints the answer
user_talk() {
	local address=$FRONT_URL

	printf '%b' "$3" | ns user socat -t 10 -T 20 - \
		"TCP$FAMILY:$address:$2,bind=:$1,reuseaddr" || true
}

# front PORT: the port PORT of the backend has the only rule; $port is new
front() {
	accept_rule to "$BACKEND" port "$1" from "$BALANCER"
	next_port
}

# nginx_start: a stock nginx on port 8080 of the backend; it logs path, peer and status to $access
nginx_start() {
	cat >"$PP_TMP/nginx.conf" <<-END
		pid $PP_TMP/nginx.pid;
		error_log $PP_TMP/error.log info;
		worker_processes 1;
		events {}
		http {
			log_format peers '\$uri \$remote_addr \$remote_port \$status';
			access_log $access peers;
			server {
				listen 10.0.2.2:8080;
				listen [fd00:2::2]:8080;
				location / { return 200 "hello\n"; }
			}
		}
	END
	start_bg nginx backend nginx -c "$PP_TMP/nginx.conf" -g 'daemon off; user root;'
	wait_port backend 8080
}
