#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Debian's fail2ban on a backend of one family behind a dual-stack HAProxy: it bans the address that
# stands for a user of the other family (map4, map6), and with it that user alone; the ban ends by
# its time, and by hand.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

need fail2ban-server haproxy jq nft python3 socat ssh sshd
key=0x000102030405060708090a0b0c0d0e0f
log=$PP_TMP/auth.log
module_require
topo_users

# Another subscriber
addr_add user eth0 203.0.113.9/24 2001:db8:9::2/64
addr_add client users 2001:db8:9::1/64

haproxy_dual() {
	{
		echo 'defaults'
		printf '\ttimeout %s 60s\n' connect client server
		printf 'listen four\n\tbind :::2204 v4v6\n\tserver s 10.0.2.2:2200 send-proxy-v2\n'
		printf 'listen six\n\tbind :::2206 v4v6\n\tserver s [fd00:2::2]:2200 send-proxy-v2\n'
	} >"$haproxy_conf"
	start_bg haproxy client haproxy -db -f "$haproxy_conf"
	wait_port client 2206
}

# With the dates of a log that syslog writes
sshd_start() {
	local dir=$PP_TMP/ssh

	mkdir -p "$dir" /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	printf '%s\n' 'ListenAddress 10.0.2.2:2200' 'ListenAddress [fd00:2::2]:2200' \
		"HostKey $dir/host" "PidFile $dir/pid" 'UsePAM no' 'UseDNS no' 'LogLevel VERBOSE' \
		'PasswordAuthentication no' >"$dir/config"
	: >"$log"
	# shellcheck disable=SC2016 # that shell's
	start_bg sshd backend bash -c '"$1" -D -e -f "$2" 2>&1 | sed -u "s/\r\$//" |
		while IFS= read -r line; do
			printf "%(%b %e %T)T backend sshd[1]: %s\n" -1 "$line" >>"$3"
		done' - "$(type -P sshd)" "$dir/config" "$log"
	wait_port backend 2200
}

fail2ban() {
	ns backend fail2ban-client -c "$PP_TMP/fail2ban" -s "$PP_TMP/fail2ban.sock" \
		-p "$PP_TMP/fail2ban.pid" "$@"
}

# Each question takes a second of processor time
is_ready() {
	sleep 2
	fail2ban status sshd >/dev/null 2>&1
}

fail2ban_start() {
	cp -r /etc/fail2ban "$PP_TMP/fail2ban"
	rm -f "$PP_TMP"/fail2ban/jail.d/*
	cat >"$PP_TMP/fail2ban/jail.local" <<-END
		[DEFAULT]
		banaction = nftables-multiport
		backend = polling
		[sshd]
		enabled = true
		port = 2200
		logpath = $log
		maxretry = 3
		findtime = 600
		bantime = 20
	END
	printf '[Definition]\nlogtarget = %s\ndbfile = None\nallowipv6 = yes\n' \
		"$PP_TMP/fail2ban.log" >"$PP_TMP/fail2ban/fail2ban.local"
	start_bg fail2ban backend fail2ban-server -f -x -c "$PP_TMP/fail2ban" \
		-s "$PP_TMP/fail2ban.sock" -p "$PP_TMP/fail2ban.pid" start
	wait_until 60 is_ready
}

# pair USER-FAMILY BACKEND-FAMILY: of the next cases; SEEN is what the backend sees of the user
pair() {
	accept_setting "$1" 2
	topo_family "$2"
	BALANCER=$CLIENT FAMILY=$1 FRONT_PORT=220$2
	case $1 in
	6)
		MAP="map6 240.0.0.0/4 map6-key $key" OTHER=2001:db8:9::2 OTHER_FRONT='[2001:db8:9::1]'
		SEEN=$("$pp_selftests/tools/map_client.py" 240.0.0.0/4 $key 64 "$USER_IP")
		;;
	4)
		MAP='map4 fd64::/96' OTHER=203.0.113.9 OTHER_FRONT=203.0.113.1
		SEEN=$("$pp_selftests/tools/map_client.py" fd64::/96 "$USER_IP")
		;;
	esac
	# shellcheck disable=SC2086 # words
	accept_rule to "$BACKEND" port 2200 from "$BALANCER" $MAP
}

# login: fails; nobody has this name
login() {
	ns user ssh -F none -o BatchMode=yes -o ConnectTimeout=20 -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		-o "ProxyCommand=socat - TCP$FAMILY:$FRONT_URL:$FRONT_PORT,bind=${USER_URL}" \
		intruder@backend true >/dev/null 2>&1 || true
}

# banner ADDRESS FRONT: the backend answers a user of this address
banner() {
	local address=$1

	[[ $FAMILY == 4 ]] || address="[$1]"
	[[ $(printf 'SSH-2.0-nobody\r\n' | ns user socat -t 10 -T 10 - \
		"TCP$FAMILY:$2:$FRONT_PORT,bind=$address" 2>/dev/null) == SSH-2.0-OpenSSH* ]]
}

is_banned() {
	ns backend nft list table inet f2b-table 2>/dev/null | grep -qwF "$SEEN"
}

not_banned() {
	! is_banned && banner "$USER_IP" "$FRONT_URL"
}

intrude() {
	USER_URL=$USER_IP
	[[ $FAMILY == 4 ]] || USER_URL="[$USER_IP]"
	banner "$USER_IP" "$FRONT_URL"
	for _ in 1 2 3; do
		login
	done
	grep -q "Invalid user intruder from $SEEN port" "$log" || fail "$(tail -n 5 "$log")"
	wait_until 30 is_banned || fail "$(tail -n 20 "$PP_TMP/fail2ban.log")"
	not banner "$USER_IP" "$FRONT_URL"
	banner "$OTHER" "$OTHER_FRONT"
}

ban_ends() {
	intrude
	wait_until 60 not_banned
}

unban() {
	intrude
	fail2ban set sshd unbanip "$SEEN" >/dev/null
	not_banned
}

check "peers: fail2ban, HAProxy -> listens" haproxy_dual
check "peers: fail2ban, OpenSSH -> listens" sshd_start
check "peers: fail2ban -> watches the log" fail2ban_start
for users in 6 4; do
	pair $users $((10 - users))
	check "peers: fail2ban, user of IPv$users -> $SEEN is banned, another user is not; the ban ends" \
		ban_ends
	check "peers: fail2ban, user of IPv$users, unbanned by hand -> served again" unban
done
