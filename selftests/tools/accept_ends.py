#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Both ends of an accepted connection that this host forwards, packet by packet.

Usage: accept_ends.py BALANCER CLIENT DESTINATION

Packets to the load balancer and its client leave by the tun device "front", packets to the
destination by "back". A rule accepts headers on the way to the destination's port 8080. When the
connection is established, each end sends segments with TCP options in many places, and with a wrong
checksum. Every field that arrives must be that of the sender, translated to the addresses, numbers
and clocks of the other side. The checksum must be as right, or as wrong, as before.
"""
import fcntl
import ipaddress
import os
import select
import socket
import struct
import subprocess
import sys
import time

from compare_captures import ACK, Packet, RST, SYN, header_of

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
NOP = b"\1"
PORT = 8080
SPACE = 1 << 32
# The differences between both handshakes wrap around, and so do the numbers that they are added to
ISN_L, ISN_1, ISN_2 = 0xFFFFFFF0, 0x00000123, 0x89ABCDEF
CLOCK_L, CLOCK_1, CLOCK_2 = 0x11223344, 0xFFFFFF80, 0x7654321F


def timestamps(value, echo):
    """A timestamp option"""
    return struct.pack("!BBII", 8, 10, value % SPACE, echo % SPACE)


def sack(edges):
    """A SACK option of left and right edges"""
    return struct.pack(f"!BB{len(edges)}I", 5, 2 + 4 * len(edges), *(edge % SPACE for edge in edges))


# Each makes options from a timestamp option and a function for a SACK option of N blocks
LAYOUTS = {
    "none": lambda ts, blocks: b"",
    "as usual": lambda ts, blocks: 2 * NOP + ts,
    "timestamps first": lambda ts, blocks: ts + 2 * NOP,
    "timestamps at an odd offset": lambda ts, blocks: NOP + ts + NOP,
    "SACK": lambda ts, blocks: 2 * NOP + ts + 2 * NOP + blocks(1),
    "SACK at an odd offset": lambda ts, blocks: NOP + blocks(2) + NOP + 2 * NOP + ts,
    "SACK, full": lambda ts, blocks: 2 * NOP + ts + 2 * NOP + blocks(3),
    "SACK alone": lambda ts, blocks: 2 * NOP + blocks(4),
    "an unknown one": lambda ts, blocks: b"\xfd\3x" + NOP + 2 * NOP + ts,
    "an end before the end": lambda ts, blocks: 2 * NOP + ts + b"\0\x08\x0a\xff",
}


def checksum(data):
    """Ones' complement of the sum of 16-bit words"""
    return 0xFFFF - (int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF)


class Device:
    """A tun device that exists already"""

    def __init__(self, name):
        self.name = name
        self.file = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        # the kernel drops packets until it has noticed that the device is open
        while '"operstate":"UP"' not in subprocess.getoutput(f"ip -j link show dev {name}"):
            time.sleep(0.05)

    def send(self, packet):
        os.write(self.file, packet)

    def receive(self, flags=0, seconds=10.0):
        """The next TCP packet that has these flags"""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.file], [], [], left)[0]:
                break
            data = os.read(self.file, 65536)
            kind, protocol = (b"\x08\x00", data[9]) if data[0] >> 4 == 4 else (b"\x86\xdd", data[6])
            if protocol == socket.IPPROTO_TCP:
                packet = Packet(0, bytes(12) + kind + data)
                if packet.flags & flags == flags:
                    return packet
        sys.exit(f"nothing came by {self.name}")


def make(src, dst, seq, ack, flags, options=b"", payload=b"", wrong=0):
    """An IP packet; a wrong checksum differs by so much from the right one"""
    (_, source, sport), (family, destination, dport) = src, dst
    head = struct.pack("!HHIIBBHHH", sport, dport, seq % SPACE, ack % SPACE,
                       (20 + len(options)) << 2, flags, 5000, 0, 0)
    segment = head + options + payload
    pseudo = source + destination + struct.pack("!II", len(segment), socket.IPPROTO_TCP)
    total = (checksum(pseudo + segment) + wrong) % 0xFFFF
    segment = segment[:16] + struct.pack("!H", total) + segment[18:]
    if family == socket.AF_INET6:
        return struct.pack("!IHBB", 6 << 28, len(segment), socket.IPPROTO_TCP, 64) + \
            source + destination + segment
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, socket.IPPROTO_TCP, 0)
    ip += source + destination
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + segment


