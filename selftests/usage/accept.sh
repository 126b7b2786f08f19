#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl: words of send rules in accept rules and the other way round, and wrong accept rules, are
# refused before the kernel is asked.
set -euo pipefail
# shellcheck source=selftests/lib/usage.sh
. "${BASH_SOURCE[0]%/*}/../lib/usage.sh"

# Each keyword in rules of its direction
test_directions() {
	local keyword

	for keyword in mark version origin authority alpn netns tlv unique-id crc32c; do
		refuse_accept "'$keyword' belongs to send rules" \
			to any from any "$keyword" 1
		refuse_accept "'$keyword' belongs to send rules" "$keyword"
	done
	for keyword in from dev header stacked timeout; do
		refuse_rule "'$keyword' belongs to accept rules" to any "$keyword" any
		refuse_rule "'$keyword' belongs to accept rules" "$keyword"
	done
	take add-rule send to any
	take add-rule send to 10.0.0.2 port 80,8000-8099 mark 1/3 version 1 \
		origin proxy comment 'a b'
	take add-rule accept to any from any
	take add-rule accept to 10.0.0.2 port 22,80 from 10.0.0.1,10.0.0.4/30 \
		header required timeout 60
	take add-rule accept comment from timeout 3 header optional \
		from fd00::/64,fd01::1 port 1-65535 to ::/0
	take add-rule accept to any from 10.0.0.9 header none
}

test_maps() {
	local text

	for text in fd00::/64 fd00::/97 fd00:: 10.0.0.0/8 any; do
		refuse_accept "map4 '$text' is not an IPv6 prefix of length 96" to any from any map4 "$text"
	done
	for text in 10.0.0.0/31 10.0.0.1 64.0.0.0/3 fd00::/96 any; do
		refuse_accept "map6 '$text' is not an IPv4 prefix of length 4 to 30" \
			to any from any map6 "$text"
	done
	refuse_accept "10.0.0.1/8 has host bits set: use 10.0.0.0/8" to any from any map6 10.0.0.1/8
	for text in 0 129 -1 x ''; do
		refuse_accept "'$text' is not a prefix length: 1 to 128" \
			to any from any map6 240.0.0.0/4 per "$text"
	done
	for text in '' 0x 00112233445566778899aabbccddeeff 0x00112233445566778899aabbccddeef \
		    0x00112233445566778899aabbccddeeff0 0x00112233445566778899aabbccddeefg; do
		refuse_accept "a map6-key is 0x and 32 hexadecimal digits" \
			to any from any map6 240.0.0.0/4 map6-key "$text"
	done
	refuse_accept "'per' needs 'map6'" to any from any per 64
	refuse_accept "'map6-key' needs 'map6'" \
		to any from any map6-key 0x00112233445566778899aabbccddeeff
	refuse_accept "'header none' maps no client" to any from any map6 240.0.0.0/4 header none
	refuse_accept "map4 is for IPv6 destinations" to 10.0.0.2 from any map4 fd00::/96
	refuse_accept "map6 is for IPv4 destinations" to fd00::2 from any map6 240.0.0.0/4
	refuse_rule "'map6' belongs to accept rules" to any map6 240.0.0.0/4
	take add-rule accept to any from any map4 fd00::/96 map6 240.0.0.0/4 per 56 \
		map6-key 0x00112233445566778899aabbccddeeff
	refuse "unknown keyword 'from': see ppctl list-connections --help" list-connections from 10.0.0.1
	refuse "'client' needs a value" list-connections client
	refuse "'seen' is given twice" list-connections seen 10.0.0.1 seen 10.0.0.2
	refuse "10.0.0.1/24 has host bits set: use 10.0.0.0/24" list-connections client 10.0.0.1/24
	take list-connections client 10.0.0.0/24 seen fd00::1
}

# get-rule: one connection, in the words of rules
test_query() {
	refuse "a rule begins with its direction: send or accept" get-rule
	refuse "a rule needs 'to' and a destination" get-rule send port 80
	refuse "a connection has one destination: an address" get-rule send to any port 80
	refuse "a connection has one destination: an address" get-rule send to 10.0.0.0/24 port 80
	refuse "a connection has one destination port" get-rule send to 10.0.0.2
	refuse "a connection has one destination port" get-rule send to 10.0.0.2 port 80,81
	refuse "a connection has one destination port" get-rule send to 10.0.0.2 port 80-81
	refuse "a connection has a mark without a mask" get-rule send to 10.0.0.2 port 80 mark 1/1
	refuse "'version' does not choose between rules" \
		get-rule send to 10.0.0.2 port 80 version 2
	refuse "'mark' belongs to send rules" get-rule accept to 10.0.0.2 port 80 mark 1
	refuse "'from' belongs to accept rules" get-rule send to 10.0.0.2 port 80 from 10.0.0.1
	refuse "an accept rule needs 'from': without it, a header from anyone else would be believed (if that is meant: from any)" \
		get-rule accept to 10.0.0.2 port 80
	refuse "a connection has one source: an address" \
		get-rule accept to 10.0.0.2 port 80 from any
	refuse "a connection has one source: an address" \
		get-rule accept to 10.0.0.2 port 80 from 10.0.0.1,10.0.0.3
	refuse "source fd00::1 is IPv6, the destination is IPv4" \
		get-rule accept to 10.0.0.2 port 80 from fd00::1
	take get-rule send to 10.0.0.2 port 80 mark 0x10
	take get-rule accept from fd00::1 to fd00::2 port 80
}

