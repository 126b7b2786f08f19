#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""An application whose other end is pp_packet_fuzz. It knows which byte every stream consists of,
and reports any other; how connections begin and end does not matter.

Usage: fuzz_app.py server ADDRESS PORT BYTE [PEER | header SOURCE DESTINATION]
       fuzz_app.py client ADDRESS PORT BYTE

BYTE "any" stands for all bytes. A server may expect all its peers to have one address, or every
connection to begin with a PROXY v2 header of these addresses. On SIGTERM it prints what it has seen,
and ends with 1 if that was wrong.
"""
import ipaddress
import os
import selectors
import signal
import socket
import struct
import sys
import time

from make_header import SIGNATURE

# Seconds after which a silent connection is given up
PATIENCE = float(os.environ.get("PP_FUZZ_PATIENCE", "20"))
# Connections of a client at a time
CONNECTIONS = int(os.environ.get("PP_FUZZ_CONNECTIONS", "20"))


class App:
    """All connections of one end."""

    def __init__(self, byte, peer=None, header=None):
        self.byte, self.peer = byte.encode(), peer
        self.header = header and b"".join(ipaddress.ip_address(a).packed for a in header)
        self.conns = {}
        self.wrong = []
        self.seen = {"connections": 0, "bytes": 0, "headers": 0}
        self.selector = selectors.DefaultSelector()

    def add(self, conn, events, handler):
        """A new connection, connected or about to be."""
        conn.setblocking(False)
        self.conns[conn] = (b"", time.monotonic())
        self.selector.register(conn, events, handler)

    def drop(self, conn, reset=True):
        """Closes one; by a reset if its other end may never answer."""
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", reset, 0))
        self.selector.unregister(conn)
        del self.conns[conn]
        conn.close()

    def accept(self, listener):
        """Checks the peer's address, if one is expected."""
        conn, name = listener.accept()
        self.seen["connections"] += 1
        if self.peer and ipaddress.ip_address(name[0]) != ipaddress.ip_address(self.peer):
            self.wrong.append(f"peer {name}")
        self.add(conn, selectors.EVENT_READ, self.read)

    def cut_header(self, data):
        """The bytes behind the header, or None if it is incomplete."""
        begin = SIGNATURE + b"\x21" + (b"\x11" if len(self.header) == 8 else b"\x21")
        if not (begin + data[len(begin):]).startswith(data):
            raise ValueError(f"no header: {data[:60]}")
        if len(data) < 16 or len(data) < 16 + int.from_bytes(data[14:16], "big"):
            return None
        if data[16:16 + len(self.header)] != self.header:
            raise ValueError(f"header of another: {data[:60]}")
        self.seen["headers"] += 1
        return data[16 + int.from_bytes(data[14:16], "big"):]

    def check(self, conn, data):
        """Checks each byte, however the stream is segmented."""
        held = self.conns[conn][0]
        if held is not None and self.header:
            data = held + data
            rest = self.cut_header(data)
            self.conns[conn] = (data if rest is None else None, time.monotonic())
            if rest is None:
                return
            data = rest
        else:
            self.conns[conn] = (None, time.monotonic())
        self.seen["bytes"] += len(data)
        if self.byte != b"any" and data.strip(self.byte):
            raise ValueError(f"wrong bytes: {data.strip(self.byte)[:60]}")

    def read(self, conn):
        """Answers with as many bytes as came, so that the other end has data to acknowledge."""
        try:
            data = conn.recv(65536)
            if not data:
                self.drop(conn, reset=False)
                return
            self.check(conn, data)
            conn.send(data[:2000])
            return
        except BlockingIOError:
            return
        except OSError:
            pass
        except ValueError as error:
            self.wrong.append(str(error))
        self.drop(conn)

    def connect(self, address, port):
        """A client that sends first, once it is connected."""
        conn = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.add(conn, selectors.EVENT_WRITE, self.speak)
        self.seen["connections"] += 1
        conn.connect_ex((address, port))

    def speak(self, conn):
        """Sends when connected; if it is not, reading fails."""
        self.selector.modify(conn, selectors.EVENT_READ, self.read)
        try:
            conn.send(300 * self.byte)
        except OSError:
            self.drop(conn)

    def turn(self):
        """Half a second of work, or more with a longer PATIENCE."""
        for key, _ in self.selector.select(min(PATIENCE / 40, 30)):
            key.data(key.fileobj)
        now = time.monotonic()
        for conn in [c for c, (_, last) in self.conns.items() if now - last > PATIENCE]:
            self.drop(conn)


def main():
    role, address, port, byte, *rest = sys.argv[1:]
    app = App(byte, peer=rest[0] if len(rest) == 1 else None, header=rest[1:])
    over = []
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))
    if role == "server":
        listener = socket.create_server((address, int(port)), backlog=65536, family=socket.AF_INET6
                                        if ":" in address else socket.AF_INET)
        listener.setblocking(False)
        app.selector.register(listener, selectors.EVENT_READ, app.accept)
    print("ready", flush=True)
    while not over:
        app.turn()
        if role == "client" and len(app.conns) < CONNECTIONS:
            app.connect(address, int(port))
    for conn in list(app.conns):
        app.drop(conn)
    print(", ".join(f"{count} {name}" for name, count in app.seen.items()))
    for line in app.wrong[:20]:
        print("wrong:", line)
    sys.exit(1 if app.wrong else 0)


if __name__ == "__main__":
    main()
