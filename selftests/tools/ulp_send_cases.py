#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What programs do with sockets that send a header by the ULP.

Client and server are this program, in one network namespace with a loopback device. The server
reads the header by a parser of its own, and compares every byte behind it.

Usage: ulp_send_cases.py CASE     runs the case, one of those below; --list prints them
       ulp_send_cases.py hold     keeps a socket that has named a header
       ulp_send_cases.py ulp      gives the ULP to a socket, and prints its name
"""
import array
import asyncio
import ctypes
import errno
import hashlib
import mmap
import os
import select
import socket
import struct
import sys
import threading
import time

from make_header import crc32c

TCP_ULP, TCP_FASTOPEN_CONNECT, TCP_REPAIR = 31, 30, 19
PP_SO_HEADER, PP_SO_ATTACH, PP_SO_DETACH = 0x5050, 0x5052, 0x5053
PP_SO_SEND, PP_SO_SEND_READY = 0x5054, 0x5055
LOCAL, UNIQUE_ID, CRC32C = 1, 2, 4
MSG_FASTOPEN, MSG_ZEROCOPY = 0x20000000, 0x4000000
CLIENT, ASKED = ("192.0.2.77", 4711), ("198.51.100.5", 443)
CLIENT6, ASKED6 = ("2001:db8::77", 4711), ("2001:db8:5::5", 443)
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
libc = ctypes.CDLL(None, use_errno=True)


def expect(is_value, want):
    if is_value != want:
        raise AssertionError(f"{is_value!r}, not {want!r}")


def refused(code, call, *args, **options):
    try:
        call(*args, **options)
    except OSError as error:
        expect(errno.errorcode.get(error.errno), errno.errorcode[code])
    else:
        raise AssertionError(f"not refused with {errno.errorcode[code]}")


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def end(address, port):
    family = family_of(address)
    return struct.pack("=H", family) + struct.pack("!H16s", port, socket.inet_pton(family, address))


def send_value(client=CLIENT, dst=ASKED, version=2, flags=0, tlvs=b""):
    ends = bytes(40) if flags & LOCAL else end(*client) + end(*dst)
    return struct.pack("=BBH", version, flags, len(tlvs)) + ends + tlvs


def ready(client=CLIENT, dst=ASKED, tlvs=b""):
    family = family_of(client[0])
    body = (socket.inet_pton(family, client[0]) + socket.inet_pton(family, dst[0]) +
            struct.pack("!HH", client[1], dst[1]) + tlvs)
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x21 if family == socket.AF_INET6 else 0x11,
                                   len(body)) + body


def level(sock):
    return socket.SOL_IP if sock.family == socket.AF_INET else socket.IPPROTO_IPV6


def add_ulp(sock):
    sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"proxyproto")


def name(sock, value=None, **options):
    add_ulp(sock)
    sock.setsockopt(level(sock), PP_SO_SEND, send_value(**options) if value is None else value)


def sender(family=socket.AF_INET, **options):
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(20)
    name(sock, **options)
    return sock


def listener(address="127.0.0.1", backlog=64):
    sock = socket.socket(family_of(address), socket.SOCK_STREAM)
    sock.bind((address, 0))
    sock.listen(backlog)
    sock.settimeout(20)
    return sock


def accept(server):
    sock = server.accept()[0]
    sock.settimeout(20)
    return sock


def exactly(sock, length):
    data = b""
    while len(data) < length:
        more = sock.recv(length - len(data))
        if not more:
            raise AssertionError(f"only {data!r} of {length} bytes")
        data += more
    return data


def gets(sock, data=b"", header=None):
    """The server reads exactly one header, and the data behind it."""
    want = ready() if header is None else header
    expect(exactly(sock, len(want)), want)
    expect(exactly(sock, len(data)), data)


def gets_end(sock):
    expect(sock.recv(100), b"")


def pair(server=None, **options):
    server = server or listener()
    sock = sender(family_of(server.getsockname()[0]), **options)
    sock.connect(server.getsockname())
    return sock, accept(server)


# ---- what a header says


def both_families_and_versions():
    for address in ("127.0.0.1", "::1"):
        for client, dst in ((CLIENT, ASKED), (CLIENT6, ASKED6)):
            sock, got = pair(listener(address), client=client, dst=dst)
            sock.sendall(b"data")
            gets(got, b"data", ready(client, dst))
            sock, got = pair(listener(address), client=client, dst=dst, version=1)
            sock.sendall(b"data")
            gets(got, b"data", f"PROXY TCP{6 if ':' in client[0] else 4} {client[0]} {dst[0]} "
                               f"{client[1]} {dst[1]}\r\n".encode())


def mapped_address():
    server = listener()
    sock = sender(socket.AF_INET6)
    sock.connect(("::ffff:127.0.0.1", server.getsockname()[1]))
    got = accept(server)
    sock.sendall(b"data")
    gets(got, b"data")
    refused(errno.EBUSY, sock.setsockopt, socket.IPPROTO_IPV6, 1, socket.AF_INET)


def local_header():
    sock, got = pair(flags=LOCAL)
    sock.sendall(b"data")
    gets(got, b"data", SIGNATURE + b"\x20\0\0\0")
    sock, got = pair(flags=LOCAL, version=1)
    sock.sendall(b"data")
    gets(got, b"data", b"PROXY UNKNOWN\r\n")


def tlvs_id_and_checksum():
    tlvs = b"\x02\0\x0bexample.org\xe0\0\x03abc"
    sock, got = pair(flags=UNIQUE_ID | CRC32C, tlvs=tlvs)
    head = exactly(got, 28 + len(tlvs) + 35 + 7)
    expect(head[:28], ready(tlvs=bytes(len(tlvs) + 42))[:28])
    expect(head[28:28 + len(tlvs)], tlvs)
    unique = head[28 + len(tlvs):-7]
    expect((unique[:3], len(unique)), (b"\x05\0\x20", 35))
    int(unique[3:], 16)
    expect(head[-7:-4], b"\x03\0\4")
    expect(struct.unpack("!I", head[-4:])[0], crc32c(head[:-4] + bytes(4)))
    expect(sock.getsockopt(socket.SOL_IP, PP_SO_HEADER, 1000), head)
    other, got = pair(flags=UNIQUE_ID)
    assert exactly(got, 63)[-32:] != unique[3:]
    other.close()


def ready_header():
    for header in (ready(), ready(tlvs=b"\xe0\0\3abc"), b"PROXY UNKNOWN\r\n", ready(CLIENT6, ASKED6),
                   b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", ready(tlvs=b"\xe0\x01\xf9" + bytes(505))):
        server, sock = listener(), socket.socket()
        add_ulp(sock)
        sock.setsockopt(socket.SOL_IP, PP_SO_SEND_READY, header)
        sock.connect(server.getsockname())
        sock.sendall(b"data")
        gets(accept(server), b"data", header)


def last_name_counts():
    server, sock = listener(), sender(client=("192.0.2.1", 1))
    sock.setsockopt(socket.SOL_IP, PP_SO_SEND_READY, ready(CLIENT6, ASKED6))
    sock.setsockopt(socket.SOL_IP, PP_SO_SEND, send_value())
    sock.connect(server.getsockname())
    gets(accept(server))


def wrong_values():
    sock = socket.socket()
    add_ulp(sock)
    good = send_value()
    bad = [b"", good[:-1], good + b"\0", b"\0" + good[1:], b"\3" + good[1:], b"\2\x08" + good[2:],
           send_value(version=1, flags=UNIQUE_ID), send_value(version=1, flags=CRC32C),
           send_value(version=1, tlvs=b"\xe0\0\0"), send_value(tlvs=b"\xe0\0\1"),
           send_value(tlvs=b"\xe0"), send_value(tlvs=b"\3\0\4abcd"), send_value(dst=ASKED6),
           send_value(tlvs=b"\5\0\x81" + bytes(129)),
           send_value(flags=LOCAL)[:-1] + b"\1", send_value(flags=LOCAL, tlvs=b"\xe0\0\0"),
           send_value(flags=LOCAL | CRC32C), good[:4] + b"\7" + good[5:], good[:20] + b"\1" + good[21:]]
    for value in bad:
        refused(errno.EINVAL, sock.setsockopt, socket.SOL_IP, PP_SO_SEND, value)
    for value in (b"", ready()[:-1], ready() + b"\0", b"GET / HTTP/1.0\r\n\r\n", b"PROXY \r\n",
                  ready(tlvs=b"\3\0\4abcd"), b"\x0d" + ready()[1:12] + b"\x31" + ready()[13:]):
        refused(errno.EINVAL, sock.setsockopt, socket.SOL_IP, PP_SO_SEND_READY, value)
    refused(errno.EMSGSIZE, sock.setsockopt, socket.SOL_IP, PP_SO_SEND,
            send_value(tlvs=b"\xe0\x02\x00" + bytes(512)))
    refused(errno.EMSGSIZE, sock.setsockopt, socket.SOL_IP, PP_SO_SEND_READY,
            ready(tlvs=b"\xe0\x01\xfa" + bytes(506)))
    refused(errno.EFAULT, setsockopt_raw, sock, PP_SO_SEND, 44)
    refused(errno.EFAULT, setsockopt_raw, sock, PP_SO_SEND_READY, 28)
    refused(errno.ENODATA, sock.connect, listener().getsockname())
    server = listener()
    sock.setsockopt(socket.SOL_IP, PP_SO_SEND, good)
    sock.connect(server.getsockname())
    gets(accept(server))


def setsockopt_raw(sock, option, length):
    if libc.setsockopt(sock.fileno(), socket.SOL_IP, option, ctypes.c_void_p(8), length):
        raise OSError(ctypes.get_errno(), "setsockopt")


# ---- which sockets


def wrong_sockets():
    server = listener()
    plain = socket.create_connection(server.getsockname(), 20)
    got = accept(server)
    for sock in (plain, got):
        refused(errno.ENOTCONN, add_ulp, sock)
        refused(errno.ENOENT, sock.setsockopt, socket.SOL_IP, PP_SO_SEND, send_value())
    plain.sendall(b"plain")
    expect(exactly(got, 5), b"plain")
    sock = socket.socket()
    refused(errno.ENOENT, sock.setsockopt, socket.SOL_IP, PP_SO_SEND, send_value())
    refused(errno.ENOENT, sock.setsockopt, socket.SOL_IP, PP_SO_SEND_READY, ready())
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    refused(errno.EOPNOTSUPP, udp.setsockopt, socket.SOL_IP, PP_SO_SEND, send_value())
    sock.connect(server.getsockname())
    expect(accept(server).getpeername(), sock.getsockname())


def refuses_tls(sock):
    """Where the kernel has no kTLS, there is nothing to refuse."""
    try:
        socket.socket().setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
    except FileNotFoundError:
        return
    except OSError:
        pass
    refused(errno.EEXIST, sock.setsockopt, socket.IPPROTO_TCP, TCP_ULP, b"tls")


def named_while_connected():
    server = listener()
    sock, got = pair(server)
    refused(errno.EISCONN, sock.setsockopt, socket.SOL_IP, PP_SO_SEND, send_value(client=("192.0.2.1", 1)))
    refused(errno.EEXIST, add_ulp, sock)
    refuses_tls(sock)
    refused(errno.EALREADY, sock.setsockopt, socket.SOL_IP, PP_SO_ATTACH, bytes(16))
    refused(errno.ENOENT, sock.setsockopt, socket.SOL_IP, PP_SO_DETACH, b"")
    sock.sendall(b"data")
    gets(got, b"data")


def listeners_and_senders_apart():
    sock = sender()
    sock.bind(("127.0.0.1", 0))
    refused(errno.EOPNOTSUPP, sock.listen, 5)
    source = struct.pack("=IIII", 0, 60, 1, 0) + struct.pack("=BBH16s", socket.AF_INET, 8, 0,
                                                             socket.inet_aton("127.0.0.0"))
    attached = socket.socket()
    attached.setsockopt(socket.SOL_IP, PP_SO_ATTACH, source)
    refused(errno.EALREADY, attached.setsockopt, socket.SOL_IP, PP_SO_SEND, send_value())
    refused(errno.ENODATA, attached.connect, listener().getsockname())
    attached.bind(("127.0.0.1", 0))
    attached.listen(5)
    refused(errno.EISCONN, attached.setsockopt, socket.SOL_IP, PP_SO_SEND, send_value())
    attached.settimeout(20)
    client = sender()
    client.connect(attached.getsockname())
    client.sendall(b"data")
    got, peer = attached.accept()
    expect(peer, CLIENT)
    expect(exactly(got, 4), b"data")
    attached.shutdown(socket.SHUT_RDWR)
    refused(errno.EALREADY, attached.setsockopt, socket.SOL_IP, PP_SO_SEND, send_value())


def without_privilege():
    server = listener()
    os.setuid(65534)
    sock, got = pair(server)
    sock.sendall(b"data")
    gets(got, b"data")
    late = socket.socket()
    add_ulp(late)
    refused(errno.EPERM, late.listen, 5)
    refused(errno.EPERM, socket.socket().setsockopt, socket.SOL_IP, PP_SO_ATTACH, bytes(16))


def other_ulp():
    sock = sender()
    refuses_tls(sock)
    expect(sock.getsockopt(socket.IPPROTO_TCP, TCP_ULP, 16).rstrip(b"\0"), b"proxyproto")
    server = listener()
    sock.connect(server.getsockname())
    gets(accept(server))


def sockmap():
    attr = struct.pack("=IIIII", 15, 4, 4, 4, 0) + bytes(100)  # BPF_MAP_TYPE_SOCKMAP
    bpf = libc.syscall(321, 0, attr, len(attr))
    if bpf < 0:
        raise OSError(ctypes.get_errno(), "BPF_MAP_CREATE")
    sock, got = pair()
    key, value = ctypes.c_uint32(0), ctypes.c_uint32(sock.fileno())
    attr = struct.pack("=IIQQQ", bpf, 0, ctypes.addressof(key), ctypes.addressof(value), 0)
    expect(libc.syscall(321, 2, attr, len(attr)), -1)  # BPF_MAP_UPDATE_ELEM
    expect(ctypes.get_errno(), errno.EINVAL)
    sock.sendall(b"data")
    gets(got, b"data")
    os.close(bpf)


def multipath():
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    except OSError:
        return
    refused(errno.ENOPROTOOPT, add_ulp, sock)
    refused(errno.ENOPROTOOPT, sock.setsockopt, socket.SOL_IP, PP_SO_SEND, send_value())


# ---- how programs connect and write


def header_alone():
    """The server that speaks first has the header before the client sends a byte."""
    sock, got = pair()
    gets(got)
    got.sendall(b"welcome")
    expect(exactly(sock, 7), b"welcome")


def non_blocking_connect():
    server = listener()
    sock = sender()
    sock.setblocking(False)
    refused(errno.EINPROGRESS, sock.connect, server.getsockname())
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    expect(len(poll.poll(10000)), 1)
    expect(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
    got = accept(server)
    sock.send(b"data")
    gets(got, b"data")


def write_while_connecting():
    """The SYN is lost once: a send() that waits, and one that does not."""
    server = listener()
    waits, early = sender(), sender()
    with first_syn_lost(server):
        for sock in (waits, early):
            sock.setblocking(False)
            refused(errno.EINPROGRESS, sock.connect, server.getsockname())
        refused(errno.EAGAIN, early.send, b"early")
        waits.setblocking(True)
        waits.sendall(b"waits")
    seen = set()
    for _ in range(2):
        got = accept(server)
        expect(exactly(got, 28), ready())
        if select.select([got], [], [], 0.5)[0]:
            seen.add(exactly(got, 5))
        else:
            early.send(b"later")
            seen.add(exactly(got, 5))
    expect(seen, {b"waits", b"later"})


class first_syn_lost:  # pylint: disable=invalid-name
    """Until the end of the block, SYNs to a server are dropped; then after half a second not."""

    def __init__(self, server):
        self.port = server.getsockname()[1]

    def __enter__(self):
        os.system(f"nft 'table ip lost {{ chain out {{ type filter hook output priority 0; "
                  f"tcp dport {self.port} tcp flags syn / syn,ack drop; }}; }}'")
        self.timer = threading.Timer(0.5, self.end)
        self.timer.start()

    def end(self):
        os.system("nft delete table ip lost")

    def __exit__(self, *_):
        self.timer.join()


def interrupted_connect():
    server = listener()
    sock = sender()
    with first_syn_lost(server):
        sock.settimeout(0.1)
        refused_by_time(sock, server)
    sock.settimeout(20)
    got = accept(server)
    sock.sendall(b"data")
    gets(got, b"data")


def refused_by_time(sock, server):
    try:
        sock.connect(server.getsockname())
    except socket.timeout:
        return
    raise AssertionError("connected")


def sendmsg_and_writev():
    sock, got = pair()
    expect(sock.sendmsg([b"one", b"two"]), 6)
    expect(os.writev(sock.fileno(), [b"three", b"four"]), 9)
    expect(os.write(sock.fileno(), b"five"), 4)
    gets(got, b"onetwothreefourfive")


def sendfile_first():
    sock, got = pair()
    with open("/proc/self/exe", "rb") as file:
        data = file.read(100000)
        sent = 0
        result = []
        thread = threading.Thread(target=lambda: result.append(gets(got, data)))
        thread.start()
        while sent < len(data):
            sent += os.sendfile(sock.fileno(), file.fileno(), sent, len(data) - sent)
        thread.join(20)
    expect(result, [None])


def splice_first():
    sock, got = pair()
    receive, send = os.pipe()
    os.write(send, b"0123456789")
    expect(libc.splice(receive, None, sock.fileno(), None, 10, 0), 10)
    gets(got, b"0123456789")


def zero_copy():
    sock, got = pair()
    sock.setsockopt(socket.SOL_SOCKET, 60, 1)  # SO_ZEROCOPY
    sock.send(b"z" * 50000, MSG_ZEROCOPY)
    gets(got, b"z" * 50000)


def more_and_cork():
    sock, got = pair()
    sock.send(b"one", socket.MSG_MORE)
    sock.send(b"two")
    gets(got, b"onetwo")
    server, sock = listener(), sender()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    sock.connect(server.getsockname())
    sock.sendall(b"one")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    gets(accept(server), b"one")


def io_uring():
    """IORING_OP_CONNECT, then IORING_OP_SEND."""
    params = ctypes.create_string_buffer(120)
    ring = libc.syscall(425, 4, params)
    if ring < 0:
        raise OSError(ctypes.get_errno(), "io_uring_setup")
    sq_tail, sq_array = struct.unpack_from("=4xI16xI", params, 40)
    cq_cqes = struct.unpack_from("=20xI", params, 80)[0]
    rings = mmap.mmap(ring, 4096, offset=0)
    entries = mmap.mmap(ring, 4096, offset=0x10000000)
    server, sock = listener(), sender()
    address = ctypes.create_string_buffer(
        struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", server.getsockname()[1],
                                                        socket.inet_aton("127.0.0.1")))
    data = ctypes.create_string_buffer(b"data", 4)
    # Operation, "off", "addr", "len", and what comes back
    steps = ((16, 16, address, 0, 0), (26, 0, data, 4, 4))
    for index, (code, offset, pointer, length, result) in enumerate(steps):
        entries[64 * index:64 * index + 64] = struct.pack(
            "=BBHiQQIIQ", code, 0, 0, sock.fileno(), offset, ctypes.addressof(pointer), length, 0,
            index) + bytes(24)
        rings[sq_array + 4 * index:sq_array + 4 * index + 4] = struct.pack("=I", index)
        rings[sq_tail:sq_tail + 4] = struct.pack("=I", index + 1)
        expect(libc.syscall(426, ring, 1, 1, 1, None, 0), 1)
        expect(struct.unpack_from("=Qi", rings, cq_cqes + 16 * index), (index, result))
    gets(accept(server), b"data")
    os.close(ring)


def event_loop():
    async def run():
        seen = []

        async def serve(reader, writer):
            seen.append(await reader.readexactly(32))
            writer.write(b"answer")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        sock = sender()
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, server.sockets[0].getsockname())
        await loop.sock_sendall(sock, b"data")
        expect(await loop.sock_recv(sock, 100), b"answer")
        expect(seen, [ready() + b"data"])
        server.close()

    asyncio.run(run())


def no_header_named():
    server = listener()
    for option in (None, TCP_FASTOPEN_CONNECT):
        sock = socket.socket()
        add_ulp(sock)
        if option:
            sock.setsockopt(socket.IPPROTO_TCP, option, 1)
        refused(errno.ENODATA, sock.connect, server.getsockname())
        refused(errno.EOPNOTSUPP, sock.sendto, b"data", MSG_FASTOPEN, server.getsockname())
        refused(errno.EPIPE, sock.send, b"data")
    sock.close()
    # It can still become a listener
    late = socket.socket()
    add_ulp(late)
    late.bind(("127.0.0.1", 0))
    late.listen(5)
    late.settimeout(20)
    client = socket.create_connection(late.getsockname(), 20)
    client.sendall(b"plain")
    expect(exactly(accept(late), 5), b"plain")


def policy_of_an_administrator():
    """Whoever may name sources gives them to a closed socket; whoever has it then listens."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_IP, PP_SO_ATTACH, struct.pack("=IIII", 0, 60, 1, 0) +
                    struct.pack("=BBH16s", socket.AF_INET, 8, 0, socket.inet_aton("127.0.0.0")))
    os.setuid(65534)
    sock.bind(("127.0.0.1", 0))
    sock.listen(5)
    sock.settimeout(20)
    client = sender()
    client.connect(sock.getsockname())
    expect(sock.accept()[1], CLIENT)


