"""The watch over the use of data by consent: tallies, what its rules count, and alarms.

Each step of an alarm is a receipt of kind admission.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.policy.watch import MINUTE_MS, Seen, WatchState
from api.store.crypto import Vault
from api.store.ids import new_alarm_id
from api.store.queries import paging
from api.store.queries.registrations import LegalBasis
from api.store.queries.requests import BY_ENTITY
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Receipt, Request, WatchAlarm, WatchMark, WatchTally
from chain.canonical import Json
from chain.receipt import ReceiptKind

_PULLS = (ReceiptKind.DELIVERY.value, ReceiptKind.REFUSAL.value)
_COUNTED = (*_PULLS, ReceiptKind.REQUEST.value)
_LIVE = frozenset({WatchState.OPEN, WatchState.TAKEN})


@dataclass(frozen=True, slots=True)
class Event:
    """A numbered receipt of a party that the watch counts; `pulls` is 0 for a request."""

    number: int
    party_id: str
    receipt_id: str
    at_ms: int
    pulls: int


def mark(session: Session, *, lock: bool = False) -> int:
    """The number of the last receipt that was counted; -1 before the first."""
    row = session.get(WatchMark, 1, with_for_update=lock or None)
    return -1 if row is None else row.number


def move_mark(session: Session, number: int) -> None:
    """Counted up to this number."""
    row = session.get(WatchMark, 1)
    if row is None:
        session.add(WatchMark(id=1, number=number))
    else:
        row.number = number
    session.flush()


def events_after(session: Session, number: int, limit: int) -> tuple[list[Event], int | None]:
    """What happened after a number, in order; and the last number that was looked at (None: there is no more)."""
    rows = session.execute(
        select(Receipt.number, Receipt.kind, Receipt.party_id, Receipt.id, Receipt.at_ms, Receipt.repeats)
        .where(Receipt.number > number)
        .order_by(Receipt.number)
        .limit(limit)
    ).all()
    events = [
        Event(at, party, receipt_id, at_ms, repeats if kind in _PULLS else 0)
        for at, kind, party, receipt_id, at_ms, repeats in rows
        if kind in _COUNTED and party is not None and at is not None
    ]
    return events, rows[-1][0] if rows else None


def add_pulls(session: Session, events: Iterable[Event]) -> None:
    """Add events to the tallies of their minutes."""
    counted: Counter[tuple[str, int]] = Counter()
    for one in events:
        counted[one.party_id, one.at_ms // MINUTE_MS * MINUTE_MS] += one.pulls
    for (party_id, minute_ms), pulls in sorted(counted.items()):
        row = session.get(WatchTally, (party_id, minute_ms))
        if row is None:
            session.add(WatchTally(party_id=party_id, minute_ms=minute_ms, pulls=pulls))
        else:
            row.pulls += pulls
    session.flush()


def forget_tallies(session: Session, before_ms: int) -> None:
    """Delete tallies of before then."""
    session.execute(
        delete(WatchTally).where(WatchTally.minute_ms < before_ms).execution_options(synchronize_session=False)
    )


def pulls_between(session: Session, party_id: str, since_ms: int, until_ms: int) -> int:
    """Pulls of a party in the minutes from one moment to another."""
    query = select(func.coalesce(func.sum(WatchTally.pulls), 0)).where(
        WatchTally.party_id == party_id, WatchTally.minute_ms >= since_ms, WatchTally.minute_ms <= until_ms
    )
    return int(session.execute(query).scalar_one())


def request_of(session: Session, receipt_id: str) -> Request | None:
    """The request that a receipt is of."""
    return session.execute(select(Request).where(Request.receipt_id == receipt_id)).scalar_one_or_none()


def requests_between(
    session: Session,
    party_id: str,
    since_ms: int,
    until_ms: int,
    *,
    purpose: str | None = None,
    unknown: bool = False,
) -> int:
    """Requests of a party after one moment, up to another; `unknown`: to numbers that nobody has."""
    query = _asked(party_id, since_ms, until_ms, select(func.count()))
    if purpose is not None:
        query = query.where(Request.purpose_code == purpose)
    if unknown:
        query = query.where(Request.holder_id.is_(None))
    return int(session.execute(query).scalar_one())


def holders_of_case(session: Session, party_id: str, case_no: str, since_ms: int, until_ms: int) -> int:
    """How many holders a party asked under one case number."""
    query = _asked(party_id, since_ms, until_ms, select(func.count(func.distinct(Request.holder_id))))
    return int(session.execute(query.where(Request.case_no == case_no)).scalar_one())


def _asked(party_id: str, since_ms: int, until_ms: int, query: Select[int]) -> Select[int]:
    return query.where(
        Request.entity_id == party_id,
        Request.legal_basis == LegalBasis.CONSENT.value,
        Request.origin == BY_ENTITY,
        Request.created_at_ms > since_ms,
        Request.created_at_ms <= until_ms,
    )


def closed_at(session: Session, party_id: str, kind: str, subject: str) -> int:
    """When a regulator last closed an alarm of this kind; what it looked at does not raise the next one."""
    query = select(func.max(WatchAlarm.closed_at_ms)).where(
        WatchAlarm.party_id == party_id, WatchAlarm.kind == kind, WatchAlarm.subject == subject
    )
    return session.execute(query).scalar() or 0


def raise_alarm(
    session: Session, vault: Vault, party_id: str, subject: str, seen: Seen, at_ms: int
) -> WatchAlarm | None:
    """Raise an alarm, or let the one that is not closed grow; the row where it is new.

    Nothing is raised by what happened before a regulator closed such an alarm: that may be after it was judged.
    """
    # Locked, so that it neither grows nor is written over while an officer takes or closes it.
    row = session.execute(_live(party_id, seen.kind.value, subject).with_for_update()).scalar_one_or_none()
    if row is None and closed_at(session, party_id, seen.kind.value, subject) >= at_ms:
        return None
    if row is not None:
        if seen.seen <= row.seen:
            return None
        row.seen, row.last_at_ms = seen.seen, at_ms
        _receipt(session, vault, row)
        return None
    row = WatchAlarm(
        id=new_alarm_id(),
        party_id=party_id,
        kind=seen.kind.value,
        subject=subject,
        seen=seen.seen,
        limit=seen.limit,
        state=WatchState.OPEN.value,
        live=1,
        raised_at_ms=at_ms,
        last_at_ms=at_ms,
    )
    session.add(row)
    _receipt(session, vault, row)
    return row


def is_another_live(session: Session, row: WatchAlarm) -> bool:
    """Whether an alarm that is not closed stands for the same as this closed one."""
    found = session.execute(_live(row.party_id, row.kind, row.subject).where(WatchAlarm.id != row.id))
    return found.first() is not None


def _live(party_id: str, kind: str, subject: str) -> Select[WatchAlarm]:
    return select(WatchAlarm).where(
        WatchAlarm.party_id == party_id,
        WatchAlarm.kind == kind,
        WatchAlarm.subject == subject,
        WatchAlarm.live == 1,
    )


def move(session: Session, vault: Vault, row: WatchAlarm, state: WatchState, by: str, at_ms: int) -> None:
    """Move a locked alarm on in the queue; OPEN again forgets who had it."""
    row.state, row.live = state.value, 1 if state in _LIVE else None
    if state is WatchState.TAKEN:
        row.taken_by, row.taken_at_ms = by, at_ms
    elif state is WatchState.CLOSED:
        row.closed_by, row.closed_at_ms = by, at_ms
    elif state is WatchState.CHECKED:
        row.checked_by, row.checked_at_ms = by, at_ms
    else:
        row.taken_by = row.taken_at_ms = row.closed_by = row.closed_at_ms = row.reason = row.remark = None
    _receipt(session, vault, row)


def lock(session: Session, alarm_id: str) -> WatchAlarm:
    """One alarm, locked. Raises `watch.not_found`."""
    row = session.execute(select(WatchAlarm).where(WatchAlarm.id == alarm_id).with_for_update()).scalar_one_or_none()
    if row is None:
        raise ApiError("watch.not_found", Kind.NOT_FOUND)
    return row


def list_all(
    session: Session, *, state: str | None = None, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[WatchAlarm]:
    """All alarms, newest first."""
    limit = paging.clamp(limit)
    query = select(WatchAlarm).where(*paging.after(cursor, WatchAlarm.raised_at_ms, WatchAlarm.id))
    if state is not None:
        query = query.where(WatchAlarm.state == state)
    query = query.order_by(WatchAlarm.raised_at_ms.desc(), WatchAlarm.id.desc()).limit(limit + 1)
    return paging.page(list(session.execute(query).scalars()), limit, lambda row: (row.raised_at_ms, row.id))


def stated(row: WatchAlarm) -> dict[str, Json]:
    """What the receipt of an alarm's newest step says: its row as it stands."""
    return {
        "act": "watch",
        "alarm": row.id,
        "party": row.party_id,
        "kind": row.kind,
        "subject": row.subject,
        "seen": row.seen,
        "limit": row.limit,
        "state": row.state,
        "raised_at_ms": row.raised_at_ms,
        "last_at_ms": row.last_at_ms,
        "taken_by": row.taken_by,
        "taken_at_ms": row.taken_at_ms,
        "closed_by": row.closed_by,
        "closed_at_ms": row.closed_at_ms,
        "reason": row.reason,
        "remark": row.remark,
        "checked_by": row.checked_by,
        "checked_at_ms": row.checked_at_ms,
    }


def _receipt(session: Session, vault: Vault, row: WatchAlarm) -> None:
    session.flush()
    prepare_receipt(session, vault, ReceiptDraft(ReceiptKind.ADMISSION, stated(row), party_id=row.party_id))
