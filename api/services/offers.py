"""数据目录: what departments offer, as somebody looks for it: by words, department, sharing attribute."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.catalogue.model import Department
from api.catalogue.offers import Attribute, Offer, load_offers
from api.errors import ApiError
from api.services.context import Context

QUERY_MAX = 64


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer with the department that makes it."""

    offer: Offer
    department: Department


def search(
    ctx: Context, text: str = "", *, department: str | None = None, attribute: Attribute | None = None
) -> Sequence[Offered]:
    """Offers that hold every word of `text` in the names of type, fields or department, in the plan's order.

    Raises `http.invalid_input` for a long text.
    """
    if len(text) > QUERY_MAX:
        raise ApiError("http.invalid_input", place="q")
    words = text.casefold().split()
    found = []
    for offer in load_offers().by_type.values():
        office = ctx.catalogue.departments[offer.schema.department]
        if department is not None and office.code != department:
            continue
        if attribute is not None and offer.attribute is not attribute:
            continue
        if all(word in _text(offer, office) for word in words):
            found.append(Offered(offer, office))
    return found


def _text(offer: Offer, office: Department) -> str:
    schema = offer.schema
    names = [schema.code, schema.zh, schema.en, office.zh, office.en]
    for field in schema.all_fields:
        names += [field.name, field.zh, field.en]
    return "\n".join(names).casefold()
