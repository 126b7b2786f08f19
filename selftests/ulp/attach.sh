#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ppctl attach, detach and list-sockets: listeners of running programs, all of a reuseport group,
# threads that wait in accept(); and every way to get it wrong, with nothing changed.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"

need jq python3
module_require
topo_lb 4
accept_family 4
VERSION=2

# server [OPTION]...: a program that knows nothing of us
server() {
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 "$@"
	wait_listening server
}

attached() {
	next_port
	server -n 2 --peer-addr "$REAL"
	backend_ppctl attach to "$BACKEND" port 8080 from "$BALANCER" timeout 30
	is "$(backend_ppctl -j list-sockets | jq -c '.[] |
		[.local, .local_port, .by_rule, .from, .header, .timeout]')" \
		"[\"$BACKEND\",8080,false,[\"$BALANCER\"],\"required\",30]"
	is "$(backend_ppctl list-sockets)" \
		"to $BACKEND port 8080 from $BALANCER header required timeout 30  # accepted 0 passed 0 refused 0"
	ns client "$PEER" client -c "$BACKEND" -p 8080 -n 2 --send-header "v2,$REAL,0,$ASKED,443"
	wait_bg server
	is "$(backend_ppctl -j list-sockets)" '[]' 'after its end'
}

by_rule() {
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	server --peer-addr "$REAL"
	backend_ppctl attach to "$BACKEND" port 8080
	is "$(backend_ppctl list-sockets)" "to $BACKEND port 8080 by rule"
	ns client "$PEER" client -c "$BACKEND" -p 8080 --send-header "v2,$REAL,0,$ASKED,443"
	wait_bg server
	is "$(accept_rule_stat accepted)" 1
	backend_ppctl flush-rules
}

detached() {
	server -n 2 --peer-addr "$BALANCER" --peer-port client
	backend_ppctl attach to "$BACKEND" port 8080 from any header optional
	backend_ppctl detach to "$BACKEND" port 8080
	is "$(backend_ppctl -j list-sockets)" '[]'
	ns client "$PEER" client -c "$BACKEND" -p 8080
	backend_ppctl attach to "$BACKEND" port 8080 from "$REAL"
	ns client "$PEER" client -c "$BACKEND" -p 8080
	wait_bg server
}

