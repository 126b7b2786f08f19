#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A gateway takes a header out of connections and forwards them to a tagged backend: the header that
# it sends names the client, destination and TLVs of the header that it got. Programs that read
# headers get it, and a second host with an accept rule; behind HAProxy as well.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need nft jq python3 haproxy socat
module_require
topo_lb 4
nat_dnat_masq

# In this test "client" is the load balancer, "lb" the gateway behind it
ip_default() {
	nsip lb route replace default via 10.0.1.2
	nsip lb -6 route replace default via fd00:1::2
}

# gateway [WORD of the send rule]...: its two rules; the backend has none
gateway() {
	backend_ppctl flush-rules
	lb_ppctl flush-rules
	lb_ppctl add-rule accept to "$VIP" port 80 from "$BALANCER" >/dev/null
	lb_ppctl add-rule send to "$BACKEND" port 8080 "$@" >/dev/null
	before=$(stat_of chained)
}

chained() {
	is "$(stat_of chained)" $((before + $1)) 'chained'
}

header() {
	"$pp_selftests/tools/make_header.py" "$@"
}

# The backend reads the header, which names what the first header named
reads() {
	next_port
	gateway version "$1"
	BOTH="--order ${2:-client} --size 50k" transfer 1 --header "v$1" --src-addr "$REAL" \
		--src-port "$port" --dst-addr "$ASKED" --dst-port 443 -- \
		--send-header "v2,$REAL,$port,$ASKED,443"
	chained 1
}

# sent HEX: in $answer, what the backend reads if the gateway gets this
sent() {
	start_bg reader backend "$pp_selftests/tools/read_header.py" "$BACKEND" 8080 1
	wait_listening reader
	is "$(ns client timeout 30 bash -c "exec 3<>/dev/tcp/$VIP/80
		printf '$(escaped "$1")hello\n' >&3; head -n 1 <&3")" hello
	wait_bg reader
	answer=$(grep '^{' "$PP_TMP/bg/reader.out")
}

named_tlvs() {
	is "$(jq -c .tlvs <<<"$answer")" "$1" 'TLVs'
	is "$(jq -c '[.source, .destination]' <<<"$answer")" "[[\"$REAL\",$port],[\"$ASKED\",443]]"
}

pass() {
	next_port
	gateway authority b.example tlv 0xe5=own crc32c
	sent "$(header 21 $tcp "$REAL,$port,$ASKED,443" 02=6162 e1=0001 04:3 ea=017663 crc)"
	is "$(jq -r .crc <<<"$answer")" right 'CRC32C'
	answer=$(jq -c 'del(.tlvs[-1])' <<<"$answer")
	named_tlvs '[["0xe1","0001"],["0xea","017663"],["0x02","622e6578616d706c65"],["0xe5","6f776e"]]'
	chained 1
}

drop() {
	next_port
	gateway tlvs drop tlv 0xe5=own
	sent "$(header 21 $tcp "$REAL,$port,$ASKED,443" 02=6162 e1=0001)"
	named_tlvs '[["0xe5","6f776e"]]'
}

# The long TLV in the middle does not fit 536 bytes
too_long() {
	local lost

	next_port
	gateway unique-id
	lost=$(stat_of tlvs_lost)
	sent "$(header 21 $tcp "$REAL,$port,$ASKED,443" e1=01 e2:600 e3=03)"
	answer=$(jq -c 'del(.tlvs[-1])' <<<"$answer")
	named_tlvs '[["0xe1","01"],["0xe3","03"]]'
	is "$(stat_of tlvs_lost)" $((lost + 1)) 'TLVs lost'
}

local_header() {
	gateway
	sent "$(header 20 00 -)"
	is "$(jq -c '[.command, .length]' <<<"$answer")" '[0,16]'
}

# as_received FAMILY BODY LENGTH ENDS: what cannot be shown to an application here is passed on as
# it came
as_received() {
	gateway tlv 0xe5=own
	sent "$(header 21 "$1" "$2" 02=6162)"
	is "$(jq -c '[.command, .length, .source, .destination, .tlvs]' <<<"$answer")" \
		"[1,$3,$4,[[\"0x02\",\"6162\"],[\"0xe5\",\"6f776e\"]]]"
	chained 1
}

# The line of version 1 is that of the header's family
line_as_received() {
	gateway version 1
	start_bg sink backend socat -u "TCP$FAMILY-LISTEN:8080,reuseaddr" "OPEN:$PP_TMP/line,creat,trunc"
	wait_port backend 8080
	ns client bash -c "exec 3<>/dev/tcp/$VIP/80
		printf '$(escaped "$(header 21 "$1" "$2")")' >&3"
	wait_bg sink
	is "$(<"$PP_TMP/line")" "$3"$'\r'
}

