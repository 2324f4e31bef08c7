"""An ask comes in: it is matched against the catalogue at once, and goes to whoever answers it otherwise."""

from dataclasses import dataclass

from api.catalogue.offers import Offer, load_offers
from api.errors import ApiError, Kind
from api.policy.data_asks import FIELDS_MAX, OPEN_MAX, AskMover, AskState, Item, Wanted, match
from api.services.context import Actor, Also, Context, Role
from api.services.data_asks.record import checked_text, moved
from api.store import Session, clock, ids, locks, unit_of_work
from api.store.queries import data_asks, parties, registrations
from api.store.queries.parties import PartyRole, PartyStatus
from api.store.queries.registrations import LegalBasis
from api.store.tables import DataAsk

ASKERS = (Role.ENTITY, Role.DEPARTMENT)


@dataclass(frozen=True, slots=True)
class NewAsk:
    """What is asked: fields of a type, or in words what the catalogue does not have; what for, how often, on what.

    `purpose_code`, `basis_code`: one of the purposes, or duties in law, for which one's organisation is registered.
    """

    purpose: str
    basis: str
    frequency: Wanted
    type_code: str | None = None
    fields: tuple[str, ...] = ()
    words: str | None = None
    purpose_code: str | None = None
    basis_code: str | None = None


def file_ask(ctx: Context, actor: Actor, new: NewAsk, *, also: Also[DataAsk] | None = None) -> DataAsk:
    """File an ask of one's organisation and match it; its state says what becomes of it.

    Raises `data_asks.what`, `data_asks.fields`, `data_asks.own`, `data_asks.not_registered`, `data_asks.too_many`,
    `data_asks.bad_text`, `data_asks.personal`, `catalogue.unknown_type`, `catalogue.unknown_field`.
    """
    asker_id = actor.party(*ASKERS)
    offer = _offer(ctx, new)
    words = None if not (new.words or "").strip() else checked_text(new.words or "", what="words")
    purpose, basis = checked_text(new.purpose, what="purpose"), checked_text(new.basis, what="basis")
    if offer is None and words is None:
        raise ApiError("data_asks.what")
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        locks.exclusive(session, "data_asks/of", asker_id)
        if data_asks.count_open(session, asker_id=asker_id) >= OPEN_MAX:
            raise ApiError("data_asks.too_many", Kind.CONFLICT, limit=OPEN_MAX)
        by_consent, by_duty = _allowed(ctx, session, actor, asker_id, new)
        matched = match(offer, new.fields, new.frequency, by_consent=by_consent, by_duty=by_duty)
        state, party_id = matched.state, None
        if offer is not None:
            offering = _offering(session, offer)
            if asker_id in offering:
                raise ApiError("data_asks.own", Kind.CONFLICT)
            # Of a kind of office that there is none or several of, the desk names one.
            party_id = offering[0] if len(offering) == 1 else None
            if state is AskState.WAITING and party_id is None:
                state = AskState.DESK
        row = DataAsk(
            id=ids.new_data_ask_id(),
            number=data_asks.next_number(session),
            asker_id=asker_id,
            asked_by=actor.subject,
            type_code=None if offer is None else offer.schema.code,
            fields=list(new.fields),
            words=words,
            purpose_code=new.purpose_code,
            basis_code=new.basis_code,
            purpose=purpose,
            basis=basis,
            frequency=new.frequency.value,
            state=state.value,
            route=None if matched.route is None else matched.route.value,
            party_id=party_id if state is AskState.WAITING else None,
            restarted=False,
            filed_at_ms=now,
            plain=False,
        )
        session.add(row)
        moved(ctx, session, row, state, AskMover.PLATFORM, now, by=actor.subject)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def _offer(ctx: Context, new: NewAsk) -> Offer | None:
    if new.type_code is None:
        if new.fields:
            raise ApiError("data_asks.what")
        return None
    schema = ctx.catalogue.type(new.type_code)
    if not 1 <= len(new.fields) <= FIELDS_MAX or len(set(new.fields)) != len(new.fields):
        raise ApiError("data_asks.fields")
    for name in new.fields:
        schema.field(name)
    return load_offers().by_type[schema.code]


def _allowed(
    ctx: Context, session: Session, actor: Actor, asker_id: str, new: NewAsk
) -> tuple[frozenset[Item], frozenset[Item]]:
    """What the named purpose, and the named duty, allow. Raises `data_asks.not_registered`."""
    by_consent: frozenset[Item] = frozenset()
    by_duty: frozenset[Item] = frozenset()
    if new.purpose_code is not None:
        known = registrations.registered(session, asker_id, LegalBasis.CONSENT)
        purpose = ctx.catalogue.purposes.get(new.purpose_code)
        if actor.role is not Role.ENTITY or purpose is None or new.purpose_code not in known:
            raise ApiError("data_asks.not_registered", what="purpose_code")
        by_consent = frozenset((one.type_code, one.field) for one in purpose.allowances)
    if new.basis_code is not None:
        known = registrations.registered(session, asker_id, LegalBasis.STATUTORY_DUTY)
        duty = ctx.catalogue.statutory_bases.get(new.basis_code)
        if duty is None or new.basis_code not in known:
            raise ApiError("data_asks.not_registered", what="basis_code")
        by_duty = frozenset((one.type_code, one.field) for one in duty.allowances)
    return by_consent, by_duty


def _offering(session: Session, offer: Offer) -> list[str]:
    """The departments, by id, that make an offer and may act."""
    return [
        party.id
        for party in parties.list_parties(session, PartyRole.DEPARTMENT)
        if party.department_code == offer.schema.department and party.status == PartyStatus.ACTIVE
    ]
