"""Pieces that several routes share: idempotency of JSON answers, times, downloads."""

import hmac
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Header, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from http_message_signatures import ContentDigest
from pydantic import BaseModel, ConfigDict

from api.errors import ApiError
from api.locale import error_text
from api.services.anchoring import Anchoring
from api.services.context import Actor, Context
from api.store import Session, clock, read_only, unit_of_work
from api.store.queries import idempotency

INT_MAX = 2**53 - 1
"""The largest whole number in a query: JSON's, and below what a database column holds."""
RUNNING_WAIT_S = 10.0
RUNNING_POLL_S = 0.05
RUNNING_POLL_MAX_S = 0.4
KEY_LENGTHS = range(8, 129)
"""How long an idempotency key may be."""
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=KEY_LENGTHS.start, max_length=KEY_LENGTHS.stop - 1)
]


class Strict(BaseModel):
    """Input model: unknown members are refused, and nothing is coerced (a `false` is no 0)."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def moment(at_ms: int | None) -> str | None:
    """RFC 3339 with offset, UTC."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Answered:
    """Keeps the answer of one call in the transaction of its effect, so that a crash leaves both or neither.

    `digest` is given where the key is to be taken in that transaction, too, and not before it.
    """

    def __init__(self, ctx: Context, who: str, key: str, status: int, digest: bytes | None = None) -> None:
        self.body: bytes | None = None
        self._ctx = ctx
        self._who = who
        self._key = key
        self._status = status
        self._digest = digest

    def __call__(self, session: Session, answer: Mapping[str, Any]) -> None:
        """Keep `answer` under the call's idempotency key."""
        body = bytes(JSONResponse(jsonable_encoder(answer)).body)
        stored = idempotency.StoredAnswer(self._status, body)
        if self._digest is None:
            idempotency.finish(session, self._ctx.vault, self._who, self._key, stored)
        else:
            now = clock.now_ms(session)
            idempotency.take(session, self._ctx.vault, self._who, self._key, self._digest, stored, now)
        self.body = body


def once(
    ctx: Context,
    actor: Actor,
    request: Request,
    key: str | None,
    described: object,
    act: Callable[[Answered], object],
    *,
    status: int = 200,
) -> Response:
    """Do something once per idempotency key; a repeat with the same body gets the same answer, kept encrypted.

    `described` is what the call says beyond method and path, as JSON or a model. `act` is given an `Answered` and must
    call it inside its transaction. A repeat that comes while the first is still running waits for its answer.

    Raises `idempotency.missing`, `idempotency.other_request`, `idempotency.running` (the first takes longer than the
    wait). A refusal is not kept: the same key may try again.
    """
    who, key, digest = _call(ctx, actor, request, key, described)
    known = _claim(ctx, who, key, digest)
    if known is not None:
        return Response(known.body, known.status, media_type="application/json")
    answered = Answered(ctx, who, key, status)
    try:
        act(answered)
    except BaseException:
        with unit_of_work(ctx.db) as session:
            idempotency.forget(session, who, key)
        raise
    assert answered.body is not None, "what is done once keeps its answer"
    return Response(answered.body, status, media_type="application/json")


def once_within(
    ctx: Context,
    actor: Actor,
    request: Request,
    key: str | None,
    described: object,
    act: Callable[[Answered], object],
    *,
    status: int = 200,
) -> Response:
    """`once` for an effect that is one transaction: the key is taken in it, not in a commit of its own before.

    Of two equal calls at once the later finds either the effect or the key there; its own work is undone, and it gets
    the first one's answer. Raises `idempotency.missing`, `idempotency.other_request`.
    """
    who, key, digest = _call(ctx, actor, request, key, described)
    known = _known(ctx, who, key, digest)
    if known is not None:
        return known
    answered = Answered(ctx, who, key, status, digest)
    try:
        act(answered)
    except ApiError:
        known = _known(ctx, who, key, digest)
        if known is None:
            raise
        return known
    assert answered.body is not None, "what is done once keeps its answer"
    return Response(answered.body, status, media_type="application/json")


def _call(ctx: Context, actor: Actor, request: Request, key: str | None, described: object) -> tuple[str, str, bytes]:
    """Who calls, under which key, and what: keyed, as it may be an ID number, and a plain hash of one is soon guessed.

    Raises `idempotency.missing`.
    """
    if key is None:
        raise ApiError("idempotency.missing")
    told = b"mydata/idempotency/1" + _described(request.method, request.url.path, described)
    return f"{actor.role.value}:{actor.subject}", key, hmac.digest(ctx.keys.session, told, "sha256")


def _known(ctx: Context, who: str, key: str, digest: bytes) -> Response | None:
    with read_only(ctx.db) as session:
        known = idempotency.known(session, ctx.vault, who, key, digest)
    return None if known is None else Response(known.body, known.status, media_type="application/json")


def _claim(ctx: Context, who: str, key: str, digest: bytes) -> idempotency.StoredAnswer | None:
    deadline = time.monotonic() + RUNNING_WAIT_S
    pause = RUNNING_POLL_S
    while True:
        try:
            with unit_of_work(ctx.db) as session:
                return idempotency.begin(session, ctx.vault, who, key, digest, clock.advance(session))
        except ApiError as error:
            if error.code != "idempotency.running" or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, RUNNING_POLL_MAX_S)


def _described(method: str, path: str, described: object) -> bytes:
    return json.dumps([method, path, jsonable_encoder(described)], sort_keys=True).encode()


def anchoring(found: Anchoring) -> dict[str, object]:
    """How far a fact is on its way to the chain, as JSON: the word, why and since when, and a sentence for people."""
    return {
        "state": found.word.value,
        "since": moment(found.since_ms),
        "reason": found.reason,
        "zh": error_text(found.text, "zh-Hans", {}),
        "en": error_text(found.text, "en", {}),
    }


def download(data: bytes, media_type: str, name: str, **headers: str) -> Response:
    """Bytes to be saved, with their digest (RFC 9530). `name` is ours, never a person's."""
    return Response(
        data,
        media_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Digest": ContentDigest.create(data),
            **{header.replace("_", "-"): value for header, value in headers.items()},
        },
    )
