#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What programs do with listeners that have the ULP, and with their accepted sockets.

Server and client are this program, in one network namespace with a loopback device.

Usage: ulp_cases.py CASE     runs the case, one of those below; --list prints them
"""
import array
import ctypes
import errno
import mmap
import os
import select
import socket
import struct
import sys
import threading
import time

TCP_ULP = 31
SOL_TLS = 282
PP_SO_HEADER, PP_SO_ORIGINAL_DST, PP_SO_ATTACH, PP_SO_DETACH = 0x5050, 0x5051, 0x5052, 0x5053
REQUIRED, OPTIONAL = 0, 1
CLIENT, CLIENT_PORT = "192.0.2.77", 4711
ASKED, ASKED_PORT = "198.51.100.5", 443
libc = ctypes.CDLL(None, use_errno=True)


def header(client=CLIENT, port=CLIENT_PORT, tlvs=b""):
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    asked = "2001:db8:5::5" if family == socket.AF_INET6 else ASKED
    body = (socket.inet_pton(family, client) + socket.inet_pton(family, asked) +
            struct.pack("!HH", port, ASKED_PORT) + tlvs)
    return (b"\r\n\r\n\0\r\nQUIT\n" +
            struct.pack("!BBH", 0x21, 0x21 if family == socket.AF_INET6 else 0x11, len(body)) + body)


def policy(sources=(("127.0.0.0", 8), ("::1", 128)), need=REQUIRED, timeout=60):
    value = struct.pack("=IIII", need, timeout, len(sources), 0)
    for address, length in sources:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        value += struct.pack("=BBH16s", family, length, 0, socket.inet_pton(family, address))
    return value


def attach(sock, **options):
    sock.setsockopt(socket.SOL_IP, PP_SO_ATTACH, policy(**options))


def detach(sock):
    sock.setsockopt(socket.SOL_IP, PP_SO_DETACH, b"")


def listener(address="127.0.0.1", attached=True, **options):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind((address, 0))
    sock.listen(64)
    sock.settimeout(20)
    if attached:
        attach(sock, **options)
    return sock


def connect(server, data, address=None):
    host, port = server.getsockname()[:2]
    sock = socket.create_connection((address or host, port), 20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(data)
    return sock


def pair(server=None, data=b"hello", **options):
    """A connection: the client's socket, and the accepted one, which shows the client."""
    server = server or listener()
    client = connect(server, header(**options) + data)
    accepted, peer = server.accept()
    expect(peer[:2], (options.get("client", CLIENT), CLIENT_PORT))
    expect(accepted.recv(len(data), socket.MSG_WAITALL), data)
    accepted.settimeout(20)
    return client, accepted


def expect(is_value, want):
    if is_value != want:
        raise AssertionError(f"{is_value!r}, not {want!r}")


def shows_client(sock):
    expect(sock.getpeername()[:2], (CLIENT, CLIENT_PORT))


def refused(code, call, *args, **options):
    try:
        call(*args, **options)
    except OSError as error:
        expect(errno.errorcode[error.errno], errno.errorcode[code])
    else:
        raise AssertionError(f"not refused with {errno.errorcode[code]}")


def works_without(server):
    """A listener that was not attached after all."""
    client = connect(server, b"plain")
    accepted, peer = server.accept()
    expect(peer[:2], client.getsockname()[:2])
    expect(accepted.recv(5), b"plain")


# ---- attach


def attach_twice():
    server = listener()
    refused(errno.EALREADY, attach, server)
    refused(errno.EEXIST, server.setsockopt, socket.IPPROTO_TCP, TCP_ULP, b"proxyproto")
    pair(server)


def attach_again_after_detach():
    server = listener()
    pair(server)
    detach(server)
    refused(errno.ENOENT, detach, server)
    works_without(server)
    attach(server)
    pair(server)


def attach_before_listen():
    sock = socket.socket()
    attach(sock)
    sock.bind(("127.0.0.1", 0))
    sock.listen(5)
    sock.settimeout(20)
    pair(sock)


