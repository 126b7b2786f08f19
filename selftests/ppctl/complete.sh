#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl: completion in bash of what only the system knows: network namespaces, and the rules in
# force. usage/complete.sh has the rest.
set -euo pipefail
# shellcheck source=selftests/lib/complete.sh
. "${BASH_SOURCE[0]%/*}/../lib/complete.sh"

module_require
ns_make a b
pp_net=$(ns_name a)
pp add-rule send to 10.0.0.2 port 80,90-99 >/dev/null
pp add-rule accept to any from 10.0.0.1 >/dev/null
first=$(pp list-rules | sed -n '1s/:.*//p')
second=$(pp list-rules | sed -n '2s/:.*//p')

namespaces() {
	completed ppctl -n "pp-$PP_ID-"
	is "$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')" "$(ns_name a) $(ns_name b)"
}

listed() {
	COMP_TYPE=63 completed ppctl -n "$pp_net" delete-rule ''
	is "${COMPREPLY[1]}" "$first"$'\t''send to 10.0.0.2 port 80,90-99'
	is "${COMPREPLY[2]}" "$second"$'\t''accept to any'
}

check "ppctl: completion of -n -> names of network namespaces" namespaces
complete_to "all $first $second" ppctl -n "$pp_net" delete-rule ''
complete_to "$second" ppctl -n "$pp_net" delete-rule "$first" ''
complete_to 'all' ppctl -n "$(ns_name b)" delete-rule ''
check "ppctl: completion of delete-rule, listed -> ids with their rules" listed
