"""足迹: who looked at my data, by whom and when I choose, and the whole list as a file."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api.http.auth import ContextDep
from api.http.language import preferred_language
from api.http.v1.footprints import exported
from api.locale import CHINA_STANDARD_TIME
from api.portals import frame as at
from api.portals.recorded import record
from api.portals.render import respond, with_query
from api.portals.tracks import line_of
from api.portals.views import looked as views
from api.portals.views.citizen import Day, Footprint
from api.portals.views.common import Choice
from api.portals.wording import GROUPS
from api.services import footprints
from api.services.footprints import Filter, Group

router = APIRouter(prefix="/citizen/footprints", include_in_schema=False)
Only = Annotated[Literal["all", "delivered", "refused", "official", "own", "changes"], Query()]
Who = Annotated[str, Query(max_length=64)]
DayText = Annotated[str, Query(max_length=10)]


@router.get("")
def footprint_list(
    request: Request,
    ctx: ContextDep,
    actor: at.Citizen,
    only: Only = "all",
    who: Who = "",
    since: DayText = "",
    until: DayText = "",
    cursor: at.Cursor = None,
) -> Response:
    """Who looked, refused ones and masked ones too."""
    lang = preferred_language(request)
    page = footprints.list_own(ctx, actor, cursor, wanted(only, who, since, until))
    now, found = record(ctx, lang), footprints.totals(ctx, actor)
    days: dict[str, list[Footprint]] = {}
    for line in page.items:
        day = datetime.fromtimestamp(line.receipt.at_ms / 1000, CHINA_STANDARD_TIME).date().isoformat()
        days.setdefault(day, []).append(line_of(ctx, line, now, lang))
    chosen = {
        "only": None if only == "all" else only,
        "who": who or None,
        "since": since or None,
        "until": until or None,
    }
    view = views.Footprints(
        only=only,
        groups=tuple(Choice(value=group, label=message) for group, message in GROUPS.items()),
        parties=tuple(Choice(value=one.id, label=at.named(one, lang)) for one in footprints.who_looked(ctx, actor)),
        who=who,
        since=since if day_of(since) else "",
        until=until if day_of(until) else "",
        days=tuple(Day(day=day, footprints=tuple(lines)) for day, lines in days.items()),
        looks=found.looks,
        masked=found.masked,
        json_url=with_query("/citizen/footprints/export", **chosen, format="json"),
        csv_url=with_query("/citizen/footprints/export", **chosen, format="csv"),
        pager=at.older("/citizen/footprints", page.next_cursor, **chosen, cursor=cursor),
    )
    return respond("citizen/footprints.html", view, at.frame(request, ctx, "citizen", "footprints", actor))


@router.get("/export")
def export(
    ctx: ContextDep,
    actor: at.Citizen,
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    only: Only = "all",
    who: Who = "",
    since: DayText = "",
    until: DayText = "",
) -> Response:
    """The lines as a file."""
    return exported(footprints.export(ctx, actor, wanted(only, who, since, until)), form)


def wanted(only: str, who: str, since: str, until: str) -> Filter:
    """The filter of a form; days are China Standard Time, the last one included, and a bad one is none."""
    first, last = day_of(since), day_of(until)
    after = None if last is None else last + timedelta(days=1)
    return Filter(Group(only), who or None, _begin(first), _begin(after))


def day_of(text: str) -> date | None:
    """A day of a form (ISO 8601); none where it is empty or no day."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _begin(day: date | None) -> int | None:
    if day is None or not 1971 <= day.year <= 9998:
        return None
    return int(datetime(day.year, day.month, day.day, tzinfo=CHINA_STANDARD_TIME).timestamp()) * 1000
