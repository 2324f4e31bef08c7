"""Idempotency keys: the same key with the same request gives the same answer, kept encrypted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, bindparam, delete, select
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store.crypto import Purpose, Vault, bound_columns
from api.store.database import connected
from api.store.inserts import insert_if_new
from api.store.tables import Base, IdempotencyKey

RUNNING = "running"
DONE = "done"
# A request that was being answered when its process died must not block its key for the 7 days that answers are kept.
STALE_MS = 60_000

_KEYS = Base.metadata.tables[IdempotencyKey.__tablename__]
_ANSWER = select(_KEYS).where(_KEYS.c.actor == bindparam("actor"), _KEYS.c["key"] == bindparam("key"))


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer to give again: HTTP status, headers that belong to it, body."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def begin(
    session: Session, vault: Vault, actor: str, key: str, request_sha256: bytes, now_ms: int
) -> StoredAnswer | None:
    """Claim a key for a request, or get the answer that the same request had; None means: go on and call `finish`.

    Raises ApiError `idempotency.other_request` (this key was used with another body) and `idempotency.running` (the
    first request is still being answered).
    """
    claimed = {
        "actor": actor,
        "key": key,
        "request_sha256": request_sha256,
        "state": RUNNING,
        "status": None,
        "body_enc": None,
        "created_at_ms": now_ms,
    }
    if insert_if_new(session, IdempotencyKey, claimed):
        return None
    row = session.get_one(IdempotencyKey, (actor, key), with_for_update=True, populate_existing=True)
    if row.request_sha256 != request_sha256:
        raise ApiError("idempotency.other_request", Kind.CONFLICT)
    stored = _stored(vault, row)
    if stored is not None:
        return stored
    if row.created_at_ms > now_ms - STALE_MS:
        raise ApiError("idempotency.running", Kind.CONFLICT)
    row.created_at_ms = now_ms
    session.flush()
    return None


def answer_of(session: Session, vault: Vault, actor: str, key: str, request_sha256: bytes) -> StoredAnswer | None:
    """The answer that this very request had under this key; claims nothing."""
    row = connected(session).execute(_ANSWER, {"actor": actor, "key": key}).one_or_none()
    if row is None or row.request_sha256 != request_sha256:
        return None
    return _stored(vault, row)


def known(session: Session, vault: Vault, actor: str, key: str, request_sha256: bytes) -> StoredAnswer | None:
    """`answer_of`, but for a call that has to be the same. Raises `idempotency.other_request`."""
    row = connected(session).execute(_ANSWER, {"actor": actor, "key": key}).one_or_none()
    if row is None:
        return None
    if row.request_sha256 != request_sha256:
        raise ApiError("idempotency.other_request", Kind.CONFLICT)
    return _stored(vault, row)


def finish(session: Session, vault: Vault, actor: str, key: str, answer: StoredAnswer) -> None:
    """Keep the answer for repeats, in the transaction of what it answers where that is possible."""
    row = session.get(IdempotencyKey, (actor, key), with_for_update=True, populate_existing=True)
    if row is None:
        return
    row.state = DONE
    row.status = answer.status
    row.body_enc = _sealed(vault, actor, key, row.request_sha256, answer)
    session.flush()


def take(
    session: Session, vault: Vault, actor: str, key: str, request_sha256: bytes, answer: StoredAnswer, now_ms: int
) -> None:
    """Claim a key and keep its answer, for an effect in this very transaction that is undone where the key is taken.

    Raises `idempotency.running`, and the caller asks `known` afterwards.
    """
    if not insert_if_new(session, IdempotencyKey, _done(vault, actor, key, request_sha256, answer, now_ms)):
        raise ApiError("idempotency.running", Kind.CONFLICT)


def record(
    session: Session, vault: Vault, actor: str, key: str, request_sha256: bytes, answer: StoredAnswer, now_ms: int
) -> None:
    """Claim a key and keep its answer in one step, for an effect that is in this very transaction.

    Raises as `begin`; the answer replaces one that the same request had before.
    """
    if insert_if_new(session, IdempotencyKey, _done(vault, actor, key, request_sha256, answer, now_ms)):
        return
    begin(session, vault, actor, key, request_sha256, now_ms)
    finish(session, vault, actor, key, answer)


def forget(session: Session, actor: str, key: str) -> None:
    """Give a claimed key free again, after a failure that kept nothing."""
    session.execute(
        delete(IdempotencyKey)
        .where(IdempotencyKey.actor == actor, IdempotencyKey.key == key, IdempotencyKey.state == RUNNING)
        .execution_options(synchronize_session=False)
    )


def purge(session: Session, before_ms: int) -> int:
    """Delete keys older than `before_ms`; count of them."""
    rows = session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.created_at_ms < before_ms).returning(IdempotencyKey.key)
    )
    return len(rows.all())


def _done(
    vault: Vault, actor: str, key: str, request_sha256: bytes, answer: StoredAnswer, now_ms: int
) -> dict[str, object]:
    return {
        "actor": actor,
        "key": key,
        "request_sha256": request_sha256,
        "state": DONE,
        "status": answer.status,
        "body_enc": _sealed(vault, actor, key, request_sha256, answer),
        "created_at_ms": now_ms,
    }


def _sealed(vault: Vault, actor: str, key: str, request_sha256: bytes, answer: StoredAnswer) -> bytes:
    head = json.dumps(dict(answer.headers), sort_keys=True).encode()
    return vault.platform.seal(
        Purpose.IDEMPOTENCY_BODY,
        f"{actor}\x00{key}",
        head + b"\n" + answer.body,
        bound=_bound(request_sha256, answer.status),
    )


def _stored(vault: Vault, row: IdempotencyKey | Row[Any]) -> StoredAnswer | None:
    if row.state != DONE or row.status is None or row.body_enc is None:
        return None
    plain = vault.platform.open(
        Purpose.IDEMPOTENCY_BODY,
        f"{row.actor}\x00{row.key}",
        row.body_enc,
        bound=_bound(row.request_sha256, row.status),
    )
    head, _, body = plain.partition(b"\n")
    return StoredAnswer(row.status, body, json.loads(head))


def _bound(request_sha256: bytes, status: int) -> bytes:
    return bound_columns(request_sha256, status)
