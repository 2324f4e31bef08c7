"""The result of a job: an archive that is made while it is fetched, each entry a delivery of its own.

Nothing is held but the entry in hand and the lines of the manifest. What a crash means: deliveries that were committed
stand with their receipts; the archive has no end and no manifest, so nobody takes it for whole; fetching again repeats
them under the same keys and goes on with the rest.
"""

import csv
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Generator, Sequence

from api.errors import ApiError, Kind
from api.services import pulls
from api.services.context import Actor, Context
from api.services.pull_jobs.checking import asked_fields
from api.services.pull_jobs.jobs import own, require_open
from api.services.pulls import EXTENSION, Pulled, SignedPull
from api.store import clock, read_only, unit_of_work
from api.store.queries import pull_jobs
from api.store.queries.pull_jobs import ItemState, JobState, Line, Note
from api.store.tables import PullJob

SCHEMA = "mydata/pull-job/1"
MANIFEST, INDEX = "manifest.json", "index.csv"
FETCHES = 2
PAGE = 100
NOTED = 32
LEASE_MS = 120_000
MOST_REST_S = 0.05
CANCELLED = "pull_jobs.cancelled"
_FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)
# Already packed formats are stored as they are.
_PACKED = frozenset({pulls.XLSX, pulls.PDF})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_AGAIN_LATER = frozenset({Kind.UNAVAILABLE, Kind.INTERNAL})


def fetch(ctx: Context, actor: Actor, job_id: str) -> "Fetch":
    """Deliver a job's grants into an archive; the bytes come as they are made. Close it, read to its end or not.

    Raises before the first byte: `pull_jobs.not_found`, `pull_jobs.expired`, `pull_jobs.cancelled`,
    `pull_jobs.still_checking`, `pull_jobs.nothing_ready`, `pull_jobs.being_fetched`, `pull_jobs.busy`. What the store
    refuses on the way ends the stream without the archive's end.
    """
    return Fetch(ctx, actor, _take(ctx, actor, job_id))


def _take(ctx: Context, actor: Actor, job_id: str) -> PullJob:
    """The job, with the right to fetch it for a while."""
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        job = own(session, actor, job_id, lock=True)
        require_open(job, now)
        if job.state == JobState.CANCELLED:
            raise ApiError(CANCELLED, Kind.CONFLICT)
        if job.state == JobState.CHECKING:
            raise ApiError("pull_jobs.still_checking", Kind.CONFLICT)
        counts = pull_jobs.counts_of(session, [job.id])[job.id].by_state
        if counts[ItemState.READY] + counts[ItemState.DELIVERED] == 0:
            raise ApiError("pull_jobs.nothing_ready", Kind.CONFLICT)
        if job.fetching_until_ms > now:
            raise ApiError("pull_jobs.being_fetched", Kind.LIMITED)
        # Each fetch is one more caller of pulls. A lease that nobody gives back runs out by itself.
        if pull_jobs.count_fetched(session, now) >= FETCHES:
            raise ApiError("pull_jobs.busy", Kind.LIMITED)
        job.fetching_until_ms = now + LEASE_MS
        return job


