"""Returns as departments see them: hand a file in, read the report, seal, watch it being anchored."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from api.catalogue.canonical import header_key
from api.errors import ApiError, Kind
from api.services import chain_outbox
from api.services.context import Actor, Also, Context, Role, staff_subject
from api.store import Session, clock, ids, outbox
from api.store.database import read_only, unit_of_work
from api.store.locks import exclusive
from api.store.queries import corrections, parties, records, returns
from api.store.queries.paging import Page
from api.store.queries.returns import DEMO_CUSTODY, BatchHead, Origin, ReturnState, RowState
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Party, Return, ReturnRow
from chain.errors import ChainError
from chain.grantmsg import anchor_digest, check_signer
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


@dataclass(frozen=True, slots=True)
class Said:
    """What whoever hands a file in says of it.

    `columns`: field by header, None for one that is left out; `sheet`: a workbook's, by number. `look_first`: the file
    waits until somebody has said which columns are which fields.
    """

    columns: Mapping[str, str | None] | None = None
    sheet: int | None = None
    origin: Origin = Origin.CURRENT
    look_first: bool = False

    @property
    def reading(self) -> bytes | None:
        """By what the same file, read in the same way, is known again; None where nothing was said."""
        if self.columns is None and self.sheet is None and self.origin is Origin.CURRENT:
            return None
        columns = None if self.columns is None else {header_key(text): name for text, name in self.columns.items()}
        said = json.dumps([columns, self.sheet, self.origin.value], sort_keys=True)
        return hashlib.sha256(said.encode()).digest()


NOTHING = Said()


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
    said: Said = NOTHING,
    also: Also[Return] | None = None,
) -> Return:
    """Take a file in, durably, before anything of it is checked. The same file again gives the return that it made.

    Of a file of which something is said, the same must have been said.

    Its pieces are stored one by one, so that no transaction is long and no file is held in memory; the return itself
    comes last. Who dies before that leaves pieces that belong to nothing, which the worker forgets.

    Raises `catalogue.unknown_type`, `catalogue.type_not_ready`, `returns.not_your_type`, `returns.empty_file`,
    `returns.too_large`, `returns.number_needed` (old records are handed in by an officer with a number of their own).
    """
    party_id = actor.party(Role.DEPARTMENT)
    if said.origin is Origin.BACKFILL and actor.subject == staff_subject(ctx.keys, party_id, ""):
        raise ApiError("returns.number_needed", Kind.FORBIDDEN)
    schema = ctx.catalogue.ready_type(type_code)
    if not file.size:
        raise ApiError("returns.empty_file")
    if file.size > ctx.settings.max_upload_bytes:
        raise ApiError("returns.too_large", Kind.TOO_LARGE, limit=ctx.settings.max_upload_bytes)
    with unit_of_work(ctx.db) as session:
        party = _department(session, party_id)
        if party.department_code != schema.department:
            raise ApiError("returns.not_your_type", Kind.FORBIDDEN, type=schema.code)
        known = returns.same_file(session, party_id, file.sha256, schema.code, said.reading)
        fresh = Return(
            id=ids.new_return_id(),
            party_id=party_id,
            type_code=schema.code,
            file_sha256=file.sha256,
            file_bytes=file.size,
            auto_seal=auto_seal,
            state=(ReturnState.MAPPING if said.look_first else ReturnState.RECEIVED).value,
            created_at_ms=clock.advance(session),
            columns=None if said.columns is None else dict(said.columns),
            sheet=said.sheet,
            reading=said.reading,
            origin=said.origin.value,
            handed_in_by=actor.subject,
        )
    if known is None:
        _store_chunks(ctx, fresh, file)
    with unit_of_work(ctx.db) as session:
        _department(session, party_id)
        exclusive(session, "same returned file", party_id, file.sha256, schema.code)
        # Asked again: another request may have brought the same file meanwhile, or the one that was there has failed.
        row = returns.same_file(session, party_id, file.sha256, schema.code, said.reading)
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


def seal_checked(
    ctx: Context, return_id: str, *, signatures: Sequence[bytes] | None = None, also: Also[Return] | None = None
) -> Return:
    """What `seal` does once it is clear who asks; also for returns handed in with `auto_seal`.

    `signatures`: by the agent of a department that keeps its key itself, which alone can seal its returns.
    """
    announced = _announced(ctx, return_id, signatures)
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        assert row is not None
        if row.state not in {ReturnState.SEALED, ReturnState.ANCHORED}:
            _seal(ctx, session, row, announced)
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def settle(ctx: Context, return_id: str) -> bool:
    """Settle the next batch of a sealed return; False once nothing is left, which whoever has older versions is told.

    One batch is one short transaction, so that nobody waits for a large return. Until all are settled, queries find
    by themselves that a newer version shows; a worker killed in between goes on with the next batch.
    """
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        batch_id = None if row is None else returns.next_to_settle(session, row)
        if batch_id is not None:
            records.supersede_older(session, batch_id)
            return True
        corrections.announce(session, return_id)
        return False


def leave_to_officer(ctx: Context, return_id: str) -> None:
    """Take back that a return is to be sealed by itself: it was refused, and whoever seals it shall be told why."""
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        if row is not None:
            row.auto_seal = False


@dataclass(frozen=True, slots=True)
class _Announced:
    """What a checked return's seal says to the chain: its batches, and the signed calls by key of the outbox."""

    batches: Sequence[BatchHead]
    calls: Mapping[str, Mapping[str, object]]


