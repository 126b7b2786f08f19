#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Which rule a connection gets: by prefix, port range, mark and id. Which rules are refused, and how
# they are deleted and numbered. A rule's name is its comment. A SYN of the load balancer itself,
# which the backend resets, is tagged by one rule, and the counters show which: see
# pp_netlink_probe.c.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

need nft jq
module_require
topo_lb 4
[[ -x $PROBE ]] || skip_all "$PROBE is not built"
pp_net=$(ns_name lb)

# The load balancer's connections all go to the backend, which resets them
every_address() {
	nsip lb route add default via 10.0.2.2
	nsip lb -6 route add default via fd00:2::2
	ns backend nft -f - <<-END
		table inet pp_every {
			chain prerouting {
				type nat hook prerouting priority -100; policy accept;
				iif eth0 meta l4proto tcp redirect
			}
		}
	END
}

# rules: the only ones, each line of stdin "NAME RULE"
rules() {
	local name rule

	pp flush-rules
	while read -r name rule; do
		# shellcheck disable=SC2086 # words
		pp add-rule send $rule comment "$name" >/dev/null
	done
}

# probe: lines of stdin "CONDITION | NAME | ADDRESS PORT [MARK]", each a result
probe() {
	results "$PROBE"
}

prefixes_ipv4() {
	rules <<-END
		all to 0.0.0.0/0
		half to 128.0.0.0/1
		len8 to 10.0.0.0/8
		len13 to 10.8.0.0/13
		len24 to 10.9.8.0/24 port 443
		len31 to 10.9.8.6/31
		host to 10.9.8.7
	END
	probe <<-END
		IPv4, nothing but /0 fits			| all | 9.255.255.255 80
		IPv4, first address of /1			| half | 128.0.0.0 80
		IPv4, below /8's /13				| len8 | 10.7.255.255 80
		IPv4, first address of /13			| len13 | 10.8.0.0 80
		IPv4, last address of /13			| len13 | 10.15.255.255 80
		IPv4, above /13					| len8 | 10.16.0.0 80
		IPv4, /24 whose port fits			| len24 | 10.9.8.255 443
		IPv4, /24 whose port does not fit		| len13 | 10.9.8.255 444
		IPv4, below /31					| len13 | 10.9.8.5 80
		IPv4, in /31, where /24 has the narrower port	| len31 | 10.9.8.6 443
		IPv4, host in /31				| host | 10.9.8.7 80
		IPv4, rules of IPv4 alone, a connection over IPv6	| none | fd09::1 80
	END
	uncover host
	probe <<-END
		IPv4, host deleted	| len31 | 10.9.8.7 80
	END
	uncover len31
	probe <<-END
		IPv4, /31 deleted	| len13 | 10.9.8.7 80
	END
}

prefixes_ipv6() {
	rules <<-END
		all to ::/0
		len3 to 2000::/3
		len33 to fd09:0:8000::/33
		len63 to fd09:0:8000:2::/63
		len65 to fd09:0:8000:3:8000::/65
		len127 to fd09::6/127
		host to fd09::7
	END
	probe <<-END
		IPv6, nothing but /0 fits			| all | fd09:0:7fff:ffff::1 80
		IPv6, last address of /3			| len3 | 3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 80
		IPv6, above /3					| all | 4000:: 80
		IPv6, first address of /33			| len33 | fd09:0:8000:: 80
		IPv6, last address of /33			| len33 | fd09:0:ffff:ffff:ffff:ffff:ffff:ffff 80
		IPv6, first address of /63			| len63 | fd09:0:8000:2:: 80
		IPv6, in /63 below /65				| len63 | fd09:0:8000:3:7fff:ffff:ffff:ffff 80
		IPv6, first address of /65			| len65 | fd09:0:8000:3:8000:: 80
		IPv6, above /63					| len33 | fd09:0:8000:4:: 80
		IPv6, in /127					| len127 | fd09::6 80
		IPv6, host in /127				| host | fd09::7 80
		IPv6, rules of IPv6 alone, a connection over IPv4	| none | 10.9.8.7 80
	END
	uncover host
	probe <<-END
		IPv6, host deleted	| len127 | fd09::7 80
	END
}

# uncover NAME: deletes that rule
uncover() {
	pp delete-rule "$(id_of "$1")"
}

