"""What one is told: the list, marking as read, and one's settings."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.http.auth import ContextDep, allow
from api.http.forms import Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.http.v1.footprints import party_shown
from api.services import notifications
from api.services.context import Actor, Role
from api.services.notifications import Mode, Told, Topic

router = APIRouter(tags=["notifications"], route_class=StrictJsonRoute)
Reader = Annotated[Actor, allow(Role.CITIZEN, Role.ENTITY, Role.DEPARTMENT, Role.REGULATOR)]
Cursor = Annotated[str | None, Query(max_length=128)]
Named = Literal[
    "request",
    "granted",
    "expiring",
    "ended",
    "corrected",
    "looked",
    "case",
    "overdue",
    "mandate",
    "dispute",
    "ask",
    "alarm",
]
Modes = Literal["quiet", "portal", "digest", "once"]


class ReadIn(Strict):
    """Which notice was read; without an id, all."""

    id: str | None = Field(default=None, min_length=1, max_length=64)


class SettingsIn(Strict):
    """A mode for topics (those left out stay), and where reminders go (null: nowhere)."""

    topics: dict[Named, Modes] = Field(default_factory=dict)
    address: str | None = Field(default=None, max_length=254)
    language: Literal["zh-Hans", "en"] = "zh-Hans"


def shown(told: Told) -> dict[str, Any]:
    """A notice as JSON: topic and facts; words are the portal's."""
    row = told.note
    return {
        "id": row.id,
        "topic": row.topic,
        "facts": row.facts,
        "party": None if told.party is None else party_shown(told.party),
        "at": moment(row.at_ms),
        "read_at": moment(row.read_at_ms),
    }


@router.get("/notifications")
def list_notifications(ctx: ContextDep, actor: Reader, cursor: Cursor = None) -> dict[str, Any]:
    """What one was told, newest first, and how much of it is unread."""
    page = notifications.list_own(ctx, actor, cursor)
    return {
        "items": [shown(one) for one in page.items],
        "next_cursor": page.next_cursor,
        "unread": notifications.unread(ctx, actor),
    }


@router.post("/notifications/read")
def mark_read(ctx: ContextDep, request: Request, actor: Reader, body: ReadIn, key: IdempotencyKey = None) -> Response:
    """Mark one notice as read, or all."""

    def act(answered: Answered) -> None:
        notifications.mark_read(ctx, actor, body.id, also=lambda session, marked: answered(session, {"marked": marked}))

    return once(ctx, actor, request, key, body, act)


@router.get("/notifications/settings")
def get_settings(ctx: ContextDep, actor: Reader) -> dict[str, Any]:
    """How one is told of each topic, and where reminders go."""
    found = notifications.settings_of(ctx, actor)
    return {"topics": dict(found.topics), "address": found.address, "language": found.language}


@router.post("/notifications/settings")
def choose(ctx: ContextDep, request: Request, actor: Reader, body: SettingsIn, key: IdempotencyKey = None) -> Response:
    """Set them. A reminder says only that there is a new notice, and where to read it."""
    topics = {Topic(topic): Mode(mode) for topic, mode in body.topics.items()}

    def act(answered: Answered) -> None:
        notifications.choose(
            ctx,
            actor,
            topics,
            body.address,
            body.language,
            also=lambda session, row: answered(session, {"topics": row.topics, "language": row.language}),
        )

    return once(ctx, actor, request, key, body, act)
