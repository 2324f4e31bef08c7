"""The service items that use certificates (the plan's annex 2), as somebody looks for one: by words, number, office."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.catalogue.model import Allowance, ScenarioPack, ServiceItem
from api.errors import ApiError
from api.services.context import Context

LIMIT = 20
QUERY_MAX = 64


@dataclass(frozen=True, slots=True)
class Found:
    """A service item; `pack` is what it needs where the catalogue knows, with `needed`, the fewest fields for it."""

    item: ServiceItem
    pack: ScenarioPack | None
    needed: Sequence[Allowance]


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Items in the order of their numbers; `after` is the number to go on from, None at the end."""

    items: Sequence[Found]
    total: int
    after: int | None


def search(ctx: Context, text: str = "", *, after: int = 0, limit: int = LIMIT) -> ItemPage:
    """Items that hold every word of `text` in name, number or office. Raises `http.invalid_input` for a long one."""
    if len(text) > QUERY_MAX:
        raise ApiError("http.invalid_input", place="q")
    words = text.casefold().split()
    matching = [item for item in ctx.catalogue.items if _holds(item, words)]
    rest = [item for item in matching if item.number > after]
    shown = rest[:limit]
    return ItemPage(
        [found(ctx, item) for item in shown], len(matching), shown[-1].number if len(rest) > limit else None
    )


def found(ctx: Context, item: ServiceItem) -> Found:
    """An item with what it needs."""
    pack = None if item.pack is None else ctx.catalogue.pack(item.pack)
    return Found(item, pack, () if pack is None else [one for one in pack.items if one.necessary])


def _holds(item: ServiceItem, words: Sequence[str]) -> bool:
    # A number is meant as a whole: 11 is not 110.
    text = " ".join((item.name, item.province_department, *item.city_departments)).casefold()
    return all(word in text or word == str(item.number) for word in words)
