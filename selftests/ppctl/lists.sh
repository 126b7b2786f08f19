#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl: several rules by one command: lists of destinations, ranges of ids, all of them. Each is
# done as a whole or not at all.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

module_require
ns_make a
pp_net=$(ns_name a)

# The rules without ids and counters
words() {
	plain_rules | sed 's/^[0-9]*: //'
}

ids() {
	pp list-rules | sed 's/:.*//' | paste -sd ' '
}

list_of_destinations() {
	is "$(pp add-rule send to 10.0.0.2,fd00::/64,10.0.1.0/24 port http,8080 | wc -l)" 3
	is "$(words)" "send to 10.0.0.2 port 80,8080 version 2
send to fd00::/64 port 80,8080 version 2
send to 10.0.1.0/24 port 80,8080 version 2"
	pp flush-rules
}

# The second destination has this rule already
none_stays() {
	local before

	pp add-rule accept to 10.0.0.3 from any comment here >/dev/null
	before=$(ids)
	refused "rule $before has the same destination, ports and source" \
		add-rule accept to 10.0.0.2,10.0.0.3 from any
	is "$(ids)" "$before"
	pp delete-rule all
	is "$(words)" ''
}

restored() {
	echo 'accept to 10.0.0.2,10.0.0.3 port ssh from 10.0.0.1 timeout 9' | pp restore >/dev/null
	is "$(words)" "accept to 10.0.0.2 port 22 from 10.0.0.1 header required timeout 9
accept to 10.0.0.3 port 22 from 10.0.0.1 header required timeout 9"
	pp flush-rules
}

range_of_ids() {
	local first last

	pp add-rule send to 10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6 >/dev/null
	first=$(pp list-rules | sed -n '1s/:.*//p')
	last=$((first + 5))
	refused "there is no rule from $((last + 1)) to $((last + 9))" \
		delete-rule "$first" "$((last + 1))-$((last + 9))"
	refused "there is no rule $((last + 3))" delete-rule "$first-$last" $((last + 3))
	pp delete-rule $((first + 2))
	pp delete-rule "$((first + 1))-$((first + 3))" "$last"
	is "$(ids)" "$first $((first + 4))"
	pp delete-rule "1-4294967295"
	is "$(ids)" ''
}

check "ppctl: add-rule with three destinations -> three rules" list_of_destinations
check "ppctl: add-rule with two destinations, one refused -> neither" none_stays
check "ppctl: restore of a line with two destinations -> two rules" restored
check "ppctl: delete-rule with a range -> the rules in it, and no others" range_of_ids
