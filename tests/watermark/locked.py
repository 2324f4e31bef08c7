"""A confined child that does what a file that took it over would try; `tests.watermark.unlocked` is the same, unlocked.

The label names the attempt, the data is what the parent tells of itself as JSON. The answer is what came of it.
"""

import contextlib
import ctypes
import json
import os
import resource
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from watermark import confinement
from watermark.confinement import Limits

LIMITS = Limits(timeout_s=60.0, cpu_s=30, memory_bytes=1 << 30, answer_bytes=1 << 16, files=100)
SECRET = b"a key of the parent's"

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = {"x86_64": (257, 310, 0x40000000 | 39), "aarch64": (56, 270, 0)}
_OPENAT, _READ_VM, _X32 = _numbers.get(os.uname().machine, (0, 0, 0))


def _call(number: int, *words: int) -> int:
    done = _libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, words))
    if done < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(done)


def _open_after_close(told: dict[str, Any]) -> str:
    os.closerange(0, 1)
    return os.read(os.open(told["file"], os.O_RDONLY), 9).decode()


def _openat(told: dict[str, Any]) -> str:
    os.closerange(1, 2)
    name = ctypes.create_string_buffer(told["file"].encode())
    return os.read(_call(_OPENAT, -100, ctypes.addressof(name), os.O_RDONLY), 9).decode()


def _socket(_told: dict[str, Any]) -> str:
    os.closerange(2, 3)
    return socket.socket().family.name


def _fork(_told: dict[str, Any]) -> str:
    child = os.fork()
    if child == 0:
        os._exit(0)
    return str(os.waitpid(child, 0)[1])


def _vm(told: dict[str, Any]) -> str:
    held = ctypes.create_string_buffer(len(SECRET))
    here = (ctypes.c_uint64 * 2)(ctypes.addressof(held), len(SECRET))
    there = (ctypes.c_uint64 * 2)(told["secret"], len(SECRET))
    _call(_READ_VM, told["pid"], ctypes.addressof(here), 1, ctypes.addressof(there), 1, 0)
    return held.raw.decode()


def _environment(told: dict[str, Any]) -> str:
    os.closerange(0, 3)
    return str(len(Path(f"/proc/{told['pid']}/environ").read_bytes()))


def _execute(told: dict[str, Any]) -> str:
    os.closerange(0, 3)
    for held in range(3, 20):  # so that the parent, which sees its pipe closed else, lets the other program run
        with contextlib.suppress(OSError):
            os.set_inheritable(held, True)
    os.execv("/bin/sh", ["sh", "-c", 'rmdir "$0"', told["folder"]])


def _thread(_told: dict[str, Any]) -> str:
    found: list[str] = []
    one = threading.Thread(target=found.append, args=("ran",))
    one.start()
    one.join()
    return found[0]


TRIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "close and open": _open_after_close,
    "openat": _openat,
    "socket": _socket,
    "unlink": lambda told: Path(told["file"]).unlink(),
    "mkdir": lambda told: Path(told["folder"], "new").mkdir(),
    "chmod": lambda told: Path(told["file"]).chmod(0o777),
    "look": lambda told: Path(told["file"]).stat().st_size,
    "fork": _fork,
    "kill": lambda told: os.kill(told["pid"], 0),
    "environment": _environment,
    "more files": lambda _: resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)),
    "memory": _vm,
    "execute": _execute,
    "attach": lambda told: _libc.ptrace(16, ctypes.c_long(told["pid"]), None, None),
    "x32": lambda _: _call(_X32),
    "thread": _thread,
    "own environment": lambda _: sorted(os.environ),
}


def answer(data: bytes, label: bytes) -> bytes:
    """What came of an attempt: `[true, what it brought]`, or `[false, the error's number]`."""
    try:
        return json.dumps([True, TRIES[label.decode()](json.loads(data))]).encode()
    except OSError as error:
        return json.dumps([False, error.errno]).encode()


def serve() -> None:
    """The child."""
    confinement.serve(answer, lambda: None, LIMITS)
