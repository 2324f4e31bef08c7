"""Lists that come page by page."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from api.client.operations import Operation
from api.client.reading import Document
from api.client.transport import Transport

T = TypeVar("T")


def paged(
    transport: Transport,
    operation: Operation,
    read: Callable[[Document], T],
    *,
    ask: str = "cursor",
    told: str = "next_cursor",
    **parts: object,
) -> Iterator[T]:
    """Every item of a list: `told` names the member that leads on, `ask` the parameter by which it is handed back."""
    place: object = None
    while True:
        page = transport.json(operation, key=None, **{**parts, ask: place})
        yield from (read(one) for one in page.list("items"))
        place = page.raw(told)
        if place is None:
            return
