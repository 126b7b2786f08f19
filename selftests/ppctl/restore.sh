#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Rules and limits saved and restored: restore puts into force what save has written, all or nothing,
# rules that stay keep id and counters, and no connection begins without rules.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

need jq
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
	pp add-rule accept to 10.0.0.2 port 22,80-90 from 10.0.0.1,10.0.0.4/30 dev eth0 header optional stacked 3 timeout 3
	pp add-rule accept to fd00::/8 from "$(seq -f 'fd00::%.0f' -s , 64)" comment '#'
}

# The rules of a saved file, without its first line and the limits
saved_rules() {
	sed '1d;/^limit /d' "$1"
}

round_trip() {
	variety >/dev/null
	without_ids >"$PP_TMP/want"
	pp save "$file"
	is "$(saved_rules "$file")" "$(cat "$PP_TMP/want")"
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
	is "$(without_ids | sort -r)" $'send to 10.0.0.9 version 2 comment \'a b "c\'\nsend to 10.0.0.8 version 2'
	! pp restore "$PP_TMP/bad" || fail 'taken'
}

# leaves STATUS MESSAGE: restore of the lines of stdin is refused, and no rule changes
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
	saved_rules "$PP_TMP/saved" | cmp - "$PP_TMP/many"
	pp restore "$PP_TMP/saved"
	is "$(stats rules)" 20000
	is "$(pp -j list-rules | jq '[.[].id] | . == sort and length == (unique | length)')" true
}

# A restore has begun when it opens its socket, after it has read its file
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

no_gap() {
	{
		hosts 50
		echo "send to $BACKEND port 8080 version 2"
	} >"$PP_TMP/loop"
	pp restore "$PP_TMP/loop"
	no_gap_while "'$PPCTL' restore '$PP_TMP/loop'"
}

# reported FILE LINES: what restore of the file says
reported() {
	is "$(pp restore "${@:3}" "$1")" "$2"
}

# The lines of list-rules for an id
line_of() {
	pp list-rules | grep "^$1: "
}

# All from before stays, with its counters, but for the one that is changed
kept_changed_removed() {
	local TARGET=$BACKEND PORT=8080 used changed removed before

	pp flush-rules
	pp add-rule send to "$BACKEND" port 8080 >/dev/null
	pp add-rule accept to 10.0.9.9 port 22 from 10.0.9.1 >/dev/null
	pp add-rule send to 10.0.9.8 mark 1 >/dev/null
	used=$(pp list-rules | sed -n '1s/:.*//p')
	changed=$((used + 1)) removed=$((used + 2))
	transfer 3 --header v2 "${names_client[@]}" --
	wait_until 10 acked_is "$used" 3
	before=$(line_of "$used")
	cat >"$file" <<-END
		accept to 10.0.9.9 port 22 from 10.0.9.1 timeout 7
		send to $BACKEND port 8080
		send to 10.0.9.7
	END
	pp list-rules >"$PP_TMP/before"
	reported "$file" "changed $changed: accept to 10.0.9.9 port 22 from 10.0.9.1 header required timeout 7
added: send to 10.0.9.7 version 2
removed $removed: send to 10.0.9.8 mark 0x1 version 2
would be restored: 1 added, 1 changed, 1 removed, 1 as before" --check
	pp list-rules | cmp - "$PP_TMP/before"
	is "$(pp -j restore "$file" | jq -c '[.[] | [.change, .rule.id, .rule.to]]')" \
		"[[\"changed\",$changed,\"10.0.9.9\"],[\"added\",null,\"10.0.9.7\"],[\"removed\",$removed,\"10.0.9.8\"]]"
	is "$(line_of "$used")" "$before"
	is "$(line_of "$changed")" \
		"$changed: accept to 10.0.9.9 port 22 from 10.0.9.1 header required timeout 7  # accepted 0 passed 0 refused 0"
	is "$(stats rules)" 3
	transfer 2 --header v2 "${names_client[@]}" --
	wait_until 10 acked_is "$used" 5
	reported "$file" 'restored: 0 added, 0 changed, 0 removed, 3 as before'
	pp flush-rules
}

acked_is() {
	line_of "$1" | grep -q " acked $2 "
}

