"""Copies that an entity holds: where each stands, and the signed statements of what became of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from api.client import operations as op
from api.client.paging import paged
from api.client.reading import Document
from api.client.receipts import changed
from api.client.transport import Transport


@dataclass(frozen=True, slots=True)
class CopyEvent:
    """One move of a copy, in order."""

    seq: int
    state: str
    actor: str
    reason: str
    due_at: datetime | None
    stated_at: datetime | None
    receipt: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy: its state (held, delete_due, deleted, retained, overdue, escalated) and when it is due."""

    id: str
    grant: str
    media_type: str
    file_sha256: bytes
    state: str
    delete_by: datetime | None
    due_at: datetime | None
    retained_basis: str | None
    events: tuple[CopyEvent, ...]


def copy_of(document: Document) -> Copy:
    """A copy from the service's JSON."""
    return Copy(
        id=document.text("id"),
        grant=document.text("grant"),
        media_type=document.text("media_type"),
        file_sha256=document.binary("file_sha256"),
        state=document.text("state"),
        delete_by=document.maybe_moment("delete_by"),
        due_at=document.maybe_moment("due_at"),
        retained_basis=document.maybe_text("retained_basis"),
        events=tuple(
            CopyEvent(
                seq=one.whole("seq"),
                state=one.text("state"),
                actor=one.text("actor"),
                reason=one.text("reason"),
                due_at=one.maybe_moment("due_at"),
                stated_at=one.maybe_moment("stated_at"),
                receipt=one.maybe_text("receipt"),
                at=one.moment("at"),
            )
            for one in document.list("events")
        ),
    )


class Copies:
    """An entity's copies."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, copy_id: str) -> Copy:
        """One copy with its moves."""
        return copy_of(self._transport.json(op.GET_COPY, copy_id=copy_id))

    def list(self, state: str | None = None) -> Iterator[Copy]:
        """All copies, newest first, or those in one state; pages are fetched as they are needed."""
        return paged(self._transport, op.LIST_COPIES, copy_of, state=state)

    def confirm_deletion(
        self, copy_id: str, method: str, deleted_at: datetime, *, idempotency_key: str | None = None
    ) -> str:
        """State that a copy was destroyed, how and when; gives the receipt's id. The statement is signed."""
        answer = self._transport.json(
            op.CONFIRM_DELETION,
            key=idempotency_key,
            copy_id=copy_id,
            method=method,
            deleted_at=int(deleted_at.timestamp()),
        )
        return changed(answer)

    def claim_retention(self, copy_id: str, basis: str, until: date, *, idempotency_key: str | None = None) -> str:
        """Name the law that makes the entity keep a copy, and until when; gives the receipt's id."""
        answer = self._transport.json(
            op.CLAIM_RETENTION, key=idempotency_key, copy_id=copy_id, basis=basis, until=until.isoformat()
        )
        return changed(answer)
