"""Parties as everybody may see them, and how staff of one finds its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services.context import Actor, Context
from api.store import read_only
from api.store.queries import parties, registrations
from api.store.queries.parties import PartyRole
from api.store.queries.registrations import LegalBasis
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


@dataclass(frozen=True, slots=True)
class Registered:
    """A party with the codes of the purposes and of the bases of statutory duty that it is registered for."""

    party: Party
    purposes: Sequence[str]
    bases: Sequence[str]


def registered(ctx: Context) -> list[Registered]:
    """Who is registered for what, parties by name; those that are registered for nothing are left out."""
    with read_only(ctx.db) as session:
        rows = registrations.everybody_s(session)
        known = parties.list_parties(session)

    def codes(party_id: str, basis: LegalBasis) -> list[str]:
        return [row.code for row in rows if (row.party_id, row.legal_basis) == (party_id, basis.value)]

    found = [Registered(p, codes(p.id, LegalBasis.CONSENT), codes(p.id, LegalBasis.STATUTORY_DUTY)) for p in known]
    return [one for one in found if one.purposes or one.bases]