def fast_open():
    server = listener()
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
    with open("/proc/sys/net/ipv4/tcp_fastopen", "r+", encoding="ascii") as file:
        before = file.read()
        file.write(str(0x7 | 0x200))
    try:
        sock = sender()
        refused(errno.EOPNOTSUPP, sock.sendto, b"data", MSG_FASTOPEN, server.getsockname())
        sock.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        refused(errno.EOPNOTSUPP, sock.connect, server.getsockname())
        sock.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0)
        sock.connect(server.getsockname())
        got = accept(server)
        sock.sendall(b"data")
        gets(got, b"data")
        # Once more after a disconnect: the header of before is in the stream, the next one is not
        disconnect(sock)
        refused(errno.EOPNOTSUPP, sock.sendto, b"data", MSG_FASTOPEN, server.getsockname())
    finally:
        with open("/proc/sys/net/ipv4/tcp_fastopen", "w", encoding="ascii") as file:
            file.write(before)
    server.settimeout(0.3)
    try:
        server.accept()
    except socket.timeout:
        return
    raise AssertionError("a connection")


def repair():
    server, sock = listener(), sender()
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    refused(errno.EOPNOTSUPP, sock.connect, server.getsockname())
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)
    sock.connect(server.getsockname())
    gets(accept(server))


