# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl check on a host with one fault: for the selftests of it.

# looked NS: prints what check finds there. The exit status tells the worst of it.
looked() {
	local status=0 want=0

	"$PPCTL" -n "$(ns_name "$1")" check >"$PP_TMP/found" 2>"$PP_TMP/err" || status=$?
	is "$(<"$PP_TMP/err")" '' stderr
	! grep -q '^warning ' "$PP_TMP/found" || want=3
	! grep -q '^problem ' "$PP_TMP/found" || want=2
	is "$status" "$want" status
}

# finds NS 'LEVEL CHECK' PATTERN
finds() {
	looked "$1"
	grep -qE "^$2: .*$3" "$PP_TMP/found" || fail "no '$2: $3' in: $(<"$PP_TMP/found")"
}

# nothing_of NS CHECK: CHECK finds nothing worse than ok
nothing_of() {
	looked "$1"
	! grep -E "^(note|warning|problem) $2:" "$PP_TMP/found"
}

# fixes NS CHECK: runs the commands that check names, and the fault is gone
fixes() {
	local commands

	looked "$1"
	commands=$(sed -n "s/^[a-z]* $2: .*; fix: //p" "$PP_TMP/found")
	[[ -n $commands ]] || fail "no command in: $(<"$PP_TMP/found")"
	PATH=${PPCTL%/*}:$PATH bash -euc "$commands"
	nothing_of "$1" "$2"
}
