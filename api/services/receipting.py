"""Receipts for those whom they concern: the holder, and the party that acted; with the evidence bundle."""

from api.errors import ApiError, Kind
from api.policy.mandates import Action
from api.services import evidence
from api.services.authority import authority
from api.services.context import Actor, Context, Role
from api.store import Session, clock, read_only
from api.store.queries import grants, masks, receipts
from api.store.tables import Receipt
from chain.bundle import Bundle


def get(ctx: Context, actor: Actor, receipt_id: str) -> Receipt:
    """One's own receipt; `receipts.not_found` for everybody else's."""
    with read_only(ctx.db) as session:
        return _visible(ctx, session, actor, receipt_id, Action.LOOK)


def bundle(ctx: Context, actor: Actor, receipt_id: str) -> Bundle:
    """The evidence bundle of a receipt, without values. Raises `receipts.not_found`, `receipts.not_numbered`."""
    with read_only(ctx.db) as session:
        return evidence.receipt_bundle(ctx, session, _visible(ctx, session, actor, receipt_id, Action.EXPORT))


def _visible(ctx: Context, session: Session, actor: Actor, receipt_id: str, action: Action) -> Receipt:
    if actor.role is Role.CITIZEN:
        may = authority(ctx, session, actor, action)
        found = receipts.receipt_of_holder(session, may.holder_id, receipt_id)
        if found is not None and masks.receipt_is_hidden(session, found, clock.now_ms(session)):
            found = None
        if found is not None and not may.whole:
            grant = None if found.grant_id is None else grants.grant_of_holder(session, may.holder_id, found.grant_id)
            covered = grant is not None and may.covers(action, grants.types_of(grant), grants.purpose_of(grant))
            found = found if covered else None
    else:
        found = receipts.receipt_of_party(session, actor.party_id or "", receipt_id)
    if found is None:
        raise ApiError("receipts.not_found", Kind.NOT_FOUND)
    return found
