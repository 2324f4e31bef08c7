"""Access by statutory duty: what a party queried, how often, and the alarms that this raised."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from api.policy.case_register import Standing
from api.policy.statutory import BURST_MS, DAY_MS, HOUR_MS, Tally
from api.store.queries import paging
from api.store.tables import Case, Party, StatutoryAccess, StatutoryAlarm


class Outcome(StrEnum):
    """What came of a query; ASKED while nobody can say yet, or for good where the service was killed meanwhile."""

    ASKED = "asked"
    DELIVERED = "delivered"
    NOTHING = "nothing"
    REFUSED = "refused"


class AlarmState(StrEnum):
    """Whether a regulator has looked."""

    OPEN = "open"
    CLOSED = "closed"


_SET = update(StatutoryAccess).execution_options(synchronize_session=False)
_STRANGE = (Standing.UNKNOWN.value, Standing.CLOSED.value)
_COUNTED = tuple(outcome.value for outcome in Outcome if outcome is not Outcome.REFUSED)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a query is about: blind indexes of the number, and of what it has in common with its neighbours."""

    number: bytes
    near: bytes


def lock_party(session: Session, party_id: str) -> None:
    """One query of a party at a time: what is counted must not change before it is added to."""
    session.execute(select(Party.id).where(Party.id == party_id).with_for_update())


def tally(session: Session, party_id: str, basis_code: str, case_no: str, subject: Subject, now_ms: int) -> Tally:
    """What the party did before. Distinct numbers are counted over all its bases, quotas under this one."""
    others = func.count(func.distinct(StatutoryAccess.subject_bidx))
    mine = (
        StatutoryAccess.party_id == party_id,
        StatutoryAccess.outcome.in_(_COUNTED),
        StatutoryAccess.subject_bidx != subject.number,
    )
    of_case = select(others).where(*mine, StatutoryAccess.basis_code == basis_code, StatutoryAccess.case_no == case_no)
    near = select(others).where(
        *mine, StatutoryAccess.near_bidx == subject.near, StatutoryAccess.at_ms > now_ms - HOUR_MS
    )
    burst = select(others).where(*mine, StatutoryAccess.at_ms > now_ms - BURST_MS)
    other_cases = select(func.count(func.distinct(StatutoryAccess.case_no))).where(
        StatutoryAccess.party_id == party_id,
        StatutoryAccess.outcome.in_(_COUNTED),
        StatutoryAccess.case_no != case_no,
    )
    since = session.execute(
        select(func.max(StatutoryAlarm.closed_at_ms)).where(StatutoryAlarm.party_id == party_id)
    ).scalar()
    other_cases = other_cases.where(StatutoryAccess.at_ms > max(now_ms - DAY_MS, since or 0))
    strange, strange_or_late = (
        int(session.execute(other_cases.where(StatutoryAccess.case_standing.in_(standings))).scalar_one())
        for standings in (_STRANGE, (*_STRANGE, Standing.LATE.value))
    )
    if since is not None:
        # What a regulator has looked at does not raise the next alarm.
        near, burst = near.where(StatutoryAccess.at_ms > since), burst.where(StatutoryAccess.at_ms > since)
    counts = [int(session.execute(query).scalar_one()) for query in (of_case, near, burst)]
    today = used_today(session, party_id, basis_code, now_ms)
    blocked = is_blocked(session, party_id)
    return Tally(today, counts[0], counts[1], counts[2], blocked, strange, strange_or_late)


def used_today(session: Session, party_id: str, basis_code: str, now_ms: int) -> int:
    """How many of the party's queries under a basis count against the day's quota."""
    return session.execute(
        select(func.count())
        .select_from(StatutoryAccess)
        .where(
            StatutoryAccess.party_id == party_id,
            StatutoryAccess.outcome.in_(_COUNTED),
            StatutoryAccess.basis_code == basis_code,
            StatutoryAccess.at_ms > now_ms - DAY_MS,
        )
    ).scalar_one()


def open_alarms_of(session: Session, party_id: str) -> list[StatutoryAlarm]:
    """A party's alarms that no regulator has closed yet, oldest first."""
    query = select(StatutoryAlarm).where(
        StatutoryAlarm.party_id == party_id, StatutoryAlarm.state == AlarmState.OPEN.value
    )
    return list(session.execute(query.order_by(StatutoryAlarm.raised_at_ms, StatutoryAlarm.id)).scalars())


