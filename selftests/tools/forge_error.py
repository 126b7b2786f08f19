#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""A router that reports that a packet was too long, of a connection that it forwards.

Usage: forge_error.py DEVICE SOURCE PORT DESTINATION PORT MTU right | wrong | corrupt | short

Listens on DEVICE until SOURCE has sent something and is silent. The ICMP error goes to SOURCE. It
quotes a packet behind the last one, which TCP believes ("right"), or one with a number far from all
packets in flight ("wrong"); or it is the first with a wrong checksum ("corrupt"), or quotes an IPv4
header whose length field says 16 bytes ("short").
"""
import ipaddress
import select
import socket
import struct
import sys

from accept_ends import SPACE, checksum, make
from compare_captures import ACK, Packet, is_tcp

ALL_FRAMES = 3
FAR = 1 << 30


def listen(device, ends):
    """The number behind the last one that was sent, by these ends"""
    frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES))
    frames.bind((device, 0))
    print("listening", flush=True)
    behind = None
    while select.select([frames], [], [], 30 if behind is None else 1)[0]:
        frame = frames.recv(1 << 17)
        packet = Packet(0, frame) if is_tcp(frame) else None
        # a SYN-ACK has a number of its own
        if packet and (packet.src, packet.dst) == ends and not packet.is_syn():
            behind = packet.seq + len(packet.payload) + packet.has(2)
    if behind is None:
        sys.exit("nothing was said")
    return behind


def send(packet, mtu, wrong):
    """The error that quotes a packet, to its sender"""
    source = packet[12:16] if packet[0] >> 4 == 4 else packet[8:24]
    to = str(ipaddress.ip_address(source))
    if len(source) == 4:
        error = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + packet
        total = (checksum(error) + wrong) % 0xFFFF
        out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        out.sendto(error[:2] + struct.pack("!H", total) + error[4:], (to, 0))
        return
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.connect((to, 9))
        router = socket.inet_pton(socket.AF_INET6, probe.getsockname()[0])
    error = struct.pack("!BBHI", 2, 0, 0, mtu) + packet
    total = (checksum(router + source + struct.pack("!II", len(error), socket.IPPROTO_ICMPV6) + error) +
             wrong) % 0xFFFF
    # with an IP header of our own: the kernel would correct the checksum
    out = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    out.sendto(struct.pack("!IHBB", 6 << 28, len(error), socket.IPPROTO_ICMPV6, 64) + router + source +
               error[:2] + struct.pack("!H", total) + error[4:], (to, 0))


def main():
    device, mtu, kind = sys.argv[1], int(sys.argv[6]), sys.argv[7]
    ends = tuple((socket.AF_INET6 if ":" in sys.argv[i] else socket.AF_INET,
                  ipaddress.ip_address(sys.argv[i]).packed, int(sys.argv[i + 1])) for i in (2, 4))
    behind = listen(device, ends)
    seq = behind + FAR if kind == "wrong" else behind
    packet = make(*ends, seq % SPACE, 0, ACK, payload=bytes(400))
    if kind == "short":
        packet = b"\x44" + packet[1:]
    send(packet, mtu, kind == "corrupt")


if __name__ == "__main__":
    main()