# Blocks in accept(): two threads of one process, and prints each peer
blocked() {
	start_bg server backend python3 -u -c '
import os, socket, sys, threading
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((sys.argv[1], 8080))
server.listen()
def serve():
    for _ in range(2):
        sock, peer = server.accept()
        os.write(1, f"{peer[0]} {sock.getpeername()[0]}\n".encode())
        sock.close()
threads = [threading.Thread(target=serve) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()' "$BACKEND"
	wait_port backend 8080
	backend_ppctl attach to "$BACKEND" port 8080 from "$BALANCER"
	for _ in 1 2 3 4; do
		ns client python3 -c '
import socket, sys
sock = socket.create_connection((sys.argv[1], 8080), 20)
sock.sendall(bytes.fromhex(sys.argv[2]))
sock.recv(1)' "$BACKEND" "$(v2 21 11 "$REAL,4711,$ASKED,443")"
	done
	wait_bg server
	is "$(sort -u "$PP_TMP/bg/server.out")" "$REAL $REAL"
}

reuseport() {
	local clients

	start_bg server backend python3 -u -c '
import ctypes, os, socket, sys
def listen():
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    server.bind((sys.argv[1], 8080))
    server.listen()
    return server
servers = [listen() for _ in range(4)]
for server in servers:
    if not os.fork():
        ctypes.CDLL(None).prctl(1, 9)
        while True:
            sock, peer = server.accept()
            os.write(1, f"{os.getpid()} {peer[0]}\n".encode())
            sock.close()
os.wait()' "$BACKEND"
	wait_until 10 four_listeners
	backend_ppctl attach to "$BACKEND" port 8080 from "$BALANCER"
	is "$(backend_ppctl -j list-sockets | jq length)" 4
	ns client python3 -c '
import socket, sys
for _ in range(60):
    sock = socket.create_connection((sys.argv[1], 8080), 20)
    sock.sendall(bytes.fromhex(sys.argv[2]))
    sock.recv(1)' "$BACKEND" "$(v2 21 11 "$REAL,4711,$ASKED,443")"
	stop_bg server
	clients=$(bg_output server)
	is "$(grep -c . <<<"$clients")" 60
	is "$(cut -d ' ' -f 2 <<<"$clients" | sort -u)" "$REAL"
	(($(cut -d ' ' -f 1 <<<"$clients" | sort -u | grep -c .) > 1)) || fail "one worker"
	wait_until 10 none_attached
}

four_listeners() {
	[[ $(ns backend ss -Hltn | grep -c ":8080 ") == 4 ]]
}

none_attached() {
	[[ $(backend_ppctl -j list-sockets) == '[]' ]]
}

# refuse STATUS MESSAGE ARGUMENT...
refuse() {
	local status=0 message

	message=$(backend_ppctl "${@:3}" 2>&1) || status=$?
	is "$message" "ppctl: $2"
	is "$status" "$1"
}

refuse_usage() {
	check "ppctl: ${*:2} -> refused" refuse 1 "$@"
}

running() {
	server -n 2 --peer-addr "$BALANCER" --peer-port client
	refuse 2 "no process listens on 10.0.2.3 port 8080: start it first, and name the address that it listens on, or any" \
		attach to 10.0.2.3 port 8080 from any
	refuse 2 "no process listens on any port 8080: start it first, and name the address that it listens on, or any" \
		attach to any port 8080 from any
	refuse 2 "the listener on $BACKEND port 8080 is not attached: see ppctl list-sockets" \
		detach to "$BACKEND" port 8080
	ns client "$PEER" client -c "$BACKEND" -p 8080
	backend_ppctl attach to "$BACKEND" port 8080 from "$REAL"
	refuse 2 "the listener on $BACKEND port 8080 is attached already: ppctl detach it first" \
		attach to "$BACKEND" port 8080 from any
	ns client "$PEER" client -c "$BACKEND" -p 8080
	wait_bg server
}

multipath() {
	server --mptcp --peer-addr "$BALANCER" --peer-port client
	refuse 2 "the listener on $BACKEND port 8080 is used by BPF, SMC or Multipath TCP, or this kernel is not known: use an accept rule (Go: GODEBUG=multipathtcp=0)" \
		attach to "$BACKEND" port 8080 from any
	ns client "$PEER" client -c "$BACKEND" -p 8080
	wait_bg server
}

overflow() {
	server --peer-addr "$BALANCER" --peer-port client
	ns_sysctl backend net.ipv4.tcp_abort_on_overflow=1
	refuse 2 'net.ipv4.tcp_abort_on_overflow is 1, which resets connections that wait for their header: set it to 0' \
		attach to "$BACKEND" port 8080 from any
	ns_sysctl backend net.ipv4.tcp_abort_on_overflow=0
	ns client "$PEER" client -c "$BACKEND" -p 8080
	wait_bg server
}

# The namespace ends while a part of a header waits in it. Its timeout would come later.
namespace_ends() {
	ns_make gone
	start_bg server gone "$PEER" server -l 127.0.0.1 -p 8080 -n 0
	wait_listening server
	"$PPCTL" -n "$(ns_name gone)" attach to 127.0.0.1 port 8080 from any timeout 30
	start_bg client gone "$PEER" client -c 127.0.0.1 -p 8080 --no-data --end none --timeout 600 \
		--send-raw 0d0a0d0a000d0a51
	wait_until 10 part_is_acknowledged
	# The listener never hears of the client's end, whose socket must not keep the namespace
	ns_sysctl gone net.ipv4.tcp_orphan_retries=1
	nsip gone link set lo down
	stop_bg client KILL
	stop_bg server KILL
	ns_delete gone
	sleep 40
	attached
}

part_is_acknowledged() {
	ns gone ss -Htn state established dport = :8080 | awk '$2 == 0' | grep -q .
}

check "ppctl: attach with sources -> the client, listed" attached
check "ppctl: attach without sources -> accept rules decide" by_rule
check "ppctl: detach -> as before" detached
check "ppctl: attach, namespace ends while a header is incomplete -> forgotten" namespace_ends
check "ppctl: attach, threads wait in accept() -> the client at once" blocked
check "ppctl: attach to a reuseport group -> every worker" reuseport
check "ppctl: attach to no listener, or twice -> refused, nothing changed" running
if [[ -e /proc/sys/net/mptcp/enabled ]]; then
	check "ppctl: attach to a Multipath TCP listener -> refused, nothing changed" multipath
else
	skip "ppctl: attach to a Multipath TCP listener -> refused, nothing changed" "no Multipath TCP here"
fi
check "ppctl: attach with tcp_abort_on_overflow -> refused, nothing changed" overflow
need_both="attach needs 'to' and 'port': the address and port of a listener"
refuse_usage "$need_both" attach
refuse_usage "$need_both" attach to 10.0.2.2
refuse_usage "unknown keyword 'on': see ppctl attach --help" attach on 10.0.2.2
refuse_usage "'to' is given twice" attach to 10.0.2.2 to 10.0.2.2
refuse_usage "'port' needs a value" attach to 10.0.2.2 port
refuse_usage "'header' needs 'from': without it, accept rules decide" attach to any port 1 header optional
refuse_usage "'stacked' needs 'from': without it, accept rules decide" attach to any port 1 stacked 2
refuse_usage "'9' is not a number of headers: 1 to 8" attach to any port 1 from any stacked 9
refuse_usage "'timeout' needs 'from': without it, accept rules decide" attach to any port 1 timeout 5
refuse_usage "'10.0.2.0/24' is a prefix: a listener has one address, or any" \
	attach to 10.0.2.0/24 port 1 from any
refuse_usage "bad port '0': one port from 1 to 65535" attach to any port 0 from any
refuse_usage "bad port '1-2': one port from 1 to 65535" attach to any port 1-2 from any
refuse_usage "unknown header 'maybe': required or optional" attach to any port 1 from any header maybe
refuse_usage "detach takes 'to ADDRESS port PORT'" detach
refuse_usage "list-sockets takes no arguments: 'all'" list-sockets all
