#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Prints a PROXY v2 header in hexadecimal, right or wrong, for the selftests.

Usage: make_header.py COMMAND FAMILY BODY [TLV]... [crc | badcrc]

COMMAND and FAMILY are bytes 13 and 14 in hexadecimal (21 11). BODY is SRC,SPORT,DST,DPORT,
or the bytes themselves in hexadecimal, or "-" for none. A TLV is TYPE:LENGTH (of zero
bytes) or TYPE=HEX, its type in hexadecimal. "crc" adds a right CRC32C, "badcrc" a wrong one.
"""
import ipaddress
import struct
import sys

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def crc32c(data):
    """Castagnoli, bit by bit: headers are short."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def body(text):
    """The address block."""
    if text == "-":
        return b""
    if "," not in text:
        return bytes.fromhex(text)
    src, sport, dst, dport = text.split(",")
    return (ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed +
            struct.pack("!HH", int(sport), int(dport)))


def tlv(text):
    """One TLV."""
    if ":" in text:
        kind, length = text.split(":")
        value = bytes(int(length))
    else:
        kind, value = text.split("=")
        value = bytes.fromhex(value)
    return bytes([int(kind, 16)]) + struct.pack("!H", len(value)) + value


def main():
    command, family, block, *rest = sys.argv[1:]
    data = body(block)
    crc_at = None
    for word in rest:
        if word in ("crc", "badcrc"):
            crc_at = 16 + len(data) + 3
            data += tlv("03:4")
        else:
            data += tlv(word)
    header = bytearray(SIGNATURE + bytes.fromhex(command + family) +
                       struct.pack("!H", len(data)) + data)
    if crc_at:
        crc = crc32c(header) ^ ("badcrc" in rest)
        header[crc_at:crc_at + 4] = struct.pack("!I", crc)
    print(header.hex())


if __name__ == "__main__":
    main()
