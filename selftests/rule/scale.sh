#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Very many rules: 100,000 for as many destinations, up to the limit of a namespace, and 16,000 port
# ranges on one destination. They are listed in order, the right one is found, and their memory is
# released. Times are printed and not judged.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

need nft jq
[[ -x $LOAD ]] || skip_all "$LOAD is not built"
module_require
topo_lb 4
pp_net=$(ns_name lb)

many=100000
most=131072
# The address of rule 50000 of pp_netlink_load
tagged_host=10.128.195.80

# Kernel memory in kB that cannot be reclaimed
slab() {
	awk '$1 == "SUnreclaim:" { print $2 }' /proc/meminfo
}

ms() {
	local now

	printf -v now '%.0f' "${EPOCHREALTIME}e3"
	echo "$now"
}

tagged_backend() {
	addr_add backend eth0 "$tagged_host/32"
	nsip lb route add "$tagged_host" via 10.0.2.2
}

# speed NAME: exact connections to the tagged host, and how fast they come
speed() {
	BACKEND=$tagged_host TARGET=$tagged_host PORT=8080
	transfer 200 --header v2 "${names_client[@]}" -- -j 8 --size 100 2>"$PP_TMP/$1.speed"
	grep '200 exact' "$PP_TMP/$1.speed"
}

speed_of() {
	awk -v name="$1" '/exact/ { printf "%s: %.0f connections/s\n", name, $2 * 1000 / $6 }' \
		"$PP_TMP/$1.speed" | diag
}

load() {
	slab >"$PP_TMP/slab.before"
	in_net "$LOAD" hosts 0 "$many" >"$PP_TMP/load"
	slab >"$PP_TMP/slab.loaded"
	is "$(stats rules)" "$many"
}

listed() {
	local began

	began=$(ms)
	pp list-rules >"$PP_TMP/list"
	echo "list: $(($(ms) - began)) ms" >>"$PP_TMP/load"
	awk -v many="$many" '
	{
		id = $1 + 0
		if (NR == 1)
			first = id
		if (id != first + NR - 1) {
			print "rule " id " on line " NR
			exit 1
		}
	}
	END { exit NR != many }' "$PP_TMP/list"
	is "$(sed -n '50001s/^[0-9]*: //p' "$PP_TMP/list")" \
		"send to $tagged_host port 8080 version 2  # tagged 0 acked 0 resent 0"
	is "$(sed -n '50003s/^[0-9]*: //p' "$PP_TMP/list")" \
		'send to fd80::c352 port 8080 version 2  # tagged 0 acked 0 resent 0'
}

# The other 99,999 rules have no effect on it
untagged() {
	local before

	before=$(stats tagged)
	transfer 3 --header none --
	TARGET=$BACKEND PORT=8080 transfer 3 --header none --
	is "$(stats tagged)" "$before"
}

counted() {
	is "$(pp list-rules | grep -v ' tagged 0 ' | sed 's/^[0-9]*: //; s/ resent .*//')" \
		"send to $tagged_host port 8080 version 2  # tagged 200 acked 200"
}

full() {
	local status=0

	in_net "$LOAD" hosts "$many" $((most - many)) >>"$PP_TMP/load"
	is "$(stats rules)" "$most"
	refused "this network namespace has $most rules: no more fit" add-rule send to 10.0.0.9
	in_net "$LOAD" hosts "$most" 10 >"$PP_TMP/out" || status=$?
	is "$status" 1
	is "$(cat "$PP_TMP/out")" \
		"rule $most refused: ENOSPC: this network namespace has $most rules: no more fit"
}

# The limit is one of this namespace
elsewhere() {
	"$PPCTL" -n "$(ns_name client)" add-rule send to 10.0.0.9
	"$PPCTL" -n "$(ns_name client)" flush-rules
}

one_for_another() {
	local id

	id=$(head -n 1 "$PP_TMP/list" | cut -d : -f 1)
	pp delete-rule "$id"
	pp add-rule send to 10.0.0.9
	refused "this network namespace has $most rules: no more fit" add-rule send to 10.0.0.10
}

