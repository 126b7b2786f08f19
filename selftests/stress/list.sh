#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A million connections: ppctl lists and counts them in bounded memory, and the kernel hands out the
# list in pieces, so that no packet waits for the whole of it. The connections are handshakes that
# nobody answers, made by SYNs of this host into a device without anybody behind it.
#
# Only in simulated time: half-open handshakes live for ten seconds while there are so many, and the
# clock stands while they are made.
set -euo pipefail
# shellcheck source=selftests/lib/rule.sh
. "${BASH_SOURCE[0]%/*}/../lib/rule.sh"

need jq python3 /usr/bin/time
in_sim || skip_all 'a million handshakes within ten seconds need simulated time'
module_require
ns_make a
pp_net=$(ns_name a)
million=${PP_CONNECTIONS:-1000000}

# COUNT SYNs to 10.8.0.0/13, half of them to each port
cat >"$PP_TMP/knock.py" <<'END'
import socket, struct, sys
def total(data):
    return sum(struct.unpack(f"!{len(data) // 2}H", data))
count = int(sys.argv[1])
source = bytes((10, 8, 0, 1))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
packet = bytearray(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0x4000, 64, 6, 0, source, source) +
                   struct.pack("!HHIIBBHHH", 9999, 80, 1, 0, 0x50, 2, 65535, 0, 0))
base = total(source) + 6 + 20 + total(packet[20:24]) - 80 + total(packet[24:])
for i in range(count):
    port, dest = 8080 + (i & 1), 0x0a080002 + (i >> 1)
    to = struct.pack("!I", dest)
    part = base + port + (dest >> 16) + (dest & 0xffff)
    part = (part & 0xffff) + (part >> 16)
    part = (part & 0xffff) + (part >> 16)
    packet[16:20] = to
    struct.pack_into("!H", packet, 22, port)
    struct.pack_into("!H", packet, 36, ~part & 0xffff)
    raw.sendto(packet, (socket.inet_ntoa(to), 0))
END

# How many objects a list in JSON has, and how many different backends, and its last character
cat >"$PP_TMP/objects.py" <<'END'
import re, sys
rest, count, seen = b"", 0, set()
while data := sys.stdin.buffer.read(1 << 22):
    rest += data
    end = 0
    for found in re.finditer(rb'"backend":"([0-9.]+)","backend_port":(\d+)[,}]', rest):
        seen.add(found[1] + found[2])
        count, end = count + 1, found.end()
    rest = rest[end:]
print(count, len(seen), rest.decode().rstrip()[-1])
END

# Reads the list and prints how many entries it has, those of the largest piece, and thousands of
# processor cycles: of the piece that took longest, and of all
cat >"$PP_TMP/pieces.py" <<'END'
import ctypes, mmap, socket, struct, sys
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("0f3148c1e2204809d0c3"))  # rdtsc; shl rdx, 32; or rax, rdx; ret
cycles = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
sock.bind((0, 0))
def ask(family, flags, command, attrs=b""):
    body = struct.pack("=BBH", command, 1, 0) + attrs
    sock.send(struct.pack("=IHHII", 16 + len(body), family, flags, 1, 0) + body)
ask(16, 5, 3, struct.pack("=HH", 4 + 11, 2) + b"proxyproto\0\0")
answer = sock.recv(65536)
family, at = 0, 20
while at < len(answer) and not family:
    length, kind = struct.unpack_from("=HH", answer, at)
    if kind == 1:
        family = struct.unpack_from("=H", answer, at + 4)[0]
    at += length + 3 & ~3
entries = most = longest = 0
begun = cycles()
ask(family, 0x301, 5)
ended = False
while not ended:
    before = cycles()
    data = sock.recv(65536)
    longest = max(longest, cycles() - before)
    at = here = 0
    while at < len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        ended = ended or kind == 3
        here += kind == family
        at += length + 3 & ~3
    entries += here
    most = max(most, here)
print(entries, most, longest // 1000, (cycles() - begun) // 1000)
END

begin() {
	local i

	nsip a link add nowhere type dummy
	nsip a link set nowhere arp off up
	nsip a addr add 10.8.0.1/13 dev nowhere
	pp set-limit handshakes 1048576
	pp add-rule send to 10.8.0.0/13 port 8080 >/dev/null
	pp add-rule send to 10.8.0.0/13 port 8081 >/dev/null
	in_net python3 "$PP_TMP/knock.py" "$million"
	is "$(pp list-connections count)" "$million"
	is "$(stats limit)" 0 'SYNs dropped at the limit'
}

# bounded READER COMMAND...: ppctl, whose output is read by the words of READER; its memory is that of
# a few rows and of twice a batch of them. Sets $answer to what the reader says.
bounded() {
	local kib reader

	reader=$1
	shift
	rm -f "$PP_TMP/pipe"
	mkfifo "$PP_TMP/pipe"
	$reader <"$PP_TMP/pipe" >"$PP_TMP/answer" &
	in_net /usr/bin/time -f %M -o "$PP_TMP/peak" "$PPCTL" "$@" >"$PP_TMP/pipe"
	wait $!
	kib=$(tail -n 1 "$PP_TMP/peak")
	answer=$(<"$PP_TMP/answer")
	echo "ppctl $*: $kib KiB at most" >>"$PP_TMP/figures"
	((kib <= 8192)) || fail "$kib KiB"
}

as_table() {
	bounded 'wc -l' list-connections
	is "$answer" $((million + 1)) lines
}

as_json() {
	bounded "python3 $PP_TMP/objects.py" -j list-connections
	is "$answer" "$million $million ]" 'objects, different ones, and the end'
}

counted() {
	bounded cat list-connections count
	is "$answer" "$million"
	bounded cat list-connections to 10.8.0.2 state syn-sent count
	is "$answer" 2
}

in_pieces() {
	local entries most longest all

	read -r entries most longest all < <(in_net python3 "$PP_TMP/pieces.py")
	echo "$entries entries, $most in a piece; $longest thousand cycles for the longest piece, $all for all" \
		>>"$PP_TMP/figures"
	is "$entries" "$million"
	((most <= 512)) || fail "$most entries in one piece"
}

check "list: a million handshakes -> counted" begin
check "list: as a table -> all of them, in bounded memory" as_table
check "list: as JSON -> all of them, once each, in bounded memory" as_json
check "list: count, with and without a filter -> in bounded memory" counted
check "list: read from the kernel -> in pieces" in_pieces
diag <"$PP_TMP/figures"
