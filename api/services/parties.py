"""Parties as everybody may see them, and how staff of one finds its own."""

from collections.abc import Sequence

from api.errors import ApiError, Kind
from api.services.context import Actor, Context
from api.store import read_only
from api.store.queries import parties
from api.store.queries.parties import PartyRole
from api.store.tables import Party


def list_public(ctx: Context, role: str | None = None) -> Sequence[Party]:
    """All parties, or those of one role. Raises `parties.unknown_role`."""
    if role is not None and role not in set(PartyRole):
        raise ApiError("parties.unknown_role")
    with read_only(ctx.db) as session:
        return parties.list_parties(session, None if role is None else PartyRole(role))


def own(ctx: Context, actor: Actor) -> Party:
    """The party that staff or a machine acts for. Raises `parties.not_found`."""
    with read_only(ctx.db) as session:
        found = parties.get_party(session, actor.party_id or "")
    if found is None:
        raise ApiError("parties.not_found", Kind.NOT_FOUND)
    return found
