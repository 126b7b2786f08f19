#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# MariaDB behind the load balancer, proxy-protocol-networks: its list of processes shows the
# client's own address and port, and a user who may connect only from the client's address gets in.
# And without that option, behind an accept rule and HAProxy, and attached by socket. The server sends
# first.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

not_in_sim 'threads of mariadbd compute until another one has moved on'

need nft jq haproxy mariadbd mariadb mariadb-install-db
data=$PP_TMP/mysql who=''
module_require

users() {
	local host

	for host in 10.0.1.2 fd00:1::2 203.0.113.2 2001:db8:3::2; do
		echo "CREATE USER who@'$host' IDENTIFIED BY 'secret';"
	done
}

# mariadb_start PORT [OPTION]...
mariadb_start() {
	local port=$1

	shift
	start_bg "mariadb$port" backend mariadbd --no-defaults --user=root --basedir=/usr \
		--datadir="$data$port" --socket="$PP_TMP/mysql$port.sock" --pid-file="$PP_TMP/mysql$port.pid" \
		--port="$port" --bind-address=10.0.2.2,fd00:2::2 --skip-name-resolve \
		--skip-innodb --default-storage-engine=Aria --key-buffer-size=1M \
		--aria-pagecache-buffer-size=8M --init-file="$PP_TMP/users.sql" "$@"
	wait_port backend "$port" 90
}

# Both have the same tables to begin with
install_tables() {
	mariadb-install-db --no-defaults --user=root --auth-root-authentication-method=normal \
		--datadir="${data}3306" --skip-test-db --skip-innodb --default-storage-engine=Aria
	cp -a "${data}3306" "${data}3307"
	users >"$PP_TMP/users.sql"
}

# login NAMESPACE HOST PORT: the user as the server sees it
login() {
	ns "$1" timeout 30 mariadb --no-defaults --skip-ssl --protocol=tcp -h "$2" -P "$3" \
		-u who -psecret -N -B -e \
		"SELECT CONCAT(USER(), ' ', HOST) FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()" 2>&1
}

# No user may connect from the load balancer
denied() {
	local said

	said=$(login "$@") && fail "logged in: $said"
	grep -qE "ERROR 1(045|130).*'$who'" <<<"$said" || fail "$said"
}

no_send_rule() {
	lb_ppctl flush-rules
	who=$LB denied client "$VIP" 80
}

# is_user ADDRESS SAID
is_user() {
	[[ $2 =~ ^who@$1\ $1:[1-9][0-9]*$ ]] || fail "got '$2', want who@$1"
}

sent() {
	rule to "$BACKEND" port 3306 version "$VERSION"
	is_user "$CLIENT" "$(login client "$VIP" 80)"
	all_sent 1
}

no_accept_rule() {
	backend_ppctl flush-rules
	is_user "$BALANCER" "$(login user "$FRONT" 33307)"
}

accepted() {
	front 3307
	is_user "$USER_IP" "$(login user "$FRONT" "${VERSION}3307")"
	all_accepted 1
}

# Attached without a restart, and detached again: no rule, no change of packets
attached() {
	backend_ppctl flush-rules
	backend_ppctl attach to "$BACKEND" port 3307 from "$BALANCER"
	is_user "$USER_IP" "$(login user "$FRONT" "13307")"
	is_user "$USER_IP" "$(login user "$FRONT" "23307")"
	backend_ppctl detach to "$BACKEND" port 3307
	is_user "$BALANCER" "$(login user "$FRONT" 33307)"
}

topo_users
nat_dnat_masq 80 3306
haproxy_start 3307
check 'peers: MariaDB -> installed' install_tables
check 'peers: MariaDB, proxy-protocol-networks -> listens' mariadb_start 3306 \
	--proxy-protocol-networks=10.0.2.1,fd00:2::1
check 'peers: MariaDB, plain -> listens' mariadb_start 3307
for family in 4 6; do
	accept_setting $family 2
	check "peers: MariaDB, IPv$FAMILY, no rule, user of the client's address -> denied" no_send_rule
	check "peers: MariaDB, plain, IPv$FAMILY, no rule -> listed with HAProxy's address" no_accept_rule
	for version in 2 1; do
		accept_setting $family $version
		check "peers: MariaDB, $WHERE, user of the client's address -> in, listed with it" sent
		check "peers: MariaDB, plain, $WHERE, user of the client's address -> in, listed with it" accepted
	done
done
for family in 4 6; do
	accept_setting $family 2
	check "peers: MariaDB, plain, IPv$FAMILY, attached -> user of the client's address in" attached
done
