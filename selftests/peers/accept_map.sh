#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A dual-stack HAProxy in front of backends of one family: nginx, OpenSSH, Redis and PostgreSQL see
# users of the other family by the address that map4 and map6 compute, with the user's own port, and
# "ppctl list-connections seen" names the user. Users of the backend's family are themselves, though
# HAProxy's socket for both families writes them as IPv6.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

need jq haproxy socat python3
access=$PP_TMP/access.log
key=0x000102030405060708090a0b0c0d0e0f
postgres_dir=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1 || true)
module_require

# Users reach port P of the IPv4 backend at 4P, of the IPv6 one at 5P
haproxy_dual() {
	local port

	{
		echo 'defaults'
		printf '\ttimeout %s 60s\n' connect client server
		for port in 2200 5432 6379 8080; do
			printf 'listen four%s\n\tbind :::4%s v4v6\n\tserver s 10.0.2.2:%s send-proxy-v2\n' \
				"$port" "$port" "$port"
			printf 'listen six%s\n\tbind :::5%s v4v6\n\tserver s [fd00:2::2]:%s send-proxy-v2\n' \
				"$port" "$port" "$port"
		done
	} >"$haproxy_conf"
	start_bg haproxy client haproxy -db -f "$haproxy_conf"
	wait_port client 58080
}

# pair USER-FAMILY BACKEND-FAMILY: of the next cases; SEEN is what programs see of the user
pair() {
	accept_setting "$1" 2
	topo_family "$2"
	BALANCER=$CLIENT SIDE=$2 FAMILY=$1 FRONT_PORT=$((2 + $2 / 2))
	SEEN=$USER_IP
	case $1$2 in
	64) SEEN=$("$pp_selftests/tools/map_client.py" 240.0.0.0/4 $key 64 "$USER_IP") ;;
	46) SEEN=$("$pp_selftests/tools/map_client.py" fd64::/96 "$USER_IP") ;;
	esac
	WHERE="user of IPv$1, backend of IPv$2"
}

map_front() {
	local map="map6 240.0.0.0/4 map6-key $key"

	[[ $SIDE == 4 ]] || map='map4 fd64::/96'
	# shellcheck disable=SC2086 # words
	accept_rule to "$BACKEND" port "$1" from "$BALANCER" $map
	next_port
}

# named_by_list: the list leads from what the program sees to the user
named_by_list() {
	is "$(backend_ppctl -j list-connections seen "$SEEN" |
		jq -c "map(select(.client_port == $port) | .client) | unique")" "[\"$USER_IP\"]"
}

nginx_log() {
	local path=/$FAMILY$SIDE

	map_front 8080
	user_talk "$port" "${FRONT_PORT}8080" "GET $path HTTP/1.0\r\n\r\n" | grep -q '^HTTP/1.1 200'
	wait_until 10 grep -qx "$path $SEEN $port 200" "$access"
	named_by_list
}

sshd_start() {
	local dir=$PP_TMP/ssh

	mkdir -p "$dir" /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	printf '%s\n' 'ListenAddress 10.0.2.2:2200' 'ListenAddress [fd00:2::2]:2200' \
		"HostKey $dir/host" "PidFile $dir/pid" 'UsePAM no' 'UseDNS no' 'LogLevel VERBOSE' \
		>"$dir/config"
	start_bg sshd backend "$(type -P sshd)" -D -e -f "$dir/config"
	wait_port backend 2200
}

sshd_log() {
	map_front 2200
	user_talk "$port" "${FRONT_PORT}2200" 'SSH-2.0-nobody\r\n' | grep -aq '^SSH-2.0-OpenSSH'
	wait_until 10 bg_says sshd "Connection from $SEEN port $port "
	named_by_list
}

redis_start() {
	start_bg redis backend redis-server --bind 10.0.2.2 fd00:2::2 --port 6379 \
		--protected-mode no --save '' --dir "$PP_TMP"
	wait_port backend 6379
}

redis_list() {
	local seen=$SEEN

	[[ $seen != *:* ]] || seen="[$seen]"
	map_front 6379
	user_talk "$port" "${FRONT_PORT}6379" 'CLIENT LIST\r\n' | grep -qF " addr=$seen:$port "
	named_by_list
}

postgres_start() {
	local dir=$PP_TMP/postgres
	local as=(setpriv --reuid postgres --regid postgres --clear-groups)

	install -d -o postgres -m 700 "$dir"
	ns backend "${as[@]}" "$postgres_dir/initdb" -D "$dir" -A trust --locale=C --no-sync >/dev/null
	printf 'host all all %s trust\n' 240.0.0.0/4 fd64::/96 203.0.113.2/32 2001:db8:3::2/128 \
		>"$dir/pg_hba.conf"
	start_bg postgres backend "${as[@]}" "$postgres_dir/postgres" -D "$dir" -p 5432 -k '' \
		-c 'listen_addresses=10.0.2.2,fd00:2::2' -c fsync=off
	wait_port backend 5432 60
}

# pg_hba.conf lets in what the programs see, and not the load balancer
postgres_activity() {
	map_front 5432
	is "$(ns user psql -X -q -A -t -w -h "$FRONT" -p "${FRONT_PORT}5432" -U postgres -d postgres \
		-c 'select client_addr from pg_stat_activity where pid = pg_backend_pid()')" "$SEEN"
}

there() {
	case $1 in
	nginx) type -P nginx ;;
	OpenSSH) type -P sshd ;;
	Redis) type -P redis-server ;;
	PostgreSQL) [[ -n $postgres_dir ]] && type -P psql setpriv ;;
	esac >/dev/null
}

program() {
	local name=$1 start=$2 case=$3 pair

	if ! there "$name"; then
		skip "peers: $name, dual stack" 'not installed'
		return
	fi
	check "peers: $name, dual stack -> listens" "$start"
	for pair in 6:4 4:6 4:4 6:6; do
		pair "${pair%:*}" "${pair#*:}"
		check "peers: $name, $WHERE -> sees $SEEN" "$case"
	done
}

chmod 755 "$PP_TMP"
topo_users
check "peers: HAProxy, dual stack -> listens" haproxy_dual
program nginx nginx_start nginx_log
program OpenSSH sshd_start sshd_log
program Redis redis_start redis_list
program PostgreSQL postgres_start postgres_activity
