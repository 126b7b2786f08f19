#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Accept rules with the same destination and ports: the longest prefix of the source decides, in
# whatever order they are added and deleted. "header none" exempts a source from the others. With "dev", sources are believed by one device.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need jq nft
module_require
topo_lb 4

# policies RULE...: the only rules, all for the backend's port 8080, each after its name
policies() {
	local rule

	backend_ppctl flush-rules
	for rule in "$@"; do
		# shellcheck disable=SC2086 # words
		backend_ppctl add-rule accept to "$BACKEND" port 8080 comment $rule >/dev/null
	done
}

# with_source ADDRESS: the load balancer connects from there
with_source() {
	SOURCE=$1
}

id_of() {
	backend_ppctl -j list-rules | jq ".[] | select(.comment == \"$1\") | .id"
}

counter_of() {
	backend_ppctl -j list-rules | jq ".[] | select(.comment == \"$1\") | .$2"
}

# taken_by NAME [OPTION of the client]...: the header is taken out, and this rule has counted it
taken_by() {
	local before

	before=$(counter_of "$1" accepted)
	next_port
	named "$port" -b "$SOURCE" "${@:2}"
	is "$(counter_of "$1" accepted)" $((before + 1)) "rule $1"
}

# The header is the application's data
untouched() {
	accept_transfer 1 --header v2 --src-addr "$REAL" --peer-addr "$SOURCE" -- -b "$SOURCE" \
		--send-header "v2,$REAL,4711,$ASKED,443"
	accept_transfer 1 --peer-addr "$SOURCE" --peer-port client -- -b "$SOURCE"
	is "$(accept_stat pending)" 0 pending
}

# refused_by NAME: a connection without a header is reset
refused_by() {
	local before status=0

	before=$(counter_of "$1" refused)
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0
	wait_listening server
	ns client "$PEER" client -b "$SOURCE" -c "$BACKEND" -p 8080 --timeout 15 >/dev/null 2>&1 ||
		status=$?
	stop_bg server
	is "$status" 1
	is "$(counter_of "$1" refused)" $((before + 1)) "rule $1"
}

# passed_by NAME: a connection without a header is served
passed_by() {
	local before

	before=$(counter_of "$1" passed)
	accept_transfer 1 --peer-addr "$SOURCE" --peer-port client -- -b "$SOURCE"
	is "$(counter_of "$1" passed)" $((before + 1)) "rule $1"
}

deleted() {
	backend_ppctl delete-rule "$(id_of "$1")"
}

# policy CONDITION RESULT COMMAND...
policy() {
	check "accept: IPv$FAMILY, $1 -> $2" "${@:3}"
}

# refuses MESSAGE RULE: nothing changes
refuses() {
	local before status=0

	before=$(backend_ppctl list-rules)
	# shellcheck disable=SC2086 # words
	backend_ppctl add-rule accept to "$BACKEND" $2 >"$PP_TMP/out" 2>&1 || status=$?
	is "$(<"$PP_TMP/out")" "ppctl: $1"
	is "$status" 2
	is "$(backend_ppctl list-rules)" "$before"
}

same_source() {
	policies "one from $BALANCER,$OTHER" "wide from $NET"
	refuses "rule $(id_of one) has the same destination, ports and source" \
		"port 8080 from $OTHER header none"
	refuses "rule $(id_of wide) has the same destination, ports and source" \
		"port 80,8080 from $NET header optional"
	backend_ppctl add-rule accept to "$BACKEND" port 80-8080 from "$OTHER" >/dev/null
}

# One rule of several families: "any" is in each
both_families() {
	backend_ppctl flush-rules
	backend_ppctl add-rule accept to any port 8080 from any comment any >/dev/null
	backend_ppctl add-rule accept to any port 8080 from "$BALANCER" header none comment one >/dev/null
	with_source "$BALANCER"
	untouched
	with_source "$OTHER"
	taken_by any
	backend_ppctl delete-rule "$(id_of one)"
	with_source "$BALANCER"
	taken_by any
}

# Every length at once, each with a rule of its own; the longest that fits counts
lengths() {
	local bits=32 len

	[[ $FAMILY == 4 ]] || bits=128
	backend_ppctl flush-rules
	for ((len = 0; len <= bits; len++)); do
		backend_ppctl add-rule accept to "$BACKEND" port 8080 \
			from "$(prefix_of "$BALANCER" "$len")" comment "len$len" >/dev/null
	done
	with_source "$BALANCER"
	taken_by "len$bits"
	deleted "len$bits"
	taken_by "len$((bits - 1))"
	with_source "$OTHER"
	taken_by "len$((bits - 1))"
	deleted "len$((bits - 1))"
	taken_by "len$((bits - 2))"
}

prefix_of() {
	python3 -c 'import ipaddress, sys
print(ipaddress.ip_network(sys.argv[1] + "/" + sys.argv[2], strict=False))' "$1" "$2"
}

