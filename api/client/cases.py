"""What this organisation is told: cases in which a person contests what it did, and notices of its portal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.client import operations as op
from api.client.paging import paged
from api.client.reading import Document
from api.client.transport import Transport


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One move of a case, in order."""

    state: str
    actor: str
    note: str | None
    receipt: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """A case about this organisation. What its holder wrote is not told; `decision` is what the regulator decided."""

    id: str
    number: str
    state: str
    hold: str | None
    grant: str | None
    receipt: str | None
    decision: str | None
    opened_at: datetime
    due_at: datetime
    closed_at: datetime | None
    events: tuple[CaseEvent, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A notice of the portal: its topic, and facts about it."""

    id: str
    topic: str
    facts: Mapping[str, Any]
    at: datetime
    read_at: datetime | None


def _case(document: Document) -> Case:
    return Case(
        id=document.text("id"),
        number=document.text("number"),
        state=document.text("state"),
        hold=document.maybe_text("hold"),
        grant=document.maybe_text("grant"),
        receipt=document.maybe_text("receipt"),
        decision=document.maybe_text("decision"),
        opened_at=document.moment("opened_at"),
        due_at=document.moment("due_at"),
        closed_at=document.maybe_moment("closed_at"),
        events=tuple(
            CaseEvent(
                state=one.text("state"),
                actor=one.text("actor"),
                note=one.maybe_text("note"),
                receipt=one.maybe_text("receipt"),
                at=one.moment("at"),
            )
            for one in document.list("events")
        ),
    )


def _told(document: Document) -> Told:
    return Told(
        id=document.text("id"),
        topic=document.text("topic"),
        facts=document.inner("facts").members,
        at=document.moment("at"),
        read_at=document.maybe_moment("read_at"),
    )


class Cases:
    """Cases about this organisation."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, case_id: str) -> Case:
        """One case."""
        return _case(self._transport.json(op.GET_CASE, case_id=case_id))

    def list(self, state: str | None = None) -> Iterator[Case]:
        """All cases, newest first; with `open`, those that wait for a decision."""
        return paged(self._transport, op.LIST_CASES, _case, state=state)


class Notifications:
    """What the organisation is told in the portal, beside webhooks."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[Told]:
        """All notices, newest first."""
        return paged(self._transport, op.LIST_NOTIFICATIONS, _told)

    def mark_read(self, notice_id: str | None = None, *, idempotency_key: str | None = None) -> int:
        """Mark one notice as read, or all; gives how many."""
        return self._transport.json(op.MARK_READ, key=idempotency_key, id=notice_id).whole("marked")

    def settings(self) -> Mapping[str, str]:
        """How the organisation is told of each topic."""
        topics = self._transport.json(op.GET_NOTIFICATION_SETTINGS).inner("topics")
        return {topic: topics.text(topic) for topic in topics.members}

    def choose(
        self,
        topics: Mapping[str, str],
        *,
        address: str | None = None,
        language: str = "zh-Hans",
        idempotency_key: str | None = None,
    ) -> None:
        """Set how topics are told (those left out stay) and where reminders go (None: nowhere)."""
        self._transport.json(
            op.CHOOSE_NOTIFICATIONS, key=idempotency_key, topics=dict(topics), address=address, language=language
        )
