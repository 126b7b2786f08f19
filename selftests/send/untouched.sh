#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What changes between client and backend: captures of both sides of the load balancer, compared
# packet by packet. Until the header is acknowledged, only what docs/design.md says changes, and
# after that nothing.
set -euo pipefail
# shellcheck source=selftests/lib/send.sh
. "${BASH_SOURCE[0]%/*}/../lib/send.sh"

not_in_sim 'two captures are compared by time'
need nft jq tcpdump ethtool tc python3
module_require
topo_lb 4
# One packet on this side is one packet on the other, in the same order: the load balancer receives
# on one processor
veth_offload_off client eth0
veth_offload_off lb front
veth_offload_off lb back
veth_offload_off backend eth0
for dev in front back; do
	# A kernel for one processor has no such file
	ip netns exec "$(ns_name lb)" sh -c "! cd /sys/class/net/$dev/queues/rx-0 2>/dev/null ||
		echo 1 >rps_cpus"
done

# lossy PERCENT: in all four directions, outside the captures
lossy() {
	local name

	for name in client backend; do
		netem "$name" eth0 loss "$1%"
		ns "$name" nft -f - <<-END
			table netdev pp_loss {
				chain ingress {
					type filter hook ingress device eth0 priority 0; policy accept;
					meta l4proto tcp numgen random mod 100 < $1 drop
				}
			}
		END
	done
}

lossless() {
	local name

	for name in client backend; do
		netem "$name" eth0 none
		ns "$name" nft delete table netdev pp_loss
	done
}

# No connection has unsent data
settled() {
	local name

	for name in client backend; do
		[[ -z $(ns "$name" ss -Htn state connected exclude time-wait) ]] || return 1
	done
}

# Both captures have all packets up to now
marked() {
	local name

	ns client bash -c "echo pp-marker >/dev/udp/$BACKEND/9"
	for name in front back; do
		grep -qa pp-marker "$(cap_file $name)" || return 1
	done
}

# captured COMMAND...: runs the command between two complete captures
captured() {
	local name

	for name in front back; do
		cap_start $name lb $name tcp or udp port 9
	done
	"$@"
	wait_until 60 settled
	wait_until 20 marked
	for name in front back; do
		stop_bg cap-$name
		bg_output cap-$name | grep -q '^0 packets dropped by kernel' ||
			fail "$(bg_output cap-$name)"
	done
}

# compare [OPTION]...: into $PP_TMP/compared
compare() {
	local status=0

	"$pp_selftests/tools/compare_captures.py" --version "$version" "$@" \
		"$(cap_file front)" "$(cap_file back)" >"$PP_TMP/compared" || status=$?
	((status < 2)) || cat "$PP_TMP/compared"
	return "$status"
}

# figure NAME: a number of the comparison
figure() {
	sed -n "/^connections=/s/.*\b$1=\([0-9]*\).*/\1/p" "$PP_TMP/compared"
}

# no_problem TOPIC...: the comparison has none of these, and has compared something
no_problem() {
	local topic

	(($(figure connections) > 0))
	for topic in "$@"; do
		if grep -m 5 "^$topic: " "$PP_TMP/compared"; then
			return 1
		fi
	done
}

same_packets() {
	no_problem count
	is "$(figure repeated)" 0 'segments repeated'
	is "$(figure separate)" 0 'segments of headers alone'
	is "$(figure back)" $(($(figure front) + $(figure absorbed) - $(figure merged)))
}

# untouched PACKETS: at least so many, without a difference
untouched() {
	no_problem after checksum count
	(($(figure after) >= $1)) || fail "compared only $(figure after) packets"
}

# spared CLIENTS: no client gets the acknowledgement of a header. On a slow machine the header may
# leave when the data is just coming, and then once more with the data.
spared() {
	(($(figure absorbed) + $(figure merged) >= $1))
}

# A lossy line must bring these about
was_lossy() {
	(($(figure repeated) > 0)) || fail "nothing was lost"
	(($(figure sack) > 0)) || fail "no selective acknowledgements"
}

# exact TRIES COMMAND...: runs it between captures; the comparison follows later. On a slow machine
# TCP may retransmit although nothing was lost: then it runs again.
exact() {
	local tries=$1

	shift
	rule to "$BACKEND" port 8080 version "$version"
	while ((tries--)); do
		captured "$@"
		compare || true
		(($(figure repeated))) || break
	done
}

# send COUNT [OPTION of the server]... -- [OPTION of the client]...
send() {
	local count=$1

	shift
	transfer "$count" --header "v$version" "${names_client[@]}" "$@" -j "$count"
}

# clean NAME PACKETS COMMAND...: on an undisturbed line
clean() {
	local name="send: IPv$FAMILY, $nat, v$version, $1" packets=$2

	shift 2
	check "$name -> exact" exact 5 "$@"
	check "$name -> SYN moved by the header's length, SYN-ACK clamped, right edge kept" \
		no_problem handshake
	check "$name -> header exact, on the first packet behind the SYN" no_problem header
	check "$name -> no packet more than without header" same_packets
	check "$name -> behind the header's acknowledgement no packet touched" untouched "$packets"
	diag <"$PP_TMP/compared"
}

