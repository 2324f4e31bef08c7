"""Readiness: each dependency's state, for operators and for the supervisor that waits for the service."""

from dataclasses import dataclass

from api.errors import ApiError
from api.services.context import Context
from api.store import clock, outbox, read_only
from api.store.queries import chain_status, receipts

DELAYED_AFTER_MS = 30_000
NOT_WATCHED = "chain.not_watched"
STUCK_ATTEMPTS = 8  # after about two minutes of pauses that double


@dataclass(frozen=True, slots=True)
class Part:
    """One dependency: its name, whether the service can work with it as it is, and what is known of it.

    `reason` is the error code of what is wrong, where that has one, and `since_ms` since when (UTC milliseconds).
    """

    name: str
    ok: bool
    state: str
    reason: str | None = None
    since_ms: int | None = None


def readiness(ctx: Context) -> list[Part]:
    """The database and the log writer must be there; the chain may be late, which is said."""
    parts: list[Part] = []
    try:
        with read_only(ctx.db) as session:
            now = clock.now_ms(session)
            chain = chain_status.get_chain_status(session)
            size = receipts.log_size(session)
            waiting, stuck = outbox.count_open(session), outbox.count_stuck(session, STUCK_ATTEMPTS)
        parts.append(Part("database", True, "ok"))
        if chain is None:
            parts.append(Part("chain", True, "unknown"))
        elif chain.state != "ok":
            parts.append(Part("chain", chain.state != "halted", chain.state, chain.reason, chain.since_ms))
        elif now - chain.last_ok_ms > DELAYED_AFTER_MS:
            # Whoever looks at the chain does not look any more: the worker is away.
            parts.append(Part("chain", True, "delayed", NOT_WATCHED, chain.last_ok_ms))
        else:
            parts.append(Part("chain", True, "ok"))
        parts.append(Part("outbox", True, f"waiting={waiting} stuck={stuck}"))
        parts.append(Part("receipts", True, f"log={size.numbered} anchored={size.anchored} prepared={size.prepared}"))
    except ApiError as error:
        parts.append(Part("database", False, error.code))
    parts.append(Part("log_writer", ctx.log.ready, "ok" if ctx.log.ready else "waiting"))
    return parts
