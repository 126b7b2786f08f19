# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the tests of usage/ share: command lines that are wrong, or right. A refusal is exit status
# 1, one line on stderr, and nothing on stdout. A right one is refused because of a network
# namespace that does not exist. Needs no module and no privilege.

# shellcheck source=selftests/lib/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

[[ -x $PPCTL ]] || skip_all "$PPCTL is not built"

# The words of a command line as the name of a case
name_of() {
	printf '%.60s' "$*" | tr -c '[:print:]' '?'
}

is_refused() {
	local want=$1 status=0

	shift
	"$PPCTL" "$@" >"$PP_TMP/out" 2>"$PP_TMP/err" || status=$?
	is "$(cat "$PP_TMP/err")" "ppctl: $want" "stderr"
	is "$(cat "$PP_TMP/out")" "" "stdout"
	is "$status" 1 "exit status"
}

is_printed() {
	local pattern=$1

	shift
	"$PPCTL" "$@" >"$PP_TMP/out" 2>"$PP_TMP/err"
	is "$(cat "$PP_TMP/err")" "" "stderr"
	grep -e "$pattern" "$PP_TMP/out"
}

# refuse MESSAGE WORD...: ppctl WORD... is refused with that message
refuse() {
	check "ppctl: '$(name_of "${@:2}")' -> refused" is_refused "$@"
}

# print PATTERN WORD...: ppctl WORD... prints the pattern and succeeds
print() {
	check "ppctl: '$(name_of "${@:2}")' -> '$1' printed" is_printed "$@"
}

# refuse_rule MESSAGE WORD...: the same of ppctl add-rule send WORD...
refuse_rule() {
	local want=$1

	shift
	refuse "$want" add-rule send "$@"
}

# refuse_accept MESSAGE WORD...: the same of ppctl add-rule accept WORD...
refuse_accept() {
	local want=$1

	shift
	refuse "$want" add-rule accept "$@"
}

is_taken() {
	local none=$PP_TMP/no-netns status=0

	"$PPCTL" -n "$none" "$@" >"$PP_TMP/out" 2>"$PP_TMP/err" || status=$?
	is "$(cat "$PP_TMP/err")" "ppctl: there is no network namespace $none ($none)" "stderr"
	is "$(cat "$PP_TMP/out")" "" "stdout"
	is "$status" 2 "exit status"
}

# take WORD...: ppctl WORD... is right
take() {
	check "ppctl: '$(name_of "$@")' -> taken" is_taken "$@"
}
