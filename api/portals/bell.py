"""通知 on the pages of every portal whose people are told something: the list, marking as read, and the settings."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.datastructures import FormData

from api.errors import ApiError, Kind
from api.http.auth import ContextDep
from api.http.errors import STATUS
from api.http.language import preferred_language
from api.locale import Lang, format_date, translator
from api.portals import frame as at
from api.portals.render import respond
from api.portals.views import looked as views
from api.portals.views.common import Choice, FormError
from api.portals.wording import MODES, NOTICES, TOPICS
from api.services import data_asks, disputes, notifications
from api.services.cases import shown_number_of
from api.services.context import Actor, Context, Role
from api.services.notifications import TOPICS_OF, Mode, Told, Topic

router = APIRouter(include_in_schema=False)
_PORTALS: tuple[tuple[Role, Any], ...] = (
    (Role.CITIZEN, at.Citizen),
    (Role.DEPARTMENT, at.Officer),
    (Role.ENTITY, at.Clerk),
    (Role.REGULATOR, at.Inspector),
)


# Topics that lead to a page of the same place in every portal, by the fact that names the thing.
_ONE_PAGE: Mapping[str, tuple[str, str]] = {
    Topic.CASE: ("cases", "case"),
    Topic.DISPUTE: ("disputes", "dispute"),
    Topic.ASK: ("data-asks", "ask"),
}
_CORRECTED = ("corrected_to_confirm", "corrected_done")


async def _form(request: Request) -> FormData:
    return await request.form()


def _pages(portal: str, who: Any) -> tuple[Callable[..., Response], ...]:  # noqa: ANN401 - an annotation itself
    """The three routes of one portal."""

    def notices(request: Request, ctx: ContextDep, actor: who, cursor: at.Cursor = None) -> Response:
        """What I was told, newest first, and how I want to be told."""
        return _page(request, ctx, actor, portal, cursor, None)

    def read(ctx: ContextDep, actor: who, note: Annotated[str, Form(max_length=64)] = "") -> Response:
        """Mark one notice as read, or all."""
        notifications.mark_read(ctx, actor, note or None)
        return at.see_other(f"/{portal}/notifications")

    def choose(request: Request, ctx: ContextDep, actor: who, form: Annotated[FormData, Depends(_form)]) -> Response:
        """Set how I am told of each topic, and where reminders go."""
        chosen = {topic: str(form.get(topic.value, "")) for topic in TOPICS_OF[actor.role]}
        topics = {topic: Mode(mode) for topic, mode in chosen.items() if mode in set(Mode)}
        address, language = str(form.get("address", ""))[:400], preferred_language(request)
        try:
            notifications.choose(ctx, actor, topics, address or None, language)
        except ApiError as error:
            if error.kind is not Kind.INVALID:
                raise
            return _page(request, ctx, actor, portal, None, at.said(error, language))
        return at.see_other(f"/{portal}/notifications")

    return notices, read, choose


for _role, _who in _PORTALS:
    _list, _read, _choose = _pages(_role.value, _who)
    router.add_api_route(f"/{_role.value}/notifications", _list, methods=["GET"])
    router.add_api_route(f"/{_role.value}/notifications/read", _read, methods=["POST"])
    router.add_api_route(f"/{_role.value}/notifications/settings", _choose, methods=["POST"])


def _page(
    request: Request, ctx: Context, actor: Actor, portal: str, cursor: str | None, error: FormError | None
) -> Response:
    lang = preferred_language(request)
    labels = translator(lang)
    page = notifications.list_own(ctx, actor, cursor)
    found = notifications.settings_of(ctx, actor)
    view = views.Notices(
        base=f"/{portal}/notifications",
        notices=tuple(_notice(ctx, one, portal, lang) for one in page.items),
        unread=notifications.unread(ctx, actor),
        topics=tuple(
            views.TopicChoice(topic=topic.value, label=labels.gettext(TOPICS[topic.value]), mode=mode.value)
            for topic, mode in found.topics.items()
        ),
        modes=tuple(Choice(value=mode.value, label=labels.gettext(MODES[mode.value])) for mode in Mode),
        address=found.address or "",
        language=found.language,
        error=error,
        pager=at.older(f"/{portal}/notifications", page.next_cursor, cursor=cursor),
    )
    template = "citizen/notices.html" if portal == "citizen" else "staff/notices.html"
    status = 200 if error is None else int(STATUS[Kind.INVALID])
    return respond(template, view, at.frame(request, ctx, portal, "notices", actor), status)


def _notice(ctx: Context, one: Told, portal: str, lang: Lang) -> views.Notice:
    row, labels = one.note, translator(lang)
    facts = {name: str(value) for name, value in row.facts.items()}
    topic = row.topic
    words = {"who": at.named(one.party, lang), "count": facts.get("count", "")}
    if topic == Topic.CASE:
        state = at.state_message("case", facts["state"])
        words |= {"number": shown_number_of(int(facts["number"])), "state": labels.gettext(state)}
    if topic == Topic.EXPIRING:
        words["day"] = format_date(int(facts["until"]), lang)
    if topic == Topic.LOOKED:
        words["day"] = format_date(facts["day"], lang)
    if topic == Topic.ASK:
        state = at.state_message("ask", facts["state"])
        words |= {"number": data_asks.shown_number_of(int(facts["number"])), "state": labels.gettext(state)}
    if topic == Topic.DISPUTE:
        state = at.state_message("dispute", facts["state"])
        words |= {"number": disputes.shown_number_of(int(facts["number"])), "state": labels.gettext(state)}
    key = f"{topic}_own" if topic == Topic.CORRECTED and portal == "citizen" else topic
    if "correction" in facts:
        key = {Topic.OVERDUE.value: "overdue_correction", Topic.CORRECTED.value: _CORRECTED[portal == "citizen"]}[topic]
    if topic == Topic.REQUEST and "mandate" in facts:
        key = "request_child"
    if topic == Topic.CORRECTED and "type" in facts:
        schema = ctx.catalogue.types.get(facts["type"])
        words["what"] = facts["type"] if schema is None else schema.label(lang)
    return views.Notice(
        id=row.id,
        text=labels.gettext(NOTICES[key]) % words,
        url=_where(topic, facts, portal),
        at_ms=row.at_ms,
        new=row.read_at_ms is None,
    )


def _where(topic: str, facts: dict[str, str], portal: str) -> str | None:
    """What a notice is about, where this portal has a page of it."""
    citizen, entity = portal == "citizen", portal == "entity"
    if topic == Topic.REQUEST and citizen and "mandate" in facts:
        return "/citizen/mandates"
    if topic == Topic.REQUEST and citizen:
        return f"/citizen/requests/{at.segment(facts['request'])}"
    if topic in _ONE_PAGE:
        path, named = _ONE_PAGE[topic]
        return f"/{portal}/{path}/{at.segment(facts[named])}"
    if "correction" in facts:
        return _where_corrected(facts, portal)
    if topic == Topic.ALARM:
        return "/regulator/watch"
    if topic == Topic.LOOKED:
        return f"/citizen/footprints?since={facts['day']}&until={facts['day']}"
    if topic == Topic.MANDATE:
        return "/citizen/mandates"
    if topic == Topic.OVERDUE and portal == "regulator":
        return "/regulator/copies"
    if topic == Topic.CORRECTED and citizen:
        return "/citizen"
    if "grant" in facts and (citizen or entity):
        return f"/{portal}/grants/{at.segment(facts['grant'])}"
    return None


def _where_corrected(facts: dict[str, str], portal: str) -> str:
    """A correction: what to confirm, how it stands, or for regulators who is late."""
    if portal == "citizen":
        return f"/citizen/corrections/{at.segment(facts['correction'])}"
    return "/regulator/disputes" if portal == "regulator" else f"/{portal}/corrections"
