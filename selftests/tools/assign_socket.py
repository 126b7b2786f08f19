#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""An eBPF program for tc ingress that gives packets to a listener, by bpf_sk_assign().

Usage: assign_socket.py PORT ADDRESS LISTENER FILE

TCP packets over IPv4 to PORT are assigned to the socket that listens on ADDRESS, port LISTENER. The
program is pinned to FILE, which has to be on a bpf file system.
"""
import ctypes
import ctypes.util
import os
import socket
import struct
import sys

SYS_BPF = 321 if os.uname().machine == "x86_64" else 280
PROG_LOAD, OBJ_PIN = 5, 6
SCHED_CLS = 3
SK_LOOKUP_TCP, SK_RELEASE, SK_ASSIGN = 84, 86, 124
# Offsets in an Ethernet frame
ETHERTYPE, PROTOCOL, DPORT = 12, 23, 36


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBhi", code, dst | src << 4, off, imm)


def mov_imm(dst, imm):
    return insn(0xb7, dst, imm=imm)


def mov(dst, src):
    return insn(0xbf, dst, src)


def call(helper):
    return insn(0x85, imm=helper)


def signed(data):
    return struct.unpack("<i", data)[0]


def program(port, address, listener):
    """Registers: 6 the packet, 7 the socket. Each test jumps to the last two instructions."""
    target = socket.inet_aton(address)
    steps = [
        mov(6, 1),
        insn(0x28, imm=ETHERTYPE), ("unless", socket.ntohs(socket.htons(0x0800))),
        insn(0x30, imm=PROTOCOL), ("unless", socket.IPPROTO_TCP),
        insn(0x28, imm=DPORT), ("unless", port),
        # struct bpf_sock_tuple: no source, this destination
        insn(0x62, 10, off=-12, imm=0),
        insn(0x62, 10, off=-8, imm=signed(target)),
        insn(0x62, 10, off=-4, imm=signed(b"\0\0" + struct.pack(">H", listener))),
        mov(1, 6), mov(2, 10), insn(0x07, 2, imm=-12), mov_imm(3, 12), mov_imm(4, -1),
        mov_imm(5, 0), call(SK_LOOKUP_TCP), ("if", 0),
        mov(7, 0), mov(1, 6), mov(2, 7), mov_imm(3, 0), call(SK_ASSIGN),
        mov(1, 7), call(SK_RELEASE),
    ]
    code = b""
    for i, step in enumerate(steps):
        if isinstance(step, tuple):
            kind, value = step
            step = insn(0x15 if kind == "if" else 0x55, off=len(steps) - i - 1, imm=value)
        code += step
    return code + mov_imm(0, 0) + insn(0x95)


def bpf(command, attributes):
    libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)
    buffer = ctypes.create_string_buffer(attributes.ljust(120, b"\0"), 120)
    result = libc.syscall(SYS_BPF, command, buffer, 120)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def address_of(buffer):
    return ctypes.cast(buffer, ctypes.c_void_p).value


def main():
    port, listener = int(sys.argv[1]), int(sys.argv[3])
    code = program(port, sys.argv[2], listener)
    insns = ctypes.create_string_buffer(code, len(code))
    gpl = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(65536)
    load = struct.pack("<IIQQIIQ", SCHED_CLS, len(code) // 8, address_of(insns), address_of(gpl),
                       1, len(log), address_of(log))
    try:
        program_fd = bpf(PROG_LOAD, load)
    except OSError as error:
        sys.exit(f"assign_socket.py: {error}\n{log.value.decode()}")
    path = ctypes.create_string_buffer(sys.argv[4].encode())
    bpf(OBJ_PIN, struct.pack("<QI", address_of(path), program_fd))


if __name__ == "__main__":
    main()
