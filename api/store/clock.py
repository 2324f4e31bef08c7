"""The time by which grants, requests, sessions and leases run out: the database's, never going back.

A clock that is set back would give an ended grant its life again. Each writing transaction that acts on the time
leaves a high-water mark in the database; the time read later, by any process, is never below it.
"""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.store.database import database_time_ms
from api.store.tables import ClockMark

_ROW = 1
# Rewriting the mark in every transaction would make all writers touch one row; a second is finer than any term.
_STEP_MS = 1000


def now_ms(session: Session) -> int:
    """UTC milliseconds by the database's clock, at least the high-water mark."""
    return max(database_time_ms(session), _mark(session))


def advance(session: Session, *, exact: bool = False) -> int:
    """`now_ms`, leaving the mark behind; for transactions that act on the time.

    The mark moves in steps of a second unless `exact`, which the log writer uses. Needs a writing transaction.
    """
    mark = _mark(session)
    now = max(database_time_ms(session), mark)
    if now >= mark + (1 if exact else _STEP_MS):
        session.execute(
            update(ClockMark)
            .where(ClockMark.id == _ROW, ClockMark.high_ms < now)
            .values(high_ms=now)
            .execution_options(synchronize_session=False)
        )
    return now


def _mark(session: Session) -> int:
    return session.execute(select(ClockMark.high_ms).where(ClockMark.id == _ROW)).scalar_one()
