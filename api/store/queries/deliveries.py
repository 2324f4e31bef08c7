"""What a pull reads and writes: one look before anything is prepared, one under the grant's lock, and what it leaves.

Every pull waits for these, so they are built once, over tables rather than mapped classes: building a statement costs
more than running it, and so does turning a row into an object of the unit of work.
"""

from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, bindparam, func, insert, literal_column, select, update
from sqlalchemy.orm import Session

from api.policy.copy_states import CopyState
from api.store.database import TIME_SQL
from api.store.tables import ChainStatus, ClockMark, Content, Copy, Grant, LogState, Party

_GRANTS, _PARTIES, _COPIES, _CONTENTS, _CLOCK, _CHAIN = (
    cast("Table", table.__table__) for table in (Grant, Party, Copy, Content, ClockMark, ChainStatus)
)
_ROW = 1
_MARK = select(func.max(_CLOCK.c.high_ms)).scalar_subquery()
_LOOK = {
    dialect: select(Grant, Party, literal_column(expression).label("time_ms"), _MARK, _CHAIN.c.last_ok_ms)
    .select_from(Grant)
    .join(Party, Party.id == Grant.entity_id)
    .outerjoin(_CHAIN, _CHAIN.c.id == _ROW)
    .where(Grant.id == bindparam("grant"), Grant.entity_id == bindparam("entity"))
    for dialect, expression in TIME_SQL.items()
}
_LOCK = (
    select(_GRANTS, _PARTIES.c.status.label("entity_status"), _PARTIES.c.status_seq.label("entity_status_seq"))
    .join(_PARTIES, _PARTIES.c.id == _GRANTS.c.entity_id)
    .where(_GRANTS.c.id == bindparam("grant"))
    .with_for_update(of=_GRANTS, key_share=True)
)
_USE = (
    update(_GRANTS)
    .where(_GRANTS.c.id == bindparam("grant"))
    .values(use_count=_GRANTS.c.use_count + bindparam("uses"), lock_version=_GRANTS.c.lock_version + 1)
)
_POSITION = select(LogState.size).where(LogState.id == _ROW)
_HAS_CONTENT = select(_CONTENTS.c.id).where(_CONTENTS.c.id == bindparam("content"))
_HAS_COPY = select(_COPIES.c.id).where(_COPIES.c.id == bindparam("copy"))
_HOLD = (
    update(_COPIES)
    .where(_COPIES.c.id == bindparam("copy"), _COPIES.c.state == CopyState.HELD.value)
    .values(delete_by_ms=bindparam("delete_by"))
)
_ADD_CONTENT, _ADD_COPY = insert(_CONTENTS), insert(_COPIES)


@dataclass(frozen=True, slots=True)
class Look:
    """A grant and its recipient as a pull finds them; `now_ms` by the database's clock and its high-water mark.

    `chain_ok_ms` is when the chain was last seen well, None before the worker's first look.
    """

    grant: Grant
    entity: Party
    now_ms: int
    chain_ok_ms: int | None


@dataclass(frozen=True, slots=True)
class LockedGrant:
    """What of a grant may have changed since the look; read under its lock."""

    id: str
    digest: bytes
    holder_id: str
    entity_id: str
    entity_status: str
    entity_status_seq: int
    events: int
    terms: dict[str, object]
    state: str
    frozen: bool
    not_before_ms: int
    not_after_ms: int
    max_uses: int
    use_count: int
    fair_use: dict[str, object] | None


def look(session: Session, entity_id: str, grant_id: str) -> Look | None:
    """A grant that an entity received; None where it is another's, which nobody may tell from absent."""
    statement = _LOOK[session.get_bind().dialect.name]
    row = session.execute(statement, {"grant": grant_id, "entity": entity_id}).one_or_none()
    if row is None:
        return None
    grant, entity, time_ms, high_ms, last_ok_ms = row
    return Look(grant, entity, max(int(time_ms), high_ms), last_ok_ms or None)


def lock(session: Session, grant_id: str) -> LockedGrant:
    """Lock a grant until the transaction ends. Within a grant, numbers of receipts follow the order of these locks."""
    row = session.connection().execute(_LOCK, {"grant": grant_id}).one()
    return LockedGrant(
        row.id,
        row.digest,
        row.holder_id,
        row.entity_id,
        row.entity_status,
        row.entity_status_seq,
        row.events,
        row.terms,
        row.state,
        row.frozen,
        row.not_before_ms,
        row.not_after_ms,
        row.max_uses,
        row.use_count,
        row.fair_use,
    )


def log_position(session: Session) -> int:
    """How many receipts were numbered when this session's snapshot was taken."""
    return int(session.execute(_POSITION).scalar_one())


def use(session: Session, grant_id: str, uses: int) -> None:
    """Count a delivery: a repeat counts no use, but it holds the grant's lock like any other."""
    session.connection().execute(_USE, {"grant": grant_id, "uses": uses})


def add_content(session: Session, content: Content) -> bool:
    """Store what copies are made of; False where it stands already."""
    connection = session.connection()
    if connection.execute(_HAS_CONTENT, {"content": content.id}).first() is not None:
        return False
    connection.execute(_ADD_CONTENT, _values(_CONTENTS, content))
    return True


def has_copy(session: Session, copy_id: str) -> bool:
    """Whether a copy stands: its id is derived from what it is, so that equal requests find the same one."""
    return session.connection().execute(_HAS_COPY, {"copy": copy_id}).first() is not None


def hold_longer(session: Session, copy_id: str, delete_by_ms: int | None) -> bool:
    """Give a copy that its recipient holds a new end of life; False where it is not simply held."""
    result = session.connection().execute(_HOLD, {"copy": copy_id, "delete_by": delete_by_ms})
    return result.rowcount == 1


def add_copy(session: Session, copy: Copy) -> None:
    """Store a marked copy."""
    session.connection().execute(_ADD_COPY, _values(_COPIES, copy))


def _values(table: Table, row: Content | Copy) -> dict[str, object]:
    """The columns that are set; the others get their defaults."""
    values = {column.key: getattr(row, column.key) for column in table.columns}
    return {name: value for name, value in values.items() if value is not None}
