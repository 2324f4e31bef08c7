"""Records: certificate versions. Every query of a holder's data takes the holder; bulk paths take whole slices."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnElement, Table, and_, bindparam, case, func, literal, select, update
from sqlalchemy.orm import Session, aliased

from api.store.bodies import RecordBody
from api.store.crypto import DataKey, Purpose, bound_columns
from api.store.database import connected
from api.store.inserts import insert_many
from api.store.lookups import Lookup
from api.store.queries import paging
from api.store.queries.returns import BatchState, Origin, RecordStatus
from api.store.tables import Batch, Record, Return


@dataclass(slots=True)  # not frozen, which would cost a large return more than its inserts
class NewRecord:
    """A certificate version to be stored.

    `key` is its holder's; `body` are the bytes of its `RecordBody`, `leaf_hash` that body's at `leaf_index`.
    """

    id: str
    key: DataKey
    batch_id: str
    leaf_index: int
    leaf_hash: bytes
    type_code: str
    rules: str
    number_bidx: bytes
    content_bidx: bytes
    version: int
    body: bytes
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class LatestVersion:
    """The newest stored version of a certificate, for redelivery."""

    id: str
    version: int
    content_bidx: bytes
    status: str
    holder_id: str
    return_id: str


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record with what its proof needs of its batch.

    `status` is the truth: the row's own says *current* for a while after a newer version shows, until the worker has
    settled that one's return. `shareable`: False for a back-filled record that no second officer has reviewed.
    """

    record: Record
    issuer: bytes
    root: bytes
    size: int
    return_id: str
    anchor_state: str
    sealed_at_ms: int
    status: str
    shareable: bool = True
    origin: str = Origin.CURRENT.value


def insert_records(session: Session, rows: Sequence[NewRecord]) -> None:
    """Seal and insert one slice; its batch must be in the session or stored."""
    insert_sealed(session, sealed(rows))


def sealed(rows: Iterable[NewRecord]) -> list[Mapping[str, object]]:
    """Seal a slice, for `insert_sealed`; outside the transaction, since it takes longer than the insert."""
    return [_values(row) for row in rows]


