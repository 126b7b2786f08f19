#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The two handshakes of a connection agree to different options, because the listener uses SYN
# cookies in one of them, or because sockets of a reuseport group have different options. The
# options that the load balancer was told hold. If that is impossible, it is reset at once.
set -euo pipefail
# shellcheck source=selftests/lib/accept.sh
. "${BASH_SOURCE[0]%/*}/../lib/accept.sh"

need jq python3
module_require
topo_lb 4

# Connects, waits for a line, sends the header and 300,000 bytes, and expects them back
caller='
import os, socket, sys, threading
host, header = sys.argv[1], bytes.fromhex(sys.argv[2])
data = os.urandom(300000)
with socket.create_connection((host, 8080), 20) as conn:
    conn.settimeout(20)
    print("connected", flush=True)
    sys.stdin.readline()
    errors = []
    def send():
        try:
            conn.sendall(data)
            conn.shutdown(socket.SHUT_WR)
        except OSError as error:
            errors.append(error)
    try:
        conn.sendall(header)
        sender = threading.Thread(target=send)
        sender.start()
        back = b""
        while more := conn.recv(65536):
            back += more
        sender.join()
        print("exact" if back == data else "reset" if errors else f"{len(back)} bytes")
    except ConnectionError:
        print("reset")
    except TimeoutError:
        print("silence")
'

# Listeners of one port with these receive buffers; they echo the data when all of it has come
echoes='
import selectors, socket, sys, threading
def serve(conn):
    data = b""
    while more := conn.recv(65536):
        data += more
    conn.sendall(data)
    conn.close()
ready = selectors.DefaultSelector()
for size in sys.argv[2:]:
    sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.setsockopt(socket.SOL_SOCKET, 33, int(size))  # SO_RCVBUFFORCE
    sock.bind((sys.argv[1], 8080))
    sock.listen(100)
    ready.register(sock, selectors.EVENT_READ)
print("listening on 8080", flush=True)
while True:
    for key, _ in ready.select():
        threading.Thread(target=serve, args=(key.fileobj.accept()[0],), daemon=True).start()
'

begin() {
	start_bg echoes backend python3 -c "$echoes" "$BACKEND" "$@"
	wait_listening echoes
}

# between WANTED [COMMAND]...: the result of a connection if the command runs between the handshakes
between() {
	local wanted=$1 header

	shift
	next_port
	header=$("$pp_selftests/tools/make_header.py" 21 "$tcp" "$REAL,$port,$ASKED,443")
	rm -f "$PP_TMP/go"
	mkfifo "$PP_TMP/go"
	# shellcheck disable=SC2016 # the inner shell expands it
	start_bg caller client bash -c 'exec python3 -c "$1" "$2" "$3" <"$4"' - "$caller" "$BACKEND" \
		"$header" "$PP_TMP/go"
	exec 9>"$PP_TMP/go"
	wait_until 20 bg_says caller connected
	(($# == 0)) || "$@"
	echo >&9
	exec 9>&-
	wait_bg caller
	is "$(tail -n 1 "$PP_TMP/bg/caller.out")" "$wanted"
}

# cookies FIRST SECOND WANTED: net.ipv4.tcp_syncookies of each handshake
cookies() {
	local rejected

	trap 'ns_sysctl client net.ipv4.tcp_timestamps=1; ns_sysctl backend net.ipv4.tcp_syncookies=1
		stop_bg echoes' EXIT
	# With timestamps a cookie carries all options
	ns_sysctl client net.ipv4.tcp_timestamps=0
	ns_sysctl backend net.ipv4.tcp_syncookies="$1"
	rejected=$(accept_stat rejected)
	begin 100000
	between "$3" ns_sysctl backend net.ipv4.tcp_syncookies="$2"
	is "$(accept_stat rejected)" $((rejected + ($(if [[ $3 == reset ]]; then echo 1; else echo 0; fi))))
}

# Each connection of twelve has an even chance that two sockets take part in it
group() {
	local i

	trap 'stop_bg echoes' EXIT
	begin 4000 4000000
	for i in {1..12}; do
		between exact
	done
}

for family in 4 6; do
	accept_family $family
	tcp=$((family == 4 ? 11 : 21))
	accept_rule to "$BACKEND" port 8080 from "$BALANCER"
	check "accept: IPv$family, SYN cookie, then none -> options of the first handshake, exact" \
		cookies 2 1 exact
	check "accept: IPv$family, SYN cookie in the second handshake -> reset at once" \
		cookies 1 2 reset
	check "accept: IPv$family, reuseport sockets with other buffers -> exact" group
done
backend_ppctl flush-rules
