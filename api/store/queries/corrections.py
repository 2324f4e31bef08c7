"""Which delivered copies hold a version of a record that a newer one has replaced."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from api.store.inserts import insert_if_new
from api.store.queries.returns import RecordStatus
from api.store.tables import Batch, Content, Copy, Correction, Record

CHUNK = 200


@dataclass(frozen=True, slots=True)
class Replaced:
    """An older version of a record, the newer one, whose they are, and what kind of certificate."""

    record_id: str
    newer_id: str
    holder_id: str
    type_code: str


def announce(session: Session, return_id: str) -> None:
    """Note, in the transaction that seals a return, that whoever has older versions is to be told."""
    insert_if_new(session, Correction, {"return_id": return_id, "after": "", "done_at_ms": None})


def next_open(session: Session) -> Correction | None:
    """The next sealed return to look at, locked; None where all are done."""
    return session.execute(
        select(Correction)
        .where(Correction.done_at_ms.is_(None))
        .order_by(Correction.return_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).scalar_one_or_none()


def has_open(session: Session) -> bool:
    """Whether a sealed return waits to be looked at."""
    return (
        session.execute(select(Correction.return_id).where(Correction.done_at_ms.is_(None)).limit(1)).first()
        is not None
    )


def replaced_by(session: Session, return_id: str, after: str) -> list[Replaced]:
    """The next `CHUNK` records, in the order of ids after `after`, that versions in this return have superseded."""
    newer = aliased(Record)
    rows = session.execute(
        select(Record.id, newer.id, Record.holder_id, Record.type_code)
        .join(newer, newer.number_bidx == Record.number_bidx)
        .join(Batch, Batch.id == newer.batch_id)
        .where(
            Batch.return_id == return_id,
            newer.version > Record.version,
            Record.status == RecordStatus.SUPERSEDED.value,
            Record.id > after,
        )
        .order_by(Record.id)
        .limit(CHUNK)
    ).all()
    return [Replaced(*row) for row in rows]


def copies_holding(session: Session, replaced: Collection[Replaced]) -> dict[str, list[tuple[Copy, Replaced]]]:
    """Copies made of contents that hold any of these records, by grant."""
    by_record = {one.record_id: one for one in replaced}
    holders = sorted({one.holder_id for one in replaced})
    contents: dict[str, list[Replaced]] = {}
    for content_id, listed in session.execute(
        select(Content.id, Content.records).where(Content.holder_id.in_(holders))
    ).all():
        hit = [by_record[str(item["record"])] for item in listed if str(item["record"]) in by_record]
        if hit:
            contents[content_id] = hit
    found: dict[str, list[tuple[Copy, Replaced]]] = {}
    if not contents:
        return found
    query = select(Copy).where(Copy.content_id.in_(sorted(contents))).order_by(Copy.grant_id, Copy.id)
    for copy in session.execute(query).scalars():
        found.setdefault(copy.grant_id, []).extend((copy, one) for one in contents[copy.content_id])
    return found


def both_versions(session: Session, replaced: Replaced) -> tuple[Record, Record]:
    """The older and the newer version."""
    older, newer = session.get(Record, replaced.record_id), session.get(Record, replaced.newer_id)
    assert older is not None and newer is not None, "records are never deleted"
    return older, newer


def moved_to(session: Session, return_id: str, after: str, done_at_ms: int | None) -> None:
    """Note how far a return was looked at, or that it is done."""
    session.execute(
        update(Correction)
        .where(Correction.return_id == return_id)
        .values(after=after, done_at_ms=done_at_ms)
        .execution_options(synchronize_session=False)
    )
