#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rules saved and restored: what save writes, restore puts into force, all of it
# or nothing, and no connection meets a moment without rules.
set -euo pipefail
# shellcheck source=selftests/lib_rule.sh
. "${BASH_SOURCE[0]%/*}/lib_rule.sh"

need jq nsenter
module_require
topo_lb 4
pp_net=$(ns_name lb)
file=$PP_TMP/rules

without_ids() {
	plain_rules | sed 's/^[0-9]*: //'
}

variety() {
	pp add-rule send to any
	pp add-rule send to 0.0.0.0/0 port 80 mark 0xffffffff origin proxy
	pp add-rule send to ::/0 port 80 mark 0/0x80000000 version 1
	pp add-rule send to fd00::/64 port "$(seq -s , 1 2 63)" comment "it's \"quoted\" \\ # too"
	pp add-rule send to 10.0.0.1 authority example.com alpn h2 tlv 0xe0=00ff crc32c unique-id
	pp add-rule send to 10.0.0.2 comment ' blanks at both ends '
	pp add-rule send to 10.0.0.3 comment 'Grüße, 世界'
	pp add-rule accept to any from any
	pp add-rule accept to 10.0.0.2 port 22,80-90 from 10.0.0.1,10.0.0.4/30 header optional timeout 3
	pp add-rule accept to fd00::/8 from "$(seq -f 'fd00::%.0f' -s , 64)" comment '#'
}

round_trip() {
	variety >/dev/null
	without_ids >"$PP_TMP/want"
	pp save "$file"
	is "$(tail -n +2 "$file")" "$(cat "$PP_TMP/want")"
	is "$(head -c 1 "$file")" '#'
	pp flush-rules
	pp restore "$file"
	is "$(without_ids)" "$(cat "$PP_TMP/want")"
	pp save >"$PP_TMP/again"
	cmp "$file" "$PP_TMP/again"
	pp restore - <"$PP_TMP/again"
	is "$(without_ids)" "$(cat "$PP_TMP/want")"
	is "$(stats rules)" 10
}

file_modes() {
	rm -f "$file"
	pp save "$file"
	is "$(stat -c %a "$file")" 600
	chmod 640 "$file"
	ln -s "$file" "$PP_TMP/link"
	pp save "$PP_TMP/link"
	is "$(stat -c %a "$file")" 640
	[[ -L $PP_TMP/link ]] || fail 'the link was replaced'
	is "$(compgen -G "$PP_TMP/rules.*" || true)" '' 'left behind'
}

by_hand() {
	printf '# mine\n\n  send   to "10.0.0.\\"9"\n' >"$PP_TMP/bad"
	printf '# mine\n\n  send\tto "10.0.0.9" comment a\\ "b \\"c" # end\r\n#\nsend to 10.0.0.8' >"$file"
	pp restore "$file"
	is "$(without_ids)" $'send to 10.0.0.9 version 2 comment \'a b "c\'\nsend to 10.0.0.8 version 2'
	! pp restore "$PP_TMP/bad" || fail 'taken'
}

# leaves STATUS MESSAGE: restore of the lines of stdin is refused, no rule changes
leaves() {
	local status=0 before

	before=$(pp list-rules)
	pp restore >"$PP_TMP/out" 2>"$PP_TMP/err" || status=$?
	is "$(<"$PP_TMP/err")" "ppctl: $2" stderr
	is "$status" "$1" status
	is "$(pp list-rules)" "$before" rules
}

refusals() {
	printf 'send to 10.0.0.1\nsend to nowhere\nsend to 10.0.0.2\n' |
		leaves 1 "stdin:2: 'nowhere' is not an address or prefix"
	printf "send to any\nsend to any comment 'x\n" | leaves 1 'stdin:2: a quote is not closed'
	printf 'send to any\nsend to a\0ny\n' | leaves 1 'stdin:2: the line has a NUL byte'
	printf 'send to any\n\nsend to 10.0.0.1\nsend to any version 1\n' |
		leaves 2 'stdin:4: line 1 has the same destination, ports and mark'
	printf 'send to any port 1-9,80\nsend to any mark 1\nsend to any port 80\n' |
		leaves 2 'stdin:3: line 1 has the same destination, ports and mark'
}

hosts() {
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "send to 10.%d.%d.%d version 2\n", i / 65536 + 64, i / 256 % 256, i % 256 }'
}

many() {
	hosts 20000 >"$PP_TMP/many"
	pp restore "$PP_TMP/many"
	is "$(stats rules)" 20000
	pp save "$PP_TMP/saved"
	tail -n +2 "$PP_TMP/saved" | cmp - "$PP_TMP/many"
	pp restore "$PP_TMP/saved"
	is "$(stats rules)" 20000
	is "$(pp -j list-rules | jq '[.[].id] | . == sort and length == (unique | length)')" true
}

# A restore opens its socket when it has read its file, and begins
has_socket() {
	find "/proc/$(bg_pid long)/fd" -lname 'socket:*' | grep -q .
}

concurrent_and_killed() {
	echo 'send to 10.0.0.7' | pp restore
	hosts 120000 >"$PP_TMP/long"
	start_bg long - "$PPCTL" -n "$pp_net" restore "$PP_TMP/long"
	wait_until 60 has_socket
	sleep 0.2
	kill -STOP "$(bg_pid long)"
	echo 'send to 10.0.0.1' | leaves 2 \
		'another process is about to replace the rules: wait until it has ended'
	is "$(without_ids)" 'send to 10.0.0.7 version 2'
	stop_bg long KILL
	is "$(without_ids)" 'send to 10.0.0.7 version 2'
	echo 'send to 10.0.0.8' | pp restore
	is "$(without_ids)" 'send to 10.0.0.8 version 2'
}

restore_all_the_time() {
	while [[ ! -e $PP_TMP/enough ]]; do
		"$PPCTL" restore "$PP_TMP/loop"
		echo turn
	done
}

turns() {
	(($(bg_output restoring | grep -c turn) >= $1))
}

no_gap() {
	local TARGET=$BACKEND PORT=8080 round

	{
		hosts 50
		echo "send to $BACKEND port 8080 version 2"
	} >"$PP_TMP/loop"
	pp restore "$PP_TMP/loop"
	start_bg restoring lb bash -ec "$(declare -f restore_all_the_time); PP_TMP=$PP_TMP restore_all_the_time"
	for ((round = 0; round < 20; round++)); do
		transfer 100 --header v2 "${names_client[@]}" -- -j 4 --size 100
		! turns 20 || break
	done
	: >"$PP_TMP/enough"
	wait_bg restoring
	turns 20 || fail 'the rules were hardly restored'
	is "$(stats untagged)" 0
}

none_left() {
	echo | pp restore
	is "$(stats rules)" 0
	TARGET=$BACKEND PORT=8080 transfer 3 --header none --
}

gone() {
	hosts 100 | pp restore
	module_unload
	module_load
	is "$(pp -j list-rules)" '[]'
}

check "ppctl: every kind of rule, saved and restored -> the same" round_trip
check "ppctl: save to a file -> mode 600 or its own, link kept, nothing beside it" file_modes
check "ppctl: a file by hand, with comments and quotes -> restored" by_hand
check "ppctl: a wrong line, a duplicate -> its line told, nothing changed" refusals
check "ppctl: 20,000 rules -> restored, saved, restored" many
check "ppctl: two restores at once, one killed -> refused, then nothing left of it" concurrent_and_killed
check "ppctl: restore in a loop -> each connection has its header" no_gap
check "ppctl: an empty file -> no rules, no header" none_left
check "ppctl: module unloaded after restore -> gone" gone
