#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# "ppctl get-rule": which rule a connection would meet, and why. Among 100,000 accept rules with 64
# sources each, for hosts of their own and all for one, it is found as quickly as alone.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

need jq
[[ -x $LOAD ]] || skip_all "$LOAD is not built"
module_require
ns_make a
pp_net=$(ns_name a)

many=100000

# answers TEXT ARGUMENT...: get-rule says so, without counters and in one line
answers() {
	is "$(pp get-rule "${@:2}" | without_counters | paste -sd ' ')" "$1"
}

# says JSON ARGUMENT...: the same in JSON, the rule by its comment
says() {
	is "$(pp -j get-rule "${@:2}" | jq -c '.[] | .rule |= (. // {}).comment')" "$1"
}

send_rules() {
	pp add-rule send to 10.0.0.0/8 comment net
	pp add-rule send to 10.0.0.0/8 port 8000-8099 comment range
	pp add-rule send to 10.0.0.2 port 8080 mark 0x10/0xf0 comment marked
	pp add-rule send to 10.0.0.2 port 8080 comment host
	pp add-rule send to fd00::/64 version 1 comment six
}

send_text() {
	answers "4: send to 10.0.0.2 port 8080 version 2 comment host   gets a header: longest prefix 10.0.0.2, narrowest ports 8080" \
		send to 10.0.0.2 port 8080
	answers "3: send to 10.0.0.2 port 8080 mark 0x10/0xf0 version 2 comment marked   gets a header: longest prefix 10.0.0.2, narrowest ports 8080, most mark bits 0x10/0xf0" \
		send to 10.0.0.2 port 8080 mark 0x13
	answers "2: send to 10.0.0.0/8 port 8000-8099 version 2 comment range   gets a header: longest prefix 10.0.0.0/8, narrowest ports 8000-8099" \
		send to 10.0.0.3 port 8080 mark 16
	answers "1: send to 10.0.0.0/8 version 2 comment net   gets a header: longest prefix 10.0.0.0/8, narrowest ports any" \
		send to 10.0.0.3 port 80
	answers 'none: the connection goes on as it comes' send to 11.0.0.3 port 80
	answers 'none: the connection goes on as it comes' send to fd00:0:0:1::1 port 80
}

send_json() {
	says '{"verdict":"rule","rule":"six","to":"fd00::/64","port":"any","mark":null}' \
		send to fd00::1 port 80
	says '{"verdict":"rule","rule":"marked","to":"10.0.0.2","port":"8080","mark":"0x10/0xf0"}' \
		send to 10.0.0.2 port 8080 mark 0x10
	says '{"verdict":"none","rule":null}' send to 11.0.0.3 port 80
}

accept_rules() {
	pp flush-rules
	pp add-rule accept to any port 80 from 10.0.0.0/8,fd00::/16 comment wide
	pp add-rule accept to any port 80 from 10.0.0.9,10.9.0.0/16 header none comment exempt
	pp add-rule accept to any port 80 from 10.9.9.0/24 header optional comment part
	pp add-rule accept to 10.0.0.2 port 80 from 10.0.0.1 comment host
	pp add-rule accept to 10.0.0.4 port 80 from 10.0.0.1 dev eth1 comment wire
}

accept_json() {
	says '{"verdict":"rule","rule":"wide","to":"any","port":"80","from":"10.0.0.0/8"}' \
		accept to 10.0.0.3 port 80 from 10.0.0.1
	says '{"verdict":"rule","rule":"exempt","to":"any","port":"80","from":"10.0.0.9"}' \
		accept to 10.0.0.3 port 80 from 10.0.0.9
	says '{"verdict":"rule","rule":"part","to":"any","port":"80","from":"10.9.9.0/24"}' \
		accept to 10.0.0.3 port 80 from 10.9.9.9
	says '{"verdict":"rule","rule":"wide","to":"any","port":"80","from":"fd00::/16"}' \
		accept to fd00::2 port 80 from fd00::1
	says '{"verdict":"source","rule":"host"}' accept to 10.0.0.2 port 80 from 10.0.0.9
	says '{"verdict":"rule","rule":"wire","to":"10.0.0.4","port":"80","from":"10.0.0.1"}' \
		accept to 10.0.0.4 port 80 from 10.0.0.1
	says '{"verdict":"rule","rule":"wire","to":"10.0.0.4","port":"80","from":"10.0.0.1"}' \
		accept to 10.0.0.4 port 80 from 10.0.0.1 dev eth1
	says '{"verdict":"device","rule":"wire"}' \
		accept to 10.0.0.4 port 80 from 10.0.0.1 dev eth0
	says '{"verdict":"none","rule":null}' accept to 10.0.0.2 port 81 from 10.0.0.1
}

