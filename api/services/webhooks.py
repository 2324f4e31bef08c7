"""Addresses at which entities' systems are told of their grants; the worker sends what `notices` has written.

At least once: whoever receives keeps the notice's id and does it once. Out of order: within a grant the highest `seq`
stands. Nothing secret is shared, since each message is signed by the platform (docs/formats.md).
"""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.errors import ApiError, Kind
from api.services import webhooks_wire as wire
from api.services.context import Actor, Also, Context, Role
from api.services.notices import NoticeKind
from api.settings import Environment
from api.store import Session, clock, ids, read_only, unit_of_work
from api.store.database import database_time_ms
from api.store.keyring import KeyRing
from api.store.queries import webhooks
from api.store.queries.webhooks import DeliveryState, Leased, Line, WebhookState
from api.store.tables import Notice, NoticeDelivery, Webhook
from chain.canonical import Json, canonical
from chain.strict import base64url

MAX_WEBHOOKS = 5
PER_WEBHOOK = 4
AT_ONCE = 8
LONGEST_PAUSE_S = 6 * 3600.0
OK = range(200, 300)
REDIRECT = range(300, 400)
GONE = 410


@dataclass(frozen=True, slots=True)
class Messages:
    """An address's messages, newest first; `before` leads to the next page, None on the last."""

    webhook: Webhook
    lines: Sequence[Line]
    before: int | None


def register(
    ctx: Context, actor: Actor, url: str, kinds: Sequence[NoticeKind], *, also: Also[Webhook] | None = None
) -> Webhook:
    """Name an address, and what to be told there; it is told of what happens from now on.

    Raises `webhooks.bad_url`, `webhooks.not_https`, `webhooks.private_address`, `webhooks.unresolved`,
    `webhooks.no_kind`, `webhooks.too_many`, `webhooks.known_url`.
    """
    party_id = actor.party(Role.ENTITY)
    if not kinds:
        raise ApiError("webhooks.no_kind")
    production = _production(ctx)
    target = wire.parse_target(url, production=production)
    wire.pinned(target, production=production)
    with unit_of_work(ctx.db) as session:
        known = webhooks.webhooks_of(session, party_id)
        if len(known) >= MAX_WEBHOOKS:
            raise ApiError("webhooks.too_many", Kind.CONFLICT, limit=MAX_WEBHOOKS)
        if any(one.url == url for one in known):
            raise ApiError("webhooks.known_url", Kind.CONFLICT)
        row = Webhook(
            id=ids.new_webhook_id(),
            party_id=party_id,
            url=url,
            kinds=sorted({kind.value for kind in kinds}),
            state=WebhookState.ACTIVE.value,
            created_at_ms=clock.advance(session),
        )
        session.add(row)
        session.flush()
        if also is not None:
            also(session, row)
    return row


def remove(ctx: Context, actor: Actor, webhook_id: str, *, also: Also[Webhook] | None = None) -> Webhook:
    """Tell an address nothing more; what waits for it is never sent. Raises `webhooks.not_found`."""
    with unit_of_work(ctx.db) as session:
        row = _own(session, actor, webhook_id)
        row.state = WebhookState.REMOVED.value
        session.flush()
        if also is not None:
            also(session, row)
    return row


def list_own(ctx: Context, actor: Actor) -> list[Webhook]:
    """An entity's active addresses."""
    with read_only(ctx.db) as session:
        return webhooks.webhooks_of(session, actor.party(Role.ENTITY))


def messages(ctx: Context, actor: Actor, webhook_id: str, before: int | None = None) -> Messages:
    """What an address was told, and how each attempt ended. Raises `webhooks.not_found`."""
    with read_only(ctx.db) as session:
        row = _own(session, actor, webhook_id)
        lines, following = webhooks.lines_of(session, row.id, before=before)
        return Messages(row, lines, following)


def resend(ctx: Context, actor: Actor, delivery_id: int, *, also: Also[NoticeDelivery] | None = None) -> NoticeDelivery:
    """Send a message once more, whether it was given up or received. Raises `webhooks.no_message`."""
    party_id = actor.party(Role.ENTITY)
    with unit_of_work(ctx.db) as session:
        row = webhooks.delivery_of(session, party_id, delivery_id, lock=True)
        if row is None:
            raise ApiError("webhooks.no_message", Kind.NOT_FOUND)
        row.state, row.attempts, row.next_at_ms, row.error = DeliveryState.WAITING.value, 0, 0, None
        session.flush()
        if also is not None:
            also(session, row)
    return row


