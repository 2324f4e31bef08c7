"""数据目录: what departments offer, for everybody to look up."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.catalogue.offers import Attribute, Said
from api.http.auth import ContextDep, public
from api.http.strict_json import StrictJsonRoute
from api.services import offers
from api.services.offers import Offered

router = APIRouter(tags=["reference"], route_class=StrictJsonRoute)


def said(text: Said) -> dict[str, str]:
    """A text in both languages."""
    return {"zh": text.zh, "en": text.en}


def shown(one: Offered) -> dict[str, Any]:
    """An offer as JSON."""
    offer = one.offer
    return {
        "type": offer.schema.code,
        "zh": offer.schema.zh,
        "en": offer.schema.en,
        "department": {"code": one.department.code, "zh": one.department.zh, "en": one.department.en},
        "attribute": offer.attribute.value,
        "frequency": offer.frequency.value,
        "basis": said(offer.basis),
        "contact": said(offer.contact),
        "fields": [
            {"name": field.name, "zh": field.zh, "en": field.en, "attribute": offer.of(field).value}
            for field in offer.schema.all_fields
        ],
    }


@router.get("/catalogue/offers")
def list_offers(
    ctx: ContextDep,
    _: Annotated[None, public()],
    q: Annotated[str, Query(max_length=offers.QUERY_MAX)] = "",
    department: Annotated[str | None, Query(max_length=64)] = None,
    attribute: Annotated[Attribute | None, Query()] = None,
) -> dict[str, Any]:
    """What each department offers: types and fields with their sharing attribute, law, frequency, and whom to ask."""
    found = offers.search(ctx, q, department=department, attribute=attribute)
    return {"items": [shown(one) for one in found]}
