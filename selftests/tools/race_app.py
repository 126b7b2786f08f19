#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""An application for pp_race: each connection has to begin with so many headers of 28 bytes that
name the client's port, and then 100 times 'x'. Prints what wrong ones got, and how many were right.

Usage: race_app.py ADDRESS PORT HEADERS COUNT
"""
import socket
import struct
import sys

PATIENCE = 20
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'
DATA = b'x' * 100


def read(conn, size):
    got = b''
    while len(got) < size:
        part = conn.recv(size - len(got))
        if not part:
            break
        got += part
    return got


def is_header(header, port):
    return header[:12] == SIGNATURE and struct.unpack('!H', header[24:26])[0] == port


def is_right(got, port, headers):
    parts = [got[i * 28:i * 28 + 28] for i in range(headers)]
    return got[headers * 28:] == DATA and all(is_header(part, port) for part in parts)


def main():
    address, port, headers, count = sys.argv[1], *map(int, sys.argv[2:])
    listener = socket.create_server((address, port), backlog=4096)
    listener.settimeout(PATIENCE)
    right = 0
    for _ in range(count):
        conn, peer = listener.accept()
        conn.settimeout(PATIENCE)
        got = read(conn, headers * 28 + len(DATA))
        if is_right(got, peer[1], headers):
            right += 1
        else:
            print(peer, got)
    print(right, 'right')


main()
