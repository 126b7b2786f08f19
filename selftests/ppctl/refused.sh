#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl, if the kernel refuses: no module, no privilege, no such object, no output. Each time the
# exit status is 2, and one line says why. And its output, compared with the man page, the header
# and itself.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

need jq setpriv unshare depmod modprobe
module_require
ns_make a b
pp_net=$(ns_name a)

man_page=$pp_tree/tools/ppctl/man/ppctl.8
header=$pp_tree/kmod/include/uapi/linux/proxyproto.h
no_module='the proxyproto kernel module is not loaded and could not be loaded: modprobe proxyproto'
no_right='permission denied: needs CAP_NET_ADMIN in this network namespace'
modprobe_path=$(cat /proc/sys/kernel/modprobe)
modules=/lib/modules/$(uname -r)
modules_hidden=''

# Restores the module and the way to it
restore() {
	local status=$?

	set +e
	[[ -z $modules_hidden ]] || umount "$modules"
	echo "$modprobe_path" >/proc/sys/kernel/modprobe
	module_load
	(exit "$status")
	pp_cleanup
}
trap restore EXIT

# says STATUS MESSAGE COMMAND...: prints nothing on stdout, and the message on stderr
says() {
	local status=0

	"${@:3}" >"$PP_TMP/out" 2>"$PP_TMP/err" || status=$?
	is "$(<"$PP_TMP/err")" "ppctl: $2" stderr
	is "$(<"$PP_TMP/out")" '' stdout
	is "$status" "$1" status
}

