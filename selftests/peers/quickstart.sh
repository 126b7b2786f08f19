#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The script of docs/quickstart.md, as a reader pastes it: the first connection has no header, the
# second one has the client's.
set -euo pipefail
# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib/lib.sh"

need nft python3 sysctl
module_require

pasted() {
	local script=$pp_tree/docs/examples/namespaces.sh

	mkdir "$PP_TMP/bin"
	ln -s "$PPCTL" "$PP_TMP/bin/ppctl"
	PATH=$PP_TMP/bin:$PATH timeout 60 bash -e "$script" >"$PP_TMP/out" || fail "$(<"$PP_TMP/out")"
	is "$(sed -E 's/ [0-9]+ 80\r$/ PORT 80/' "$PP_TMP/out" | tr -s '\n')" "hello
1: send to 10.0.2.2 port 8080 version 1  # tagged 0 acked 0 resent 0
PROXY TCP4 10.0.1.2 10.0.1.1 PORT 80
hello"
}

remove() {
	local name

	for name in client lb backend; do
		ip netns delete "$name"
	done
}

check "quick start: its script -> a header on the second connection" pasted
check "quick start: its namespaces -> removed" remove
