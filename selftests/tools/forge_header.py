#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""A client that knows where a header goes, and tries to put one of its own there.

Usage: forge_header.py ATTACK SOURCE PORT DESTINATION PORT

Sends TCP from a raw socket; the kernel must not reset what it does not know. Nothing else uses
SOURCE PORT. Ends when the attack is over, whatever its result, and with 1 if it did not get so far.
The attacks are the functions below.
"""
import ipaddress
import os
import random
import select
import socket
import struct
import sys
import time

from accept_ends import checksum
from make_header import SIGNATURE

FIN, SYN, RST, ACK = 1, 2, 4, 16
FORGED = {4: "203.0.113.66", 6: "2001:db8:bad::66"}
DATA = 40 * b"d"
SIGNED = bytes([29, 16]) + bytes(14)

if os.environ.get("PP_SEED"):
    random.seed(os.environ["PP_SEED"] + str(sys.argv[1:]))


class Client:
    """One connection: segments to send and to receive."""

    def __init__(self, source, port, destination, other):
        self.source, self.destination = map(ipaddress.ip_address, (source, destination))
        self.ports = (int(port), int(other))
        family = socket.AF_INET if self.source.version == 4 else socket.AF_INET6
        self.socket = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self.socket.bind((source, 0))
        self.isn = 1 << 28 | random.getrandbits(28)
        self.ack = 0
        self.header = self.forged()

    def forged(self):
        """A forged header, as long as the real one."""
        size = self.source.max_prefixlen // 8
        liar = ipaddress.ip_address(FORGED[self.source.version]).packed
        return (SIGNATURE + bytes([0x21, 0x11 if size == 4 else 0x21]) +
                struct.pack("!H", 2 * size + 4) + liar + self.destination.packed +
                struct.pack("!HH", 6666, self.ports[1]))

    def segment(self, seq, flags, data=b"", options=b""):
        """Sends a segment with a right checksum."""
        head = struct.pack("!HHIIBBHHH", *self.ports, seq % (1 << 32), self.ack if flags & ACK else 0,
                           (20 + len(options)) << 2 | flags >> 8, flags & 255, 65535, 0, 0)
        whole = head + options + data
        pseudo = (self.source.packed + self.destination.packed +
                  struct.pack("!II", len(whole), socket.IPPROTO_TCP))
        return whole[:16] + struct.pack("!H", checksum(pseudo + whole)) + whole[18:]

    def send(self, *args, **kwargs):
        """Sends what segment() makes."""
        self.socket.sendto(self.segment(*args, **kwargs), (str(self.destination), 0))

    def heard(self, flags, seconds=5.0):
        """The next segment with these flags: number, acknowledgement, data; or None."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                break
            data = self.socket.recv(65536)
            if self.source.version == 4:
                data = data[(data[0] & 15) * 4:]
            source, port, seq, ack, offset, got = struct.unpack_from("!HHIIBB", data)
            if (port, source) == self.ports and got & flags == flags:
                return seq, ack, data[(offset >> 4) * 4:]
        return None

    def shake(self, isn=None, **kwargs):
        """SYN and SYN-ACK; the last ACK is up to the attack."""
        isn = self.isn if isn is None else isn
        for _ in range(3):
            self.send(isn, SYN, **kwargs)
            answer = self.heard(SYN | ACK, 2)
            if answer and answer[1] == isn + 1:
                self.ack = answer[0] + 1
                return
        sys.exit("no SYN-ACK")

    def forge(self, isn=None, junk=0):
        """The forged header in the place of the real one, and data behind it."""
        first = (self.isn if isn is None else isn) - len(self.header) + 1
        for _ in range(2):
            self.send(first, ACK)
            self.send(first - junk, ACK, junk * b"j" + self.header)
            self.send(first + len(self.header), ACK, DATA)
            time.sleep(0.3)

    def replay(self, by):
        """The forged header, and the acknowledgement, so many numbers from their places."""
        self.isn += by
        self.ack += by
        self.forge()

    def leave(self):
        """A reset, so that the other end does not keep the connection."""
        self.send(self.isn + 1 + len(self.header) + len(DATA), RST | ACK)

    def speak(self):
        """An honest request, and its acknowledgement."""
        self.send(self.isn + 1, ACK)
        self.send(self.isn + 1, ACK, DATA)
        answer = self.heard(ACK)
        while answer and answer[1] != self.isn + 1 + len(DATA):
            answer = self.heard(ACK)
        if not answer:
            sys.exit("no answer")

    def close(self, seq):
        """An orderly end, both ways; behind it the acknowledgement is the first one again."""
        self.send(seq, FIN | ACK)
        while (answer := self.heard(ACK)) and answer[1] != seq + 1:
            pass
        answer = self.heard(FIN | ACK)
        if not answer:
            sys.exit("no FIN")
        honest = self.ack
        self.ack = answer[0] + len(answer[2]) + 1
        self.send(seq + 1, ACK)
        time.sleep(0.5)
        self.ack = honest


