#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Compares what a load balancer received with what it sent on.

Reads two captures of the same connections, taken with offloads off: one of the
device towards the clients, one of that towards the backends. Pairs the
connections by their PROXY header, predicts from each packet that came what had
to leave, and says what differs, one line for each problem, by its topic:

  handshake   SYN, SYN-ACK and replies before the header's acknowledgement
  header      where and how the header left
  count       packets that one side has and the other has not, but for the
              acknowledgement of the header that tells the client nothing, and
              the handshake's last ACK if it waited for the packet behind it
  after       packets behind the header's acknowledgement: nothing may differ
  checksum    of IP, TCP: valid everywhere

Before that it prints its counts. Exit status: 0 no problem, 1 some, 2 usage.
"""
import argparse
import os
import random
import socket
import struct
import sys

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
OPT_NOP, OPT_WSCALE, OPT_SACK, OPT_TIMESTAMP = 1, 3, 5, 8
SPAN = 1 << 30
# What is compared beside addresses: all of the TCP header but its checksum, and
# of the IP header what a router leaves alone
FIELDS = ("seq", "ack", "flags", "window", "urgent", "options", "payload", "ip")
V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def sum_ok(data):
    """Ones' complement sum of 16-bit words is all ones"""
    return int.from_bytes(data + bytes(len(data) % 2), "big") % 0xffff == 0


def is_tcp(frame):
    """Whether an Ethernet frame is TCP over IPv4 or, without extensions, IPv6"""
    return (frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_TCP or
            frame[12:14] == b"\x86\xdd" and frame[20] == socket.IPPROTO_TCP)


class Packet:
    """A TCP packet of a capture"""

    def __init__(self, time, frame):
        self.time = time
        self.problems = []
        if frame[12:14] == b"\x08\x00":
            self._ipv4(frame[14:])
        else:
            self._ipv6(frame[14:])

    def _ipv4(self, data):
        length, = struct.unpack_from("!H", data, 2)
        start = (data[0] & 15) * 4
        if not sum_ok(data[:start]):
            self.problems.append("IP checksum")
        # type of service, flags and fragment offset, options
        self.ip = (data[1], data[6:8], data[20:start])
        self._tcp(socket.AF_INET, data[12:16], data[16:20], data[start:length])

    def _ipv6(self, data):
        length, = struct.unpack_from("!H", data, 4)
        # traffic class and flow label
        self.ip = (data[:4],)
        self._tcp(socket.AF_INET6, data[8:24], data[24:40], data[40:40 + length])

    def _tcp(self, family, src, dst, data):
        pseudo = src + dst + struct.pack("!II", len(data), socket.IPPROTO_TCP)
        if not sum_ok(pseudo + data):
            self.problems.append("TCP checksum")
        (sport, dport, self.seq, self.ack, bits, self.window, _,
         self.urgent) = struct.unpack_from("!HHIIHHHH", data)
        start = (bits >> 12) * 4
        # with the reserved bits
        self.flags = bits & 0xfff
        self.options = data[20:start]
        self.payload = data[start:]
        self.src = (family, src, sport)
        self.dst = (family, dst, dport)

    def has(self, flag):
        return bool(self.flags & flag)

    def is_syn(self):
        return self.flags & (SYN | ACK) == SYN

    def option_places(self):
        """(kind, offset, length) of each option"""
        pos = 0
        while pos < len(self.options) and self.options[pos]:
            if self.options[pos] == OPT_NOP:
                pos += 1
                continue
            length = self.options[pos + 1]
            yield self.options[pos], pos, length
            pos += length

    def option(self, kind):
        for found, pos, length in self.option_places():
            if found == kind:
                return self.options[pos + 2:pos + length]
        return None

    def option_kinds(self):
        """Kinds of options other than padding"""
        return {kind for kind, _, _ in self.option_places()}

    def without_sack(self):
        options = bytearray(self.options)
        for kind, pos, length in self.option_places():
            if kind == OPT_SACK:
                options[pos:pos + length] = bytes([OPT_NOP]) * length
        return bytes(options)

    def fields(self, **changes):
        return {name: getattr(self, name) for name in FIELDS} | changes

    def __str__(self):
        return (f"{self.time:.6f} seq {self.seq} ack {self.ack} flags {self.flags:#x} window "
                f"{self.window} options {self.options.hex()} payload {len(self.payload)}")


def read_capture(path):
    """The TCP packets of a pcap file of Ethernet frames"""
    with open(path, "rb") as file:
        head = file.read(24)
        if struct.unpack("<I", head[:4])[0] != 0xa1b2c3d4 or head[20] != 1:
            sys.exit(f"{path}: not a capture of Ethernet in microseconds")
        while head := file.read(16):
            sec, usec, length, _ = struct.unpack("<IIII", head)
            frame = file.read(length)
            if is_tcp(frame):
                yield Packet(sec + usec / 1e6, frame)


