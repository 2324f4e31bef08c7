"""What a file that took its reader over can do: nothing but answer. Holds for root and for ordinary users."""

import ctypes
import errno
import json
import logging
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watermark import locked
from watermark import confinement, locks
from watermark.confinement import Broken, Confined, ConfinedError
from watermark.locks import ALLOWED, DEADLY, MACHINES, PARTLY, Lock

needs_filter = pytest.mark.skipif(
    Lock.FILTER not in locks.offered(), reason="this system has or allows no filter of system calls"
)
needs_landlock = pytest.mark.skipif(Lock.LANDLOCK not in locks.offered(), reason="this kernel has no Landlock")
REFUSED = {"close and open", "openat", "socket", "unlink", "mkdir", "chmod", "look", "fork", "kill", "environment"}
REFUSED |= {"more files"}
ENDED = ("memory", "execute", "attach", *(["x32"] if os.uname().machine == "x86_64" else []))
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


@pytest.fixture
def told(tmp_path: Path) -> Iterator[bytes]:
    """What a child is told of its parent: where its memory and files are."""
    file, folder, secret = tmp_path / "file", tmp_path / "folder", ctypes.create_string_buffer(locked.SECRET)
    file.write_text("something")
    folder.mkdir()
    tmp_path.chmod(0o700)
    facts = {"pid": os.getpid(), "file": str(file), "folder": str(folder), "secret": ctypes.addressof(secret)}
    yield json.dumps(facts).encode()
    del secret


def _try(child: Confined, what: str, told: bytes) -> list[object]:
    return json.loads(child.ask(told, what.encode()))


@needs_filter
def test_a_reader_that_was_taken_over_is_refused_everything(told: bytes, tmp_path: Path) -> None:
    with Confined("tests.watermark.locked", locked.LIMITS) as child:
        assert {what: _try(child, what, told) for what in REFUSED} == {what: [False, errno.EPERM] for what in REFUSED}
        assert _try(child, "thread", told) == [True, "ran"], "libraries have threads of their own"
    assert (tmp_path / "file").read_text() == "something"
    assert list((tmp_path / "folder").iterdir()) == []


@needs_filter
@pytest.mark.parametrize("what", ENDED)
def test_what_no_reader_asks_for_ends_it_and_is_logged(
    told: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    with (
        caplog.at_level(logging.ERROR, "mydata.confinement"),
        Confined("tests.watermark.locked", locked.LIMITS) as child,
    ):
        with pytest.raises(ConfinedError) as ended:
            _try(child, what, told)
        assert ended.value.why is Broken.TOO_COMPLEX
        assert "reader was ended" in caplog.text
        assert _try(child, "thread", told) == [True, "ran"], "the next file has a new reader"
    assert (tmp_path / "folder").is_dir()


@needs_filter
def test_without_the_locks_the_same_attempts_succeed(
    told: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what is refused above is refused by the locks and by nothing else; and a log says they are not."""
    monkeypatch.setattr(confinement, "_said", confinement.threading.Event())
    with (
        caplog.at_level(logging.WARNING, "mydata.confinement"),
        Confined("tests.watermark.unlocked", locked.LIMITS) as child,
    ):
        # Its three lowest descriptors are what attempts make room with; afterwards there are no more to close.
        found = {what: _try(child, what, told)[0] for what in ("fork", "kill", "mkdir", "look", "more files")}
        found |= {what: _try(child, what, told)[0] for what in ("close and open", "openat", "socket", "unlink")}
        assert all(found.values()), found
        assert not (tmp_path / "file").exists()
        (tmp_path / "folder" / "new").rmdir()
        with pytest.raises(ConfinedError):
            _try(child, "execute", told)
        for _ in range(2):
            assert _try(child, "thread", told) == [True, "ran"]
    assert not (tmp_path / "folder").exists(), "another program ran"
    assert caplog.text.count("without a filter") == 1


@needs_landlock
def test_landlock_alone_keeps_files_and_the_parents_memory(told: bytes, tmp_path: Path) -> None:
    """What is left where a container forbids the filter."""
    code = (
        f"import os, sys; sys.path[:] = {sys.path!r}\n"
        "answers = os.dup(2)\n"
        "from tests.watermark.locked import TRIES, answer\nfrom watermark import locks\n"
        "locks.lock_files()\n"
        "for what in ('close and open', 'unlink', 'mkdir', 'environment', 'memory'):\n"
        "    os.write(answers, answer(sys.argv[1].encode(), what.encode()))\n"
    )
    line = [sys.executable, "-I", "-c", code, told.decode()]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, env={})
    answers = re.findall(r"\[(\w+), (\d+)\]", done.stderr.decode())
    assert [said for said, _ in answers] == ["false"] * 5, done.stderr
    assert (tmp_path / "file").exists()


def test_the_numbers_are_the_kernels() -> None:
    headers = {
        "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        "aarch64": Path("/usr/include/asm-generic/unistd.h"),
    }
    if not all(path.is_file() for path in headers.values()):
        pytest.skip("the kernel's headers are not installed here")
    for name, path in headers.items():
        known = dict(re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)\n", path.read_text()))
        ours = {**ALLOWED, **DEADLY, **PARTLY}
        assert {call: str(number) for call, one in ours.items() if (number := getattr(one, name)) is not None} == {
            call: known[call] for call in ours if call in known
        }
        assert str(MACHINES[name].seccomp) == known["seccomp"]


def _run(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """What the filter says: the four instructions of classic BPF that it is made of."""
    words = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data, loaded, at = struct.pack("=iIQ6Q", number, arch, 0, *words), 0, 0
    steps = list(struct.iter_unpack("=HBBI", program))
    while True:
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            (loaded,) = struct.unpack_from("=I", data, value)
        else:
            at += yes if (loaded >= value if code == 0x35 else loaded == value) else no


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_the_filter_of_each_machine(name: str) -> None:
    machine = MACHINES[name]
    program, arch = locks.program(machine), machine.arch
    assert arch == AUDIT[name]
    number = {call: getattr(one, name) for call, one in {**ALLOWED, **DEADLY, **PARTLY}.items()}
    allow, refuse, kill, unknown = 0x7FFF0000, 0x00050001, 0x80000000, 0x00050000 | errno.ENOSYS
    expected = dict.fromkeys(ALLOWED, allow) | dict.fromkeys(DEADLY, kill) | {"clone3": unknown}
    for call, answer in expected.items():
        if number[call] is not None:
            assert _run(program, arch, number[call]) == answer, call
    others = set(range(600)) - {one for one in number.values() if one is not None}
    assert {_run(program, arch, other) for other in others} == {refuse}
    for flags, answer in ((0x3D0F00, allow), (0x7D0F00, allow), (17, refuse), (0x4111, refuse), (0x13D0F00, refuse)):
        assert _run(program, arch, number["clone"], flags) == answer
    for pid, which, answer in ((0, 0, allow), (0, 7, refuse), (1, 0, refuse), (77, 7, refuse)):
        assert _run(program, arch, number["prlimit64"], pid, which) == answer
    for other in (0x40000003, 0xC00000B7 if name == "x86_64" else 0xC000003E, 0):
        assert _run(program, other, number["read"]) == kill, "another table of numbers"
    if name == "x86_64":
        assert _run(program, arch, 0x40000000 | number["read"]) == kill


def test_a_system_without_locks_has_its_files_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert locks.machine() is None
    assert locks.offered() == locks.lock_files() == locks.lock_calls() == frozenset()
    assert not locks.undumpable()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(locks.platform, "machine", lambda: "riscv64")
    assert locks.offered() == locks.lock_files() == frozenset()
