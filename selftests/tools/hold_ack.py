#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""A client that sends all its packets behind the SYN-ACK in a burst.

Usage: hold_ack.py SOURCE PORT DESTINATION PORT STEP...

Sends TCP from a raw socket; the kernel must not reset it. Each step is a packet, all of
them made before the first one leaves; "wait" waits until no ACK is held any more.

  ack   bare acknowledgement of the SYN-ACK
  ace   the same, with the highest bit of AccECN's three
  data  the first 40 bytes
  far   the second 40 bytes
  full  as many bytes as a segment takes
  fin   FIN, behind no data
  rst   RST, behind no data
  syn   the SYN once more
  next  another SYN, as of a client that begins anew
"""
import sys
import time

from forge_header import ACK, DATA, FIN, RST, SYN, Client

NEXT = 1 << 16
AE = 0x100


def made(client, step):
    """The packet of a step."""
    first = client.isn + 1
    size = 1460 if client.source.version == 4 else 1440
    return {
        "ack": lambda: client.segment(first, ACK),
        "ace": lambda: client.segment(first, ACK | AE),
        "data": lambda: client.segment(first, ACK, DATA),
        "far": lambda: client.segment(first + len(DATA), ACK, DATA),
        "full": lambda: client.segment(first, ACK, size * b"d"),
        "fin": lambda: client.segment(first, ACK | FIN),
        "rst": lambda: client.segment(first, ACK | RST),
        "syn": lambda: client.segment(client.isn, SYN),
        "next": lambda: client.segment(client.isn + NEXT, SYN),
    }[step]()


def main():
    client = Client(*sys.argv[1:5])
    client.shake()
    packets = [step == "wait" or made(client, step) for step in sys.argv[5:]]
    for packet in packets:
        if packet is True:
            time.sleep(0.1)
        else:
            client.socket.sendto(packet, (str(client.destination), 0))


if __name__ == "__main__":
    main()