def misses(session: Session, party_id: str, basis_code: str, now_ms: int) -> int:
    """How many of the party's queries under a basis found nothing in 24 hours, since a regulator last looked."""
    since = session.execute(
        select(func.max(StatutoryAlarm.closed_at_ms)).where(StatutoryAlarm.party_id == party_id)
    ).scalar()
    return session.execute(
        select(func.count())
        .select_from(StatutoryAccess)
        .where(
            StatutoryAccess.party_id == party_id,
            StatutoryAccess.basis_code == basis_code,
            StatutoryAccess.outcome == Outcome.NOTHING.value,
            StatutoryAccess.at_ms > max(now_ms - DAY_MS, since or 0),
        )
    ).scalar_one()


def is_blocked(session: Session, party_id: str) -> bool:
    """Whether an alarm that stops the party is open."""
    return (
        session.execute(
            select(StatutoryAlarm.id)
            .where(
                StatutoryAlarm.party_id == party_id,
                StatutoryAlarm.state == AlarmState.OPEN.value,
                StatutoryAlarm.blocks,
            )
            .limit(1)
        ).first()
        is not None
    )


def alarms(
    session: Session, *, open_only: bool = False, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[StatutoryAlarm]:
    """All alarms, newest first; for regulators."""
    limit = paging.clamp(limit)
    query = select(StatutoryAlarm).where(*paging.after(cursor, StatutoryAlarm.raised_at_ms, StatutoryAlarm.id))
    if open_only:
        query = query.where(StatutoryAlarm.state == AlarmState.OPEN.value)
    query = query.order_by(StatutoryAlarm.raised_at_ms.desc(), StatutoryAlarm.id.desc()).limit(limit + 1)
    return paging.page(list(session.execute(query).scalars()), limit, lambda row: (row.raised_at_ms, row.id))


def lock_alarm(session: Session, alarm_id: str) -> StatutoryAlarm | None:
    """One alarm, locked."""
    return session.execute(
        select(StatutoryAlarm).where(StatutoryAlarm.id == alarm_id).with_for_update()
    ).scalar_one_or_none()


def access_of_party(session: Session, party_id: str, access_id: str) -> StatutoryAccess | None:
    """A party's own query."""
    return session.execute(
        select(StatutoryAccess).where(StatutoryAccess.id == access_id, StatutoryAccess.party_id == party_id)
    ).scalar_one_or_none()


def accesses_of_party(
    session: Session, party_id: str, *, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[StatutoryAccess]:
    """What a party queried, newest first."""
    limit = paging.clamp(limit)
    query = select(StatutoryAccess).where(
        StatutoryAccess.party_id == party_id, *paging.after(cursor, StatutoryAccess.at_ms, StatutoryAccess.id)
    )
    query = query.order_by(StatutoryAccess.at_ms.desc(), StatutoryAccess.id.desc()).limit(limit + 1)
    return paging.page(list(session.execute(query).scalars()), limit, lambda row: (row.at_ms, row.id))


def authorised(session: Session, access_id: str, holder_id: str, grant_id: str) -> None:
    """A query is about somebody who has something to be given."""
    session.execute(_SET.where(StatutoryAccess.id == access_id).values(holder_id=holder_id, grant_id=grant_id))


def settle(
    session: Session, access_id: str, outcome: Outcome, *, receipt_id: str | None = None, holder_id: str | None = None
) -> None:
    """Say what came of a query; `holder_id` where it is not known yet."""
    values: dict[str, object] = {"outcome": outcome.value, "receipt_id": receipt_id}
    if holder_id is not None:
        values["holder_id"] = holder_id
    session.execute(_SET.where(StatutoryAccess.id == access_id).values(values))


def reasoned(session: Session, access_id: str, reason: str) -> None:
    """Say why a query was refused after it had been let in."""
    session.execute(_SET.where(StatutoryAccess.id == access_id).values(reason=reason))


def purgeable(session: Session, now_ms: int, before_ms: int, limit: int = 500) -> list[str]:
    """Queries of before then, oldest first, that no case is about and whose line nothing masks any more."""
    contested = exists().where(Case.access_id == StatutoryAccess.id)
    masked = StatutoryAccess.masked_until_ms > now_ms
    query = select(StatutoryAccess.id).where(
        StatutoryAccess.at_ms < before_ms, ~contested, or_(StatutoryAccess.masked_until_ms.is_(None), ~masked)
    )
    return list(session.execute(query.order_by(StatutoryAccess.at_ms, StatutoryAccess.id).limit(limit)).scalars())


def purge(session: Session, now_ms: int, before_ms: int) -> int:
    """Delete some hundred of `purgeable`; how many."""
    due = purgeable(session, now_ms, before_ms)
    session.execute(
        delete(StatutoryAccess).where(StatutoryAccess.id.in_(due)).execution_options(synchronize_session=False)
    )
    return len(due)
