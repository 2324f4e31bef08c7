"""Disputes: their rows, sealed texts and moves."""

from collections.abc import Collection
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.policy.disputes import OPEN, WITH_REGULATOR, DisputeState
from api.store.crypto import DataKey, Purpose, bound_columns
from api.store.queries import paging
from api.store.tables import Batch, Dispute, DisputeEvent, Record, Return

_OPEN = tuple(sorted(state.value for state in OPEN))


class Words(StrEnum):
    """Which of a dispute's texts: what its holder says, the answer, why the regulator is asked, what it decided."""

    STATEMENT = "statement"
    ANSWER = "answer"
    CONTEST = "contest"
    DECISION = "decision"


def seal_words(key: DataKey, row: Dispute, which: Words, text: str) -> None:
    """Encrypt one of a dispute's texts under its holder's key."""
    sealed = key.seal(Purpose.DISPUTE_TEXT, row.id, text.encode(), bound=_bound(row, which))
    setattr(row, f"{which}_enc", sealed)


def open_words(key: DataKey, row: Dispute, which: Words) -> str | None:
    """One of a dispute's texts; None where nothing was written. Raises ApiError `store.ciphertext`, `store.erased`."""
    sealed: bytes | None = getattr(row, f"{which}_enc")
    if sealed is None:
        return None
    return key.open(Purpose.DISPUTE_TEXT, row.id, sealed, bound=_bound(row, which)).decode()


def next_number(session: Session) -> int:
    """The number of the next dispute. To be asked by the log writer alone, which does one thing after another."""
    session.flush()
    return int(session.execute(select(func.coalesce(func.max(Dispute.number), 0))).scalar_one()) + 1


def get_dispute(session: Session, dispute_id: str, *, lock: bool = False) -> Dispute | None:
    """Any dispute; whom it concerns is the caller's to check."""
    query = select(Dispute).where(Dispute.id == dispute_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def open_about(
    session: Session, holder_id: str, *, record_id: str | None, field: str | None, receipt_id: str | None
) -> Dispute | None:
    """An open dispute about the same field, certificate or line."""
    query = select(Dispute).where(
        Dispute.holder_id == holder_id,
        Dispute.state.in_(_OPEN),
        Dispute.record_id.is_(None) if record_id is None else Dispute.record_id == record_id,
        Dispute.field.is_(None) if field is None else Dispute.field == field,
        Dispute.receipt_id.is_(None) if receipt_id is None else Dispute.receipt_id == receipt_id,
    )
    return session.execute(query.limit(1)).scalar()


def count_open(session: Session, *, holder_id: str | None = None, party_id: str | None = None) -> int:
    """How many disputes of a holder, or to be answered by a party, are open."""
    query = select(func.count()).select_from(Dispute).where(Dispute.state.in_(_OPEN))
    if holder_id is not None:
        query = query.where(Dispute.holder_id == holder_id)
    if party_id is not None:
        query = query.where(Dispute.party_id == party_id)
    return int(session.execute(query).scalar_one())


def list_disputes(
    session: Session,
    *,
    holder_id: str | None = None,
    party_id: str | None = None,
    states: Collection[DisputeState] | None = None,
    escalated: bool = False,
    cursor: str | None = None,
    limit: int = paging.LIMIT,
) -> paging.Page[Dispute]:
    """A holder's disputes, those that a party must answer, or all; newest first.

    `escalated`: only those that the regulator was told of, or was asked to decide.
    """
    limit = paging.clamp(limit)
    query = select(Dispute).where(*paging.after(cursor, Dispute.opened_at_ms, Dispute.id))
    if holder_id is not None:
        query = query.where(Dispute.holder_id == holder_id)
    if party_id is not None:
        query = query.where(Dispute.party_id == party_id)
    if states is not None:
        query = query.where(Dispute.state.in_(sorted(state.value for state in states)))
    if escalated:
        with_regulator = Dispute.state.in_(sorted(state.value for state in WITH_REGULATOR))
        query = query.where(with_regulator | Dispute.contested | Dispute.escalated_at_ms.is_not(None))
    rows = session.execute(query.order_by(Dispute.opened_at_ms.desc(), Dispute.id.desc()).limit(limit + 1)).scalars()
    return paging.page(list(rows), limit, lambda row: (row.opened_at_ms, row.id))


def overdue(session: Session, now_ms: int, limit: int = 100) -> list[str]:
    """Disputes past their date of which the regulator was not told yet."""
    waiting = (DisputeState.OPENED.value, DisputeState.CORRECTING.value, DisputeState.ORDERED.value)
    query = select(Dispute.id).where(
        Dispute.state.in_(waiting), Dispute.due_at_ms <= now_ms, Dispute.escalated_at_ms.is_(None)
    )
    return list(session.execute(query.order_by(Dispute.due_at_ms).limit(limit)).scalars())


def append_event(
    session: Session, row: Dispute, state: DisputeState, actor: str, receipt_id: str, at_ms: int, note: str | None
) -> DisputeEvent:
    """Note a move of a locked dispute, which then stands in `state`."""
    session.flush()
    count = select(func.count()).select_from(DisputeEvent).where(DisputeEvent.dispute_id == row.id)
    seq = session.execute(count).scalar_one()
    row.state = state.value
    event = DisputeEvent(
        dispute_id=row.id, seq=int(seq), state=state.value, actor=actor, note=note, receipt_id=receipt_id, at_ms=at_ms
    )
    session.add(event)
    session.flush()
    return event


def events_of(session: Session, dispute_id: str) -> list[DisputeEvent]:
    """A dispute's moves in order."""
    query = select(DisputeEvent).where(DisputeEvent.dispute_id == dispute_id).order_by(DisputeEvent.seq)
    return list(session.execute(query).scalars())


def issuer_of(session: Session, record: Record) -> str:
    """The department that returned a record."""
    query = select(Return.party_id).join(Batch, Batch.return_id == Return.id).where(Batch.id == record.batch_id)
    return str(session.execute(query).scalar_one())


def _bound(row: Dispute, which: Words) -> bytes:
    """What never changes of a dispute: the text belongs to it and to what it is about."""
    return bound_columns(
        which.value,
        row.number,
        row.holder_id,
        row.party_id,
        row.subject,
        row.record_id,
        row.field,
        row.receipt_id,
        row.opened_at_ms,
    )
