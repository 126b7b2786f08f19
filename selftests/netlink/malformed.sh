#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Netlink messages that ppctl never sends: each is refused with the right errno, the module's own
# refusals say why, and nothing changes. Then many random messages, which the kernel must survive
# (PP_SEED repeats a run), and dumps that are interrupted, cut into small pieces and abandoned.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

MESSAGES=${PP_MESSAGES:-20000}
seed=${PP_SEED:-$RANDOM$RANDOM}

need jq
[[ -x $FUZZ ]] || skip_all "$FUZZ is not built"
module_require
ns_make a
pp_net=$(ns_name a)

# Errors that the kernel finds by the module's policy have the kernel's texts, which differ between
# versions
wrong() {
	results "$FUZZ" cases <<-'END'
	add, no rule				| EINVAL a rule is missing | add
	add, rule without the flag of a nest	| EINVAL | add rule!{ direction=1 }
	add, rule that is no nest		| EINVAL | add rule:0102030405060708
	add, rule of 2 bytes			| ERANGE | add rule~:0102
	add, attribute type 9 in the message	| EINVAL | add 9=1 rule{ direction=1 }
	add, attribute type 0 in the message	| EINVAL | add 0=1 rule{ direction=1 }
	add, a connection in the message	| EINVAL | add conn{ } rule{ direction=1 }
	add, counters in the message		| EINVAL | add counters{ } rule{ direction=1 }
	add, attribute type 99 in the rule	| EINVAL | add rule{ direction=1 99=1 }
	add, attribute type 0 in the rule	| EINVAL | add rule{ direction=1 0=1 }
	add, padding in the rule		| EINVAL | add rule{ direction=1 pad: }
	add, a counter in the rule		| EINVAL | add rule{ direction=1 tagged=1 }
	add, id in the rule			| EINVAL the module chooses the id of a new rule | add rule{ direction=1 id=7 }
	add, id 0 in the rule			| ERANGE | add rule{ direction=1 id=0 }

	add, empty rule				| EINVAL the direction is missing | add rule{ }
	add, no direction			| EINVAL the direction is missing | add rule{ to:0a000002 }
	add, direction 0			| ERANGE | add rule{ direction=0 }
	add, direction 3			| ERANGE | add rule{ direction=3 }
	add, accept without sources		| EINVAL an accept rule needs its sources: a header from anyone else would be believed | add rule{ direction=2 }
	add, accept with a mark			| EINVAL this attribute belongs to rules of the other direction | add rule{ direction=2 from{ } mark=1 }
	add, timeout and header none		| EINVAL a rule that looks for no header has no timeout | add rule{ direction=2 from{ } header=2 timeout=9 }
	add, device without a name		| EINVAL no device can have this name | add rule{ direction=2 from{ } dev:00 }
	add, device with a slash		| EINVAL no device can have this name | add rule{ direction=2 from{ } dev"a/b }
	add, device of 16 bytes			| EINVAL | add rule{ direction=2 from{ } dev"1234567890123456 }
	add, send with a device			| EINVAL this attribute belongs to rules of the other direction | add rule{ direction=1 dev"eth0 }
	add, map4 of 15 bytes			| EINVAL map4 has 16 bytes | add rule{ direction=2 from{ } map4:fd0000000000000000000000000000 }
	add, map4 with host bits		| EINVAL map4 is a prefix of 96 bits | add rule{ direction=2 from{ } map4:fd000000000000000000000000000001 }
	add, map4 of ::ffff:0:0			| EINVAL TCP takes no clients of this prefix | add rule{ direction=2 from{ } map4:00000000000000000000ffff00000000 }
	add, map4 of ::				| EINVAL TCP takes no clients of this prefix | add rule{ direction=2 from{ } map4:00000000000000000000000000000000 }
	add, map4 of fe80::			| EINVAL TCP takes no clients of this prefix | add rule{ direction=2 from{ } map4:fe800000000000000000000000000000 }
	add, map4 of ff02::			| EINVAL TCP takes no clients of this prefix | add rule{ direction=2 from{ } map4:ff020000000000000000000000000000 }
	add, map4 for an IPv4 destination	| EINVAL this mapping is for destinations of the other family | add rule{ direction=2 to:0a000002 from{ } map4:fd000000000000000000000000000000 }
	add, map4 with the destination		| EINVAL the destination is among what stands for clients | add rule{ direction=2 to:fd000000000000000000000000000002 from{ } map4:fd000000000000000000000000000000 }
	add, map4 with a source			| EINVAL a source is among what stands for clients | add rule{ direction=2 from{ prefix:fd000000000000000000000000000002 } map4:fd000000000000000000000000000000 }
	add, map6 without length		| EINVAL map6 needs a prefix and its length | add rule{ direction=2 from{ } map6:f0000000 }
	add, length without map6		| EINVAL map6 needs a prefix and its length | add rule{ direction=2 from{ } map6_len=4 }
	add, per without map6			| EINVAL map6 needs a prefix and its length | add rule{ direction=2 from{ } map6_per=64 }
	add, map6 of 16 bytes			| EINVAL map6 has 4 bytes | add rule{ direction=2 from{ } map6:fd000000000000000000000000000000 map6_len=4 }
	add, map6 of length 3			| ERANGE | add rule{ direction=2 from{ } map6:e0000000 map6_len=3 }
	add, map6 of length 31			| ERANGE | add rule{ direction=2 from{ } map6:f0000000 map6_len=31 }
	add, map6 per 0				| ERANGE | add rule{ direction=2 from{ } map6:f0000000 map6_len=4 map6_per=0 }
	add, map6 per 129			| ERANGE | add rule{ direction=2 from{ } map6:f0000000 map6_len=4 map6_per=129 }
	add, map6 with host bits		| EINVAL the prefix has host bits set | add rule{ direction=2 from{ } map6:f0000001 map6_len=4 }
	add, map6 of loopback			| EINVAL TCP takes no clients of this prefix | add rule{ direction=2 from{ } map6:7f800000 map6_len=9 }
	add, map6 that contains loopback	| EINVAL TCP takes no clients of this prefix | add rule{ direction=2 from{ } map6:70000000 map6_len=4 }
	add, map6 of 0.0.0.0/8			| EINVAL TCP takes no clients of this prefix | add rule{ direction=2 from{ } map6:00000000 map6_len=8 }
	add, map6 of multicast			| EINVAL TCP takes no clients of this prefix | add rule{ direction=2 from{ } map6:e0000000 map6_len=4 }
	add, map6 of link-local			| EINVAL TCP takes no clients of this prefix | add rule{ direction=2 from{ } map6:a9fe0000 map6_len=16 }
	add, map6 for an IPv6 destination	| EINVAL this mapping is for destinations of the other family | add rule{ direction=2 to:fd000000000000000000000000000002 from{ } map6:f0000000 map6_len=4 }
	add, map6 with the destination		| EINVAL the destination is among what stands for clients | add rule{ direction=2 to:0a000002 from{ } map6:0a000000 map6_len=8 }
	add, map6 with a source			| EINVAL a source is among what stands for clients | add rule{ direction=2 from{ prefix:0a000001 } map6:0a000000 map6_len=8 }
	add, key of 15 bytes			| EINVAL the key of map6 has 16 bytes | add rule{ direction=2 from{ } map6:f0000000 map6_len=4 map6_key:000102030405060708090a0b0c0d0e }
	add, map6 and header none		| EINVAL a rule that looks for no header maps no client | add rule{ direction=2 from{ } header=2 map6:f0000000 map6_len=4 }
	add, send with map6			| EINVAL this attribute belongs to rules of the other direction | add rule{ direction=1 map6:f0000000 map6_len=4 }
	add, accept with a version		| EINVAL this attribute belongs to rules of the other direction | add rule{ direction=2 from{ } version=1 }
	add, accept with an origin		| EINVAL this attribute belongs to rules of the other direction | add rule{ direction=2 from{ } origin=1 }
	add, send with sources			| EINVAL this attribute belongs to rules of the other direction | add rule{ direction=1 from{ } }
	add, stacked and header none		| EINVAL a rule that looks for no header has none in a row | add rule{ direction=2 from{ } header=2 stacked=2 }
	add, send with stacked			| EINVAL this attribute belongs to rules of the other direction | add rule{ direction=1 stacked=2 }
	add, send with a timeout		| EINVAL this attribute belongs to rules of the other direction | add rule{ direction=1 timeout=10 }
	add, source of 3 bytes			| EINVAL a prefix has 4 or 16 bytes | add rule{ direction=2 from{ prefix:0a0000 } }
	add, length of a source 33		| EINVAL the prefix is longer than its address | add rule{ direction=2 from{ prefix:0a000000 prefix_len=33 } }
	add, length of a source 129		| ERANGE | add rule{ direction=2 from{ prefix:0a000000 prefix_len=129 } }
	add, length without source		| EINVAL a prefix length needs a prefix | add rule{ direction=2 from{ prefix_len=8 } }
	add, source with host bits		| EINVAL the prefix has host bits set | add rule{ direction=2 from{ prefix:0a000001 prefix_len=8 } }
	add, source of another family		| EINVAL a source and the destination are of different families | add rule{ direction=2 to:0a000002 from{ prefix:fd000000000000000000000000000001 } }
	add, 65 sources				| EINVAL a rule has 64 sources at most | add rule{ direction=2 from*65 }
	add, sources that are no nest		| EINVAL | add rule{ direction=2 from:0a000001 }
	add, header 3				| ERANGE | add rule{ direction=2 from{ } header=3 }
	find, no rule				| EINVAL a rule is missing | find
	find, no direction			| EINVAL the direction is missing | find rule{ to:0a000002 ports{ first=80 } }
	find, no destination			| EINVAL a connection has a destination and a port | find rule{ direction=1 ports{ first=80 } }
	find, no port				| EINVAL a connection has a destination and a port | find rule{ direction=1 to:0a000002 }
	find, a prefix				| EINVAL a connection has whole addresses and one port | find rule{ direction=1 to:0a000000 to_len=24 ports{ first=80 } }
	find, a range of ports			| EINVAL a connection has whole addresses and one port | find rule{ direction=1 to:0a000002 ports{ first=80 last=81 } }
	find, two ports				| EINVAL a connection has one source and one port | find rule{ direction=1 to:0a000002 ports{ first=80 } ports{ first=90 } }
	find, a source, send			| EINVAL source and device belong to accept rules, a mark to send rules | find rule{ direction=1 to:0a000002 ports{ first=80 } from{ } }
	find, no source, accept			| EINVAL source and device belong to accept rules, a mark to send rules | find rule{ direction=2 to:0a000002 ports{ first=80 } }
	find, a mark, accept			| EINVAL source and device belong to accept rules, a mark to send rules | find rule{ direction=2 to:0a000002 ports{ first=80 } from{ prefix:0a000001 } mark=1 }
	find, any source			| EINVAL a connection has whole addresses and one port | find rule{ direction=2 to:0a000002 ports{ first=80 } from{ } }
	find, two sources			| EINVAL a connection has one source and one port | find rule{ direction=2 to:0a000002 ports{ first=80 } from{ } from{ } }
	find, a mask of the mark		| EINVAL this attribute says nothing of a connection | find rule{ direction=1 to:0a000002 ports{ first=80 } mark=1 mask=1 }
	find, an id				| EINVAL this attribute says nothing of a connection | find rule{ id=1 direction=1 to:0a000002 ports{ first=80 } }
	find, two rules				| EINVAL only one rule at a time | find rule{ direction=1 } rule{ direction=1 }
	find as a dump				| EOPNOTSUPP | find+dump rule{ direction=1 }
	add, stacked 0				| ERANGE | add rule{ direction=2 from{ } stacked=0 }
	add, stacked 9				| ERANGE | add rule{ direction=2 from{ } stacked=9 }
	add, timeout 2				| ERANGE | add rule{ direction=2 from{ } timeout=2 }
	add, timeout 3601			| ERANGE | add rule{ direction=2 from{ } timeout=3601 }
	add, direction of 0 bytes		| EINVAL | add rule{ direction: }
	add, direction of 2 bytes		| EINVAL | add rule{ direction/2=1 }
	add, direction as a nest		| EINVAL | add rule{ direction~=1 }

	add, prefix of 0 bytes			| EINVAL a prefix has 4 or 16 bytes | add rule{ direction=1 to: }
	add, prefix of 3 bytes			| EINVAL a prefix has 4 or 16 bytes | add rule{ direction=1 to:0a0000 }
	add, prefix of 5 bytes			| EINVAL a prefix has 4 or 16 bytes | add rule{ direction=1 to:0a00000000 }
	add, prefix of 15 bytes			| EINVAL a prefix has 4 or 16 bytes | add rule{ direction=1 to:fd0000000000000000000000000000 }
	add, prefix of 17 bytes			| ERANGE | add rule{ direction=1 to:fd00000000000000000000000000000000 }
	add, length 33 of IPv4			| EINVAL the prefix is longer than its address | add rule{ direction=1 to:0a000000 to_len=33 }
	add, two rules at once			| EINVAL only one rule at a time | add rule{ direction=1 to:0a090003 } rule{ direction=1 to:0a090004 }
	get, two rules at once			| EINVAL only one rule at a time | get rule{ id=1 } rule{ id=2 }
	add, length 128 of IPv4			| EINVAL the prefix is longer than its address | add rule{ direction=1 to:0a000000 to_len=128 }
	add, length 129				| ERANGE | add rule{ direction=1 to:fd000000000000000000000000000000 to_len=129 }
	add, length 255				| ERANGE | add rule{ direction=1 to:0a000000 to_len=255 }
	add, length of 2 bytes			| EINVAL | add rule{ direction=1 to:0a000000 to_len/2=24 }
	add, length without prefix		| EINVAL a prefix length needs a prefix | add rule{ direction=1 to_len=0 }
	add, host bit of IPv4 /31		| EINVAL the prefix has host bits set | add rule{ direction=1 to:0a000001 to_len=31 }
	add, host bit of IPv4 /0		| EINVAL the prefix has host bits set | add rule{ direction=1 to:80000000 to_len=0 }
	add, host bit of IPv6 /127		| EINVAL the prefix has host bits set | add rule{ direction=1 to:fd000000000000000000000000000001 to_len=127 }
	add, host bit of IPv6 /33		| EINVAL the prefix has host bits set | add rule{ direction=1 to:fd000000400000000000000000000000 to_len=33 }
	add, host bits of IPv6 /0		| EINVAL the prefix has host bits set | add rule{ direction=1 to:fd000000000000000000000000000000 to_len=0 }

	add, port 0				| ERANGE | add rule{ direction=1 ports{ first=0 } }
	add, last port 0			| ERANGE | add rule{ direction=1 ports{ first=80 last=0 } }
	add, ports that are empty		| EINVAL a port range needs its first port | add rule{ direction=1 ports{ } }
	add, ports of 0 bytes			| EINVAL | add rule{ direction=1 ports: }
	add, ports without the first		| EINVAL a port range needs its first port | add rule{ direction=1 ports{ last=80 } }
	add, ports reversed			| EINVAL the port range ends before it begins | add rule{ direction=1 ports{ first=90 last=80 } }
	add, second range reversed		| EINVAL the port range ends before it begins | add rule{ direction=1 ports{ first=80 } ports{ first=91 last=90 } }
	add, ranges that overlap		| EINVAL port ranges must rise and not overlap | add rule{ direction=1 ports{ first=80 last=90 } ports{ first=90 last=95 } }
	add, the same port twice		| EINVAL port ranges must rise and not overlap | add rule{ direction=1 ports{ first=80 } ports{ first=80 } }
	add, ranges that fall			| EINVAL port ranges must rise and not overlap | add rule{ direction=1 ports{ first=90 } ports{ first=80 } }
	add, 33 ranges				| EINVAL a rule has 32 port ranges at most | add rule{ direction=1 ports*33 }
	add, 2000 ranges			| EINVAL a rule has 32 port ranges at most | add rule{ direction=1 ports*2000 }
	add, ports without the flag of a nest	| EINVAL | add rule{ direction=1 ports!{ first=80 } }
	add, ports that are no nest		| EINVAL | add rule{ direction=1 ports:0050 }
	add, port of 1 byte			| EINVAL | add rule{ direction=1 ports{ first/1=80 } }
	add, port of 4 bytes			| EINVAL | add rule{ direction=1 ports{ first/4=80 } }
	add, attribute type 9 in the ports	| EINVAL | add rule{ direction=1 ports{ first=80 9=1 } }

	add, mask without mark			| EINVAL a mark mask needs a mark | add rule{ direction=1 mask=0xff }
	add, mask 0				| EINVAL a mark mask of 0 matches nothing in particular | add rule{ direction=1 mark=0 mask=0 }
	add, mark outside its mask		| EINVAL the mark has bits outside its mask | add rule{ direction=1 mark=0x100 mask=0xff }
	add, mark of 2 bytes			| EINVAL | add rule{ direction=1 mark/2=1 }
	add, mask of 8 bytes			| EINVAL | add rule{ direction=1 mark=1 mask/8=1 }
	add, version 0				| ERANGE | add rule{ direction=1 version=0 }
	add, version 3				| ERANGE | add rule{ direction=1 version=3 }
	add, version of 4 bytes			| EINVAL | add rule{ direction=1 version/4=1 }
	add, origin 2				| ERANGE | add rule{ direction=1 origin=2 }
	add, comment of 0 bytes			| EINVAL | add rule{ direction=1 comment: }
	add, comment without its NUL		| EINVAL | add rule{ direction=1 comment:616263 }
	add, control character in the comment	| EINVAL a comment has no control characters | add rule{ direction=1 comment:610a6200 }
	add, NUL in the comment			| EINVAL a comment has no control characters | add rule{ direction=1 comment:6100620000 }
	add, text behind the comment's NUL	| EINVAL a comment has no control characters | add rule{ direction=1 comment:61004141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414100 }

	add, attribute longer than its rule	| EINVAL | add rule{ direction=1 mark=1 len=12 }
	add, attribute of 3 bytes in all	| EINVAL | add rule{ direction=1 mark=1 len=3 }
	add, attribute of no length		| EINVAL | add rule{ direction=1 mark=1 len=0 }
	add, port longer than its range		| EINVAL | add rule{ direction=1 ports{ first=80 len=20 } }
	add, range longer than its rule		| EINVAL | add rule{ direction=1 ports{ first=80 } len=64 }
	add, rule longer than its message	| EINVAL | add rule{ direction=1 } len=64
	add, message cut in an attribute	| EINVAL | add rule{ direction=1 to:0a000002 cut=4
	add, message cut in the rule's head	| EINVAL | add rule{ } cut=1
	add, message cut before genl's header	| EINVAL | add cut=4

	del, no rule				| EINVAL a rule is missing | del
	del, empty rule				| EINVAL the id of the rule is missing | del rule{ }
	del, id 0				| ERANGE | del rule{ id=0 }
	del, id above all			| ERANGE | del rule{ id=0xffffffff }
	del, id of 8 bytes			| EINVAL | del rule{ id/8=1 }
	del, rule that does not exist		| ENOENT there is no rule 2000000000 | del rule{ id=2000000000 }
	del, a rule and one that does not exist	| ENOENT there is no rule 2000000000 | del rule{ id=1 } rule{ id=2000000000 }
	del, a rule and one without id		| EINVAL the id of the rule is missing | del rule{ id=1 } rule{ }
	del, a rule and one without the flag	| EINVAL | del rule{ id=1 } rule!{ id=2 }
	del, a rule and a broken attribute	| EINVAL | del rule{ id=1 } rule{ id=2 len=60 }
	get, no rule				| EINVAL a rule is missing | get
	get, empty rule				| EINVAL the id of the rule is missing | get rule{ }
	get, rule that does not exist		| ENOENT there is no rule 2000000000 | get rule{ id=2000000000 }
	get, attribute type 9			| EINVAL | get rule{ id=1 } 9=1
	set, no limits				| EINVAL a limit is missing | set
	set, limits without the flag of a nest	| EINVAL | set limits!{ handshakes=5 }
	set, attribute type 9 in the limits	| EINVAL | set limits{ handshakes=5 9=1 }
	set, 0 handshakes			| ERANGE | set limits{ handshakes=0 }
	set, 0 pending				| ERANGE | set limits{ pending=0 }
	set, 1048577 pending			| ERANGE | set limits{ pending=1048577 }
	set, 16777217 accepted			| ERANGE | set limits{ accepted=16777217 }
	set, 1048577 handshakes			| ERANGE | set limits{ handshakes=1048577 }
	set, limit of 8 bytes			| EINVAL | set limits{ handshakes/8=5 }
	flush, attribute type 9			| EINVAL | flush 9=1
	commit, nothing staged			| ENOENT this socket has not begun to replace the rules | commit
	stage, nothing begun			| ENOENT this socket has not begun to replace the rules | stage rule{ direction=1 }
	stage, no rule				| EINVAL a rule is missing | stage
	stage, two rules at once		| EINVAL only one rule at a time | stage rule{ direction=1 } rule{ direction=1 }
	begin, a rule				| EINVAL | begin rule{ direction=1 }
	commit, a rule				| EINVAL | commit rule{ direction=1 }

	commit, limits without the flag of a nest	| EINVAL | commit limits!{ pending=5 }
	commit, 0 pending			| ERANGE | commit limits{ pending=0 }
	replace, no rule			| EINVAL a rule is missing | replace
	replace, no id				| EINVAL the id of the rule is missing | replace rule{ direction=1 }
	replace, an id alone			| EINVAL the direction is missing | replace rule{ id=1 }
	replace, id that does not exist		| ENOENT there is no rule 2000000000 | replace rule{ id=2000000000 direction=1 }
	replace, two rules			| EINVAL only one rule at a time | replace rule{ id=1 direction=1 } rule{ id=2 direction=1 }
	replace as a dump			| EOPNOTSUPP | replace+dump rule{ id=1 direction=1 }

	command 0				| EOPNOTSUPP | cmd0
	command 90				| EOPNOTSUPP | cmd90
	command 99				| EOPNOTSUPP | cmd99
	add as a dump				| EOPNOTSUPP | add+dump rule{ direction=1 }
	del as a dump				| EOPNOTSUPP | del+dump rule{ id=1 }
	flush, with a rule			| EINVAL | flush rule{ id=1 }
	flush as a dump				| EOPNOTSUPP | flush+dump
	stats as a dump				| EOPNOTSUPP | stats+dump
	limits as a dump			| EOPNOTSUPP | limits+dump
	set as a dump				| EOPNOTSUPP | set+dump limits{ handshakes=5 }
	connections not as a dump		| EOPNOTSUPP | conns
	dump of rules, attribute type 9		| EINVAL | get+dump 9=1
	dump of rules, a rule			| EINVAL | get+dump rule{ id=1 }
	dump of connections, attribute type 9	| EINVAL | conns+dump 9=1
	dump of connections, a rule		| EINVAL | conns+dump rule{ id=1 }
	dump of connections, a connection	| EINVAL | conns+dump conn{ }
	dump of sockets, attribute type 99	| EINVAL | cmd14+dump 99=1
	dump of sockets, limits			| EINVAL | cmd14+dump limits{ pending=5 }
	stats, attribute type 9			| EINVAL | stats 9=1
	stats, a rule				| EINVAL | stats rule{ id=1 }
	limits, limits				| EINVAL | limits limits{ pending=5 }
	set, limits and a rule			| EINVAL | set limits{ pending=5 } rule{ id=1 }
	set, limits and a connection		| EINVAL | set limits{ pending=5 } conn{ }
	add, limits in the message		| EINVAL | add limits{ pending=5 } rule{ direction=1 }
	del, limits in the message		| EINVAL | del limits{ pending=5 } rule{ id=1 }
	flush, limits				| EINVAL | flush limits{ pending=5 }
	reset of counters, a rule		| EINVAL | cmd16 rule{ id=1 }
	reset of counters as a dump		| EOPNOTSUPP | cmd16+dump
	reset of rules, a rule			| EINVAL | cmd17+dump rule{ id=1 }
	reset of rules, attribute type 9	| EINVAL | cmd17+dump 9=1
	reset of rules not as a dump		| EOPNOTSUPP | cmd17
	an event asked for			| EOPNOTSUPP | cmd9
	END
}

# Barely valid messages; the first three rules were there before
right() {
	results "$FUZZ" cases <<-END
	add, only a direction			| OK | add rule{ direction=1 }
	add, the same again			| EEXIST rule 4 has the same destination, ports and mark | add rule{ direction=1 version=1 }
	add, prefix without length		| OK | add rule{ direction=1 to:0a090002 }
	add, the same with length 32		| EEXIST rule 5 has the same destination, ports and mark | add rule{ direction=1 to:0a090002 to_len=32 }
	add, IPv6 prefix of length 0		| EEXIST rule 4 has the same destination, ports and mark | add rule{ direction=1 to:00000000000000000000000000000000 to_len=0 }
	add, 32 ranges				| OK | add rule{ direction=1 ports*32 }
	add, ranges that touch			| OK | add rule{ direction=1 ports{ first=180 last=190 } ports{ first=191 last=191 } }
	add, mark 0 with a mask			| OK | add rule{ direction=1 mark=0 mask=1 }
	add, accept from any			| OK | add rule{ direction=2 from{ } }
	add, accept from any again		| EEXIST rule 9 has the same destination, ports and source | add rule{ direction=2 from{ prefix:0a000001 } from{ } }
	add, accept, header none		| OK | add rule{ direction=2 header=2 from{ prefix:0a000001 } }
	add, comment of 255 bytes		| OK | add rule{ direction=1 mark=1 comment"$(printf 'x%.0s' {1..255}) }
	add, comment of 256 bytes		| EINVAL | add rule{ direction=1 mark=2 comment"$(printf 'x%.0s' {1..256}) }
	add, no acknowledgement wanted		| SILENT | add+noack rule{ direction=1 mark=3 }
	replace, the same			| OK | replace rule{ id=4 direction=1 }
	replace, with another rule's place	| EEXIST rule 5 has the same destination, ports and mark | replace rule{ id=4 direction=1 to:0a090002 }
	replace, with another place		| OK | replace rule{ id=4 direction=1 to:0a090003 }
	replace, by a rule of the other direction	| OK | replace rule{ id=4 direction=2 to:0a090003 from{ } }
	replace, back				| OK | replace rule{ id=4 direction=1 }
	del, two rules at once			| OK | del rule{ id=1 } rule{ id=2 }
	get, a rule				| OK | get rule{ id=3 }
	find, a rule				| OK | find rule{ direction=1 to:0a000002 ports{ first=80 } }
	find, a rule, accept			| OK | find rule{ direction=2 to:0a000002 ports{ first=80 last=80 } from{ prefix:0a000001 prefix_len=32 } }
	set, nothing				| OK | set limits{ }
	END
}

before_rules() {
	pp add-rule send to 10.0.0.2 port 80
	pp add-rule send to fd00::2 port 80-99,443 mark 1/3 version 1
	pp add-rule send to 10.0.0.0/8 origin proxy comment 'the third'
	pp list-rules >"$PP_TMP/before"
}

unchanged() {
	is "$(pp list-rules)" "$(cat "$PP_TMP/before")"
	is "$(limit handshakes) $(limit pending) $(limit accepted)" '65536 131072 1000000'
}

usable() {
	pp list-rules >/dev/null
	pp flush-rules
	is "$(pp list-rules)" ""
	is "$(stats rules)" 0
	pp add-rule send to 10.0.0.2 port 80
	is "$(pp -j list-rules | jq -r '.[].to')" 10.0.0.2
}

# One rule, 10.0.0.2, is there. What is staged belongs to the socket that all of these share
staged() {
	local id

	id=$(pp list-rules | sed 's/:.*//')
	results "$FUZZ" cases <<-END
	begin					| OK | begin
	stage, an id that does not exist	| ENOENT there is no rule 2000000000 | stage rule{ id=2000000000 }
	stage, a rule with such an id		| ENOENT there is no rule 2000000000 | stage rule{ id=2000000000 direction=1 }
	stage, an id of 2 bytes			| EINVAL | stage rule{ id/2=1 }
	stage, an id alone			| OK | stage rule{ id=$id }
	stage, the same id again		| EEXIST rule $id has the same destination, ports and mark | stage rule{ id=$id }
	stage, another rule with the id		| EBUSY | stage rule{ id=$id direction=1 to:0a000009 }
	stage, another rule			| OK | stage rule{ direction=1 to:0a000003 }
	commit, limits out of range		| ERANGE | commit limits{ pending=0 }
	del, the rule that was to stay		| OK | del rule{ id=$id }
	commit after that			| EAGAIN a rule that was to stay is gone: stage the rules again | commit
	begin again				| OK | begin
	stage, the id that is gone		| ENOENT there is no rule $id | stage rule{ id=$id }
	stage, a rule				| OK | stage rule{ direction=1 to:0a000003 }
	commit with limits			| OK | commit limits{ pending=77 }
	begin once more				| OK | begin
	stage, the new rule			| OK | stage rule{ id=$((id + 2)) }
	replace it meanwhile			| OK | replace rule{ id=$((id + 2)) direction=1 to:0a000003 version=1 }
	commit after its replacement		| EAGAIN a rule that was to stay is gone: stage the rules again | commit
	begin a fourth time			| OK | begin
	stage, the rule that replaced it	| OK | stage rule{ id=$((id + 2)) }
	flush meanwhile				| OK | flush
	commit after the flush			| EAGAIN a rule that was to stay is gone: stage the rules again | commit
	begin a fifth time			| OK | begin
	stage, a rule in the end		| OK | stage rule{ direction=1 to:0a000002 }
	commit in the end			| OK | commit limits{ pending=131072 }
	END
	check "netlink: after the commits -> one rule" is "$(pp -j list-rules | jq -c '[.[] | .to]')" '["10.0.0.2"]'
}

random() {
	in_net "$FUZZ" random "$seed" "$MESSAGES" | tee "$PP_TMP/random"
}

check "netlink: three rules -> listed" before_rules
wrong
check "netlink: after all that was refused -> the same three rules" unchanged
right
check "netlink: after what was accepted -> rules can be listed, flushed, added" usable
staged
diag "seed $seed (PP_SEED), $MESSAGES messages (PP_MESSAGES)"
check "netlink: valid messages mutated at random -> the kernel lives" random
cat "$PP_TMP/random"
check "netlink: after the random messages -> rules can be listed, flushed, added" usable
results "$FUZZ" dump
check "netlink: after the dumps -> rules can be listed, flushed, added" usable
