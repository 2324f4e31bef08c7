"""Lines of who looked: one holder's receipts under a filter, masked ones among them; and repeats of a look."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, func, not_, or_, select, update
from sqlalchemy.orm import Session

from api.store.crypto import Vault
from api.store.queries import masks, paging
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import LookCount, Receipt, StatutoryAccess
from chain.canonical import Json
from chain.receipt import ReceiptKind

LOOKS = frozenset({ReceiptKind.DELIVERY, ReceiptKind.REFUSAL, ReceiptKind.LOOK})
"""Kinds by which somebody looked or tried to; what counts in the total."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: of these kinds, of one party, from `since_ms` on and before `until_ms`.

    `masked`: whether lines that are still masked are among them. A filter that a masked line may or may not fit would
    tell what it hides, so it is asked by itself.
    """

    kinds: Collection[ReceiptKind]
    masked: bool = True
    party_id: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


def lines(
    session: Session,
    holder_id: str,
    wanted: Wanted,
    now_ms: int,
    *,
    cursor: str | None = None,
    limit: int = paging.LIMIT,
) -> paging.Page[Receipt]:
    """The lines, newest first. Of an access that is masked one line stands, whatever receipts it left."""
    limit = paging.clamp(limit)
    query = select(Receipt).where(*_wanted(holder_id, wanted, now_ms), *paging.after(cursor, Receipt.at_ms, Receipt.id))
    rows = session.execute(query.order_by(Receipt.at_ms.desc(), Receipt.id.desc()).limit(limit + 1)).scalars()
    return paging.page(list(rows), limit, lambda row: (row.at_ms, row.id))


def total(session: Session, holder_id: str, wanted: Wanted, now_ms: int) -> int:
    """How many lines there are in all."""
    query = select(func.count()).select_from(Receipt).where(*_wanted(holder_id, wanted, now_ms))
    return int(session.execute(query).scalar_one())


def parties_of(session: Session, holder_id: str, now_ms: int) -> list[str]:
    """The parties that looked or tried to, but for those of masked lines."""
    query = select(Receipt.party_id).where(*_wanted(holder_id, Wanted(LOOKS, masked=False), now_ms))
    found = session.execute(query.where(Receipt.party_id.is_not(None)).distinct()).scalars()
    return [one for one in found if one is not None]


def hidden_among(session: Session, receipt_ids: Collection[str], now_ms: int) -> dict[str, StatutoryAccess]:
    """Of these receipts those that are masked, with the access behind each."""
    if not receipt_ids:
        return {}
    rows = session.execute(select(Receipt).where(Receipt.id.in_(receipt_ids), masks.is_hidden(now_ms))).scalars()
    found = {}
    for row in list(rows):
        access = masks.access_behind(session, row.id, row.grant_id)
        if access is not None:
            found[row.id] = access
    return found


def repeats(session: Session, receipt_ids: Collection[str]) -> dict[str, int]:
    """How often each look was repeated within its window; absent where it was not."""
    if not receipt_ids:
        return {}
    query = select(LookCount.receipt_id, LookCount.repeats).where(LookCount.receipt_id.in_(receipt_ids))
    return {str(row[0]): int(row[1]) for row in session.execute(query)}


def repeat(session: Session, key: bytes, since_ms: int) -> bool:
    """Count a look that was written since then; False where none was."""
    newest = select(LookCount.receipt_id).where(LookCount.key == key, LookCount.since_ms > since_ms)
    found = session.execute(newest.order_by(LookCount.since_ms.desc()).limit(1)).scalar()
    if found is None:
        return False
    session.execute(
        update(LookCount)
        .where(LookCount.receipt_id == found)
        .values(repeats=LookCount.repeats + 1)
        .execution_options(synchronize_session=False)
    )
    return True


def began(session: Session, receipt_id: str, key: bytes, now_ms: int) -> None:
    """A look was written; its repeats count on it."""
    session.flush()
    session.add(LookCount(receipt_id=receipt_id, key=key, since_ms=now_ms, repeats=1))
    session.flush()


def uncounted(session: Session, until_ms: int, limit: int = 200) -> list[str]:
    """Looks that were repeated, whose windows began before then, and whose count has no receipt yet."""
    query = select(LookCount.receipt_id).where(
        LookCount.counted_in.is_(None), LookCount.since_ms < until_ms, LookCount.repeats > 1
    )
    return list(session.execute(query.order_by(LookCount.since_ms, LookCount.receipt_id).limit(limit)).scalars())


def seal_count(session: Session, vault: Vault, receipt_id: str) -> None:
    """Write the receipt of how often a look was repeated, unless it is there."""
    row = session.get_one(LookCount, receipt_id, with_for_update=True, populate_existing=True)
    if row.counted_in is not None:
        return
    look = session.get_one(Receipt, receipt_id)
    draft = ReceiptDraft(
        ReceiptKind.COUNT, counted(row), holder_id=look.holder_id, party_id=look.party_id, grant_id=look.grant_id
    )
    row.counted_in = prepare_receipt(session, vault, draft)
    session.flush()


def counted(row: LookCount) -> dict[str, Json]:
    """What the receipt of a count says."""
    return {"act": "repeated", "receipt": row.receipt_id, "repeats": row.repeats}


def forget_single(session: Session, until_ms: int) -> None:
    """Delete the counts of looks that were not repeated while they could be."""
    session.execute(
        delete(LookCount)
        .where(LookCount.counted_in.is_(None), LookCount.since_ms < until_ms, LookCount.repeats == 1)
        .execution_options(synchronize_session=False)
    )


def _wanted(holder_id: str, wanted: Wanted, now_ms: int) -> list[ColumnElement[bool]]:
    hidden = masks.is_hidden(now_ms)
    open_ones = and_(Receipt.kind.in_([kind.value for kind in wanted.kinds]), not_(hidden))
    if wanted.party_id is not None:
        open_ones = and_(open_ones, Receipt.party_id == wanted.party_id)
    # What a masked access left beside the look itself (its authorisation, that it was used up) is part of the same.
    masked = and_(hidden, Receipt.kind.in_([kind.value for kind in LOOKS]))
    which = or_(open_ones, masked) if wanted.masked and wanted.party_id is None else open_ones
    found: list[ColumnElement[bool]] = [Receipt.holder_id == holder_id, which]
    if wanted.since_ms is not None:
        found.append(Receipt.at_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        found.append(Receipt.at_ms < wanted.until_ms)
    return found
