#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The wire as tshark and tcpdump see it, offloads off: tshark's own dissector reads the header, its
# analysis finds no problem, all checksums are right, and tcpdump shows the bytes; both families and
# versions.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

need nft tcpdump tshark ethtool
module_require

# The fields of each packet, in this order, and their places in a line
fields=(tcp.srcport tcp.dstport tcp.len ip.checksum.status tcp.checksum.status
	tcp.analysis.flags tcp.analysis.window_update proxy.bad_format
	proxy.v2.version proxy.v2.cmd proxy.v2.addr_family_protocol proxy.v2.length proxy.v1.proto
	proxy.src.ipv4 proxy.dst.ipv4 proxy.src.ipv6 proxy.dst.ipv6 proxy.srcport proxy.dstport)
len=3 ip_sum=4 tcp_sum=5 remark=6 window=7 bad_format=8

# dissect NAME: a capture as one line for each packet. Heuristics find the header; tshark uses them
# only if it knows no protocol by the port.
dissect() {
	tshark -r "$(cap_file "$1")" --disable-protocol http \
		-o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
		-T fields -E separator='|' "${fields[@]/#/-e}" >"$PP_TMP/$1.fields" 2>"$PP_TMP/tshark.err"
}

# of_port NAME PORT: the lines of one connection
of_port() {
	grep -E "^($2\||[0-9]+\|$2\|)" "$PP_TMP/$1.fields"
}

# The clients' own ports: one client waits for the server, the other does not
client_ports() {
	SERVER_FIRST=40${FAMILY}0$VERSION CLIENT_FIRST=40${FAMILY}1$VERSION
}

connect() {
	rule to "$BACKEND" port 8080 version "$VERSION"
	BOTH='--order server --size 10k' transfer 1 --header "v$VERSION" "${names_client[@]}" -- \
		--bind-port "$SERVER_FIRST"
	BOTH='--order client --size 10k' transfer 1 --header "v$VERSION" "${names_client[@]}" -- \
		--bind-port "$CLIENT_FIRST"
}

# header_fields PORT: what the dissector has to show
header_fields() {
	case $VERSION-$FAMILY in
	2-4) echo "2|1|0x11|12||$CLIENT|$VIP|||$1|80" ;;
	2-6) echo "2|1|0x21|36||||$CLIENT|$VIP|$1|80" ;;
	1-4) echo "||||TCP4|$CLIENT|$VIP|||$1|80" ;;
	1-6) echo "||||TCP6|||$CLIENT|$VIP|$1|80" ;;
	esac
}

decoded() {
	local port

	for port in "$SERVER_FIRST" "$CLIENT_FIRST"; do
		is "$(of_port wire "$port" | cut -d'|' -f$((bad_format + 1))- | grep -v '^|*$' | sort -u)" \
			"$(header_fields "$port")"
	done
}

# The header is on the third packet, which would otherwise be empty, and on no other. The client's
# side has no packet of it: the acknowledgement is missing there unless it came with data.
one_header() {
	local wire front more

	wire=$(of_port wire "$SERVER_FIRST")
	front=$(of_port front "$SERVER_FIRST")
	is "$(cut -d'|' -f$((bad_format + 1))- <<<"$wire" | grep -vn '^|*$' | cut -d: -f1)" 3
	is "$(sed -n 3p <<<"$wire" | cut -d'|' -f$len)" "$HEADER_LENGTH"
	more=$(($(wc -l <<<"$wire") - $(wc -l <<<"$front")))
	((more == 0 || more == 1)) || fail "$more packets more than on the client's side"
	is "$(sed -n 3p <<<"$front" | cut -d'|' -f$len)" 0
	is "$(cut -d'|' -f$bad_format- <<<"$front" | grep -v '^|*$' || true)" ''
}

# New windows are no errors
unremarkable() {
	local port=$SERVER_FIRST

	is "$(of_port wire "$port" | cut -d'|' -f$remark,$bad_format | sort -u)" '|' 'to the backend'
	is "$(of_port front "$port" | awk -F'|' -v f=$remark -v w=$window '$f != "" && $w == ""')" \
		'' 'to the client'
}

# hex NUMBER...: two digits each
hex() {
	printf '%02x' "$@"
}

