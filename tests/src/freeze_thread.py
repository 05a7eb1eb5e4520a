"""Freezes a thread of a process while it runs compiled code of a component.

Arguments: the process, the thread's name, the folder of the compiled code. Prints the thread's number when it is frozen, and
lets it go when standard input ends. Passes over threads that are frozen already. Prints "none" if there is no such thread at
the moment, and "refused" if the system allows no tracing.
"""

import ctypes
import os
import sys

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
WAIT_ALL = 0x40000000
ESRCH = 3
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def is_in_code(process, thread, folder):
    words = read(f"/proc/{process}/task/{thread}/syscall").split()
    if not words or not words[-1].startswith("0x"):
        return False
    following = int(words[-1], 16)
    for line in read(f"/proc/{process}/maps").splitlines():
        first, last = (int(number, 16) for number in line.split()[0].split("-"))
        if folder in line and first <= following < last:
            return True
    return False


process, name, folder = sys.argv[1:]
for thread in os.listdir(f"/proc/{process}/task"):
    if read(f"/proc/{process}/task/{thread}/comm").strip() != name:
        continue
    if "TracerPid:\t0\n" not in read(f"/proc/{process}/task/{thread}/status"):
        continue
    if libc.ptrace(SEIZE, int(thread), None, None) != 0:
        if ctypes.get_errno() == ESRCH:
            continue
        print("refused", os.strerror(ctypes.get_errno()))
        sys.exit()
    libc.ptrace(INTERRUPT, int(thread), None, None)
    try:
        os.waitpid(int(thread), WAIT_ALL)
    except ChildProcessError:
        continue
    if is_in_code(process, thread, folder):
        print(thread, flush=True)
        sys.stdin.read()
        libc.ptrace(DETACH, int(thread), None, None)
        sys.exit()
    libc.ptrace(DETACH, int(thread), None, None)
print("none")
