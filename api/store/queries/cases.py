"""Cases and what they hold up."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.policy.cases import CASE_TRANSITIONS, CaseState
from api.store.crypto import DataKey, Purpose, bound_columns
from api.store.queries import paging
from api.store.tables import Case, CaseEvent, Suspension

_OPEN = tuple(state.value for state, following in CASE_TRANSITIONS.items() if following)


def seal_reason(key: DataKey, row: Case, text: str) -> None:
    """Encrypt what the holder says."""
    row.reason_enc = key.seal(Purpose.CASE_TEXT, row.id, text.encode(), bound=_bound(row, "reason"))


def open_reason(key: DataKey, row: Case) -> str:
    """What the holder says. Raises ApiError `store.ciphertext`, `store.erased`."""
    return key.open(Purpose.CASE_TEXT, row.id, row.reason_enc, bound=_bound(row, "reason")).decode()


def seal_decision(key: DataKey, row: Case, text: str) -> None:
    """Encrypt why it was decided so."""
    row.decision_enc = key.seal(Purpose.CASE_TEXT, row.id, text.encode(), bound=_bound(row, "decision"))


def open_decision(key: DataKey, row: Case) -> str | None:
    """Why it was decided so; None before."""
    if row.decision_enc is None:
        return None
    return key.open(Purpose.CASE_TEXT, row.id, row.decision_enc, bound=_bound(row, "decision")).decode()


def next_number(session: Session) -> int:
    """The number of the next case. To be asked by the log writer alone, which does one thing after another."""
    session.flush()
    return int(session.execute(select(func.coalesce(func.max(Case.number), 0))).scalar_one()) + 1


def get_case(session: Session, case_id: str, *, lock: bool = False) -> Case | None:
    """Any case; whom it concerns is the caller's to check."""
    query = select(Case).where(Case.id == case_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def open_about(session: Session, holder_id: str, *, grant_id: str | None, receipt_id: str | None) -> Case | None:
    """An open case about the same grant, or about the same line where it belongs to none."""
    same = Case.grant_id == grant_id if grant_id is not None else Case.receipt_id == receipt_id
    query = select(Case).where(Case.holder_id == holder_id, Case.state.in_(_OPEN), same)
    return session.execute(query.limit(1)).scalar()


def count_open(session: Session, holder_id: str) -> int:
    """How many cases of a holder are open."""
    query = select(func.count()).select_from(Case).where(Case.holder_id == holder_id, Case.state.in_(_OPEN))
    return int(session.execute(query).scalar_one())


def list_cases(
    session: Session,
    *,
    holder_id: str | None = None,
    party_id: str | None = None,
    open_only: bool = False,
    cursor: str | None = None,
    limit: int = paging.LIMIT,
) -> paging.Page[Case]:
    """A holder's cases, those about a party, or all; newest first."""
    limit = paging.clamp(limit)
    query = select(Case).where(*paging.after(cursor, Case.opened_at_ms, Case.id))
    if holder_id is not None:
        query = query.where(Case.holder_id == holder_id)
    if party_id is not None:
        query = query.where(Case.party_id == party_id)
    if open_only:
        query = query.where(Case.state.in_(_OPEN))
    rows = session.execute(query.order_by(Case.opened_at_ms.desc(), Case.id.desc()).limit(limit + 1)).scalars()
    return paging.page(list(rows), limit, lambda row: (row.opened_at_ms, row.id))


def overdue(session: Session, now_ms: int, limit: int = 100) -> list[str]:
    """Open cases past their date of which nobody was told yet."""
    query = select(Case.id).where(Case.state.in_(_OPEN), Case.due_at_ms <= now_ms, Case.escalated_at_ms.is_(None))
    return list(session.execute(query.order_by(Case.due_at_ms).limit(limit)).scalars())


def append_event(
    session: Session, row: Case, state: CaseState, actor: str, receipt_id: str, at_ms: int, note: str | None = None
) -> CaseEvent:
    """Note a move of a locked case, which then stands in `state`."""
    session.flush()
    seq = session.execute(select(func.count()).select_from(CaseEvent).where(CaseEvent.case_id == row.id)).scalar_one()
    row.state = state.value
    event = CaseEvent(
        case_id=row.id, seq=int(seq), state=state.value, actor=actor, note=note, receipt_id=receipt_id, at_ms=at_ms
    )
    session.add(event)
    session.flush()
    return event


def events_of(session: Session, case_id: str) -> list[CaseEvent]:
    """A case's moves in order."""
    query = select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.seq)
    return list(session.execute(query).scalars())


def suspend(session: Session, row: Case, now_ms: int) -> None:
    """The party of a case may not query about its holder from here on."""
    assert row.party_id is not None
    session.add(Suspension(case_id=row.id, holder_id=row.holder_id, party_id=row.party_id, since_ms=now_ms))
    session.flush()


def lift(session: Session, case_id: str, now_ms: int) -> None:
    """It may again, as far as this case goes."""
    found = session.get(Suspension, case_id)
    if found is not None and found.lifted_at_ms is None:
        found.lifted_at_ms = now_ms
        session.flush()


def is_suspended(session: Session, holder_id: str, party_id: str) -> bool:
    """Whether a party's queries about a holder are suspended."""
    query = select(Suspension.case_id).where(
        Suspension.holder_id == holder_id, Suspension.party_id == party_id, Suspension.lifted_at_ms.is_(None)
    )
    return session.execute(query.limit(1)).first() is not None


def _bound(row: Case, which: str) -> bytes:
    """What never changes of a case: the text belongs to it and to what it is about."""
    return bound_columns(
        which, row.number, row.holder_id, row.party_id, row.grant_id, row.receipt_id, row.access_id, row.opened_at_ms
    )