def insert_sealed(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert what `sealed` gave; its batch must be in the session or stored."""
    insert_many(session, Record, rows)


def open_body(key: DataKey, record: Record) -> RecordBody:
    """Decrypt a record's body. Raises ApiError `store.ciphertext` where body or row was altered."""
    plain = key.open(Purpose.RECORD_BODY, record.id, record.body_enc, version=record.version, bound=_bound_of(record))
    return RecordBody.from_bytes(plain)


_VERSIONS = Lookup(
    select(
        Record.number_bidx,
        Record.id,
        Record.version,
        Record.content_bidx,
        Record.status,
        Record.holder_id,
        Batch.return_id,
    ).join(Batch, Batch.id == Record.batch_id),
    cast("ColumnElement[bytes]", Record.number_bidx),
)


def latest_versions(session: Session, number_bidxs: Iterable[bytes]) -> dict[bytes, LatestVersion]:
    """By certificate (its `number_bidx`): the newest stored version, sealed or not."""
    found: dict[bytes, LatestVersion] = {}
    for number, *row in _VERSIONS.rows(session, list(dict.fromkeys(number_bidxs))):
        one = LatestVersion(*row)
        if number not in found or found[number].version < one.version:
            found[number] = one
    return found


def supersede_older(session: Session, batch_id: str) -> None:
    """Mark earlier versions of the certificates in a batch as superseded, once its return is sealed and not before.

    So a return that waits for its officer's approval leaves no holder without a current version.
    """
    newer = aliased(Record)
    session.execute(
        update(Record)
        .where(
            Record.status == RecordStatus.CURRENT.value,
            Record.number_bidx.in_(select(newer.number_bidx).where(newer.batch_id == batch_id, newer.version > 1)),
            Record.version
            < select(newer.version)
            .where(newer.number_bidx == Record.number_bidx, newer.batch_id == batch_id)
            .scalar_subquery(),
        )
        .values(status=RecordStatus.SUPERSEDED.value)
        .execution_options(synchronize_session=False)
    )


def get_record(session: Session, holder_id: str, record_id: str) -> RecordView | None:
    """A holder's record, once its return is sealed."""
    row = session.execute(_VIEW.where(Record.holder_id == holder_id, Record.id == record_id)).one_or_none()
    return None if row is None else RecordView(*row)


def of_batch(session: Session, return_id: str, seq: int) -> list[Record]:
    """The records of batch `seq` of a return, sealed or not, in leaf order."""
    query = (
        select(Record)
        .join(Batch, Batch.id == Record.batch_id)
        .where(Batch.return_id == return_id, Batch.seq == seq)
        .order_by(Record.leaf_index)
    )
    return list(session.execute(query).scalars())


def list_records(
    session: Session,
    holder_id: str,
    *,
    cursor: str | None = None,
    limit: int = paging.LIMIT,
    all_versions: bool = False,
) -> paging.Page[RecordView]:
    """A holder's records, newest first; only current and revoked ones unless `all_versions`."""
    limit = paging.clamp(limit)
    query = _VIEW.where(Record.holder_id == holder_id, *paging.after(cursor, Record.created_at_ms, Record.id))
    if not all_versions:
        query = query.where(_true_status != RecordStatus.SUPERSEDED.value)
    rows = session.execute(query.order_by(Record.created_at_ms.desc(), Record.id.desc()).limit(limit + 1)).all()
    views = [RecordView(*row) for row in rows]
    return paging.page(views, limit, lambda view: (view.record.created_at_ms, view.record.id))


def current_records(session: Session, holder_id: str, type_codes: Iterable[str]) -> list[RecordView]:
    """A holder's current records of these types, oldest first: what a pull is made from.

    A version whose return is not sealed yet does not hide the sealed one before it.
    """
    rows = connected(session).execute(_CURRENT, {"holder": holder_id, "types": list(type_codes)}).all()
    width = len(_RECORDS.columns)
    # Outside the unit of work: to be read, not changed, and for a fraction of what loading objects costs.
    return [RecordView(Record(**dict(zip(_RECORDS.columns.keys(), row, strict=False))), *row[width:]) for row in rows]


def in_force(session: Session, record_ids: Collection[str]) -> bool:
    """Whether these versions are all current: none was revoked, and of none a newer one shows."""
    return connected(session).execute(_IN_FORCE, {"ids": list(record_ids)}).scalar_one() == len(record_ids)


def history(session: Session, holder_id: str, record_id: str) -> list[RecordView]:
    """All sealed versions of the certificate that a holder's record belongs to, newest first."""
    number = select(Record.number_bidx).where(Record.id == record_id, Record.holder_id == holder_id).scalar_subquery()
    rows = session.execute(
        _VIEW.where(Record.holder_id == holder_id, Record.number_bidx == number).order_by(Record.version.desc())
    ).all()
    return [RecordView(*row) for row in rows]


def trees(session: Session, batch_ids: Iterable[str]) -> Mapping[str, bytes]:
    """The stored trees of batches, for `chain.merkle.BatchTree.from_bytes`."""
    return dict(session.execute(select(Batch.id, Batch.tree).where(Batch.id.in_(list(batch_ids)))).all())


def _followed() -> ColumnElement[bool]:
    """Whether a newer version shows: one look at the index, which for nearly all records finds nothing."""
    newer, batch, returned = aliased(Record), aliased(Batch), aliased(Return)
    return (
        select(newer.id)
        .join(batch, batch.id == newer.batch_id)
        .join(returned, returned.id == batch.return_id)
        .where(
            newer.number_bidx == Record.number_bidx,
            newer.version > Record.version,
            returned.sealed_at_ms.is_not(None),
        )
        .correlate(Record)
        .exists()
    )


_true_status = case(
    (and_(Record.status == RecordStatus.CURRENT.value, _followed()), literal(RecordStatus.SUPERSEDED.value)),
    else_=Record.status,
)


def status_of(session: Session, record_id: str) -> str | None:
    """What has become of a record: current, superseded, revoked; None where there is no such record.

    The row's own status follows later; until then a newer version that is sealed says it.
    """
    return session.execute(select(_true_status).where(Record.id == record_id)).scalar_one_or_none()


_told_state = case(
    (Batch.anchor_state == BatchState.OPEN.value, literal(BatchState.PENDING.value)), else_=Batch.anchor_state
)
_SHAREABLE = (Return.origin == Origin.CURRENT.value) | Return.reviewed_at_ms.is_not(None)
_OF_BATCH = (Batch.issuer, Batch.root, Batch.size, Batch.return_id, _told_state, Return.sealed_at_ms)
_VIEW = (
    select(Record, *_OF_BATCH, _true_status, _SHAREABLE, Return.origin)
    .join(Batch, Batch.id == Record.batch_id)
    .join(Return, Return.id == Batch.return_id)
    .where(Return.sealed_at_ms.is_not(None))
)
_RECORDS = cast("Table", Record.__table__)
# Built once: building a statement costs as much as running it.
_CURRENT = (
    select(*_RECORDS.columns, *_OF_BATCH, Record.status, _SHAREABLE, Return.origin)
    .join(Batch, Batch.id == Record.batch_id)
    .join(Return, Return.id == Batch.return_id)
    .where(
        Return.sealed_at_ms.is_not(None),
        Record.holder_id == bindparam("holder"),
        Record.type_code.in_(bindparam("types", expanding=True)),
        Record.status == RecordStatus.CURRENT.value,
        ~_followed(),
    )
    .order_by(Record.created_at_ms, Record.id)
)
_IN_FORCE = (
    select(func.count())
    .select_from(Record)
    .where(Record.id.in_(bindparam("ids", expanding=True)), Record.status == RecordStatus.CURRENT.value, ~_followed())
)


def _values(row: NewRecord) -> dict[str, object]:
    bound = _bound(
        row.key.holder_id,
        row.batch_id,
        row.leaf_index,
        row.leaf_hash,
        row.type_code,
        row.rules,
        row.number_bidx,
        row.content_bidx,
        row.created_at_ms,
    )
    return {
        "id": row.id,
        "holder_id": row.key.holder_id,
        "batch_id": row.batch_id,
        "leaf_index": row.leaf_index,
        "leaf_hash": row.leaf_hash,
        "type_code": row.type_code,
        "rules": row.rules,
        "number_bidx": row.number_bidx,
        "content_bidx": row.content_bidx,
        "version": row.version,
        "body_enc": row.key.seal(Purpose.RECORD_BODY, row.id, row.body, version=row.version, bound=bound),
        "status": RecordStatus.CURRENT.value,
        "created_at_ms": row.created_at_ms,
    }


def _bound_of(record: Record) -> bytes:
    return _bound(
        record.holder_id,
        record.batch_id,
        record.leaf_index,
        record.leaf_hash,
        record.type_code,
        record.rules,
        record.number_bidx,
        record.content_bidx,
        record.created_at_ms,
    )


_bound = bound_columns
