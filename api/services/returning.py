"""The worker's half of a return: rows checked, sealed, committed to and stored, a slice at a time.

With each row's fields the claims derived from them are committed, as of the day on which the file came. They are part
of what a version says: a row returned again is a repeat while its claims are the same, and a new version once one has
changed (a birthday), which renews it. So at most as many versions follow from age alone as there are ages in question.

One slice is one database transaction: its records, its batch with the tree over their leaves, the rows' report, and
`next_line`. A worker killed at any point goes on at `next_line`; a slice is there whole or not at all.
"""

import io
import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO

from api.catalogue.model import TypeSchema
from api.documents.tables import (
    DepartmentTable,
    Problem,
    RowBad,
    RowOk,
    RowWarned,
    Source,
    TableLimits,
    natural_key,
    read_department_csv,
)
from api.errors import ApiError, Kind
from api.services.context import Context
from api.services.days import city_day
from api.services.returns import forget_file
from api.settings import Environment
from api.store import Session, clock, ids
from api.store.bodies import SEED_BYTES, BodyForm
from api.store.database import read_only, unit_of_work
from api.store.queries import holders, parties, records, returns
from api.store.queries.holders import HolderKind
from api.store.queries.returns import BatchState, ReturnState, RowNote, RowState
from api.store.tables import Batch, Return
from chain.merkle import BatchTree

CITY_TIME = timedelta(hours=8)
MAX_NOTES = 8
READ_BYTES = 1 << 16
OPEN_STATES = (ReturnState.RECEIVED, ReturnState.CHECKING)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Row = RowOk | RowWarned | RowBad


@dataclass(frozen=True, slots=True)
class Job:
    """What stays the same for all slices of one return; `day` is the one as of which claims are derived."""

    return_id: str
    party_id: str
    issuer: bytes
    schema: TypeSchema
    day: date


@dataclass(frozen=True, slots=True)
class Fresh:
    """A row to be stored as a version of its certificate; `content` is the blind index of `fields`, claims included."""

    row: RowOk | RowWarned
    fields: Mapping[str, str]
    content: bytes
    version: int


@dataclass(slots=True)
class Slice:
    """What one transaction will store: at most `batch_leaves` rows to keep, and everything to be said of the others."""

    keep: list[RowOk | RowWarned] = field(default_factory=list)
    notes: list[RowNote] = field(default_factory=list)
    bad: int = 0
    duplicate: int = 0
    last_line: int = 0


def process(ctx: Context, return_id: str) -> bool:
    """Check and store a whole return, slice after slice; True when it is CHECKED, False when it FAILED."""
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        if row is None or row.state not in OPEN_STATES:
            return False
        party = parties.get_party(session, row.party_id)
        assert party is not None and party.address is not None, "only departments return, and they have an account"
        issuer, done = party.address, row.next_line
    # Read outside any transaction: a large file takes seconds, and nobody may wait for them.
    schema = ctx.catalogue.ready_type(row.type_code)
    try:
        table = _open(ctx, _source(ctx, row), schema)
        total = table.count()
    except ApiError as error:
        if error.kind is Kind.UNAVAILABLE:
            raise
        fail(ctx, return_id, error)
        return False
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        if row is None or row.state not in OPEN_STATES or row.next_line != done:
            return False
        row.state, row.rows_total = ReturnState.CHECKING, total
        # The day of the file's arrival: a check that is resumed after midnight derives the same.
        job = Job(return_id, row.party_id, issuer, schema, city_day(row.created_at_ms))
    for part in _slices(table.rows(done), ctx.settings.batch_leaves):
        with unit_of_work(ctx.db) as session:
            _store(ctx, session, job, part)
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        assert row is not None
        row.state = ReturnState.CHECKED
    forget_file(ctx, return_id)  # its rows are stored; a second copy of everybody's data serves nobody
    return True


def fail(ctx: Context, return_id: str, error: ApiError) -> None:
    """End a return that can never be checked or sealed, so that it does not hold up the others; nothing of it shows."""
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        if row is not None and row.state in OPEN_STATES:
            row.state, row.error_code, row.error_facts = ReturnState.FAILED, error.code, dict(error.facts)
    forget_file(ctx, return_id)


class _StoredFile(io.RawIOBase):
    """A returned file as it stands in the database, one decrypted piece in memory at a time."""

    def __init__(self, ctx: Context, row: Return) -> None:
        self._ctx = ctx
        self._row = row
        self._seq = 0
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer).cast("B")
        if not self._rest and self._seq < returns.chunk_count(self._row):
            with read_only(self._ctx.db) as session:
                self._rest = memoryview(returns.open_chunk(session, self._ctx.vault, self._row, self._seq))
            self._seq += 1
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _source(ctx: Context, row: Return) -> Source:
    def opened() -> BinaryIO:
        return io.BufferedReader(_StoredFile(ctx, row), READ_BYTES)

    return opened