accept_text() {
	local id

	id=$(pp -j list-rules | jq '.[] | select(.comment == "exempt") | .id')
	answers "$id: accept to any port 80 from 10.0.0.9,10.9.0.0/16 header none comment exempt   exempt, served as it comes: longest prefix any, narrowest ports 80, longest source 10.9.0.0/16" \
		accept to 10.0.0.3 port 80 from 10.9.0.1
	pp get-rule accept to 10.0.0.3 port 80 from 10.0.0.1 |
		grep -qx '  must begin with a header: longest prefix any, narrowest ports 80, longest source 10.0.0.0/8'
	pp get-rule accept to 10.0.0.3 port 80 from 10.9.9.1 |
		grep -q '^  may begin with a header: '
	pp get-rule accept to 10.0.0.2 port 80 from 10.0.0.9 |
		grep -qx '  served as it comes: no rule with this destination and these ports has the source 10.0.0.9'
	pp get-rule accept to 10.0.0.2 port 80 from 10.0.0.9 | grep -q 'comment host'
	pp get-rule accept to 10.0.0.4 port 80 from 10.0.0.1 dev lo |
		grep -qx '  served as it comes: the source is believed by no device but eth1'
}

# cycles SOURCE: how long a question takes
cycles() {
	in_net "$LOAD" find "$1" 2000
}

# flat KIND: with so many rules a question takes as long as with one; a walk would take 1,000 times
# as long
flat() {
	local one found

	pp flush-rules
	in_net "$LOAD" sources 0 2
	one=$(cycles 5)
	case $1 in
	trusting) in_net "$LOAD" trusting 0 $((many - 2)) ;;
	sources) in_net "$LOAD" sources 2 $((many - 2)) ;;
	esac
	is "$(stats rules)" "$many"
	found=$(cycles 5)
	echo "$1: $one with 2 rules, $found with $many" >>"$PP_TMP/cycles"
	((found < 4 * one)) || fail "$found, and $one with 2 rules"
}

found_among_many() {
	local id

	id=$(pp -j get-rule accept to 10.0.2.2 port 8080 from 32.48.106.0 | jq '.[0].rule.id')
	pp list-rules | grep "^$id: " | grep -q ' from 32.48.106.0,32.48.106.1,'
	is "$(pp -j get-rule accept to 10.0.2.2 port 8080 from 31.255.255.255 | jq -r '.[0].verdict')" \
		source
}

emptied() {
	pp flush-rules
	is "$(stats rules)" 0
	answers 'none: the connection goes on as it comes' accept to 10.0.2.2 port 8080 from 32.0.0.1
}

send_rules >/dev/null
check "rule: get-rule, send -> the most specific rule, and why" send_text
check "rule: get-rule, send, JSON -> the same" send_json
accept_rules >/dev/null
check "rule: get-rule, accept, JSON -> the rule, the source's prefix, or neither" accept_json
check "rule: get-rule, accept -> what happens to the connection, and why" accept_text
check "rule: 100,000 accept rules of 64 sources for as many hosts -> found as quickly as of 2" \
	flat trusting
check "rule: 100,000 accept rules of 64 sources for one host -> found as quickly as of 2" \
	flat sources
check "rule: 6,400,000 sources of one host -> the rule of each is found" found_among_many
diag <"$PP_TMP/cycles"
check "rule: all of them flushed -> none is found" emptied
