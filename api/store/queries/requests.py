"""Requests of entities to holders. Two subjects may see one: the entity that asked and the holder that is asked.

An access by statutory duty keeps a row here for its grant's sake; nobody was asked, so no list or look-up finds it.
That an entity asked is a receipt, which holds the hash of what it asked, and so is each answer that is no grant.
"""

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from api.policy.states import RequestState
from api.store.crypto import Vault
from api.store.queries import paging
from api.store.queries.registrations import LegalBasis
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Request
from chain.canonical import Json, canonical
from chain.receipt import ReceiptKind

BY_HOLDER = "holder"
BY_ENTITY = "entity"
_ASKED = Request.legal_basis == LegalBasis.CONSENT.value
# What a holder prepares of its own accord is nobody's request until the holder has given it.
_MADE = or_(Request.origin != BY_HOLDER, Request.state == RequestState.APPROVED.value)

__all__ = [
    "BY_HOLDER",
    "RequestState",
    "answered",
    "ask",
    "asked_sha256",
    "count_open",
    "get_request",
    "lapse_requests",
    "open_extension",
    "request_of_entity",
    "request_to_holder",
    "requests_of_entity",
    "requests_to_holder",
]


def ask(session: Session, vault: Vault, row: Request) -> None:
    """Add an entity's request, with its receipt: at the same cost whether or not anybody has the number."""
    row.legal_basis, row.origin = LegalBasis.CONSENT.value, BY_ENTITY
    details: dict[str, Json] = {
        "request": row.id,
        "entity": row.entity_id,
        "asked_sha256": "0x" + asked_sha256(row).hex(),
    }
    draft = ReceiptDraft(ReceiptKind.REQUEST, details, holder_id=row.holder_id, party_id=row.entity_id)
    row.receipt_id = prepare_receipt(session, vault, draft)
    session.add(row)
    session.flush()


def answered(session: Session, vault: Vault, row: Request, by: Mapping[str, Json]) -> None:
    """The receipt of an answer that is no grant, which the row's state says already."""
    details: dict[str, Json] = {"request": row.id, "entity": row.entity_id, "state": row.state, **by}
    draft = ReceiptDraft(ReceiptKind.CHANGE, details, holder_id=row.holder_id, party_id=row.entity_id)
    prepare_receipt(session, vault, draft)


def asked_sha256(row: Request) -> bytes:
    """The hash of what an entity asked: all of a request that no answer changes, but for whom it is put to."""
    return hashlib.sha256(
        canonical(
            {
                "schema": "mydata/request/1",
                "request": row.id,
                "entity": row.entity_id,
                "legal_basis": row.legal_basis,
                "purpose": row.purpose_code,
                "item": row.item_no,
                "scenario": row.scenario_code,
                "case_no": row.case_no,
                "items": _listed(row.items),
                "cut": _listed(row.cut),
                "days": row.wanted_days,
                "uses": row.wanted_uses,
                "extends": row.extends_id,
                "origin": row.origin,
                "at_ms": row.created_at_ms,
                "lapses_at_ms": row.lapses_at_ms,
            }
        )
    ).digest()


def get_request(session: Session, request_id: str) -> Request:
    """The request behind a grant, which is there as long as the grant."""
    return session.get_one(Request, request_id)


def open_extension(session: Session, grant_id: str, now_ms: int) -> str | None:
    """The id of a request that waits for its answer and would take the place of this grant."""
    return session.execute(
        select(Request.id)
        .where(
            Request.extends_id == grant_id,
            Request.origin != BY_HOLDER,
            Request.state == RequestState.REQUESTED.value,
            Request.lapses_at_ms > now_ms,
        )
        .limit(1)
    ).scalar()


def request_of_entity(session: Session, entity_id: str, request_id: str) -> Request | None:
    """An entity's own request."""
    return session.execute(
        select(Request).where(Request.id == request_id, Request.entity_id == entity_id, _ASKED, _MADE)
    ).scalar_one_or_none()


def request_to_holder(session: Session, holder_id: str, request_id: str, *, lock: bool = False) -> Request | None:
    """A request that a holder is asked; with `lock`, fresh and locked until the transaction ends."""
    query = select(Request).where(Request.id == request_id, Request.holder_id == holder_id, _ASKED)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.execute(query).scalar_one_or_none()


def requests_of_entity(
    session: Session, entity_id: str, *, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[Request]:
    """What an entity asked, newest first."""
    limit = paging.clamp(limit)
    rows = session.execute(
        select(Request)
        .where(Request.entity_id == entity_id, _ASKED, _MADE, *paging.after(cursor, Request.created_at_ms, Request.id))
        .order_by(Request.created_at_ms.desc(), Request.id.desc())
        .limit(limit + 1)
    ).scalars()
    return paging.page(list(rows), limit, lambda row: (row.created_at_ms, row.id))


def requests_to_holder(
    session: Session,
    holder_id: str,
    *,
    state: RequestState | None = None,
    cursor: str | None = None,
    limit: int = paging.LIMIT,
) -> paging.Page[Request]:
    """What a holder is or was asked, newest first."""
    limit = paging.clamp(limit)
    query = select(Request).where(
        Request.holder_id == holder_id, _ASKED, _MADE, *paging.after(cursor, Request.created_at_ms, Request.id)
    )
    if state is not None:
        query = query.where(Request.state == state.value)
    rows = session.execute(query.order_by(Request.created_at_ms.desc(), Request.id.desc()).limit(limit + 1)).scalars()
    return paging.page(list(rows), limit, lambda row: (row.created_at_ms, row.id))


def count_open(session: Session, holder_id: str, now_ms: int) -> int:
    """How many requests wait for a holder's decision."""
    return session.execute(
        select(func.count())
        .select_from(Request)
        .where(
            Request.holder_id == holder_id,
            _MADE,
            Request.state == RequestState.REQUESTED.value,
            Request.lapses_at_ms > now_ms,
        )
    ).scalar_one()


def lapse_requests(session: Session, now_ms: int, limit: int = 500) -> list[Request]:
    """Turn requests that were not answered in time to LAPSED; their rows."""
    rows = list(
        session.execute(
            select(Request)
            .where(Request.state == RequestState.REQUESTED.value, Request.lapses_at_ms <= now_ms)
            .order_by(Request.lapses_at_ms)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).scalars()
    )
    for row in rows:
        row.state, row.decided_at_ms = RequestState.LAPSED.value, now_ms
    session.flush()
    return rows


def _listed(rows: list[dict[str, object]]) -> list[Json]:
    listed: list[Json] = json.loads(json.dumps(rows))
    return listed