nobody() {
	in_net setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

# ---- the module

not_loaded() {
	says 2 "$no_module" pp list-rules
	says 2 "$no_module" pp -j show-stats
	says 2 "$no_module" pp add-rule send to any
	says 2 "$no_module" nobody "$PPCTL" show-limits
	is_loaded no
}

is_loaded() {
	local loaded=no

	if module_loaded; then
		loaded=yes
	fi
	is "$loaded" "$1" 'module loaded'
}

# Modules as if ours were installed: it, and what it depends on. Not more, since depmod takes long
# over thousands of modules.
install_module() {
	local root=$PP_TMP/modules file=${PP_MODULE:-$pp_tree/kmod/proxyproto.ko} depends path

	mkdir -p "$root$modules/updates"
	cp "$file" "$root$modules/updates/"
	for path in "$modules"/modules.{order,builtin,builtin.modinfo}; do
		[[ ! -e $path ]] || cp "$path" "$root$modules/"
	done
	depends=$(modinfo -F depends "$file")
	# shellcheck disable=SC2086 # a list
	for path in $(modprobe -D -a ${depends//,/ } | awk '$1 == "insmod" { print $2 }' | sort -u); do
		cp "$path" "$root$modules/"
	done
	depmod -b "$root" "$(uname -r)"
	mount --bind "$root$modules" "$modules"
}

# autoload OUTPUT COMMAND...: it loads the module
autoload() {
	is_loaded no
	"${@:2}" >"$PP_TMP/out"
	is_loaded yes
	is "$(<"$PP_TMP/out")" "$1"
}

# TCP loads a ULP for CAP_NET_ADMIN alone
not_by_nobody() {
	is_loaded no
	not nobody "$pp_selftests/tools/ulp_send_cases.py" ulp >"$PP_TMP/out" 2>&1
	grep -q 'FileNotFoundError' "$PP_TMP/out"
	is_loaded no
}

test_module() {
	echo /bin/false >/proc/sys/kernel/modprobe
	module_unload
	check "ppctl: module not loaded, modprobe finds none -> told so, status 2" not_loaded
	echo "$modprobe_path" >/proc/sys/kernel/modprobe
	if [[ ! -d $modules ]]; then
		skip "ppctl: module installed, not loaded -> loaded by need" "no $modules"
		module_load
		return
	fi
	install_module
	modules_hidden=1
	check "ppctl: module installed, not loaded -> list-rules loads it" \
		autoload '[]' pp -j list-rules
	module_unload
	check "ppctl: the same without privilege -> show-limits loads it" \
		autoload $'handshakes 65536\npending 131072\naccepted 1000000' nobody "$PPCTL" show-limits
	module_unload
	check "ppctl: the same, a socket asks for the ULP -> loaded" autoload proxyproto \
		"$pp_selftests/tools/ulp_send_cases.py" ulp
	module_unload
	check "ppctl: the same without privilege -> ENOENT, not loaded" not_by_nobody
	umount "$modules"
	modules_hidden=''
	module_load
}

# ---- privilege

unprivileged() {
	pp add-rule send to 10.0.0.2
	says 2 "$no_right" nobody "$PPCTL" add-rule send to any
	says 2 "$no_right" nobody "$PPCTL" delete-rule 1
	says 2 "$no_right" nobody "$PPCTL" list-rules
	says 2 "$no_right" nobody "$PPCTL" flush-rules
	says 2 "$no_right" nobody "$PPCTL" list-connections
	says 2 "$no_right" nobody "$PPCTL" set-limit handshakes 5
	is "$(plain_rules)" '1: send to 10.0.0.2 version 2'
	is "$(limit handshakes)" 65536
}

unprivileged_reads() {
	is "$(nobody "$PPCTL" show-limits)" "$(pp show-limits)"
	is "$(nobody "$PPCTL" -j show-stats | jq '.[0].rules')" 1
}

# Root of a user namespace has power over the network namespace that belongs to it
own_namespace() {
	# shellcheck disable=SC2016 # expanded there
	nobody unshare -rUn bash -euc '
		"$1" add-rule send to any
		"$1" set-limit handshakes 7
		"$1" show-limits | head -n 1
		"$1" delete-rule 1
		"$1" list-rules
		"$1" list-connections' - "$PPCTL" >"$PP_TMP/out"
	is "$(cat "$PP_TMP/out")" $'1: send to any version 2  # tagged 0 acked 0 resent 0\nhandshakes 7'
	is "$(plain_rules)" '1: send to 10.0.0.2 version 2'
	is "$(limit handshakes)" 65536
}

foreign_namespace() {
	says 2 "$no_right" nobody unshare -rU "$PPCTL" list-rules
	says 2 "$no_right" nobody unshare -rU "$PPCTL" flush-rules
	says 2 "cannot enter network namespace $pp_net: needs CAP_SYS_ADMIN" \
		nobody unshare -rUn "$PPCTL" -n "$pp_net" list-rules
	says 2 'cannot open network namespace /proc/1/ns/net (/proc/1/ns/net): Permission denied' \
		nobody unshare -rUn "$PPCTL" -n /proc/1/ns/net list-rules
	is "$(plain_rules)" '1: send to 10.0.0.2 version 2'
}

# ---- objects that do not exist, or exist already

unknown() {
	refused 'there is no rule 4711' delete-rule 4711
	refused 'there is no rule 4711' delete-rule 1 4711
	says 2 'there is no network namespace no-such (/run/netns/no-such)' "$PPCTL" -n no-such list-rules
	says 2 'there is no network namespace /no/such (/no/such)' "$PPCTL" -n /no/such list-rules
	says 2 '/proc/self/ns/mnt is not a network namespace' "$PPCTL" -n /proc/self/ns/mnt list-rules
}

duplicate() {
	refused 'rule 1 has the same destination, ports and mark' add-rule send to 10.0.0.2 version 1
}

# ---- output

written_nowhere() {
	local status=0

	pp "$@" >&- 2>"$PP_TMP/err" || status=$?
	is "$(<"$PP_TMP/err")" 'ppctl: cannot write the output: Bad file descriptor'
	is "$status" 2
	status=0
	pp "$@" >/dev/full 2>"$PP_TMP/err" || status=$?
	is "$(<"$PP_TMP/err")" 'ppctl: cannot write the output: No space left on device'
	is "$status" 2
}

# Keys that the man page names for a command and a direction
documented() {
	sed -n '/^\.Sh OUTPUT$/,/^\.Sh FILES$/p' "$man_page" |
		sed -n "/^\.It Cm $1\$/,/^\.\(It\|El\)/p" | sed -n 's/^\.Sy \([a-z_0-9]*\).*/\1/p' | sort -u
}

# keys_documented WORDS COMMAND...: those of its JSON, at every level
keys_documented() {
	local json keys status=0

	json=$(pp -j "${@:2}") || status=$?
	# "check" warns: in a namespace of a test there is no default route
	is "$status" "$([[ $2 != check ]] && echo 0 || echo 3)" status
	keys=$(jq -r '[.. | objects | keys[]] | unique | .[]' <<<"$json" | sort -u)
	[[ -n $keys ]]
	is "$keys" "$(documented "$1")"
}

rule_keys() {
	keys_documented 'add-rule , replace-rule , list-rules No (send)' \
		add-rule send to 10.0.0.5 port 80,90-99 mark 1/3 tlv 0xe1=x comment x
	keys_documented 'add-rule , replace-rule , list-rules No (send)' list-rules
	is "$(pp -j list-rules | jq -c '.[-1] | del(.id)')" \
		'{"direction":"send","to":"10.0.0.5","ports":[{"first":80,"last":80},{"first":90,"last":99}],"mark":{"value":1,"mask":3},"version":2,"origin":"local","unique_id":false,"crc32c":false,"passed_tlvs":"pass","tlvs":[{"type":225,"name":null,"text":"x","value":"0x78"}],"comment":"x","tagged":0,"acked":0,"resent":0}'
}

accept_rule_keys() {
	keys_documented 'add-rule , replace-rule , list-rules No (accept)' \
		add-rule accept to 10.0.0.6 port 80,90-99 from 10.0.0.1,10.1.0.0/16 comment x
	is "$(pp -j list-rules | jq -c '.[-1] | del(.id)')" \
		'{"direction":"accept","to":"10.0.0.6","ports":[{"first":80,"last":80},{"first":90,"last":99}],"from":["10.0.0.1","10.1.0.0/16"],"dev":null,"map4":null,"map6":null,"map6_per":null,"header":"required","stacked":1,"timeout":60,"comment":"x","accepted":0,"passed":0,"refused":0}'
	is "$(pp -j add-rule accept to 10.0.0.7 from any dev eth0 header optional timeout 3 | jq -c '.[0] | del(.id)')" \
		'{"direction":"accept","to":"10.0.0.7","ports":[],"from":["any"],"dev":"eth0","map4":null,"map6":null,"map6_per":null,"header":"optional","stacked":1,"timeout":3,"comment":null,"accepted":0,"passed":0,"refused":0}'
}

# A SYN that nobody answers
connection_keys() {
	pp add-rule send to 10.9.9.2
	start_bg syn a "$PEER" client -c 10.9.9.2 -p 80
	wait_until 10 in_progress
	keys_documented 'list-connections No (send)' list-connections
}

in_progress() {
	(($(stats handshakes) == 1))
}

every_counter() {
	local names

	names=$(sed -n '/^enum pp_stats_attr {/,/^}/s/^\tPP_STATS_ATTR_\([A-Z0-9_]*\),$/\1/p' "$header" |
		grep -vxE 'UNSPEC|PAD' | tr '[:upper:]' '[:lower:]')
	(($(wc -l <<<"$names") > 20))
	is "$(pp -j show-stats | jq -r '.[0] | keys_unsorted[]')" "$names" JSON
	is "$(pp show-stats | awk 'NR > 1 { print $1 }')" "$names" text
	is "$(pp show-stats | awk 'NR > 1 && NF < 4')" '' 'without a meaning'
}

add_variety() {
	pp flush-rules
	pp add-rule send to any
	pp add-rule send to any port 1-65535 version 1
	pp add-rule send to 0.0.0.0/0 port 80 mark 0xffffffff origin proxy
	pp add-rule send to ::/0 port 80 mark 0/0x80000000
	pp add-rule send to 10.0.0.0/31 port 1,3,5-7,65535 mark 7/15 comment plain
	pp add-rule send to fd00::/64 port "$(seq -s , 1 2 63)" comment 'two words'
	pp add-rule send to fd00:1:2:3:4:5:6:7 comment "it's"
	pp add-rule send to ::1 comment '"quoted" # not a counter'
	# shellcheck disable=SC2016 # not to be expanded
	pp add-rule send to 10.0.0.1 comment '$HOME `id` * \ ; & | > ~ !'
	pp add-rule send to 10.0.0.2 comment ' blanks at both ends '
	pp add-rule send to 10.0.0.3 comment 'Grüße, 世界'
	pp add-rule send to 10.0.0.4 comment port
	pp add-rule send to 10.0.0.5 origin proxy version 1 comment -j
	pp add-rule send to 10.0.0.6 comment "$(printf 'x%.0s' {1..255})"
	pp add-rule accept to any from any
	pp add-rule accept to 10.0.0.2 port 22,80 from 10.0.0.1,10.0.0.4/30 header optional
	pp add-rule accept to fd00::/8 from "$(seq -f 'fd00::%.0f' -s , 64)" timeout 3 comment 'two words'
	pp add-rule accept to any port "$(seq -s , 1 2 63)" from ::/0,10.0.0.0/24 timeout 3600
}

# A printed rule can be entered, and is then printed in the same way
round_trip() {
	local line words

	add_variety >"$PP_TMP/added"
	plain_rules | sed 's/^[0-9]*: //' >"$PP_TMP/first"
	is "$(sed 's/^[0-9]*: //' "$PP_TMP/added" | without_counters)" "$(cat "$PP_TMP/first")"
	is "$(wc -l <"$PP_TMP/first")" 18
	pp flush-rules
	while IFS= read -r line; do
		eval "words=($line)"
		pp add-rule "${words[@]}" >/dev/null
	done <"$PP_TMP/first"
	is "$(plain_rules | sed 's/^[0-9]*: //')" "$(cat "$PP_TMP/first")"
}

test_module
check "ppctl: no privilege, what changes or shows rules -> refused, status 2" unprivileged
check "ppctl: no privilege, counters and limits -> shown" unprivileged_reads
if nobody unshare -rUn true 2>/dev/null; then
	check "ppctl: user namespace, its own network namespace -> ruled" own_namespace
	check "ppctl: user namespace, a network namespace not its own -> refused" foreign_namespace
else
	skip "ppctl: user namespace -> rules its own alone" "no unprivileged user namespaces here"
fi
check "ppctl: rule or network namespace that does not exist -> refused, status 2" unknown
check "ppctl: rule that exists -> refused with its id, status 2" duplicate
for command in list-rules '-j list-rules' show-stats '-p show-limits' -h; do
	# shellcheck disable=SC2086 # words
	check "ppctl: $command, stdout closed or full -> status 2" written_nowhere $command
done
veth_make a eth0 b eth0
addr_add a eth0 10.9.9.1/24
check "ppctl: JSON of send rules -> the keys of the man page" rule_keys
check "ppctl: JSON of accept rules -> the keys of the man page" accept_rule_keys
check "ppctl: JSON of send connections -> the keys of the man page" connection_keys
check "ppctl: JSON of limits -> the keys of the man page" keys_documented show-limits show-limits
check "ppctl: JSON of check -> the keys of the man page" keys_documented check check
check "ppctl: show-stats -> every counter of the header, in order, explained" every_counter
stop_bg syn KILL
check "ppctl: rules as printed, entered again -> printed the same" round_trip