def nagle_does_not_wait():
    """No acknowledgement of the header comes: the program's first data does not wait for one."""
    server, sock = listener(), sender()
    os.system(f"nft 'table ip lost {{ chain out {{ type filter hook output priority 0; "
              f"tcp sport {server.getsockname()[1]} tcp flags ack / syn,ack drop; }}; }}'")
    try:
        sock.connect(server.getsockname())
        got = accept(server)
        begin = time.monotonic()
        sock.sendall(b"data")
        gets(got, b"data")
        took = time.monotonic() - begin
    finally:
        os.system("nft delete table ip lost")
    assert took < 0.15, took


# ---- how connections end


def ends_without_data():
    sock, got = pair()
    sock.close()
    gets(got)
    gets_end(got)
    sock, got = pair()
    sock.shutdown(socket.SHUT_WR)
    gets(got)
    gets_end(got)
    got.sendall(b"answer")
    got.close()
    expect(exactly(sock, 6), b"answer")
    expect(sock.recv(1), b"")
    refused(errno.EPIPE, sock.send, b"late")


def server_ends_first():
    server = listener()
    sock = sender()
    sock.connect(server.getsockname())
    got = accept(server)
    got.shutdown(socket.SHUT_WR)
    expect(sock.recv(1), b"")
    sock.sendall(b"data")
    gets(got, b"data")


