#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""An application that asks the kernel for the PROXY header of each connection.

Usage: ask_header.py ADDRESS PORT COUNT

Prints a line of JSON for each connection: its peer, the header in hexadecimal and the original
destination, or in their place the name of the error. Sends back what comes.
"""
import ctypes
import errno
import ipaddress
import json
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)

PP_SO_HEADER = 0x5050
PP_SO_ORIGINAL_DST = 0x5051


def ask(conn, option, length):
    """The value of a socket option, or the name of its error."""
    mapped = conn.getpeername()[0].startswith("::ffff:")
    ipv6 = conn.family == socket.AF_INET6 and not mapped
    level = socket.IPPROTO_IPV6 if ipv6 else socket.IPPROTO_IP
    # Python's own getsockopt() reads 1024 bytes at most
    value, size = ctypes.create_string_buffer(length), ctypes.c_uint(length)
    if libc.getsockopt(conn.fileno(), level, option, value, ctypes.byref(size)):
        return errno.errorcode[ctypes.get_errno()]
    return value.raw[:size.value]


def destination(value):
    """The address and port of a sockaddr."""
    if isinstance(value, str):
        return value
    family, port = struct.unpack("=H", value[:2])[0], struct.unpack("!H", value[2:4])[0]
    address = value[8:24] if family == socket.AF_INET6 else value[4:8]
    return [str(ipaddress.ip_address(address)), port]


def main():
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((sys.argv[1], int(sys.argv[2])))
    listener.listen(100)
    print("listening on", sys.argv[2], flush=True)
    for _ in range(int(sys.argv[3])):
        conn = listener.accept()[0]
        header = ask(conn, PP_SO_HEADER, 4096)
        print(json.dumps({
            "peer": list(conn.getpeername()[:2]),
            "header": header if isinstance(header, str) else header.hex(),
            "short": str(ask(conn, PP_SO_HEADER, 14)),
            "original": destination(ask(conn, PP_SO_ORIGINAL_DST, 128)),
        }), flush=True)
        while data := conn.recv(65536):
            conn.sendall(data)
        conn.close()


if __name__ == "__main__":
    main()
