#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl: completion in bash of what only the system knows: network namespaces,
# and the rules there are. The rest is in ppctl_usage_complete.sh.
set -euo pipefail
# shellcheck source=selftests/lib_complete.sh
. "${BASH_SOURCE[0]%/*}/lib_complete.sh"

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
	is "${COMPREPLY[0]}" "$first"$'\t''send to 10.0.0.2 port 80,90-99'
	is "${COMPREPLY[1]}" "$second"$'\t''accept to any'
}

check "ppctl: completion of -n -> names of network namespaces" namespaces
complete_to "$first $second" ppctl -n "$pp_net" delete-rule ''
complete_to "$second" ppctl -n "$pp_net" delete-rule "$first" ''
complete_to '' ppctl -n "$(ns_name b)" delete-rule ''
check "ppctl: completion of delete-rule, listed -> ids with their rules" listed
