# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the tests of the completion share: they call its function as bash does.

# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/rule.sh"
# shellcheck source=tools/ppctl/completion/ppctl
. "$pp_tree/tools/ppctl/completion/ppctl"

[[ -x $PPCTL ]] || skip_all "$PPCTL is not built"

ppctl() {
	"$PPCTL" "$@"
}

# completed WORD...: sets COMPREPLY to what is offered for the last word
completed() {
	# shellcheck disable=SC2034 # read by the function
	COMP_LINE="$*" COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_ppctl "$1"
}

# offers CANDIDATES WORD...
offers() {
	completed "${@:2}"
	is "${COMPREPLY[*]}" "$1" "${*:2}"
}

# complete_to CANDIDATES WORD...: one result
complete_to() {
	check "ppctl: completion of '${*:2}' -> '$1'" offers "$@"
}
