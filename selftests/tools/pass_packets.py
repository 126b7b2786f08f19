#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""An eBPF program that lets every packet pass.

Usage: pass_packets.py tc|xdp FILE    pins it to FILE, which has to be on a bpf file system
       pass_packets.py tcx INDEX      attaches it to the ingress of a device (Linux 6.6)
       pass_packets.py no-tcx INDEX   takes the last one off again
"""
import ctypes
import struct
import sys

from assign_socket import OBJ_PIN, PROG_LOAD, SCHED_CLS, address_of, bpf, insn, mov_imm

PROG_ATTACH, PROG_DETACH = 8, 9
XDP = 6
TCX_INGRESS = 46
TC_ACT_OK, XDP_PASS = 0, 2


def load(xdp):
    code = mov_imm(0, XDP_PASS if xdp else TC_ACT_OK) + insn(0x95)
    insns = ctypes.create_string_buffer(code, len(code))
    gpl = ctypes.create_string_buffer(b"GPL")
    return bpf(PROG_LOAD, struct.pack("<IIQQ", XDP if xdp else SCHED_CLS, len(code) // 8,
                                      address_of(insns), address_of(gpl)))


def main():
    kind, where = sys.argv[1:]
    if kind == "no-tcx":
        bpf(PROG_DETACH, struct.pack("<III", int(where), 0, TCX_INGRESS))
        return
    program = load(kind == "xdp")
    if kind == "tcx":
        bpf(PROG_ATTACH, struct.pack("<III", int(where), program, TCX_INGRESS))
        return
    path = ctypes.create_string_buffer(where.encode())
    bpf(OBJ_PIN, struct.pack("<QI", address_of(path), program))


if __name__ == "__main__":
    main()
