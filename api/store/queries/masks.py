"""Lines of statutory accesses that their holder does not see in full yet, and why."""

from sqlalchemy import ColumnElement, and_, false, or_, select, update
from sqlalchemy.orm import Session

from api.store.tables import Receipt, StatutoryAccess


def is_hidden(now_ms: int) -> ColumnElement[bool]:
    """Whether a receipt belongs to an access whose line is masked at that time."""
    masked = StatutoryAccess.masked_until_ms > now_ms
    by_grant = select(StatutoryAccess.grant_id).where(masked, StatutoryAccess.grant_id.is_not(None))
    by_receipt = select(StatutoryAccess.receipt_id).where(masked, StatutoryAccess.receipt_id.is_not(None))
    in_grant = and_(Receipt.grant_id.is_not(None), Receipt.grant_id.in_(by_grant))
    return or_(in_grant, Receipt.id.in_(by_receipt), false())


def access_behind(session: Session, receipt_id: str, grant_id: str | None) -> StatutoryAccess | None:
    """The access by statutory duty that a receipt belongs to."""
    mine = StatutoryAccess.receipt_id == receipt_id
    if grant_id is not None:
        mine = or_(mine, StatutoryAccess.grant_id == grant_id)
    return session.execute(select(StatutoryAccess).where(mine).limit(1)).scalar()


def grant_is_hidden(session: Session, grant_id: str, now_ms: int) -> bool:
    """Whether the authorisation behind an access is not to be seen by its holder yet."""
    found = select(StatutoryAccess.id).where(
        StatutoryAccess.grant_id == grant_id, StatutoryAccess.masked_until_ms > now_ms
    )
    return session.execute(found.limit(1)).first() is not None


def receipt_is_hidden(session: Session, receipt: Receipt, now_ms: int) -> bool:
    """Whether a receipt is not to be seen by its holder yet."""
    found = select(Receipt.id).where(Receipt.id == receipt.id, is_hidden(now_ms))
    return session.execute(found).first() is not None


def get_access(session: Session, access_id: str, *, lock: bool = False) -> StatutoryAccess | None:
    """Any access; whom it concerns is the caller's to check."""
    query = select(StatutoryAccess).where(StatutoryAccess.id == access_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def masked(session: Session, now_ms: int, limit: int = 200) -> list[StatutoryAccess]:
    """The accesses that are masked now, those that are released next first; for regulators."""
    query = select(StatutoryAccess).where(StatutoryAccess.masked_until_ms > now_ms)
    return list(
        session.execute(query.order_by(StatutoryAccess.masked_until_ms, StatutoryAccess.id).limit(limit)).scalars()
    )


def release_at(session: Session, access_id: str, until_ms: int) -> None:
    """Bring the release forward."""
    session.execute(
        update(StatutoryAccess)
        .where(StatutoryAccess.id == access_id)
        .values(masked_until_ms=until_ms)
        .execution_options(synchronize_session=False)
    )
