#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a program can do with a listener that has the ULP, and with its accepted sockets: wrong ways
# to attach, kTLS, sockmap, passing descriptors, splice, zero copy, disconnecting, listening again.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"

need python3
module_require
ns_make host

run() {
	ns host "$pp_selftests/tools/ulp_cases.py" "$1"
}

nothing_left() {
	is "$(ns host "$PPCTL" -j list-connections)" '[]'
	is "$(ns host "$PPCTL" -j list-sockets)" '[]'
	is "$(first_of established ns host "$PPCTL" -j show-stats)" 0
}

mapfile -t cases < <("$pp_selftests/tools/ulp_cases.py" --list)
for name in "${cases[@]}"; do
	if ! has_kernel_tls && [[ $name == kernel_tls ]]; then
		skip "ulp: ${name//_/ } -> as told" 'this kernel has no kTLS'
	else
		check "ulp: ${name//_/ } -> as told" run "$name"
	fi
done
check "ulp: all sockets closed -> nothing left" wait_until 130 nothing_left
