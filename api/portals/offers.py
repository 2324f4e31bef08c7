"""数据目录 for everybody: what departments offer, found by words, department and sharing attribute."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.catalogue.offers import Attribute
from api.http.auth import ContextDep, public
from api.http.language import preferred_language
from api.locale import N_, Lang, translator
from api.portals import frame as at
from api.portals.render import respond, with_query
from api.portals.views import offers as views
from api.portals.views.common import Choice
from api.portals.wording import FREQUENCIES
from api.services import offers
from api.services.offers import Offered

router = APIRouter(include_in_schema=False)
_ASKING = (("entity", N_("Ask as an organisation")), ("department", N_("Ask as a department")))


@router.get("/catalogue")
def catalogue(
    request: Request,
    ctx: ContextDep,
    _: Annotated[None, public()],
    q: Annotated[str, Query(max_length=offers.QUERY_MAX)] = "",
    department: Annotated[str, Query(max_length=64)] = "",
    attribute: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """What departments offer, and under which conditions."""
    lang = preferred_language(request)
    labels = translator(lang)
    wanted = Attribute(attribute) if attribute in set(Attribute) else None
    found = offers.search(ctx, q, department=department or None, attribute=wanted)
    issuing = {schema.department for schema in ctx.catalogue.types.values()}
    view = views.Offers(
        query=q,
        department=department,
        attribute=attribute if wanted else "",
        departments=tuple(
            Choice(value=one.code, label=one.en if lang == "en" else one.zh)
            for one in ctx.catalogue.departments.values()
            if one.code in issuing
        ),
        attributes=tuple(
            Choice(value=one.value, label=labels.gettext(at.state_message("sharing", one.value))) for one in Attribute
        ),
        offers=tuple(_line(one, lang) for one in found),
    )
    return respond("public/catalogue.html", view, at.frame(request, ctx, "public", "catalogue"))


def _line(one: Offered, lang: Lang) -> views.OfferLine:
    offer = one.offer
    return views.OfferLine(
        type_name=offer.schema.label(lang),
        department=one.department.en if lang == "en" else one.department.zh,
        attribute=offer.attribute.value,
        frequency=translator(lang).gettext(FREQUENCIES[offer.frequency.value]),
        basis=offer.basis.label(lang),
        contact=offer.contact.label(lang),
        asks=tuple(
            (translator(lang).gettext(text), with_query(f"/{portal}/data-asks/new", type=offer.schema.code))
            for portal, text in _ASKING
        ),
        fields=tuple(
            (field.label(lang), None if offer.of(field) is offer.attribute else offer.of(field).value)
            for field in offer.schema.all_fields
        ),
    )
