#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Holds COUNT packets of an nft queue, then releases them in the order in which they came.

Usage: queue_order.py QUEUE COUNT

Says "ready" when it listens. Later packets pass at once, until it is killed.
"""
import socket
import struct
import sys

NETLINK_NETFILTER, SUBSYSTEM = 12, 3
PACKET, VERDICT, CONFIG = (SUBSYSTEM << 8 | kind for kind in range(3))
REQUEST, ACK = 1, 4


def attribute(kind, data):
    """Padded to four bytes."""
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind, flags, queue, *attributes):
    """With the header of netfilter's subsystems."""
    body = struct.pack("=BB", 0, 0) + struct.pack("!H", queue) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 0, 0) + body


def packets(data):
    """The ids of packets in what was received."""
    while data:
        length, kind = struct.unpack_from("=IH", data)
        at = 20
        while kind == PACKET and at < length:
            size, attr = struct.unpack_from("=HH", data, at)
            if attr == 1:
                yield struct.unpack_from("!I", data, at + 4)[0]
            at += size + 3 & ~3
        if kind == 2 and struct.unpack_from("=i", data, 16)[0]:
            sys.exit(f"netlink: {struct.unpack_from('=i', data, 16)[0]}")
        data = data[length + 3 & ~3:]


def main():
    queue, count = map(int, sys.argv[1:3])
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    netlink.bind((0, 0))
    netlink.send(message(CONFIG, REQUEST | ACK, queue, attribute(1, struct.pack("!BBH", 1, 0, 0))))
    netlink.send(message(CONFIG, REQUEST | ACK, queue, attribute(2, struct.pack("!IB", 0, 1))))
    print("ready", flush=True)
    held = []
    while True:
        held += packets(netlink.recv(65536))
        while held and count <= len(held):
            netlink.send(message(VERDICT, REQUEST, queue,
                                 attribute(2, struct.pack("!II", 1, held.pop(0)))))
            count = 0 if not held else len(held)


if __name__ == "__main__":
    main()
