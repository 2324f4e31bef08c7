"""Reading receipts: who looked, what was delivered, where a receipt stands in the log and under which checkpoint."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from api.store.crypto import Purpose, Vault
from api.store.database import connected
from api.store.queries import paging
from api.store.tables import Base, Checkpoint, LogNode, LogState, PreparedReceipt, Receipt, RequestEvidence
from chain.canonical import Json, canonical
from chain.receipt import ReceiptKind

_ANCHORED = "anchored"
_KEEP_REQUEST = insert(Base.metadata.tables[RequestEvidence.__tablename__])


@dataclass(frozen=True, slots=True)
class LogSize:
    """Numbered leaves, receipts still without a number, and leaves under the newest anchored checkpoint."""

    numbered: int
    prepared: int
    anchored: int


def receipts_of_holder(
    session: Session,
    holder_id: str,
    *,
    kinds: Iterable[ReceiptKind] | None = None,
    cursor: str | None = None,
    limit: int = paging.LIMIT,
) -> paging.Page[Receipt]:
    """Everything that happened with a holder's data, newest first, numbered or not."""
    limit = paging.clamp(limit)
    query = select(Receipt).where(Receipt.holder_id == holder_id, *paging.after(cursor, Receipt.at_ms, Receipt.id))
    if kinds is not None:
        query = query.where(Receipt.kind.in_([kind.value for kind in kinds]))
    rows = session.execute(query.order_by(Receipt.at_ms.desc(), Receipt.id.desc()).limit(limit + 1)).scalars()
    return paging.page(list(rows), limit, lambda row: (row.at_ms, row.id))


def get_receipt(session: Session, receipt_id: str) -> Receipt | None:
    """Any receipt; whom it concerns is the caller's to check."""
    return session.get(Receipt, receipt_id)


def position_at(session: Session, at_ms: int) -> int:
    """How many receipts were numbered by a time: one more than the newest number whose receipt is not later."""
    newest = session.execute(
        select(func.max(Receipt.number)).where(Receipt.number.is_not(None), Receipt.at_ms <= at_ms)
    ).scalar_one()
    return 0 if newest is None else int(newest) + 1


def receipt_of_holder(session: Session, holder_id: str, receipt_id: str) -> Receipt | None:
    """A receipt about a holder's data."""
    return session.execute(
        select(Receipt).where(Receipt.id == receipt_id, Receipt.holder_id == holder_id)
    ).scalar_one_or_none()


def receipt_of_party(session: Session, party_id: str, receipt_id: str) -> Receipt | None:
    """A receipt of something that a party did."""
    return session.execute(
        select(Receipt).where(Receipt.id == receipt_id, Receipt.party_id == party_id)
    ).scalar_one_or_none()


def receipts_of_grant(session: Session, grant_id: str, kind: ReceiptKind | None = None) -> list[Receipt]:
    """A grant's receipts, oldest first."""
    query = select(Receipt).where(Receipt.grant_id == grant_id)
    if kind is not None:
        query = query.where(Receipt.kind == kind.value)
    return list(session.execute(query.order_by(Receipt.at_ms, Receipt.number, Receipt.id)).scalars())


def receipts_of_copy(session: Session, copy_id: str) -> list[Receipt]:
    """A copy's deliveries (and, later, its deletion), in the order of the log."""
    return list(session.execute(select(Receipt).where(Receipt.copy_id == copy_id).order_by(Receipt.number)).scalars())


def receipt_of_return(session: Session, return_id: str) -> Receipt | None:
    """The receipt of a return."""
    return session.execute(
        select(Receipt)
        .where(Receipt.return_id == return_id, Receipt.kind == ReceiptKind.RETURN.value)
        .order_by(Receipt.at_ms)
        .limit(1)
    ).scalar()


def receipt_by_number(session: Session, number: int) -> Receipt | None:
    """The receipt at a place of the log; its leaf is public, its details are not."""
    return session.execute(select(Receipt).where(Receipt.number == number)).scalar_one_or_none()


def checkpoint_over(session: Session, number: int, *, anchored_only: bool = True) -> Checkpoint | None:
    """The smallest checkpoint that covers a number; with `anchored_only`, one that the chain has confirmed."""
    query = select(Checkpoint).where(Checkpoint.size > number)
    if anchored_only:
        query = query.where(Checkpoint.anchor_state == _ANCHORED)
    return session.execute(query.order_by(Checkpoint.size).limit(1)).scalar()


def newest_checkpoint(session: Session, *, anchored_only: bool = False) -> Checkpoint | None:
    """The newest checkpoint."""
    query = select(Checkpoint)
    if anchored_only:
        query = query.where(Checkpoint.anchor_state == _ANCHORED)
    return session.execute(query.order_by(Checkpoint.size.desc()).limit(1)).scalar()


def log_node(session: Session, level: int, index: int) -> bytes:
    """A node of the log's tree, for proofs within one snapshot. KeyError where there is none."""
    found = session.execute(
        select(LogNode.hash).where(LogNode.level == level, LogNode.index == index)
    ).scalar_one_or_none()
    if found is None:
        raise KeyError((level, index))
    return found


def log_size(session: Session) -> LogSize:
    """How long the log is and how much of it stands on the chain."""
    numbered = session.execute(select(LogState.size).where(LogState.id == 1)).scalar_one()
    prepared = session.execute(select(func.count()).select_from(PreparedReceipt)).scalar_one()
    anchored = session.execute(
        select(func.max(Checkpoint.size)).where(Checkpoint.anchor_state == _ANCHORED)
    ).scalar_one()
    return LogSize(numbered, prepared, anchored or 0)


def keep_request(session: Session, vault: Vault, receipt_id: str, evidence: Mapping[str, Json]) -> None:
    """Keep the signed request that a receipt answers, sealed under the platform's key."""
    sealed = vault.platform.seal(Purpose.REQUEST_EVIDENCE, receipt_id, canonical(dict(evidence)))
    connected(session).execute(_KEEP_REQUEST, {"receipt_id": receipt_id, "body_enc": sealed})


def kept_request(session: Session, vault: Vault, receipt_id: str) -> dict[str, Json] | None:
    """The signed request that a receipt answers, None where a person asked in the portal."""
    row = session.get(RequestEvidence, receipt_id)
    if row is None:
        return None
    document: dict[str, Json] = json.loads(vault.platform.open(Purpose.REQUEST_EVIDENCE, receipt_id, row.body_enc))
    return document


def leaves(session: Session, start: int, count: int) -> list[bytes]:
    """The public leaves of `count` receipts from number `start`, in order."""
    rows = session.execute(
        select(Receipt.leaf).where(Receipt.number >= start, Receipt.number < start + count).order_by(Receipt.number)
    ).scalars()
    return [leaf for leaf in rows if leaf is not None]
