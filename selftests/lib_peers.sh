# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the peers_* selftests share: real programs as the backend, curl as the
# client, which tells by itself what address and port its socket had, and logs
# that are read line by line, each line found by the path that was asked for.

# shellcheck source=selftests/lib_send.sh
. "${BASH_SOURCE[0]%/*}/lib_send.sh"

own='%{local_ip} %{local_port}'

# By ppctl's own way into a namespace, which is the shorter one
lb_ppctl() {
	"$PPCTL" -n "$(ns_name lb)" "$@"
}

# client_curl ARGUMENT...: curl in the client's namespace ($CLIENT_NS)
client_curl() {
	ns "${CLIENT_NS:-client}" curl -sS -m 30 "$@"
}

# fetch URL [OPTION]...: prints the address and port that curl itself had
fetch() {
	client_curl -f -o /dev/null -w "$own\n" "$@"
}

# log_line LOG PATH: what a log says behind a path, once it is there
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

# refused URL [OPTION]...: the server closes without a word
refused() {
	local status=0

	client_curl -o /dev/null "$@" || status=$?
	((status == 52 || status == 56)) || fail "curl: $status, not 52 (nothing came) or 56 (reset)"
}

# tagged COUNT: so many connections or more, by the only rule
tagged() {
	(($(rule_stat tagged) >= $1))
}

# all_sent COUNT: the only rule has tagged COUNT connections, and no header is
# unacknowledged
all_sent() {
	is "$(lb_ppctl -j list-rules | jq -c 'map([.tagged, .acked])')" "[[$1,$1]]" 'tagged, acked'
	is "$(lb_ppctl -j list-connections)" '[]'
}

# fetch_many URL-WITHOUT-PATH DIR: 100 connections at a time, for /1 to /100;
# what comes goes to DIR, a file for each, and "path address port" of each to
# DIR.own, sorted
fetch_many() {
	mkdir -p "$2"
	client_curl -f -Z --parallel-immediate --parallel-max 100 -H 'Connection: close' \
		-o "$2/#1" -w "%{url} $own\n" "$1/[1-100]" |
		sed 's,^[^ ]*/,/,' | sort >"$2.own"
	is "$(wc -l <"$2.own")" 100 'answers'
	is "$(cut -d' ' -f2,3 "$2.own" | sort -u | wc -l)" 100 'ports'
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
