"""Bulk pulls: many grants in one job, its progress, and its result as one archive that is checked as it is read."""

import hashlib
import json
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from api.client import operations as op
from api.client.errors import MydataError, UntrustedError
from api.client.paging import paged
from api.client.reading import Document
from api.client.receipts import LogKey, Promise
from api.client.transport import Transport

MANIFEST = "manifest.json"
MANIFEST_SCHEMA = "mydata/pull-job/1"
CHECKING = "checking"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk pull.

    `state` is checking, ready or cancelled. `counts` has its items by state (waiting, ready, delivered, refused),
    `reasons` the refused ones by code.
    """

    id: str
    state: str
    format: str
    total: int
    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    created_at: datetime
    expires_at: datetime

    @property
    def checked(self) -> bool:
        """Whether every grant was looked at, so that the result can be fetched."""
        return self.state != CHECKING


@dataclass(frozen=True, slots=True)
class JobItem:
    """One grant of a job; `reason` says why it was refused."""

    seq: int
    grant: str
    state: str
    reason: str | None
    copy: str | None
    receipt: str | None
    deliveries: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """One copy of a fetched archive. `entry` names it there; `certificates` hold the salts of its fields."""

    seq: int
    grant: str
    copy: str
    entry: str
    media_type: str
    sha256: bytes
    promise: Promise
    certificates: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """A checked archive: what was delivered, and what was refused as (grant, reason)."""

    path: Path
    job: str
    delivered: tuple[Delivered, ...]
    refused: tuple[tuple[str, str], ...]

    def read(self, one: Delivered) -> bytes:
        """A copy's bytes."""
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(one.entry)


def _job(document: Document) -> Job:
    return Job(
        id=document.text("id"),
        state=document.text("state"),
        format=document.text("format"),
        total=document.whole("total"),
        counts=_counts(document.inner("counts")),
        reasons=_counts(document.inner("reasons")),
        created_at=document.moment("created_at"),
        expires_at=document.moment("expires_at"),
    )


def _counts(document: Document) -> Mapping[str, int]:
    return {name: document.whole(name) for name in document.members}


def _item(document: Document) -> JobItem:
    return JobItem(
        seq=document.whole("seq"),
        grant=document.text("grant"),
        state=document.text("state"),
        reason=document.maybe_text("reason"),
        copy=document.maybe_text("copy"),
        receipt=document.maybe_text("receipt"),
        deliveries=document.whole("deliveries"),
    )


def read_archive(path: Path, log_key: LogKey | None = None) -> Archive:
    """Check an archive against its manifest: every file's SHA-256 and, with the log's key, every promise.

    Raises `UntrustedError`: `client.bad_archive` (broken off, changed, or something in it that nothing names) and
    `client.bad_promise`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _checked(path, archive, log_key)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError):
        raise UntrustedError("client.bad_archive") from None


def _checked(path: Path, archive: zipfile.ZipFile, log_key: LogKey | None) -> Archive:
    manifest = Document(json.loads(archive.read(MANIFEST)))
    if manifest.text("schema") != MANIFEST_SCHEMA:
        raise UntrustedError("client.bad_archive")
    hashes = {one.text("name"): one.binary("sha256") for one in manifest.list("files")}
    if {*hashes, MANIFEST} != set(archive.namelist()):
        raise UntrustedError("client.bad_archive")
    for name, expected in hashes.items():
        if _sha256(archive, name) != expected:
            raise UntrustedError("client.bad_archive")
    delivered = []
    refused = []
    for one in manifest.list("items"):
        if one.text("state") != "delivered":
            refused.append((one.text("grant"), one.text("reason")))
            continue
        receipt = Document(json.loads(archive.read(one.text("receipt_file"))))
        promise = Promise(
            receipt.text("receipt"), receipt.whole("number"), receipt.binary("leaf_hash"), receipt.binary("promise")
        )
        sha256 = receipt.binary("file_sha256")
        if sha256 != hashes[one.text("file")]:
            raise UntrustedError("client.bad_archive")
        if log_key is not None:
            promise.verify(log_key)
        delivered.append(
            Delivered(
                seq=one.whole("seq"),
                grant=one.text("grant"),
                copy=receipt.text("copy"),
                entry=one.text("file"),
                media_type=receipt.text("media_type"),
                sha256=sha256,
                promise=promise,
                certificates=tuple(certificate.members for certificate in receipt.list("certificates")),
            )
        )
    return Archive(path, manifest.text("job"), tuple(delivered), tuple(refused))


def _sha256(archive: zipfile.ZipFile, name: str) -> bytes:
    found = hashlib.sha256()
    with archive.open(name) as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.digest()


class Jobs:
    """An entity's bulk pulls."""

    def __init__(self, transport: Transport, log_key: LogKey | None) -> None:
        self._transport = transport
        self._log_key = log_key

    def start(
        self,
        *,
        grants: Sequence[str] | None = None,
        purpose: str | None = None,
        scenario: str | None = None,
        case_prefix: str | None = None,
        form: str = "json",
        fields: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Begin a job over `grants`, or over the active grants of a purpose, a scenario, or cases of a prefix."""
        chosen = {"purpose": purpose, "scenario": scenario, "case_prefix": case_prefix}
        chosen = {name: value for name, value in chosen.items() if value is not None}
        return _job(
            self._transport.json(
                op.START_JOB,
                key=idempotency_key,
                grants=None if grants is None else list(grants),
                filter=chosen or None,
                format=form,
                fields=None if fields is None else list(fields),
            )
        )

    def get(self, job_id: str) -> Job:
        """A job with its counts."""
        return _job(self._transport.json(op.GET_JOB, job_id=job_id))

    def list(self) -> Iterator[Job]:
        """All jobs, newest first."""
        return paged(self._transport, op.LIST_JOBS, _job)

    def items(self, job_id: str, state: str | None = None) -> Iterator[JobItem]:
        """A job's grants in order, or those in one state."""
        return paged(
            self._transport, op.LIST_JOB_ITEMS, _item, ask="after", told="next_after", job_id=job_id, state=state
        )

    def cancel(self, job_id: str, *, idempotency_key: str | None = None) -> Job:
        """Stop a job; nothing more of it is delivered unless it is resumed."""
        return _job(self._transport.json(op.CANCEL_JOB, key=idempotency_key, job_id=job_id))

    def resume(self, job_id: str, *, idempotency_key: str | None = None) -> Job:
        """Go on with a cancelled job, and look again at what was refused."""
        return _job(self._transport.json(op.RESUME_JOB, key=idempotency_key, job_id=job_id))

    def wait(self, job_id: str, *, timeout_s: float = 600.0, poll_s: float = 0.5) -> Job:
        """Wait until every grant was looked at. Raises `client.too_slow` after `timeout_s`; the job goes on."""
        deadline = time.monotonic() + timeout_s
        while True:
            job = self.get(job_id)
            if job.checked:
                return job
            if time.monotonic() > deadline:
                raise MydataError("client.too_slow", waiting=job.counts.get("waiting", 0))
            self._transport.retries.sleep(poll_s)

    def fetch(self, job_id: str, path: Path) -> Archive:
        """Have the result delivered into a file at `path`, then check it. Each fetch is a delivery of its own.

        What was delivered before counts no second use; grants that serve no longer drop out. Raises as `read_archive`;
        after `UnreachableError` fetch again: what had been delivered counts no second use.
        """
        with self._transport.stream(op.GET_JOB_RESULT, job_id=job_id) as response, path.open("wb") as file:
            for chunk in response.iter_bytes(_CHUNK):
                file.write(chunk)
        return read_archive(path, self._log_key)
