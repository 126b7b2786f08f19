#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Reads PROXY v2 headers for the selftests, by a parser of its own, and prints each as JSON.

Usage: read_header.py ADDRESS PORT COUNT

Takes COUNT connections one after the other, and sends back what follows each header. "crc" is
"right", "wrong" or null.
"""
import ipaddress
import json
import socket
import struct
import sys

from make_header import SIGNATURE, crc32c


def exactly(conn, length):
    """Reads that many bytes."""
    data = b""
    while len(data) < length:
        more = conn.recv(length - len(data))
        if not more:
            raise EOFError(f"{len(data)} bytes instead of {length}")
        data += more
    return data


def address(block):
    """Source and destination of an address block."""
    size = (len(block) - 4) // 2
    ports = struct.unpack("!HH", block[2 * size:])
    return [[str(ipaddress.ip_address(block[i * size:(i + 1) * size])), ports[i]] for i in (0, 1)]


def tlvs(data):
    """Each TLV: type, value, and where the value begins."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("!BH", data, at)
        value = data[at + 3:at + 3 + length]
        if len(value) != length:
            raise ValueError("a TLV is longer than the header")
        yield kind, value, at + 3
        at += 3 + length


def read(conn):
    """The header of a connection, as it is printed."""
    fixed = exactly(conn, 16)
    if fixed[:12] != SIGNATURE or fixed[12] >> 4 != 2:
        raise ValueError(f"no header: {fixed.hex()}")
    rest = exactly(conn, struct.unpack("!H", fixed[14:])[0])
    size = {0x11: 12, 0x21: 36, 0x00: 0}[fixed[13]]
    header = {"command": fixed[12] & 15, "length": 16 + len(rest), "crc": None, "tlvs": []}
    if size:
        header["source"], header["destination"] = address(rest[:size])
    for kind, value, at in tlvs(rest[size:]):
        header["tlvs"].append([f"0x{kind:02x}", value.hex()])
        if kind == 0x03:
            blank = bytearray(fixed + rest)
            blank[16 + size + at:16 + size + at + 4] = bytes(4)
            right = struct.pack("!I", crc32c(blank)) == value
            header["crc"] = "right" if right else "wrong"
    return header


def main():
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    listener = socket.create_server((sys.argv[1], int(sys.argv[2])), family=family, backlog=100)
    print("listening on", sys.argv[2], flush=True)
    for _ in range(int(sys.argv[3])):
        conn = listener.accept()[0]
        print(json.dumps(read(conn)), flush=True)
        while data := conn.recv(65536):
            conn.sendall(data)
        conn.close()


if __name__ == "__main__":
    main()
