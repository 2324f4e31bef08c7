"""Visits at a service window, what was done in them, and how many look-ups an officer made on a day."""

import json
from dataclasses import asdict, dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.store.crypto import DataKey, Purpose, bound_columns
from api.store.inserts import insert_if_new
from api.store.tables import CounterAct, CounterTally, CounterVisit, GrantAuthority, Party


@dataclass(frozen=True, slots=True)
class VisitBody:
    """What is encrypted of a visit: the name that is printed, and the salt (hexadecimal) of its commitment."""

    name: str
    salt: str


def seal_body(key: DataKey, row: CounterVisit, body: VisitBody) -> None:
    """Encrypt `body` into the row; all other columns must be as they shall stay until the next seal."""
    plain = json.dumps(asdict(body), ensure_ascii=False, sort_keys=True).encode()
    row.body_enc = key.seal(Purpose.VISIT_BODY, row.id, plain, bound=_bound(row))


def open_body(key: DataKey, row: CounterVisit) -> VisitBody:
    """Decrypt a visit's body. Raises ApiError `store.ciphertext` where it or any column was altered."""
    return VisitBody(**json.loads(key.open(Purpose.VISIT_BODY, row.id, row.body_enc or b"", bound=_bound(row))))


def get_visit(session: Session, visit_id: str, *, lock: bool = False) -> CounterVisit | None:
    """A visit; with `lock` fresh and locked until the transaction ends."""
    query = select(CounterVisit).where(CounterVisit.id == visit_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def office_of_grant(session: Session, grant_id: str) -> Party | None:
    """The department at whose counter a grant was given; None where it was given elsewhere."""
    query = (
        select(Party)
        .join(CounterVisit, CounterVisit.party_id == Party.id)
        .join(GrantAuthority, GrantAuthority.visit_id == CounterVisit.id)
        .where(GrantAuthority.grant_id == grant_id)
    )
    return session.execute(query).scalar_one_or_none()


def visits_of_officer(session: Session, officer: str, since_ms: int, limit: int = 50) -> list[CounterVisit]:
    """An officer's visits since a moment, newest first; those of numbers that nobody has are left out."""
    return list(
        session.execute(
            select(CounterVisit)
            .where(
                CounterVisit.officer == officer,
                CounterVisit.opened_at_ms >= since_ms,
                CounterVisit.holder_id.is_not(None),
            )
            .order_by(CounterVisit.opened_at_ms.desc(), CounterVisit.id.desc())
            .limit(limit)
        ).scalars()
    )


def spend_lookup(session: Session, officer: str, day: int, limit: int) -> int | None:
    """Count one look-up more; how many it makes that day, or None where the limit is reached and none was counted."""
    insert_if_new(session, CounterTally, {"officer": officer, "day": day, "used": 0})
    return session.execute(
        update(CounterTally)
        .where(CounterTally.officer == officer, CounterTally.day == day, CounterTally.used < limit)
        .values(used=CounterTally.used + 1)
        .returning(CounterTally.used)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()


def lookups(session: Session, officer: str, day: int) -> int:
    """How many look-ups an officer has made on a day."""
    query = select(CounterTally.used).where(CounterTally.officer == officer, CounterTally.day == day)
    return session.execute(query).scalar_one_or_none() or 0


def add_act(
    session: Session, visit_id: str, act: str, at_ms: int, *, request_id: str | None = None, grant_id: str | None = None
) -> CounterAct:
    """Note what was done, in order. The visit must be locked."""
    session.flush()
    last = session.execute(select(func.max(CounterAct.seq)).where(CounterAct.visit_id == visit_id)).scalar_one()
    row = CounterAct(
        visit_id=visit_id,
        seq=0 if last is None else last + 1,
        act=act,
        request_id=request_id,
        grant_id=grant_id,
        at_ms=at_ms,
    )
    session.add(row)
    session.flush()
    return row


def acts_of(session: Session, visit_id: str) -> list[CounterAct]:
    """What was done in a visit, in order."""
    query = select(CounterAct).where(CounterAct.visit_id == visit_id).order_by(CounterAct.seq)
    return list(session.execute(query).scalars())


def _bound(row: CounterVisit) -> bytes:
    return bound_columns(
        row.party_id,
        row.officer,
        row.holder_id,
        row.document,
        row.commitment,
        row.opened_at_ms,
        row.closes_at_ms,
        row.closed_at_ms,
    )
