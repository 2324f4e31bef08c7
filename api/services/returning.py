"""The worker's half of a return: rows checked, sealed, committed to and stored, a slice at a time.

With each row's fields the claims derived from them are committed, as of the day on which the file came. They are part
of what a version says: a row returned again is a repeat while its claims are the same, and a new version once one has
changed (a birthday), which renews it. So at most as many versions follow from age alone as there are ages in question.

One slice is one database transaction: its records, its batch with the tree over their leaves, the rows' report, and
`next_line`. A worker killed at any point goes on at `next_line`; a slice is there whole or not at all.

A slice is prepared before its transaction begins, for reading, committing and sealing take several times as long as
storing, and while a transaction writes nobody else does: no pull, no revocation. What was looked up for it is looked up
again within; where anything differs the slice is prepared anew.
"""

import io
import itertools
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO

from api.catalogue.canonical import header_key
from api.catalogue.columns import known_headers
from api.catalogue.model import Derivation, TypeSchema
from api.catalogue.quality import ANY, BLANK, OTHERWISE, quality
from api.documents.heads import Source, TableLimits
from api.documents.intake.looking import look, signature
from api.documents.tables import (
    DepartmentTable,
    Problem,
    RowBad,
    RowOk,
    RowWarned,
    natural_key,
    read_department_file,
)
from api.errors import ApiError, Kind
from api.services.context import Context
from api.services.days import city_day
from api.services.returns import forget_file
from api.settings import Environment
from api.store import Session, clock, ids
from api.store.bodies import SEED_BYTES, BodyForm
from api.store.crypto import BlindForm
from api.store.database import read_only, unit_of_work
from api.store.queries import holders, intake, parties, records, returns
from api.store.queries.holders import HolderKind, HolderPlan
from api.store.queries.records import LatestVersion
from api.store.queries.returns import BatchState, ReturnState, RowNote, RowState
from api.store.tables import Batch, Return
from chain.merkle import BatchTree

CITY_TIME = timedelta(hours=8)
MAX_NOTES = 8
READ_BYTES = 1 << 16
REPEAT = Problem(None, None, "returns.duplicate")
CONFLICT = Problem(None, None, "returns.conflicting_rows")
OPEN_STATES = (ReturnState.RECEIVED, ReturnState.CHECKING)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Row = RowOk | RowWarned | RowBad


@dataclass(frozen=True, slots=True)
class Job:
    """What stays the same for all slices of one return; claims are derived as of the day on which the file came."""

    return_id: str
    party_id: str
    issuer: bytes
    schema: TypeSchema
    rules: str
    names: tuple[str, ...]
    claims: Derivation
    contents: BlindForm
    bodies: BodyForm

    @classmethod
    def of(cls, ctx: Context, row: Return, issuer: bytes, schema: TypeSchema) -> "Job":
        """For the return `row`, whose issuer's account is `issuer`."""
        names, rules = tuple(column.name for column in schema.all_fields), ctx.catalogue.version
        return cls(
            return_id=row.id,
            party_id=row.party_id,
            issuer=issuer,
            schema=schema,
            rules=rules,
            names=names,
            # The day of the file's arrival: a check that is resumed after midnight derives the same.
            claims=schema.derivation(city_day(row.created_at_ms)),
            contents=ctx.vault.blind_form("content", names),
            bodies=BodyForm(schema.code, rules, names),
        )


@dataclass(slots=True)
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
    last_line: int = 0
    found: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(slots=True)
class Prepared:
    """A slice ready to be stored, and what it rests on: the `known` versions of its `numbers`, and its holders."""

    last_line: int
    notes: list[RowNote]
    bad: int
    duplicate: int = 0
    warned: int = 0
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    numbers: list[bytes] = field(default_factory=list)
    known: Mapping[bytes, LatestVersion] = field(default_factory=dict)
    holders: HolderPlan | None = None
    batch: Batch | None = None
    rows: Sequence[Mapping[str, object]] = ()


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
        row = _with_columns(ctx, row, schema)
        table = _open(ctx, row, schema)
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
        row.state, row.rows_total, row.form = ReturnState.CHECKING, total, table.form.value
        job = Job.of(ctx, row, issuer, schema)
    for part in _slices(table.rows(done), ctx.settings.batch_leaves, quality().of(schema).recommended):
        stored = False
        while not stored:
            prepared = _prepare(ctx, job, part)
            with unit_of_work(ctx.db) as session:
                stored = _store(session, job, prepared)
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        assert row is not None
        row.state = ReturnState.CHECKED
    forget_file(ctx, return_id)  # its rows are stored; a second copy of everybody's data serves nobody
    return True


