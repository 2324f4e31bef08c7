"""Returns, their noted rows, and batches. The subject of a return is the department that made it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.orm import Session

from api.store.crypto import Purpose, Vault, bound_columns
from api.store.queries import paging
from api.store.tables import Batch, Record, Return, ReturnRow


class ReturnState(StrEnum):
    """Life of a return; SEALED means visible to holders, ANCHORED that every batch is on the chain."""

    RECEIVED = "received"
    CHECKING = "checking"
    CHECKED = "checked"
    SEALED = "sealed"
    ANCHORED = "anchored"
    FAILED = "failed"


class BatchState(StrEnum):
    """OPEN until its return is sealed, then PENDING until the chain confirms it."""

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


def seal_file(vault: Vault, row: Return, content: bytes) -> None:
    """Encrypt the returned file into `row.file_enc`; id, party, type and hash must stand in the row already."""
    row.file_enc = vault.platform.seal(Purpose.RETURNED_FILE, row.id, content, bound=_bound(row))


def open_file(vault: Vault, row: Return) -> bytes:
    """The returned file, b"" once it was dropped. Raises ApiError `store.ciphertext`, `store.key_commitment`."""
    if row.file_enc is None:
        return b""
    return vault.platform.open(Purpose.RETURNED_FILE, row.id, row.file_enc, bound=_bound(row))


def get_return(session: Session, party_id: str, return_id: str) -> Return | None:
    """A department's return; None where it is another's."""
    return session.execute(
        select(Return).where(Return.id == return_id, Return.party_id == party_id)
    ).scalar_one_or_none()


def same_file(session: Session, party_id: str, file_sha256: bytes, type_code: str) -> Return | None:
    """The department's newest return of the same file and type that did not fail."""
    return session.execute(
        select(Return)
        .where(
            Return.party_id == party_id,
            Return.file_sha256 == file_sha256,
            Return.type_code == type_code,
            Return.state != ReturnState.FAILED.value,
        )
        .order_by(Return.created_at_ms.desc(), Return.id.desc())
        .limit(1)
    ).scalar()


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
    """The oldest return that the worker can go on with: to be checked, or checked and to be sealed by itself."""
    return session.execute(
        select(Return)
        .where(
            or_(
                Return.state.in_([ReturnState.RECEIVED.value, ReturnState.CHECKING.value]),
                and_(Return.state == ReturnState.CHECKED.value, Return.auto_seal.is_(True), Return.rows_good > 0),
            )
        )
        .order_by(Return.created_at_ms, Return.id)
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


def batches_of(session: Session, return_id: str) -> list[Batch]:
    """The batches of a return in their order."""
    return list(session.execute(select(Batch).where(Batch.return_id == return_id).order_by(Batch.seq)).scalars())


def seal_batches(session: Session, return_id: str) -> int:
    """Turn the open batches of a return to pending, which shows their records to holders; count of them.

    Call `records.supersede_older` in the same transaction.
    """
    result = session.execute(
        update(Batch)
        .where(Batch.return_id == return_id, Batch.anchor_state == BatchState.OPEN.value)
        .values(anchor_state=BatchState.PENDING.value)
        .execution_options(synchronize_session="fetch")
        .returning(Batch.id)
    )
    return len(result.all())


def count_holders(session: Session, return_id: str) -> int:
    """How many holders a return has records for."""
    return session.execute(
        select(func.count(Record.holder_id.distinct()))
        .join(Batch, Batch.id == Record.batch_id)
        .where(Batch.return_id == return_id)
    ).scalar_one()


def _bound(row: Return) -> bytes:
    return bound_columns(row.party_id, row.type_code, row.file_sha256, row.file_bytes)
