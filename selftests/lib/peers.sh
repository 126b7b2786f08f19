# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the peers_* selftests share: real programs as the backend; curl as the client, which prints
# its socket's own address and port; and logs that are read line by line, each line found by the
# requested path.

# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/send.sh"

own='%{local_ip} %{local_port}'

# client_curl ARGUMENT...: curl in the client's namespace ($CLIENT_NS)
client_curl() {
	ns "${CLIENT_NS:-client}" curl -sS -m 30 "$@"
}

# fetch URL [OPTION]...: prints curl's own address and port
fetch() {
	client_curl -f -o /dev/null -w "$own\n" "$@"
}

# log_line LOG PATH: the rest of the line behind a path, once it is there
log_line() {
	wait_until 10 grep -q "^$2 " "$1" || {
		echo "no line for $2 in the log"
		return 1
	}
	sed -n "s,^$2 ,,p" "$1"
}

# logged FILE TEXT
logged() {
	wait_until 10 grep -qF -- "$2" "$1" || {
		cat "$1"
		return 1
	}
}

# refused URL [OPTION]...: the server closes without an answer
refused() {
	local status=0

	client_curl -o /dev/null "$@" || status=$?
	((status == 52 || status == 56)) || fail "curl: $status, not 52 (nothing came) or 56 (reset)"
}

# tagged COUNT: the only rule has tagged COUNT connections or more
tagged() {
	(($(rule_stat tagged) >= $1))
}

# all_sent COUNT: the only rule has tagged COUNT connections, and no header is
# unacknowledged
all_sent() {
	is "$(lb_ppctl -j list-rules | jq -c 'map([.tagged, .acked])')" "[[$1,$1]]" 'tagged, acked'
	is "$(lb_ppctl -j list-connections)" '[]'
}

# fetch_many URL-WITHOUT-PATH DIR: 100 connections at a time, for /1 to /100. DIR gets a file for
# each answer; DIR.own gets "path address port" of each, sorted.
fetch_many() {
	mkdir -p "$2"
	client_curl -f -Z --parallel-immediate --parallel-max 100 -H 'Connection: close' \
		-o "$2/#1" -w "%{url} $own\n" "$1/[1-100]" |
		sed 's,^[^ ]*/,/,' | sort >"$2.own"
	is "$(wc -l <"$2.own")" 100 'answers'
	is "$(cut -d' ' -f2,3 "$2.own" | sort -u | wc -l)" 100 'ports'
}

# each_logged_own URL DIR LOG [REST]: what fetch_many got for URL/1 to URL/100, and what the log says
# of the clients; REST is a pattern for the end of its lines
each_logged_own() {
	local path=/${1#*//*/}

	fetch_many "$1" "$2"
	wait_until 10 all_logged "$path" "$3"
	is "$(sed -n "s,^$path\(/[0-9]* [^ ]* [0-9]*\)${4- .*}\$,\1,p" "$3" | sort)" "$(cat "$2.own")"
}

all_logged() {
	(($(grep -c "^$1/" "$2") >= 100))
}

# same_hash FILE FILE
same_hash() {
	is "$(sha256sum <"$1")" "$(sha256sum <"$2")" 'SHA-256'
}

# setting FAMILY VERSION: of the next cases; WHERE is for their names
setting() {
	topo_family "$1"
	VERSION=$2 WHERE="IPv$1, v$2"
	export VERSION WHERE
}