# The load balancer uses a port that its own address had as a client
was_client() {
	local real=$REAL

	REAL=$BALANCER reads 2
	gateway
	BOTH="--size 1k" transfer 1 --header v2 --src-addr "$real" --src-port "$port" -- \
		--send-header "v2,$real,$port,$ASKED,443" --bind-port "$port" --timeout 10
	chained 1
}

# The application of the backend sees the client through two hosts
two_hosts() {
	next_port
	gateway
	backend_ppctl add-rule accept to "$BACKEND" port 8080 from "$LB" >/dev/null
	BOTH="--order $1 --size 200k" transfer 1 --peer-addr "$REAL" --peer-port "$port" -- \
		--send-header "v2,$REAL,$port,$ASKED,443"
	chained 1
}

# HAProxy before both: its client is the peer of the application
behind_haproxy() {
	gateway
	backend_ppctl add-rule accept to "$BACKEND" port 8080 from "$LB" >/dev/null
	TARGET=$BALANCER PORT=$1 BOTH='--size 20k' transfer 20 --peer-addr client --peer-port client \
		-- -j 20
	chained 20
}

haproxy_conf() {
	cat <<-END
		defaults
			mode tcp
			timeout connect 20s
			timeout client 60s
			timeout server 60s
		listen four
			bind 10.0.1.2:9000
			server gateway 10.0.1.1:80 send-proxy-v2
		listen six
			bind [fd00:1::2]:9000
			server gateway [fd00:1::1]:80 send-proxy-v2
	END
}

lossy() {
	gateway
	backend_ppctl add-rule accept to "$BACKEND" port 8080 from "$LB" >/dev/null
	for link in client:eth0 lb:front lb:back backend:eth0; do
		netem "${link%:*}" "${link#*:}" loss 3% delay 1ms
	done
	TARGET=$BALANCER PORT=9000 BOTH='--size 20k' transfer 40 --peer-addr client \
		--peer-port client -- -j 40
	for link in client:eth0 lb:front lb:back backend:eth0; do
		netem "${link%:*}" "${link#*:}" none
	done
}

ip_default
haproxy_conf >"$PP_TMP/haproxy.cfg"
start_bg haproxy client haproxy -db -f "$PP_TMP/haproxy.cfg"
wait_port client 9000

for family in 4 6; do
	accept_family $family
	tcp=$((family == 4 ? 11 : 21))
	check "chain: IPv$family, gateway, v2 -> the backend reads what it was told" reads 2
	check "chain: IPv$family, gateway, v1, server first -> the same" reads 1 server
	check "chain: IPv$family, gateway -> TLVs pass, but for those of the rule" pass
	check "chain: IPv$family, two hosts -> exact, from the client" two_hosts client
	check "chain: IPv$family, two hosts, server first -> exact, from the client" two_hosts server
	check "chain: IPv$family, HAProxy and two hosts -> exact, from its client" behind_haproxy 9000
done
accept_family 4
tcp=11
check 'chain: tlvs drop -> those of the rule alone' drop
check 'chain: TLVs too long for a header -> the others' too_long
check 'chain: LOCAL -> LOCAL' local_header
mapped=::ffff:192.0.2.77,4712,::ffff:198.51.100.5,443
check 'chain: TCP6 over IPv4 -> TCP6, as received' as_received 21 2001:db8::77,4711,2001:db8::5,443 \
	63 '["2001:db8::77",4711],["2001:db8::5",443]'
check 'chain: TCP6 over IPv4, v1 -> TCP6, as received' line_as_received 21 \
	2001:db8::77,4711,2001:db8::5,443 'PROXY TCP6 2001:db8::77 2001:db8::5 4711 443'
check 'chain: client on loopback -> as received' as_received 11 "127.0.0.1,4711,$ASKED,443" \
	39 "[\"127.0.0.1\",4711],[\"$ASKED\",443]"
check 'chain: client without a port -> as received' as_received 11 "192.0.2.77,0,$ASKED,443" \
	39 "[\"192.0.2.77\",0],[\"$ASKED\",443]"
check 'chain: IPv4 client written as IPv6 -> TCP4' as_received 21 $mapped \
	39 '["192.0.2.77",4712],["198.51.100.5",443]'
accept_family 6
check 'chain: TCP4 over IPv6 -> TCP4, as received' as_received 11 192.0.2.77,4711,198.51.100.5,443 \
	39 '["192.0.2.77",4711],["198.51.100.5",443]'
check 'chain: IPv4 client written as IPv6, over IPv6 -> TCP4' as_received 21 $mapped \
	39 '["192.0.2.77",4712],["198.51.100.5",443]'
accept_family 4
check 'chain: once client, then load balancer -> exact' was_client
check 'chain: HAProxy and two hosts, 3 % loss on every link -> exact' lossy
lb_ppctl flush-rules
backend_ppctl flush-rules
