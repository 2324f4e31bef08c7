"""Pieces that several routes share: idempotency of JSON answers, times, downloads."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Header, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from http_message_signatures import ContentDigest
from pydantic import BaseModel, ConfigDict

from api.errors import ApiError
from api.services.context import Actor, Context
from api.store import clock, unit_of_work
from api.store.queries import idempotency

IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=8, max_length=128)]


class Strict(BaseModel):
    """Input model: unknown members are refused, and nothing is coerced (a `false` is no 0)."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def moment(at_ms: int | None) -> str | None:
    """RFC 3339 with offset, UTC."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def once(
    ctx: Context,
    actor: Actor,
    request: Request,
    key: str | None,
    described: object,
    act: Callable[[], Mapping[str, Any]],
    *,
    status: int = 200,
) -> Response:
    """Do something once per idempotency key; a repeat with the same body gets the same answer, kept encrypted.

    Raises `idempotency.missing`, `idempotency.other_request`, `idempotency.running`. A refusal is not kept: the same
    key may try again.
    """
    if key is None:
        raise ApiError("idempotency.missing")
    who = f"{actor.role.value}:{actor.subject}"
    described_bytes = repr((request.method, request.url.path, described)).encode()
    digest = hashlib.sha256(described_bytes).digest()
    with unit_of_work(ctx.db) as session:
        known = idempotency.begin(session, ctx.vault, who, key, digest, clock.advance(session))
    if known is not None:
        return Response(known.body, known.status, media_type="application/json")
    try:
        answer = JSONResponse(jsonable_encoder(act()), status)
    except BaseException:
        with unit_of_work(ctx.db) as session:
            idempotency.forget(session, who, key)
        raise
    with unit_of_work(ctx.db) as session:
        idempotency.finish(session, ctx.vault, who, key, idempotency.StoredAnswer(status, bytes(answer.body)))
    return answer


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