def server_resets():
    server = listener()
    sock = sender()
    sock.connect(server.getsockname())
    got = accept(server)
    got.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    got.close()
    refused(errno.ECONNRESET, sock.recv, 1)
    sock.close()


def refused_and_repeated():
    server = listener()
    address = server.getsockname()
    server.close()
    sock = sender()
    sock.settimeout(None)
    for _ in range(3):
        refused(errno.ECONNREFUSED, sock.connect, address)
        refused(errno.EPIPE, sock.send, b"data")
    server = listener()
    sock.connect(server.getsockname())
    sock.sendall(b"data")
    got = accept(server)
    gets(got, b"data")
    refused(errno.EISCONN, sock.connect, server.getsockname())
    sock.sendall(b"more")
    gets(got, b"more", b"")


def disconnect(sock):
    unspec = struct.pack("=H14s", socket.AF_UNSPEC, b"")
    expect(libc.connect(sock.fileno(), unspec, len(unspec)), 0)


def disconnected_and_reused():
    server = listener()
    sock, got = pair(server)
    sock.sendall(b"one")
    gets(got, b"one")
    for number in range(3):
        disconnect(sock)
        refused(errno.ECONNRESET, sock.send, b"data")
        refused(errno.EPIPE, sock.send, b"data")
        if number == 1:
            sock.setsockopt(socket.SOL_IP, PP_SO_SEND_READY, b"PROXY UNKNOWN\r\n")
        sock.connect(server.getsockname())
        sock.sendall(b"again")
        gets(accept(server), b"again", b"PROXY UNKNOWN\r\n" if number else ready())
    disconnect(sock)
    refused(errno.EOPNOTSUPP, sock.listen, 5)


