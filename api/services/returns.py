"""Returns as departments see them: hand a file in, read the report, seal, watch it being anchored."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from api.errors import ApiError, Kind
from api.services import chain_outbox
from api.services.context import Actor, Also, Context, Role
from api.store import Session, clock, ids, outbox
from api.store.database import read_only, unit_of_work
from api.store.locks import exclusive
from api.store.queries import corrections, parties, records, returns
from api.store.queries.paging import Page
from api.store.queries.returns import ReturnState, RowState
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Party, Return, ReturnRow
from chain.grantmsg import anchor_digest
from chain.receipt import ReceiptKind

ROOTS_A_CALL = 50
UPLOAD_MS = 3_600_000
"""After which pieces of a file without a return are those of an upload that broke off."""
ENDED = frozenset({ReturnState.ANCHORED, ReturnState.FAILED})


@dataclass(frozen=True, slots=True)
class Report:
    """A return with the noted rows that were asked for."""

    item: Return
    rows: Sequence[ReturnRow]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that somebody hands in: read piece by piece, from its beginning; never whole. `size` in bytes."""

    file: BinaryIO
    sha256: bytes
    size: int


def incoming(file: BinaryIO) -> Incoming:
    """Measure a file and work out by what it is known again."""
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while piece := file.read(returns.CHUNK_BYTES):
        digest.update(piece)
        size += len(piece)
    return Incoming(file, digest.digest(), size)


def receive(
    ctx: Context,
    actor: Actor,
    type_code: str,
    file: Incoming,
    *,
    auto_seal: bool,
    also: Also[Return] | None = None,
) -> Return:
    """Take a file in, durably, before anything of it is checked. The same file again gives the return that it made.

    Its pieces are stored one by one, so that no transaction is long and no file is held in memory; the return itself
    comes last. Who dies before that leaves pieces that belong to nothing, which the worker forgets.

    Raises `catalogue.unknown_type`, `catalogue.type_not_ready`, `returns.not_your_type`, `returns.empty_file`,
    `returns.too_large`.
    """
    party_id = actor.party(Role.DEPARTMENT)
    schema = ctx.catalogue.ready_type(type_code)
    if not file.size:
        raise ApiError("returns.empty_file")
    if file.size > ctx.settings.max_upload_bytes:
        raise ApiError("returns.too_large", Kind.TOO_LARGE, limit=ctx.settings.max_upload_bytes)
    with unit_of_work(ctx.db) as session:
        party = _department(session, party_id)
        if party.department_code != schema.department:
            raise ApiError("returns.not_your_type", Kind.FORBIDDEN, type=schema.code)
        known = returns.same_file(session, party_id, file.sha256, schema.code)
        fresh = Return(
            id=ids.new_return_id(),
            party_id=party_id,
            type_code=schema.code,
            file_sha256=file.sha256,
            file_bytes=file.size,
            auto_seal=auto_seal,
            state=ReturnState.RECEIVED.value,
            created_at_ms=clock.advance(session),
        )
    if known is None:
        _store_chunks(ctx, fresh, file)
    with unit_of_work(ctx.db) as session:
        _department(session, party_id)
        exclusive(session, "same returned file", party_id, file.sha256, schema.code)
        # Asked again: another request may have brought the same file meanwhile, or the one that was there has failed.
        row = returns.same_file(session, party_id, file.sha256, schema.code)
        if row is None:
            if known is not None:
                raise ApiError("store.conflict", Kind.CONFLICT)
            row = fresh
            session.add(row)
            session.flush()
        if also is not None:
            also(session, row)
    if row is not fresh and known is None:
        forget_file(ctx, fresh.id)
    return row


def forget_file(ctx: Context, return_id: str) -> None:
    """Drop the stored pieces of a return's file, a few in each transaction, so that nobody waits for long."""
    dropped = returns.DROPPED_AT_ONCE
    while dropped == returns.DROPPED_AT_ONCE:
        with unit_of_work(ctx.db) as session:
            dropped = returns.drop_chunks(session, return_id)


def forget_left_files(ctx: Context) -> None:
    """Drop pieces that no return needs: of uploads that broke off, and of returns whose worker died after the last."""
    with read_only(ctx.db) as session:
        left = returns.left_chunks(session, clock.now_ms(session) - UPLOAD_MS)
    for return_id in left:
        forget_file(ctx, return_id)