def signing_key(keys: KeyRing) -> Ed25519PrivateKey:
    """The key that signs messages."""
    return Ed25519PrivateKey.from_private_bytes(keys.webhook)


def jwks(ctx: Context) -> dict[str, Json]:
    """The keys by which receivers verify messages (RFC 7517); `kid` is the RFC 7638 thumbprint."""
    jwk = wire.jwk_of(signing_key(ctx.keys))
    return {"keys": [{**jwk.to_json(), "kid": base64url(jwk.thumbprint), "use": "sig", "alg": "EdDSA"}]}


def body_of(notice: Notice) -> bytes:
    """The message: the same bytes at each attempt. docs/formats.md."""
    return canonical(
        {
            "schema": "mydata/notice/1",
            "id": notice.id,
            "kind": notice.kind,
            "entity": notice.party_id,
            "grant": notice.grant_id,
            "seq": notice.seq,
            "at": notice.at_ms // 1000,
            "facts": notice.facts,  # type: ignore[dict-item]  # canonical() refuses what is no JSON
        }
    )


def turn(ctx: Context) -> int:
    """Send what is due, several addresses at once, each one's messages in order; how many attempts were made.

    A worker killed in the middle leaves a lease that runs out: the message is sent again, never lost.
    """
    with read_only(ctx.db) as session:
        if not webhooks.is_due(session, database_time_ms(session)):
            return 0  # without a writing transaction, which others would wait for
    timeout_s = ctx.settings.webhook_timeout_s
    leased = webhooks.lease(ctx.db, AT_ONCE, PER_WEBHOOK, timeout_s * PER_WEBHOOK + 5)
    if not leased:
        return 0
    leased.sort(key=lambda row: (row.webhook.id, row.id))
    groups = [list(rows) for _, rows in groupby(leased, key=lambda row: row.webhook.id)]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
        return sum(pool.map(lambda rows: _send_in_order(ctx, rows), groups))


def _send_in_order(ctx: Context, rows: Sequence[Leased]) -> int:
    """One address's messages; after a failure the rest is given back, for the address is to be left alone a while."""
    for at, row in enumerate(rows):
        status, code = _attempt(ctx, row)
        with unit_of_work(ctx.db) as session:
            now = database_time_ms(session)
            if code is None:
                values = {"state": DeliveryState.DELIVERED.value, "delivered_at_ms": now, "next_at_ms": 0}
                webhooks.close(session, row, {**values, "status": status, "error": None})
                continue
            next_at_ms = now + round(pause_s(ctx.settings.webhook_pause_s, row.attempts) * 1000)
            dead = status == GONE or row.attempts >= ctx.settings.webhook_attempts
            state = DeliveryState.DEAD if dead else DeliveryState.WAITING
            webhooks.close(
                session, row, {"state": state.value, "next_at_ms": next_at_ms, "status": status, "error": code}
            )
            for rest in rows[at + 1 :]:
                webhooks.close(session, rest, {"next_at_ms": next_at_ms, "attempts": rest.attempts - 1})
        return at + 1
    return len(rows)


def _attempt(ctx: Context, row: Leased) -> tuple[int | None, str | None]:
    """The status of the answer and, where the message was not received, why."""
    production = _production(ctx)
    try:
        target = wire.parse_target(row.webhook.url, production=production)
        address = wire.pinned(target, production=production)
        body = body_of(row.notice)
        headers = wire.signed_headers(row.webhook.url, body, row.notice.id, signing_key(ctx.keys))
        headers["delivery-attempt"] = str(row.attempts)
        status = wire.post(target, address, headers, body, ctx.settings.webhook_timeout_s)
    except ApiError as error:
        return None, error.code
    if status in OK:
        return status, None
    return status, "webhooks.redirected" if status in REDIRECT else "webhooks.refused"


def pause_s(first_s: float, attempts: int) -> float:
    """How long to wait after so many attempts: doubling, up to six hours, by half more or less so that none align."""
    whole = min(first_s * 2.0 ** min(attempts - 1, 32), LONGEST_PAUSE_S)
    return whole * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing


def _production(ctx: Context) -> bool:
    return ctx.settings.environment is Environment.PRODUCTION


def _own(session: Session, actor: Actor, webhook_id: str) -> Webhook:
    row = webhooks.webhook_of(session, actor.party(Role.ENTITY), webhook_id)
    if row is None:
        raise ApiError("webhooks.not_found", Kind.NOT_FOUND)
    return row
