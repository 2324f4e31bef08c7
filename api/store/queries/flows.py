"""Where data went, for supervision: deliveries with the certificates they were made of; and one certificate's life.

Whose they are is a holder's id, which no page shows: the service gives pseudonyms for it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, ColumnElement, FromClause, Select, case, column, func, select, text, true
from sqlalchemy.orm import Session

from api.policy.copy_states import CopyState
from api.policy.states import GrantState
from api.store.queries.indicators import Period
from api.store.tables import Batch, Content, Copy, CopyEvent, Grant, GrantEvent, Receipt, Record, Return, Trace
from chain.receipt import ReceiptKind

_CHUNK = 500
_DAY_MS = 86_400_000
_ENDS = tuple(state.value for state in GrantState if state.final)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a period's flow is wanted; None is everything, and of no holder is nothing."""

    period: Period
    department_id: str | None = None
    entity_id: str | None = None
    purpose: str | None = None
    type_code: str | None = None
    holder_ids: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """One certificate in one delivery: when, from where, of whom, to whom, for what."""

    at_ms: int
    department_id: str
    holder_id: str
    entity_id: str
    purpose: str
    type_code: str
    record_id: str
    receipt_id: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A record with its batch and return."""

    record: Record
    batch: Batch
    returned: Return


_PURPOSE = Grant.terms["purpose"]["code"].as_string()


def _narrowed(session: Session, query: Select[Any], wanted: Wanted) -> Select[Any]:
    """`query` over the certificates of the deliveries that are wanted, one row each."""
    part, record = _listed(session)
    found = (
        query.select_from(Receipt)
        .join(Grant, Grant.id == Receipt.grant_id)
        .join(Copy, Copy.id == Receipt.copy_id)
        .join(Content, Content.id == Copy.content_id)
        .join(part, true())
        .join(Record, Record.id == record)
        .join(Batch, Batch.id == Record.batch_id)
        .join(Return, Return.id == Batch.return_id)
        .where(
            Receipt.kind == ReceiptKind.DELIVERY.value,
            Receipt.holder_id.is_not(None),
            Receipt.party_id.is_not(None),
            wanted.period.holds(Receipt.at_ms),
        )
    )
    pairs = (
        (Return.party_id, wanted.department_id),
        (Receipt.party_id, wanted.entity_id),
        (_PURPOSE, wanted.purpose),
        (Record.type_code, wanted.type_code),
    )
    found = found.where(*(column == value for column, value in pairs if value is not None))
    return found if wanted.holder_ids is None else found.where(Receipt.holder_id.in_(wanted.holder_ids))


def _listed(session: Session) -> tuple[FromClause, ColumnElement[str]]:
    """What a copy's content lists as rows, and the record's id in them."""
    if session.get_bind().dialect.name == "sqlite":
        rows = func.json_each(Content.records).table_valued("value", name="part")
        return rows, func.json_extract(rows.c.value, "$.record")
    rows = func.json_array_elements(Content.records).table_valued(column("value", JSON)).render_derived(name="part")
    return rows, rows.c.value["record"].as_string()


def holders(session: Session, wanted: Wanted) -> Iterator[str]:
    """Everybody whose certificates were delivered."""
    query = _narrowed(session, select(Receipt.holder_id), wanted).distinct()
    yield from session.execute(query.execution_options(yield_per=_CHUNK)).scalars()


def busiest(session: Session, wanted: Wanted, limit: int) -> list[str]:
    """The holders whose certificates were delivered most often, at most `limit`."""
    times = func.count()
    query = _narrowed(session, select(Receipt.holder_id), wanted).group_by(Receipt.holder_id)
    return list(session.execute(query.order_by(times.desc(), Receipt.holder_id).limit(limit)).scalars())


def how_many_holders(session: Session, wanted: Wanted) -> int:
    """Of how many people certificates were delivered."""
    query = _narrowed(session, select(func.count(Receipt.holder_id.distinct())), wanted)
    return int(session.execute(query).scalar_one())


def counted(session: Session, wanted: Wanted, singly: Collection[str]) -> Counter[tuple[str, str, str, str]]:
    """How often by department, holder, purpose and entity; "" for all holders but those in `singly`."""
    holder = case((Receipt.holder_id.in_(singly), Receipt.holder_id), else_="").label("holder")
    purpose = _PURPOSE.label("purpose")
    keys = (Return.party_id, holder, purpose, Receipt.party_id)
    # By the labels: the same expression with other parameters is another one to PostgreSQL.
    query = _narrowed(session, select(*keys, func.count()), wanted)
    query = query.group_by(Return.party_id, text("holder"), text("purpose"), Receipt.party_id)
    return Counter({(one[0], one[1], one[2], one[3]): one[4] for one in session.execute(query)})


def counted_by_day(session: Session, wanted: Wanted, offset_ms: int) -> Counter[tuple[int, str]]:
    """How often by day (since 1970, in a zone of that offset) and purpose."""
    day = ((Receipt.at_ms + offset_ms) // _DAY_MS).label("day")
    purpose = _PURPOSE.label("purpose")
    query = _narrowed(session, select(day, purpose, func.count()), wanted).group_by(text("day"), text("purpose"))
    return Counter({(int(one[0]), one[1]): one[2] for one in session.execute(query)})


def newest(session: Session, wanted: Wanted, limit: int) -> list[Delivered]:
    """What was delivered, newest first, at most `limit`."""
    query = select(
        Receipt.at_ms,
        Return.party_id,
        Receipt.holder_id,
        Receipt.party_id,
        _PURPOSE,
        Record.type_code,
        Record.id,
        Receipt.id,
    )
    query = _narrowed(session, query, wanted).order_by(Receipt.at_ms.desc(), Receipt.id.desc(), Record.id).limit(limit)
    return [Delivered(*row) for row in session.execute(query)]


def find_record(session: Session, record_id: str) -> Kept | None:
    """A record that was sealed, whoever's it is."""
    row = session.execute(
        select(Record, Batch, Return)
        .join(Batch, Batch.id == Record.batch_id)
        .join(Return, Return.id == Batch.return_id)
        .where(Record.id == record_id, Return.sealed_at_ms.is_not(None))
    ).one_or_none()
    return None if row is None else Kept(*row)


