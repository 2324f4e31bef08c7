"""The public side of the receipt log: its newest checkpoint, its leaves, and proofs between two sizes."""

import json
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services.context import Context
from api.store import read_only
from api.store.queries import chain_status, receipts
from api.store.queries.receipts import LogSize
from api.store.tables import ChainStatus, Checkpoint
from chain.merkle import consistency_proof

MAX_ENTRIES = 256


@dataclass(frozen=True, slots=True)
class Health:
    """What anybody may know: the log's size, its newest checkpoints, and how the chain is."""

    log_id: str
    size: LogSize
    newest: Checkpoint | None
    anchored: Checkpoint | None
    chain: ChainStatus | None


def health(ctx: Context) -> Health:
    """The log's and the chain's state as last seen."""
    with read_only(ctx.db) as session:
        return Health(
            ctx.log.log_id,
            receipts.log_size(session),
            receipts.newest_checkpoint(session),
            receipts.newest_checkpoint(session, anchored_only=True),
            chain_status.get_chain_status(session),
        )


def checkpoint(ctx: Context) -> str:
    """The newest checkpoint that stands on the chain, as a signed note. Raises `log.no_checkpoint`."""
    with read_only(ctx.db) as session:
        found = receipts.newest_checkpoint(session, anchored_only=True)
    if found is None:
        raise ApiError("log.no_checkpoint", Kind.NOT_FOUND)
    return found.note


def entries(ctx: Context, start: int, count: int) -> list[dict[str, object]]:
    """Leaves from `start`, at most 256. A leaf holds kind, number, time and a salted commitment, nothing else."""
    if start < 0 or not 1 <= count <= MAX_ENTRIES:
        raise ApiError("log.range", limit=MAX_ENTRIES)
    with read_only(ctx.db) as session:
        rows = receipts.leaves(session, start, count)
    return [json.loads(leaf) for leaf in rows]


def consistency(ctx: Context, old: int, new: int) -> list[str]:
    """RFC 6962 consistency proof between two sizes. Raises `log.range`."""
    with read_only(ctx.db) as session:
        size = receipts.log_size(session).numbered
        if not 0 < old <= new <= size:
            raise ApiError("log.range", limit=size)
        proof = consistency_proof(lambda level, index: receipts.log_node(session, level, index), old, new)
    return ["0x" + node.hex() for node in proof]
