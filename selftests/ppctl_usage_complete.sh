#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl: completion in bash of what needs no module. The completion function is
# called as bash calls it, and what it offers compared.
set -euo pipefail
# shellcheck source=selftests/lib_complete.sh
. "${BASH_SOURCE[0]%/*}/lib_complete.sh"

commands() {
	ppctl -h | sed -n '/^Commands:/,$s/^  \([a-z][a-z-]*\).*/\1/p' | awk '!seen[$0]++' | paste -sd ' '
}

all_commands() {
	local word

	completed ppctl ''
	for word in "${COMPREPLY[@]}"; do
		ppctl "$word" -h >/dev/null
	done
	is "${COMPREPLY[*]}" "$(commands)"
}

# values KEYWORD RULE...: each that is offered is taken, and another is not
values() {
	local value none=$PP_TMP/none want

	completed ppctl add-rule "${@:2}" "$1" ''
	((${#COMPREPLY[@]} == 2)) || fail "offered: ${COMPREPLY[*]}"
	want="ppctl: there is no network namespace $none ($none)"
	for value in "${COMPREPLY[@]}"; do
		is "$(ppctl -n "$none" add-rule "${@:2}" "$1" "$value" 2>&1 || true)" "$want"
	done
}

# Those that the grammar takes, less what is given
keywords() {
	offers 'port mark version origin authority alpn netns tlv tlvs unique-id crc32c comment' \
		ppctl add-rule send to 10.0.0.2 ''
	offers 'to port header timeout comment' ppctl add-rule accept from any ''
	offers 'tlv tlvs' ppctl add-rule send tlv 0xe0=1 tl
	offers 'crc32c comment' ppctl add-rule send netns c
	offers 'comment' ppctl add-rule send crc32c c
	offers '' ppctl add-rule send from any ''
}

# bash cuts words at ":" and "="
cut_words() {
	COMP_LINE='ppctl add-rule send to fd00::2 v' COMP_WORDS=(ppctl add-rule send to fd00 :: 2 v)
	COMP_CWORD=7 _ppctl ppctl
	is "${COMPREPLY[*]}" version
	COMP_LINE='ppctl add-rule send tlv 0xe0=1 to fd00:: v'
	COMP_WORDS=(ppctl add-rule send tlv 0xe0 "=" 1 to fd00 :: v)
	COMP_CWORD=10 _ppctl ppctl
	is "${COMPREPLY[*]}" version
}

check "ppctl: completion of no word -> every command, and no other" all_commands
complete_to 'add-rule' ppctl a
complete_to 'show-stats show-limits' ppctl show
complete_to '' ppctl list-rules ''
complete_to '' ppctl no-such ''
complete_to '-j -p -n -h -V' ppctl -
complete_to 'delete-rule' ppctl -jp -n blue d
complete_to 'delete-rule' ppctl -nblue d
complete_to '-h' ppctl list-rules -
complete_to 'send accept' ppctl add-rule ''
complete_to 'accept' ppctl add-rule a
complete_to 'handshakes pending accepted' ppctl set-limit ''
complete_to '' ppctl set-limit pending ''
complete_to '' ppctl add-rule send to ''
check "ppctl: completion of keywords -> those of the direction that are not given" keywords
check "ppctl: completion of version -> values that are taken" values version send to any
check "ppctl: completion of origin -> values that are taken" values origin send to any
check "ppctl: completion of tlvs -> values that are taken" values tlvs send to any
check "ppctl: completion of header -> values that are taken" values header accept to any from any
check "ppctl: completion behind words that bash cuts -> as ever" cut_words