def attach_connected():
    client, accepted = pair()
    for sock in (client, accepted):
        refused(errno.ENOTCONN, attach, sock)
        refused(errno.ENOTCONN, sock.setsockopt, socket.IPPROTO_TCP, TCP_ULP, b"proxyproto")
    shows_client(accepted)


def attach_wrong_values():
    server = listener(attached=False)
    good = policy()
    for bad in (b"", good[:-1], good + b"\0", policy(need=2), policy(timeout=2), policy(timeout=3601),
                policy(sources=(("127.0.0.0", 33),)), policy(sources=(("::1", 129),)),
                struct.pack("=IIII", 0, 60, 0, 0), struct.pack("=IIII", 0, 0, 0, 1),
                good[:12] + struct.pack("=I", 9) + good[16:], good[:12] + bytes([255] * 4) + good[16:],
                struct.pack("=IIII", 0, 60, 65, 0) + 65 * good[16:36],
                struct.pack("=IIII", 0, 60, 2**31, 0), good[:16] + b"\7" + good[17:],
                good[:18] + b"\1" + good[19:]):
        refused(errno.EINVAL, server.setsockopt, socket.SOL_IP, PP_SO_ATTACH, bad)
    works_without(server)
    attach(server)
    pair(server)


def attach_other_sockets():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    refused(errno.EOPNOTSUPP, attach, udp)
    try:
        mptcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    except OSError:
        return
    refused(errno.ENOPROTOOPT, attach, mptcp)
    refused(errno.ENOPROTOOPT, mptcp.setsockopt, socket.IPPROTO_TCP, TCP_ULP, b"proxyproto")


def attach_without_privilege():
    server = listener(attached=False)
    os.setuid(65534)
    refused(errno.EPERM, attach, server)
    refused(errno.EPERM, attach, server, sources=(), timeout=0)
    refused(errno.EPERM, server.setsockopt, socket.IPPROTO_TCP, TCP_ULP, b"proxyproto")
    works_without(server)


def attach_abort_on_overflow():
    path = "/proc/sys/net/ipv4/tcp_abort_on_overflow"
    server = listener(attached=False)
    with open(path, "w", encoding="ascii") as file:
        file.write("1")
    try:
        refused(errno.EBUSY, attach, server)
        works_without(server)
    finally:
        with open(path, "w", encoding="ascii") as file:
            file.write("0")


def bpf_sockmap():
    attr = struct.pack("=IIIII", 15, 4, 4, 4, 0) + bytes(100)  # BPF_MAP_TYPE_SOCKMAP
    fd = libc.syscall(321, 0, attr, len(attr))
    if fd < 0:
        raise OSError(ctypes.get_errno(), "BPF_MAP_CREATE")
    return fd


def sockmap_add(bpf, sock, index):
    key, value = ctypes.c_uint32(index), ctypes.c_uint32(sock.fileno())
    attr = struct.pack("=IIQQQ", bpf, 0, ctypes.addressof(key), ctypes.addressof(value), 0)
    if libc.syscall(321, 2, attr, len(attr)):  # BPF_MAP_UPDATE_ELEM
        raise OSError(ctypes.get_errno(), "BPF_MAP_UPDATE_ELEM")


def sockmap():
    bpf = bpf_sockmap()
    server = listener()
    refused(errno.EINVAL, sockmap_add, bpf, server, 0)
    client, accepted = pair(server)
    sockmap_add(bpf, accepted, 1)
    shows_client(accepted)
    accepted.sendall(b"answer")
    expect(client.recv(6), b"answer")
    taken = listener(attached=False)
    sockmap_add(bpf, taken, 2)
    refused(errno.EOPNOTSUPP, attach, taken)
    works_without(taken)
    os.close(bpf)
    # Any other socket is as before
    works_without(listener(attached=False))


# ---- accepted sockets


def tls_info(seed):
    return struct.pack("=HH8s16s4s8s", 0x0303, 51, seed * 8, seed * 16, seed * 4, bytes(8))


def has_kernel_tls():
    return os.path.exists("/proc/net/tls_stat")