def below(client):
    """The forged header right after the handshake."""
    client.shake()
    client.forge()


def overlap(client):
    """Behind some bytes below the ISN."""
    client.shake()
    client.forge(junk=100)


def syn_ack(client):
    """With a second SYN, whose header belongs elsewhere."""
    client.shake()
    client.send(client.isn - len(client.header), SYN | ACK, client.header)
    client.forge()


def replaced(client):
    """In a handshake amid which other SYNs come."""
    client.shake()
    client.send(client.isn - 50000, SYN)
    client.forge()
    client.send(client.isn + 50000, SYN)
    client.send(client.isn + 250000, SYN)
    client.forge()


def reset(client):
    """After a reset that the backend does not believe."""
    client.shake()
    client.send(client.isn + 5000, RST | ACK)
    time.sleep(6)
    client.forge()


def late(client):
    """When so many handshakes are in progress that this one may be forgotten."""
    client.shake()
    time.sleep(14)
    client.forge()


def again(client):
    """By the same cookie as an honest connection, which has been reset."""
    client.shake()
    client.speak()
    client.send(client.isn + 1 + len(DATA), RST | ACK)
    client.forge()


def again_below(client):
    """The same, with both numbers lowered by as much: the SYN cookie fits them as well."""
    client.shake()
    client.speak()
    client.send(client.isn + 1 + len(DATA), RST | ACK)
    client.replay(-1000)


def again_stray(client, distance=-1000):
    """The same, after another SYN in the middle of the connection."""
    client.shake()
    client.speak()
    client.send(client.isn + distance, SYN)
    time.sleep(0.3)
    client.send(client.isn + 1 + len(DATA), RST | ACK)
    client.forge()


def again_stray_above(client):
    """The same, with a SYN so far ahead that the backend does not answer it."""
    again_stray(client, 1 << 21)


def again_closed(client):
    """The same, after an orderly end."""
    client.shake()
    client.speak()
    client.close(client.isn + 1 + len(DATA))
    client.forge()


def again_unknown(client):
    """The same, once conntrack has forgotten the connection: the test makes it do so."""
    client.shake()
    client.speak()
    client.send(client.isn + 1 + len(DATA), RST | ACK)
    print("forget", flush=True)
    sys.stdin.readline()
    client.forge()


def again_lowered(client):
    """The same, by a client that knows that numbers are lowered then."""
    client.shake()
    client.speak()
    client.send(client.isn + 1 + len(DATA), RST | ACK)
    print("forget", flush=True)
    sys.stdin.readline()
    client.ack += 4096
    client.forge()


