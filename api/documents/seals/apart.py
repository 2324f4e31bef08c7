"""Checks of untrusted files in a process of their own: no secrets, no file, no socket, bounded memory and time."""

import atexit
import hashlib
import io
import json
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pikepdf

from api.documents.seals.authority import AUTHORITY_ORGAN, Duty, issue, make_crl, make_root, private_key
from api.documents.seals.checking import MAX_BYTES, SealTrust, check
from api.documents.seals.devices import DemoTimeStamper, KeyDevice
from api.documents.seals.sealing import SealKit, SealOrder, seal
from api.documents.seals.verdict import Finding, SealVerdict, Step
from api.errors import ApiError, Kind
from watermark.confinement import Broken, Confined, ConfinedError, Limits
from watermark.confinement import serve as serve_confined

LIMITS = Limits(timeout_s=30.0, cpu_s=15, memory_bytes=512 << 20, answer_bytes=1 << 20, files=200)

# Each that waits holds a thread that everything else is answered with: more than so many are sent away at once.
_PLACES = 3
_places = threading.BoundedSemaphore(_PLACES)
_lock = threading.Lock()
_shared: list[Confined] = []


def check_apart(pdf: bytes, trust: SealTrust, moment: datetime, expected_sha256: bytes | None = None) -> SealVerdict:
    """`checking.check` in the process for untrusted files; a file that brings that down is invalid.

    The comparison of hashes is done here, so that a reader that was taken over cannot lie about it. Raises ApiError
    `seals.too_large`, `seals.checker_unavailable`.
    """
    if len(pdf) > MAX_BYTES:
        raise ApiError("seals.too_large", Kind.TOO_LARGE, limit_mb=MAX_BYTES >> 20)
    head = json.dumps(
        {
            "roots": [one.hex() for one in trust.roots],
            "crls": [one.hex() for one in trust.crls],
            "at_ms": int(moment.timestamp() * 1000),
        }
    ).encode()
    sha256 = hashlib.sha256(pdf).hexdigest()
    verdict = SealVerdict(sha256, "", (Finding(Step.READ),), (), compared=False)
    if not _places.acquire(blocking=False):
        raise ApiError("seals.checker_unavailable", Kind.UNAVAILABLE)
    try:
        answer = _sandbox().ask(pdf, head)
    except ConfinedError as error:
        if error.why is Broken.UNAVAILABLE:
            raise ApiError("seals.checker_unavailable", Kind.UNAVAILABLE) from None
        answer = b""  # the file brought it down
    finally:
        _places.release()
    # Only what is read from the answer may say "invalid"; trouble of our own in asking is none of the file's.
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        said = SealVerdict.from_json(json.loads(answer))
        verdict = SealVerdict(sha256, said.number, said.findings, said.seals, compared=False)
    return verdict if expected_sha256 is None else verdict.compare(expected_sha256)


def serve() -> None:
    """The process for untrusted files."""
    serve_confined(_answer, _warm_up, LIMITS)


def _answer(data: bytes, label: bytes) -> bytes:
    try:
        head = json.loads(label)
        trust = SealTrust(
            tuple(bytes.fromhex(one) for one in head["roots"]), tuple(bytes.fromhex(one) for one in head["crls"])
        )
        verdict = check(data, trust, datetime.fromtimestamp(head["at_ms"] / 1000, UTC))
    except (MemoryError, RecursionError):
        verdict = SealVerdict("", "", (Finding(Step.READ),), (), compared=False)
    return json.dumps(verdict.to_json()).encode()


def _warm_up() -> None:
    """Seal a page and check it, so that all that a check needs is imported and read."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        out = io.BytesIO()
        pdf.save(out)
    now = datetime.now(UTC)
    keys = [private_key(bytes([number]) * 32) for number in range(1, 5)]
    root = make_root(keys[0], now)
    above = issue(Duty.ISSUING, AUTHORITY_ORGAN, "a", keys[1].public_key(), root, keys[0], now, crl_url="http://a/")
    mine = issue(Duty.SEAL, "a", "b", keys[2].public_key(), above, keys[1], now, crl_url="http://a/")
    clock = issue(Duty.TIMESTAMP, "a", "c", keys[3].public_key(), above, keys[1], now, crl_url="http://a/")
    crls = (make_crl(above, keys[1], [], 1, now), make_crl(root, keys[0], [], 1, now))
    stamper = DemoTimeStamper(KeyDevice(clock, keys[3]), (above,))
    kit = SealKit(KeyDevice(mine, keys[2]), (above,), crls, stamper)
    once = seal(out.getvalue(), kit, SealOrder("w", "w", more=True))
    twice = seal(once, kit, SealOrder("w", "w", position=2, more=True))
    verdict = check(twice, SealTrust((root,), crls), now + timedelta(seconds=1))
    if verdict.findings:
        raise RuntimeError("the checker does not accept its own seal")


def _sandbox() -> Confined:
    with _lock:
        if not _shared:
            _shared.append(Confined(__name__, LIMITS))
            atexit.register(_shared[0].close)
        return _shared[0]
