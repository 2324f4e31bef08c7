"""What Linux lets a confined child do: reckon, and read and write what it already holds. Set once, never taken back.

Two locks of the kernel, neither of which needs rights. The filter of system calls (seccomp(2), kernel 4.14) is an
allow-list: memory, clocks, threads of its own, reading and writing on open descriptors. Everything else is refused
with EPERM; what only an attack asks for ends the process. Landlock (landlock(7), kernel 5.13) refuses to open, make or
remove files and to read the memory of others, from 6.7 TCP, from 6.12 signals; it holds where a container forbids the
filter, and refuses no process of one's own.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NamedTuple


class Lock(StrEnum):
    """A lock of the kernel that stands."""

    FILTER = "filter"
    LANDLOCK = "landlock"


class Numbers(NamedTuple):
    """A system call's number by machine; None where that machine has no such call."""

    x86_64: int | None
    aarch64: int | None


@dataclass(frozen=True, slots=True)
class Machine:
    """How the kernel names a machine (`AUDIT_ARCH_*`), and the numbers of its two calls that set locks."""

    arch: int
    seccomp: int
    column: int


MACHINES = {"x86_64": Machine(0xC000003E, 317, 0), "aarch64": Machine(0xC00000B7, 277, 1)}

ALLOWED = {
    "read": Numbers(0, 63),
    "write": Numbers(1, 64),
    "readv": Numbers(19, 65),
    "writev": Numbers(20, 66),
    "pread64": Numbers(17, 67),
    "lseek": Numbers(8, 62),
    "fstat": Numbers(5, 80),
    "close": Numbers(3, 57),
    "mmap": Numbers(9, 222),
    "munmap": Numbers(11, 215),
    "mremap": Numbers(25, 216),
    "mprotect": Numbers(10, 226),
    "madvise": Numbers(28, 233),
    "brk": Numbers(12, 214),
    "futex": Numbers(202, 98),
    "set_robust_list": Numbers(273, 99),
    "rseq": Numbers(334, 293),
    "sched_yield": Numbers(24, 124),
    "sched_getaffinity": Numbers(204, 123),
    "getcpu": Numbers(309, 168),
    "getpid": Numbers(39, 172),
    "gettid": Numbers(186, 178),
    "getrusage": Numbers(98, 165),
    "times": Numbers(100, 153),
    "time": Numbers(201, None),
    "gettimeofday": Numbers(96, 169),
    "clock_gettime": Numbers(228, 113),
    "clock_getres": Numbers(229, 114),
    "clock_nanosleep": Numbers(230, 115),
    "nanosleep": Numbers(35, 101),
    "restart_syscall": Numbers(219, 128),
    "rt_sigaction": Numbers(13, 134),
    "rt_sigprocmask": Numbers(14, 135),
    "rt_sigreturn": Numbers(15, 139),
    "sigaltstack": Numbers(131, 132),
    "getrandom": Numbers(318, 278),
    "exit": Numbers(60, 93),
    "exit_group": Numbers(231, 94),
}
"""What reading needs. None of these takes a path, an address of the network or another process."""

DEADLY = {
    "execve": Numbers(59, 221),
    "execveat": Numbers(322, 281),
    "ptrace": Numbers(101, 117),
    "process_vm_readv": Numbers(310, 270),
    "process_vm_writev": Numbers(311, 271),
    "pidfd_getfd": Numbers(438, 438),
}
"""No reader ever asks for these: who does has taken it over."""

PARTLY = {"clone": Numbers(56, 220), "clone3": Numbers(435, 435), "prlimit64": Numbers(302, 261)}
"""Allowed for some arguments alone."""

# Flags of pthread_create: of glibc, and of musl, which adds CLONE_DETACHED. Nothing but a thread of this process.
_THREAD_FLAGS = (0x3D0F00, 0x7D0F00)
_RLIMIT_CPU = 0
_EPERM, _ENOSYS = 1, 38

