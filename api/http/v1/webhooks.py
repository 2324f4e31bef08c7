"""Webhooks: where an entity's systems are told of its grants, what they were told, and the key that signs it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.http.auth import ContextDep, allow, public
from api.http.forms import INT_MAX, Answered, IdempotencyKey, Strict, moment, once
from api.http.strict_json import StrictJsonRoute
from api.http.v1.reference import operations
from api.services import webhooks
from api.services.context import Actor, Role
from api.services.notices import NoticeKind
from api.store.queries.webhooks import Line
from api.store.tables import Webhook

router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=StrictJsonRoute)
Clerk = Annotated[Actor, allow(Role.ENTITY)]
Kind = Literal["granted", "paused", "resumed", "revoked", "ended", "corrected", "deletion_due"]


class WebhookIn(Strict):
    """An address and what to be told there."""

    url: str = Field(min_length=8, max_length=512)
    kinds: list[Kind] = Field(min_length=1, max_length=7)


def shown(row: Webhook) -> dict[str, Any]:
    """An address as JSON."""
    return {
        "id": row.id,
        "url": row.url,
        "kinds": row.kinds,
        "state": row.state,
        "created_at": moment(row.created_at_ms),
    }


def line(item: Line) -> dict[str, Any]:
    """A message as JSON: what was told, and how the newest attempt ended."""
    delivery, notice = item.delivery, item.notice
    return {
        "number": delivery.id,
        "notice": notice.id,
        "kind": notice.kind,
        "grant": notice.grant_id,
        "seq": notice.seq,
        "at": moment(notice.at_ms),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "status": delivery.status,
        "error": delivery.error,
        "delivered_at": moment(delivery.delivered_at_ms),
    }


@router.post("", status_code=201)
def register(ctx: ContextDep, request: Request, actor: Clerk, body: WebhookIn, key: IdempotencyKey = None) -> Response:
    """Name an address; it is told of what happens from now on."""

    def act(answered: Answered) -> None:
        kinds = [NoticeKind(kind) for kind in body.kinds]
        webhooks.register(ctx, actor, body.url, kinds, also=lambda session, row: answered(session, shown(row)))

    return once(ctx, actor, request, key, body, act, status=201)


@router.get("")
def list_webhooks(ctx: ContextDep, actor: Clerk) -> dict[str, Any]:
    """An entity's active addresses."""
    return {"items": [shown(row) for row in webhooks.list_own(ctx, actor)]}


@router.post("/{webhook_id}/remove")
def remove(ctx: ContextDep, request: Request, actor: Clerk, webhook_id: str, key: IdempotencyKey = None) -> Response:
    """Tell an address nothing more."""

    def act(answered: Answered) -> None:
        webhooks.remove(ctx, actor, webhook_id, also=lambda session, row: answered(session, shown(row)))

    return once(ctx, actor, request, key, None, act)


@router.get("/{webhook_id}/messages")
def list_messages(
    ctx: ContextDep,
    actor: Clerk,
    webhook_id: str,
    before: Annotated[int | None, Query(ge=0, le=INT_MAX)] = None,
) -> dict[str, Any]:
    """What an address was told, newest first, and how the newest attempt of each message ended."""
    found = webhooks.messages(ctx, actor, webhook_id, before)
    return {"items": [line(item) for item in found.lines], "next_before": found.before}


@router.post("/messages/{number}/resend", status_code=202)
def resend(ctx: ContextDep, request: Request, actor: Clerk, number: int, key: IdempotencyKey = None) -> Response:
    """Send a message once more, whether it was given up or received."""

    def act(answered: Answered) -> None:
        webhooks.resend(
            ctx,
            actor,
            min(max(number, 0), INT_MAX),
            also=lambda session, row: answered(session, {"number": row.id, "state": row.state}),
        )

    return once(ctx, actor, request, key, None, act, status=202)


@operations.get("/.well-known/jwks.json")
def keys(ctx: ContextDep, _: Annotated[None, public()]) -> dict[str, Any]:
    """The keys by which receivers verify signed notices (RFC 7517)."""
    return webhooks.jwks(ctx)