# Only what changed is told to listeners
events_of_changes() {
	pp flush-rules
	pp add-rule send to 10.0.9.1,10.0.9.2,10.0.9.3 >/dev/null
	start_bg events - "$PPCTL" -n "$pp_net" monitor -j
	sleep 0.5
	printf 'send to 10.0.9.1\nsend to 10.0.9.2 version 1\nsend to 10.0.9.4\n' | pp restore >/dev/null
	wait_until 10 bg_says events '"to":"10.0.9.4"'
	stop_bg events
	is "$(jq -r '.event + " " + .rule.to' "$PP_TMP/bg/events.out" | sort | paste -sd ,)" \
		'rule-added 10.0.9.2,rule-added 10.0.9.4,rule-removed 10.0.9.2,rule-removed 10.0.9.3'
	pp flush-rules
}

limits_too() {
	pp set-limit pending 777
	pp set-limit handshakes 4242
	echo 'send to 10.0.9.1' | pp restore >/dev/null
	is "$(limit pending) $(limit handshakes)" '777 4242' 'a file without limits leaves them'
	pp save "$file"
	is "$(sed -n 's/^limit //p' "$file" | paste -sd ,)" 'handshakes 4242,pending 777,accepted 1000000'
	pp set-limit pending 5
	pp set-limit handshakes 6
	pp restore -c "$file" >/dev/null
	is "$(limit pending) $(limit handshakes)" '5 6' 'checked only'
	printf 'set-limit pending 9\nsend to 10.0.9.1 bad\n' | leaves 1 \
		"stdin:2: unknown keyword 'bad': see ppctl add-rule -h"
	printf 'limit pending 9\nsend to any\nsend to any\n' | leaves 2 \
		'stdin:3: line 2 has the same destination, ports and mark'
	is "$(limit pending)" 5 'after an error'
	printf 'limit pending 9\nlimit pending 9\nsend to any\n' | leaves 1 \
		"stdin:2: limit 'pending' is given twice"
	printf 'limit pending 0\nsend to any\n' | leaves 1 \
		"stdin:1: '0' is not a limit of pending connections: a number from 1 to 1048576"
	pp restore "$file" >/dev/null
	is "$(limit pending) $(limit handshakes)" '777 4242'
	pp set-limit pending 131072
	pp set-limit handshakes 65536
}

# Lines as documents and list-rules have them
other_forms() {
	printf 'ppctl add-rule send to 10.0.9.1\nadd-rule send to 10.0.9.2\n7: send to 10.0.9.3 version 2  # tagged 1 acked 1 resent 0\nppctl set-limit pending 131072\n' |
		pp restore >/dev/null
	is "$(without_ids | paste -sd ,)" \
		'send to 10.0.9.1 version 2,send to 10.0.9.2 version 2,send to 10.0.9.3 version 2'
	pp list-rules | pp restore | tail -n 1 >"$PP_TMP/said"
	is "$(<"$PP_TMP/said")" 'restored: 0 added, 0 changed, 0 removed, 3 as before'
}

# A rule that stays is deleted between the moment it is staged and the commit: restore begins anew
deleted_meanwhile() {
	{
		hosts 20000
		echo 'send to 10.0.9.1'
	} >"$PP_TMP/long"
	pp restore "$PP_TMP/long" >/dev/null
	start_bg long - "$PPCTL" -n "$pp_net" restore "$PP_TMP/long"
	wait_until 60 has_socket
	sleep 0.1
	pp delete-rule "$(pp list-rules | sed -n '1s/:.*//p')"
	pp delete-rule "$(pp list-rules | sed -n '1s/:.*//p')"
	wait_bg long
	is "$(stats rules)" 20001
}

empty_refused() {
	local text

	echo 'send to 10.0.9.1' | pp restore >/dev/null
	for text in '' $'# only a comment\n\n' $'limit pending 131072\n'; do
		printf %s "$text" | leaves 2 \
			'stdin has no rule: all rules would be deleted (if that is meant: --allow-empty)'
	done
}

none_left() {
	echo | pp restore --allow-empty >/dev/null
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
name='ppctl: two restores at once, one killed -> refused, then nothing left of it'
sim_skip "$name" 'the first one takes no time' || check "$name" concurrent_and_killed
check "ppctl: restore in a loop -> each connection has its header" no_gap
check "ppctl: restore of what is there, changed and missing -> told; id and counters kept" kept_changed_removed
check "ppctl: restore -> events of changed rules alone" events_of_changes
check "ppctl: limits -> saved and restored with the rules, or not at all" limits_too
check "ppctl: lines of list-rules and of documents -> restored" other_forms
name='ppctl: a rule that stays is deleted during a restore -> restored all the same'
sim_skip "$name" 'the first one takes no time' || check "$name" deleted_meanwhile
check "ppctl: a file without rules -> refused" empty_refused
check "ppctl: a file without rules, --allow-empty -> no rules, no header" none_left
check "ppctl: module unloaded after restore -> gone" gone
