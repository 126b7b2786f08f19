#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Sockets that send a header, without memory for it, and a kernel whose tables the module does not
# know, in a build of the module where a helper fails when its name is written to a parameter
# (vm/failing.h, make sim). No data leaves before the header. The rest of the module works.
set -euo pipefail
# shellcheck source=selftests/lib/ulp.sh
. "${BASH_SOURCE[0]%/*}/../lib/ulp.sh"

need nft jq python3
# shellcheck source=selftests/lib/failing.sh
. "$pp_selftests/lib/failing.sh"
CLIENT_NS=lb PORT=8080

# late HELPER TIMES [OPTION of both sides]...: the helper fails until it has been called TIMES times
late() {
	local helper=$1 times=$2 starved sent

	shift 2
	starved=$(stat_of send_starved) sent=$(stat_of sent_by_socket)
	fail_helper "$helper"
	start_bg server backend "$PEER" server -l "$BACKEND" -p 8080 --header v2 --src-addr "$REAL" "$@"
	wait_listening server
	start_bg client lb "$PEER" client -c "$BACKEND" -p 8080 --ulp \
		--send-header "v2,$REAL,4711,$ASKED,443" "$@"
	wait_until 20 has_failed "$times"
	is "$(lb_ppctl -j list-connections | jq -c '.[] | [.by_socket, .state]')" '[true,"syn-recv"]'
	fail_helper ''
	wait_bg client
	wait_bg server
	is "$(stat_of send_starved)" $((starved + 1)) send_starved
	is "$(stat_of sent_by_socket)" $((sent + 1)) sent_by_socket
}

# ends NAME: the program's call NAME, while there is no memory: nothing arrives without the header
ends() {
	fail_helper skb_page_frag_refill
	ns lb python3 - "$pp_selftests/tools" "$1" <<-'END'
		import errno, os, socket, sys, threading, time
		sys.path.insert(0, sys.argv[1])
		from ulp_send_cases import accept, expect, gets, gets_end, listener, ready, refused, sender
		server, sock = listener(), sender()
		def memory():
		    with open("/sys/module/proxyproto/parameters/fail", "w") as file:
		        file.write("none")
		def early(got):
		    got.setblocking(False)
		    refused(errno.EAGAIN, got.recv, 1)
		    got.settimeout(20)
		sock.connect(server.getsockname())
		got = accept(server)
		if sys.argv[2] == "nonblocking":
		    sock.setblocking(False)
		    refused(errno.EAGAIN, sock.send, b"data")
		    early(got)
		    memory()
		    sock.send(b"data")
		    gets(got, b"data")
		elif sys.argv[2] == "blocking":
		    timer = threading.Timer(0.5, memory)
		    timer.start()
		    sock.setblocking(True)
		    sock.sendall(b"data")
		    gets(got, b"data")
		    timer.join()
		elif sys.argv[2] == "timeout":
		    sock.setblocking(True)
		    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, b"\1" + bytes(15))
		    refused(errno.EAGAIN, sock.send, b"data")
		    early(got)
		    memory()
		    gets(got)
		    sock.sendall(b"data")
		    gets(got, b"data", b"")
		elif sys.argv[2] == "close":
		    early(got)
		    memory()
		    sock.close()
		    gets(got)
		    gets_end(got)
		elif sys.argv[2] == "close_without":
		    sock.close()
		    gets_end(got)
		elif sys.argv[2] == "repeat":
		    unspec = sock.family.to_bytes(2, "little").replace(b"\2", b"\0") + bytes(14)
		    import ctypes
		    expect(ctypes.CDLL(None).connect(sock.fileno(), unspec, 16), 0)
		    memory()
		    sock.connect(server.getsockname())
		    gets(accept(server))
	END
	fail_helper ''
}

unknown_kernel() {
	module_unload
	insmod "$PP_MODULE_FAILING" fail=sock_create_kern
	ns lb python3 - "$pp_selftests/tools" <<-'END'
		import errno, socket, sys
		sys.path.insert(0, sys.argv[1])
		from ulp_send_cases import PP_SO_ATTACH, accept, add_ulp, expect, listener, refused
		for address in ("127.0.0.1", "::1"):
		    server, sock = listener(address), socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
		    for which in (server, sock):
		        refused(errno.EOPNOTSUPP, add_ulp, which)
		        refused(errno.EOPNOTSUPP, which.setsockopt, socket.SOL_IP, PP_SO_ATTACH, bytes(16))
		    sock.connect(server.getsockname())
		    got = accept(server)
		    sock.sendall(b"plain")
		    expect(got.recv(5), b"plain")
	END
	fail_helper ''
	rule to "$BACKEND" port 8080 version 2 origin proxy
	TARGET=$BACKEND transfer 1 --header v2 --src-addr "$LB" --
	is "$(rule_stat acked)" 1
	backend_ppctl flush-rules
	accept_rule to "$BACKEND" port 8080 from "$LB"
	lb_ppctl flush-rules
	TARGET=$BACKEND transfer 1 --peer-addr "$REAL" -- --send-header "v2,$REAL,4711,$ASKED,443"
	is "$(accept_rule_stat accepted)" 1
	backend_ppctl flush-rules
}

topo_lb 4
use_module "$PP_MODULE_FAILING"
for family in 4 6; do
	header_family $family
	topo_family $family
	for helper in skb_page_frag_refill tcp_sendmsg_locked; do
		check "faults: IPv$FAMILY, $helper() fails for the header, server first -> late, exact" \
			late $helper 2 --order server
	done
done
header_family 4
topo_family 4
for name in nonblocking blocking timeout close close_without repeat; do
	check "faults: no memory for the header, $name -> no data without it" ends $name
done
check 'faults: tables of the kernel are unknown -> EOPNOTSUPP, the rest works' unknown_kernel
use_module "$original"
