"""Returns: each batch's tree against its records, their leaves against decrypted bodies, roots against the chain."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import aliased

from api.errors import ApiError
from api.store.fsck.report import Check
from api.store.queries import returns
from api.store.queries.records import open_body
from api.store.queries.returns import BatchState, RecordStatus
from api.store.tables import Batch, Record, Return
from chain.canonical import Json
from chain.errors import ChainError
from chain.merkle import BatchTree


def check_returns(check: Check) -> None:
    """Returns with their files and batches, then batches with their records, then which versions are current."""
    for row in check.each("returns", select(Return).order_by(Return.id)):
        _check_return(check, row)
    for batch in check.each("batches", select(Batch).order_by(Batch.id)):
        _check_batch(check, batch)
    _check_statuses(check)


def _check_return(check: Check, row: Return) -> None:
    if row.state in returns.FILE_NEEDED:
        _check_file(check, row)
    batches = check.session.execute(
        select(Batch.seq, Batch.root, Batch.size).where(Batch.return_id == row.id).order_by(Batch.seq)
    ).all()
    last = max((batch.seq for batch in batches), default=-1)
    present = {batch.seq for batch in batches}
    for seq in range(last + 1):
        if seq not in present:
            check.find("batches", f"{row.id}/{seq}", "fsck.batch_missing")
    if row.reviewed_at_ms is not None and row.id not in check.reviewed:
        check.unreceipted("returns", row.id, "fsck.return_unreceipted")
    receipted = check.batches_of_returns.get(row.id)
    if receipted is None:
        if row.state in {returns.ReturnState.SEALED.value, returns.ReturnState.ANCHORED.value}:
            check.unreceipted("returns", row.id, "fsck.return_unreceipted")
        return
    here: dict[Json, Json] = {"0x" + batch.root.hex(): batch.size for batch in batches}
    for item in receipted:
        if isinstance(item, dict) and here.pop(item.get("root"), None) != item.get("size"):
            check.find("batches", f"{row.id}/{item.get('root')}", "fsck.batch_missing")
    for root in here:
        check.find("batches", f"{row.id}/{root}", "fsck.batch_inserted")
    if row.rows_good != sum(batch.size for batch in batches) and not here:
        check.find("returns", row.id, "fsck.return_edited")


def _check_file(check: Check, row: Return) -> None:
    for seq in range(returns.chunk_count(row)):
        try:
            returns.open_chunk(check.session, check.vault, row, seq)
        except ApiError:
            check.find("return_chunks", f"{row.id}/{seq}", "fsck.return_edited")


def _check_batch(check: Check, batch: Batch) -> None:
    try:
        stored: BatchTree | None = BatchTree.from_bytes(batch.tree, batch.size)
    except ChainError:
        stored = None
    leaves = list(_leaves(check, batch, stored))
    if stored is None or _rebuild(leaves) != batch.tree or stored.root != batch.root:
        check.find("batches", batch.id, "fsck.batch_edited")
    elif (
        check.chain is not None
        and batch.anchor_state == BatchState.ANCHORED.value
        and check.chain.anchored_size(batch.issuer, batch.root) != batch.size
    ):
        check.find("batches", batch.id, "fsck.batch_not_on_chain")


def _rebuild(leaves: Sequence[bytes]) -> bytes:
    return BatchTree(leaves).to_bytes() if leaves else b""


def _leaves(check: Check, batch: Batch, stored: BatchTree | None) -> Iterator[bytes]:
    """The true leaf hashes of a batch, from decrypted bodies; the stored tree stands in where a record is no help."""
    rows = {
        record.leaf_index: record
        for record in check.each(
            "records", select(Record).where(Record.batch_id == batch.id).order_by(Record.leaf_index)
        )
    }
    for index in range(batch.size):
        fallback = bytes(32) if stored is None or index >= stored.size else stored.leaf(index)
        record = rows.pop(index, None)
        if record is None:
            check.find("records", f"{batch.id}/{index}", "fsck.record_missing")
            yield fallback
            continue
        if check.locked(record.holder_id):
            check.leave("records")
            yield fallback
            continue
        leaf = _leaf_of(check, record)
        if leaf is None:
            check.find("records", record.id, "fsck.record_edited")
            yield fallback
            continue
        yield leaf
    for record in rows.values():
        check.find("records", record.id, "fsck.record_inserted")


def _leaf_of(check: Check, record: Record) -> bytes | None:
    """The leaf hash of a record's body, None where it does not open or is not the stored one."""
    if record.holder_id in check.erased:
        # Its hash is all that is left, and stands in the batch's tree, whose root is on the chain.
        return record.leaf_hash if not record.body_enc else None
    key = check.key(record.holder_id)
    if key is None:
        return None
    try:
        leaf = open_body(key, record).leaf_hash(record.type_code, record.rules, record.leaf_index)
    except (ApiError, ChainError):
        return None
    return leaf if leaf == record.leaf_hash else None


def _check_statuses(check: Check) -> None:
    """The newest sealed version of a certificate is current (or revoked), the others are not.

    One whose newer version's batch waits to be settled may be either still.
    """
    newer, newer_batch, newer_return = aliased(Record), aliased(Batch), aliased(Return)
    followed = (
        select(newer.id)
        .join(newer_batch, newer_batch.id == newer.batch_id)
        .join(newer_return, newer_return.id == newer_batch.return_id)
        .where(
            newer.number_bidx == Record.number_bidx,
            newer.version > Record.version,
            newer_return.sealed_at_ms.is_not(None),
        )
        .correlate(Record)
    )
    settled = newer_return.settle_next.is_(None) | (newer_batch.seq < newer_return.settle_next)
    sealed = (
        select(Record.id)
        .join(Batch, Batch.id == Record.batch_id)
        .join(Return, Return.id == Batch.return_id)
        .where(Return.sealed_at_ms.is_not(None))
    )
    wrong = sealed.where(
        ((Record.status == RecordStatus.CURRENT.value) & followed.where(settled).exists())
        | ((Record.status == RecordStatus.SUPERSEDED.value) & ~followed.exists())
        | Record.status.not_in([status.value for status in RecordStatus])
    )
    for record_id in check.session.execute(wrong).scalars():
        check.find("records", record_id, "fsck.record_status")
