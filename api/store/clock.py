"""The time by which grants, requests, sessions and leases run out: the database's, never going back.

A clock that is set back would give an ended grant its life again. Each writing transaction that acts on the time
leaves a high-water mark in the database; the time read later, by any process, is never below it.

The log writer has a mark of its own, which it moves in each of its transactions; a transaction that stores a slice of a
return would otherwise hold every pull up until it commits. The other writers share one, and whoever finds it locked
leaves it to the one that moves it just now.
"""

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from api.store.database import TIME_SQL, connected
from api.store.tables import Base, ClockMark

SHARED_ROW, LOG_ROW = 1, 2
_BOTH = {
    dialect: text(f"SELECT {expression}, (SELECT max(high_ms) FROM clock_mark)")  # noqa: S608 - constants alone
    for dialect, expression in TIME_SQL.items()
}
_MARKS = Base.metadata.tables[ClockMark.__tablename__]
_BEHIND = _MARKS.c.high_ms < bindparam("now")
_MOVE_OWN = update(_MARKS).where(_MARKS.c.id == LOG_ROW, _BEHIND).values(high_ms=bindparam("now"))
_MOVE_SHARED = (
    update(_MARKS)
    .where(
        _MARKS.c.id.in_(select(_MARKS.c.id).where(_MARKS.c.id == SHARED_ROW, _BEHIND).with_for_update(skip_locked=True))
    )
    .values(high_ms=bindparam("now"))
)
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
    if exact and now > mark:
        connected(session).execute(_MOVE_OWN, {"now": now})
    elif not exact and now >= mark + _STEP_MS:
        connected(session).execute(_MOVE_SHARED, {"now": now})
    return now


def time_and_mark(session: Session) -> tuple[int, int]:
    """The database's clock as it is, and the high-water mark; one question for both."""
    connection = connected(session)
    time_ms, mark_ms = connection.execute(_BOTH[connection.dialect.name]).one()
    return int(time_ms), int(mark_ms)
