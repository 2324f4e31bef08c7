"""Grants as their holder, their recipient and a regulator see them."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.policy.mandates import Action
from api.policy.states import GrantState
from api.services.authority import authority
from api.services.context import Actor, Context, Role
from api.store import Session, clock, read_only
from api.store.queries import copies, grants, masks, parties, receipts
from api.store.queries.paging import Page
from api.store.tables import Copy, Grant, GrantEvent, Party, Receipt


@dataclass(frozen=True, slots=True)
class GrantPage:
    """A grant with what its page shows: recipient, copies made, deliveries and refusals, its history.

    `successor` is the id of the newest grant that extends it.
    """

    grant: Grant
    entity: Party
    copies: Sequence[Copy]
    receipts: Sequence[Receipt]
    events: Sequence[GrantEvent]
    successor: str | None


def list_of_holder(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[GrantPage]:
    """What the holder granted, newest first."""
    with read_only(ctx.db) as session:
        may = authority(ctx, session, actor, Action.LOOK)
        page = grants.grants_of_holder(session, may.holder_id, cursor=cursor)
        seen = [
            grant for grant in page.items if may.covers(Action.LOOK, grants.types_of(grant), grants.purpose_of(grant))
        ]
        return Page([page_of(session, grant) for grant in seen], page.next_cursor)


def list_to_entity(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[GrantPage]:
    """What the entity was granted, newest first."""
    with read_only(ctx.db) as session:
        page = grants.grants_to_entity(session, actor.party(Role.ENTITY), cursor=cursor)
        return Page([page_of(session, grant) for grant in page.items], page.next_cursor)


def get(ctx: Context, actor: Actor, grant_id: str) -> GrantPage:
    """One grant, for its holder or its recipient; `grants.not_found` for everybody else."""
    with read_only(ctx.db) as session:
        return page_of(session, visible(ctx, session, actor, grant_id))


def visible(ctx: Context, session: Session, actor: Actor, grant_id: str) -> Grant:
    """The grant if it is the actor's own, as holder or recipient; else `grants.not_found`, `mandate.…`."""
    if actor.role is Role.CITIZEN:
        may = authority(ctx, session, actor, Action.LOOK)
        grant = grants.grant_of_holder(session, may.holder_id, grant_id)
        if grant is not None and masks.grant_is_hidden(session, grant_id, clock.now_ms(session)):
            grant = None
        if grant is not None and not may.covers(Action.LOOK, grants.types_of(grant), grants.purpose_of(grant)):
            raise ApiError("mandate.out_of_scope", Kind.FORBIDDEN)
    else:
        grant = grants.grant_to_entity(session, actor.party(Role.ENTITY), grant_id)
    if grant is None:
        raise ApiError("grants.not_found", Kind.NOT_FOUND)
    return grant


def shown_state(grant: Grant, now_ms: int) -> GrantState:
    """The state that people see: an end that has come by time or use, whether or not anybody noted it yet."""
    state = GrantState(grant.state)
    if state.final:
        return state
    if now_ms >= grant.not_after_ms:
        return GrantState.EXPIRED
    if state is GrantState.ACTIVE and grant.use_count >= grant.max_uses:
        return GrantState.EXHAUSTED
    return state


def page_of(session: Session, grant: Grant) -> GrantPage:
    """A grant with everything that its page shows; the caller has checked who may see it."""
    entity = parties.get_party(session, grant.entity_id)
    assert entity is not None
    return GrantPage(
        grant,
        entity,
        copies.copies_of_grant(session, grant.id),
        receipts.receipts_of_grant(session, grant.id),
        grants.events_of(session, grant.id),
        grants.successor_of(session, grant.id),
    )