disturbed() {
	local name="send: IPv$FAMILY, $nat, v$version, loss"

	lossy 6
	BOTH='--order both --size 30k' check "$name -> exact" exact 1 send 5 --
	lossless
	check "$name -> packets were lost and sent again" was_lossy
	check "$name -> until the header's acknowledgement all as designed" no_problem handshake header
	check "$name -> behind it no packet touched" untouched 200
	diag <"$PP_TMP/compared"
}

# late COUNT: as send, with clients that are silent for a tenth of a second
late_client='
import socket, sys, time
conn = socket.create_connection((sys.argv[1], int(sys.argv[2])))
time.sleep(0.1)
conn.sendall(b"late!" * 100)
conn.shutdown(socket.SHUT_WR)
data = b""
while part := conn.recv(4096):
    data += part
sys.exit(data != b"reply" * 4000)
'
late_server='
import socket, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])),
                                family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
for i in range(int(sys.argv[3])):
    conn = listener.accept()[0]
    data = b""
    while part := conn.recv(4096):
        data += part
    if not data.startswith(b"\r\n\r\n\0\r\nQUIT\n\x21") or data[28 if data[13] == 0x11 else 52:] != b"late!" * 100:
        sys.exit(f"came: {data!r}")
    conn.sendall(b"reply" * 4000)
    conn.close()
'

late() {
	local i

	start_bg server backend python3 -c "$late_server" "$BACKEND" 8080 "$1"
	wait_port backend 8080
	for ((i = 0; i < $1; i++)); do
		ns client python3 -c "$late_client" "${TARGET:-$VIP}" "${PORT:-80}"
	done
	wait_bg server
}

# Whether the comparison can fail
noticed() {
	local i

	for i in 1 2; do
		if compare --spoil; then
			fail "$(cat "$PP_TMP/compared")"
		fi
		cat "$PP_TMP/compared"
		is "$(grep -c '^spoilt: ' "$PP_TMP/compared")" 1
		grep -qE '^(after|header|handshake): ' "$PP_TMP/compared"
	done
}

# A stream with an urgent byte, which is the last one here
urgent_server='
import socket, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])),
                                family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
conn = listener.accept()[0]
conn.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
data = b""
while part := conn.recv(4096):
    data += part
sys.exit(not data.startswith(b"PROXY TCP") or not data.endswith(b"\r\n" + b"urgent!" * 10))
'
urgent_client='
import socket, sys
conn = socket.create_connection((sys.argv[1], int(sys.argv[2])))
for i in range(10):
    conn.send(b"urgent")
    conn.send(b"!", socket.MSG_OOB)
conn.shutdown(socket.SHUT_WR)
sys.exit(conn.recv(1) != b"")
'

urgent() {
	start_bg server backend python3 -c "$urgent_server" "$BACKEND" 8080
	wait_port backend 8080
	ns client python3 -c "$urgent_client" "${TARGET:-$VIP}" "${PORT:-80}"
	wait_bg server
}

has_urgent() {
	(($(figure urgent) > 0)) || fail "no packet with the URG flag"
	no_problem handshake header after checksum count
}

# tcp_options VALUE: of both ends
tcp_options() {
	local name

	for name in client backend; do
		ns_sysctl "$name" net.ipv4.tcp_sack="$1" net.ipv4.tcp_timestamps="$1" \
			net.ipv4.tcp_window_scaling="$1" net.ipv4.tcp_ecn=$((1 + $1))
	done
}

for family in 4 6; do
	topo_family $family
	nat='dnat+masquerade'
	nat_dnat_masq
	version=2
	# More than a segment of the client would come while the header is in flight
	clean 'client first' 40 send 3 --size 20k -- --size 500
	check "send: IPv$FAMILY, client first -> the backend acknowledges no header alone, or the client is not told" \
		spared 3
	clean 'client first, but late' 40 late 3
	check "send: IPv$FAMILY, client first, but late -> the header does not wait for it" \
		is "$(figure merged)" 0 'merged'
	check "send: IPv$FAMILY, acknowledgement of a header alone -> not told to the client" \
		is "$(figure absorbed)" 3 'absorbed'
	clean 'small window of the backend' 40 send 2 --size 20k --rcvbuf 2304 -- --size 500
	check "send: IPv$FAMILY, one field of one packet changed -> the comparison notices" noticed
	disturbed
	version=1
	BOTH='--order server --size 20k' clean 'server first' 40 send 3 --
	check "send: IPv$FAMILY, urgent data -> exact" exact 1 urgent
	check "send: IPv$FAMILY, urgent data -> with the same urgent pointers" has_urgent
	diag <"$PP_TMP/compared"
	nat_flush

	nat='plain routing' TARGET=$BACKEND PORT=8080
	disturbed
	version=2
	tcp_options 0
	BOTH='--order server --size 20k' clean 'ECN, no SACK, timestamps, scaling' 40 send 2 --
	tcp_options 1
	unset TARGET PORT
done