def fail(ctx: Context, return_id: str, error: ApiError, states: Collection[ReturnState] = OPEN_STATES) -> bool:
    """End a return that can never be checked or sealed, so that it does not hold up the others; nothing of it shows.

    False, and nothing is done, where it is none of `states` any more: what the caller judged has gone on meanwhile.
    """
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        if row is None or row.state not in states:
            return False
        row.state, row.error_code, row.error_facts = ReturnState.FAILED, error.code, dict(error.facts)
    forget_file(ctx, return_id)
    return True


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


def source_of(ctx: Context, row: Return) -> Source:
    """The returned file, to be opened as often as needed."""

    def opened() -> BinaryIO:
        return io.BufferedReader(_StoredFile(ctx, row), READ_BYTES)

    return opened


def limits_of(ctx: Context) -> TableLimits:
    """What a file may be at most."""
    return TableLimits(max_bytes=ctx.settings.max_upload_bytes, max_rows=ctx.settings.max_rows)


def takes_demo(ctx: Context) -> bool:
    """Whether numbers of the demo region are taken."""
    return ctx.settings.environment is Environment.DEVELOPMENT


def _open(ctx: Context, row: Return, schema: TypeSchema) -> DepartmentTable:
    source = source_of(ctx, row)
    return read_department_file(
        source,
        schema,
        demo=takes_demo(ctx),
        today=(datetime.now(UTC) + CITY_TIME).date(),
        limits=limits_of(ctx),
        mapping=row.columns,
        sheet=row.sheet,
    )


def _with_columns(ctx: Context, row: Return, schema: TypeSchema) -> Return:
    """The return with what an officer of the department said of files with this header, where nothing was said of it.

    That is kept with the return: who goes on after a kill, and the department's agent, read the file in the same way.
    """
    if row.columns is not None:
        return row
    with read_only(ctx.db) as session:
        known = intake.known_columns(session, row.party_id, row.type_code)
    if not known:
        return row
    heads = {header_key(text) for one in known.values() for text in one} | known_headers(schema).keys()
    seen = look(source_of(ctx, row), heads, sheet=row.sheet, limits=limits_of(ctx))
    taken = known.get(signature(seen.header))
    if taken is None:
        return row
    with unit_of_work(ctx.db) as session:
        found = returns.lock_return(session, row.id)
        assert found is not None
        found.columns = dict(taken)
        return found


def _slices(rows: Iterator[Row], leaves: int, wished: Sequence[str] = ()) -> Iterator[Slice]:
    for chunk in _batched(rows, leaves):
        part = Slice()
        for row in chunk:
            part.last_line = row.line
            if isinstance(row, RowBad):
                part.bad += 1
                part.notes += _notes(row.line, RowState.BAD, row.problems)
                part.found.update(_found(row.problems))
                continue
            part.keep.append(row)
            warnings = row.warnings if isinstance(row, RowWarned) else ()
            if warnings:
                part.notes += _notes(row.line, RowState.WARNED, warnings)
            blank = [Problem(name, None, BLANK) for name in wished if not row.values[name]]
            if warnings or blank:
                part.found.update(_found((*warnings, *blank)))
        yield part


def _batched(rows: Iterator[Row], size: int) -> Iterator[tuple[Row, ...]]:
    while chunk := tuple(itertools.islice(rows, size)):
        yield chunk


def _found(problems: Sequence[Problem]) -> set[tuple[str, str]]:
    """By which quality rules a row is counted: once by rule and field, and once by rule."""
    rules = quality().by_reason
    by_field = {(rules.get(problem.reason, OTHERWISE), problem.field or "") for problem in problems}
    return by_field | {(rule, ANY) for rule, _ in by_field}


def _notes(line: int, state: RowState, problems: tuple[Problem, ...]) -> list[RowNote]:
    # A row that is warned and then found to be a repeat has notes of both states; `seq` keeps them apart.
    first = MAX_NOTES if state is not RowState.WARNED else 0
    return [
        RowNote(line, first + seq, state, problem.column and problem.column[:64], problem.reason, dict(problem.facts))
        for seq, problem in enumerate(problems[:MAX_NOTES])
    ]


