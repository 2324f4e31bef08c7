"""What a pull reads and writes: one look before anything is prepared, one under the grant's lock, and what it leaves.

Every pull waits for these, so they are built once, over tables rather than mapped classes: building a statement costs
more than running it, and so does turning a row into an object of the unit of work.
"""

from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, bindparam, func, insert, literal_column, select, update
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.policy.copy_states import CopyState
from api.store.database import TIME_SQL, connected
from api.store.queries.epochs import CURRENT_EPOCH
from api.store.tables import ChainStatus, ClockMark, Content, Copy, Grant, LogState, Party

_GRANTS, _PARTIES, _COPIES, _CONTENTS, _CLOCK, _CHAIN = (
    cast("Table", table.__table__) for table in (Grant, Party, Copy, Content, ClockMark, ChainStatus)
)
_ROW = 1
_MARK = select(func.max(_CLOCK.c.high_ms)).scalar_subquery()
# What of a grant stands as it was given, and what may change under a pull's hands.
_GIVEN = (
    _GRANTS.c.id,
    _GRANTS.c.digest,
    _GRANTS.c.entity_id,
    _GRANTS.c.terms,
    _GRANTS.c.fair_use,
    _GRANTS.c.created_at_ms,
)
_MOVING = (
    _GRANTS.c.holder_id,
    _GRANTS.c.events,
    _GRANTS.c.state,
    _GRANTS.c.frozen,
    _GRANTS.c.not_before_ms,
    _GRANTS.c.not_after_ms,
    _GRANTS.c.max_uses,
    _GRANTS.c.use_count,
    _PARTIES.c.status.label("entity_status"),
    _PARTIES.c.status_seq.label("entity_status_seq"),
)
_LOOK = {
    dialect: select(
        *_GIVEN,
        *_MOVING,
        _PARTIES.c.name_zh,
        _PARTIES.c.name_en,
        literal_column(expression).label("time_ms"),
        _MARK.label("mark_ms"),
        _CHAIN.c.last_ok_ms,
        CURRENT_EPOCH.label("epoch"),
    )
    .select_from(_GRANTS)
    .join(_PARTIES, _PARTIES.c.id == _GRANTS.c.entity_id)
    .outerjoin(_CHAIN, _CHAIN.c.id == _ROW)
    .where(_GRANTS.c.id == bindparam("grant"), _GRANTS.c.entity_id == bindparam("entity"))
    for dialect, expression in TIME_SQL.items()
}
_LOCK = (
    select(_GRANTS.c.digest, *_MOVING)
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
_HAS_COPY = select(_COPIES.c.file_sha256).where(_COPIES.c.id == bindparam("copy"))
_HOLD = (
    update(_COPIES)
    .where(_COPIES.c.id == bindparam("copy"), _COPIES.c.state == CopyState.HELD.value)
    .values(delete_by_ms=bindparam("delete_by"))
)
_ADD_CONTENT, _ADD_COPY = insert(_CONTENTS), insert(_COPIES)


@dataclass(frozen=True, slots=True)
class PulledGrant:
    """A grant as a pull sees it, with its recipient's standing."""

    id: str
    digest: bytes
    entity_id: str
    terms: dict[str, object]
    fair_use: dict[str, object] | None
    created_at_ms: int
    holder_id: str
    events: int
    state: str
    frozen: bool
    not_before_ms: int
    not_after_ms: int
    max_uses: int
    use_count: int
    entity_status: str
    entity_status_seq: int


@dataclass(frozen=True, slots=True)
class Look:
    """A grant and its recipient's names as a pull finds them; `now_ms` by the database's clock and its high-water mark.

    `chain_ok_ms` is when the chain was last seen well, None before the worker's first look; `epoch` is the id of the
    epoch whose key marks now, None before the first has its number.
    """

    grant: PulledGrant
    entity_zh: str
    entity_en: str
    now_ms: int
    chain_ok_ms: int | None
    epoch: str | None


def look(session: Session, entity_id: str, grant_id: str) -> Look | None:
    """A grant that an entity received; None where it is another's, which nobody may tell from absent."""
    connection = connected(session)
    row = connection.execute(_LOOK[connection.dialect.name], {"grant": grant_id, "entity": entity_id}).one_or_none()
    if row is None:
        return None
    grant = PulledGrant(*row[: len(_GIVEN) + len(_MOVING)])
    now_ms = max(int(row.time_ms), row.mark_ms)
    return Look(grant, row.name_zh, row.name_en, now_ms, row.last_ok_ms or None, row.epoch)


def lock(session: Session, seen: PulledGrant) -> PulledGrant:
    """Lock a grant until the transaction ends, and read again whatever may have changed since it was `seen`.

    Within a grant, numbers of receipts follow the order of these locks. Raises `store.ciphertext` where the terms that
    were seen are no longer those of this grant.
    """
    row = connected(session).execute(_LOCK, {"grant": seen.id}).one()
    if row.digest != seen.digest:
        raise ApiError("store.ciphertext", Kind.INTEGRITY, purpose="grant")
    given = (seen.id, seen.digest, seen.entity_id, seen.terms, seen.fair_use, seen.created_at_ms)
    return PulledGrant(*given, *row[1:])


def log_position(session: Session) -> int:
    """How many receipts were numbered when this session's snapshot was taken."""
    return int(connected(session).execute(_POSITION).scalar_one())


def use(session: Session, grant_id: str, uses: int) -> None:
    """Count a delivery: a repeat counts no use, but it holds the grant's lock like any other."""
    connected(session).execute(_USE, {"grant": grant_id, "uses": uses})


def add_content(session: Session, content: Content) -> bool:
    """Store what copies are made of; False where it stands already."""
    connection = connected(session)
    if connection.execute(_HAS_CONTENT, {"content": content.id}).first() is not None:
        return False
    connection.execute(_ADD_CONTENT, _values(_CONTENTS, content))
    return True


def standing_copy(session: Session, copy_id: str) -> bytes | None:
    """The hash of a copy's file if it stands: its id is derived from what it is, equal requests find the same one."""
    row = connected(session).execute(_HAS_COPY, {"copy": copy_id}).first()
    return None if row is None else bytes(row[0])


def hold_longer(session: Session, copy_id: str, delete_by_ms: int | None) -> bool:
    """Give a copy that its recipient holds a new end of life; False where it is not simply held."""
    result = connected(session).execute(_HOLD, {"copy": copy_id, "delete_by": delete_by_ms})
    return result.rowcount == 1


def add_copy(session: Session, copy: Copy) -> None:
    """Store a marked copy."""
    connected(session).execute(_ADD_COPY, _values(_COPIES, copy))


def _values(table: Table, row: Content | Copy) -> dict[str, object]:
    """The columns that are set; the others get their defaults."""
    values = {column.key: getattr(row, column.key) for column in table.columns}
    return {name: value for name, value in values.items() if value is not None}
