"""Sessions of people: who somebody is by what a provider says, and the cookie that stands for it."""

from dataclasses import dataclass

from api.catalogue.canonical import Limits, id_number_form, uscc_form
from api.errors import ApiError, Kind
from api.services.context import Actor, Context, Role
from api.settings import Environment, Settings
from api.store.database import read_only, unit_of_work
from api.store.queries import holders, parties, sessions
from api.store.queries.holders import HolderKind


@dataclass(frozen=True, slots=True)
class Claims:
    """What the provider says of somebody: a holder by kind and number, or staff by party."""

    role: Role
    name: str
    kind: HolderKind | None = None
    number: str = ""
    party_id: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session. `display` is the name for the page's corner, `csrf` the token that changes must carry."""

    actor: Actor
    display: str
    csrf: str


_FORMS = {HolderKind.PERSON: id_number_form("number", Limits()), HolderKind.ENTERPRISE: uscc_form("number", Limits())}


def canonical_number(settings: Settings, kind: HolderKind, number: str) -> str:
    """A holder's number in the one spelling under which holders are found; the demo region outside production only.

    Raises `catalogue.…` for a malformed number, check digit included.
    """
    return _FORMS[kind](number, settings.environment is Environment.DEVELOPMENT)


def sign_in(ctx: Context, claims: Claims) -> tuple[str, SignedIn]:
    """Open a session; gives the cookie's value, of which only the hash is kept.

    Raises `auth.claims`, `catalogue.…` for a malformed number, and `auth.unknown_party` for staff of no active party.
    """
    with unit_of_work(ctx.db) as session:
        if claims.role is Role.CITIZEN:
            if claims.kind is None or not claims.number:
                raise ApiError("auth.claims")
            number = canonical_number(ctx.settings, claims.kind, claims.number)
            (ref,) = holders.find_or_create_holders(session, ctx.vault, [(claims.kind, number)])
            if claims.name and not holders.profile(session, ref.key):
                holders.set_profile(session, ref.key, {"name": claims.name, "number": number})
            actor = Actor(claims.role, ctx.pairwise(ref.id, "session"), holder_id=ref.id)
        else:
            party = parties.get_party(session, claims.party_id or "")
            if party is None or party.role != claims.role.value or party.status != parties.PartyStatus.ACTIVE:
                raise ApiError("auth.unknown_party", Kind.FORBIDDEN)
            actor = Actor(claims.role, f"staff:{party.id}", party_id=party.id)
        token = sessions.open_session(
            session,
            ctx.vault,
            role=actor.role.value,
            subject=actor.subject,
            display=claims.name,
            holder_id=actor.holder_id,
            party_id=actor.party_id,
            life_ms=ctx.settings.session_hours * 3_600_000,
        )
        found = sessions.find_session(session, ctx.vault, token)
    assert found is not None
    return token, SignedIn(actor, found.display, found.csrf)


def session_of(ctx: Context, token: str) -> SignedIn | None:
    """The session behind a cookie, or None where there is none, it ran out, or its party may no longer act."""
    if not token:
        return None
    with read_only(ctx.db) as session:
        row = sessions.find_session(session, ctx.vault, token)
        if row is None:
            return None
        if row.party_id is not None:
            party = parties.get_party(session, row.party_id)
            if party is None or party.status != parties.PartyStatus.ACTIVE:
                return None
    actor = Actor(Role(row.role), row.subject, holder_id=row.holder_id, party_id=row.party_id)
    return SignedIn(actor, row.display, row.csrf)


def sign_out(ctx: Context, token: str) -> None:
    """End a session; ending one that is gone is no error."""
    with unit_of_work(ctx.db) as session:
        row = sessions.find_session(session, ctx.vault, token)
        if row is not None:
            sessions.close_session(session, row.token_hash)