id_of() {
	pp -j list-rules | jq ".[] | select(.comment == \"$1\") | .id"
}

ports() {
	rules <<-END
		every to any
		all to any port 1-65535 mark 0x100/0x100
		wide to any port 1000-1999
		inner to any port 1400-1600
		list to any port 1,5000,5002,5010-5020,65535
		twin to any port 1500-1700
	END
	probe <<-END
		port below 1000-1999				| every | 10.9.9.9 999
		first port of 1000-1999				| wide | 10.9.9.9 1000
		port below 1400-1600 in it			| wide | 10.9.9.9 1399
		first port of 1400-1600 in it			| inner | 10.9.9.9 1400
		two ranges of one width				| inner | 10.9.9.9 1550
		the later of these, past the end of the earlier	| twin | 10.9.9.9 1601
		last port of 1000-1999				| wide | fd09::9 1999
		port above 1000-1999				| every | fd09::9 2000
		list, port 1					| list | fd09::9 1
		list, a port alone				| list | fd09::9 5000
		list, between two ports				| every | fd09::9 5001
		list, first port of a range			| list | fd09::9 5010
		list, last port of a range			| list | 10.9.9.9 5020
		list, past the range				| every | 10.9.9.9 5021
		list, port 65535				| list | 10.9.9.9 65535
		1-65535 with a mark against any port		| all | 10.9.9.9 7777 0x100
		narrower range against a mark			| wide | 10.9.9.9 1001 0x100
	END
}

wide_ranges() {
	rules <<-END
		every to 10.9.9.9
		all to 10.9.9.9 port 1-65535
		high to 10.9.9.9 port 32769-65535,80
		low to 10.9.9.9 port 1-32768
		web to 10.9.9.9 port 80-81
	END
	probe <<-END
		1-32768, its last port				| low | 10.9.9.9 32768
		32769-65535, its first port			| high | 10.9.9.9 32769
		port alone in the list of a wide rule against a narrow range	| high | 10.9.9.9 80
		narrow range past that port			| web | 10.9.9.9 81
	END
	uncover low
	probe <<-END
		1-32768 deleted	| all | 10.9.9.9 700
	END
	uncover all
	probe <<-END
		1-65535 deleted	| every | 10.9.9.9 700
	END
}

# Connections to port 9000 have a conntrack mark
marks() {
	ns lb nft -f - <<-END
		table inet pp_mark {
			chain output {
				type filter hook output priority 0; policy accept;
				tcp dport 9000 ct mark set 0x32
			}
		}
	END
	rules <<-END
		unmarked to any
		bit to any mark 0x100/0x100
		low to any mark 0x01/0x0f
		high to any mark 0x10/0xf0
		byte to any mark 0x32/0xff
		whole to any mark 0x11
		narrow to any port 9001 mark 0x100/0x100
		plain to any port 9003
		zero to any port 9003 mark 0/0x0f
	END
	probe <<-END
		no mark fits					| unmarked | 10.9.9.9 9002 0x02
		mark of one bit					| bit | 10.9.9.9 9002 0x102
		mask of four bits against one			| high | 10.9.9.9 9002 0x112
		two masks of four bits, the lower id		| low | 10.9.9.9 9002 0x111
		mask of all bits				| whole | fd09::9 9002 0x11
		mask whose bits must be 0			| zero | fd09::9 9003
		ct mark alone					| byte | fd09::9 9000
		ct mark fits eight bits, packet mark four	| byte | 10.9.9.9 9000 0x112
		packet mark fits all bits, ct mark eight	| whole | 10.9.9.9 9000 0x11
		narrower port against more bits of mark		| narrow | 10.9.9.9 9001 0x111
	END
	uncover whole
	probe <<-END
		mask of all bits deleted	| low | 10.9.9.9 9002 0x11
	END
	ns lb nft delete table inet pp_mark
}

# duplicate CONDITION NAME RULE...: refused, because NAME is the same
duplicate() {
	check "rule: $1 -> EEXIST" refused \
		"rule $(id_of "$2") has the same destination, ports and mark" add-rule send "${@:3}"
}

