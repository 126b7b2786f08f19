#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# If the application is a socket of this host, its TCP and that of the load balancer have the same
# sequence numbers and clock: only addresses and ports are translated. If the listener has kept only
# a SYN cookie, numbers are translated as well.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need jq python3 tcpdump nft
module_require
topo_lb 4

# One end: prints the next number that its TCP sends, the one that it expects, and its clock
# (TCP_REPAIR)
end='
import json, socket, struct, sys, time
REPAIR, QUEUE, SEQ, CLOCK = 19, 20, 21, 24
def numbers(conn):
    conn.setsockopt(socket.IPPROTO_TCP, REPAIR, 1)
    said = {"clock": conn.getsockopt(socket.IPPROTO_TCP, CLOCK) & 0xffffffff}
    for queue, name in ((1, "expects"), (2, "sends")):
        conn.setsockopt(socket.IPPROTO_TCP, QUEUE, queue)
        said[name] = conn.getsockopt(socket.IPPROTO_TCP, SEQ) & 0xffffffff
    conn.setsockopt(socket.IPPROTO_TCP, REPAIR, -1)
    print(json.dumps(said), flush=True)
if sys.argv[1] == "listen":
    family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
    listener = socket.create_server((sys.argv[2], 8080), family=family)
    print("listening on 8080", flush=True)
    conn = listener.accept()[0]
    assert conn.getpeername()[0] == sys.argv[3], conn.getpeername()
    assert conn.recv(100) == b"question"
    conn.sendall(b"answer")
    time.sleep(1)
    numbers(conn)
    assert conn.recv(100) == b""
else:
    conn = socket.create_connection((sys.argv[2], 8080), 20)
    conn.sendall(bytes.fromhex(sys.argv[3]))
    time.sleep(float(sys.argv[4]))
    conn.sendall(b"question")
    assert conn.recv(100) == b"answer"
    time.sleep(2)
    numbers(conn)
'

# The last timestamp of the application's host, as the load balancer knows it
last_clock() {
	cap_read wire "src host $BACKEND" | sed -n 's/.*TS val \([0-9]*\) ecr.*/\1/p' | tail -n 1
}

# numbers PAUSE: those of the application ($here) and of the load balancer ($there); PAUSE is the
# seconds between header and data
numbers() {
	local header

	next_port
	header=$("$pp_selftests/tools/make_header.py" 21 "$tcp" "$REAL,$port,$ASKED,443" e0:"$((RANDOM % 90))")
	cap_start wire client eth0 tcp
	start_bg listener backend python3 -c "$end" listen "$BACKEND" "$REAL"
	wait_listening listener
	there=$(ns client python3 -c "$end" connect "$BACKEND" "$header" "$1")
	wait_bg listener
	cap_stop wire
	here=$(grep '^{' "$PP_TMP/bg/listener.out")
}

same() {
	local behind

	numbers "$1"
	is "$(jq .sends <<<"$here")" "$(jq .expects <<<"$there")" 'sequence numbers of the application'
	is "$(jq .expects <<<"$here")" "$(jq .sends <<<"$there")" 'sequence numbers of the load balancer'
	[[ -n $(last_clock) ]] || return 0
	behind=$((($(jq .clock <<<"$here") - $(last_clock) + 5000) & 0xffffffff))
	((behind < 10000)) || fail "the application's clock is $((behind - 5000)) ahead"
}

by_cookie() {
	trap 'ns_sysctl backend net.ipv4.tcp_syncookies=1' EXIT
	ns_sysctl backend net.ipv4.tcp_syncookies=2
	numbers 0
	[[ $(jq .sends <<<"$here") != "$(jq .expects <<<"$there")" ]]
}

without_timestamps() {
	trap 'ns_sysctl client net.ipv4.tcp_timestamps=1' EXIT
	ns_sysctl client net.ipv4.tcp_timestamps=0
	same "$1"
}

# The SYN-ACK of the second handshake; it has the numbers of the first one already
synack_lost() {
	trap 'ns backend nft delete table inet pp_once' EXIT
	ns backend nft -f - <<-END
		table inet pp_once {
			chain output {
				type filter hook output priority 0; policy accept;
				ip daddr 192.0.2.77 limit rate 1/hour burst 1 packets drop
				ip6 daddr 2001:db8::77 limit rate 1/hour burst 1 packets drop
			}
		}
	END
	same 0
}

# The first SYN-ACK is sent twice, and either timestamp may be echoed
synack_repeated() {
	trap 'ns lb nft delete table inet pp_once' EXIT
	ns lb nft -f - <<-END
		table inet pp_once {
			chain forward {
				type filter hook forward priority 0; policy accept;
				tcp flags & (syn | ack) == syn | ack limit rate 1/hour burst 1 packets drop
			}
		}
	END
	same 0
}

for family in 4 6; do
	accept_family $family
	tcp=$((family == 4 ? 11 : 21))
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	check "accept: IPv$family, header with data -> the same numbers at both ends" same 0
	check "accept: IPv$family, header alone -> the same numbers at both ends" same 1
	check "accept: IPv$family, no timestamps -> the same numbers at both ends" without_timestamps 0
	check "accept: IPv$family, SYN-ACK to the load balancer lost -> the same numbers" synack_repeated
	check "accept: IPv$family, SYN-ACK to the client lost -> the same numbers" synack_lost
	check "accept: IPv$family, SYN cookie -> numbers are translated" by_cookie
done
backend_ppctl flush-rules
