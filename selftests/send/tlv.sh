#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# TLVs of headers that are sent: each kind, read by the test's own parser and by HAProxy; the
# longest header under loss; unique ids; refused rules; and rules that make the same rules when they
# are printed.
set -euo pipefail
# shellcheck source=selftests/lib/peers.sh
. "${BASH_SOURCE[0]%/*}/../lib/peers.sh"

need nft jq curl haproxy python3 tc
module_require
topo_lb 4
nat_dnat_masq
nat_dnat_masq 81 8081

hex() {
	printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'
}

# header COUNT: connections to a server that prints each header, in $headers
header() {
	local i

	start_bg reader backend "$pp_selftests/tools/read_header.py" "$BACKEND" 8080 "$1"
	wait_listening reader
	for ((i = 0; i < $1; i++)); do
		is "$(ns client timeout 30 bash -c "exec 3<>/dev/tcp/$VIP/80; echo hello >&3; head -n 1 <&3")" hello
	done
	wait_bg reader
	headers=$(grep '^{' "$PP_TMP/bg/reader.out")
}

# only TLVS [CRC]: the TLVs of the header of a connection
only() {
	header 1
	is "$(jq -c '.tlvs' <<<"$headers")" "$1" 'TLVs'
	is "$(jq -c '.crc' <<<"$headers")" "${2:-null}" 'CRC32C'
	is "$(jq -c '[.source[0], .destination]' <<<"$headers")" "[\"$CLIENT\",[\"$VIP\",80]]"
	is "$(rule_stat tagged)" 1
	is "$(rule_stat acked)" 1
}

named() {
	rule to "$BACKEND" port 8080 authority www.example.org alpn h2
	only "[[\"0x02\",\"$(hex www.example.org)\"],[\"0x01\",\"$(hex h2)\"]]"
}

netns() {
	local inode

	rule to "$BACKEND" port 8080 netns
	only "[[\"0x30\",\"$(hex "$(ns_name lb)")\"]]"
	inode=$(ns lb stat -Lc %i /proc/self/ns/net)
	lb_ppctl flush-rules
	ns lb unshare -m sh -c \
		"umount -l /run/netns && exec '$PPCTL' add-rule send to $BACKEND netns" >/dev/null
	is "$(lb_ppctl -j list-rules | jq -r '.[0].tlvs[0].text')" "$inode"
}

custom() {
	rule to "$BACKEND" port 8080 tlv 0xe1=text tlv 0xE2=0x00ff tlv 224= tlv 0xef=0x
	only "[[\"0xe1\",\"$(hex text)\"],[\"0xe2\",\"00ff\"],[\"0xe0\",\"\"],[\"0xef\",\"\"]]"
}

# Layouts: AWS and Azure have a subtype, Azure's number is little-endian, Google's big
clouds() {
	rule to "$BACKEND" port 8080 tlv aws-vpce-id=vpce-08d2bf15fac5001c9 \
		tlv azure-link-id=33557178 tlv gcp-psc-id=18446744073709551615
	only "[[\"0xea\",\"01$(hex vpce-08d2bf15fac5001c9)\"],[\"0xee\",\"01ba0a0002\"],[\"0xe0\",\"ffffffffffffffff\"]]"
}

crc() {
	rule to "$BACKEND" port 8080 crc32c
	header 1
	is "$(jq -c '[.crc, (.tlvs | length), .tlvs[-1][0]]' <<<"$headers")" '["right",1,"0x03"]'
	rule to "$BACKEND" port 8080 crc32c tlv 0xe3=x unique-id authority a.example
	header 1
	is "$(jq -c '[.crc, [.tlvs[][0]]]' <<<"$headers")" '["right",["0xe3","0x02","0x05","0x03"]]'
}

unique() {
	local ids

	rule to "$BACKEND" port 8080 unique-id
	header 8
	ids=$(jq -r '.tlvs[0][1]' <<<"$headers" | python3 -c 'import sys; [print(bytes.fromhex(line).decode()) for line in sys.stdin]')
	is "$(grep -cxE '[0-9a-f]{32}' <<<"$ids")" 8 'unique ids of 32 digits'
	is "$(sort -u <<<"$ids" | wc -l)" 8 'different ones'
}

# Listed in a handshake that the backend does not answer
unique_listed() {
	rule to "$BACKEND" port 8080 unique-id
	ns backend nft 'add table inet mute; add chain inet mute in { type filter hook input priority 0; };
		add rule inet mute in tcp dport 8080 drop'
	start_bg caller client "$PEER" client -c "$VIP" -p 80 -n 1
	wait_until 10 sh -c "'$PPCTL' -n $(ns_name lb) -j list-connections | jq -e '.[0].unique_id | test(\"^[0-9a-f]{32}$\")'"
	stop_bg caller
	ns backend nft delete table inet mute
}

