#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The specification in YAML: it passes the kernel's schema, says what uapi header and running kernel
# say, and with it the kernel's own client ynl lists rules and counters, adds a rule, and gets
# events.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

need jq python3
python3 -c 'import jsonschema, yaml' 2>/dev/null || skip_all 'needs python3-jsonschema and python3-yaml'
ynl=$("$pp_selftests/vm/fetch_ynl.sh" --cached) || skip_all 'ynl is missing: selftests/vm/fetch_ynl.sh'
spec=$pp_tree/docs/netlink/proxyproto.yaml
schema=$ynl/Documentation/netlink/genetlink-legacy.yaml
module_require
ns_make a
pp_net=$(ns_name a)

client=(python3 "$ynl/tools/net/ynl/pyynl/cli.py" --spec "$spec" --schema "$schema" --output-json)

ynl() {
	in_net "${client[@]}" "$@"
}

same() {
	local out

	out=$(in_net "$pp_selftests/tools/compare_spec.py" "$ynl" "$spec" "$@") || fail "$out"
}

schema_passed() {
	ynl --validate
}

listed() {
	pp add-rule send to 10.0.0.2 port 80-99,443 mark 1/3 comment 'a b' >/dev/null
	pp add-rule accept to fd00::2 port 8080 from fd00::/64 map4 64:ff9b:1::/96 >/dev/null
	ynl --dump rule-get >"$PP_TMP/rules"
	is "$(jq -c '.[0].rule[0] | [.direction, .to, ."to-len", .ports, .mark, ."mark-mask", .comment, .tagged]' "$PP_TMP/rules")" \
		'["send","10.0.0.2",32,[{"first":80,"last":99},{"first":443,"last":443}],"0x1","0x3","a b",0]'
	is "$(jq -c '.[1].rule[0] | [.direction, .to, (.from | map(.prefix) | last), .map4, .header]' "$PP_TMP/rules")" \
		'["accept","fd00::2","fd00::","64:ff9b:1::","required"]'
	is "$(ynl --do stats-get | jq -c '.stats | [.rules, .tagged]')" '[2,0]'
	is "$(ynl --do limits-get | jq -c '.limits.handshakes')" 65536
}

added() {
	ynl --do rule-add --json '{"rule": [{"direction": "send", "to": "10.0.0.7", "ports": [{"first": 81}], "version": 1}]}' |
		jq -e '.rule[0].id > 0' >/dev/null
	pp list-rules | grep -q 'send to 10.0.0.7 port 81 version 1 '
	if ynl --do rule-add --json '{"rule": [{"direction": "send", "to": "10.0.0.7", "ports": [{"first": 81}]}]}' \
		>"$PP_TMP/out" 2>&1; then
		fail 'the same rule was added twice'
	fi
	grep -q 'has the same destination, ports and mark' "$PP_TMP/out"
}

events() {
	start_bg ynl a env PYTHONUNBUFFERED=1 "${client[@]}" --subscribe events
	wait_until 30 has_event 10.7.7.7 || fail "$(bg_output ynl)"
	stop_bg ynl
	grep -q "'kind': 'rule-removed'\|\"kind\": \"rule-removed\"" "$PP_TMP/bg/ynl.out"
}

# Adds a rule until its event has come
has_event() {
	pp add-rule send to 10.7.7.7 >/dev/null
	pp flush-rules
	sleep 0.3
	grep -q "$1" "$PP_TMP/bg/ynl.out"
}

check "spec: the kernel's schema -> passed" schema_passed
check "spec: uapi header -> the same names and numbers" same header "$pp_tree/kmod/include/uapi/linux/proxyproto.h"
check "spec: policies of the running kernel -> the same attributes, types and ranges" same kernel
check "spec: ynl -> lists rules, counters and limits, addresses as text" listed
check "spec: ynl -> adds a rule, and says why not" added
check "spec: ynl -> gets events" events
