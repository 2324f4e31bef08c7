"""Returns, their noted rows, and batches. The subject of a return is the department that made it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store.crypto import Purpose, Vault, bound_columns
from api.store.inserts import insert_many
from api.store.queries import paging
from api.store.tables import Batch, Party, Record, Return, ReturnChunk, ReturnRow

CHUNK_BYTES = 1 << 20
"""Plain bytes of each stored piece of a file but its last."""
DROPPED_AT_ONCE = 4
LEFT_AT_ONCE = 100
DEMO_CUSTODY = "demo"


class ReturnState(StrEnum):
    """Life of a return; SEALED means visible to holders, ANCHORED that every batch is on the chain.

    MAPPING waits for an officer to say which columns are which fields.
    """

    MAPPING = "mapping"
    RECEIVED = "received"
    CHECKING = "checking"
    CHECKED = "checked"
    SEALED = "sealed"
    ANCHORED = "anchored"
    FAILED = "failed"


FILE_NEEDED = frozenset({ReturnState.MAPPING.value, ReturnState.RECEIVED.value, ReturnState.CHECKING.value})
"""States in which a return's file is still to be read."""


class Origin(StrEnum):
    """Where records come from: a department's running register, or old papers that were entered by hand.

    Back-filled ones are not shared before a second officer has reviewed their return.
    """

    CURRENT = "current"
    BACKFILL = "backfill"


class BatchState(StrEnum):
    """OPEN until it is settled after its return's seal, then PENDING until the chain confirms it.

    Whether a batch's records show is its return's to say (`sealed_at_ms`), so that all show at once; a batch that shows
    and is OPEN still is told as PENDING.
    """

    OPEN = "open"
    PENDING = "pending"
    ANCHORED = "anchored"


class RowState(StrEnum):
    """Why a row is noted: refused, stored with a warning, or left out as an exact repeat."""

    BAD = "bad"
    WARNED = "warned"
    DUPLICATE = "duplicate"


class RecordStatus(StrEnum):
    """CURRENT is the newest sealed version of a certificate, unless its issuer revoked it."""

    CURRENT = "current"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class RowNote:
    """What is said of a row: its line, column, the reason's code and facts; never its values."""

    line: int
    seq: int
    state: RowState
    column: str | None
    reason: str
    facts: dict[str, str | int]


@dataclass(frozen=True, slots=True)
class BatchHead:
    """What is announced of a batch: root and size of its tree."""

    root: bytes
    size: int


def add_chunk(session: Session, vault: Vault, row: Return, seq: int, content: bytes) -> None:
    """Seal and store piece `seq` of a file: `CHUNK_BYTES`, the last one what is left. Stands before `row` is stored."""
    sealed = vault.platform.seal(Purpose.RETURNED_FILE, _chunk_id(row, seq), content, bound=_bound(row))
    values = {"return_id": row.id, "seq": seq, "chunk_enc": sealed, "created_at_ms": row.created_at_ms}
    insert_many(session, ReturnChunk, [values])


