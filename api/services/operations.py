"""Health of every dependency and what waits, for the operator's side and for `/metrics`. Nothing about any person.

`status.readiness` says whether the service can promise anything; here stands beside it what an administrator looks
after: the worker's heartbeat, the disk, the clocks, the signer's key.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import ApiError
from api.services import chain_outbox, dependencies, status
from api.services.context import OPERATORS_SIDE, Actor, Context
from api.services.status import Part
from api.store import read_only
from api.store.queries import backlog
from api.store.queries.backlog import DELETIONS, RETURNS, Signs

WORKER = "worker"
"""Name of the worker's lease (`api.worker`), which it renews every few seconds."""
LATE_MS = 30_000
SKEW_MS = 5_000
DISK_LEAST_BYTES = 1024 * 1024 * 1024
DISK_LEAST_PERCENT = 5
PARTS = (
    *("database", "chain", "outbox", "receipts", "log_writer", "worker", "disk", "clock", "signer"),
    *dependencies.PROBED,
    dependencies.WITNESSES,
)
"""Every part there is: a closed list, for labels."""
QUEUES = (
    *(f"outbox.{topic}" for topic in chain_outbox.TOPICS),
    *(f"returns.{state.value}" for state in RETURNS),
    *(f"deletions.{state.value}" for state in DELETIONS),
    "receipts",
    "webhooks",
    "notices",
    "alarms",
)
"""Everything that can wait: a closed list, for labels."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Something that waits, and how much of it."""

    name: str
    waiting: int


def health(ctx: Context, actor: Actor) -> Sequence[Part]:
    """Each dependency's state, for the operator's side."""
    actor.party(*OPERATORS_SIDE)
    return parts(ctx)


def waiting(ctx: Context, actor: Actor) -> Sequence[Queue]:
    """What waits, for the operator's side."""
    actor.party(*OPERATORS_SIDE)
    return queues(ctx)


def parts(ctx: Context) -> list[Part]:
    """Readiness, and what an administrator looks after."""
    found = status.readiness(ctx)
    try:
        with read_only(ctx.db) as session:
            signs = backlog.signs(session, WORKER)
        found += [_worker(signs), _clock(signs)]
    except ApiError as error:
        found += [Part("worker", False, error.code), Part("clock", False, error.code)]
    return [*found, _disk(ctx), _signer(ctx), *dependencies.parts(ctx)]


def queues(ctx: Context) -> list[Queue]:
    """Everything of `QUEUES`. Raises ApiError `store.unavailable`."""
    with read_only(ctx.db) as session:
        counted = {f"outbox.{topic}": count for topic, count in backlog.outbox_open(session).items()}
        counted |= {f"returns.{state}": count for state, count in backlog.returns_open(session).items()}
        counted |= {f"deletions.{state}": count for state, count in backlog.deletions_open(session).items()}
        counted |= backlog.others(session)
    return [Queue(name, counted.get(name, 0)) for name in QUEUES]


def _worker(signs: Signs) -> Part:
    if signs.worker_until_ms is None:
        return Part("worker", False, "unknown")
    behind = signs.database_ms - signs.worker_until_ms
    if behind > 0:
        return Part("worker", False, "delayed", since_ms=signs.worker_until_ms)
    return Part("worker", True, "ok")


def _clock(signs: Signs) -> Part:
    """This machine's clock against the database's; on SQLite they are one."""
    skew = round(time.time() * 1000) - signs.database_ms
    late = "" if signs.block_time_s is None else f" block={round(time.time()) - signs.block_time_s}s"
    sound = abs(skew) <= SKEW_MS
    return Part("clock", sound, "ok" if sound else f"skew={skew}ms{late}")


def _disk(ctx: Context) -> Part:
    try:
        usage = shutil.disk_usage(ctx.settings.data_dir)
    except OSError:
        return Part("disk", False, "unknown")
    percent = usage.free * 100 // usage.total
    sound = usage.free >= DISK_LEAST_BYTES and percent >= DISK_LEAST_PERCENT
    return Part("disk", sound, "ok" if sound else f"free={percent}%")


def _signer(ctx: Context) -> Part:
    """Whether the key that sends transactions is there and signs."""
    try:
        signed = ctx.signer(ctx.keys.relay).sign_digest(bytes(32))
    except ApiError as error:
        return Part("signer", False, error.code)
    return Part("signer", len(signed) > 0, "ok")
