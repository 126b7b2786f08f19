#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl: what is wrong with a command line is said before the kernel is asked.
# The words of accept rules are in ppctl_usage_accept.sh.
set -euo pipefail
# shellcheck source=selftests/lib_usage.sh
. "${BASH_SOURCE[0]%/*}/lib_usage.sh"

test_options() {
	local command

	print '^Usage: ppctl ' -h
	for command in add-rule delete-rule list-rules flush-rules \
		       list-connections show-stats set-limit show-limits check; do
		print "^  $command" -h
		print "^  $command" "$command" -h
	done
	print '^  add-rule accept to PREFIX ' add-rule -h
	print '^ppctl ' -V
	print '^ppctl ' -jpV

	refuse "no command given: see ppctl -h"
	refuse "no command given: see ppctl -h" -jp
	refuse "unknown option '-x': see ppctl -h" -x list-rules
	refuse "unknown option '-x': see ppctl -h" -jx list-rules
	refuse "there are no long options: see ppctl -h" --help
	refuse "option -n needs a value" -n
	refuse "option -n needs a value" -jn
	refuse "option -n is given twice" -n a -n b list-rules
	refuse "'' is not a name of a network namespace" -n '' list-rules
	refuse "'..' is not a name of a network namespace" -n .. list-rules
}

test_commands() {
	local command

	refuse "unknown command 'list-rule': see ppctl -h" list-rule
	refuse "unknown command '': see ppctl -h" ''
	refuse "unknown command 'List-rules': see ppctl -h" List-rules
	for command in list-rules flush-rules list-connections show-stats monitor \
		       show-limits check; do
		refuse "$command takes no arguments: 'all'" "$command" all
		refuse "$command takes no arguments: '-j'" "$command" -j
	done
	# A namespace that does not exist is found out later than a mistake
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
		    ' 10.0.0.1' '10.0.0.1 ' 10.0.0.1:80 10.0.0.1,10.0.0.2 \
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
	local text many

	for text in '' 0 65536 http +80 ' 80' '80 ' 080 0x50 80.0 99999; do
		refuse_rule "'$text' is not a port: a number from 1 to 65535" \
			to any port "$text"
	done
	refuse_rule "'' is not a port: a number from 1 to 65535" to any port -80
	refuse_rule "'' is not a port: a number from 1 to 65535" to any port 80-
	refuse_rule "'' is not a port: a number from 1 to 65535" to any port 80,
	refuse_rule "'' is not a port: a number from 1 to 65535" to any port ,80
	refuse_rule "'' is not a port: a number from 1 to 65535" to any port 80,,81
	refuse_rule "'0' is not a port: a number from 1 to 65535" to any port 0-80
	refuse_rule "'65536' is not a port: a number from 1 to 65535" \
		to any port 80-65536
	refuse_rule "'81-82' is not a port: a number from 1 to 65535" \
		to any port 80-81-82
	refuse_rule "'000000000080' is not a port or a range of ports" \
		to any port 000000000080
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

	refuse "delete-rule needs the id of a rule" delete-rule
	for text in '' 0 -1 +1 01 0x1 '1,' ' 1' all 4294967296 \
		    18446744073709551617; do
		refuse "'$text' is not the id of a rule: a number from 1 up" \
			delete-rule "$text"
	done
	refuse "'x' is not the id of a rule: a number from 1 up" delete-rule 1 x
	refuse "id 7 is given twice" delete-rule 7 8 7

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
	for text in '' 0 -1 +1 1k 1048577 4294967297; do
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

test_options
test_commands
test_grammar
test_tlvs
test_prefixes
test_ports
test_marks
test_comments
test_ids_and_limits