def connections(path):
    """Packets by connection, each named by the ends of its first SYN"""
    found = {}
    for packet in read_capture(path):
        key = (packet.src, packet.dst)
        if key not in found and key[::-1] in found:
            key = key[::-1]
        elif key not in found and not packet.is_syn():
            sys.exit(f"{path}: {packet}: begins without a SYN")
        found.setdefault(key, []).append(packet)
    return found


def header_of(version, src, dst):
    """The header that the specification prescribes"""
    family, addr, sport = src
    if version == 1:
        name = "TCP6" if family == socket.AF_INET6 else "TCP4"
        ends = [socket.inet_ntop(family, end[1]) for end in (src, dst)]
        return f"PROXY {name} {ends[0]} {ends[1]} {sport} {dst[2]}\r\n".encode()
    body = addr + dst[1] + struct.pack("!HH", sport, dst[2])
    kind = 0x21 if family == socket.AF_INET6 else 0x11
    return V2_SIGNATURE + bytes([0x21, kind]) + struct.pack("!H", len(body)) + body


class Connection:
    """A connection on both sides"""
    def __init__(self, header, key, front, back_key, back):
        self.header = header
        self.hlen = len(header)
        self.isn = front[0].seq
        self.first = (self.isn - self.hlen + 1) % 2**32
        self.names = [f"{socket.inet_ntop(*end[:2])}.{end[2]}" for end in key]
        self.back_key = back_key
        self.front_in = [p for p in front if p.src == key[0]]
        self.front_out = [p for p in front if p.src != key[0]]
        self.back_out = [p for p in back if p.src == back_key[0]]
        self.back_in = [p for p in back if p.src != back_key[0]]
        self.scale = self._scale(front)
        self.problems = []
        self.before = self.after = self.headers = self.separate = self.absorbed = 0
        self.merged = 0
        # the window that the client knows, in bytes
        self.told = 0
        # when the header's acknowledgement came, and when it had left on the other side
        self.acked = self.passed = float("inf")

    @staticmethod
    def _scale(front):
        """Shift of the backend's windows, if both ends offered one"""
        both = {p.is_syn(): p.option(OPT_WSCALE) for p in front if p.has(SYN)}
        if both.get(True) is None or both.get(False) is None:
            return 0
        return both[False][0]

    def problem(self, topic, text, *packets):
        self.problems.append(f"{topic}: {' > '.join(self.names)}: {text}" +
                             "".join(f"; [{packet}]" for packet in packets if packet))

    def expect(self, topic, came, left, **changes):
        """The packet that left is the one that came, apart from these changes"""
        if not left:
            self.problem("count", "came, and did not leave", came)
            return
        for name, want in came.fields(**changes).items():
            got = getattr(left, name)
            if got != want:
                if isinstance(got, bytes):
                    got, want = got[:60].hex(), want[:60].hex()
                self.problem(topic, f"{name} is {got}, not {want}", came, left)

    def is_no_news(self, came):
        """Whether the client learns nothing from the acknowledgement of the header"""
        unit = 1 << self.scale
        return (self.acked == float("inf") and came.ack == (self.isn + 1) % 2**32 and
                came.flags == ACK and not came.payload and
                came.option_kinds() <= {OPT_TIMESTAMP} and
                unit <= self.told and (came.window << self.scale) < self.told + unit)

    def reply(self, came, left_packets):
        """A packet from the backend: clamped until the header is acknowledged"""
        if self.is_no_news(came):
            self.absorbed += 1
            self.acked = self.passed = came.time
            return
        left = next(left_packets, None)
        missing = self.hlen - (came.ack - self.first) % 2**32
        if self.acked != float("inf"):
            self.after += 1
            self.expect("after", came, left)
        elif came.has(ACK) and 0 < missing:
            self.before += 1
            shift = 0 if came.has(SYN) else self.scale
            window = max(0, came.window - -(-missing >> shift))
            self.told = window << shift
            if came.has(SYN) and came.window - window != self.hlen:
                self.problem("handshake", "the window has no room for the header", came)
            self.expect("handshake", came, left, ack=(self.isn + 1) % 2**32, window=window,
                        options=came.options if came.has(SYN) else came.without_sack())
        else:
            if came.has(ACK) and not came.has(SYN) and -missing < SPAN:
                self.acked = came.time
                self.passed = left.time if left else came.time
                self.after += 1
            self.expect("after", came, left)

    def moved(self, came, left, left_packets):
        """A packet from the client left with the header, or behind it"""
        self.headers += 1
        if came.time > self.passed:
            self.problem("header", "left after its acknowledgement", came, left)
        flags = came.flags if came.payload else came.flags | PSH
        if not came.payload and not came.has(FIN):
            self.expect("header", came, left, seq=self.first, flags=flags, payload=self.header)
        elif left.payload != self.header or left.has(FIN):
            if came.seq != (self.isn + 1) % 2**32:
                self.problem("header", "before data that do not follow it", came, left)
            self.expect("header", came, left, seq=self.first, flags=flags,
                        payload=self.header + came.payload)
        else:
            self.separate += 1
            self.expect("header", came, left, seq=self.first, urgent=0, payload=self.header,
                        flags=(came.flags | PSH) & ~(FIN | URG))
            self.expect("header", came, next(left_packets, None))

    def is_merged(self, came, following):
        """Whether the handshake's last ACK, the first to come, left with the packet behind it"""
        first = next((p for p in self.back_out if not p.has(SYN)), None)
        return (came.flags == ACK and not came.payload and not self.headers and
                following is not None and first is not None and first.time > following.time)

    def forward(self, came, following, left_packets):
        """A packet from the client, and the one behind it"""
        if self.is_merged(came, following) and not self.merged:
            self.merged = 1
            return
        left = next(left_packets, None)
        if came.is_syn():
            self.before += 1
            self.expect("handshake", came, left, seq=(came.seq - self.hlen) % 2**32)
            return
        late = bool(left) and left.time > self.acked
        self.before += not late
        self.after += late
        if left and (left.seq - self.first) % 2**32 < self.hlen:
            self.moved(came, left, left_packets)
        elif late:
            self.expect("after", came, left)
        else:
            self.problem("header", "is not with this packet", came, left)
            self.expect("header", came, left)

    def compare(self):
        left_packets = iter(self.front_out)
        for came in self.back_in:
            self.reply(came, left_packets)
        for left in left_packets:
            self.problem("count", "the client got what the backend did not send", left)
        left_packets = iter(self.back_out)
        for came, following in zip(self.front_in, self.front_in[1:] + [None]):
            self.forward(came, following, left_packets)
        for left in left_packets:
            self.problem("count", "the backend got what the client did not send", left)
        if self.acked == float("inf"):
            self.problem("header", "is never acknowledged")
        third = next((p for p in self.back_out if not p.has(SYN)), None)
        if not third or third.seq != self.first or not third.payload.startswith(self.header):
            self.problem("header", "is not on the handshake's third packet", third)
        for packet in self.front_in + self.front_out + self.back_in + self.back_out:
            for text in packet.problems:
                self.problem("checksum", text, packet)


