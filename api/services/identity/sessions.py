"""Sessions of people: who somebody is by what a provider says, and the cookie that stands for it."""

from dataclasses import dataclass

from api.catalogue.canonical import Limits, id_number_form, uscc_form
from api.errors import ApiError, Kind
from api.services import authority
from api.services.context import OPERATORS_SIDE, Actor, Context, Role, staff_subject
from api.settings import Environment, Settings
from api.store import Session
from api.store.database import read_only, unit_of_work
from api.store.queries import holders, offices, parties, sessions
from api.store.queries.holders import HolderKind


@dataclass(frozen=True, slots=True)
class Claims:
    """What the provider says of somebody: a holder by kind and number, or staff by party.

    `staff` is the officer's own number within the party; `duty` (counter), what the officer is there for, needs it.
    """

    role: Role
    name: str
    kind: HolderKind | None = None
    number: str = ""
    party_id: str | None = None
    staff: str = ""
    duty: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A live session. `display` is the name for the page's corner, `csrf` the token that changes must carry.

    `acting_for` is the name of whom the person acts for at present, None where for nobody else.
    """

    actor: Actor
    display: str
    csrf: str
    acting_for: str | None = None


COUNTER_DUTY = "counter"


_FORMS = {HolderKind.PERSON: id_number_form("number", Limits()), HolderKind.ENTERPRISE: uscc_form("number", Limits())}


def canonical_number(settings: Settings, kind: HolderKind, number: str) -> str:
    """A holder's number in the one spelling under which holders are found; the demo region outside production only.

    Raises `catalogue.…` for a malformed number, check digit included.
    """
    return _FORMS[kind](number, settings.environment is Environment.DEVELOPMENT)


def sign_in(ctx: Context, claims: Claims) -> tuple[str, SignedIn]:
    """Open a session; gives the cookie's value, of which only the hash is kept.

    Raises `auth.claims`, `catalogue.…` for a malformed number, `auth.unknown_party` for staff of no active party, and
    `duties.no_office` for somebody who does not hold the office that the provider says.
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
            role = Role.OPERATOR if claims.role in OPERATORS_SIDE else claims.role
            if party is None or party.role != role.value or party.status != parties.PartyStatus.ACTIVE:
                raise ApiError("auth.unknown_party", Kind.FORBIDDEN)
            if claims.duty is not None and not (claims.duty == COUNTER_DUTY and claims.staff):
                raise ApiError("auth.claims")
            subject = staff_subject(ctx.keys, party.id, claims.staff)
            actor = Actor(claims.role, subject, party_id=party.id, duty=claims.duty)
            if not _in_office(session, actor):
                raise ApiError("duties.no_office", Kind.FORBIDDEN)
        token = sessions.open_session(
            session,
            ctx.vault,
            role=actor.role.value,
            subject=actor.subject,
            display=claims.name,
            holder_id=actor.holder_id,
            party_id=actor.party_id,
            life_ms=ctx.settings.session_hours * 3_600_000,
            duty=actor.duty,
        )
        found = sessions.find_session(session, ctx.vault, token)
    assert found is not None
    return token, SignedIn(actor, found.display, found.csrf)


def sign_in_holder(ctx: Context, holder_id: str) -> tuple[str, SignedIn]:
    """Open a session for a holder whom a passkey has shown; the name is the one that the provider told last.

    Raises `store.no_holder`, `store.erased`.
    """
    with unit_of_work(ctx.db) as session:
        known = holders.profile(session, holders.holder_key(session, ctx.vault, holder_id))
        actor = Actor(Role.CITIZEN, ctx.pairwise(holder_id, "session"), holder_id=holder_id)
        token = sessions.open_session(
            session,
            ctx.vault,
            role=actor.role.value,
            subject=actor.subject,
            display=known.get("name", ""),
            holder_id=holder_id,
            party_id=None,
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
        actor = Actor(Role(row.role), row.subject, holder_id=row.holder_id, party_id=row.party_id, duty=row.duty)
        if not _in_office(session, actor):
            return None
        if row.mandate_id is None:
            return SignedIn(actor, row.display, row.csrf)
        acting, name = authority.representative(ctx, session, actor, row.mandate_id)
    return SignedIn(acting, row.display, row.csrf, name)


def act_for(ctx: Context, actor: Actor, token: str, mandate_id: str | None) -> SignedIn:
    """Let the session act for the principal of a mandate, or (None) for its own person again.

    Raises `mandate.not_found` for what is not the person's own, `mandate.…` for one that lets nobody act now,
    `auth.required` where the session is gone.
    """
    with unit_of_work(ctx.db) as session:
        if mandate_id is not None:
            authority.may_begin(ctx, session, actor.self_id, mandate_id)
        if not sessions.set_acting(session, ctx.vault, token, mandate_id):
            raise ApiError("auth.required", Kind.UNAUTHENTICATED)
    found = session_of(ctx, token)
    if found is None:
        raise ApiError("auth.required", Kind.UNAUTHENTICATED)
    return found


def _in_office(session: Session, actor: Actor) -> bool:
    """Whether somebody on the operator's side holds the office now; true for everybody else."""
    return actor.role not in OPERATORS_SIDE or offices.holds(session, actor.subject) == actor.role.value


def sign_out(ctx: Context, token: str) -> None:
    """End a session; ending one that is gone is no error."""
    with unit_of_work(ctx.db) as session:
        row = sessions.find_session(session, ctx.vault, token)
        if row is not None:
            sessions.close_session(session, row.token_hash)