def _store_chunks(ctx: Context, row: Return, file: Incoming) -> None:
    file.file.seek(0)
    for seq in range(returns.chunk_count(row)):
        content = file.file.read(returns.CHUNK_BYTES)
        with unit_of_work(ctx.db) as session:
            returns.add_chunk(session, ctx.vault, row, seq, content)


def get(ctx: Context, actor: Actor, return_id: str) -> Return:
    """One's own return; `returns.not_found` for anybody else's."""
    with read_only(ctx.db) as session:
        return _own(session, actor, return_id)


def list_own(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[Return]:
    """A department's returns, newest first."""
    with read_only(ctx.db) as session:
        return returns.list_returns(session, actor.party(Role.DEPARTMENT), cursor=cursor)


def report(
    ctx: Context, actor: Actor, return_id: str, state: RowState | None = None, *, after: tuple[int, int] = (-1, -1)
) -> Report:
    """A return and up to 200 of its noted rows in file order, after (line, seq)."""
    with read_only(ctx.db) as session:
        item = _own(session, actor, return_id)
        return Report(item, returns.row_notes(session, item.party_id, return_id, state=state, after=after))


def seal(ctx: Context, actor: Actor, return_id: str, *, also: Also[Return] | None = None) -> Return:
    """Seal a checked return: the department's key signs its roots, its records become visible, anchoring begins.

    Raises `returns.not_found`, `returns.not_checked`, `returns.nothing_good`. Sealing twice is no error.
    """
    with read_only(ctx.db) as session:
        _own(session, actor, return_id)
    return seal_checked(ctx, return_id, also=also)


def seal_checked(ctx: Context, return_id: str, *, also: Also[Return] | None = None) -> Return:
    """What `seal` does once it is clear who asks; also for returns handed in with `auto_seal`."""
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        assert row is not None
        if row.state not in {ReturnState.SEALED, ReturnState.ANCHORED}:
            _seal(ctx, session, row)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def leave_to_officer(ctx: Context, return_id: str) -> None:
    """Take back that a return is to be sealed by itself: it was refused, and whoever seals it shall be told why."""
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        if row is not None:
            row.auto_seal = False


def _seal(ctx: Context, session: Session, row: Return) -> None:
    if row.state != ReturnState.CHECKED:
        raise ApiError("returns.not_checked", Kind.CONFLICT)
    batches = returns.batches_of(session, row.id)
    if not batches:
        raise ApiError("returns.nothing_good", Kind.CONFLICT)
    party = _department(session, row.party_id)
    key = ctx.department_signer(party.id)
    assert party.address == key.address
    anchors = ctx.chain.address("CertificateAnchors")
    for start in range(0, len(batches), ROOTS_A_CALL):
        part = batches[start : start + ROOTS_A_CALL]
        roots, sizes = [batch.root for batch in part], [batch.size for batch in part]
        digest = anchor_digest(key.address, roots, sizes, ctx.chain.chain_id, anchors)
        payload = chain_outbox.anchor_payload(key.address, roots, sizes, key.sign_digest(digest))
        outbox.put(session, chain_outbox.ANCHOR_BATCHES, f"anchor:{row.id}:{start}", payload)
    records.supersede_older(session, row.id)
    corrections.announce(session, row.id)
    returns.seal_batches(session, row.id)
    row.state, row.sealed_at_ms = ReturnState.SEALED, clock.advance(session)
    prepare_receipt(
        session,
        ctx.vault,
        ReceiptDraft(
            ReceiptKind.RETURN,
            {
                "return": row.id,
                "department": party.id,
                "issuer": "0x" + key.address.hex(),
                "custody": party.custody,
                "type": row.type_code,
                "file_sha256": "0x" + row.file_sha256.hex(),
                "batches": [{"root": "0x" + batch.root.hex(), "size": batch.size} for batch in batches],
            },
            party_id=party.id,
            return_id=row.id,
        ),
    )


def _own(session: Session, actor: Actor, return_id: str) -> Return:
    row = returns.get_return(session, actor.party(Role.DEPARTMENT), return_id)
    if row is None:
        raise ApiError("returns.not_found", Kind.NOT_FOUND)
    return row


def _department(session: Session, party_id: str) -> Party:
    party = parties.get_party(session, party_id)
    if party is None or party.status != parties.PartyStatus.ACTIVE:
        raise ApiError("auth.suspended", Kind.FORBIDDEN)
    return party