class Connection:
    """L is the load balancer, C the client, V the destination"""

    def __init__(self, balancer, client, destination):
        def end(address, port):
            ip = ipaddress.ip_address(address)
            family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
            return family, ip.packed, port

        self.front, self.back = Device("front"), Device("back")
        self.l, self.c, self.v = end(balancer, 30000), end(client, 31000), end(destination, PORT)
        self.header = header_of(2, self.c, self.v)
        self.problems = 0

    def expect(self, name, packet, wrong=False, **fields):
        """Compares, and reports each difference"""
        fields["problems"] = ["TCP checksum"] if wrong else []
        for field, value in fields.items():
            if getattr(packet, field) != value:
                print(f"{name}: {field} {getattr(packet, field)!r}, not {value!r}")
                self.problems += 1

    def shake(self):
        """Both handshakes and the header"""
        offers = struct.pack("!BBHBB", 2, 4, 1000, 4, 2)
        self.front.send(make(self.l, self.v, ISN_L, 0, SYN, offers + timestamps(CLOCK_L, 0)))
        self.expect("SYN", self.back.receive(SYN), src=self.l)
        self.back.send(make(self.v, self.l, ISN_1, ISN_L + 1, SYN | ACK,
                            offers + timestamps(CLOCK_1, CLOCK_L)))
        self.expect("SYN-ACK", self.front.receive(SYN | ACK), seq=ISN_1)
        self.front.send(make(self.l, self.v, ISN_L + 1, ISN_1 + 1, ACK,
                             2 * NOP + timestamps(CLOCK_L, CLOCK_1), self.header))
        self.expect("the listener", self.back.receive(RST), src=self.l)
        syn = self.back.receive(SYN)
        self.next = (ISN_L + 1 + len(self.header)) % SPACE
        self.expect("C's SYN", syn, src=self.c, seq=(self.next - 1) % SPACE)
        self.back.send(make(self.v, self.c, ISN_2, self.next, SYN | ACK,
                            offers + timestamps(CLOCK_2, CLOCK_L)))
        self.expect("the last ACK", self.back.receive(ACK), src=self.c, seq=self.next, ack=ISN_2 + 1)
        self.expect("the header's", self.front.receive(ACK), dst=self.l, seq=ISN_1 + 1, ack=self.next)

    def from_balancer(self, name, layout, payload, wrong):
        """One segment of L, on its way to V"""
        def options(isn, clock):
            return layout(timestamps(CLOCK_L + 5, clock + 3),
                          lambda count: sack([isn + 200 * i for i in range(2, 2 + 2 * count)]))

        self.front.send(make(self.l, self.v, self.next, ISN_1 + 1, ACK, options(ISN_1, CLOCK_1),
                             payload, wrong))
        self.expect(f"in, {name}", self.back.receive(ACK), wrong, src=self.c, dst=self.v,
                    seq=self.next, ack=ISN_2 + 1, flags=ACK, window=5000,
                    options=options(ISN_2, CLOCK_2), payload=payload)

    def from_destination(self, name, layout, payload, wrong):
        """One segment of V, on its way to L"""
        def options(clock):
            return layout(timestamps(clock + 3, CLOCK_L + 5),
                          lambda count: sack([self.next + 200 * i for i in range(2, 2 + 2 * count)]))

        self.back.send(make(self.v, self.c, ISN_2 + 1, self.next, ACK, options(CLOCK_2), payload,
                            wrong))
        self.expect(f"out, {name}", self.front.receive(ACK), wrong, src=self.v, dst=self.l,
                    seq=ISN_1 + 1, ack=self.next, flags=ACK, window=5000,
                    options=options(CLOCK_1), payload=payload)


def main():
    connection = Connection(*sys.argv[1:])
    connection.shake()
    for name, layout in LAYOUTS.items():
        for payload in (b"", b"odd", b"data" * 100):
            for wrong in (0, 1, 0x1234):
                for send in (connection.from_balancer, connection.from_destination):
                    send(f"{name}, {len(payload)} bytes, checksum off by {wrong}", layout, payload, wrong)
    sys.exit(connection.problems > 0)


if __name__ == "__main__":
    main()
