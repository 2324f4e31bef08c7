"""The page of the data catalogue."""

from dataclasses import dataclass

from api.portals.views.common import Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferLine:
    """What is offered of one type; `fields` pair a name with its sharing attribute where that is not the type's.

    `asks` pair who may ask for it with where that is done.
    """

    type_name: str
    department: str
    attribute: str
    frequency: str
    basis: str
    contact: str
    asks: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """数据目录 as somebody looks for something in it."""

    query: str
    department: str
    attribute: str
    departments: tuple[Choice, ...]
    attributes: tuple[Choice, ...]
    offers: tuple[OfferLine, ...]