# 536 bytes: for IPv4 28 and 508 of TLVs, for IPv6 52 and 484
longest() {
	local room=$((FAMILY == 4 ? 508 : 484)) bytes

	bytes=$(printf 'ab%.0s' $(seq $((room - 3 - 35 - 7))))
	rule to "$BACKEND" port 8080 unique-id crc32c tlv "0xe1=0x$bytes"
	header 3
	is "$(jq -c '[.length, .crc]' <<<"$headers" | sort -u)" '[536,"right"]'
	BOTH='--size 100k --order both' transfer 3 --header v2 "${names_client[@]}" --
	refuse_rule "the header would have 537 bytes: 536 at most" \
		to "$BACKEND" port 8081 unique-id crc32c tlv "0xe1=0x${bytes}ab"
	is "$(lb_ppctl -j list-rules | jq length)" 1 'rules'
}

longest_lossy() {
	netem backend eth0 loss 10%
	netem lb back loss 10%
	BOTH='--size 20k' transfer 40 --header v2 "${names_client[@]}" -- -j 40
	netem backend eth0 none
	netem lb back none
}

# refuse_rule MESSAGE ARGUMENT...
refuse_rule() {
	local message=$1 status=0 out

	shift
	out=$(lb_ppctl add-rule send "$@" 2>&1) || status=$?
	is "$status" 2
	is "$out" "ppctl: $message"
}

# The host's own connections carry LOCAL, which has no addresses and no TLVs
local_header() {
	rule to "$BACKEND" port 8080 authority www.example.org crc32c
	start_bg reader backend "$pp_selftests/tools/read_header.py" "$BACKEND" 8080 1
	wait_listening reader
	is "$(ns lb timeout 30 bash -c "exec 3<>/dev/tcp/$BACKEND/8080; echo hello >&3; head -n 1 <&3")" hello
	wait_bg reader
	is "$(grep '^{' "$PP_TMP/bg/reader.out")" '{"command": 0, "length": 16, "crc": null, "tlvs": []}'
}

# A printed rule makes the same rule
round_trip() {
	local line words

	rule to "$BACKEND" port 8080 authority www.example.org alpn http/1.1 netns tlv 0xe1=text \
		tlv 0xe1=0x007f tlv 0xe2= tlv 0xe3=0x3078 tlv aws-vpce-id=vpce-1 \
		tlv azure-link-id=7 tlv gcp-psc-id=8 unique-id crc32c comment 'it'\''s "this"'
	line=$(lb_ppctl list-rules | sed -E 's/^[0-9]+: //; s/  # .*//')
	is "${line#*version 2 }" "authority www.example.org alpn http/1.1 netns tlv 0xe1=text tlv 0xe1=0x007f tlv 0xe2= tlv 0xe3=0x3078 tlv aws-vpce-id=vpce-1 tlv azure-link-id=7 tlv gcp-psc-id=8 unique-id crc32c comment 'it'\\''s \"this\"'"
	lb_ppctl flush-rules
	eval "words=($line)"
	lb_ppctl add-rule "${words[@]}" >/dev/null
	is "$(lb_ppctl list-rules | sed -E 's/^[0-9]+: //; s/  # .*//')" "$line"
	is "$(lb_ppctl -j list-rules | jq -c '.[0] | [.unique_id, .crc32c, (.tlvs | length)]')" '[true,true,10]'
}

write_conf() {
	local seen='%[src] %[fc_pp_authority] %[fc_pp_unique_id]'

	cat <<-END
		defaults
			mode http
			timeout connect 20s
			timeout client 60s
			timeout server 60s
		frontend answer
			bind 10.0.2.2:8081 accept-proxy
			bind [fd00:2::2]:8081 accept-proxy
			http-request return status 200 content-type text/plain lf-string "$seen\n"
	END
}

# HAProxy verifies the CRC32C of every header that has one
haproxy_reads() {
	local seen

	rule to "$BACKEND" port 8081 authority www.example.org unique-id crc32c tlv 0xe4=x
	seen=$(client_curl -f "http://$VIP_URL:81/")
	[[ $seen =~ ^"$CLIENT www.example.org "[0-9a-f]{32}$ ]] || fail "HAProxy saw '$seen'"
	all_sent 1
}

write_conf >"$PP_TMP/haproxy.cfg"
start_bg haproxy backend haproxy -db -f "$PP_TMP/haproxy.cfg"
wait_port backend 8081
for family in 4 6; do
	topo_family $family
	check "send: IPv$family, authority, alpn -> in the header, in their order" named
	check "send: IPv$family, crc32c -> right, and the last" crc
	check "send: IPv$family, header of 536 bytes -> exact, of 537 -> refused" longest
	check "send: IPv$family, header of 536 bytes, 10 % loss -> exact" longest_lossy
	check "send: IPv$family, HAProxy -> reads authority, unique id, CRC32C" haproxy_reads
done
topo_family 4
check 'send: tlv -> text, bytes, nothing' custom
check 'send: tlv -> layouts of AWS, Azure and Google' clouds
check 'send: unique-id -> another one each time' unique
check 'send: LOCAL -> no TLVs' local_header
check 'send: unique-id -> in list-connections' unique_listed
check 'send: netns -> name of the namespace, or its inode' netns
check 'send: TLVs as printed -> the same rule' round_trip