def closed_while_connecting():
    server = listener()
    for _ in range(20):
        sock = sender()
        with_port = server.getsockname()[1]
        sock.setblocking(False)
        os.system(f"nft 'table ip lost {{ chain out {{ type filter hook output priority 0; "
                  f"tcp dport {with_port} drop; }}; }}'")
        refused(errno.EINPROGRESS, sock.connect, server.getsockname())
        sock.close()
        os.system("nft delete table ip lost")
    server.settimeout(2)
    try:
        server.accept()
    except socket.timeout:
        return
    raise AssertionError("a connection")


def shutdown_while_connecting():
    server = listener()
    sock = sender()
    sock.setblocking(False)
    os.system(f"nft 'table ip lost {{ chain out {{ type filter hook output priority 0; "
              f"tcp dport {server.getsockname()[1]} drop; }}; }}'")
    try:
        refused(errno.EINPROGRESS, sock.connect, server.getsockname())
        sock.shutdown(socket.SHUT_WR)
    finally:
        os.system("nft delete table ip lost")
    refused(errno.ECONNRESET, sock.send, b"data")
    refused(errno.EPIPE, sock.send, b"data")
    sock.setblocking(True)
    sock.connect(server.getsockname())
    sock.sendall(b"data")
    gets(accept(server), b"data")


