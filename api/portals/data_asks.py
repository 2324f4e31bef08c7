"""Asks for data on pages: organisations and departments ask, departments answer, the regulator sees to it."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response

from api.catalogue.offers import load_offers
from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.locale import N_, Lang, format_date, translator
from api.policy.data_asks import AskState, Wanted
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import data_asks as views
from api.portals.views.common import Choice, FormError
from api.portals.wording import ASK_MOVERS, ASK_NEXT, ASK_NEXT_OF_OTHERS, ASK_ROUTES, FREQUENCIES, WANTED
from api.services import data_asks, requests, statutory
from api.services.context import Actor, Context, Role
from api.services.data_asks import AskView, NewAsk, Side

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=2000)]
Code = Annotated[str, Form(max_length=64)]
Ticked = Annotated[list[str] | None, Form(max_length=64)]
TypeQuery = Annotated[str, Query(alias="type", max_length=64)]
PORTALS: tuple[tuple[str, Any], ...] = (
    ("entity", at.Clerk),
    ("department", at.Officer),
    ("regulator", at.Inspector),
)
ASKING = frozenset({"entity", "department"})
_DUE = {
    AskState.WAITING: N_("answer by %(day)s"),
    AskState.DESK: N_("answer by %(day)s"),
    AskState.OVERDUE: N_("decision by %(day)s"),
    AskState.ORDERED: N_("to be carried out by %(day)s"),
}
_UNREPAIRABLE = frozenset({"data_asks.not_found", "auth.forbidden"})


def _pages(portal: str, who: Any) -> tuple[Callable[..., Response], ...]:  # noqa: ANN401 - an annotation itself
    """The routes that all three portals have."""

    def listed(
        request: Request,
        ctx: ContextDep,
        actor: who,
        cursor: at.Cursor = None,
        side: Annotated[Literal["asked", "addressed"] | None, Query()] = None,
    ) -> Response:
        """Asks, newest first; for regulators the late ones before them."""
        return _list_page(request, ctx, actor, portal, cursor, side)

    def one(request: Request, ctx: ContextDep, actor: who, ask_id: str) -> Response:
        """One ask, and what its reader may do."""
        return _page(request, ctx, actor, portal, ask_id, None)

    return listed, one


def _answering(portal: str, who: Any) -> tuple[Callable[..., Response], ...]:  # noqa: ANN401 - as above
    """The routes of those who answer."""

    def answer(
        request: Request,
        ctx: ContextDep,
        actor: who,
        ask_id: str,
        outcome: Annotated[Literal["agreed", "refused"], Form()],
        text: Text = "",
    ) -> Response:
        """Agree with conditions, or refuse with the reason."""

        def act() -> None:
            data_asks.answer(ctx, actor, ask_id, agreed=outcome == "agreed", text=text)

        return _acted(request, ctx, actor, portal, ask_id, act)

    def hand_over(
        request: Request, ctx: ContextDep, actor: who, ask_id: str, department: Code = "", text: Text = ""
    ) -> Response:
        """Give it to the department that has the data."""

        def act() -> None:
            data_asks.hand_over(ctx, actor, ask_id, department, text)

        # A department does not see any more what another one has.
        gone = f"/{portal}/data-asks" if portal == "department" else None
        return _acted(request, ctx, actor, portal, ask_id, act, gone)

    return answer, hand_over


def _asking(portal: str, who: Any) -> tuple[Callable[..., Response], ...]:  # noqa: ANN401 - as above
    """The routes of those who ask."""

    def new(request: Request, ctx: ContextDep, actor: who, type_code: TypeQuery = "") -> Response:
        """The form, with the fields of a type where one is chosen."""
        return _new_page(request, ctx, actor, portal, views.AskForm(type_code=type_code), None)

    def file_ask(
        request: Request,
        ctx: ContextDep,
        actor: who,
        type_code: Annotated[str, Form(alias="type", max_length=64)] = "",
        fields: Ticked = None,
        words: Text = "",
        purpose_code: Code = "",
        purpose: Text = "",
        basis_code: Code = "",
        basis: Text = "",
        frequency: Annotated[Literal["once", "monthly", "daily", "on_change"], Form()] = "once",
    ) -> Response:
        """File it; the page of the ask says at once what becomes of it."""
        form = views.AskForm(
            type_code=type_code,
            fields=tuple(fields or ()),
            words=words,
            purpose_code=purpose_code,
            purpose=purpose,
            basis_code=basis_code,
            basis=basis,
            frequency=frequency,
        )
        asked = NewAsk(
            purpose,
            basis,
            Wanted(frequency),
            type_code or None,
            form.fields,
            words or None,
            purpose_code or None,
            basis_code or None,
        )
        try:
            row = data_asks.file_ask(ctx, actor, asked)
        except ApiError as error:
            return _new_page(request, ctx, actor, portal, form, at.said(error, preferred_language(request)))
        return at.see_other(f"/{portal}/data-asks/{at.segment(row.id)}")

    def withdraw(request: Request, ctx: ContextDep, actor: who, ask_id: str) -> Response:
        """Take it back."""
        return _acted(request, ctx, actor, portal, ask_id, lambda: data_asks.withdraw(ctx, actor, ask_id))

    return new, file_ask, withdraw


for _portal, _who in PORTALS:
    _base = f"/{_portal}/data-asks"
    _listed, _one = _pages(_portal, _who)
    router.add_api_route(_base, _listed, methods=["GET"])
    if _portal in ASKING:
        _new, _file, _withdraw = _asking(_portal, _who)
        router.add_api_route(f"{_base}/new", _new, methods=["GET"])
        router.add_api_route(_base, _file, methods=["POST"])
        router.add_api_route(f"{_base}/{{ask_id}}/withdraw", _withdraw, methods=["POST"])
    if _portal != "entity":
        _answer, _hand_over = _answering(_portal, _who)
        router.add_api_route(f"{_base}/{{ask_id}}/answer", _answer, methods=["POST"])
        router.add_api_route(f"{_base}/{{ask_id}}/department", _hand_over, methods=["POST"])
    router.add_api_route(f"{_base}/{{ask_id}}", _one, methods=["GET"])


@router.post("/regulator/data-asks/{ask_id}/order")
def order(
    request: Request, ctx: ContextDep, actor: at.Inspector, ask_id: str, department: Code = "", text: Text = ""
) -> Response:
    """Order the department that was late, or another one, to provide it."""

    def act() -> None:
        data_asks.order(ctx, actor, ask_id, text, department_id=department or None)

    return _acted(request, ctx, actor, "regulator", ask_id, act)


def _acted(
    request: Request,
    ctx: Context,
    actor: Actor,
    portal: str,
    ask_id: str,
    act: Callable[[], None],
    following: str | None = None,
) -> Response:
    try:
        act()
    except ApiError as error:
        if error.code in _UNREPAIRABLE or not error.code.startswith("data_asks."):
            raise
        return _page(request, ctx, actor, portal, ask_id, at.said(error, preferred_language(request)), error.kind)
    return at.see_other(following or f"/{portal}/data-asks/{at.segment(ask_id)}")


def _list_page(
    request: Request, ctx: Context, actor: Actor, portal: str, cursor: str | None, side: str | None
) -> Response:
    lang, base = preferred_language(request), f"/{portal}/data-asks"
    labels = translator(lang)
    chosen = Side(side or "addressed") if portal == "department" else None
    page = data_asks.list_visible(ctx, actor, cursor, side=chosen)
    counted = data_asks.counts(ctx, actor, chosen)
    late = data_asks.late(ctx, actor) if portal == "regulator" and cursor is None else []
    tabs = (
        Choice(value="addressed", label=labels.gettext(N_("To be answered by us"))),
        Choice(value="asked", label=labels.gettext(N_("Asked by us"))),
    )
    view = views.Asks(
        base=base,
        asks=tuple(_card(ctx, one, portal, chosen, lang) for one in page.items),
        late=tuple(_card(ctx, one, portal, chosen, lang) for one in late),
        counts=tuple(
            (labels.gettext(at.state_message("ask", state.value)), counted[state.value])
            for state in AskState
            if counted[state.value]
        ),
        tabs=tabs if portal == "department" else (),
        side="" if chosen is None else chosen.value,
        may_ask=portal in ASKING,
        pager=at.older(base, page.next_cursor, cursor=cursor, side=side),
    )
    return respond("staff/data_asks.html", view, at.frame(request, ctx, portal, "asks", actor))


def _late(one: AskView) -> bool:
    """Late where the state itself does not say so."""
    row, state = one.ask, AskState(one.ask.state)
    return state.open and row.escalated_at_ms is not None and state is not AskState.OVERDUE


def _card(ctx: Context, one: AskView, portal: str, side: Side | None, lang: Lang) -> views.AskCard:
    row, due = one.ask, _DUE.get(AskState(one.ask.state))
    asker, department = at.named(one.asker, lang), at.named(one.department, lang)
    asked = portal == "entity" or side is Side.ASKED
    who = f"{asker} → {department}" if portal == "regulator" else department if asked else asker
    return views.AskCard(
        url=f"/{portal}/data-asks/{at.segment(row.id)}",
        number=data_asks.shown_number_of(row.number),
        state=row.state,
        late=_late(one),
        what=_what(ctx, one, lang),
        who=who,
        filed_at_ms=row.filed_at_ms,
        due=None if due is None else translator(lang).gettext(due) % {"day": _day(row.due_at_ms, lang)},
    )


def _what(ctx: Context, one: AskView, lang: Lang) -> str:
    row = one.ask
    if row.type_code is None:
        words = row.words or ""
        return words if len(words) <= 60 else f"{words[:60]}…"
    schema = ctx.catalogue.types.get(row.type_code)
    name, count = row.type_code if schema is None else schema.label(lang), len(row.fields)
    fields = translator(lang).ngettext("%(num)d field", "%(num)d fields", count) % {"num": count}
    return f"{name} · {fields}"


def _day(at_ms: int | None, lang: Lang) -> str:
    """The last day of a term, which is over at midnight."""
    return "—" if at_ms is None else format_date(at_ms - 1, lang)


def _page(
    request: Request,
    ctx: Context,
    actor: Actor,
    portal: str,
    ask_id: str,
    error: FormError | None,
    kind: Kind = Kind.INVALID,
) -> Response:
    lang = preferred_language(request)
    one = data_asks.get(ctx, actor, ask_id)
    row, labels, offer = one.ask, translator(lang), one.offer
    mine = row.asker_id == actor.party_id
    said = ASK_NEXT if mine else ASK_NEXT_OF_OTHERS
    words = {"who": at.named(one.department, lang), "day": _day(row.due_at_ms, lang)}
    schema = None if row.type_code is None else ctx.catalogue.types.get(row.type_code)
    purpose = ctx.catalogue.purposes.get(row.purpose_code or "")
    duty = ctx.catalogue.statutory_bases.get(row.basis_code or "")
    answering = actor.role is not Role.ENTITY and bool(one.may - {AskState.WITHDRAWN})
    view = views.Ask(
        base=f"/{portal}/data-asks",
        id=row.id,
        number=data_asks.shown_number_of(row.number),
        state=row.state,
        late=_late(one),
        plain=row.plain and row.due_at_ms is not None,
        next=labels.gettext(said[row.state]) % words,
        how=None if row.route is None else labels.gettext(ASK_ROUTES[row.route]),
        type_name=row.type_code if schema is None else schema.label(lang),
        fields=tuple(
            schema.field(name).label(lang) if schema is not None and schema.has_field(name) else name
            for name in row.fields
        ),
        words=row.words,
        purpose=row.purpose,
        purpose_name=None if purpose is None else purpose.label(lang),
        basis=row.basis,
        basis_name=None if duty is None else duty.label(lang),
        frequency=labels.gettext(WANTED[row.frequency]),
        asker=at.named(one.asker, lang),
        department=None if one.department is None else at.named(one.department, lang),
        attribute=None if offer is None else offer.attribute.value,
        offered=None if offer is None else labels.gettext(FREQUENCIES[offer.frequency.value]),
        law=None if offer is None else offer.basis.label(lang),
        contact=None if offer is None else offer.contact.label(lang),
        answer=row.answer,
        filed_at_ms=row.filed_at_ms,
        moves=tuple(_move(one, place, lang) for place in reversed(range(len(one.events)))),
        departments=_departments(ctx, actor, lang) if answering else (),
        error=error,
        can_withdraw=AskState.WITHDRAWN in one.may,
        can_answer=answering and AskState.AGREED in one.may,
        can_refuse=answering and AskState.REFUSED in one.may,
        can_hand_over=answering and AskState.WAITING in one.may,
        can_order=AskState.ORDERED in one.may,
    )
    status = 200 if error is None else int(STATUS[kind])
    return respond("staff/data_ask.html", view, at.frame(request, ctx, portal, "asks", actor), status)


def _move(one: AskView, place: int, lang: Lang) -> views.AskMove:
    event, labels = one.events[place], translator(lang)
    words = [
        labels.gettext(ASK_MOVERS[event.mover]),
        labels.gettext(at.state_message("ask", event.note or event.state)),
    ]
    if event.party_id is not None and AskState(event.state).open:
        words.append(at.named(one.parties.get(event.party_id), lang))
    return views.AskMove(at_ms=event.at_ms, text=" · ".join(words), said=event.text)


def _departments(ctx: Context, actor: Actor, lang: Lang) -> tuple[Choice, ...]:
    return tuple(Choice(value=one.id, label=at.named(one, lang)) for one in data_asks.departments(ctx, actor))


def _new_page(
    request: Request, ctx: Context, actor: Actor, portal: str, form: views.AskForm, error: FormError | None
) -> Response:
    lang = preferred_language(request)
    labels, offers = translator(lang), load_offers().by_type
    offer = offers.get(form.type_code)
    purposes = requests.purposes_of(ctx, actor) if actor.role is Role.ENTITY else []
    view = views.NewAskPage(
        base=f"/{portal}/data-asks",
        form=form,
        types=tuple(
            Choice(value=code, label=f"{one.schema.label(lang)} · {_office(ctx, one.schema.department, lang)}")
            for code, one in offers.items()
        ),
        type_name=None if offer is None else offer.schema.label(lang),
        attribute=None if offer is None else offer.attribute.value,
        department=None if offer is None else _office(ctx, offer.schema.department, lang),
        law=None if offer is None else offer.basis.label(lang),
        fields=()
        if offer is None
        else tuple(
            Choice(value=field.name, label=field.label(lang), hint=offer.of(field).value)
            for field in offer.schema.all_fields
        ),
        purposes=tuple(Choice(value=one.code, label=one.label(lang)) for one in purposes),
        bases=tuple(Choice(value=one.code, label=one.label(lang)) for one in statutory.bases_of(ctx, actor)),
        frequencies=tuple(Choice(value=code, label=labels.gettext(text)) for code, text in WANTED.items()),
        error=error,
    )
    status = 200 if error is None else int(STATUS[Kind.INVALID])
    return respond("staff/data_ask_new.html", view, at.frame(request, ctx, portal, "asks", actor), status)


def _office(ctx: Context, code: str, lang: Lang) -> str:
    office = ctx.catalogue.departments[code]
    return office.en if lang == "en" else office.zh
