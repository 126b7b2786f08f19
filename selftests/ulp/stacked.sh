#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Several headers in a row, "stacked", which a listener with the ULP takes itself: as accept/stacked.sh
# has it for rules.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"
# shellcheck source=selftests/lib/stacked.sh
. "${BASH_SOURCE[0]%/*}/../lib/stacked.sh"

need jq nft python3 tc
module_require
topo_lb 4
KIND=ulp ulp_option=--ulp

begin_listening() {
	backend_ppctl attach to "$BACKEND" port 8080
}

# The client has sent something, and the listener has acknowledged all of it
awaited() {
	ns client ss -Htin state established "dport = :8080" |
		awk '/:8080/ { all = $2 == 0 } all && /bytes_acked:[0-9][0-9]/ { found = 1 } END { exit !found }'
}

# Sources of the listener's own
own_sources() {
	backend_ppctl flush-rules
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --peer-addr "$REAL" --peer-port 4711
	wait_listening server
	backend_ppctl attach to "$BACKEND" port 8080 from "$BALANCER" stacked 2 timeout 30
	is "$(backend_ppctl list-sockets)" \
		"to $BACKEND port 8080 from $BALANCER header required stacked 2 timeout 30  # accepted 0 passed 0 refused 0"
	ns client "$PEER" client -c "$BACKEND" -p 8080 --send-raw "$first$last"
	wait_bg server
}

# The load balancer sends the beginning, which is acknowledged, and then all of it again in one
# segment, as after a loss. Meanwhile fewer headers are wanted. TCP_REPAIR makes such a sender.
sender='
import os, socket, struct, sys, time
REPAIR, QUEUE, SEQ, WINDOW = 19, 20, 21, 29
host, go, begin, rest = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]), bytes.fromhex(sys.argv[4])

def option(sock, name, value=None):
    if value is None:
        return sock.getsockopt(socket.IPPROTO_TCP, name) & 0xffffffff
    sock.setsockopt(socket.IPPROTO_TCP, name, value.to_bytes(4, "little"))

old = socket.create_connection((host, 8080), 60)
ends = old.getsockname(), old.getpeername()
numbers = []
old.sendall(begin)
while not os.path.exists(go):
    time.sleep(0.1)
option(old, REPAIR, 1)
for queue in 1, 2:
    option(old, QUEUE, queue)
    numbers.append(option(old, SEQ))
old.close()
new = socket.socket(old.family)
new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
option(new, REPAIR, 1)
new.bind(ends[0])
for queue, number in (1, numbers[0]), (2, (numbers[1] - len(begin)) & 0xffffffff):
    option(new, QUEUE, queue)
    option(new, SEQ, number)
new.connect(ends[1])
window = struct.pack("=5I", numbers[0], 65535, 65535, 65535, numbers[0])
new.setsockopt(socket.IPPROTO_TCP, WINDOW, window)
option(new, REPAIR, 0)
new.settimeout(60)
new.sendall(begin + rest)
print(new.recv(2).decode())
'

sent_again() {
	local last half

	named_last
	half=$((${#last} / 2))
	((half -= half % 2, 1))
	stacked_rule stacked 2
	start_bg asker backend "$pp_selftests/tools/ask_header.py" "$BACKEND" 8080 1
	wait_listening asker
	begin_listening
	rm -f "$PP_TMP/go"
	ns_sysctl client net.ipv4.tcp_timestamps=0
	start_bg caller client python3 -u -c "$sender" "$BACKEND" "$PP_TMP/go" \
		"$first${last:0:half}" "${last:half}6f6b"
	wait_until 10 awaited
	backend_ppctl replace-rule accept to "$BACKEND" port 8080 from "$BALANCER" stacked 1 >/dev/null
	touch "$PP_TMP/go"
	wait_bg caller
	wait_bg asker
	ns_sysctl client net.ipv4.tcp_timestamps=1
	is "$(<"$PP_TMP/bg/caller.out")" ok
	is "$(asked '[.peer, .header]')" "[[\"$REAL\",$port],\"$first$last\"]"
}

for family in 4 6; do
	stacked_family $family
	stacked_good
	stacked_bad
	check "ulp: IPv$family, attach with stacked -> the client of the last header" own_sources
	check "ulp: IPv$family, 2 headers -> both in lists, events and getsockopt" stacked_shown
	check "ulp: IPv$family, LOCAL ends the row -> TLVs of the header before it" stacked_local_tlvs
	check "ulp: IPv$family, another rule amid the headers -> as the connection began" changed_amid
	check "ulp: IPv$family, another rule amid headers that are sent again -> as it began" \
		sent_again
	stacked_impaired
done