def killed_by_ss():
    sock, got = pair()
    gets(got)
    os.system(f"ss -K 'dport = :{got.getsockname()[1]}' >/dev/null")
    refused(errno.ECONNABORTED, sock.recv, 1)


def self_connect():
    """A socket that connects to itself opens both ends at once: it gets its own header."""
    sock = sender()
    sock.bind(("127.0.0.1", 0))
    sock.connect(sock.getsockname())
    sock.sendall(b"data")
    gets(sock, b"data")


# ---- descriptors


def duplicated_and_passed():
    server = listener()
    sock = sender()
    again = sock.dup()
    sock.close()
    again.connect(server.getsockname())
    got = accept(server)
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [again.fileno()]))])
    again.close()
    _, ancillary, _, _ = right.recvmsg(1, 100)
    passed = socket.socket(fileno=array.array("i", ancillary[0][2])[0])
    passed.sendall(b"data")
    gets(got, b"data")


def connected_by_a_child():
    server = listener()
    sock = sender()
    pid = os.fork()
    if not pid:
        sock.connect(server.getsockname())
        sock.sendall(b"child")
        os._exit(0)
    got = accept(server)
    expect(os.waitpid(pid, 0)[1], 0)
    sock.sendall(b"parent")
    gets(got, b"childparent")