def start_tls(sock, send, receive, check=lambda: None):
    sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
    check()
    sock.setsockopt(SOL_TLS, 1, tls_info(send))
    check()
    sock.setsockopt(SOL_TLS, 2, tls_info(receive))
    check()


def tls_works(client, accepted):
    accepted.sendall(b"from the server")
    expect(client.recv(100), b"from the server")
    client.sendall(b"from the client")
    expect(accepted.recv(100), b"from the client")


def kernel_tls():
    for address in ("127.0.0.1", "::1"):
        server = listener(address)
        name = "2001:db8::77" if ":" in address else CLIENT
        client, accepted = pair(server, client=name)

        def shows(sock=accepted, name=name):
            expect(sock.getpeername()[:2], (name, CLIENT_PORT))

        start_tls(accepted, b"s", b"c", shows)
        start_tls(client, b"c", b"s")
        tls_works(client, accepted)
        shows()
        refused(errno.EEXIST, accepted.setsockopt, socket.IPPROTO_TCP, TCP_ULP, b"tls")
        shows()
        expect(client.getpeername()[:2], server.getsockname()[:2])
        # A socket that has nothing to do with us
        plain = listener(address, attached=False)
        other = connect(plain, b"x")
        got, peer = plain.accept()
        got.recv(1)
        start_tls(got, b"s", b"c")
        start_tls(other, b"c", b"s")
        tls_works(other, got)
        expect(got.getpeername()[:2], other.getsockname()[:2])
        expect(peer[:2], other.getsockname()[:2])
    refused(errno.EEXIST, server.setsockopt, socket.IPPROTO_TCP, TCP_ULP, b"tls")
    pair(server, client="2001:db8::77")


def descriptor_passing():
    client, accepted = pair()
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [accepted.fileno()]))])
    accepted.close()
    _, ancillary, _, _ = right.recvmsg(1, 100)
    fd = array.array("i", ancillary[0][2])[0]
    passed = socket.socket(fileno=fd)
    shows_client(passed)
    passed.sendall(b"answer")
    expect(client.recv(6), b"answer")


def options_of_the_header():
    for name in (CLIENT, "2001:db8::77"):
        server = listener("::1")
        bytes_ = header(client=name, tlvs=b"\xe0\x00\x03abc")
        client = connect(server, bytes_)
        accepted, peer = server.accept()
        expect(peer[0], "::ffff:" + name if "." in name else name)
        expect(accepted.getsockopt(socket.IPPROTO_IPV6, PP_SO_HEADER, 1000), bytes_)
        dst = accepted.getsockopt(socket.IPPROTO_IPV6, PP_SO_ORIGINAL_DST, 128)
        expect(struct.unpack("!H", dst[2:4])[0], ASKED_PORT)
        client.close()
    refused(errno.ENOENT, server.getsockopt, socket.IPPROTO_IPV6, PP_SO_HEADER, 1000)


def peek_and_splice():
    server = listener()
    client = connect(server, header() + b"0123456789")
    accepted, _ = server.accept()
    expect(accepted.recv(4, socket.MSG_PEEK), b"0123")
    receive, send = os.pipe()
    moved = libc.splice(accepted.fileno(), None, send, None, 10, 0)
    expect(moved, 10)
    expect(os.read(receive, 10), b"0123456789")
    with open("/proc/self/exe", "rb") as file:
        os.sendfile(accepted.fileno(), file.fileno(), 0, 1000)
        expect(client.recv(1000, socket.MSG_WAITALL), file.read(1000))
    shows_client(accepted)


def zero_copy():
    server = listener()
    client, accepted = pair(server)
    accepted.setsockopt(socket.SOL_SOCKET, 60, 1)  # SO_ZEROCOPY
    accepted.send(b"z" * 50000, 0x4000000)  # MSG_ZEROCOPY
    expect(client.recv(50000, socket.MSG_WAITALL), b"z" * 50000)
    shows_client(accepted)


