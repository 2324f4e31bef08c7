"""The public side of the receipt log: checkpoints, what witnesses sign under them, leaves, tiles and proofs."""

import json
import logging
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services.context import Context
from api.store import Session, read_only, unit_of_work
from api.store.queries import chain_status, published, receipts
from api.store.queries.receipts import LogSize
from api.store.tables import ChainStatus, Checkpoint, Cosignature
from chain.cosign import NoteKey, read_cosignatures
from chain.errors import FormatError, SignatureError
from chain.merkle import consistency_proof
from chain.note import NOTE_LIMIT, parse_checkpoint, split_note
from chain.tiles import HEIGHT, WIDTH, parse_path, write_entries

MAX_ENTRIES = 256

log = logging.getLogger("mydata.log")


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness that the settings name, and the newest checkpoint that it signed: its size, and when in seconds."""

    name: str
    size: int | None = None
    signed_at_s: int | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What anybody may know: the log's size, its newest checkpoints, and how the chain is."""

    log_id: str
    size: LogSize
    newest: Checkpoint | None
    anchored: Checkpoint | None
    chain: ChainStatus | None
    witnesses: tuple[Witness, ...]


def health(ctx: Context) -> Health:
    """The log's and the chain's state as last seen."""
    with read_only(ctx.db) as session:
        return Health(
            ctx.log.log_id,
            receipts.log_size(session),
            receipts.newest_checkpoint(session),
            receipts.newest_checkpoint(session, anchored_only=True),
            chain_status.get_chain_status(session),
            tuple(_witness(session, key) for key in ctx.settings.witness_keys),
        )


def _witness(session: Session, key: NoteKey) -> Witness:
    newest = published.newest_of(session, key.handle)
    return Witness(key.name) if newest is None else Witness(key.name, newest.size, newest.signed_at_s)


def checkpoint(ctx: Context) -> str:
    """The newest checkpoint that stands on the chain, with what witnesses signed. Raises `log.no_checkpoint`."""
    with read_only(ctx.db) as session:
        found = receipts.newest_checkpoint(session, anchored_only=True)
        if found is None:
            raise ApiError("log.no_checkpoint", Kind.NOT_FOUND)
        return with_witnesses(session, found)


def witnessed(ctx: Context) -> str:
    """The newest checkpoint on the chain that enough witnesses signed. Raises `log.not_witnessed`."""
    handles = [key.handle for key in ctx.settings.witness_keys]
    with read_only(ctx.db) as session:
        found = published.newest_witnessed(session, handles, ctx.settings.witness_quorum) if handles else None
        if found is None:
            raise ApiError("log.not_witnessed", Kind.NOT_FOUND)
        return with_witnesses(session, found)


def with_witnesses(session: Session, checkpoint: Checkpoint) -> str:
    """A checkpoint's note with the lines of all witnesses under it."""
    return checkpoint.note + "".join(f"{row.line}\n" for row in published.cosignatures(session, checkpoint.size))


def tile(ctx: Context, path: str) -> bytes:
    """A tile of hashes, or a bundle of leaves. Raises `log.no_tile`: it is none, or not yet that wide."""
    try:
        wanted = parse_path(path)
    except FormatError:
        raise ApiError("log.no_tile", Kind.NOT_FOUND) from None
    first = wanted.index * WIDTH
    with read_only(ctx.db) as session:
        if wanted.level is None:
            found = receipts.leaves(session, first, wanted.width)
            data = write_entries(found)
        else:
            found = published.node_hashes(session, wanted.level * HEIGHT, first, wanted.width)
            data = b"".join(found)
    if len(found) != wanted.width:
        raise ApiError("log.no_tile", Kind.NOT_FOUND)
    return data


def add_cosignatures(ctx: Context, note: str) -> tuple[int, list[str]]:
    """Keep what witnesses that this service knows signed under a checkpoint of this log; its size, and their names.

    Raises `log.cosignature_malformed`; `log.no_checkpoint`: this log signed none of that size; `log.cosigned_other`:
    it signed another root at that size, so either the witness was shown another log, or this log's key signed twice;
    `log.unknown_witness`: no line of a witness that the settings name; `chain.signature.cosignature`.
    """
    try:
        text, _ = split_note(note)
        size = parse_checkpoint(text).size
    except FormatError:
        raise ApiError("log.cosignature_malformed", limit=NOTE_LIMIT) from None
    # Before the database is touched: a stranger's note costs it nothing.
    try:
        found = read_cosignatures(note, ctx.settings.witness_keys)
    except SignatureError as error:
        raise ApiError(error.code, Kind.FORBIDDEN) from None
    if not found:
        raise ApiError("log.unknown_witness", Kind.FORBIDDEN)
    with unit_of_work(ctx.db) as session:
        known = published.signed_checkpoint(session, size, lock=True)
        if known is None:
            raise ApiError("log.no_checkpoint", Kind.NOT_FOUND)
        if text != split_note(known.note)[0]:
            log.error("a witness signed another checkpoint over %d receipts", size)
            raise ApiError("log.cosigned_other", Kind.CONFLICT)
        published.keep_cosignatures(
            session,
            [
                Cosignature(size=size, witness=one.witness.handle, line=str(one.line), signed_at_s=one.time_s)
                for one in found
            ],
        )
    return size, [one.witness.name for one in found]


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
