#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Has each allocation of the kernel fail in its turn, where no program asks:

  fail_nth.py load FILE   while this module is loaded; it ends up unloaded
  fail_nth.py netns       the last ones of a new network namespace, where the
                          module that was loaded last makes its own of it

Takes a kernel with CONFIG_FAULT_INJECTION, and root. Whatever does not fail for
want of memory, or fails without a reason, is an error.
"""
import ctypes
import errno
import os
import sys

CLONE_NEWNET = 0x40000000
FINIT_MODULE, DELETE_MODULE = 313, 176
MODULE = b'proxyproto'
MOST = 5000

libc = ctypes.CDLL(None, use_errno=True)


def call(nth, function, *args):
    """Return: errno of the call, and how many allocations were left to count"""
    fd = os.open('/proc/thread-self/fail-nth', os.O_RDWR)
    os.write(fd, b'%d' % nth)
    error = ctypes.get_errno() if function(*args) else 0
    left = int(os.pread(fd, 16, 0).strip(b'\0\n'))
    os.pwrite(fd, b'0', 0)
    os.close(fd)
    return error, left


def judge(what, nth, error, left):
    """Return: whether there was such an allocation"""
    if error not in (0, errno.ENOMEM, errno.ENOBUFS) or error and left:
        sys.exit(f'{what}, allocation {nth}: {os.strerror(error)}')
    return not left


def load(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    for nth in range(1, MOST):
        error, left = call(nth, libc.syscall, FINIT_MODULE, fd, b'', 0)
        if not error and libc.syscall(DELETE_MODULE, MODULE, 0):
            sys.exit(f'unload: {os.strerror(ctypes.get_errno())}')
        if not judge('load', nth, error, left):
            return nth - 1
    sys.exit('load: no end')


def netns(last=40):
    if call(MOST, libc.unshare, CLONE_NEWNET)[0]:
        sys.exit('no namespace')
    count = MOST - call(MOST, libc.unshare, CLONE_NEWNET)[1]
    for nth in range(count - last, count + 1):
        judge('namespace', nth, *call(nth, libc.unshare, CLONE_NEWNET))
    return last


done = netns() if sys.argv[1] == 'netns' else load(sys.argv[2])
print(f'{done} allocations failed')
