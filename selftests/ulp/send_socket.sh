#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a program can do with a socket that sends a header: headers of every kind, wrong values and
# sockets; ways to connect, to write and to end a connection; descriptors that are shared. The server
# gets one header, first, and every byte behind it.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"

need python3 nft
module_require
ns_make host

run() {
	ns host "$pp_selftests/tools/ulp_send_cases.py" "$1"
}

nothing_left() {
	is "$(ns host "$PPCTL" -j list-connections)" '[]'
	is "$(ns host "$PPCTL" -j list-sockets)" '[]'
}

mapfile -t cases < <("$pp_selftests/tools/ulp_send_cases.py" --list)
for name in "${cases[@]}"; do
	check "ulp: send, ${name//_/ } -> as told" run "$name"
done
check "ulp: send, all sockets closed -> nothing left" wait_until 130 nothing_left