test_accept() {
	local text needs

	needs="an accept rule needs 'from': without it, a header from anyone else would be believed (if that is meant: from any)"
	refuse_accept "$needs" to any
	refuse_accept "$needs" to 10.0.0.2 port 80 header optional comment from
	refuse_accept "a rule needs 'to' and a destination"
	refuse_accept "a rule needs 'to' and a destination" from any
	refuse_accept "unknown keyword 'form': see ppctl add-rule -h" to any form any
	refuse_accept "10.0.0.2/24 has host bits set: use 10.0.0.0/24" \
		to 10.0.0.2/24 from any
	refuse_accept "port 80 is given twice" to any from any port 80,80
	for text in from dev header stacked timeout; do
		refuse_accept "'$text' needs a value" to any "$text"
	done
	refuse_accept "'from' is given twice" to any from 10.0.0.1 from 10.0.0.2
	refuse_accept "'header' is given twice" \
		to any from any header optional header optional
	refuse_accept "'timeout' is given twice" to any from any timeout 5 timeout 6

	for text in '' no Required optional,required 1; do
		refuse_accept "unknown header '$text': required, optional or none" \
			to any from any header "$text"
	done
	for text in '' . .. a/b 'a b' a:b 1234567890123456; do
		refuse_accept "'$text' is not a name of a device" to any from any dev "$text"
	done
	take add-rule accept to any from any dev 123456789012345
	refuse_accept "'timeout' has no meaning with 'header none'" \
		to any from any header none timeout 5
	for text in '' 0 2 3601 -5 +5 05 5s 5.0 ' 5' '5 ' 0x5 4294967299 never; do
		refuse_accept "'$text' is not a timeout: a number of seconds from 3 to 3600" \
			to any from any timeout "$text"
	done
	refuse_accept "'stacked' has no meaning with 'header none'" \
		to any from any header none stacked 2
	for text in '' 0 9 -1 +1 01 1.0 ' 1' 1x 0x1 4294967297 all; do
		refuse_accept "'$text' is not a number of headers: 1 to 8" to any from any stacked "$text"
	done
	take add-rule accept to any from any stacked 1
	take add-rule accept to any from any stacked 8
	take add-rule accept to any from any timeout 3
	take add-rule accept to any from any timeout 3600
}

test_sources() {
	local text many long

	for text in '' 10.0.0 lb Any ' 10.0.0.1' 10.0.0.1-10.0.0.9 '[fd00::1]' /24; do
		refuse_accept "'$text' is not an address or prefix" to any from "$text"
		refuse_accept "'$text' is not an address or prefix" \
			to any from "10.1.1.1,$text"
	done
	refuse_accept "'' is not an address or prefix" to any from 10.0.0.1,
	refuse_accept "'' is not an address or prefix" to any from ,10.0.0.1
	refuse_accept "'' is not an address or prefix" to any from 10.0.0.1,,10.0.0.2
	refuse_accept "' 10.0.0.2' is not an address or prefix" \
		to any from '10.0.0.1, 10.0.0.2'
	printf -v long '%60s' ''
	refuse_accept "'${long// /1}' is not an address or prefix" \
		to any from "10.0.0.1,${long// /1}"
	refuse_accept "unknown keyword '10.0.0.2': see ppctl add-rule -h" \
		to any from 10.0.0.1 10.0.0.2
	refuse_accept "bad prefix length in '10.0.0.0/08'" to any from 10.0.0.1,10.0.0.0/08
	refuse_accept "10.0.0.1/24 has host bits set: use 10.0.0.0/24" \
		to any from 10.0.0.1/24
	refuse_accept "fd00::1/64 has host bits set: use fd00::/64" \
		to any from fd01::/64,fd00::1/64
	refuse_accept "::ffff:10.0.0.1 is IPv4 on the wire: use 10.0.0.1" \
		to any from ::ffff:10.0.0.1
	refuse_accept "224.0.0.1 is multicast, which TCP does not use" \
		to any from 224.0.0.1
	refuse_accept "0.0.0.0 is no host's address: use any, or 0.0.0.0/0 for all of IPv4" \
		to any from 0.0.0.0

	refuse_accept "source 10.0.0.1 is given twice" \
		to any from 10.0.0.1,10.0.0.2,10.0.0.1/32
	refuse_accept "source fd00:: is given twice" to any from fd00::,fd00:0::0
	refuse_accept "source any is given twice" to any from any,any
	refuse_accept "'any' is every source: write it alone" to any from any,10.0.0.1
	refuse_accept "'any' is every source: write it alone" to any from 10.0.0.1,any

	refuse_accept "source fd00::1 is IPv6, the destination is IPv4" \
		to 10.0.0.2 from fd00::1
	refuse_accept "source fd00::/64 is IPv6, the destination is IPv4" \
		from 10.0.0.1,fd00::/64 to 0.0.0.0/0
	refuse_accept "source 10.0.0.1 is IPv4, the destination is IPv6" \
		to fd00::2 from fd00::1,10.0.0.1
	take add-rule accept to any from 10.0.0.1,fd00::1
	take add-rule accept to fd00::2 from any
	take add-rule accept to 10.0.0.2 from 10.0.0.0/24,10.0.0.1,0.0.0.0/0

	many=$(seq -f '10.0.0.%.0f' -s , 64)
	take add-rule accept to any from "$many"
	refuse_accept "a rule has at most 64 sources" to any from "$many,10.0.0.65"
}

test_directions
test_query
test_maps
test_accept
test_sources