# <linux/seccomp.h>, <linux/bpf_common.h>, <linux/prctl.h>, <linux/landlock.h>
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_AT_NUMBER, _AT_ARCH, _AT_ARGUMENTS = 0, 4, 16
_SET_MODE_FILTER, _GET_ACTION_AVAIL, _ALL_THREADS = 1, 2, 1
_X32 = 0x40000000
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_LANDLOCK_FILES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many of the rights to files a version knows."""

_Step = tuple[int, int, int, int]


def machine() -> Machine | None:
    """This machine, if it is one whose system calls are known here; None also where this is no 64-bit Linux."""
    if sys.platform != "linux" or sys.maxsize < 1 << 32:
        return None
    return MACHINES.get(platform.machine())


def program(of: Machine) -> bytes:
    """The filter: instructions of classic BPF over `struct seccomp_data`."""
    kill, refuse = _answer(_KILL), _answer(_ERRNO | _EPERM)
    # A call made through another table of numbers (32 bits, x32) means something else by the same number.
    steps: list[_Step] = [(_LOAD, 0, 0, _AT_ARCH), (_EQUAL, 1, 0, of.arch), kill, (_LOAD, 0, 0, _AT_NUMBER)]
    if of.column == 0:
        steps += [(_AT_LEAST, 0, 1, _X32), kill]
    for number in _of(of, ALLOWED.values()):
        steps += _where(number, [_answer(_ALLOW)])
    for number in _of(of, DEADLY.values()):
        steps += _where(number, [kill])
    clone, clone3, prlimit = _of(of, PARTLY.values())
    threads = [step for flags in _THREAD_FLAGS for step in _where(flags, [_answer(_ALLOW)])]
    steps += _where(clone, [_argument(0), *threads, refuse])
    # Its flags lie behind a pointer, which a filter cannot follow; told that it is unknown, libc takes `clone`.
    steps += _where(clone3, [_answer(_ERRNO | _ENOSYS)])
    own_time = _where(_RLIMIT_CPU, [_answer(_ALLOW)])
    steps += _where(prlimit, [_argument(0), *_where(0, [_argument(1), *own_time, refuse]), refuse])
    return b"".join(struct.pack("=HBBI", *step) for step in [*steps, refuse])


def _of(of: Machine, numbers: Iterable[Numbers]) -> list[int]:
    return [number for one in numbers if (number := one[of.column]) is not None]


def _answer(value: int) -> _Step:
    return (_RETURN, 0, 0, value)


def _argument(index: int) -> _Step:
    """Load the lower half of an argument: these calls look at no more of it."""
    return (_LOAD, 0, 0, _AT_ARGUMENTS + 8 * index)


def _where(value: int, steps: Sequence[_Step]) -> list[_Step]:
    """Steps that are taken where what was loaded is `value`, else passed over."""
    return [(_EQUAL, 0, len(steps), value), *steps]


def lock_files() -> frozenset[Lock]:
    """Set Landlock where it is had, on this thread and those it starts; needs a free descriptor meanwhile."""
    return frozenset({Lock.LANDLOCK} if _landlock() else ())


def lock_calls() -> frozenset[Lock]:
    """Set the filter where it is had, on this process and all its threads. Nothing can be opened or loaded after it.

    No other process of its user can look into this one any more.
    """
    undumpable()
    return frozenset({Lock.FILTER} if _filter() else ())


def offered() -> frozenset[Lock]:
    """Which locks would stand here if they were set; sets nothing."""
    found, here = set(), machine()
    if here is not None:
        action = ctypes.c_uint32(_KILL)
        if _call("syscall", here.seccomp, _GET_ACTION_AVAIL, 0, ctypes.addressof(action)) == 0:
            found.add(Lock.FILTER)
        if _landlock_version() > 0:
            found.add(Lock.LANDLOCK)
    return frozenset(found)


def undumpable() -> bool:
    """Keep this process's memory and environment from others of its user (not from root); whether that is so now.

    It leaves no core files either, and no debugger of that user attaches. A program that it starts is dumpable again.
    """
    return sys.platform == "linux" and _call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0) == 0


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *words: int) -> int:
    """Call a function of libc whose arguments are all machine words."""
    function = _libc()[name]
    function.restype = ctypes.c_long
    return int(function(*map(ctypes.c_long, words)))


def _without_new_rights() -> bool:
    """What both locks ask of a process without rights: programs that it starts gain none. Whether that is so."""
    return _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0


def _filter() -> bool:
    here = machine()
    if here is None or not _without_new_rights():
        return False
    code = program(here)
    held = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(held)))
    return _call("syscall", here.seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.addressof(header)) == 0


def _landlock_version() -> int:
    return _call("syscall", _LANDLOCK_CREATE, 0, 0, 1) if machine() is not None else 0


def _landlock() -> bool:
    version = _landlock_version()
    if version < 1 or not _without_new_rights():
        return False
    files = (1 << _LANDLOCK_FILES.get(version, 16)) - 1
    rules = struct.pack("=QQQ", files, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    held = ctypes.create_string_buffer(rules, len(rules))
    made = _call("syscall", _LANDLOCK_CREATE, ctypes.addressof(held), len(rules), 0)
    if made < 0:
        return False
    try:
        return _call("syscall", _LANDLOCK_RESTRICT, made, 0) == 0
    finally:
        os.close(made)
