#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Asks an HTTP server for its first page in the name of a client.

The connection begins with a PROXY header, which the kernel sends. named() gives the options that
any library can set on a socket before it connects; urllib3, for one, calls them socket_options.

Usage: send_header.py SERVER PORT CLIENT CLIENT-PORT DESTINATION DESTINATION-PORT
"""
import http.client
import socket
import struct
import sys

TCP_ULP = 31
PP_SO_SEND = 0x5054
PP_SO_SEND_CRC32C = 4


def end(address, port):
    """struct pp_so_end: family in host byte order, port and address in network byte order."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return struct.pack("=H", family) + struct.pack("!H16s", port, socket.inet_pton(family, address))


def named(client, destination, tlvs=b"", level=socket.IPPROTO_IP):
    """The socket options of a header. level is IPPROTO_IPV6 for an IPv6 socket."""
    value = struct.pack("=BBH", 2, PP_SO_SEND_CRC32C, len(tlvs)) + end(*client) + end(*destination)
    return [(socket.IPPROTO_TCP, TCP_ULP, b"proxyproto"), (level, PP_SO_SEND, value + tlvs)]


def main(server, port, client, client_port, destination, destination_port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    for option in named((client, int(client_port)), (destination, int(destination_port))):
        sock.setsockopt(*option)
    sock.connect((server, int(port)))
    # From here on, nothing differs from any other connection
    connection = http.client.HTTPConnection(server, int(port))
    connection.sock = sock
    connection.request("GET", "/")
    sys.stdout.write(connection.getresponse().read().decode())


if __name__ == "__main__":
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    main(*sys.argv[1:])
