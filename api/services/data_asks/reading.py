"""Asks as those concerned see them: who asked, the department that has them, a regulator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from api.catalogue.offers import Offer, load_offers
from api.errors import ApiError, Kind
from api.policy.data_asks import OPEN, AskMover, AskState, moves_of
from api.services.context import Actor, Context, Role
from api.store import Session, read_only
from api.store.queries import data_asks, parties
from api.store.queries.data_asks import Seen
from api.store.queries.paging import Page
from api.store.queries.parties import PartyRole, PartyStatus
from api.store.tables import DataAsk, DataAskEvent, Party

CONCERNED = (Role.ENTITY, Role.DEPARTMENT, Role.REGULATOR)


class Side(StrEnum):
    """Which of a department's asks: those that it made, or those that it has to answer."""

    ASKED = "asked"
    ADDRESSED = "addressed"


@dataclass(frozen=True, slots=True)
class AskView:
    """An ask as its reader sees it: both sides, the offer that it is about, its moves, and what the reader may do."""

    ask: DataAsk
    asker: Party | None
    department: Party | None
    offer: Offer | None
    events: Sequence[DataAskEvent]
    parties: Mapping[str, Party]
    may: frozenset[AskState]


def get(ctx: Context, actor: Actor, ask_id: str) -> AskView:
    """One ask. Raises `data_asks.not_found`, also for one that is not the reader's to see."""
    with read_only(ctx.db) as session:
        row = data_asks.get_ask(session, ask_id)
        if row is None or not _visible(actor, row):
            raise ApiError("data_asks.not_found", Kind.NOT_FOUND)
        return _view(session, actor, row)


def list_visible(
    ctx: Context, actor: Actor, cursor: str | None = None, *, side: Side | None = None, open_only: bool = False
) -> Page[AskView]:
    """One's organisation's asks, those that it has to answer, or all for a regulator; newest first."""
    with read_only(ctx.db) as session:
        states = OPEN if open_only else None
        page = data_asks.list_asks(session, _seen(actor, side), states=states, cursor=cursor)
        return Page([_view(session, actor, row) for row in page.items], page.next_cursor)


def late(ctx: Context, actor: Actor) -> list[AskView]:
    """Asks past their date that still wait, longest first, of those that the actor sees."""
    with read_only(ctx.db) as session:
        return [_view(session, actor, row) for row in data_asks.list_late(session, _seen(actor, None))]


def counts(ctx: Context, actor: Actor, side: Side | None = None) -> dict[str, int]:
    """How many there are in each state, and how many of those that wait are late."""
    with read_only(ctx.db) as session:
        return data_asks.counts(session, _seen(actor, side))


def waiting(ctx: Context, actor: Actor) -> int:
    """How many asks one's department has to answer."""
    with read_only(ctx.db) as session:
        return data_asks.count_open(session, party_id=actor.party(Role.DEPARTMENT))


def departments(ctx: Context, actor: Actor) -> list[Party]:
    """The departments that an ask may be given to: all that may act, but the actor's own."""
    own = actor.party(*CONCERNED)
    with read_only(ctx.db) as session:
        found = parties.list_parties(session, PartyRole.DEPARTMENT)
    return [one for one in found if one.status == PartyStatus.ACTIVE and one.id != own]


def shown_number_of(number: int) -> str:
    """An ask's number as people write it."""
    return f"XQ-{number:06d}"


def _visible(actor: Actor, row: DataAsk) -> bool:
    party_id = actor.party(*CONCERNED)
    if actor.role is Role.REGULATOR:
        return True
    return row.asker_id == party_id or (actor.role is Role.DEPARTMENT and row.party_id == party_id)


def _seen(actor: Actor, side: Side | None) -> Seen:
    party_id = actor.party(*CONCERNED)
    if actor.role is Role.REGULATOR:
        return data_asks.seen_by()
    if actor.role is Role.ENTITY or side is Side.ASKED:
        return data_asks.seen_by(asker_id=party_id)
    if side is Side.ADDRESSED:
        return data_asks.seen_by(party_id=party_id)
    return data_asks.seen_by(asker_id=party_id, party_id=party_id)


def _view(session: Session, actor: Actor, row: DataAsk) -> AskView:
    events = data_asks.events_of(session, row.id)
    wanted = {row.asker_id, *(one.party_id for one in events if one.party_id is not None)}
    named = {one: party for one in wanted if (party := parties.get_party(session, one)) is not None}
    offer = None if row.type_code is None else load_offers().by_type.get(row.type_code)
    movers = []
    if actor.role is Role.REGULATOR:
        movers.append(AskMover.REGULATOR)
    if row.party_id == actor.party_id:
        movers.append(AskMover.DEPARTMENT)
    if row.asker_id == actor.party_id:
        movers.append(AskMover.ASKER)
    may = frozenset(to for mover in movers for to in moves_of(AskState(row.state), mover))
    department = None if row.party_id is None else named.get(row.party_id)
    return AskView(row, named.get(row.asker_id), department, offer, events, named, may)