def chunk_count(row: Return) -> int:
    """How many pieces the file of a return has."""
    return -(-row.file_bytes // CHUNK_BYTES)


def open_chunk(session: Session, vault: Vault, row: Return, seq: int) -> bytes:
    """Piece `seq` of a file. Raises ApiError `store.ciphertext` (altered, moved, gone), `store.key_commitment`."""
    sealed = session.execute(
        select(ReturnChunk.chunk_enc).where(ReturnChunk.return_id == row.id, ReturnChunk.seq == seq)
    ).scalar_one_or_none()
    content = vault.platform.open(Purpose.RETURNED_FILE, _chunk_id(row, seq), sealed or b"", bound=_bound(row))
    if len(content) != min(CHUNK_BYTES, row.file_bytes - seq * CHUNK_BYTES):
        raise ApiError("store.ciphertext", Kind.INTEGRITY, purpose=Purpose.RETURNED_FILE.value)
    return content


def drop_chunks(session: Session, return_id: str, limit: int = DROPPED_AT_ONCE) -> int:
    """Forget up to `limit` pieces of a file; how many."""
    some = (
        select(ReturnChunk.seq).where(ReturnChunk.return_id == return_id).order_by(ReturnChunk.seq.desc()).limit(limit)
    )
    # The newest first: a file of which some pieces are gone lacks its end, and is never taken for a shorter one.
    result = session.execute(
        delete(ReturnChunk)
        .where(ReturnChunk.return_id == return_id, ReturnChunk.seq.in_(some))
        .execution_options(synchronize_session=False)
        .returning(ReturnChunk.seq)
    )
    return len(result.all())


def left_chunks(session: Session, before_ms: int) -> list[str]:
    """Returns whose pieces nobody needs: checked or failed, or uploaded before that time and never completed."""
    needed = select(Return.id).where(Return.state.in_(FILE_NEEDED))
    known = select(Return.id)
    return list(
        session.execute(
            select(ReturnChunk.return_id)
            .where(
                ReturnChunk.seq == 0,
                ReturnChunk.return_id.not_in(needed),
                ReturnChunk.return_id.in_(known) | (ReturnChunk.created_at_ms < before_ms),
            )
            .order_by(ReturnChunk.return_id)
            .limit(LEFT_AT_ONCE)
        ).scalars()
    )


def get_return(session: Session, party_id: str, return_id: str) -> Return | None:
    """A department's return; None where it is another's."""
    return session.execute(
        select(Return).where(Return.id == return_id, Return.party_id == party_id)
    ).scalar_one_or_none()


def same_file(
    session: Session, party_id: str, file_sha256: bytes, type_code: str, reading: bytes | None = None
) -> Return | None:
    """The department's newest return of the same file and type that did not fail.

    `reading`: the digest of what was said of its sheet and columns; None for any, where nothing is said.
    """
    said = () if reading is None else (Return.reading == reading,)
    return session.execute(
        select(Return)
        .where(
            Return.party_id == party_id,
            Return.file_sha256 == file_sha256,
            Return.type_code == type_code,
            Return.state != ReturnState.FAILED.value,
            *said,
        )
        .order_by(Return.created_at_ms.desc(), Return.id.desc())
        .limit(1)
    ).scalar()


def unnamed_since(session: Session, before_ms: int) -> list[str]:
    """Returns that came before that time and still wait for somebody to name their columns."""
    return list(
        session.execute(
            select(Return.id)
            .where(Return.state == ReturnState.MAPPING.value, Return.created_at_ms < before_ms)
            .order_by(Return.id)
            .limit(LEFT_AT_ONCE)
        ).scalars()
    )


def list_returns(
    session: Session, party_id: str, *, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[Return]:
    """A department's returns, newest first."""
    limit = paging.clamp(limit)
    rows = session.execute(
        select(Return)
        .where(Return.party_id == party_id, *paging.after(cursor, Return.created_at_ms, Return.id))
        .order_by(Return.created_at_ms.desc(), Return.id.desc())
        .limit(limit + 1)
    ).scalars()
    return paging.page(list(rows), limit, lambda row: (row.created_at_ms, row.id))


def next_to_do(session: Session) -> Return | None:
    """The oldest return that the worker can go on with: to be checked, to be sealed by itself, to be settled."""
    return session.execute(
        select(Return)
        .where(
            or_(
                Return.state.in_([ReturnState.RECEIVED.value, ReturnState.CHECKING.value]),
                and_(
                    Return.state == ReturnState.CHECKED.value,
                    Return.auto_seal.is_(True),
                    Return.rows_good > 0,
                    # Who has a signer of its own seals by itself.
                    Return.party_id.in_(select(Party.id).where(Party.custody == DEMO_CUSTODY)),
                ),
                Return.settle_next.is_not(None),
            )
        )
        # To be settled last: it changes nothing that anybody sees.
        .order_by(Return.settle_next.is_not(None), Return.created_at_ms, Return.id)
        .limit(1)
    ).scalar()


def lock_return(session: Session, return_id: str) -> Return | None:
    """A return, fresh from the database and locked until the transaction ends."""
    return session.execute(
        select(Return).where(Return.id == return_id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one_or_none()


def add_row_notes(session: Session, return_id: str, notes: Sequence[RowNote]) -> None:
    """Note rows that were not simply good."""
    if notes:
        session.execute(
            insert(ReturnRow),
            [
                {
                    "return_id": return_id,
                    "line": note.line,
                    "seq": note.seq,
                    "state": note.state.value,
                    "column": note.column,
                    "reason": note.reason,
                    "facts": note.facts,
                }
                for note in notes
            ],
        )


def row_notes(
    session: Session,
    party_id: str,
    return_id: str,
    *,
    state: RowState | None = None,
    after: tuple[int, int] = (-1, -1),
    limit: int = paging.LIMIT_MAX,
) -> list[ReturnRow]:
    """Noted rows of a department's return in file order, after (line, seq)."""
    query = (
        select(ReturnRow)
        .join(Return, Return.id == ReturnRow.return_id)
        .where(Return.party_id == party_id, ReturnRow.return_id == return_id)
        .where(
            (ReturnRow.line > after[0]) | ((ReturnRow.line == after[0]) & (ReturnRow.seq > after[1])),
        )
        .order_by(ReturnRow.line, ReturnRow.seq)
        .limit(limit)
    )
    if state is not None:
        query = query.where(ReturnRow.state == state.value)
    return list(session.execute(query).scalars())


def heads_of(session: Session, return_id: str) -> list[BatchHead]:
    """The batches of a return in their order."""
    query = select(Batch.root, Batch.size).where(Batch.return_id == return_id).order_by(Batch.seq)
    return [BatchHead(*row) for row in session.execute(query)]


def count_batches(session: Session, return_id: str) -> int:
    """How many batches a return has so far; their `seq` is dense from 0."""
    return session.execute(select(func.count()).select_from(Batch).where(Batch.return_id == return_id)).scalar_one()


def seal_return(row: Return, at_ms: int) -> None:
    """Let all records of a checked return show to their holders, at once; `next_to_settle` has the rest to be done."""
    row.state, row.sealed_at_ms, row.settle_next = ReturnState.SEALED.value, at_ms, 0


def next_to_settle(session: Session, row: Return) -> str | None:
    """The id of the sealed return's batch whose turn it is, which is PENDING from here on; None where all are settled.

    Call `records.supersede_older` for it in the same transaction.
    """
    if row.settle_next is None:
        return None
    batch_id = session.execute(
        select(Batch.id).where(Batch.return_id == row.id, Batch.seq == row.settle_next)
    ).scalar_one_or_none()
    row.settle_next = None if batch_id is None else row.settle_next + 1
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.anchor_state == BatchState.OPEN.value)
        .values(anchor_state=BatchState.PENDING.value)
        .execution_options(synchronize_session=False)
    )
    return batch_id


def count_holders(session: Session, return_id: str) -> int:
    """How many holders a return has records for."""
    return session.execute(
        select(func.count(Record.holder_id.distinct()))
        .join(Batch, Batch.id == Record.batch_id)
        .where(Batch.return_id == return_id)
    ).scalar_one()


def _chunk_id(row: Return, seq: int) -> str:
    # Part of the associated data and of the key: pieces cannot change places, and no key seals more than one.
    return f"{row.id}/{seq}"


def _bound(row: Return) -> bytes:
    return bound_columns(row.party_id, row.type_code, row.file_sha256, row.file_bytes)
