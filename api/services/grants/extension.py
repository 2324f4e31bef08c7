"""Extending a grant: a new record that takes the older one's place, asked by the recipient or offered by the holder.

Nothing is ever added to a grant that was signed. The new one has the same fields at most, and days and uses within what
the purpose allows today; the holder sees and signs it like any other.
"""

from api.catalogue.model import Purpose
from api.errors import ApiError, Kind
from api.policy.mandates import Action
from api.policy.requests import Ask, clamp
from api.policy.states import RequestState
from api.services.authority import Authority, authority
from api.services.context import Actor, Also, Context, Role
from api.services.grants.begin import Approval, begin, make
from api.services.grants.drafts import LIFE_MS, Draft, prepare
from api.services.grants.reading import visible
from api.services.grants.succession import check_extendable
from api.services.notifications import Topic, tell_holder
from api.store import clock, ids, read_only, unit_of_work
from api.store.numbering import NumberedReceipt
from api.store.queries import grants, parties, requests
from api.store.tables import Grant, Party, Request

DAY_MS = 86_400_000


def ask_extension(
    ctx: Context, actor: Actor, grant_id: str, days: int, uses: int, *, also: Also[Request] | None = None
) -> Request:
    """The recipient asks its holder for more time or uses; answered like any request.

    Raises `grants.not_found`, `grant.transition`, `grants.frozen`, `grants.extension_waits` (one is open already),
    `requests.nothing_left` (the purpose allows none of the fields any more).
    """
    entity_id = actor.party(Role.ENTITY)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        grant = grants.grant_to_entity(session, entity_id, grant_id)
        if grant is None:
            raise ApiError("grants.not_found", Kind.NOT_FOUND)
        check_extendable(grant, now)
        if requests.open_extension(session, grant.id, now) is not None:
            raise ApiError("grants.extension_waits", Kind.CONFLICT)
        older = requests.get_request(session, grant.request_id)
        row = _request(ctx, grant, older, days, uses, now)
        requests.ask(session, ctx.vault, row)
        tell_holder(session, grant.holder_id, Topic.REQUEST, row.id, {"request": row.id, "party": entity_id}, now)
        if also is not None:
            also(session, row)
    return row


def extend(
    ctx: Context,
    actor: Actor,
    grant_id: str,
    days: int,
    uses: int,
    *,
    language: str = "zh-Hans",
    also: Also[tuple[Grant, NumberedReceipt]] | None = None,
) -> tuple[Grant, NumberedReceipt]:
    """The holder extends a grant of its own accord: everything that it names, anew, for days and uses from now on.

    Raises as `ask_extension` does, `mandate.…` for a representative, and `grants.draft_needed` where the identity
    provider asks the person itself: then `prepare_extension`.
    """
    row, may, entity, approval = _offer(ctx, actor, grant_id, days, uses, language)
    grant, secret = make(ctx, actor, may, row, entity, approval, row.created_at_ms)
    return grant, ctx.log.submit(begin(ctx, actor, grant, secret, also, offered=row))


def prepare_extension(
    ctx: Context,
    actor: Actor,
    grant_id: str,
    days: int,
    uses: int,
    *,
    language: str = "zh-Hans",
    key_address: bytes | None = None,
) -> Draft:
    """Lay an extension's terms before its holder, who confirms and gives them like those of any request.

    Needed where the identity provider asks the person itself, or the holder brings a key. What is not given lapses with
    the draft and is shown to nobody. Raises as `extend` and `drafts.prepare` do.
    """
    row, _may, _entity, approval = _offer(ctx, actor, grant_id, days, uses, language)
    row.lapses_at_ms = row.created_at_ms + LIFE_MS
    with unit_of_work(ctx.db) as session:
        clock.advance(session)
        session.add(row)
    return prepare(ctx, actor, row.id, approval, key_address=key_address)


def _offer(
    ctx: Context, actor: Actor, grant_id: str, days: int, uses: int, language: str
) -> tuple[Request, Authority, Party, Approval]:
    """The holder's own request that an extension answers, not written yet."""
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        older = visible(ctx, session, actor, grant_id)
        if older.entity_id is None:
            raise ApiError("grants.not_found", Kind.NOT_FOUND)
        may = authority(
            ctx, session, actor, Action.DECIDE, types=grants.types_of(older), purpose=grants.purpose_of(older)
        )
        check_extendable(older, now)
        entity = parties.get_party(session, older.entity_id)
        row = _request(ctx, older, requests.get_request(session, older.request_id), days, uses, now)
    assert entity is not None
    row.origin = requests.BY_HOLDER
    # All that the older one names was agreed to, sensitive fields by themselves.
    ticked = frozenset((str(item["type"]), str(item["field"])) for item in row.items)
    return row, may, entity, Approval(ticked, row.wanted_days, row.wanted_uses, language)


def limits(ctx: Context, grant: Grant) -> Ask:
    """The most days and uses that an extension may have today."""
    purpose = ctx.catalogue.purpose(grants.purpose_of(grant))
    most, _ = clamp(Ask(10**6, 10**6), purpose, sorted(grants.types_of(grant)))
    return most


def _request(ctx: Context, grant: Grant, older: Request, days: int, uses: int, now: int) -> Request:
    purpose = ctx.catalogue.purpose(grants.purpose_of(grant))
    items = [item for item in _items(grant) if _allowed(purpose, item)]
    if not items:
        raise ApiError("requests.nothing_left")
    wish, notes = clamp(Ask(days, uses), purpose, sorted({str(item["type"]) for item in items}))
    return Request(
        id=ids.new_request_id(),
        entity_id=grant.entity_id,
        holder_id=grant.holder_id,
        purpose_code=purpose.code,
        item_no=older.item_no,
        scenario_code=older.scenario_code,
        case_no=older.case_no,
        items=items,
        cut=[note.to_json() for note in notes],
        wanted_days=wish.days,
        wanted_uses=wish.uses,
        state=RequestState.REQUESTED.value,
        extends_id=grant.id,
        created_at_ms=now,
        lapses_at_ms=now + ctx.settings.request_days * DAY_MS,
    )


def _items(grant: Grant) -> list[dict[str, object]]:
    items = grant.terms["items"]
    assert isinstance(items, list)
    return [dict(item) for item in items]


def _allowed(purpose: Purpose, item: dict[str, object]) -> bool:
    """Whether the purpose still asks for the field: it may allow less than when the older grant was given."""
    return purpose.allowance(str(item["type"]), str(item["field"])) is not None
