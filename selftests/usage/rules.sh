#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl: a command line that is wrong is refused before the kernel is asked, with a message
# that says what is wrong. accept.sh has the words of accept rules.
set -euo pipefail
# shellcheck source=selftests/lib/usage.sh
. "${BASH_SOURCE[0]%/*}/../lib/usage.sh"

# Every command that "ppctl help" has, each a line of its own in COMMANDS of the page; and no others
in_manual() {
	"$PPCTL" help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\).*/\1/p' | sort -u >"$PP_TMP/help"
	sed -n '/^\.Sh COMMANDS/,/^\.Sh OUTPUT/s/^\.\(It \)\{0,1\}Cm \([a-z-]*\).*/\2/p' \
		"$pp_tree/tools/ppctl/man/ppctl.8" >"$PP_TMP/page"
	(($(wc -l <"$PP_TMP/help") >= 13)) || fail "only $(cat "$PP_TMP/help")"
	is "$(sort -u "$PP_TMP/page" | comm -13 - "$PP_TMP/help")" '' 'not in ppctl(8)'
}

# Every option that the help has
options_in_manual() {
	local name names

	mapfile -t names < <("$PPCTL" help | grep -oE -- '--[a-z-]+' | sed 's/^--//' | sort -u)
	((${#names[@]} >= 5)) || fail "only ${names[*]}"
	for name in "${names[@]}"; do
		grep -qE "^\.(It )?(Fl . , )?Fl -$name( |\$)" "$pp_tree/tools/ppctl/man/ppctl.8" ||
			fail "--$name is not in ppctl(8)"
	done
}

test_options() {
	local command

	for command in -h --help help; do
		print '^Usage: ppctl ' "$command"
	done
	for command in add-rule replace-rule delete-rule list-rules get-rule flush-rules \
		       list-connections monitor show-stats set-limit show-limits save restore check help \
		       attach detach list-sockets; do
		print "^  $command" help
		print "^  $command" "$command" -h
		print "^  $command" "$command" --help
		print "^  $command" --help "$command"
		print "^  $command" help "$command"
	done
	check "ppctl: each command -> in its manual" in_manual
	check "ppctl: each option -> in the manual" options_in_manual
	print '^  add-rule .* accept to PREFIX' add-rule -h
	print '^  set-limit ' set-limit pending --help
	print '^  list-rules' help show-rules
	print '^ppctl ' -V
	print '^ppctl ' -jpV
	print '^ppctl ' --version
	print '^ppctl ' list-rules --version

	refuse "no command given: see ppctl --help"
	refuse "no command given: see ppctl --help" -jp
	refuse "unknown option '-x': see ppctl --help" -x list-rules
	refuse "unknown option '-x': see ppctl --help" -jx list-rules
	refuse "unknown option '--jsonn': see ppctl --help" --jsonn list-rules
	refuse "unknown option '--jsonn': see ppctl list-rules --help" list-rules --jsonn
	refuse "unknown option '-x': see ppctl list-rules --help" list-rules -jx
	refuse "unknown option '-5': see ppctl set-limit --help" set-limit pending -5
	refuse "option '--json=1' takes no value" --json=1 list-rules
	refuse "option -n needs a value" -n
	refuse "option -n needs a value" -jn
	refuse "option --netns needs a value" --netns
	refuse "option --netns needs a value" list-rules --netns
	refuse "option --netns is given twice" -n a -n b list-rules
	refuse "option --netns is given twice" -n a list-rules --netns=b
	refuse "'' is not a name of a network namespace" -n '' list-rules
	refuse "'..' is not a name of a network namespace" list-rules -n ..
	refuse "help takes one command: 'save'" help restore save
	refuse "unknown command 'rules': see ppctl --help" help rules
	take list-rules -j
	take delete-rule 1 --json --pretty 2
	take add-rule -j send to any comment -j
	take set-limit -- pending 5
}

# A namespace that does not exist, in each place and form
test_namespaces() {
	local none=/no/such want="there is no network namespace /no/such (/no/such)"
	local words

	for words in "-n $none list-rules" "-n$none list-rules" "--netns $none list-rules" \
		     "--netns=$none list-rules" "list-rules -n $none" "list-rules --netns=$none" \
		     "delete-rule 7 --netns $none 8" "add-rule -jn $none send to any" \
		     "show-rules -n $none" "show-connections -n $none" "list-stats -n $none" \
		     "list-limits -n $none"; do
		# shellcheck disable=SC2086 # words
		check "ppctl: '$words' -> in that namespace" says_status 2 "$want" $words
	done
}

# says_status STATUS MESSAGE WORD...
says_status() {
	local status=0

	"$PPCTL" "${@:3}" >"$PP_TMP/out" 2>"$PP_TMP/err" || status=$?
	is "$(cat "$PP_TMP/err")" "ppctl: $2" stderr
	is "$status" "$1" status
}

test_commands() {
	local command

	refuse "unknown command 'list-rule': see ppctl --help" list-rule
	refuse "unknown command '': see ppctl --help" ''
	refuse "unknown command 'List-rules': see ppctl --help" List-rules
	for command in list-connections monitor; do
		refuse "unknown keyword 'all': see ppctl $command --help" "$command" all
		refuse "'rule' needs a value" "$command" rule
		refuse "'rule' is given twice" "$command" rule 1 rule 2
		refuse "'rule' takes one id: '1-2'" "$command" rule 1-2
		refuse "unknown direction 'both': send or accept" "$command" direction both
		take "$command" rule 3 direction accept
	done
	refuse "unknown state 'open': see ppctl(8)" list-connections state open
	refuse "unknown state 'unknown': see ppctl(8)" list-connections state unknown
	refuse "count takes no arguments: 'x'" list-connections count x
	refuse "10.0.0.1/8 has host bits set: use 10.0.0.0/8" list-connections client 10.0.0.1/8
	refuse "unknown keyword 'event': see ppctl list-connections --help" list-connections event x
	refuse "unknown event 'lost': tagged, acked, accepted, refused, closed, limit, rule-added or rule-removed" \
		monitor event lost
	refuse "unknown keyword 'state': see ppctl monitor --help" monitor state closed
	refuse "monitor takes no arguments: 'count'" monitor count
	take list-connections state header-awaited client any to fd00::/64 count
	take monitor event refused
	take monitor event closed
	take monitor event limit direction send
	take show-stats --reset
	take list-rules --reset
	refuse "--format and --reset exclude each other: a monitoring system computes differences itself" \
		show-stats --reset --format openmetrics
	refuse "unknown option '--reset': see ppctl list-connections --help" list-connections --reset
	refuse "unknown option '--reset': see ppctl --help" --reset list-rules
	refuse "option '--reset=1' takes no value" list-rules --reset=1
	for command in list-rules flush-rules list-sockets show-stats show-limits check; do
		refuse "$command takes no arguments: 'all'" "$command" all
		refuse "$command takes no arguments: '-j'" "$command" -- -j
	done
	# A mistake is reported before a namespace that does not exist
	refuse "list-rules takes no arguments: 'all'" -n nosuch list-rules all
}

test_grammar() {
	local keyword

	refuse "a rule begins with its direction: send or accept" add-rule
	for keyword in to Send Accept accepts ''; do
		refuse "unknown direction '$keyword': a rule begins with send or accept" \
			add-rule "$keyword" to any
	done
	refuse_rule "a rule needs 'to' and a destination"
	refuse_rule "a rule needs 'to' and a destination" port 80
	refuse_rule "'to' needs a value" to
	refuse_rule "'port' needs a value" to any port
	refuse_rule "'comment' needs a value" to any comment
	refuse_rule "'to' is given twice" to any to any
	refuse_rule "'port' is given twice" to any port 80 port 81
	refuse_rule "'mark' is given twice" mark 1 to any mark 1
	refuse_rule "'version' is given twice" to any version 1 version 2
	refuse_rule "'origin' is given twice" to any origin local origin local
	refuse_rule "'comment' is given twice" to any comment a comment b
	refuse_rule "unknown keyword 'ports': see ppctl add-rule -h" to any ports 80
	refuse_rule "unknown keyword 'p': see ppctl add-rule -h" to any p 80
	refuse_rule "unknown keyword '': see ppctl add-rule -h" to any ''
	refuse_rule "unknown keyword '10.0.0.1': see ppctl add-rule -h" 10.0.0.1
	for keyword in -j --json --help --no-such; do
		refuse_rule "option '$keyword' stands in a rule: options stand before the rule" \
			to any "$keyword"
	done
	for keyword in netns unique-id crc32c; do
		refuse_rule "unknown keyword 'value': see ppctl add-rule -h" \
			to any "$keyword" value
		refuse_rule "'$keyword' is given twice" to any "$keyword" "$keyword"
		refuse_rule 'a header of version 1 has no TLVs' to any version 1 "$keyword"
	done
	refuse_rule "'authority' is given twice" to any authority a authority b
	refuse_rule "'tlv' needs a value" to any tlv
	refuse_rule "unknown tlvs 'keep': pass or drop" to any tlvs keep
	refuse_rule "unknown version '3': 1 or 2" to any version 3
	refuse_rule "unknown version '02': 1 or 2" to any version 02
	refuse_rule "unknown version 'v2': 1 or 2" to any version v2
	refuse_rule "unknown origin 'none': local or proxy" to any origin none
	refuse_rule "unknown origin 'LOCAL': local or proxy" to any origin LOCAL
}

test_tlvs() {
	local text many=() i

	for text in '' 'a b' $'a\nb' $'caf\xc3\xa9'; do
		[[ -z $text ]] ||
			refuse_rule "'$text' has a character that no authority has" \
				to any authority "$text"
	done
	refuse_rule "'authority' needs a name of 1 to 255 bytes" to any authority ''
	refuse_rule "'alpn' needs a name of 1 to 255 bytes" to any alpn "$(printf 'a%.0s' {1..256})"
	refuse_rule "'0xe1' is not a TLV: TYPE=VALUE" to any tlv 0xe1
	for text in '' 1 0x02 0x05 223 240 256 0xE 0xe11 0XE1 ALPN aws; do
		refuse_rule "'$text' is not a type: 0xe0 to 0xef, aws-vpce-id, azure-link-id or gcp-psc-id" \
			to any tlv "$text=x"
	done
	refuse_rule "'0xe1=0x1' has an odd number of digits: two for each byte" to any tlv 0xe1=0x1
	refuse_rule "'0xe1=0x1g' has a digit that is not hexadecimal" to any tlv 0xe1=0x1g
	refuse_rule "'azure-link-id=4294967296': azure-link-id is a number from 0 to 4294967295" \
		to any tlv azure-link-id=4294967296
	refuse_rule "'gcp-psc-id=x': gcp-psc-id is a number from 0 to 18446744073709551615" \
		to any tlv gcp-psc-id=x
	refuse_rule "'aws-vpce-id=' has no value" to any tlv aws-vpce-id=
	text=0xe1=$(printf 'a%.0s' {1..513})
	refuse_rule "the value in '$text' has more than 512 bytes" to any tlv "$text"
	for i in {1..17}; do
		many+=(tlv "0xe1=$i")
	done
	refuse_rule 'a rule has at most 16 TLVs' to any "${many[@]}"
}

test_prefixes() {
	local text

	for text in '' web 10.0.0 10.0.0.256 10.0.0.01 010.0.0.1 0x0a000001 \
		    ' 10.0.0.1' '10.0.0.1 ' 10.0.0.1:80 \
		    10.0.0.1-10.0.0.9 '[fd00::1]' fe80::1%eth0 fd00:::1 \
		    1:2:3:4:5:6:7:8:9 Any /24 \
		    0000:0000:0000:0000:0000:0000:0000:0000:0000:0000; do
		refuse_rule "'$text' is not an address or prefix" to "$text"
	done
	for text in 10.0.0.0/ 10.0.0.0/+24 '10.0.0.0/ 24' 10.0.0.0/24x \
		    10.0.0.0/08 10.0.0.0/-1 10.0.0.0/24/24 fd00::/0x40 \
		    10.0.0.0/255.255.255.0; do
		refuse_rule "bad prefix length in '$text'" to "$text"
	done
	refuse_rule "prefix length in '10.0.0.0/33' is above 32" to 10.0.0.0/33
	refuse_rule "prefix length in 'fd00::/129' is above 128" to fd00::/129

	refuse_rule "'' is not an address or prefix" to 10.0.0.1,
	refuse_rule "'x' is not an address or prefix" to 10.0.0.1,x
	refuse_rule "destination 10.0.0.1 is given twice" to 10.0.0.1,10.0.0.2,10.0.0.1/32
	refuse_rule "'any' is every destination: write it alone" to any,10.0.0.1
	text=$(seq -f '10.0.0.%.0f' -s , 64)
	refuse_rule "a rule has at most 64 destinations" to "$text,10.0.1.1"
	take add-rule send to "$text"
	take add-rule send to 10.0.0.2,fd00::/64 port 80

	refuse_rule "10.0.0.2/24 has host bits set: use 10.0.0.0/24" to 10.0.0.2/24
	refuse_rule "10.0.0.1/31 has host bits set: use 10.0.0.0/31" to 10.0.0.1/31
	refuse_rule "10.0.0.0/0 has host bits set: use 0.0.0.0/0" to 10.0.0.0/0
	refuse_rule "fd00::1/64 has host bits set: use fd00::/64" to fd00::1/64
	refuse_rule "fd00::/1 has host bits set: use 8000::/1" to fd00::/1

	refuse_rule "::ffff:10.0.0.2 is IPv4 on the wire: use 10.0.0.2" \
		to ::ffff:10.0.0.2
	refuse_rule "::ffff:10.0.0.0/120 is IPv4 on the wire: use 10.0.0.0/24" \
		to ::ffff:10.0.0.0/120
	refuse_rule "::ffff:0:0/96 is IPv4 on the wire: use 0.0.0.0/0" \
		to ::ffff:0:0/96

	text="is no host's address: use any, or"
	refuse_rule "0.0.0.0 $text 0.0.0.0/0 for all of IPv4" to 0.0.0.0
	refuse_rule "0.0.0.0/32 $text 0.0.0.0/0 for all of IPv4" to 0.0.0.0/32
	refuse_rule ":: $text ::/0 for all of IPv6" to ::
	for text in 224.0.0.1 239.1.0.0/16 224.0.0.0/4 ff02::1 ff00::/8; do
		refuse_rule "$text is multicast, which TCP does not use" \
			to "$text"
	done
	refuse_rule "255.255.255.255 is broadcast, which TCP does not use" \
		to 255.255.255.255
}

test_ports() {
	local text many what="is not a port: a number from 1 to 65535, or the name of a service"

	for text in '' 0 65536 no-such-service +80 ' 80' '80 ' 080 0x50 80.0 99999 http-https 1http; do
		refuse_rule "'$text' $what" to any port "$text"
	done
	for text in -80 80- '80,' ',80' '80,,81'; do
		refuse_rule "'' $what" to any port "$text"
	done
	refuse_rule "'0' $what" to any port 0-80
	refuse_rule "'65536' $what" to any port 80-65536
	refuse_rule "'81-82' $what" to any port 80-81-82
	refuse_rule "'http' $what" to any port 80-http
	refuse_rule "'000000000080' $what" to any port 000000000080
	printf -v text '%65s' ''
	refuse_rule "'${text// /1}' is not a port or a range of ports" to any port "${text// /1}"
	if [[ -e /etc/services ]]; then
		refuse_rule 'port 80 is given twice' to any port http,80
		take add-rule send to any port http,https,ftp-data,8000-8099
	fi
	refuse_rule "port range 90-80 is reversed: use 80-90" to any port 90-80
	refuse_rule "port 80 is given twice" to any port 80,443,80
	refuse_rule "port 85 is given twice" to any port 85-95,80-90
	refuse_rule "port 80 is given twice" to any port 80,1-65535,443
	refuse_rule "port 443 is given twice" to any port 443,1-443

	many=$(seq -s , 1 2 65)
	refuse_rule "a rule has at most 32 port ranges" to any port "$many"
}

test_marks() {
	local text

	for text in '' x 0x 0xg -1 +1 ' 1' '1 ' 01 4294967296 0x100000000 1/ \
		    /1 1/1/1 1/x 1:1 0X1; do
		refuse_rule "'$text' is not a mark: VALUE or VALUE/MASK, decimal or 0x..." \
			to any mark "$text"
	done
	refuse_rule "mark mask 0 takes any mark: leave 'mark' out" to any mark 0/0
	refuse_rule "mark mask 0 takes any mark: leave 'mark' out" to any mark 1/0x0
	refuse_rule "mark 0x100 has bits outside its mask 0xff" to any mark 0x100/0xff
	refuse_rule "mark 0x3 has bits outside its mask 0x1" to any mark 3/1
}

test_comments() {
	local long

	printf -v long '%256s' ''
	refuse_rule "the comment is empty" to any comment ''
	refuse_rule "the comment has 256 bytes: at most 255 are kept" \
		to any comment "${long// /x}"
	refuse_rule "the comment has a control character" to any comment $'a\nb'
	refuse_rule "the comment has a control character" to any comment $'\e[31m'
	refuse_rule "the comment has a control character" to any comment $'a\x7f'
	refuse_rule "the comment has a control character" to any comment $'\xc2\x9b'
	refuse_rule "the comment is not valid UTF-8" to any comment $'\xff'
	refuse_rule "the comment is not valid UTF-8" to any comment $'caf\xe9'
	refuse_rule "the comment is not valid UTF-8" to any comment $'\xc0\xaf'
	refuse_rule "the comment is not valid UTF-8" to any comment $'\xed\xa0\x80'
	refuse_rule "the comment is not valid UTF-8" to any comment $'a\xe2\x82'
	refuse_rule "the comment is not valid UTF-8" \
		to any comment $'\xf4\x90\x80\x80'
}

test_ids_and_limits() {
	local text

	refuse "delete-rule needs the id of a rule, or 'all'" delete-rule
	for text in '' 0 -1 +1 01 0x1 '1,' ' 1' All 1- 1-x 0-3 1-2-3 4294967296 \
		    18446744073709551617; do
		refuse "'$text' is not the id of a rule: a number from 1 up, or a range of them" \
			delete-rule -- "$text"
	done
	refuse "'x' is not the id of a rule: a number from 1 up, or a range of them" delete-rule 1 x
	refuse "'all' is not the id of a rule: a number from 1 up, or a range of them" delete-rule 1 all
	refuse "id 7 is given twice" delete-rule 7 8 7
	refuse "range 9-3 is reversed: use 3-9" delete-rule 9-3
	refuse "replace-rule takes one id: '3-4'" replace-rule 3-4 send to any
	refuse "replace-rule takes one destination" replace-rule 3 send to 10.0.0.1,10.0.0.2
	refuse "a rule begins with its direction: send or accept" replace-rule 3
	refuse "a rule begins with its direction: send or accept" replace-rule
	take replace-rule 3 send to any
	take replace-rule --json accept to any from any
	take add-rule --if-missing send to any
	refuse "unknown option '--if-missing': see ppctl replace-rule --help" replace-rule --if-missing send to any
	refuse "unknown format 'json': openmetrics or prometheus" show-stats --format json
	refuse "--output needs --format" show-stats --output x
	refuse "--format and --json exclude each other" show-stats -j --format prometheus
	refuse "'-x' is no name of a file: write ./-x" show-stats --format prometheus --output -x
	take show-stats --format=openmetrics
	take delete-rule all
	take delete-rule 3-9 12

	refuse "set-limit needs the name of a limit: handshakes, pending or accepted" \
		set-limit
	for text in rules Pending established ''; do
		refuse "unknown limit '$text': handshakes, pending or accepted" \
			set-limit "$text" 1
	done
	for text in handshakes pending accepted; do
		refuse "'$text' needs a value" set-limit "$text"
		refuse "set-limit takes one limit: '2'" set-limit "$text" 1 2
		take set-limit "$text" 1
	done
	for text in '' 0 +1 1k 1048577 4294967297; do
		refuse "'$text' is not a limit of handshakes: a number from 1 to 1048576" \
			set-limit handshakes "$text"
	done
	for text in '' 0 1k 1048577; do
		refuse "'$text' is not a limit of pending connections: a number from 1 to 1048576" \
			set-limit pending "$text"
	done
	for text in '' 0 1k 16777217; do
		refuse "'$text' is not a limit of accepted connections: a number from 1 to 16777216" \
			set-limit accepted "$text"
	done
	take set-limit handshakes 1048576
	take set-limit pending 1048576
	take set-limit accepted 16777216
}

# No option, and no mistyped one, becomes the name of a file
test_files() {
	local command option

	cd "$PP_TMP"
	mkdir none
	cd none
	for command in save restore; do
		for option in -x --jsom --out=rules; do
			refuse "unknown option '${option}': see ppctl $command --help" "$command" "$option"
		done
		refuse "'-j' is no name of a file: write ./-j" "$command" -- -j
		refuse "$command takes one file: 'b'" "$command" a b
	done
	refuse "save has no JSON: see list-rules" -j save
	refuse "save has no JSON: see list-rules" save -j
	refuse "save has no JSON: see list-rules" save rules --json
	print '^  save' save --help
	print '^ppctl ' save --version
	check "ppctl: save refused -> no file" is "$(ls -A)" ''
	take save ./-j
	take save -
	cd - >/dev/null
}

test_options
test_namespaces
test_commands
test_files
test_grammar
test_tlvs
test_prefixes
test_ports
test_marks
test_comments
test_ids_and_limits