duplicates() {
	rules <<-END
		every to any
		host to 10.0.0.2
		list to 10.0.0.3 port 80,443,8000-8099
		marked to fd00::/64 port 80-89 mark 0x10/0xf0
	END
	duplicate "any, and any" every to any
	duplicate "any, and all of IPv4" every to 0.0.0.0/0 version 1
	duplicate "any, and all of IPv6" every to ::/0 origin proxy
	duplicate "the same address" host to 10.0.0.2 comment again
	duplicate "one port of a list" list to 10.0.0.3 port 443
	duplicate "one range of a list in another list" list to 10.0.0.3 port 22,8000-8099,9000
	duplicate "the same range and mark" marked to fd00::/64 port 80-89 mark 0x10/0xf0
	check "rule: other range, length, mask or value -> accepted" not_duplicates
	rules <<-END
		four to 0.0.0.0/0
	END
	duplicate "all of IPv4, and any" four to any
}

not_duplicates() {
	pp add-rule send to 10.0.0.3
	pp add-rule send to 10.0.0.3 port 8000-8098
	pp add-rule send to 10.0.0.2/31
	pp add-rule send to fd00::/64 port 80-89
	pp add-rule send to fd00::/64 port 80-89 mark 0x20/0xf0
	pp add-rule send to fd00::/64 port 80-89 mark 0x10/0xf1
}

added_id() {
	pp -j add-rule send "$@" | jq '.[0].id'
}

deletion() {
	local a b c

	pp flush-rules
	a=$(added_id to 10.0.0.1)
	b=$(added_id to 10.0.0.2)
	c=$(added_id to 10.0.0.3)
	refused "there is no rule $((c + 1))" delete-rule "$a" "$((c + 1))" "$b"
	pp delete-rule "$c" "$a"
	is "$(pp list-rules)" "$b: send to 10.0.0.2 version 2  # tagged 0 acked 0 resent 0"
	refused "there is no rule $a" delete-rule "$b" "$a"
}

# Not the id of a deleted rule, even if it was the highest
ids() {
	local a b c

	a=$(added_id to 10.0.0.4)
	pp delete-rule "$a"
	b=$(added_id to 10.0.0.4)
	((b > a)) || fail "$b after $a"
	pp flush-rules
	c=$(added_id to 10.0.0.4)
	((c > b)) || fail "$c after $b"
}

# Through the load balancer, which marks packets from the client
real() {
	ns lb nft -f - <<-END
		table inet pp_mark {
			chain prerouting {
				type filter hook prerouting priority -150; policy accept;
				tcp dport 80 ct mark set 0x20
			}
		}
	END
	rules <<-END
		host to $BACKEND version 2
		port to $BACKEND port 8080 version 2
		marked to $BACKEND port 8080 mark 0x20/0x30 version 1
		other to $BACKEND port 8080 mark 0x30/0x30 version 2
	END
	transfer 2 --header v1 "${names_client[@]}" --
	pp delete-rule "$(id_of marked)"
	transfer 3 --header v2 "${names_client[@]}" --
	is "$(pp -j list-rules | jq -c '[.[] | [.comment, .tagged, .acked]]')" \
		'[["host",0,0],["port",3,3],["other",0,0]]'
}

# In the client's own namespace the load balancer's rules do not count
isolation() {
	pp flush-rules
	pp add-rule send to "$VIP" port 80
	pp add-rule send to 10.0.0.2
	is "$("$PPCTL" -n "$(ns_name client)" -j list-rules)" '[]'
	is "$("$PPCTL" -n "$(ns_name client)" -j show-stats | jq '.[0].rules')" 0
	transfer 1 --header none --
	"$PPCTL" -n "$(ns_name client)" flush-rules
	is "$(pp list-rules | wc -l)" 2
	is "$("$PPCTL" -n "$(ns_name client)" add-rule send to 10.0.0.9 | cut -d : -f 1)" 1
}

every_address
prefixes_ipv4
prefixes_ipv6
ports
wide_ranges
marks
duplicates
check "rule: several deleted, one of them unknown -> all or none" deletion
check "rule: deleted or flushed -> its id does not come again" ids
ns backend nft delete table inet pp_every
nat_dnat_masq
for family in 4 6; do
	topo_family "$family"
	check "rule: IPv$family, forwarded, ct mark -> its version, its counters; deleted: the next's" \
		real
done
check "rule: of one namespace -> nothing in another" isolation
