"""Records: certificate versions. Every query of a holder's data takes the holder; bulk paths take whole slices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session, aliased

from api.store.bodies import RecordBody
from api.store.crypto import DataKey, Purpose, bound_columns
from api.store.inserts import insert_many
from api.store.queries import paging
from api.store.queries.returns import BatchState, RecordStatus
from api.store.tables import Batch, Record

_CHUNK = 500


@dataclass(frozen=True, slots=True)
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
    """A record with what its proof needs of its batch. `tree` is only read by `with_tree`."""

    record: Record
    issuer: bytes
    root: bytes
    size: int
    return_id: str
    anchor_state: str


def insert_records(session: Session, rows: Sequence[NewRecord]) -> None:
    """Seal and insert one slice; its batch must be in the session or stored."""
    insert_many(session, Record, [_values(row) for row in rows])


def open_body(key: DataKey, record: Record) -> RecordBody:
    """Decrypt a record's body. Raises ApiError `store.ciphertext` where body or row was altered."""
    plain = key.open(Purpose.RECORD_BODY, record.id, record.body_enc, version=record.version, bound=_bound_of(record))
    return RecordBody.from_bytes(plain)


def latest_versions(session: Session, number_bidxs: Iterable[bytes]) -> dict[bytes, LatestVersion]:
    """By certificate (its `number_bidx`): the newest stored version, sealed or not."""
    wanted = list(dict.fromkeys(number_bidxs))
    found: dict[bytes, LatestVersion] = {}
    for start in range(0, len(wanted), _CHUNK):
        newest = (
            select(Record.number_bidx, func.max(Record.version).label("version"))
            .where(Record.number_bidx.in_(wanted[start : start + _CHUNK]))
            .group_by(Record.number_bidx)
            .subquery()
        )
        rows = session.execute(
            select(
                Record.number_bidx,
                Record.id,
                Record.version,
                Record.content_bidx,
                Record.status,
                Record.holder_id,
                Batch.return_id,
            )
            .join(newest, (newest.c.number_bidx == Record.number_bidx) & (newest.c.version == Record.version))
            .join(Batch, Batch.id == Record.batch_id)
        )
        for row in rows:
            found[row.number_bidx] = LatestVersion(
                row.id, row.version, row.content_bidx, row.status, row.holder_id, row.return_id
            )
    return found


def supersede_older(session: Session, return_id: str) -> None:
    """Mark earlier versions of a return's certificates as superseded, in the transaction that seals it and not before.

    So a return that waits for its officer's approval leaves no holder without a current version.
    """
    newer = aliased(Record)
    own = select(Batch.id).where(Batch.return_id == return_id)
    session.execute(
        update(Record)
        .where(
            Record.status == RecordStatus.CURRENT.value,
            Record.number_bidx.in_(select(newer.number_bidx).where(newer.batch_id.in_(own))),
            Record.version
            < select(func.max(newer.version))
            .where(newer.number_bidx == Record.number_bidx, newer.batch_id.in_(own))
            .scalar_subquery(),
        )
        .values(status=RecordStatus.SUPERSEDED.value)
        .execution_options(synchronize_session=False)
    )


def get_record(session: Session, holder_id: str, record_id: str) -> RecordView | None:
    """A holder's record, once its return is sealed."""
    row = session.execute(_VIEW.where(Record.holder_id == holder_id, Record.id == record_id)).one_or_none()
    return None if row is None else RecordView(*row)


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
        query = query.where(Record.status != RecordStatus.SUPERSEDED.value)
    rows = session.execute(query.order_by(Record.created_at_ms.desc(), Record.id.desc()).limit(limit + 1)).all()
    views = [RecordView(*row) for row in rows]
    return paging.page(views, limit, lambda view: (view.record.created_at_ms, view.record.id))


def current_records(session: Session, holder_id: str, type_codes: Iterable[str]) -> list[RecordView]:
    """A holder's current records of these types, oldest first: what a pull is made from.

    A version whose return is not sealed yet does not hide the sealed one before it.
    """
    rows = session.execute(_CURRENT, {"holder": holder_id, "types": list(type_codes)}).all()
    return [RecordView(*row) for row in rows]


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


_VIEW = (
    select(Record, Batch.issuer, Batch.root, Batch.size, Batch.return_id, Batch.anchor_state)
    .join(Batch, Batch.id == Record.batch_id)
    .where(Batch.anchor_state != BatchState.OPEN.value)
)
# Built once: building a statement costs as much as running it.
_CURRENT = _VIEW.where(
    Record.holder_id == bindparam("holder"),
    Record.type_code.in_(bindparam("types", expanding=True)),
    Record.status == RecordStatus.CURRENT.value,
).order_by(Record.created_at_ms, Record.id)


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