def two_syns(client, distance=-1000):
    """By a second SYN before the first one is answered."""
    client.send(client.isn, SYN)
    client.send(client.isn + distance, SYN)
    first = (client.isn + 1, client.isn + 1 - len(client.header))
    while (answer := client.heard(SYN | ACK)) and answer[1] not in first:
        pass
    if not answer:
        sys.exit("no SYN-ACK")
    client.ack = answer[0] + 1
    client.forge()


def two_syns_far(client):
    """The same, one far below the other."""
    two_syns(client, -1 << 21)


def two_syns_above(client):
    """The same, one above the other."""
    two_syns(client, 1 << 21)


def three_syns(client):
    """The same, the third between the first two, to a backend that answers each by a cookie."""
    client.send(client.isn - 50000, SYN)
    two_syns(client, -20000)


def far_below(client, junk=0):
    """By a SYN that is far from the first one, once the backend has forgotten that."""
    client.shake()
    time.sleep(8)
    client.isn = (client.isn + (3 << 29)) % (1 << 32)
    client.shake()
    client.forge(junk=junk)


def far_overlap(client):
    """The same, behind some bytes below the ISN."""
    far_below(client, 100)


def unanswered(client):
    """By an ACK alone in the header's place, behind another SYN that has no answer."""
    client.shake()
    client.send(client.isn + 500000, SYN)
    client.send(client.isn - len(client.header) + 1, ACK)
    time.sleep(0.5)


def signed_instead(client):
    """In a handshake amid which a signed SYN comes."""
    client.shake()
    client.send(client.isn + 500000, SYN, options=SIGNED)
    client.forge()


def moved(client):
    """By a SYN at the number of a moved one, with data."""
    client.send(client.isn, SYN)
    client.send(client.isn - len(client.header), SYN, client.header + DATA)
    time.sleep(0.5)


def signed(client):
    """By an option that keeps headers away, and a header as the first data."""
    client.send(client.isn, SYN, options=SIGNED)
    answer = client.heard(SYN | ACK, 3)
    if answer:
        client.ack = answer[0] + 1
        client.send(client.isn + 1, ACK, client.header + DATA)
        time.sleep(0.5)


def fragments(client):
    """In fragments, if nothing on the way reassembles them."""
    client.shake()
    family = socket.AF_INET if client.source.version == 4 else socket.AF_INET6
    raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    ends = client.source.packed + client.destination.packed
    whole = client.segment(client.isn - len(client.header) + 1, ACK, client.header + DATA)
    for offset in range(0, len(whole), 24):
        part, more = whole[offset:offset + 24], offset + 24 < len(whole)
        if client.source.version == 4:
            head = struct.pack("!BBHHHBBH", 0x45, 0, 0, 4711, more << 13 | offset >> 3, 64,
                               socket.IPPROTO_TCP, 0) + ends
        else:
            head = (struct.pack("!IHBB", 6 << 28, 8 + len(part), 44, 64) + ends +
                    struct.pack("!BBHI", socket.IPPROTO_TCP, 0, offset | more, 4711))
        raw.sendto(head + part, (str(client.destination), 0))
    time.sleep(0.5)


def wrapped(client):
    """No attack: a packet as of a client that has sent 3.5 GiB, and one that is an attack."""
    client.shake()
    client.speak()
    client.send(client.isn + (7 << 29), ACK, DATA)
    client.send(client.isn - len(client.header) + 1, ACK, client.header)
    time.sleep(0.5)


def early(client):
    """To an accept rule: a header that begins before the connection."""
    client.shake()
    client.send(client.isn - 100, ACK, 101 * b"j" + client.header + DATA)
    time.sleep(0.5)


def near_cookie(client):
    """To an accept rule: an ACK with a slightly lower number, which a SYN cookie fits as well."""
    client.shake()
    client.send(client.isn - 2, ACK)
    client.send(client.isn + 1, ACK, client.header + DATA)
    time.sleep(0.5)


