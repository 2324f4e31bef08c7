"""Locks by name, for facts that no row stands for yet: "nobody has handed this file in before"."""

import hashlib

from sqlalchemy import text
from sqlalchemy.orm import Session

_GIVE_WAY_MS = 500
_LOCK = text("SELECT pg_advisory_xact_lock(:number)")


def exclusive(session: Session, *name: str | bytes) -> None:
    """Wait until no other writing transaction holds the lock of this name; held until this one ends.

    On SQLite a writing transaction is alone anyway. Two names fall together with a chance of 2^-64, and then wait for
    one another for nothing. Take it before the look that decides.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    parts = [part.encode() if isinstance(part, str) else part for part in name]
    digest = hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
    session.execute(_LOCK, {"number": int.from_bytes(digest[:8], "big", signed=True)})


def give_way(session: Session) -> None:
    """Let this transaction fail (`store.unavailable`) rather than wait long for a row: for work that is done again.

    Who follows the chain locks grants in the order of events, the log writer in that of its callers. PostgreSQL ends
    such a knot after a second, and might end the log writer's side, for which many wait.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SET LOCAL lock_timeout = {_GIVE_WAY_MS}"))