def versions(session: Session, record: Record) -> list[Record]:
    """All versions of a certificate, oldest first."""
    query = select(Record).where(Record.number_bidx == record.number_bidx).order_by(Record.version)
    return list(session.execute(query).scalars())


def copies_with(session: Session, record: Record) -> list[Copy]:
    """Copies that a record went into."""
    contents = session.execute(select(Content.id, Content.records).where(Content.holder_id == record.holder_id)).all()
    mine = [content for content, listed in contents if any(one["record"] == record.id for one in listed)]
    if not mine:
        return []
    return list(session.execute(select(Copy).where(Copy.content_id.in_(mine)).order_by(Copy.created_at_ms)).scalars())


def grants_of(session: Session, grant_ids: Iterable[str]) -> list[Grant]:
    """Grants by id, oldest first."""
    query = select(Grant).where(Grant.id.in_(sorted(set(grant_ids)))).order_by(Grant.created_at_ms, Grant.id)
    return list(session.execute(query).scalars())


def receipts_about(session: Session, grant_ids: Iterable[str], copy_ids: Iterable[str]) -> list[Receipt]:
    """Receipts of these grants' beginnings and of these copies' deliveries, in order."""
    begun = (ReceiptKind.GRANT.value,)
    rows = list(
        session.execute(
            select(Receipt).where(Receipt.grant_id.in_(sorted(set(grant_ids))), Receipt.kind.in_(begun))
        ).scalars()
    )
    rows += session.execute(
        select(Receipt).where(Receipt.copy_id.in_(sorted(set(copy_ids))), Receipt.kind == ReceiptKind.DELIVERY.value)
    ).scalars()
    return sorted(rows, key=lambda row: (row.at_ms, row.number or 0))


def ends_of(session: Session, grant_ids: Iterable[str]) -> list[GrantEvent]:
    """How grants ended, in order."""
    query = select(GrantEvent).where(GrantEvent.grant_id.in_(sorted(set(grant_ids))), GrantEvent.state.in_(_ENDS))
    return list(session.execute(query.order_by(GrantEvent.at_ms)).scalars())


def deletions_of(session: Session, copy_ids: Iterable[str]) -> list[CopyEvent]:
    """When copies were stated to be deleted, in order."""
    query = select(CopyEvent).where(
        CopyEvent.copy_id.in_(sorted(set(copy_ids))), CopyEvent.state == CopyState.DELETED.value
    )
    return list(session.execute(query.order_by(CopyEvent.at_ms)).scalars())


def traces_naming(session: Session, copy_ids: Iterable[str], since_ms: int) -> list[Trace]:
    """Examined files whose verdict names one of these copies."""
    wanted, found = set(copy_ids), []
    query = select(Trace).where(Trace.created_at_ms >= since_ms).order_by(Trace.created_at_ms)
    for trace in session.execute(query.execution_options(yield_per=_CHUNK)).scalars():
        named = trace.report.get("named", [])
        if isinstance(named, list) and any(one["copy"] in wanted for one in named):
            found.append(trace)
    return found
