#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The header with TCP options of all kinds: Fast Open, whose data must not overtake it; Multipath
# TCP; signatures, which forbid it; none of the usual options; and as many as fit.
set -euo pipefail
# shellcheck source=selftests/lib/loss.sh
. "${BASH_SOURCE[0]%/*}/../lib/loss.sh"

need nft jq nstat "$RAWTCP"
module_require
topo_lb 4
nat_dnat_masq

# exact EXPRESSION: three connections with a header
exact() {
	rule to "$BACKEND" port 8080 version "$version"
	grown ".tagged == 3 and .acked == 3 and .handshakes == 0 and $1" \
		transfer 3 --header "v$version" "${names_client[@]}" --
}

# syn_data true|false COMMAND...: whether every SYN brought data to the server
syn_data() {
	local want=$1 output

	shift
	output=$("$@") || fail "$output"
	is "$(grep -c "\"syn_data\":$want" <<<"$output")" 3 "connections with $want"
}

# ---- Fast Open

fast_open() {
	topo_family "$1"
	version=$2
	lb_ppctl flush-rules
	export BOTH=--fastopen
	check "send: IPv$1, Fast Open $how, no rule -> data in the SYN" \
		syn_data true transfer 3 --
	check "send: IPv$1, v$2, Fast Open $how -> header, data behind it" \
		syn_data false exact '.tfo == 3'
	unset BOTH
}

# Bit 2: data without a cookie is sent; bit 9: and accepted
how='without cookie'
ns_sysctl client net.ipv4.tcp_fastopen=5
ns_sysctl backend net.ipv4.tcp_fastopen=514
fast_open 4 2
fast_open 6 1

# The first connection gets the cookie
how='with cookie'
ns_sysctl client net.ipv4.tcp_fastopen=1
ns_sysctl backend net.ipv4.tcp_fastopen=2
lb_ppctl flush-rules
for family in 4 6; do
	topo_family $family
	BOTH=--fastopen transfer 1 -- >"$PP_TMP/fetch" 2>&1
done
fast_open 4 1
fast_open 6 2
ns_sysctl client net.ipv4.tcp_fastopen=0
ns_sysctl backend net.ipv4.tcp_fastopen=0

# ---- Multipath TCP

mptcp_syns() {
	ns backend nstat -jasz MPTcpExtMPCapableSYNRX | jq '.[].MPTcpExtMPCapableSYNRX'
}

# multipath COUNT COMMAND...: COUNT SYNs with the option reach the backend
multipath() {
	local before after want=$1

	shift
	before=$(mptcp_syns)
	"$@"
	after=$(mptcp_syns)
	is $((after - before)) "$want" "Multipath TCP SYNs"
}

if ns client test -e /proc/sys/net/mptcp/enabled; then
	ns_sysctl client net.mptcp.enabled=1
	ns_sysctl backend net.mptcp.enabled=1
	export BOTH='--mptcp --size 100k'
	lb_ppctl flush-rules
	check "send: IPv6, Multipath TCP, no rule -> Multipath TCP" multipath 3 transfer 3 --
	for version in 1 2; do
		topo_family $((version == 1 ? 4 : 6))
		check "send: IPv$FAMILY, v$version, Multipath TCP -> TCP, exact" \
			multipath 0 exact '.mptcp == 3'
	done
	unset BOTH
else
	skip "send: Multipath TCP -> TCP, exact" "this kernel has none"
fi

# ---- TCP-MD5: NAT would break the signatures

not_connected() {
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 -n 0 --md5 secret
	wait_listening server
	if ns client "$PEER" client -c "$BACKEND" -p 8080 --md5 secret --timeout 3; then
		fail 'connected'
	fi
	stop_bg server
}

signed() {
	rule to "$BACKEND" port 8080
	grown '.signed > 0 and .tagged == 0' not_connected
}

for family in 4 6; do
	topo_family $family
	check "send: IPv$family, TCP-MD5 -> dropped, since it cannot carry a header" signed
done

# ---- Without the usual options

# without SIDES FAMILY VERSION OPTION...
without() {
	local sides=$1 family=$2 side option

	version=$3
	topo_family "$family"
	shift 3
	for side in $sides; do
		ns_sysctl "$side" "${@/%/=0}"
	done
	BOTH='--order both --size 100k' \
		check "send: IPv$family, v$version, no ${*#net.ipv4.tcp_} (${sides/ /, }) -> exact" exact true
	for side in $sides; do
		for option in "$@"; do
			ns_sysctl "$side" "$option=1"
		done
	done
}

timestamps=net.ipv4.tcp_timestamps sack=net.ipv4.tcp_sack scaling=net.ipv4.tcp_window_scaling
without client 4 2 $timestamps
without backend 6 1 $timestamps
without client 6 2 $sack
without client 4 1 $scaling
without backend 6 2 $scaling
without 'client backend' 4 2 $timestamps $sack $scaling
without 'client backend' 6 1 $timestamps $sack $scaling

# ---- Any options, in headers of up to 60 bytes

# An experimental option that no stack knows fills the rest
most_syn=020405b4fd24$(printf '%068d' 0)
most=fd28$(printf '%076d' 0)

# raw EXPRESSION [OPTION of pp_rawtcp]...
raw() {
	local expression=$1

	shift
	rule to "$BACKEND" port 8080 version "$version"
	grown ".tagged == 1 and .acked == 1 and $expression" \
		raw_transfer "$raw_port" --header "v$version" "${names_client[@]}" -- "$@"
}

# options NAME EXPRESSION SYN-OPTIONS OPTIONS [OPTION of pp_rawtcp]...
options() {
	local name=$1 expression=$2 syn=$3 others=$4

	shift 4
	((++raw_port))
	check "send: IPv$FAMILY, v$version, $name -> exact" \
		raw "$expression" --syn-options "$syn" --options "$others" "$@"
}

raw_init
for family in 4 6; do
	topo_family $family
	version=$((family == 4 ? 1 : 2))
	# It waits for data, which is too long for the header to fit in front
	options '40 bytes of options in each packet' '.in_ack + .separate > 0' "$most_syn" "$most" --size 3000
	lose $at_backend 1 payload
	options '40 bytes of options, first header lost' '.prefixed > 0' "$most_syn" "$most" --size 100
	# The first segment behind the lost header is as long as the path allows
	lose $at_backend 1 payload
	options '40 bytes of options, first header lost, full segments' '.separate > 0' \
		"$most_syn" "$most" --size 3000
	lose_end $at_backend
	options 'an option of length 0' true 020405b4fd000000 fd000000
	options 'an option that is too long' true 020405b4fd300000 fd300000
	options 'Fast Open and Multipath TCP at odd offsets' '.tfo == 1 and .mptcp == 1' \
		020405b4011e0c000111223344556677880101220a1122334455667788 01010101
done
