"""Pages of the citizen about acting for others: 我 with its switcher, who may act for me, for whom I may act."""

from collections.abc import Iterable
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response

from api.catalogue.model import HolderKind
from api.errors import ApiError, Kind
from api.http.auth import SESSION_COOKIE, ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.locale import Lang
from api.policy.mandates import AGENT_DAYS_MAX, GRANTABLE, MandateKind, MandateState
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import citizen as citizen_views
from api.portals.views import mandates as views
from api.portals.views.common import Choice, FormError
from api.services import certificates, grants, identity, mandates
from api.services.context import Actor, Context
from api.services.mandates import MandateView, NewAgent

router = APIRouter(prefix="/citizen", include_in_schema=False)
PAGES_MAX = 10
ENDED_SHOWN = 20


@router.get("/me")
def me(request: Request, ctx: ContextDep, actor: at.Citizen) -> Response:
    """For whom to act, language, text size, signing out. It opens whatever became of the mandate acted under."""
    lang = preferred_language(request)
    found = mandates.list_own(ctx, actor)
    held = [one for one in found.held if one.state is MandateState.ACTIVE]
    page = at.frame(request, ctx, "citizen", "me", actor)
    assert page.viewer is not None
    counted = _counts(ctx, actor)
    view = citizen_views.Me(
        name=page.viewer.name,
        certificates=None if counted is None else counted[0],
        grants=None if counted is None else counted[1],
        switcher=views.Switcher(
            own_name=page.viewer.name,
            current=found.acting,
            held=tuple(_card(ctx, one, lang, mine=True) for one in held),
            waiting=sum(one.state is MandateState.PROPOSED for one in found.held),
        ),
    )
    return respond("citizen/me.html", view, page)


@router.post("/acting")
def act_for(
    request: Request, ctx: ContextDep, actor: at.Citizen, mandate: Annotated[str, Form(max_length=48)] = ""
) -> Response:
    """Choose for whom to act from now on; empty: for oneself."""
    identity.act_for(ctx, actor, request.cookies.get(SESSION_COOKIE, ""), mandate or None)
    return at.see_other("/citizen" if mandate else "/citizen/me")


@router.get("/mandates")
def list_mandates(request: Request, ctx: ContextDep, actor: at.Citizen) -> Response:
    """Who may act for me, for whom I may act, what waits for my yes, and a form to appoint an agent."""
    return _page(request, ctx, actor, views.AgentForm(), None)


@router.post("/mandates")
def appoint(
    request: Request,
    ctx: ContextDep,
    actor: at.Citizen,
    number: Annotated[str, Form(max_length=18)] = "",
    name: Annotated[str, Form(max_length=64)] = "",
    days: Annotated[str, Form(max_length=5)] = "",
    actions: Annotated[list[str] | None, Form(max_length=8)] = None,
    types: Annotated[list[str] | None, Form(max_length=64)] = None,
    purposes: Annotated[list[str] | None, Form(max_length=64)] = None,
) -> Response:
    """Propose an agent. A form that is not right comes back as it was filled in, with the reason."""
    chosen = frozenset(actions or ()) | {"look"}
    whole = int(days) if days.isascii() and days.isdigit() else 0
    form = views.AgentForm(
        number=number,
        name=name,
        actions=chosen,
        types=frozenset(types or ()),
        purposes=frozenset(purposes or ()),
        days=whole or 180,
    )
    try:
        mandates.appoint(ctx, actor, NewAgent(number, name, sorted(chosen), types, purposes, whole))
    except ApiError as error:
        if error.kind not in {Kind.INVALID, Kind.CONFLICT}:
            raise
        return _page(request, ctx, actor, form, at.said(error, preferred_language(request)))
    return at.see_other("/citizen/mandates")


@router.post("/mandates/{mandate_id}/answer")
def answer(
    ctx: ContextDep, actor: at.Citizen, mandate_id: str, decision: Annotated[Literal["accept", "decline"], Form()]
) -> Response:
    """Accept or decline to be somebody's agent."""
    mandates.answer(ctx, actor, mandate_id, accept=decision == "accept")
    return at.see_other("/citizen/mandates")


