#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Prints what map4 and map6 of an accept rule show instead of a client.

Usage: map_client.py POOL KEY PER CLIENT for map6, map_client.py PREFIX CLIENT for map4

Written from the description in proxyproto(7), not from the module: SipHash-2-4 of the
client's prefix, modulo the addresses of the pool without its first and last.
"""
import ipaddress
import sys

MASK = (1 << 64) - 1


def rotate(value, bits):
    """To the left, in 64 bits."""
    return (value << bits | value >> (64 - bits)) & MASK


def rounds(v, count):
    """SipRounds."""
    for _ in range(count):
        v[0] = (v[0] + v[1]) & MASK
        v[1] = rotate(v[1], 13) ^ v[0]
        v[0] = rotate(v[0], 32)
        v[2] = (v[2] + v[3]) & MASK
        v[3] = rotate(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & MASK
        v[3] = rotate(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & MASK
        v[1] = rotate(v[1], 17) ^ v[2]
        v[2] = rotate(v[2], 32)


def siphash(key, data):
    """SipHash-2-4."""
    k0, k1 = (int.from_bytes(key[i:i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
         k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at:at + 8], "little")
        v[3] ^= word
        rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def map6(pool, key, per, client):
    """An IPv6 client of an IPv4 connection."""
    pool = ipaddress.ip_network(pool)
    prefix = ipaddress.ip_network(f"{client}/{per}", strict=False).network_address
    return pool[1 + siphash(bytes.fromhex(key[2:]), prefix.packed) % (pool.num_addresses - 2)]


def main(args):
    """See above."""
    if len(args) == 2:
        print(ipaddress.ip_network(args[0])[int(ipaddress.ip_address(args[1]))])
    else:
        print(map6(*args))


main(sys.argv[1:])
