"""Seals: the demo authority's certificates, sealed documents and their steps, and who seals together."""

from collections.abc import Sequence

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from api.store.crypto import DataKey, Purpose, bound_columns
from api.store.queries import paging
from api.store.tables import SealCertificate, SealedDocument, SealPlan, SealStep

WAITING, SEALED, REFUSED, REPLACED = "waiting", "sealed", "refused", "replaced"
DECLINED = "declined"


def newest_certificate(session: Session, owner: str) -> SealCertificate | None:
    """The certificate that an owner has now, be it revoked or not."""
    query = select(SealCertificate).where(SealCertificate.owner == owner)
    return session.execute(query.order_by(SealCertificate.generation.desc()).limit(1)).scalar()


def newest_certificates(session: Session) -> list[SealCertificate]:
    """The certificate that each owner has now."""
    newest = select(SealCertificate.owner, func.max(SealCertificate.generation)).group_by(SealCertificate.owner)
    query = select(SealCertificate).where(tuple_(SealCertificate.owner, SealCertificate.generation).in_(newest))
    return list(session.execute(query.order_by(SealCertificate.owner)).scalars())


def revoked_certificates(session: Session) -> list[SealCertificate]:
    """Every certificate that was ever revoked, oldest first."""
    query = select(SealCertificate).where(SealCertificate.revoked_at_ms.is_not(None))
    return list(session.execute(query.order_by(SealCertificate.revoked_at_ms, SealCertificate.serial)).scalars())


def seal_document(key: DataKey, row: SealedDocument, file: bytes) -> None:
    """Encrypt `file` into the row, whose other columns must be as they shall stay until the next time."""
    row.file_enc = key.seal(Purpose.SEALED_DOCUMENT, row.id, file, bound=_bound(row))


def open_document(key: DataKey, row: SealedDocument) -> bytes:
    """The sealed PDF. Raises ApiError `store.ciphertext` where it or any column was altered."""
    return key.open(Purpose.SEALED_DOCUMENT, row.id, row.file_enc, bound=_bound(row))


def get_document(session: Session, document_id: str, *, lock: bool = False) -> SealedDocument | None:
    """A sealed document by its number; with `lock` fresh, and locked until the transaction ends."""
    query = select(SealedDocument).where(SealedDocument.id == document_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def document_of(session: Session, record_id: str) -> SealedDocument | None:
    """The newest sealing of a record."""
    query = select(SealedDocument).where(SealedDocument.record_id == record_id)
    return session.execute(query.order_by(SealedDocument.version.desc()).limit(1)).scalar()


def steps_of(session: Session, document_id: str) -> list[SealStep]:
    """The seals of a document, in order."""
    query = select(SealStep).where(SealStep.document_id == document_id).order_by(SealStep.position)
    return list(session.execute(query).scalars())


def tasks_of(
    session: Session, party_id: str, *, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[SealedDocument]:
    """Joint sealings in which a party has a seal to set, newest first; those that wait stand among the others."""
    limit = paging.clamp(limit)
    mine = select(SealStep.document_id).where(SealStep.party_id == party_id)
    rows = session.execute(
        select(SealedDocument)
        .where(SealedDocument.id.in_(mine), SealedDocument.needed > 0)
        .where(*paging.after(cursor, SealedDocument.created_at_ms, SealedDocument.id))
        .order_by(SealedDocument.created_at_ms.desc(), SealedDocument.id.desc())
        .limit(limit + 1)
    ).scalars()
    return paging.page(list(rows), limit, lambda row: (row.created_at_ms, row.id))


def waiting_for(session: Session, party_id: str) -> int:
    """How many joint sealings have a seal of this party open, under an agreement that stands."""
    query = select(func.count()).select_from(SealStep).join(SealedDocument, SealedDocument.id == SealStep.document_id)
    query = query.where(SealStep.party_id == party_id, SealStep.state == WAITING, SealedDocument.state == WAITING)
    standing = select(SealPlan.id).where(
        SealPlan.party_id == SealedDocument.issuer_id,
        SealPlan.type_code == SealedDocument.type_code,
        SealPlan.ended_at_ms.is_(None),
        SealPlan.created_at_ms <= SealedDocument.created_at_ms,
    )
    query = query.where(standing.exists())
    return session.execute(query).scalar_one()


def open_plan(session: Session, party_id: str, type_code: str) -> SealPlan | None:
    """Who seals a department's certificates of a type beside it; None where nobody does."""
    query = select(SealPlan).where(
        SealPlan.party_id == party_id, SealPlan.type_code == type_code, SealPlan.ended_at_ms.is_(None)
    )
    return session.execute(query.order_by(SealPlan.created_at_ms.desc(), SealPlan.id.desc()).limit(1)).scalar()


def plans_of(session: Session, party_id: str) -> Sequence[SealPlan]:
    """A department's plans that are open, by type."""
    query = select(SealPlan).where(SealPlan.party_id == party_id, SealPlan.ended_at_ms.is_(None))
    return session.execute(query.order_by(SealPlan.type_code)).scalars().all()


def end_plans(session: Session, party_id: str, type_code: str, now_ms: int) -> None:
    """Close every open plan of a department for a type."""
    for plan in plans_of(session, party_id):
        if plan.type_code == type_code:
            plan.ended_at_ms = now_ms


def _bound(row: SealedDocument) -> bytes:
    return bound_columns(
        row.holder_id,
        row.record_id,
        row.version,
        row.issuer_id,
        row.type_code,
        row.needed,
        row.state,
        row.file_sha256,
        row.created_at_ms,
        row.sealed_at_ms,
    )