def pair(version, front, back):
    """Connections of both sides that the header says are the same"""
    waiting = dict(back)
    for key, packets in front.items():
        header = header_of(version, *key)
        start = (packets[0].seq + 1 - len(header)) % 2**32
        for back_key, back_packets in waiting.items():
            if any(p.src == back_key[0] and p.seq == start and p.payload.startswith(header)
                   for p in back_packets):
                yield Connection(header, key, packets, back_key, waiting.pop(back_key))
                break
        else:
            yield f"header: no connection has {header!r} before its first byte"
    for key in waiting:
        yield f"count: the backend has a connection that nobody began, {key}"


def spoil(conns):
    """Change one field of one packet behind an acknowledged header"""
    if os.environ.get("PP_SEED"):
        random.seed(os.environ["PP_SEED"])
    conn = random.choice(conns)
    packet = random.choice(random.choice([conn.front_out, conn.back_out])[3:])
    name = random.choice(FIELDS[:5])
    setattr(packet, name, getattr(packet, name) ^ 1)
    print(f"spoilt: {name} of [{packet}]")


def repeated(packets):
    """Segments that were retransmitted"""
    sizes = [(p.seq, len(p.payload)) for p in packets if p.payload]
    return len(sizes) - len(set(sizes))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--version", type=int, choices=(1, 2), required=True)
    parser.add_argument("--spoil", action="store_true",
                        help="change one field of one packet, which must be noticed")
    parser.add_argument("front", help="pcap file of the side of the clients")
    parser.add_argument("back", help="pcap file of the side of the backends")
    args = parser.parse_args()

    found = list(pair(args.version, connections(args.front), connections(args.back)))
    problems = [item for item in found if isinstance(item, str)]
    conns = [item for item in found if isinstance(item, Connection)]
    if args.spoil:
        spoil(conns)
    for conn in conns:
        conn.compare()
        problems += conn.problems

    front = [p for conn in conns for p in conn.front_in + conn.front_out]
    back = [p for conn in conns for p in conn.back_in + conn.back_out]
    print(f"connections={len(conns)} front={len(front)} back={len(back)}",
          f"headers={sum(conn.headers for conn in conns)}",
          f"separate={sum(conn.separate for conn in conns)}",
          f"absorbed={sum(conn.absorbed for conn in conns)}",
          f"merged={sum(conn.merged for conn in conns)}",
          f"before={sum(conn.before for conn in conns)}",
          f"after={sum(conn.after for conn in conns)}",
          f"repeated={repeated(front)}",
          f"sack={sum(p.option(OPT_SACK) is not None for p in front)}",
          f"urgent={sum(p.has(URG) for p in front)}")
    for text in problems:
        print(text)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
