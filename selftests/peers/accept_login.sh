#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# OpenSSH and Redis, which do not know the PROXY protocol, behind an accept rule and HAProxy. Log
# and list show the client and its port, and a key that is valid for an address is valid for the
# client.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

need jq haproxy socat
module_require

# ---- OpenSSH: 2200

# "from" of the only key lists the clients and not the load balancer
sshd_start() {
	local dir=$PP_TMP/ssh

	mkdir -p "$dir" /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
	echo "from=\"203.0.113.2,2001:db8:3::2\" $(<"$dir/key.pub")" >"$dir/keys"
	cat >"$dir/config" <<-END
		ListenAddress 10.0.2.2:2200
		ListenAddress [fd00:2::2]:2200
		HostKey $dir/host
		PidFile $dir/pid
		AuthorizedKeysFile $dir/keys
		PermitRootLogin yes
		PasswordAuthentication no
		UsePAM no
		StrictModes no
		UseDNS no
		LogLevel VERBOSE
		MaxStartups 200
	END
	start_bg sshd backend "$(type -P sshd)" -D -e -f "$dir/config"
}

# ssh_to FRONT-PORT COMMAND...: from the user's port $port
ssh_to() {
	local front=$1

	shift
	ns user ssh -F none -i "$PP_TMP/ssh/key" -o BatchMode=yes -o ConnectTimeout=30 \
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		-o "ProxyCommand=socat - TCP$FAMILY:$FRONT_URL:$front,bind=:$port,reuseaddr" \
		root@backend "$@"
}

ssh_login() {
	front 2200
	is "$(ssh_to "${VERSION}2200" "echo \$SSH_CONNECTION")" "$USER_IP $port $BACKEND 2200"
	grep -q "Connection from $USER_IP port $port on $BACKEND port 2200" "$PP_TMP/bg/sshd.out"
	grep -q "Accepted publickey for root from $USER_IP port $port" "$PP_TMP/bg/sshd.out"
	all_accepted 1
}

ssh_banner() {
	front 2200
	user_talk "$port" "${VERSION}2200" 'SSH-2.0-nobody\r\n' | grep -aq '^SSH-2.0-OpenSSH'
	wait_until 10 bg_says sshd "Connection from $USER_IP port $port "
	all_accepted 1
}

# The same key without a header: for the load balancer it is not valid
ssh_refused() {
	front 2200
	backend_ppctl flush-rules
	not ssh_to 32200 true
	grep -q "Connection from $BALANCER port " "$PP_TMP/bg/sshd.out"
	grep -q "Authentication tried for root with correct key but not from a permitted host" \
		"$PP_TMP/bg/sshd.out"
}

ssh_scan() {
	front 2200
	ns user ssh-keyscan "-$FAMILY" -T 20 -t ed25519 -p "${VERSION}2200" "$FRONT" 2>/dev/null |
		grep -qF "$(cut -d' ' -f2 "$PP_TMP/ssh/host.pub")"
}

# ---- Redis: 6379

redis_start() {
	start_bg redis backend redis-server --bind 10.0.2.2 fd00:2::2 --port 6379 \
		--protected-mode no --save '' --dir "$PP_TMP"
}

# The port of the user's only connection to port $1 of $FRONT
user_port() {
	ns user ss -Htn state established "dst [$FRONT] and dport = $1" |
		awk '{ sub(/.*:/, "", $3); print $3 }'
}

is_subscribed() {
	grep -q '^subscribe$' "$PP_TMP/bg/subscriber.out"
}

redis_list() {
	local client=$USER_IP

	[[ $FAMILY == 4 ]] || client="[$USER_IP]"
	front 6379
	start_bg subscriber user redis-cli -h "$FRONT" -p "${VERSION}6379" subscribe channel
	wait_until 20 is_subscribed
	port=$(user_port "${VERSION}6379")
	is "$(ns backend redis-cli -h 10.0.2.2 client list type pubsub |
		sed 's/^.* \(addr=[^ ]* laddr=[^ ]*\) .*$/\1/')" \
		"addr=$client:$port laddr=$BACKEND_URL:6379"
	is "$(ns backend redis-cli -h 10.0.2.2 publish channel message)" 1
	wait_until 10 grep -q '^message$' "$PP_TMP/bg/subscriber.out"
	stop_bg subscriber
	all_accepted 1
}

redis_value() {
	front 6379
	is "$(head -c 200000 "$PP_TMP/random" | base64 -w 0 |
		ns user redis-cli -h "$FRONT" -p "${VERSION}6379" -x set "$WHERE")" OK
	ns user redis-cli -h "$FRONT" -p "${VERSION}6379" get "$WHERE" | base64 -d |
		cmp - <(head -c 200000 "$PP_TMP/random")
	all_accepted 2
}

# there PROGRAM: whether the program is installed
there() {
	case $1 in
	OpenSSH) type -P sshd && type -P ssh ;;
	Redis) type -P redis-server && type -P redis-cli ;;
	esac >/dev/null
}

start() {
	case $1 in
	OpenSSH) sshd_start && wait_port backend 2200 ;;
	Redis) redis_start && wait_port backend 6379 ;;
	esac
}

# The same in both versions: refused connections, and the balancer without a header
cases_plain() {
	local where="peers: $1, IPv$FAMILY"

	case $1 in
	OpenSSH) check "$where, no header, key for the client's address -> refused" ssh_refused ;;
	esac
}

cases() {
	local where="peers: $1, $WHERE"

	case $1 in
	OpenSSH)
		check "$where, banner -> logs the client" ssh_banner
		check "$where, key for the client's address -> logged in, exact" ssh_login
		check "$where, ssh-keyscan -> the host's key" ssh_scan
		;;
	Redis)
		check "$where, subscriber -> client list is exact, message comes" redis_list
		check "$where, 260 kB set and got -> exact" redis_value
		;;
	esac
}

chmod 755 "$PP_TMP"
random_bytes 200000 >"$PP_TMP/random"
topo_users
haproxy_start 2200 6379

for program in OpenSSH Redis; do
	if ! there $program; then
		skip "peers: $program" 'not installed'
		continue
	fi
	check "peers: $program -> listens" start $program
	for family in 4 6; do
		accept_setting $family 2
		cases_plain $program
		for version in 2 1; do
			accept_setting $family $version
			cases $program
		done
	done
done