def epoll_is_right():
    server = listener()
    poll = select.epoll()
    poll.register(server.fileno(), select.EPOLLIN)
    data = header()
    client = connect(server, data[:10])
    expect(poll.poll(1), [])
    client.sendall(data[10:])
    expect(len(poll.poll(5)), 1)
    accepted, _ = server.accept()
    shows_client(accepted)
    server.setblocking(False)
    refused(errno.EAGAIN, server.accept)


def uring_accept(server):
    """One IORING_OP_ACCEPT: the peer's address, and the socket."""
    params = ctypes.create_string_buffer(120)
    ring = libc.syscall(425, 4, params)
    if ring < 0:
        raise OSError(ctypes.get_errno(), "io_uring_setup")
    sq_tail, sq_array = struct.unpack_from("=4xI16xI", params, 40)
    cq_head, cq_cqes = struct.unpack_from("=I16xI", params, 80)
    rings = mmap.mmap(ring, 4096, offset=0)
    entries = mmap.mmap(ring, 4096, offset=0x10000000)
    address, length = ctypes.create_string_buffer(128), ctypes.c_uint32(128)
    entries[:64] = struct.pack("=BBHiQQIIQ", 13, 0, 0, server.fileno(),
                               ctypes.addressof(length), ctypes.addressof(address), 0, 0, 7) + bytes(24)
    rings[sq_array:sq_array + 4] = struct.pack("=I", 0)
    rings[sq_tail:sq_tail + 4] = struct.pack("=I", 1)
    expect(libc.syscall(426, ring, 1, 1, 1, None, 0), 1)
    user, result = struct.unpack_from("=Qi", rings, cq_cqes)
    expect((user, result >= 0, cq_head >= 0), (7, True, True))
    os.close(ring)
    port, host = struct.unpack_from("!2xH4s", address, 0)
    return socket.socket(fileno=result), (socket.inet_ntoa(host), port)


def io_uring():
    server = listener()
    server.setblocking(True)
    client = connect(server, header()[:5])
    timer = threading.Timer(0.5, client.sendall, (header()[5:] + b"data",))
    timer.start()
    accepted, peer = uring_accept(server)
    timer.join()
    expect(peer, (CLIENT, CLIENT_PORT))
    shows_client(accepted)
    expect(accepted.recv(4), b"data")


def killed_by_ss():
    client, accepted = pair()
    port = client.getsockname()[1]
    os.system(f"ss -K 'dport = :{port}' >/dev/null")
    refused(errno.ECONNABORTED, accepted.recv, 1)
    client.close()


def disconnect_and_reuse():
    client, accepted = pair()
    other = listener(attached=False)
    unspec = struct.pack("=H14s", socket.AF_UNSPEC, b"")
    expect(libc.connect(accepted.fileno(), unspec, len(unspec)), 0)
    refused(errno.ENOTCONN, accepted.getpeername)
    accepted.connect(other.getsockname())
    expect(accepted.getpeername(), other.getsockname())
    refused(errno.ENOENT, accepted.getsockopt, socket.SOL_IP, PP_SO_HEADER, 1000)
    got, _ = other.accept()
    if has_kernel_tls():
        start_tls(accepted, b"c", b"s")
        start_tls(got, b"s", b"c")
        tls_works(accepted, got)
    expect(accepted.getpeername(), other.getsockname())
    client.close()


def accepted_listens():
    _, accepted = pair()
    unspec = struct.pack("=H14s", socket.AF_UNSPEC, b"")
    libc.connect(accepted.fileno(), unspec, len(unspec))
    accepted.bind(("127.0.0.1", 0))
    refused(errno.EOPNOTSUPP, accepted.listen, 5)
    refused(errno.EOPNOTSUPP, attach, accepted)


def listener_listens_again():
    server = listener()
    pair(server)
    server.shutdown(socket.SHUT_RDWR)
    server.listen(5)
    pair(server)


def address_form():
    server = listener("::")
    client = connect(server, header() + b"x", "127.0.0.1")
    accepted, peer = server.accept()
    expect(peer[0], "::ffff:" + CLIENT)
    refused(errno.EBUSY, accepted.setsockopt, socket.IPPROTO_IPV6, 1, socket.AF_INET)
    expect(accepted.getpeername()[0], "::ffff:" + CLIENT)
    client.close()