class _Sink(io.RawIOBase):
    """Takes what the archive writes and gives it out piece by piece; it cannot be sought in, so the archive streams."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(memoryview(data))  # type: ignore[arg-type]  # the archive writes bytes-like objects alone
        self._pieces.append(piece)
        return len(piece)

    def drain(self) -> bytes:
        drained = b"".join(self._pieces)
        self._pieces.clear()
        return drained


class Fetch:
    """One fetch of one job: an iterator over the archive's bytes, to be closed."""

    def __init__(self, ctx: Context, actor: Actor, job: PullJob) -> None:
        self._ctx = ctx
        self._actor = actor
        self._job = job
        self._signed = _signed(ctx, job)
        self._fields = asked_fields(job)
        self._notes: list[Note] = []
        self._files: list[dict[str, str]] = []
        self._items: list[dict[str, object]] = []
        self._rows: list[Sequence[str]] = []
        self._stopped = False
        self._sink = _Sink()
        self._archive = zipfile.ZipFile(self._sink, "w")
        self._closed = False
        self._made = self._parts()

    def __iter__(self) -> "Fetch":
        return self

    def __next__(self) -> bytes:
        return next(self._made)

    def close(self) -> None:
        """However it ended: note what was delivered, give the right to fetch back. Doing it twice does it once."""
        if self._closed:
            return
        self._closed = True
        self._made.close()
        notes, self._notes = self._notes, []
        with unit_of_work(self._ctx.db) as session:
            job = pull_jobs.job_of(session, self._job.party_id, self._job.id, lock=True)
            if job is not None:
                pull_jobs.note(session, job.id, notes)
                job.fetching_until_ms = 0

    def _parts(self) -> Generator[bytes, None, None]:
        after = 0
        while lines := self._page(after):
            for line in lines:
                yield from self._one(line)
            after = lines[-1].item.seq
        self._save()
        yield from self._end()

    def _page(self, after: int) -> list[Line]:
        with read_only(self._ctx.db) as session:
            return pull_jobs.lines_of(session, self._job, after=after, limit=PAGE)

    def _one(self, line: Line) -> Generator[bytes, None, None]:
        item = line.item
        if self._stopped or item.state == ItemState.REFUSED or item.state == ItemState.WAITING:
            self._refused(line, (CANCELLED if self._stopped else item.reason) or "pull_jobs.still_checking")
            return
        begun = time.monotonic()
        try:
            pulled = pulls.pull(
                self._ctx,
                self._actor,
                item.grant_id,
                self._job.media_type,
                fields=self._fields,
                signed=self._signed,
                idempotency_key=f"{self._job.id}/{item.seq}",
            )
        except ApiError as error:
            if error.kind in _AGAIN_LATER:
                raise
            self._refused(line, error.code)
            self._notes.append(Note(item.seq, ItemState.REFUSED, error.code))
        else:
            self._delivered(line, pulled)
            self._notes.append(
                Note(item.seq, ItemState.DELIVERED, None, pulled.copy_id, pulled.receipt.id),
            )
        if len(self._notes) >= NOTED:
            self._save()
        yield self._sink.drain()
        # Whoever pulls singly goes first: a job rests half as long as it worked.
        time.sleep(min((time.monotonic() - begun) / 2, MOST_REST_S))

    def _delivered(self, line: Line, pulled: Pulled) -> None:
        base = f"{line.item.seq:05d}-{pulled.copy_id}"
        name = f"copies/{base}.{EXTENSION[pulled.media_type]}"
        receipt_name = f"receipts/{base}.json"
        sha256 = "0x" + hashlib.sha256(pulled.file).hexdigest()
        receipt = {
            "receipt": pulled.receipt.id,
            "number": pulled.receipt.number,
            "leaf_hash": "0x" + pulled.receipt.leaf_hash.hex(),
            "promise": "0x" + pulled.receipt.promise.hex(),
            "grant": line.item.grant_id,
            "copy": pulled.copy_id,
            "media_type": pulled.media_type,
            "file": name,
            "file_sha256": sha256,
            "unknown": list(pulled.unknown),
            "certificates": list(pulled.salts),
        }
        self._write(name, pulled.file, packed=pulled.media_type in _PACKED)
        self._write(receipt_name, _json(receipt))
        self._list(line, "delivered", None, name, receipt_name)
        number = str(pulled.receipt.number)
        self._row(line, "delivered", "", pulled.copy_id, pulled.receipt.id, number, name, sha256)

    def _refused(self, line: Line, reason: str) -> None:
        self._list(line, "refused", reason, None, None)
        self._row(line, "refused", reason, "", "", "", "", "")

    def _list(self, line: Line, state: str, reason: str | None, name: str | None, receipt_name: str | None) -> None:
        self._items.append(
            {
                "seq": line.item.seq,
                "grant": line.item.grant_id,
                "case_no": line.case_no,
                "state": state,
                "reason": reason,
                "file": name,
                "receipt_file": receipt_name,
            }
        )

    def _row(self, line: Line, *cells: str) -> None:
        case_no = line.case_no or ""
        safe = f"'{case_no}" if case_no.startswith(_FORMULA) else case_no
        self._rows.append((str(line.item.seq), line.item.grant_id, safe, *cells))

    def _end(self) -> Generator[bytes, None, None]:
        """Index and manifest, which need to know all that came before."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        heads = ("seq", "grant", "case_no", "state", "reason", "copy", "receipt", "number", "file", "sha256")
        writer.writerows([heads, *self._rows])
        self._write(INDEX, out.getvalue().encode("utf-8-sig"))
        manifest = {
            "schema": SCHEMA,
            "job": self._job.id,
            "format": self._job.media_type,
            "items": self._items,
            "files": self._files,
        }
        self._write(MANIFEST, _json(manifest), listed=False)
        self._archive.close()
        yield self._sink.drain()

    def _write(self, name: str, data: bytes, *, packed: bool = False, listed: bool = True) -> None:
        entry = zipfile.ZipInfo(name, _FIRST_MOMENT)
        entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
        entry.external_attr = 0o600 << 16
        self._archive.writestr(entry, data)
        if listed:
            self._files.append({"name": name, "sha256": "0x" + hashlib.sha256(data).hexdigest()})

    def _save(self) -> None:
        """Write down what became of the items so far, keep the right to fetch, and see whether to go on."""
        notes, self._notes = self._notes, []
        with unit_of_work(self._ctx.db) as session:
            job = pull_jobs.job_of(session, self._job.party_id, self._job.id, lock=True)
            if job is None:
                self._stopped = True
                return
            pull_jobs.note(session, job.id, notes)
            job.fetching_until_ms = clock.advance(session) + LEASE_MS
            self._stopped = job.state == JobState.CANCELLED


def _signed(ctx: Context, job: PullJob) -> SignedPull | None:
    """The machine's request that asked for the job: its nonce was spent when it was taken in."""
    kept = pull_jobs.open_request(ctx.vault, job)
    if kept is None:
        return None
    key = kept["key"]
    assert isinstance(key, dict)
    return SignedPull(
        base=str(kept["base"]),
        signature=bytes.fromhex(str(kept["signature"])),
        key={name: str(value) for name, value in key.items()},
        thumbprint="",
        nonce=None,
    )


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