def syn_ack_last(client):
    """To an accept rule: a SYN-ACK in place of the handshake's last ACK, then the header."""
    client.shake()
    client.send(client.isn, SYN | ACK | FIN)
    client.send(client.isn + 1, ACK, client.header + DATA)
    time.sleep(0.5)


def far(client):
    """No attack: segments as of a client that has sent 1, 2 and 3 GiB, and nearly 4."""
    client.shake()
    first = client.isn + 1 + len(client.header)
    client.send(client.isn + 1, ACK, client.header + DATA)
    time.sleep(0.5)
    for distance in (1 << 30, 1 << 31, 3 << 30, (1 << 32) - 2 * len(DATA)):
        client.send(first + distance + len(DATA), ACK, DATA)
        time.sleep(0.1)
    client.leave()


def blind(client):
    """To an accept rule: a header from a sender that does not know the listener's answer."""
    client.shake()
    client.send(client.isn + 1, ACK)
    client.ack += 1 << 20
    client.send(client.isn + 1, ACK, client.header + DATA)
    time.sleep(0.5)
    client.send(client.isn + 1, RST | ACK)


def over(client, reset=False, pause=0.0):
    """To an accept rule: the last ACK once more, which a SYN cookie still fits, and data."""
    client.shake()
    first = client.isn + 1 + len(client.header)
    client.send(client.isn + 1, ACK, client.header + DATA)
    if reset:
        time.sleep(0.5)
        client.send(first + len(DATA), RST | ACK)
    else:
        client.close(first + len(DATA))
    time.sleep(pause)
    # Fits a cookie of the client's handshake, and one of the load balancer's own
    for seq in (first, client.isn + 1):
        client.send(seq, ACK)
        client.send(seq, ACK, DATA)
    time.sleep(0.5)


def over_by_reset(client):
    """The same, after a reset."""
    over(client, reset=True)


def over_for_long(client):
    """The same, when the entry of the connection has ended."""
    over(client, pause=42)


def late_ack(client):
    """No attack: a header soon after the last ACK, but long after the SYN."""
    client.shake()
    time.sleep(3.5)
    client.send(client.isn + 1, ACK)
    time.sleep(1.5)
    client.send(client.isn + 1, ACK, client.header + DATA)
    time.sleep(0.5)
    client.leave()


def crowd(client, count):
    """SYNs from other ports, whose answers nobody waits for."""
    honest = client.ports
    for _ in range(count):
        client.ports = (random.randrange(12000, 28000), honest[1])
        client.send(client.isn, SYN)
        time.sleep(0.01)
    client.ports = honest


def evicted(client, by=0, ack=0):
    """When other handshakes have taken the place of this one, in a crowd that lasts."""
    crowd(client, 40)
    time.sleep(4)
    client.shake()
    crowd(client, 20)
    time.sleep(1)
    client.ack += ack
    client.replay(by)


def evicted_below(client):
    """The same, with both numbers lowered by as much."""
    evicted(client, by=-1000)


def evicted_above(client):
    """The same, with an acknowledgement that is right when it is lowered."""
    evicted(client, ack=8)


def evicted_honestly(client):
    """The same, behind an honest ACK."""
    crowd(client, 40)
    time.sleep(4)
    client.shake()
    crowd(client, 20)
    time.sleep(1)
    client.send(client.isn + 1, ACK)
    client.forge()


def evicted_early(client):
    """The same, before the backend answers."""
    crowd(client, 40)
    time.sleep(4)
    client.send(client.isn, SYN)
    crowd(client, 20)
    answer = client.heard(SYN | ACK)
    if answer:
        client.ack = answer[0] + 1
        client.forge()


def probe(client):
    """No attack: a keepalive with the byte that some stacks send, then an honest request."""
    client.shake()
    client.send(client.isn, ACK, b"\0")
    client.send(client.isn, ACK)
    client.speak()


def main():
    attack = globals()[sys.argv[1]]
    attack(Client(*sys.argv[2:6]))


if __name__ == "__main__":
    main()