flushed() {
	local began

	began=$(ms)
	pp flush-rules
	echo "flush: $(($(ms) - began)) ms" >>"$PP_TMP/load"
	is "$(pp list-rules)" ''
	is "$(stats rules)" 0
}

# Four fifths of the memory of 100,000 rules; there were more before
given_back() {
	local before loaded

	before=$(cat "$PP_TMP/slab.before") loaded=$(cat "$PP_TMP/slab.loaded")
	((loaded - before > 10000)) || fail "$many rules took $((loaded - before)) kB"
	wait_until 30 slab_below $((before + (loaded - before) / 5)) || {
		echo "kB before, with rules, now: $before $loaded $(slab)"
		return 1
	}
}

slab_below() {
	(($(slab) < $1))
}

# Rule N, from 1 up, is for ports 20000-N to 20000+N: the first that contains a port is the
# narrowest
ranges() {
	in_net "$LOAD" ranges 1 16000 >"$PP_TMP/ranges"
	is "$(pp list-rules | sed -n 's/^\([0-9]*\): send to 10.0.2.2 port \([0-9]*\)-\([0-9]*\) .*/\1 \2 \3/p' |
		awk '$2 == 20000 - NR && $3 == 20000 + NR' | wc -l)" 16000
}

probe_ranges() {
	ns backend nft -f - <<-END
		table inet pp_reset {
			chain prerouting {
				type nat hook prerouting priority -100; policy accept;
				iif eth0 meta l4proto tcp redirect
			}
		}
	END
	results "$PROBE" <<-END
		16,000 ranges, the middle		| r1 | 10.0.2.2 20000
		16,000 ranges, end of the narrowest	| r1 | 10.0.2.2 20001
		16,000 ranges, begin of the second	| r2 | 10.0.2.2 19998
		16,000 ranges, begin of one		| r777 | 10.0.2.2 19223
		16,000 ranges, end of one		| r1024 | 10.0.2.2 21024
		16,000 ranges, one of the widest		| r15999 | 10.0.2.2 4001
		16,000 ranges, end of the widest		| r16000 | 10.0.2.2 36000
		16,000 ranges, begin of the widest	| r16000 | 10.0.2.2 4000
		16,000 ranges, below all			| none | 10.0.2.2 3999
		16,000 ranges, above all			| none | 10.0.2.2 36001
	END
}

# When the odd ones are deleted, the even ones are found
half_deleted() {
	local ids

	mapfile -t ids < <(pp list-rules | awk 'NR % 2 { sub(":", "", $1); print $1 }')
	pp delete-rule "${ids[@]}"
	is "$(stats rules)" 8000
}

tagged_backend
nat_dnat_masq
rule to "$tagged_host" port 8080
check "rule: one rule -> its connections are exact" speed one
speed_of one
pp flush-rules
check "rule: 100,000 rules -> all accepted" load
check "rule: 100,000 rules -> listed as they were given, ids in order" listed
check "rule: destination of one of 100,000 rules -> its connections are exact" speed many
speed_of many
check "rule: destination of none of 100,000 rules -> no header" untagged
check "rule: 100,000 rules -> the right one has counted" counted
check "rule: as many rules as a namespace may have, and one more -> ENOSPC" full
check "rule: another namespace is full -> no hindrance" elsewhere
check "rule: one rule less -> room for one" one_for_another
check "rule: most rules flushed -> none left" flushed
diag <"$PP_TMP/load"
check "rule: 100,000 rules flushed -> their memory is given back" given_back
diag "memory: $(($(cat "$PP_TMP/slab.loaded") - $(cat "$PP_TMP/slab.before"))) kB"
check "rule: 16,000 nested port ranges on one destination -> accepted, listed" ranges
diag <"$PP_TMP/ranges"
probe_ranges
check "rule: 8,000 of 16,000 ranges deleted at once -> the others are left" half_deleted
results "$PROBE" <<-END
	every second range deleted, the middle	| r2 | 10.0.2.2 20000
	every second range deleted, begin of a deleted one	| r778 | 10.0.2.2 19223
END
check "rule: 8,000 ranges flushed -> none left" flushed
