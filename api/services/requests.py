"""Requests: what an entity asks, cut to the least before the holder sees it; and the holder's no."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.catalogue.model import Purpose, ServiceItem
from api.errors import ApiError, Kind
from api.policy.mandates import Action, MandateKind, MandateState, own_consent_ms
from api.policy.requests import Ask, AskedItem, KeptItem, clamp, cut
from api.policy.states import RequestState, check_request_transition
from api.services.authority import Authority, authority, by, guardian_decides
from api.services.context import Actor, Also, Context, Relation, Role
from api.services.identity import canonical_number
from api.services.notifications import Topic, tell_holder
from api.store import Session, clock, ids, read_only, unit_of_work
from api.store.queries import grants, holders, mandates, parties, registrations, requests
from api.store.queries.holders import HolderKind
from api.store.queries.paging import Page
from api.store.queries.registrations import LegalBasis
from api.store.tables import Party, Request

DAY_MS = 86_400_000
MAX_ITEMS = 64


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What an entity sends. `number` finds the holder and goes nowhere else; days and uses are wishes, clamped.

    `item_no` is the service item (the plan's annex 2) that the data are for, where it is for one. With `purpose` and
    `items` empty it says both: what the catalogue's pack for it cannot do without.
    """

    holder_kind: HolderKind
    number: str
    purpose: str
    items: Sequence[AskedItem]
    case_no: str | None
    days: int
    uses: int
    scenario: str | None = None
    item_no: int | None = None


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request with the names that its page shows.

    `guardian_decides`: whoever looks may not answer, the holder being a child under 14; told of a single request.
    """

    request: Request
    entity: Party
    purpose: Purpose
    grant_id: str | None
    guardian_decides: bool = False


def create(ctx: Context, actor: Actor, new: NewRequest, *, also: Also[Request] | None = None) -> Request:
    """File a request. Whether the number belongs to anybody here does not show: not in the answer, not in its time.

    Raises `catalogue.unknown_purpose`, `requests.purpose_not_registered` (FORBIDDEN), `requests.unknown_item`,
    `requests.case_required`, `requests.wrong_holder_kind`, `requests.nothing_left` (the purpose allows none of the
    fields), `requests.too_many_items`, `requests.bad_case_no`, `catalogue.…` for a malformed number.
    """
    entity_id, new = actor.party(Role.ENTITY), _resolved(ctx, new)
    purpose = ctx.catalogue.purpose(new.purpose)
    with read_only(ctx.db) as session:
        if not registrations.is_registered(session, entity_id, LegalBasis.CONSENT, purpose.code):
            raise ApiError("requests.purpose_not_registered", Kind.FORBIDDEN, purpose=purpose.code)
    if new.item_no is not None and service_item(ctx, new.item_no) is None:
        raise ApiError("requests.unknown_item", Kind.NOT_FOUND, item=new.item_no)
    if new.scenario is not None and ctx.catalogue.pack(new.scenario).purpose != purpose.code:
        raise ApiError("requests.other_scenario")
    if len(new.items) > MAX_ITEMS:
        raise ApiError("requests.too_many_items", limit=MAX_ITEMS)
    if purpose.case_required and not new.case_no:
        raise ApiError("requests.case_required")
    if new.case_no is not None and not new.case_no.isprintable():
        raise ApiError("requests.bad_case_no")
    if new.holder_kind.value not in {kind.value for kind in purpose.holder_kinds}:
        raise ApiError("requests.wrong_holder_kind")
    number = canonical_number(ctx.settings, new.holder_kind, new.number)
    for item in new.items:
        ctx.catalogue.ready_type(item.type_code).field(item.field)
    kept, cut_notes = cut(new.items, purpose, lambda type_code, name: says_less(ctx, type_code, name))
    if not kept:
        raise ApiError("requests.nothing_left")
    wish, clamp_notes = clamp(Ask(new.days, new.uses), purpose, [item.type_code for item in kept])
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        row = Request(
            id=ids.new_request_id(),
            entity_id=entity_id,
            holder_id=holders.find_holder(session, ctx.vault, new.holder_kind, number),
            purpose_code=purpose.code,
            item_no=new.item_no,
            scenario_code=new.scenario,
            case_no=new.case_no,
            items=[_item_json(ctx, item) for item in kept],
            cut=[*(note.to_json() for note in cut_notes), *(note.to_json() for note in clamp_notes)],
            wanted_days=wish.days,
            wanted_uses=wish.uses,
            state=RequestState.REQUESTED.value,
            created_at_ms=now,
            lapses_at_ms=now + ctx.settings.request_days * DAY_MS,
        )
        requests.ask(session, ctx.vault, row)
        if row.holder_id is not None:
            _tell(session, row.holder_id, row, new.holder_kind is HolderKind.PERSON and own_consent_ms(number) > now)
        if also is not None:
            also(session, row)
    return row


def _resolved(ctx: Context, new: NewRequest) -> NewRequest:
    """What a service item alone asks for: the purpose and the fewest fields of its pack."""
    if new.purpose or new.item_no is None:
        return new
    item = service_item(ctx, new.item_no)
    if item is None:
        raise ApiError("requests.unknown_item", Kind.NOT_FOUND, item=new.item_no)
    if item.pack is None or new.items:
        raise ApiError("requests.item_without_pack", item=new.item_no)
    pack = ctx.catalogue.pack(item.pack)
    fields = [AskedItem(one.type_code, one.field, True) for one in pack.items if one.necessary]
    return replace(new, purpose=pack.purpose, scenario=new.scenario or pack.code, items=fields)


def _tell(session: Session, holder_id: str, row: Request, child: bool) -> None:
    """Tell the holder; of a child under 14 also its guardians, who see what for once they act for the child."""
    facts, now = {"request": row.id, "party": row.entity_id}, row.created_at_ms
    tell_holder(session, holder_id, Topic.REQUEST, row.id, facts, now)
    for one in mandates.live_of(session, holder_id, MandateKind.GUARDIAN) if child else ():
        if one.state == MandateState.ACTIVE and (one.ends_ms is None or one.ends_ms > now):
            tell_holder(session, one.person_id, Topic.REQUEST, row.id, {**facts, "mandate": one.id}, now)


def list_own(ctx: Context, actor: Actor, cursor: str | None = None, *, open_only: bool = False) -> Page[RequestView]:
    """What a holder is asked, or what an entity asked, newest first."""
    with read_only(ctx.db) as session:
        if actor.role is Role.CITIZEN:
            may = authority(ctx, session, actor, Action.LOOK)
            state = RequestState.REQUESTED if open_only else None
            page = requests.requests_to_holder(session, may.holder_id, state=state, cursor=cursor)
            rows = [row for row in page.items if may.covers(Action.LOOK, types_of(row), row.purpose_code)]
        else:
            page = requests.requests_of_entity(session, actor.party(Role.ENTITY), cursor=cursor)
            rows = page.items
        now = clock.now_ms(session)
        views = [_view(ctx, session, row, now) for row in rows]
        if open_only:
            views = [view for view in views if view.request.state == RequestState.REQUESTED]
        return Page(views, page.next_cursor)


def get(ctx: Context, actor: Actor, request_id: str) -> RequestView:
    """One request, for its entity or its holder; `requests.not_found` for everybody else."""
    with read_only(ctx.db) as session:
        if actor.role is Role.CITIZEN:
            row, _ = asked_of(ctx, session, actor, request_id, Action.LOOK)
            view = _view(ctx, session, row, clock.now_ms(session))
            asks_guardian = actor.relation is not Relation.GUARDIAN and row.holder_id is not None
            return replace(view, guardian_decides=asks_guardian and guardian_decides(ctx, session, str(row.holder_id)))
        found = requests.request_of_entity(session, actor.party(Role.ENTITY), request_id)
        if found is None:
            raise ApiError("requests.not_found", Kind.NOT_FOUND)
        return _view(ctx, session, found, clock.now_ms(session))


def deny(ctx: Context, actor: Actor, request_id: str, *, also: Also[Request] | None = None) -> None:
    """The holder's no; as easy as the yes, and receipted like it.

    Raises `requests.not_found`, `request.transition`, `requests.lapsed`, `mandate.…`.
    """
    with unit_of_work(ctx.db) as session:
        row, _ = asked_of(ctx, session, actor, request_id, Action.DECIDE, lock=True)
        check_request_transition(RequestState(row.state), RequestState.DENIED)
        now = clock.advance(session)
        # It has lapsed, whether or not the worker has noted that yet.
        if row.lapses_at_ms <= now:
            raise ApiError("requests.lapsed", Kind.CONFLICT)
        row.state, row.decided_at_ms = RequestState.DENIED.value, now
        requests.answered(session, ctx.vault, row, by(ctx, actor, row.entity_id))
        if also is not None:
            also(session, row)


def types_of(row: Request) -> frozenset[str]:
    """The certificate types that a request touches."""
    return frozenset(str(item["type"]) for item in row.items)


def asked_of(
    ctx: Context, session: Session, actor: Actor, request_id: str, action: Action, *, lock: bool = False
) -> tuple[Request, Authority]:
    """A request to whom the actor may act for, and by which authority. Raises `requests.not_found`, `mandate.…`."""
    holder_id = authority(ctx, session, actor, action).holder_id
    row = requests.request_to_holder(session, holder_id, request_id, lock=lock)
    if row is None:
        raise ApiError("requests.not_found", Kind.NOT_FOUND)
    may = authority(ctx, session, actor, action, types=types_of(row), purpose=row.purpose_code, lock=lock)
    return row, may


def _view(ctx: Context, session: Session, row: Request, now_ms: int) -> RequestView:
    entity = parties.get_party(session, row.entity_id)
    assert entity is not None
    if row.state == RequestState.REQUESTED and row.lapses_at_ms <= now_ms:
        row.state = RequestState.LAPSED.value  # shown as it is; the worker writes it
        session.expunge(row)
    grant = grants.grant_of_request(session, row.id)
    return RequestView(row, entity, ctx.catalogue.purpose(row.purpose_code), None if grant is None else grant.id)


def says_less(ctx: Context, type_code: str, name: str) -> list[str]:
    """Names of the claims that are derived from a field and say less than it."""
    return [claim.name for claim in ctx.catalogue.ready_type(type_code).claims_from(name)]


def service_item(ctx: Context, number: int) -> ServiceItem | None:
    """The service item of that number in the plan's annex 2."""
    return next((item for item in ctx.catalogue.items if item.number == number), None)


def purposes_of(ctx: Context, actor: Actor) -> list[Purpose]:
    """The purposes under which the actor's own organisation may ask, in the catalogue's order."""
    party_id = actor.party(Role.ENTITY)
    with read_only(ctx.db) as session:
        codes = set(registrations.registered(session, party_id, LegalBasis.CONSENT))
    return [purpose for code, purpose in ctx.catalogue.purposes.items() if code in codes]


def _item_json(ctx: Context, item: KeptItem) -> dict[str, object]:
    field = ctx.catalogue.ready_type(item.type_code).field(item.field)
    # What its holder must agree to separately, whichever the reason: personal information (PIPL article 29), or an
    # enterprise's trade secret.
    separately = field.sensitive or field.trade_secret
    return {"type": item.type_code, "field": item.field, "necessary": item.necessary, "sensitive": separately}
