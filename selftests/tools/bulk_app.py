#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Both ends of a connection that carries more than a test can compare.

Usage: bulk_app.py server ADDRESS PORT
       bulk_app.py client ADDRESS PORT HEADER BYTES

The client sends HEADER (hexadecimal) and that many zeros. The server counts them and prints
the count and its peer. Neither touches the bytes, so that gigabytes take seconds.
"""
import os
import socket
import sys

CHUNK = 64 << 20


def server(address, port):
    """One connection."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, int(port)))
        listener.listen()
        print("ready", flush=True)
        conn, peer = listener.accept()
    total, buffer = 0, bytearray(1 << 20)
    while (got := conn.recv_into(buffer, len(buffer), socket.MSG_TRUNC)) > 0:
        total += got
    conn.sendall(f"{total} {peer[0]} {peer[1]}\n".encode())
    conn.close()


def client(address, port, header, count):
    """The same."""
    left = int(count)
    zeros = os.memfd_create("zeros")
    os.truncate(zeros, CHUNK)
    with socket.create_connection((address, int(port))) as conn:
        conn.settimeout(60)
        conn.sendall(bytes.fromhex(header))
        while left:
            left -= conn.sendfile(os.fdopen(os.dup(zeros), "rb"), 0, min(left, CHUNK))
        conn.shutdown(socket.SHUT_WR)
        sys.stdout.write(conn.makefile().read())


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
