#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rules changed in place: by id, or by what makes a rule the same; no connection is without a rule
# meanwhile. And add-rule of a rule that is there.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

need jq
module_require
topo_lb 4
pp_net=$(ns_name lb)

# Two rules that none of the tests changes, and the id of a third one
three_rules() {
	pp flush-rules
	pp add-rule send to 10.0.9.1 port 80 >/dev/null
	pp add-rule accept to 10.0.9.1 port 80 from 10.0.9.2 >/dev/null
	id=$(pp add-rule send to 10.0.9.3 port 80-89,99 mark 1 comment old | sed 's/:.*//')
	others=$(pp list-rules | head -n 2)
}

others_stay() {
	is "$(pp list-rules | grep -v "^$id: ")" "$others" others
}

by_id() {
	local line="$id: send to 10.0.9.4 port 7 version 1  # tagged 0 acked 0 resent 0"

	is "$(pp replace-rule "$id" send to 10.0.9.4 port 7 version 1)" "$line"
	is "$(pp list-rules | tail -n 1)" "$line"
	is "$(pp -j replace-rule "$id" accept to 10.0.9.3 from any | jq -c '.[] | [.id, .direction]')" \
		"[$id,\"accept\"]"
	pp replace-rule "$id" send to 10.0.9.3 port 80-89,99 mark 1 comment old >/dev/null
	others_stay
	is "$(stats rules)" 3
}

by_words() {
	is "$(pp replace-rule send mark 1 comment new to 10.0.9.3 port 99,80-89 | without_counters)" \
		"$id: send to 10.0.9.3 port 80-89,99 mark 0x1 version 2 comment new"
	others_stay
}

refusals() {
	refused 'there is no rule 4711' replace-rule 4711 send to 10.0.9.9
	refused 'there is no rule with this destination, ports and mark: see add-rule' \
		replace-rule send to 10.0.9.3 port 80-89 mark 1
	refused "rule $((id - 2)) has the same destination, ports and mark" \
		replace-rule "$id" send to 10.0.9.1 port 80
	others_stay
}

# A range of the former rule, and others; then fewer
overlapping() {
	pp replace-rule "$id" send to 10.0.9.3 port 80-89,90-95,99 mark 1 >/dev/null
	pp replace-rule "$id" send to 10.0.9.3 port 99 mark 1 >/dev/null
	is "$(plain_rules | tail -n 1)" "$id: send to 10.0.9.3 port 99 mark 0x1 version 2"
	pp add-rule send to 10.0.9.3 port 80-89 mark 1 >/dev/null
	pp delete-rule $((id + 1))
	others_stay
}

told() {
	start_bg told - "$PPCTL" -n "$pp_net" monitor -j
	sleep 0.5
	pp replace-rule "$id" send to 10.0.9.5 >/dev/null
	wait_until 10 bg_says told '"to":"10.0.9.5"'
	stop_bg told
	is "$(jq -r '"\(.event) \(.rule.id) \(.rule.to)"' "$PP_TMP/bg/told.out" | paste -sd ,)" \
		"rule-removed $id 10.0.9.3,rule-added $id 10.0.9.5"
}

no_gap() {
	local pp_never_idle=

	# Unlike restore, the loop never sleeps
	! in_sim || pp_never_idle=1
	pp flush-rules
	pp add-rule send to "$BACKEND" port 8080 >/dev/null
	no_gap_while "'$PPCTL' replace-rule send to $BACKEND port 8080 comment \$((++n)) >'$PP_TMP/rule'"
	is "$(stats rules)" 1
}

if_missing() {
	local words=(send to 10.0.9.1 port 80 comment here) first

	pp flush-rules
	first=$(pp add-rule "${words[@]}" | sed 's/:.*//')
	refused "rule $first is this rule already: see --if-missing" add-rule "${words[@]}"
	is "$(pp add-rule --if-missing "${words[@]}" 2>"$PP_TMP/err" | without_counters)" \
		"$first: send to 10.0.9.1 port 80 version 2 comment here"
	is "$(<"$PP_TMP/err")" "ppctl: warning: rule $first is this rule already"
	refused "rule $first has the same destination, ports and mark" \
		add-rule --if-missing send to 10.0.9.1 port 80 comment there
	is "$(pp -j add-rule --if-missing send to 10.0.9.1,10.0.9.2 port 80 comment here 2>/dev/null |
		jq -c 'map(.to)')" '["10.0.9.1","10.0.9.2"]'
	is "$(stats rules)" 2
}

three_rules
check "ppctl: replace-rule by id, all of it changed -> id and other rules stay" by_id
check "ppctl: replace-rule by its words -> comment changed" by_words
check "ppctl: replace-rule of no rule, or into another's place -> refused" refusals
check "ppctl: replace-rule, some of its ranges the same -> in the index as a new one" overlapping
check "ppctl: replace-rule -> told as removed and added" told
check "ppctl: replace-rule in a loop -> each connection has its header" no_gap
check "ppctl: add-rule of a rule that is there -> told; with --if-missing exit status 0" if_missing
