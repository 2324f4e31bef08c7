"""Asking holders: what an entity asked, and what became of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.client import operations as op
from api.client.paging import paged
from api.client.reading import Document
from api.client.transport import Transport


@dataclass(frozen=True, slots=True)
class Item:
    """One field of one certificate type; `necessary` false: the holder may leave it out."""

    type: str
    field: str
    necessary: bool = True


@dataclass(frozen=True, slots=True)
class AskedItem:
    """An item as the service took it: `sensitive` ones are ticked by the holder one by one."""

    type: str
    field: str
    necessary: bool
    sensitive: bool


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `cut` says what was taken out or changed before the holder saw it, and why."""

    id: str
    entity: str
    purpose: str
    item: int | None
    scenario: str | None
    case_no: str | None
    items: tuple[AskedItem, ...]
    cut: tuple[Mapping[str, Any], ...]
    days: int
    uses: int
    state: str
    extends: str | None
    grant: str | None
    created_at: datetime
    lapses_at: datetime


def request_of(document: Document) -> Request:
    """A request from the service's JSON."""
    return Request(
        id=document.text("id"),
        entity=document.text("entity"),
        purpose=document.text("purpose"),
        item=document.maybe_whole("item"),
        scenario=document.maybe_text("scenario"),
        case_no=document.maybe_text("case_no"),
        items=tuple(
            AskedItem(one.text("type"), one.text("field"), one.flag("necessary"), one.flag("sensitive"))
            for one in document.list("items")
        ),
        cut=tuple(one.members for one in document.list("cut")),
        days=document.whole("days"),
        uses=document.whole("uses"),
        state=document.text("state"),
        extends=document.maybe_text("extends"),
        grant=document.maybe_text("grant"),
        created_at=document.moment("created_at"),
        lapses_at=document.moment("lapses_at"),
    )


class Requests:
    """An entity's requests."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        *,
        number: str,
        purpose: str,
        items: Sequence[Item],
        days: int,
        uses: int,
        kind: str = "person",
        case_no: str | None = None,
        scenario: str | None = None,
        item: int | None = None,
        idempotency_key: str | None = None,
    ) -> Request:
        """Ask a person or (`kind`) an enterprise. The answer does not tell whether anybody has that number."""
        document = self._transport.json(
            op.ASK,
            key=idempotency_key,
            holder={"kind": kind, "number": number},
            purpose=purpose,
            item=item,
            scenario=scenario,
            case_no=case_no,
            items=[{"type": one.type, "field": one.field, "necessary": one.necessary} for one in items],
            days=days,
            uses=uses,
        )
        return request_of(document)

    def get(self, request_id: str) -> Request:
        """One request."""
        return request_of(self._transport.json(op.GET_REQUEST, request_id=request_id))

    def list(self) -> Iterator[Request]:
        """All requests, newest first; pages are fetched as they are needed."""
        return paged(self._transport, op.LIST_REQUESTS, request_of)
