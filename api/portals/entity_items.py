"""办事事项: an entity looks for the service item that it needs data for; what the item needs is filled in."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.http.auth import ContextDep
from api.http.language import preferred_language
from api.locale import Lang, translator
from api.portals import frame as at
from api.portals.render import respond, with_query
from api.portals.views import entity as views
from api.services import requests, service_items
from api.services.context import Context
from api.services.service_items import Found

router = APIRouter(prefix="/entity", include_in_schema=False)


@router.get("/items")
def pick(
    request: Request,
    ctx: ContextDep,
    actor: at.Clerk,
    q: Annotated[str, Query(max_length=service_items.QUERY_MAX)] = "",
    after: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Response:
    """Search the service items and choose one. The words are about items, never about a person."""
    lang = preferred_language(request)
    allowed = {purpose.code for purpose in requests.purposes_of(ctx, actor)}
    page = service_items.search(ctx, q, after=after)
    view = views.ItemPicker(
        query=q,
        items=tuple(_line(ctx, one, allowed, lang) for one in page.items),
        total=page.total,
        more_url=None if page.after is None else with_query("/entity/items", q=q or None, after=page.after),
    )
    return respond("entity/items.html", view, at.frame(request, ctx, "entity", "home", actor))


def _line(ctx: Context, one: Found, allowed: set[str], lang: Lang) -> views.ItemLine:
    item, pack = one.item, one.pack
    ready = pack is not None and pack.purpose in allowed
    labels = [ctx.catalogue.type(needed.type_code).field(needed.field).label(lang) for needed in one.needed]
    if ready and pack is not None:
        url: str | None = with_query("/entity/requests/new", scenario=pack.code, item=item.number)
    else:
        # Without a ready-made ask the business is chosen by hand; of another's purpose nothing may be asked.
        url = with_query("/entity", item=item.number) if pack is None and allowed else None
    return views.ItemLine(
        number=item.number,
        name=item.name,
        office=translator(lang).gettext(", ").join(dict.fromkeys((item.province_department, *item.city_departments))),
        scenario=None if pack is None else pack.label(lang),
        needed=tuple(dict.fromkeys(labels)),
        ready=ready,
        barred=pack is not None and not ready,
        url=url,
    )
