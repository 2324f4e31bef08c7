"""The time by which grants, requests, sessions and leases run out: the database's, never going back.

A clock that is set back would give an ended grant its life again. Each writing transaction that acts on the time
leaves a high-water mark in the database; the time read later, by any process, is never below it.
"""

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from api.store.database import TIME_SQL
from api.store.tables import ClockMark

_ROW = 1
_BOTH = {
    dialect: text(f"SELECT {expression}, high_ms FROM clock_mark WHERE id = {_ROW}")  # noqa: S608 - constants alone
    for dialect, expression in TIME_SQL.items()
}
# Rewriting the mark in every transaction would make all writers touch one row; a second is finer than any term.
_STEP_MS = 1000


def now_ms(session: Session) -> int:
    """UTC milliseconds by the database's clock, at least the high-water mark."""
    time_ms, mark_ms = time_and_mark(session)
    return max(time_ms, mark_ms)


def advance(session: Session, *, exact: bool = False) -> int:
    """`now_ms`, leaving the mark behind; for transactions that act on the time.

    The mark moves in steps of a second unless `exact`, which the log writer uses. Needs a writing transaction.
    """
    time_ms, mark = time_and_mark(session)
    now = max(time_ms, mark)
    if now >= mark + (1 if exact else _STEP_MS):
        session.execute(
            update(ClockMark)
            .where(ClockMark.id == _ROW, ClockMark.high_ms < now)
            .values(high_ms=now)
            .execution_options(synchronize_session=False)
        )
    return now


def time_and_mark(session: Session) -> tuple[int, int]:
    """The database's clock as it is, and the high-water mark; one question for both."""
    time_ms, mark_ms = session.execute(_BOTH[session.get_bind().dialect.name]).one()
    return int(time_ms), int(mark_ms)
