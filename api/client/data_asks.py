"""What this organisation needs of what departments have: asks, matched at once or answered within a working day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from api.client import operations as op
from api.client.paging import paged
from api.client.reading import Document
from api.client.transport import Transport


@dataclass(frozen=True, slots=True)
class DataAsk:
    """An ask of this organisation. `route` says how what was matched is had: open, consent or duty."""

    id: str
    number: str
    state: str
    route: str | None
    type: str | None
    fields: tuple[str, ...]
    words: str | None
    purpose: str
    basis: str
    frequency: str
    answer: str | None
    filed_at: datetime
    due_at: datetime | None
    closed_at: datetime | None


def _ask(document: Document) -> DataAsk:
    return DataAsk(
        id=document.text("id"),
        number=document.text("number"),
        state=document.text("state"),
        route=document.maybe_text("route"),
        type=document.maybe_text("type"),
        fields=document.texts("fields"),
        words=document.maybe_text("words"),
        purpose=document.text("purpose"),
        basis=document.text("basis"),
        frequency=document.text("frequency"),
        answer=document.maybe_text("answer"),
        filed_at=document.moment("filed_at"),
        due_at=document.maybe_moment("due_at"),
        closed_at=document.maybe_moment("closed_at"),
    )


class DataAsks:
    """Asks of this organisation; no text in them may name a person."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def file(
        self,
        *,
        purpose: str,
        basis: str,
        frequency: str = "once",
        type: str | None = None,  # noqa: A002 - as the interface calls it
        fields: Sequence[str] = (),
        words: str | None = None,
        purpose_code: str | None = None,
        basis_code: str | None = None,
        idempotency_key: str | None = None,
    ) -> DataAsk:
        """Ask for fields of a certificate type, or in words for what the catalogue does not have."""
        answer = self._transport.json(
            op.FILE_DATA_ASK,
            key=idempotency_key,
            purpose=purpose,
            basis=basis,
            frequency=frequency,
            type=type,
            fields=list(fields),
            words=words,
            purpose_code=purpose_code,
            basis_code=basis_code,
        )
        return _ask(answer)

    def get(self, ask_id: str) -> DataAsk:
        """How one stands."""
        return _ask(self._transport.json(op.GET_DATA_ASK, ask_id=ask_id))

    def list(self, state: str | None = None) -> Iterator[DataAsk]:
        """All of them, newest first; with `open`, those that wait for an answer."""
        return paged(self._transport, op.LIST_DATA_ASKS, _ask, state=state)

    def withdraw(self, ask_id: str, *, idempotency_key: str | None = None) -> DataAsk:
        """Take one back."""
        return _ask(self._transport.json(op.WITHDRAW_DATA_ASK, key=idempotency_key, ask_id=ask_id))
