#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""A router that nobody asked says that a packet was too long.

Usage: forge_error.py SOURCE PORT DESTINATION PORT MTU

The error goes to SOURCE and quotes a packet of its own, whose sequence number it cannot know.
"""
import ipaddress
import os
import socket
import struct
import sys


def checksum(data):
    """Of the Internet (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def main():
    source, destination = (ipaddress.ip_address(sys.argv[i]) for i in (1, 3))
    port, other, mtu = (int(sys.argv[i]) for i in (2, 4, 5))
    tcp = struct.pack("!HH4sIHHHH", port, other, os.urandom(4), 0, 0x5010, 500, 0, 0)
    ends = source.packed + destination.packed
    if source.version == 4:
        quote = struct.pack("!BBHHHBBH", 0x45, 0, 1500, 1, 0x4000, 60, socket.IPPROTO_TCP, 0) + ends + tcp
        error = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quote
        error = error[:2] + struct.pack("!H", checksum(error)) + error[4:]
        out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    else:
        quote = struct.pack("!IHBB", 6 << 28, 1460, socket.IPPROTO_TCP, 60) + ends + tcp
        # the kernel adds the checksum
        error = struct.pack("!BBHI", 2, 0, 0, mtu) + quote
        out = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    out.sendto(error, (str(source), 0))


if __name__ == "__main__":
    main()
