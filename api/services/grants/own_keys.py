"""Grants under a key of the holder's own: what it has to sign for a change."""

from typing import Any

from api.errors import ApiError, Kind
from api.policy.mandates import Action
from api.policy.states import GrantState
from api.services.authority import authority
from api.services.context import Actor, Context
from api.services.grants.drafts import DOMAIN_FIELDS, OWN_KEY, domain
from api.services.grants.events import STATUS_OF
from api.store import read_only
from api.store.queries import grants

CHANGE_FIELDS = [
    {"name": "grant", "type": "bytes32"},
    {"name": "status", "type": "uint8"},
    {"name": "seq", "type": "uint8"},
]


def change_typed_data(ctx: Context, actor: Actor, grant_id: str, state: GrantState) -> dict[str, Any]:
    """The EIP-712 message of a grant's next change. Raises `grants.not_found`, `grants.not_own_key`."""
    with read_only(ctx.db) as session:
        grant = grants.grant_of_holder(session, authority(ctx, session, actor, Action.LOOK).holder_id, grant_id)
        if grant is None:
            raise ApiError("grants.not_found", Kind.NOT_FOUND)
        if grant.custody != OWN_KEY:
            raise ApiError("grants.not_own_key", Kind.CONFLICT)
        return {
            "types": {"EIP712Domain": DOMAIN_FIELDS, "Change": CHANGE_FIELDS},
            "primaryType": "Change",
            "domain": domain(ctx),
            "message": {"grant": "0x" + grant.digest.hex(), "status": int(STATUS_OF[state]), "seq": grant.seq},
        }
