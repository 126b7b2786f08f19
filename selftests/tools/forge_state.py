#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""A load balancer with a raw socket, whose connections begin or end as no kernel's do.

Usage: forge_state.py SCENARIO SOURCE PORT DESTINATION PORT CLIENT [CLIENT]

The kernel must not answer for SOURCE PORT. CLIENT is the address that the header names; a second
CLIENT is named by the next connection from the same port. If a scenario needs a change at
the other end, it prints "now" and waits for a line. Exit status 1: an unexpected answer.
"""
import ipaddress
import socket
import struct
import sys
import time

from forge_header import ACK, Client, DATA, FIN, RST, SYN
from make_header import SIGNATURE

FAR = 1 << 20


class Balancer(Client):
    """A connection whose header names a client of our choice."""

    def __init__(self, source, port, destination, other, client):
        super().__init__(source, port, destination, other)
        # the firewall tells our resets from the kernel's by this mark
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 7)
        size = self.source.max_prefixlen // 8
        self.header = (SIGNATURE + bytes([0x21, 0x11 if size == 4 else 0x21]) +
                       struct.pack("!H", 2 * size + 4) + ipaddress.ip_address(client).packed +
                       self.destination.packed + struct.pack("!HH", 5000, self.ports[1]))
        self.next = self.isn + 1

    def say(self, data=DATA):
        """Sends data until the other end has acknowledged and echoed them."""
        self.send(self.next, ACK, data)
        self.next += len(data)
        echo = b""
        while len(echo) < len(data):
            answer = self.heard(ACK)
            if not answer:
                sys.exit(f"no answer: {len(echo)} bytes of echo")
            if answer[0] == self.ack and answer[2]:
                echo += answer[2]
                self.ack += len(answer[2])
        self.send(self.next, ACK)
        self.drain()

    def drain(self):
        """Reads everything that has come, so that the next packet is an answer."""
        while self.heard(0, 0.3):
            pass

    def speak_header(self):
        """The last ACK with the header, then data."""
        self.send(self.next, ACK, self.header)
        self.next += len(self.header)
        self.say()

    def open(self):
        """The whole beginning of an honest connection."""
        self.shake()
        self.speak_header()

    def silent(self, seconds):
        """No data and no reset may have come."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if (answer := self.heard(0, left)) and answer[2]:
                sys.exit("data")

    def is_reset(self, seconds=5.0):
        """The next packet is a reset."""
        if not self.heard(RST, seconds):
            sys.exit("no reset")


def now():
    """Asks the test for a change, and waits for it."""
    print("now", flush=True)
    sys.stdin.readline()


def stale(first, second):
    """Both ends vanish without a packet, and the port is used for another client."""
    first.open()
    now()
    time.sleep(200)
    second.open()


def challenged(first, second):
    """A SYN on the ends of a running connection: a challenge says so, and it goes on."""
    first.open()
    first.send(first.isn + FAR, SYN)
    if not (answer := first.heard(ACK)) or answer[1] != first.next:
        sys.exit(f"no challenge: {answer}")
    first.say()
    # As of a load balancer that has begun anew
    second.drain()
    second.send(second.isn, SYN)
    answer = second.heard(ACK)
    if not answer or answer[1] != first.next:
        sys.exit(f"no challenge: {answer}")
    second.send(answer[1], RST)
    time.sleep(1)
    second.open()


def reset_any(first, _):
    """A reset with any number, and silence."""
    first.open()
    first.send(12345, RST)
    time.sleep(60)
    first.say()
    first.send(first.next + FAR * 16, RST | ACK)
    time.sleep(100)
    first.say()


def fin_any(first, _):
    """A FIN with any number, and silence."""
    first.open()
    first.send(first.next + FAR * 512, FIN | ACK)
    time.sleep(500)
    first.say()


def reset_exact(first, _):
    """A reset with the expected number."""
    first.open()
    first.send(first.next, RST)


def idle(first, _):
    """A connection that is silent for hours."""
    first.open()
    time.sleep(10000)
    first.say()


def ask_without_ack(first):
    """Open a connection and send data, whose echo is never acknowledged."""
    first.open()
    first.send(first.next, ACK, DATA)
    first.next += len(DATA)
    if not first.heard(ACK):
        sys.exit("no echo")
    now()


def unheard(first, _):
    """What the other end says gets lost, until it is repeated for the last time."""
    ask_without_ack(first)
    time.sleep(20)
    first.drain()
    first.ack += len(DATA)
    first.send(first.next, ACK)
    first.drain()
    first.say()


def reset_lost(first, _):
    """A reset that the other end does not get, while it repeats what was lost."""
    ask_without_ack(first)
    first.send(first.next, RST)
    time.sleep(400)


def vanished(first, _):
    """The other end vanishes, and no packet comes any more."""
    first.open()
    now()


def lowered(first, _):
    """An ACK that fits a SYN cookie, with both numbers lowered by as much."""
    first.shake()
    first.ack -= FAR
    first.send(first.isn + 1 - FAR, ACK, b"stolen")
    first.silent(2)
    first.send(first.isn + 1 - FAR, ACK, b"stolen")
    first.silent(2)


def late(first, _):
    """The last ACK when the handshake is forgotten."""
    first.shake()
    time.sleep(100)
    first.send(first.next, ACK, first.header + DATA)
    first.is_reset()


def taken_back(first, _):
    """The last ACK of a handshake that was taken back."""
    first.shake()
    first.send(first.next, RST)
    time.sleep(1)
    first.send(first.next, ACK, first.header + DATA)
    first.is_reset()


def refused(first, _):
    """The same ACK once more, after bytes that are no header."""
    first.shake()
    first.send(first.next, ACK, b"GET / HTTP/1.0\r\n")
    first.is_reset()
    first.send(first.next, ACK)
    first.send(first.next, ACK, DATA)
    first.is_reset()


def other_syn(first, _):
    """An attacker's SYN with another number, in each state before the header is complete."""
    first.shake()
    first.send(first.isn + FAR, SYN)
    time.sleep(0.1)
    first.send(first.next, ACK, first.header[:7])
    time.sleep(0.6)
    first.send(first.isn - FAR, SYN)
    first.send(first.isn + 20000, RST)
    time.sleep(0.6)
    first.send(first.next + 7, ACK, first.header[7:])
    first.next += len(first.header)
    first.say()


def restart(first, second):
    """The load balancer begins anew during a handshake: its answer to the challenge says so."""
    first.shake()
    second.drain()
    second.send(second.isn, SYN)
    answer = second.heard(ACK)
    if not answer or answer[1] != first.isn + 1:
        sys.exit(f"not asked: {answer}")
    second.send(answer[1], RST)
    time.sleep(1)
    second.open()


def half_open(first, _):
    """A handshake whose last ACK does not come."""
    first.shake()


def older(first, _):
    """A connection that is older than the rule, without a header."""
    first.shake()
    first.say()
    now()
    first.say()


def main():
    scenario = globals()[sys.argv[1]]
    clients = (sys.argv[6:] * 2)[:2]
    scenario(*(Balancer(*sys.argv[2:6], client) for client in clients))


if __name__ == "__main__":
    main()