def many_threads():
    """Threads write while the connection comes to be: one header, before all of them."""
    for _ in range(20):
        server = listener()
        sock = sender()
        sock.setblocking(False)
        try:
            sock.connect(server.getsockname())
        except BlockingIOError:
            pass
        sock.setblocking(True)
        threads = [threading.Thread(target=sock.send, args=(bytes([65 + n]) * 10,)) for n in range(5)]
        for thread in threads:
            thread.start()
        got = accept(server)
        gets(got)
        expect(sorted(exactly(got, 50)), sorted(b"ABCDE" * 10))
        for thread in threads:
            thread.join()


def both_ways_hashed():
    server = listener()
    sock, got = pair(server)
    data = os.urandom(3000000)
    digest = hashlib.sha256(data).digest()
    seen = []

    def echo():
        gets(got)
        body = exactly(got, len(data))
        seen.append(hashlib.sha256(body).digest())
        got.sendall(body)

    thread = threading.Thread(target=echo)
    thread.start()
    sock.sendall(data)
    back = exactly(sock, len(data))
    thread.join()
    expect(seen, [digest])
    expect(hashlib.sha256(back).digest(), digest)


def ulp_is_asked():
    """getsockopt(TCP_ULP) in one thread, while sockets come and go in another."""
    server = listener()
    stop, holder = [], [sender()]

    def ask():
        while not stop:
            try:
                holder[0].getsockopt(socket.IPPROTO_TCP, TCP_ULP, 16)
            except OSError:
                pass
            time.sleep(0.0005)

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(50):
        sock, got = pair(server)
        holder[0] = sock
        gets(got)
        sock.close()
        got.close()
    stop.append(True)
    thread.join()


CASES = {key: value for key, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == "__main__" and
         not isinstance(value, type) and value.__code__.co_argcount == 0}


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print("\n".join(CASES))
    elif sys.argv[1:] == ["ulp"]:
        held = socket.socket()
        add_ulp(held)
        print(held.getsockopt(socket.IPPROTO_TCP, TCP_ULP, 16).rstrip(b"\0").decode())
    elif sys.argv[1:] == ["hold"]:
        held = sender()
        print("ready", flush=True)
        time.sleep(1000)
    else:
        CASES[sys.argv[1]]()
