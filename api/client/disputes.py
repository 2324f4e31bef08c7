"""What persons object to of this organisation's looks; and values that it holds and that their source corrected."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from api.client import operations as op
from api.client.paging import paged
from api.client.reading import Document
from api.client.receipts import changed
from api.client.transport import Transport


@dataclass(frozen=True, slots=True)
class Dispute:
    """An objection to a look of this organisation; texts are there where it was fetched by itself."""

    id: str
    number: str
    state: str
    receipt: str | None
    statement: str | None
    answer: str | None
    decision: str | None
    opened_at: datetime
    due_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Correction:
    """A value that this organisation holds and has to put right: which fields, in which copies, by when."""

    id: str
    type: str
    fields: tuple[str, ...]
    copies: tuple[str, ...]
    state: str
    due_at: datetime | None
    confirmed_at: datetime | None
    receipt: str | None


def _dispute(document: Document) -> Dispute:
    return Dispute(
        id=document.text("id"),
        number=document.text("number"),
        state=document.text("state"),
        receipt=document.maybe_text("receipt"),
        statement=document.maybe_text("statement"),
        answer=document.maybe_text("answer"),
        decision=document.maybe_text("decision"),
        opened_at=document.moment("opened_at"),
        due_at=document.maybe_moment("due_at"),
        closed_at=document.maybe_moment("closed_at"),
    )


def _correction(document: Document, part: Document, name: str) -> Correction:
    return Correction(
        id=document.text(name),
        type=document.text("type"),
        fields=document.texts("fields"),
        copies=part.texts("copies"),
        state=part.text("state"),
        due_at=document.maybe_moment("due_at"),
        confirmed_at=part.maybe_moment("confirmed_at"),
        receipt=part.maybe_text("receipt"),
    )


class Disputes:
    """Objections that this organisation must answer."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, dispute_id: str) -> Dispute:
        """One objection with what was written; reading it leaves a line with the person."""
        return _dispute(self._transport.json(op.GET_DISPUTE, dispute_id=dispute_id))

    def list(self, state: str | None = None) -> Iterator[Dispute]:
        """All of them, newest first; with `open`, those that somebody has to act on."""
        return paged(self._transport, op.LIST_DISPUTES, _dispute, state=state)

    def answer(self, dispute_id: str, outcome: str, text: str, *, idempotency_key: str | None = None) -> str:
        """Answer: `upheld` or `refused`, and why; gives the new state."""
        answer = self._transport.json(
            op.ANSWER_DISPUTE, key=idempotency_key, dispute_id=dispute_id, outcome=outcome, text=text
        )
        return answer.text("state")


class Corrections:
    """Corrections that this organisation was told of."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, correction_id: str) -> Correction:
        """One's own part in a correction."""
        found = self._transport.json(op.GET_CORRECTION, correction_id=correction_id)
        return _correction(found, found.list("recipients")[0], "id")

    def list(self) -> Sequence[Correction]:
        """Those to be confirmed first."""
        items = self._transport.json(op.LIST_CORRECTIONS).list("items")
        return [_correction(one, one, "correction") for one in items]

    def confirm(self, correction_id: str, *, idempotency_key: str | None = None) -> str:
        """State that one's own data are right now; gives the receipt's id. The statement is signed."""
        return changed(self._transport.json(op.CONFIRM_CORRECTION, key=idempotency_key, correction_id=correction_id))
