"""The process for untrusted files: trouble in the service itself is never told as the file's, and never holds it up."""

import os
import resource
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from api.documents.seals import apart
from api.documents.seals.checking import SealTrust
from api.documents.seals.verdict import Outcome
from api.errors import ApiError
from watermark import confinement
from watermark.confinement import Broken, Confined, ConfinedError, Limits

NOBODY = SealTrust((), ())
NOW = datetime.now(UTC)
LIMITS = Limits(timeout_s=20.0, cpu_s=5, memory_bytes=128 << 20, answer_bytes=1 << 16, files=10)


def upper(data: bytes, label: bytes) -> bytes:
    """What the child of these tests answers."""
    return data.upper() + label


def serve() -> None:
    """The child of these tests."""
    confinement.serve(upper, lambda: None, LIMITS)


class Asked:
    """Stands where the child would: it answers, or fails, as a test says."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer

    def ask(self, data: bytes, label: bytes) -> bytes:
        """The answer."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Every descriptor below 1100 is taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip("this machine allows no 2000 descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    held = [os.open(os.devnull, os.O_RDONLY)]
    while held[-1] < 1100:
        held.append(os.open(os.devnull, os.O_RDONLY))
    yield
    for one in held:
        os.close(one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_a_service_with_a_thousand_descriptors_still_asks() -> None:
    with Confined(__name__, LIMITS) as child:
        assert child.ask(b"abc" * 10_000, b"x") == b"ABC" * 10_000 + b"x"


def test_a_child_that_does_not_stand_up_in_time_says_nothing_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "_START_SECONDS", 0.0)
    with Confined(__name__, LIMITS) as child, pytest.raises(ConfinedError) as caught:
        child.ask(b"abc")
    assert caught.value.why is Broken.UNAVAILABLE


def test_a_child_that_cannot_be_started_says_nothing_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Confined(__name__, LIMITS) as child, pytest.raises(ConfinedError) as caught:
        child.ask(b"abc")
    assert caught.value.why is Broken.UNAVAILABLE


def test_only_the_answer_says_that_a_file_is_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    for nonsense in (b"", b"[]", b"{}", b"\xff"):
        monkeypatch.setattr(apart, "_sandbox", lambda said=nonsense: Asked(said))
        assert apart.check_apart(b"%PDF-", NOBODY, NOW).outcome is Outcome.INVALID
    monkeypatch.setattr(apart, "_sandbox", lambda: Asked(ConfinedError(Broken.TOO_COMPLEX)))
    assert apart.check_apart(b"%PDF-", NOBODY, NOW).outcome is Outcome.INVALID
    monkeypatch.setattr(apart, "_sandbox", lambda: Asked(ConfinedError(Broken.UNAVAILABLE)))
    with pytest.raises(ApiError, match=r"seals\.checker_unavailable"):
        apart.check_apart(b"%PDF-", NOBODY, NOW)
    monkeypatch.setattr(apart, "_sandbox", lambda: Asked(ValueError("filedescriptor out of range in select()")))
    with pytest.raises(ValueError, match="out of range"):
        apart.check_apart(b"%PDF-", NOBODY, NOW)


def test_a_fourth_file_is_sent_away_while_three_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    go, asked = threading.Event(), threading.Semaphore(0)

    class Slow:
        """A child that reads for as long as the test lets it."""

        def ask(self, data: bytes, label: bytes) -> bytes:
            """Nonsense, in the end."""
            asked.release()
            go.wait(20)
            return b""

    monkeypatch.setattr(apart, "_sandbox", Slow)
    threads = [threading.Thread(target=apart.check_apart, args=(b"%PDF-", NOBODY, NOW)) for _ in range(3)]
    for one in threads:
        one.start()
    try:
        assert all(asked.acquire(timeout=5) for _ in threads)
        threading.Timer(2, go.set).start()  # so that a fourth that waits for them is seen to have waited
        with pytest.raises(ApiError, match=r"seals\.checker_unavailable"):
            apart.check_apart(b"%PDF-", NOBODY, NOW)
    finally:
        go.set()
        for one in threads:
            one.join(20)
    assert apart.check_apart(b"%PDF-", NOBODY, NOW).outcome is Outcome.INVALID, "places are given back"
