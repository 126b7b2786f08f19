#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Accepts every packet of an NFQUEUE, for the selftests, over nfnetlink_queue without a library.

Usage: queue_packets.py QUEUE [DELAY]     seconds that each packet waits
"""
import socket
import struct
import sys
import time

NETLINK_NETFILTER = 12
PACKET, VERDICT, CONFIG = 0x300, 0x301, 0x302
ATTR_HEADER, ATTR_VERDICT = 1, 2
ATTR_COMMAND, ATTR_PARAMS = 1, 2
BIND, COPY_META, ACCEPT = 1, 1, 1


def message(kind, queue, attr, value):
    """One request with one attribute."""
    padded = value + bytes(-len(value) % 4)
    body = struct.pack("=BBH", 0, 0, socket.htons(queue)) + \
        struct.pack("=HH", 4 + len(value), attr) + padded
    return struct.pack("=IHHII", 16 + len(body), kind, 1, 0, 0) + body


def packet_ids(data):
    """The id of each packet in a message."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        at = 20
        while kind == PACKET and at + 8 <= length:
            size, attr = struct.unpack_from("=HH", data, at)
            if attr & 0x3FFF == ATTR_HEADER:
                yield struct.unpack_from("!I", data, at + 4)[0]
            at += (size + 3) & ~3
        data = data[(length + 3) & ~3:]


def main():
    queue = int(sys.argv[1])
    delay = float(sys.argv[2]) if len(sys.argv) > 2 else 0
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    sock.bind((0, 0))
    sock.send(message(CONFIG, queue, ATTR_COMMAND, struct.pack("!BBH", BIND, 0, 0)))
    sock.send(message(CONFIG, queue, ATTR_PARAMS, struct.pack("!IB", 0, COPY_META)))
    print("queue is open", flush=True)
    while True:
        ids = list(packet_ids(sock.recv(1 << 20)))
        time.sleep(delay)
        for packet in ids:
            sock.send(message(VERDICT, queue, ATTR_VERDICT, struct.pack("!II", ACCEPT, packet)))


if __name__ == "__main__":
    main()
