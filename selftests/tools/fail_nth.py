#!/usr/bin/python3 -S
# SPDX-License-Identifier: GPL-2.0
"""Makes each allocation of the kernel fail in turn, where no program asks for it:

  fail_nth.py load FILE   the last ones while this module is loaded, which are
                          those of its own code; it is unloaded afterwards
  fail_nth.py netns       the last ones of a new network namespace, likewise

Needs a kernel with CONFIG_FAULT_INJECTION, and root. A call that does not fail for
lack of memory, or fails without a reason, is an error.
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
    """Return: errno of the call; how many allocations it would have taken to fail"""
    fd = os.open('/proc/thread-self/fail-nth', os.O_RDWR)
    os.write(fd, b'%d' % nth)
    error = ctypes.get_errno() if function(*args) else 0
    left = int(os.pread(fd, 16, 0).strip(b'\0\n'))
    os.pwrite(fd, b'0', 0)
    os.close(fd)
    return error, left


def judge(what, nth, error, left):
    if error not in (0, errno.ENOMEM, errno.ENOBUFS) or error and left:
        sys.exit(f'{what}, allocation {nth}: {os.strerror(error)}')


def each_of_the_last(what, last, function, *args, undo=None):
    """Return: how many allocations failed in their turn"""
    undo = undo or (lambda: None)
    error, left = call(MOST, function, *args)
    if error or not left:
        sys.exit(f'{what}: {os.strerror(error)}, {left} left of {MOST}')
    undo()
    count = MOST - left
    for nth in range(max(1, count - last + 1), count + 1):
        error, left = call(nth, function, *args)
        if not error:
            undo()
        judge(what, nth, error, left)
    return min(last, count)


def unload():
    if libc.syscall(DELETE_MODULE, MODULE, 0):
        sys.exit(f'unload: {os.strerror(ctypes.get_errno())}')


if sys.argv[1] == 'netns':
    done = each_of_the_last('namespace', 40, libc.unshare, CLONE_NEWNET)
else:
    file = os.open(sys.argv[2], os.O_RDONLY | os.O_CLOEXEC)
    done = each_of_the_last('load', 80, libc.syscall, FINIT_MODULE, file, b'', 0, undo=unload)
print(f'{done} allocations failed')