def _announced(ctx: Context, return_id: str, signatures: Sequence[bytes] | None) -> _Announced | None:
    """Read and sign before the transaction that seals: a large return takes time. None where there is nothing to seal.

    What a return consists of no longer changes once it is checked.
    """
    with read_only(ctx.db) as session:
        row = session.get_one(Return, return_id)
        batches = returns.heads_of(session, return_id) if row.state == ReturnState.CHECKED else []
        if not batches:
            return None
        party = _department(session, row.party_id)
        issuer, custody = party.address, party.custody
    if custody != DEMO_CUSTODY and signatures is None:
        raise ApiError("returns.agent_seals", Kind.CONFLICT)
    assert issuer is not None, "departments have an account"
    key = None if signatures is not None else ctx.department_signer(row.party_id)
    assert key is None or key.address == issuer
    anchors = ctx.chain.address("CertificateAnchors")
    starts = range(0, len(batches), ROOTS_A_CALL)
    if signatures is not None and len(signatures) != len(starts):
        raise ApiError("returns.bad_signature")
    calls: dict[str, Mapping[str, object]] = {}
    for at, start in enumerate(starts):
        part = batches[start : start + ROOTS_A_CALL]
        roots, sizes = [batch.root for batch in part], [batch.size for batch in part]
        digest = anchor_digest(issuer, roots, sizes, ctx.chain.chain_id, anchors)
        signature = signatures[at] if signatures is not None else key.sign_digest(digest) if key is not None else b""
        if key is None:
            _check_signature(digest, signature, issuer)
        calls[f"anchor:{return_id}:{start}"] = chain_outbox.anchor_payload(issuer, roots, sizes, signature)
    return _Announced(batches, calls)


def _check_signature(digest: bytes, signature: bytes, issuer: bytes) -> None:
    try:
        check_signer(digest, signature, issuer)
    except ChainError:
        raise ApiError("returns.bad_signature") from None


def _seal(ctx: Context, session: Session, row: Return, announced: _Announced | None) -> None:
    if row.state != ReturnState.CHECKED:
        raise ApiError("returns.not_checked", Kind.CONFLICT)
    if announced is None:
        # It was checked between the two looks, which the caller may repeat; else nothing of it is good.
        code = "store.conflict" if returns.count_batches(session, row.id) else "returns.nothing_good"
        raise ApiError(code, Kind.CONFLICT)
    party = _department(session, row.party_id)
    assert party.address is not None
    for name, payload in announced.calls.items():
        outbox.put(session, chain_outbox.ANCHOR_BATCHES, name, payload)
    returns.seal_return(row, clock.advance(session))
    prepare_receipt(
        session,
        ctx.vault,
        ReceiptDraft(
            ReceiptKind.RETURN,
            {
                "return": row.id,
                "department": party.id,
                "issuer": "0x" + party.address.hex(),
                "custody": party.custody,
                "type": row.type_code,
                "file_sha256": "0x" + row.file_sha256.hex(),
                **({} if row.origin == Origin.CURRENT else {"origin": row.origin}),
                "batches": [{"root": "0x" + batch.root.hex(), "size": batch.size} for batch in announced.batches],
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