def _prepare(ctx: Context, job: Job, part: Slice) -> Prepared:
    """All of a slice that costs time, without a transaction that writes."""
    made = Prepared(part.last_line, list(part.notes), part.bad, found=Counter(part.found))
    made.numbers = [
        ctx.vault.blind_index("record", job.party_id, *natural_key(job.schema, row.values)) for row in part.keep
    ]
    fields = [{**row.values, **job.claims.of(row.values)} for row in part.keep]
    contents = [job.contents.index([values[name] for name in job.names]) for values in fields]
    fresh: dict[bytes, Fresh] = {}
    with read_only(ctx.db) as session:
        made.known = records.latest_versions(session, made.numbers)
        for row, values, number, content in zip(part.keep, fields, made.numbers, contents, strict=True):
            stored, sibling = made.known.get(number), fresh.get(number)
            before = sibling.content if sibling else stored.content_bidx if stored else None
            if before == content:
                # Delivered before, in this file or an earlier one: nothing to add, and no fault of the row.
                made.duplicate += 1
                made.notes += _notes(row.line, RowState.DUPLICATE, (REPEAT,))
                made.found.update(_found((REPEAT,)))
            elif sibling or (stored and stored.return_id == job.return_id):
                made.bad += 1
                made.notes += _notes(row.line, RowState.BAD, (CONFLICT,))
                made.found.update(_found((CONFLICT,)))
            else:
                fresh[number] = Fresh(row, values, content, stored.version + 1 if stored else 1)
        kind, number_field = HolderKind(job.schema.holder_kind.value), job.schema.holder_field
        whose = [(kind, item.row.values[number_field]) for item in fresh.values()]
        made.holders, now = holders.plan_holders(session, ctx.vault, whose), clock.now_ms(session)
    made.warned = sum(isinstance(item.row, RowWarned) for item in fresh.values())
    if fresh:
        _seal_batch(job, made, fresh, now)
    return made


def _seal_batch(job: Job, made: Prepared, fresh: Mapping[bytes, Fresh], now_ms: int) -> None:
    assert made.holders is not None
    batch_id, seeds, record_ids = ids.new_batch_id(), os.urandom(SEED_BYTES * len(fresh)), ids.new_cert_ids(len(fresh))
    rows: list[records.NewRecord] = []
    for index, ((number, item), ref) in enumerate(zip(fresh.items(), made.holders.refs, strict=True)):
        body, leaf = job.bodies.make(item.fields, seeds[SEED_BYTES * index : SEED_BYTES * (index + 1)], index)
        rows.append(
            records.NewRecord(
                id=record_ids[index],
                key=ref.key,
                batch_id=batch_id,
                leaf_index=index,
                leaf_hash=leaf,
                type_code=job.schema.code,
                rules=job.rules,
                number_bidx=number,
                content_bidx=item.content,
                version=item.version,
                body=body,
                created_at_ms=now_ms,
            )
        )
    tree = BatchTree([row.leaf_hash for row in rows])
    made.rows = records.sealed(rows)
    made.batch = Batch(
        id=batch_id,
        return_id=job.return_id,
        issuer=job.issuer,
        root=tree.root,
        size=len(rows),
        tree=tree.to_bytes(),
        anchor_state=BatchState.OPEN.value,
    )


def _store(session: Session, job: Job, made: Prepared) -> bool:
    """Store a slice; False, and nothing of it, where what it rests on has changed since it was prepared."""
    returned = returns.lock_return(session, job.return_id)
    assert returned is not None and made.holders is not None
    if records.latest_versions(session, made.numbers) != made.known or not holders.carry_out(session, made.holders):
        return False
    clock.advance(session)
    if made.batch is not None:
        made.batch.seq = returns.count_batches(session, job.return_id)
        session.add(made.batch)
        session.flush()
        records.insert_sealed(session, made.rows)
    returns.add_row_notes(session, job.return_id, made.notes)
    intake.add_counts(session, job.return_id, made.found)
    returned.next_line = made.last_line
    returned.rows_good += len(made.rows)
    returned.rows_warned += made.warned
    returned.rows_bad += made.bad
    returned.rows_duplicate += made.duplicate
    return True
