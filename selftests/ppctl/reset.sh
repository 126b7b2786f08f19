#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl show-stats --reset and list-rules --reset: what they print is taken, nothing else, and no
# count is lost while connections come.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need nft jq setpriv
module_require
topo_lb 4
nat_dnat_masq
count=${PP_CONNECTIONS:-400}

# The counters in a file of show-stats or list-rules
in_file() {
	jq -c ".[0] | $2" "$PP_TMP/$1"
}

counters_of_namespace() {
	rule to "$BACKEND" port 8080
	lb_ppctl show-stats --reset >/dev/null
	transfer 3 --header v2 "${names_client[@]}" --
	lb_ppctl -j show-stats --reset >"$PP_TMP/taken"
	lb_ppctl -j show-stats >"$PP_TMP/after"
	is "$(in_file taken '[.rules, .tagged, .acked]')" '[1,3,3]'
	is "$(in_file after '[.rules, .tagged, .acked]')" '[1,0,0]'
	is "$(jq -c '.[0] | del(.rules) | map(select(. != 0))' "$PP_TMP/after")" '[]' 'all other counters'
	is "$(lb_ppctl -j list-rules | jq -c 'map([.tagged, .acked])')" '[[3,3]]' 'counters of the rule'
	transfer 2 --header v2 "${names_client[@]}" --
	is "$(stat_of tagged)" 2
	is "$(lb_ppctl show-stats --reset | grep -c .)" "$(lb_ppctl show-stats | grep -c .)" 'lines'
	is "$(lb_ppctl -j list-stats --reset | jq '.[0].tagged')" 0
}

counters_of_rules() {
	rule to "$BACKEND" port 8080
	lb_ppctl add-rule send to 10.9.9.9 >/dev/null
	transfer 3 --header v2 "${names_client[@]}" --
	is "$(lb_ppctl -j list-rules --reset | jq -c 'map([.to, .tagged, .acked])')" \
		"[[\"$BACKEND\",3,3],[\"10.9.9.9\",0,0]]"
	is "$(lb_ppctl -j list-rules | jq -c 'map([.to, .tagged, .acked])')" \
		"[[\"$BACKEND\",0,0],[\"10.9.9.9\",0,0]]"
	is "$(stat_of tagged)" 3 'counter of the namespace'
	transfer 1 --header v2 "${names_client[@]}" --
	is "$(lb_ppctl -j show-rules --reset | jq -c 'map(.tagged)')" '[1,0]'
	is "$(lb_ppctl list-rules | sed 's/.*# //' | sort -u)" 'tagged 0 acked 0 resent 0'
}

accept_rules() {
	nat_flush
	lb_ppctl flush-rules
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	next_port
	named "$port"
	is "$(backend_ppctl -j list-rules --reset | jq -c 'map([.accepted, .passed, .refused])')" '[[1,0,0]]'
	is "$(accept_rule_stat accepted)" 0
	backend_ppctl flush-rules
}

# A rule that stays in a restore keeps what is left of its counters
kept_by_restore() {
	rule to "$BACKEND" port 8080
	transfer 2 --header v2 "${names_client[@]}" --
	lb_ppctl list-rules --reset >/dev/null
	transfer 1 --header v2 "${names_client[@]}" --
	lb_ppctl save | lb_ppctl restore >/dev/null
	is "$(rule_stat tagged)" 1
}

# resets FILE COMMAND...: until the clients have ended
resets() {
	local file=$1

	shift
	while [[ ! -e $PP_TMP/ended ]]; do
		lb_ppctl -j "$@" --reset >>"$file"
		sleep 0.0003
	done
	lb_ppctl -j "$@" --reset >>"$file"
}

nothing_lost() {
	local stats rules

	rule to "$BACKEND" port 8080
	lb_ppctl show-stats --reset >/dev/null
	resets "$PP_TMP/stats" show-stats &
	stats=$!
	resets "$PP_TMP/rules" list-rules &
	rules=$!
	BOTH='--size 100' transfer "$count" --header v2 -- -j 1
	touch "$PP_TMP/ended"
	wait $stats $rules
	is "$(jq -s 'map(.[0].tagged) | add' "$PP_TMP/stats")" "$count" 'tagged, of the namespace'
	is "$(jq -s 'map(.[0].acked) | add' "$PP_TMP/stats")" "$count" 'acked, of the namespace'
	is "$(jq -s 'map(.[0].tagged) | add' "$PP_TMP/rules")" "$count" 'tagged, of the rule'
	is "$(jq -s 'map(.[0].acked) | add' "$PP_TMP/rules")" "$count" 'acked, of the rule'
	(($(jq -s 'map(select(.[0].tagged > 0)) | length' "$PP_TMP/stats") > 2)) ||
		fail 'the resets did not fall between the connections'
}

unprivileged() {
	local what out

	for what in show-stats list-rules; do
		out=$(ns lb setpriv --reuid 65534 --regid 65534 --clear-groups "$PPCTL" "$what" --reset 2>&1) &&
			fail "$what --reset succeeded"
		is "$out" 'ppctl: permission denied: needs CAP_NET_ADMIN in this network namespace'
	done
	ns lb setpriv --reuid 65534 --regid 65534 --clear-groups "$PPCTL" show-stats >/dev/null
}

accept_family 4
VERSION=2
check 'reset: show-stats -> prints the counters, which begin at 0 again; those of rules stay' counters_of_namespace
check 'reset: list-rules -> prints the rules, whose counters begin at 0 again; all others stay' counters_of_rules
check 'reset: rule that stays in a restore -> keeps what it has counted since' kept_by_restore
check 'reset: while connections come -> no count is lost, and none counts twice' nothing_lost
check 'reset: no privilege -> refused' unprivileged
check 'reset: list-rules with an accept rule -> its counters begin at 0 again' accept_rules