@router.post("/mandates/{mandate_id}/end")
def end(ctx: ContextDep, actor: at.Citizen, mandate_id: str) -> Response:
    """End an agent's mandate at once, from either side."""
    mandates.end(ctx, actor, mandate_id)
    return at.see_other("/citizen/mandates")


def _counts(ctx: Context, actor: Actor) -> tuple[int, int] | None:
    """How many certificates and consents in force there are to see; None where nothing may be seen now."""
    try:
        total, cursor = 0, None
        for _ in range(PAGES_MAX):
            page = certificates.list_own(ctx, actor, cursor)
            total, cursor = total + len(page.items), page.next_cursor
            if cursor is None:
                break
        now = at.now_ms(ctx)
        listed = grants.list_of_holder(ctx, actor).items
    except ApiError as error:
        if error.kind is not Kind.FORBIDDEN:
            raise
        return None
    return total, sum(not grants.shown_state(one.grant, now).final for one in listed)


def _page(request: Request, ctx: Context, actor: Actor, form: views.AgentForm, error: FormError | None) -> Response:
    lang = preferred_language(request)
    found = mandates.list_own(ctx, actor)
    held = [_card(ctx, one, lang, mine=True) for one in found.held]
    given = [_card(ctx, one, lang, mine=False) for one in found.given]
    over = [card for card in (*held, *given) if card.state in {"ended", "expired"}]
    kind = HolderKind.ENTERPRISE if _for_enterprise(ctx, actor) else HolderKind.PERSON
    view = views.Mandates(
        proposed=tuple(card for card in held if card.state == "proposed"),
        held=tuple(card for card in held if card.state == "active"),
        given=tuple(card for card in given if card.state in {"proposed", "active"}),
        ended=tuple(over[:ENDED_SHOWN]),
        appoint=form if found.may_appoint else None,
        actions=tuple(action.value for action in GRANTABLE),
        types=tuple(
            Choice(value=one.code, label=one.label(lang))
            for one in ctx.catalogue.ready_types()
            if one.holder_kind is kind
        ),
        purposes=tuple(
            Choice(value=one.code, label=one.label(lang))
            for one in ctx.catalogue.purposes.values()
            if kind in one.holder_kinds
        ),
        days_max=AGENT_DAYS_MAX,
        error=error,
    )
    status = 200 if error is None else int(STATUS[Kind.INVALID])
    return respond("citizen/mandates.html", view, at.frame(request, ctx, "citizen", "me", actor), status)


def _for_enterprise(ctx: Context, actor: Actor) -> bool:
    return mandates.principal_kind(ctx, actor).value == HolderKind.ENTERPRISE.value


def _card(ctx: Context, one: MandateView, lang: Lang, *, mine: bool) -> views.MandateCard:
    row, body = one.row, one.body
    live = one.state in {MandateState.PROPOSED, MandateState.ACTIVE}
    return views.MandateCard(
        id=row.id,
        kind=row.kind,
        state=one.state.value,
        name="—" if body is None else (body.principal_name if mine else body.person_name) or "—",
        tail="" if body is None or mine else body.tail,
        actions=tuple(row.actions),
        types=None if row.types is None else tuple(_labels(row.types, ctx, lang)),
        purposes=None if row.purposes is None else tuple(_purposes(row.purposes, ctx, lang)),
        from_ms=row.begun_at_ms,
        until_ms=row.ends_ms,
        ended_at_ms=row.ended_at_ms,
        reason=row.reason if row.reason is not None or one.state is not MandateState.EXPIRED else "time",
        can_end=live and row.kind == MandateKind.AGENT,
        can_act=mine and one.state is MandateState.ACTIVE,
    )


def _labels(codes: Iterable[str], ctx: Context, lang: Lang) -> Iterable[str]:
    known = ctx.catalogue.types
    return (known[code].label(lang) if code in known else code for code in codes)


def _purposes(codes: Iterable[str], ctx: Context, lang: Lang) -> Iterable[str]:
    known = ctx.catalogue.purposes
    return (known[code].label(lang) if code in known else code for code in codes)