# address_hex ADDRESS: of this topology; its IPv6 addresses are all xxxx:y::z
address_hex() {
	local parts

	if [[ $1 == *:* ]]; then
		IFS=: read -ra parts <<<"$1"
		printf '%04x%04x%016x%08x' "0x${parts[0]}" "0x${parts[1]}" 0 "0x${parts[3]}"
	else
		IFS=. read -ra parts <<<"$1"
		hex "${parts[@]}"
	fi
}

# wanted_bytes PORT: the header as hex
wanted_bytes() {
	case $VERSION-$FAMILY in
	2-4) printf '0d0a0d0a000d0a515549540a2111000c' ;;
	2-6) printf '0d0a0d0a000d0a515549540a21210024' ;;
	1-*)
		printf 'PROXY TCP%s %s %s %s 80\r\n' "$FAMILY" "$CLIENT" "$VIP" "$1" | od -An -v -tx1 |
			tr -d ' \n'
		return
		;;
	esac
	address_hex "$CLIENT"
	address_hex "$VIP"
	printf '%04x%04x' "$1" 80
}

# Payload of the third packet as tcpdump prints it: the bytes behind the headers, by their lengths
wire_bytes() {
	local dump ip=40

	dump=$(cap_read wire -c 3 -x "tcp port $1" | sed -n 's/^\t0x[0-9a-f]*: *//p' | tr -d ' \n')
	# The first two packets, by their lengths
	for packet in 1 2 3; do
		if [[ $FAMILY == 4 ]]; then
			ip=$((16#${dump:1:1} * 4)) total=$((16#${dump:4:4}))
		else
			total=$((40 + 16#${dump:8:4}))
		fi
		((packet == 3)) || dump=${dump:total * 2}
	done
	echo "${dump:(ip + 16#${dump:ip * 2 + 24:1} * 4) * 2:(total - ip) * 2}"
}

bytes() {
	is "$(wire_bytes "$SERVER_FIRST")" "$(wanted_bytes "$SERVER_FIRST")"
}

all_dissected() {
	dissect wire
	dissect front
	(($(wc -l <"$PP_TMP/wire.fields") >= 8 * 20)) || cat "$PP_TMP/tshark.err" "$PP_TMP/wire.fields"
	is "$(wc -l <"$PP_TMP/wire.fields")" "$(cap_read wire | wc -l)" 'packets'
}

# 1 is good. IPv6 has no checksum of its own.
checksums() {
	local name

	for name in wire front; do
		is "$(cut -d'|' -f$tcp_sum "$PP_TMP/$name.fields" | sort -u)" 1 "TCP, $name"
		is "$(cut -d'|' -f$ip_sum "$PP_TMP/$name.fields" | sort -ur | tr '\n' ' ')" '1  ' "IP, $name"
	done
}

setting() {
	topo_family "$1"
	VERSION=$2
	case $2-$1 in
	2-4) HEADER_LENGTH=28 ;;
	2-6) HEADER_LENGTH=52 ;;
	1-4) HEADER_LENGTH=39 ;;
	1-6) HEADER_LENGTH=41 ;;
	esac
	client_ports
	where="IPv$1, v$2"
}

topo_lb 4
nat_dnat_masq
veth_offload_off client eth0
veth_offload_off lb front
veth_offload_off lb back
veth_offload_off backend eth0
slow_timers client backend
cap_start wire backend eth0 tcp port 8080
cap_start front client eth0 tcp port 80
for family in 4 6; do
	for version in 2 1; do
		setting $family $version
		check "peers: wire, $where, captured connections -> exact" connect
	done
done
cap_stop wire
cap_stop front

check "peers: tshark, captures -> all packets dissected" all_dissected
check "peers: tshark, checksums on both sides -> all right" checksums
for family in 4 6; do
	for version in 2 1; do
		setting $family $version
		check "peers: tshark, $where -> PROXY with the addresses and ports" decoded
		check "peers: tshark, $where -> header is the third packet, no packet more to the client" one_header
		check "peers: tshark, $where, no loss -> nothing to remark" unremarkable
		check "peers: tcpdump, $where -> the header's bytes" bytes
	done
done