# Rules come and go while connections are made: each meets one of them
changing() {
	policies "wide from $NET" "one from $BALANCER"
	cat >"$PP_TMP/change" <<-END
		while :; do
			$PPCTL add-rule accept to $BACKEND port 8080 from $OTHER header none >$PP_TMP/added
			sleep 0.01
			$PPCTL delete-rule \$(cut -d : -f 1 $PP_TMP/added)
		done
	END
	start_bg change backend bash "$PP_TMP/change"
	next_port
	accept_transfer 100 --peer-addr "$REAL" -- -b "$BALANCER" -j 4 \
		--send-header "v2,$REAL,0,$ASKED,443"
	stop_bg change
	is "$(counter_of one accepted)" 100
}

# replaced NAME WORDS: the rule gets these words instead
replaced() {
	# shellcheck disable=SC2086 # words
	backend_ppctl replace-rule "$(id_of "$1")" accept to "$BACKEND" port 8080 comment "$1" $2 \
		>/dev/null
}

# A rule alone, and one among others, is replaced by one with the same source, and with others
replacing() {
	policies "one from $BALANCER"
	with_source "$BALANCER"
	taken_by one
	replaced one "from $BALANCER header none"
	untouched
	replaced one "from $BALANCER,$OTHER header optional"
	passed_by one
	policies "wide from $NET header optional" "one from $BALANCER"
	refused_by one
	replaced one "from $BALANCER header none"
	untouched
	replaced one "from $OTHER"
	passed_by wide
	with_source "$OTHER"
	refused_by one
	replaced wide "from $NET,$THIRD"
	refused_by one
	refuses "rule $(id_of wide) has the same destination, ports and source" \
		"port 8080 from $THIRD"
	deleted one
	refused_by wide
}

# Another neighbour of the backend, by eth9
other_device() {
	ns_make other
	veth_make other eth0 backend eth9
	addr_add other eth0 10.0.3.1/24 fd00:3::1/64
	addr_add backend eth9 10.0.3.2/24 fd00:3::2/64
	nsip other route add 10.0.2.2 via 10.0.3.2
	nsip other -6 route add fd00:2::2 via fd00:3::2
}

by_other_device() {
	CLIENT_NS=other
	with_source "$NEIGHBOUR"
	"$@"
}

# The device is renamed, and the rule names the new one
renamed() {
	nsip backend link set eth9 down
	nsip backend link set eth9 name trusted0
	nsip backend link set trusted0 up
	addr_add backend trusted0 fd00:3::2/64
	by_other_device taken_by second
	nsip backend link set trusted0 down
	nsip backend link set trusted0 name eth9
	nsip backend link set eth9 up
	addr_add backend eth9 fd00:3::2/64
	by_other_device untouched
}

other_device
VERSION=2
for family in 4 6; do
	accept_family $family
	case $family in
	4) OTHER=10.0.1.3 THIRD=10.0.1.77 NET=10.0.0.0/16 PART=10.0.1.0/26 NEIGHBOUR=10.0.3.1 ;;
	6) OTHER=fd00:1::3 THIRD=fd00:1::ff77 NET=fd00::/16 PART=fd00:1::/120 NEIGHBOUR=fd00:3::1 ;;
	esac
	for address in "$OTHER" "$THIRD"; do
		addr_add client eth0 "$address/$((family == 4 ? 24 : 64))"
	done

	policies "wide from $NET" "one from $BALANCER header optional"
	with_source "$BALANCER"
	policy 'the longer prefix is added second' 'it decides' passed_by one
	with_source "$OTHER"
	policy 'a source in the shorter prefix alone' 'that decides' refused_by wide
	policy 'a header from there' 'taken out' taken_by wide

	policies "one from $BALANCER header optional" "wide from $NET"
	with_source "$BALANCER"
	policy 'the longer prefix is added first' 'it decides' passed_by one

	policies "wide from $NET" "part from $PART header optional" "one from $BALANCER header none"
	policy 'header none' 'served as it comes, header and all' untouched
	with_source "$OTHER"
	policy 'the second of three prefixes' 'it decides' passed_by part
	with_source "$THIRD"
	policy 'the third of three prefixes' 'it decides' refused_by wide
	deleted one
	with_source "$BALANCER"
	policy 'the exemption is deleted' 'the next prefix decides' passed_by part
	deleted wide
	with_source "$THIRD"
	policy 'a source that no rule has any more' 'served as it comes' untouched
	with_source "$BALANCER"
	policy 'the rule that is left alone' 'decides' passed_by part
	policies "one from $BALANCER header none"
	policy 'header none, the only rule' 'served as it comes' untouched

	policies "first from any dev eth0"
	with_source "$BALANCER"
	policy 'by the device of the rule' 'taken out' taken_by first
	policy 'by another device' 'served as it comes' by_other_device untouched
	policies "second from $NEIGHBOUR dev trusted0" "first from any dev eth0"
	policy 'the rule of the longer prefix has another device' 'served as it comes' \
		by_other_device untouched
	policy 'a device gets the name of the rule' 'taken out' renamed

	policy 'source of another rule' 'EEXIST' same_source
	policy 'a rule is replaced' 'the new one counts' replacing
	policy 'any, and one address, of both families' 'the address decides' both_families
	policy 'a rule for each length' 'the longest decides' lengths
	policy 'rules come and go' 'all exact' changing
done
