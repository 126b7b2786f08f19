#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl: completion in bash of all that needs no module. The test calls the completion function as
# bash does, and compares what it offers.
set -euo pipefail
# shellcheck source=selftests/lib/complete.sh
. "${BASH_SOURCE[0]%/*}/../lib/complete.sh"

commands() {
	ppctl -h | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p' | awk '!seen[$0]++' | paste -sd ' '
}

all_commands() {
	local word

	completed ppctl ''
	for word in "${COMPREPLY[@]}"; do
		ppctl "$word" -h >/dev/null
	done
	is "${COMPREPLY[*]}" "$(commands)"
}

# values KEYWORD RULE...: rules with each offered value are taken, and a rule with another is not
values() {
	local value none=$PP_TMP/none want

	completed ppctl add-rule "${@:2}" "$1" ''
	((${#COMPREPLY[@]} >= 2)) || fail "offered: ${COMPREPLY[*]}"
	want="ppctl: there is no network namespace $none ($none)"
	for value in "${COMPREPLY[@]}"; do
		is "$(ppctl -n "$none" add-rule "${@:2}" "$1" "$value" 2>&1 || true)" "$want"
	done
}

# The keywords of the grammar, without those already given
keywords() {
	offers 'port mark version origin authority alpn netns tlv tlvs unique-id crc32c comment' \
		ppctl add-rule send to 10.0.0.2 ''
	offers 'to port dev map4 map6 per map6-key header stacked timeout comment' ppctl add-rule accept from any ''
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

# Names of files, and of directories, as the shell finds them
files() {
	mkdir "$PP_TMP/files"
	touch "$PP_TMP/files/rules "{a,b}
	completed ppctl save "$PP_TMP/files/r"
	is "$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ,)" "$PP_TMP/files/rules a,$PP_TMP/files/rules b"
	completed ppctl restore -n blue "$PP_TMP/file"
	is "${COMPREPLY[*]}" "$PP_TMP/files"
	completed ppctl restore rules "$PP_TMP/file"
	is "${COMPREPLY[*]}" ''
}

check "ppctl: completion of no word -> every command, and no other" all_commands
complete_to 'add-rule attach' ppctl a
complete_to 'show-stats show-limits' ppctl show
complete_to '' ppctl list-rules ''
complete_to '' ppctl list-connections client ''
complete_to '' ppctl no-such ''
complete_to '--json -j --pretty -p --netns -n --help -h --version -V' ppctl -
complete_to '--json' ppctl --j
complete_to 'delete-rule detach' ppctl -jp -n blue d
complete_to 'delete-rule detach' ppctl -nblue d
complete_to '--json -j --pretty -p --netns -n --help -h --version -V --reset' ppctl list-rules -
complete_to '--reset' ppctl show-stats --r
complete_to 'acked accepted' ppctl monitor event a
complete_to 'handshakes pending accepted' ppctl set-limit -j --netns blue ''
complete_to 'pending' ppctl --netns=blue set-limit -j p
complete_to 'show-rules' ppctl show-r
complete_to 'rule direction state client seen to count' ppctl list-connections ''
complete_to 'state seen' ppctl list-connections direction send s
complete_to 'syn-sent syn-recv' ppctl list-connections state syn
complete_to 'rule-added rule-removed' ppctl monitor event rule
complete_to 'openmetrics prometheus' ppctl show-stats --format ''
complete_to 'show-stats set-limit show-limits save' ppctl help s
complete_to '' ppctl add-rule send to any -
complete_to 'to port from header stacked timeout' ppctl attach ''
complete_to 'port header stacked timeout' ppctl attach to any from any ''
complete_to 'required optional' ppctl attach header ''
complete_to '1 2 3 4 5 6 7 8' ppctl attach stacked ''
complete_to 'port' ppctl detach to any ''
complete_to 'send accept' ppctl add-rule ''
complete_to 'accept' ppctl add-rule a
complete_to 'to port from dev' ppctl get-rule accept ''
complete_to 'port mark' ppctl get-rule send to 10.0.0.2 ''
complete_to 'handshakes pending accepted' ppctl set-limit ''
complete_to '' ppctl set-limit pending ''
complete_to '' ppctl add-rule send to ''
check "ppctl: completion of keywords -> those of the direction that are not given" keywords
check "ppctl: completion of version -> values that are taken" values version send to any
check "ppctl: completion of origin -> values that are taken" values origin send to any
check "ppctl: completion of tlvs -> values that are taken" values tlvs send to any
check "ppctl: completion of header -> values that are taken" values header accept to any from any
check "ppctl: completion of stacked -> values that are taken" values stacked accept to any from any
check "ppctl: completion of save and restore -> files" files
check "ppctl: completion behind words that bash cuts -> as ever" cut_words
