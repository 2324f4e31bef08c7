"""The outbox: facts that others must act on, written in the transaction of the fact; workers lease rows.

A handler may be killed at any point, so it must be idempotent: a row whose lease ran out is leased again. Rows are
taken in the order in which they were written.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.store.database import Database, database_time_ms, read_only, unit_of_work
from api.store.inserts import insert_if_new
from api.store.tables import Outbox

# Waiting times after failures double from a second to a minute: a chain that is down is asked rarely, one that is back
# is used soon.
_FIRST_PAUSE_MS = 1_000
_LONGEST_PAUSE_MS = 60_000
_TURN_MS = 500
_SETTLED = "settled"
_REFUSED = "chain.refused"


@dataclass(frozen=True, slots=True)
class LeasedRow:
    """A row to act on. `attempts` counts this one; `leased_until_ms` names the lease, which `done` must still hold."""

    id: int
    topic: str
    key: str
    payload: Mapping[str, object]
    attempts: int
    leased_until_ms: int


def put(session: Session, topic: str, key: str, payload: Mapping[str, object]) -> bool:
    """Write a fact's announcement; False where `key` was announced before (then nothing is written).

    `payload` must be JSON and must not hold anything personal.
    """
    row = {
        "topic": topic,
        "key": key,
        "payload": dict(payload),
        "created_at_ms": database_time_ms(session),
        "leased_until_ms": 0,
        "attempts": 0,
        "last_error": None,
        "done_at_ms": None,
    }
    return insert_if_new(session, Outbox, row)


def lease(db: Database, topics: Sequence[str], limit: int, seconds: float) -> list[LeasedRow]:
    """Take up to `limit` open rows of these topics, oldest first, for `seconds`; each goes to one worker only."""
    with unit_of_work(db) as session:
        now = database_time_ms(session)
        until = now + round(seconds * 1000)
        rows = list(
            session.execute(
                select(Outbox)
                .where(Outbox.done_at_ms.is_(None), Outbox.topic.in_(list(topics)), Outbox.leased_until_ms <= now)
                .order_by(Outbox.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            ).scalars()
        )
        for row in rows:
            row.leased_until_ms = until
            row.attempts += 1
        return [LeasedRow(row.id, row.topic, row.key, row.payload, row.attempts, until) for row in rows]


def done(db: Database, row: LeasedRow) -> bool:
    """Close a row; False where its lease ran out meanwhile and another worker has it or has closed it."""
    with unit_of_work(db) as session:
        return _close(session, row, {"done_at_ms": database_time_ms(session), "last_error": None})


def failed(db: Database, row: LeasedRow, code: str, *, retry: bool = True) -> bool:
    """Give a row back after a failure: open again after a pause that grows, or closed for good without `retry`.

    `code` is an error's code, never a text. False where the lease ran out meanwhile.
    """
    with unit_of_work(db) as session:
        now = database_time_ms(session)
        values: dict[str, object] = {"last_error": code, "leased_until_ms": now + _pause_ms(row.attempts)}
        if not retry:
            values["done_at_ms"] = now
        return _close(session, row, values)


def later(db: Database, row: LeasedRow) -> bool:
    """Give a row back whose turn has not come; that was no attempt. False where the lease ran out meanwhile."""
    with unit_of_work(db) as session:
        values = {"attempts": row.attempts - 1, "leased_until_ms": database_time_ms(session) + _TURN_MS}
        return _close(session, row, values)


def is_open(db: Database, key: str) -> bool:
    """Whether the row of that key waits."""
    with read_only(db) as session:
        return (
            session.execute(select(Outbox.id).where(Outbox.key == key, Outbox.done_at_ms.is_(None))).first() is not None
        )


def reopen(db: Database, key: str, code: str) -> bool:
    """Open a closed row again after a pause that grows with its attempts.

    False where it is open or settled, or there is none.
    """
    with unit_of_work(db) as session:
        row = session.execute(select(Outbox).where(Outbox.key == key).with_for_update()).scalar_one_or_none()
        if row is None or row.done_at_ms is None or row.last_error == _SETTLED:
            return False
        row.done_at_ms, row.last_error = None, code
        row.leased_until_ms = database_time_ms(session) + _pause_ms(row.attempts)
        return True


def settle(session: Session, keys: Collection[str]) -> None:
    """Close rows for good, in the transaction that knows that nothing is left to be told; `reopen` leaves them."""
    session.execute(
        update(Outbox)
        .where(Outbox.key.in_(list(keys)))
        .values(done_at_ms=func.coalesce(Outbox.done_at_ms, database_time_ms(session)), last_error=_SETTLED)
        .execution_options(synchronize_session=False)
    )


def count_stuck(session: Session, attempts: int) -> int:
    """How many open rows were tried at least so often in vain: an operator must look."""
    query = select(func.count()).select_from(Outbox).where(Outbox.done_at_ms.is_(None), Outbox.attempts >= attempts)
    return session.execute(query).scalar_one()


def is_refused(session: Session, keys: Collection[str], *, lock: bool = False) -> bool:
    """Whether a row of these keys waits that the chain refused; with `lock` they stay as they are until the end."""
    query = select(Outbox.last_error).where(Outbox.key.in_(list(keys)), Outbox.done_at_ms.is_(None))
    if lock:
        query = query.with_for_update()
    return _REFUSED in session.execute(query).scalars().all()


def refused(session: Session, limit: int = 1_000) -> dict[str, int]:
    """Keys of open rows whose last attempt failed though the node answered, with when they were written."""
    rows = session.execute(
        select(Outbox.key, Outbox.created_at_ms)
        .where(Outbox.done_at_ms.is_(None), Outbox.last_error == _REFUSED)
        .order_by(Outbox.id)
        .limit(limit)
    )
    return {row.key: row.created_at_ms for row in rows}


def count_open(session: Session, topics: Sequence[str] | None = None) -> int:
    """How many rows wait, of these topics or of all."""
    query = select(func.count()).select_from(Outbox).where(Outbox.done_at_ms.is_(None))
    if topics is not None:
        query = query.where(Outbox.topic.in_(list(topics)))
    return session.execute(query).scalar_one()


def oldest_open_ms(session: Session) -> int | None:
    """When the oldest waiting row was written; the chain's grace is counted from it."""
    return session.execute(select(func.min(Outbox.created_at_ms)).where(Outbox.done_at_ms.is_(None))).scalar_one()


def _pause_ms(attempts: int) -> int:
    return int(min(_FIRST_PAUSE_MS * 2 ** max(0, min(attempts - 1, 16)), _LONGEST_PAUSE_MS))


def _close(session: Session, row: LeasedRow, values: Mapping[str, object]) -> bool:
    changed = session.execute(
        update(Outbox)
        .where(Outbox.id == row.id, Outbox.done_at_ms.is_(None), Outbox.leased_until_ms == row.leased_until_ms)
        .values(**values)
        .execution_options(synchronize_session=False)
        .returning(Outbox.id)
    ).first()
    return changed is not None
