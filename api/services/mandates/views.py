"""Mandates as their two sides and the registering departments see them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.errors import ApiError, Kind
from api.policy.mandates import (
    REGISTRARS,
    Action,
    MandateKind,
    MandateState,
    shown_state,
)
from api.services.authority import authority, open_mandate
from api.services.context import Actor, Context, Relation, Role
from api.store import Session, clock, read_only
from api.store.queries import holders, mandates, parties
from api.store.queries.holders import HolderKind
from api.store.queries.mandates import MandateBody
from api.store.queries.paging import Page
from api.store.tables import Mandate


@dataclass(frozen=True, slots=True)
class MandateView:
    """A mandate as it is shown. `body` is None where its holder's data were erased, or where an officer lists it."""

    row: Mandate
    state: MandateState
    body: MandateBody | None
    principal_kind: HolderKind


@dataclass(frozen=True, slots=True)
class Mandates:
    """Under what the person at the screen acts for others, and who acts for the holder that is looked at."""

    held: Sequence[MandateView]
    given: Sequence[MandateView]
    acting: str | None
    may_appoint: bool


def list_own(ctx: Context, actor: Actor) -> Mandates:
    """All mandates that concern the person at the screen, newest first.

    Who acts for a holder is shown to the holder, and to a representative who may appoint.
    """
    with read_only(ctx.db) as session:
        held = [_view(ctx, session, row) for row in mandates.mandates_of_person(session, actor.self_id)]
        given: list[MandateView] = []
        may_appoint = True
        try:
            principal = authority(ctx, session, actor, Action.APPOINT).holder_id
        except ApiError as error:
            if error.kind is not Kind.FORBIDDEN:
                raise
            may_appoint = False
        else:
            given = [_view(ctx, session, row) for row in mandates.mandates_of_principal(session, principal)]
        acting = None if actor.relation is Relation.SELF else actor.mandate_id
        return Mandates(held, given, acting, may_appoint)


def principal_kind(ctx: Context, actor: Actor) -> HolderKind:
    """Whether the holder that is looked at is a person or an enterprise."""
    with read_only(ctx.db) as session:
        holder = holders.get_holder(session, actor.holder_id or "")
        return HolderKind.PERSON if holder is None else HolderKind(holder.kind)


def list_registered(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[MandateView]:
    """What the officer's department registered, newest first, by document numbers and without names."""
    with read_only(ctx.db) as session:
        page = mandates.mandates_of_registrar(session, actor.party(Role.DEPARTMENT), cursor=cursor)
        return Page([_view(ctx, session, row, names=False) for row in page.items], page.next_cursor)


def registers(ctx: Context, actor: Actor) -> Sequence[MandateKind]:
    """The kinds that the officer's department registers; none for most."""
    with read_only(ctx.db) as session:
        return registered_kinds(session, actor.party(Role.DEPARTMENT))


def _view(ctx: Context, session: Session, row: Mandate, *, names: bool = True) -> MandateView:
    holder = holders.get_holder(session, row.principal_id)
    assert holder is not None
    body = body_of(ctx, session, row)
    if body is not None and not names:
        body = replace(body, principal_name="", person_name="", tail="")
    state = shown_state(MandateState(row.state), row.ends_ms, clock.now_ms(session))
    return MandateView(row, state, body, HolderKind(holder.kind))


def body_of(ctx: Context, session: Session, row: Mandate) -> MandateBody | None:
    """What is encrypted of a mandate; None where the data of either side were erased."""
    if not row.body_enc:
        return None
    try:
        return open_mandate(ctx, session, row)
    except ApiError as error:
        if error.code != "store.erased":
            raise
        return None


def registered_kinds(session: Session, party_id: str) -> list[MandateKind]:
    """Which mandates a department registers: what its office in the catalogue says."""
    party = parties.get_party(session, party_id)
    code = None if party is None else party.department_code
    return [kind for kind, departments in REGISTRARS.items() if code in departments]
