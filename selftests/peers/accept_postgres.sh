#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# PostgreSQL behind an accept rule and HAProxy: pg_hba.conf is searched for the client's address,
# not the load balancer's, and pg_stat_activity shows it.
set -euo pipefail
# shellcheck source=selftests/lib/accept_peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept_peers.sh"

need jq haproxy psql setpriv
postgres_dir=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1 || true)
[[ -n $postgres_dir ]] || skip_all 'postgres is not installed'
module_require

postgres() {
	local program=$1

	shift
	ns backend setpriv --reuid postgres --regid postgres --clear-groups \
		"$postgres_dir/$program" "$@"
}

postgres_start() {
	local dir=$PP_TMP/postgres

	install -d -o postgres -m 700 "$dir"
	postgres initdb -D "$dir" -A trust --locale=C --no-sync >/dev/null
	cat >"$dir/pg_hba.conf" <<-END
		host all all 203.0.113.2/32 trust
		host all all 2001:db8:3::2/128 trust
		host all all 10.0.1.2/32 reject
		host all all fd00:1::2/128 reject
	END
	start_bg postgres backend setpriv --reuid postgres --regid postgres --clear-groups \
		"$postgres_dir/postgres" -D "$dir" -p 5432 -k '' -c 'listen_addresses=10.0.2.2,fd00:2::2' \
		-c fsync=off
	wait_port backend 5432 60
}

# psql_to PORT: runs the statements on stdin
psql_to() {
	ns user psql -X -q -A -t -F ' ' -w -h "$FRONT" -p "$1" -U postgres -d postgres
}

# psql itself queries the port of its socket
postgres_activity() {
	local lines

	front 5432
	mapfile -t lines < <(psql_to "${VERSION}5432" <<-END
		select client_addr, client_port from pg_stat_activity where pid = pg_backend_pid();
		\\! ss -Htn state established "dport = ${VERSION}5432" | awk '{ sub(/.*:/, "", \$3); print \$3 }'
	END
	)
	is "${lines[0]}" "$USER_IP ${lines[1]}"
	all_accepted 1
}

postgres_rows() {
	front 5432
	is "$(psql_to "${VERSION}5432" <<<"select repeat(md5(n::text), 100) from generate_series(1, 100) n" |
		sha256sum)" "$(for n in {1..100}; do
			hash=$(echo -n "$n" | md5sum)
			printf "${hash%% *}%.0s" {1..100}
			echo
		done | sha256sum)"
	all_accepted 1
}

postgres_refused() {
	local said

	front 5432
	backend_ppctl flush-rules
	said=$(psql_to 35432 <<<'select 1' 2>&1) && fail "connected: $said"
	[[ $said == *"rejects connection for host \"$BALANCER\""* ]] || fail "$said"
}

chmod 755 "$PP_TMP"
topo_users
haproxy_start 5432
check 'peers: PostgreSQL -> listens' postgres_start
for family in 4 6; do
	accept_setting $family 2
	check "peers: PostgreSQL, IPv$FAMILY, no header, pg_hba.conf for the client -> refused" \
		postgres_refused
	for version in 2 1; do
		accept_setting $family $version
		check "peers: PostgreSQL, $WHERE, pg_hba.conf for the client -> let in, listed exactly" \
			postgres_activity
		check "peers: PostgreSQL, $WHERE, 320 kB of rows -> exact" postgres_rows
	done
done