def blocked_listener_stays_plain():
    """Without ppctl, a thread that waits in accept() hands out one connection as before."""
    server = listener(attached=False)
    server.settimeout(None)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(server.accept()[0].getpeername()))
    thread.start()
    time.sleep(0.5)
    attach(server)
    client = connect(server, header() + b"x")
    thread.join(20)
    expect(seen, [client.getsockname()])
    # What matters is that the next one is right
    server.settimeout(20)
    pair(server)


def ulp_is_asked():
    """getsockopt(TCP_ULP) in one thread, accepted sockets come and go in another."""
    server = listener()
    stop = []

    def ask():
        while not stop:
            expect(server.getsockopt(socket.IPPROTO_TCP, TCP_ULP, 16).rstrip(b"\0"), b"proxyproto")
            time.sleep(0.001)

    thread = threading.Thread(target=ask)
    thread.start()
    for _ in range(50):
        client, accepted = pair(server)
        expect(accepted.getsockopt(socket.IPPROTO_TCP, TCP_ULP, 16), b"")
        client.close()
        accepted.close()
    stop.append(True)
    thread.join()


def close_while_headers_wait():
    server = listener()
    waiting = [connect(server, header()[:n]) for n in range(0, 20)]
    server.close()
    for sock in waiting:
        try:
            sock.sendall(header())
            expect(sock.recv(1), b"")
        except ConnectionError:
            pass


def detach_while_headers_wait():
    server = listener()
    data = header()
    part, none = connect(server, data[:10]), connect(server, b"")
    time.sleep(0.2)
    detach(server)
    part.sendall(data[10:])
    refused(errno.ECONNRESET, part.recv, 1)
    none.sendall(b"plain")
    accepted, peer = server.accept()
    expect(peer, none.getsockname())
    expect(accepted.recv(5), b"plain")


def trust_ends_while_a_part_waits():
    server = listener()
    data = header()
    part = connect(server, data[:10])
    time.sleep(0.2)
    detach(server)
    attach(server, sources=(("192.0.2.0", 24),))
    part.sendall(data[10:])
    refused(errno.ECONNRESET, part.recv, 1)
    server.setblocking(False)
    refused(errno.EAGAIN, server.accept)


def backlog_overflow():
    server = listener()
    server.listen(1)
    clients = [connect(server, b"") for _ in range(8)]
    for n, client in enumerate(clients):
        client.sendall(header(port=1000 + n) + b"data")
    time.sleep(3)
    seen = set()
    for _ in clients:
        accepted, peer = server.accept()
        expect(peer[0], CLIENT)
        seen.add(peer[1])
        expect(accepted.recv(4, socket.MSG_WAITALL), b"data")
    expect(seen, set(range(1000, 1008)))


def fin_behind_the_header():
    server = listener()
    for data in (b"", b"data"):
        client = connect(server, header() + data)
        client.shutdown(socket.SHUT_WR)
        accepted, peer = server.accept()
        expect(peer, (CLIENT, CLIENT_PORT))
        expect(accepted.recv(100, socket.MSG_WAITALL), data)
        accepted.sendall(b"answer")
        accepted.close()
        expect(client.recv(100, socket.MSG_WAITALL), b"answer")


def untrusted_source():
    server = listener(sources=(("192.0.2.0", 24),))
    client = connect(server, header())
    accepted, peer = server.accept()
    expect(peer, client.getsockname())
    expect(accepted.recv(100), header())
    expect(accepted.getpeername(), client.getsockname())
    if has_kernel_tls():
        start_tls(accepted, b"s", b"c")
        expect(accepted.getpeername(), client.getsockname())


CASES = {name: value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == "__main__" and
         value.__code__.co_argcount == 0 and
         name not in ("bpf_sockmap", "has_kernel_tls")}


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print("\n".join(CASES))
    else:
        CASES[sys.argv[1]]()
