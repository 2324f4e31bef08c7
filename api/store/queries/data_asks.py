"""Asks for data: their rows and moves, each move with a receipt; nothing in them is about a person.

Receipts are of kind admission, as all acts of organisations about one another are.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from api.policy.data_asks import OPEN, AskState
from api.store import locks
from api.store.crypto import Vault
from api.store.queries import paging
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import DataAsk, DataAskEvent
from chain.canonical import Json
from chain.receipt import ReceiptKind

Seen = ColumnElement[bool]
"""Which asks somebody sees."""
_OPEN = tuple(sorted(state.value for state in OPEN))
_LATE = and_(DataAsk.state.in_(_OPEN), DataAsk.escalated_at_ms.is_not(None))


def next_number(session: Session) -> int:
    """The number of the next ask; held until this transaction ends, so that no two get the same."""
    locks.exclusive(session, "data_asks/number")
    return int(session.execute(select(func.coalesce(func.max(DataAsk.number), 0))).scalar_one()) + 1


def get_ask(session: Session, ask_id: str, *, lock: bool = False) -> DataAsk | None:
    """Any ask; whom it concerns is the caller's to check."""
    query = select(DataAsk).where(DataAsk.id == ask_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def count_open(session: Session, *, asker_id: str | None = None, party_id: str | None = None) -> int:
    """How many asks of an organisation, or with a department, wait for an answer."""
    query = select(func.count()).select_from(DataAsk).where(DataAsk.state.in_(_OPEN))
    if asker_id is not None:
        query = query.where(DataAsk.asker_id == asker_id)
    if party_id is not None:
        query = query.where(DataAsk.party_id == party_id)
    return int(session.execute(query).scalar_one())


def seen_by(*, asker_id: str | None = None, party_id: str | None = None) -> Seen:
    """What an organisation asked, or has to answer, or either; everything where neither is given."""
    mine = []
    if asker_id is not None:
        mine.append(DataAsk.asker_id == asker_id)
    if party_id is not None:
        mine.append(DataAsk.party_id == party_id)
    return or_(*mine) if mine else true()


def list_asks(
    session: Session,
    seen: Seen,
    *,
    states: Collection[AskState] | None = None,
    cursor: str | None = None,
    limit: int = paging.LIMIT,
) -> paging.Page[DataAsk]:
    """Asks, newest first."""
    limit = paging.clamp(limit)
    query = select(DataAsk).where(seen, *paging.after(cursor, DataAsk.filed_at_ms, DataAsk.id))
    if states is not None:
        query = query.where(DataAsk.state.in_(sorted(state.value for state in states)))
    rows = session.execute(query.order_by(DataAsk.filed_at_ms.desc(), DataAsk.id.desc()).limit(limit + 1)).scalars()
    return paging.page(list(rows), limit, lambda row: (row.filed_at_ms, row.id))


def list_late(session: Session, seen: Seen, limit: int = paging.LIMIT) -> Sequence[DataAsk]:
    """Asks past their date that still wait, those that have waited longest first."""
    query = select(DataAsk).where(seen, _LATE).order_by(DataAsk.late_at_ms, DataAsk.id).limit(limit)
    return list(session.execute(query).scalars())


def counts(session: Session, seen: Seen) -> dict[str, int]:
    """How many asks stand in each state, and how many of those that wait are late (`late`)."""
    found = dict.fromkeys((*(state.value for state in AskState), "late"), 0)
    for state, count in session.execute(select(DataAsk.state, func.count()).where(seen).group_by(DataAsk.state)):
        found[state] = int(count)
    found["late"] = int(session.execute(select(func.count()).select_from(DataAsk).where(seen, _LATE)).scalar_one())
    return found


def overdue(session: Session, now_ms: int, limit: int = 100) -> list[str]:
    """Asks past their date of which the regulators were not told yet."""
    waiting = (AskState.WAITING.value, AskState.DESK.value, AskState.ORDERED.value)
    query = select(DataAsk.id).where(
        DataAsk.state.in_(waiting), DataAsk.due_at_ms <= now_ms, DataAsk.escalated_at_ms.is_(None)
    )
    return list(session.execute(query.order_by(DataAsk.due_at_ms).limit(limit)).scalars())


def events_of(session: Session, ask_id: str) -> list[DataAskEvent]:
    """An ask's moves in order."""
    query = select(DataAskEvent).where(DataAskEvent.ask_id == ask_id).order_by(DataAskEvent.seq)
    return list(session.execute(query).scalars())


def had_before(session: Session, ask_id: str) -> set[str]:
    """The departments that had the ask at any time."""
    query = select(DataAskEvent.party_id).where(DataAskEvent.ask_id == ask_id, DataAskEvent.party_id.is_not(None))
    return {str(party_id) for party_id in session.execute(query).scalars()}


def append_event(
    session: Session,
    vault: Vault,
    row: DataAsk,
    mover: str,
    at_ms: int,
    *,
    by: str | None,
    note: str | None = None,
    text: str | None = None,
) -> DataAskEvent:
    """Note the move that brought a locked ask to where it stands, with its receipt."""
    session.flush()
    seq = len(events_of(session, row.id))
    event = DataAskEvent(
        ask_id=row.id,
        seq=seq,
        state=row.state,
        mover=mover,
        by=by,
        party_id=row.party_id,
        note=note,
        text=text,
        due_at_ms=row.due_at_ms,
        at_ms=at_ms,
    )
    session.add(event)
    session.flush()
    prepare_receipt(session, vault, ReceiptDraft(ReceiptKind.ADMISSION, stated(row, event), party_id=row.asker_id))
    return event


def asked(row: DataAsk) -> dict[str, Json]:
    """What an ask says, which never changes."""
    return {
        "ask": row.id,
        "number": row.number,
        "asker": row.asker_id,
        "asked_by": row.asked_by,
        "type": row.type_code,
        "fields": list(row.fields),
        "words": row.words,
        "purpose_code": row.purpose_code,
        "basis_code": row.basis_code,
        "purpose": row.purpose,
        "basis": row.basis,
        "frequency": row.frequency,
        "route": row.route,
        "filed_at_ms": row.filed_at_ms,
    }


def stated(row: DataAsk, event: DataAskEvent) -> dict[str, Json]:
    """What the receipt of a move says: the ask and the move, whole."""
    return {
        "act": "data_ask",
        **asked(row),
        "seq": event.seq,
        "state": event.state,
        "mover": event.mover,
        "by": event.by,
        "department": event.party_id,
        "note": event.note,
        "text": event.text,
        "due_at_ms": event.due_at_ms,
        "at_ms": event.at_ms,
    }
