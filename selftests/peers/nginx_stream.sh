#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The recipe "nginx stream in front of an accept rule": nginx balances connections and sends the
# header of version 1 (proxy_protocol on), the backend's accept rule takes it out, and programs that
# know no header see the user: sshd's log and Redis' list of clients.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

need nginx jq redis-server socat ssh-keygen sshd
stream_module=/usr/lib/nginx/modules/ngx_stream_module.so
[[ -e $stream_module ]] || skip_all 'nginx has no stream module'
module_require
topo_users

# The configuration of docs/recipes.md
proxy_start() {
	cat >"$PP_TMP/nginx.conf" <<-END
		load_module $stream_module;
		pid $PP_TMP/nginx.pid;
		error_log $PP_TMP/error.log info;
		worker_processes 2;
		events {}
		stream {
			proxy_protocol on;
			proxy_half_close on;
			upstream redis4 {
				server 10.0.2.2:6379;
				server 10.0.2.2:6380;
			}
			upstream redis6 {
				server [fd00:2::2]:6379;
				server [fd00:2::2]:6380;
			}
			server { listen 203.0.113.1:6379; proxy_pass redis4; }
			server { listen [2001:db8:3::1]:6379; proxy_pass redis6; }
			server { listen 203.0.113.1:2200; proxy_pass 10.0.2.2:2200; }
			server { listen [2001:db8:3::1]:2200; proxy_pass [fd00:2::2]:2200; }
		}
	END
	start_bg nginx client nginx -c "$PP_TMP/nginx.conf" -g 'daemon off; user root;'
	wait_port client 2200
}

programs_start() {
	local port dir=$PP_TMP/ssh

	for port in 6379 6380; do
		mkdir -p "$PP_TMP/$port"
		start_bg "redis$port" backend redis-server --bind 10.0.2.2 fd00:2::2 --port $port \
			--protected-mode no --save '' --dir "$PP_TMP/$port"
		wait_port backend $port
	done
	mkdir -p "$dir" /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	printf '%s\n' 'ListenAddress 10.0.2.2:2200' 'ListenAddress [fd00:2::2]:2200' \
		"HostKey $dir/host" "PidFile $dir/pid" 'UsePAM no' 'UseDNS no' 'LogLevel VERBOSE' \
		>"$dir/config"
	start_bg sshd backend "$(type -P sshd)" -D -e -f "$dir/config"
	wait_port backend 2200
}

stream_rule() {
	accept_rule to "$BACKEND" port 2200,6379-6380 from "$BALANCER"
	next_port
}

# Both servers of the upstream are used
redis_lists() {
	local seen=$USER_IP i

	[[ $seen != *:* ]] || seen="[$seen]"
	stream_rule
	for i in 1 2 3 4; do
		next_port
		user_talk "$port" 6379 'CLIENT LIST\r\n' >"$PP_TMP/list.$i"
		grep -qF " addr=$seen:$port " "$PP_TMP/list.$i" || fail "$(<"$PP_TMP/list.$i")"
	done
	is "$(cat "$PP_TMP"/list.[1-4] | grep -o 'laddr=[^ ]*' | sort -u | wc -l)" 2 servers
	is "$(accept_rule_stat accepted)" 4
}

sshd_logs() {
	stream_rule
	user_talk "$port" 2200 'SSH-2.0-nobody\r\n' | grep -aq '^SSH-2.0-OpenSSH'
	wait_until 10 bg_says sshd "Connection from $USER_IP port $port "
	is "$(accept_rule_stat accepted)" 1
}

# Without the rule, Redis takes the header for a command
without_rule() {
	backend_ppctl flush-rules
	next_port
	user_talk "$port" 6379 'CLIENT LIST\r\n' >"$PP_TMP/list"
	not grep -q " addr=$USER_IP" "$PP_TMP/list"
	grep -qi 'unknown command' "$PP_TMP/list"
}

check "peers: nginx stream -> listens" proxy_start
check "peers: Redis and OpenSSH -> listen" programs_start
for family in 4 6; do
	accept_setting $family 1
	check "peers: nginx stream, IPv$family, two Redis servers -> list the user" redis_lists
	check "peers: nginx stream, IPv$family, OpenSSH, server first -> logs the user" sshd_logs
	check "peers: nginx stream, IPv$family, no rule -> the header is data" without_rule
done
