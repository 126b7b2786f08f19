#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Packets that no endpoint believes, inside an honest connection.

Usage: spoof_packets.py server ADDRESS PORT
       spoof_packets.py CASE SOURCE PORT DESTINATION PORT

A case runs an honest connection from a raw socket, and sends packets of an attacker that can
write both addresses but sees no packet. It ends with 0 if the honest connection went on as if
nothing had been sent. The server reads a PROXY header and data to their end, answers with
ANSWER bytes, and ends with 1 if a connection did not begin with a header that names SOURCE.
"""
import ipaddress
import socket
import sys
import threading
import time

from forge_header import ACK, DATA, FIN, RST, SYN, Client
from make_header import SIGNATURE

ANSWER = 300000


def serve(address, port):
    """Until it is killed; says of each connection what header it had."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, int(port)), family=family, backlog=128)
    print("ready", flush=True)
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def answer(conn):
    """One connection."""
    head = conn.recv(16, socket.MSG_WAITALL)
    if not head:
        print("nothing", flush=True)
        return
    if head[:12] != SIGNATURE:
        print("bad header", head, flush=True)
        return
    body = conn.recv(int.from_bytes(head[14:16], "big"), socket.MSG_WAITALL)
    size = 4 if head[13] >> 4 == 1 else 16
    print("header", ipaddress.ip_address(body[:size]), ipaddress.ip_address(body[size:2 * size]),
          flush=True)
    try:
        while conn.recv(65536):
            pass
        conn.sendall(bytes(ANSWER))
    except ConnectionError:
        print("reset", flush=True)
        return
    conn.close()
    print("end", flush=True)


class Honest(Client):
    """A connection that sends more than one request."""

    def begin(self):
        """To the acknowledgement of the first request."""
        self.next = self.isn + 1
        self.shake()
        self.send(self.next, ACK)
        self.talk()

    def talk(self, flags=ACK, data=DATA, tries=4):
        """A request, repeated until it is acknowledged."""
        want = self.next + len(data) + (1 if flags & FIN else 0)
        for _ in range(tries):
            self.send(self.next, flags, data)
            deadline = time.monotonic() + 1
            while (left := deadline - time.monotonic()) > 0:
                got = self.heard(ACK, left)
                if got and got[1] == want % (1 << 32):
                    self.next = want
                    return
        sys.exit("no answer to an honest request")

    def download(self):
        """What the server sends after a FIN, acknowledged as it comes."""
        start = self.ack
        while self.ack - start < ANSWER:
            got = self.heard(ACK, 5)
            if not got:
                sys.exit(f"the answer ends after {self.ack - start} bytes")
            if got[0] == self.ack % (1 << 32):
                self.ack += len(got[2])
            self.send(self.next, ACK)


def two_syns(client):
    """Two SYNs ahead of a running connection."""
    client.begin()
    client.send(client.next + 100000, SYN)
    time.sleep(0.3)
    client.send(client.next + 100001, SYN)
    time.sleep(0.3)
    client.talk()


def many_syns(client):
    """Many SYNs, at numbers all around."""
    client.begin()
    for distance in (-1, 0, 1, 1000, 30000, 70000, 100000, 1 << 20, 1 << 29, -1000, -1 << 20):
        client.send(client.next + distance, SYN)
        time.sleep(0.1)
        client.talk()


def syn_late(client):
    """One SYN, when the connection has sent so much that its ISN is no longer guarded."""
    client.begin()
    client.send(client.isn + (5 << 28), ACK)
    client.talk()
    client.send(client.next + 100000, SYN)
    client.talk()
    time.sleep(70)
    client.talk()


def syn_then_reset(client):
    """A SYN whose first byte is the connection's next one; then the client resets."""
    client.begin()
    client.send(client.next - 1, SYN)
    time.sleep(0.3)
    client.send(client.next, RST | ACK)


def reset_half_closed(client):
    """Resets at numbers that the backend does not believe, after the client's FIN."""
    client.begin()
    client.talk(FIN | ACK, b"")
    for distance in (1, 5000, 30000):
        client.send(client.next + distance, RST | ACK)
    client.download()


def reset_running(client):
    """The same while both ends are open, at all numbers, and without an acknowledgement."""
    client.begin()
    for distance in (1, 1000, 60000, 1 << 20, 1 << 29, -1, -1 << 20, -client.next):
        client.send(client.next + distance, RST | ACK)
        client.talk()


def reset_waiting(client):
    """The same after the handshake's last ACK, while the header gets lost."""
    client.next = client.isn + 1
    client.shake()
    client.send(client.next, ACK)
    for distance in (1, 1000, 60000, 1 << 20, 1 << 29):
        client.send(client.next + distance, RST | ACK)
    time.sleep(8)
    client.talk(tries=8)


def answer_reset(client):
    """Between the handshake's last ACK and the first request, resets come in the server's name.

    The time is longer than that for which the entry of a closed connection is kept.
    """
    client.next = client.isn + 1
    client.shake()
    client.send(client.next, ACK)
    print("numbers", client.isn, client.ack, flush=True)
    time.sleep(8)
    print("request", flush=True)
    client.talk(tries=8)


def reset_answer(server):
    """The other end of that: resets at numbers that the client does not expect."""
    isn, seq = map(int, sys.argv[6:8])
    for distance in (1, 1000, 60000, 1 << 20, 1 << 29, -1, -1000):
        server.ack = isn + 1
        server.send(seq + distance, RST | ACK)
        server.ack -= len(server.header)
        server.send(seq + distance, RST | ACK)
        server.send(seq + distance, RST)


def syn_repeated(client):
    """A SYN without an answer, repeated for much longer than its entry may last."""
    for _ in range(30):
        client.send(client.isn, SYN)
        time.sleep(5)


def evicted(client):
    """SYNs of many other clients between the SYN-ACK and the client's last ACK."""
    client.next = client.isn + 1
    client.shake()
    source, target = str(client.source), str(client.destination)
    for port in range(30600, 30640):
        other = Client(source, port, target, client.ports[1])
        other.send(other.isn, SYN)
        other.socket.close()
    time.sleep(0.5)
    client.talk()


def part_acked(client):
    """Says whether data comes; of the header, which is lost, it acknowledges nothing or a part."""
    client.shake()
    client.send(client.isn + 1, ACK)
    print("numbers", client.isn, client.ack, flush=True)
    deadline = time.monotonic() + 3
    while (left := deadline - time.monotonic()) > 0:
        got = client.heard(ACK, left)
        if got and got[2]:
            print("data", flush=True)
            return


def ack_part(server):
    """The other end of that: data in the server's name."""
    isn, seq, part = map(int, sys.argv[6:9])
    server.ack = isn - len(server.header) + 1 + part
    server.send(seq, ACK, DATA)


def low(client):
    """The first of two clients with one port, whose sequence number is the lower."""
    client.isn = 1 << 28
    client.begin()


def high(client):
    """The second."""
    client.send(3 << 27, SYN)


def main():
    if sys.argv[1] == "server":
        serve(*sys.argv[2:4])
    globals()[sys.argv[1]](Honest(*sys.argv[2:6]))


if __name__ == "__main__":
    main()
