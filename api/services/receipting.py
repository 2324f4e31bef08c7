"""Receipts for those whom they concern: the holder, and the party that acted; with the evidence bundle."""

from api.errors import ApiError, Kind
from api.services import evidence
from api.services.context import Actor, Context, Role
from api.store import Session, read_only
from api.store.queries import receipts
from api.store.tables import Receipt
from chain.bundle import Bundle


def get(ctx: Context, actor: Actor, receipt_id: str) -> Receipt:
    """One's own receipt; `receipts.not_found` for everybody else's."""
    with read_only(ctx.db) as session:
        return _visible(session, actor, receipt_id)


def bundle(ctx: Context, actor: Actor, receipt_id: str) -> Bundle:
    """The evidence bundle of a receipt, without values. Raises `receipts.not_found`, `receipts.not_numbered`."""
    with read_only(ctx.db) as session:
        return evidence.receipt_bundle(ctx, session, _visible(session, actor, receipt_id))


def _visible(session: Session, actor: Actor, receipt_id: str) -> Receipt:
    if actor.role is Role.CITIZEN:
        found = receipts.receipt_of_holder(session, actor.holder, receipt_id)
    else:
        found = receipts.receipt_of_party(session, actor.party_id or "", receipt_id)
    if found is None:
        raise ApiError("receipts.not_found", Kind.NOT_FOUND)
    return found