def _open(ctx: Context, data: Source, schema: TypeSchema) -> DepartmentTable:
    settings = ctx.settings
    return read_department_csv(
        data,
        schema,
        demo=settings.environment is Environment.DEVELOPMENT,
        today=(datetime.now(UTC) + CITY_TIME).date(),
        limits=TableLimits(max_bytes=settings.max_upload_bytes, max_rows=settings.max_rows),
    )


def _slices(rows: Iterator[Row], leaves: int) -> Iterator[Slice]:
    for chunk in _batched(rows, leaves):
        part = Slice()
        for row in chunk:
            part.last_line = row.line
            if isinstance(row, RowBad):
                part.bad += 1
                part.notes += _notes(row.line, RowState.BAD, row.problems)
                continue
            part.keep.append(row)
            if isinstance(row, RowWarned):
                part.notes += _notes(row.line, RowState.WARNED, row.warnings)
        yield part


def _batched(rows: Iterator[Row], size: int) -> Iterator[tuple[Row, ...]]:
    while chunk := tuple(itertools.islice(rows, size)):
        yield chunk


def _notes(line: int, state: RowState, problems: tuple[Problem, ...]) -> list[RowNote]:
    # A row that is warned and then found to be a repeat has notes of both states; `seq` keeps them apart.
    first = MAX_NOTES if state is not RowState.WARNED else 0
    return [
        RowNote(line, first + seq, state, problem.column and problem.column[:64], problem.reason, dict(problem.facts))
        for seq, problem in enumerate(problems[:MAX_NOTES])
    ]


def _store(ctx: Context, session: Session, job: Job, part: Slice) -> None:
    numbers = [ctx.vault.blind_index("record", job.party_id, *natural_key(job.schema, row.values)) for row in part.keep]
    fields = [{**row.values, **job.schema.derive(row.values, job.day)} for row in part.keep]
    contents = [ctx.vault.blind_index("content", *itertools.chain(*values.items())) for values in fields]
    known = records.latest_versions(session, numbers)
    fresh: dict[bytes, Fresh] = {}
    for row, values, number, content in zip(part.keep, fields, numbers, contents, strict=True):
        stored, sibling = known.get(number), fresh.get(number)
        before = sibling.content if sibling else stored.content_bidx if stored else None
        if before == content:
            # Delivered before, in this file or an earlier one: nothing to add, and no fault of the row.
            part.duplicate += 1
            part.notes += _notes(row.line, RowState.DUPLICATE, (Problem(None, None, "returns.duplicate"),))
        elif sibling or (stored and stored.return_id == job.return_id):
            part.bad += 1
            part.notes += _notes(row.line, RowState.BAD, (Problem(None, None, "returns.conflicting_rows"),))
        else:
            fresh[number] = Fresh(row, values, content, stored.version + 1 if stored else 1)
    if fresh:
        _insert(ctx, session, job, fresh)
    returns.add_row_notes(session, job.return_id, part.notes)
    stored_return = returns.lock_return(session, job.return_id)
    assert stored_return is not None
    stored_return.next_line = part.last_line
    stored_return.rows_good += len(fresh)
    stored_return.rows_warned += sum(isinstance(item.row, RowWarned) for item in fresh.values())
    stored_return.rows_bad += part.bad
    stored_return.rows_duplicate += part.duplicate


def _insert(ctx: Context, session: Session, job: Job, fresh: Mapping[bytes, Fresh]) -> None:
    schema = job.schema
    kind = HolderKind(schema.holder_kind.value)
    refs = holders.find_or_create_holders(
        session, ctx.vault, [(kind, item.row.values[schema.holder_field]) for item in fresh.values()]
    )
    batch_id, rules, now = ids.new_batch_id(), ctx.catalogue.version, clock.advance(session)
    seeds = os.urandom(SEED_BYTES * len(fresh))
    form = BodyForm(schema.code, rules, [column.name for column in schema.all_fields])
    rows: list[records.NewRecord] = []
    for index, ((number, item), ref) in enumerate(zip(fresh.items(), refs, strict=True)):
        body, leaf = form.make(item.fields, seeds[SEED_BYTES * index : SEED_BYTES * (index + 1)], index)
        rows.append(
            records.NewRecord(
                id=ids.new_cert_id(),
                key=ref.key,
                batch_id=batch_id,
                leaf_index=index,
                leaf_hash=leaf,
                type_code=schema.code,
                rules=rules,
                number_bidx=number,
                content_bidx=item.content,
                version=item.version,
                body=body,
                created_at_ms=now,
            )
        )
    tree = BatchTree([row.leaf_hash for row in rows])
    session.add(
        Batch(
            id=batch_id,
            return_id=job.return_id,
            seq=len(returns.batches_of(session, job.return_id)),
            issuer=job.issuer,
            root=tree.root,
            size=len(rows),
            tree=tree.to_bytes(),
            anchor_state=BatchState.OPEN.value,
        )
    )
    session.flush()
    records.insert_records(session, rows)
