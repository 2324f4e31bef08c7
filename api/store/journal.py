"""The chain package's ports on this database: the relay's journal, the log's read side.

Each call is one transaction.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store.database import Database, database_time_ms, read_only, unit_of_work
from api.store.event_sink import SqlEventSink
from api.store.queries.receipts import log_node
from api.store.tables import ChainTx, Checkpoint, LogState
from chain.ports import Head, SignedTx, TxRow, TxState

__all__ = ["SqlEventSink", "SqlLogStore", "SqlTxJournal"]

OPEN_STATES = (TxState.SIGNED.value, TxState.SENT.value, TxState.MINED.value)


class SqlTxJournal:
    """`chain.ports.TxJournal`: transactions of all senders, each with its nonce, durable before they are broadcast."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def reserve(
        self, key: str, sender: bytes, to: bytes | None, sign: Callable[[int], SignedTx], *, first_nonce: int
    ) -> TxRow:
        """Insert under the next nonce, or give back the row of that key; see the port."""
        with unit_of_work(self._db) as session:
            row = session.get(ChainTx, key, with_for_update=True)
            if row is None:
                # On SQLite this transaction is the only writer; on PostgreSQL a second relay of the same sender would
                # take the same nonce, and the uniqueness of (sender, nonce) refuses it: `store.conflict`, again later.
                last = session.execute(select(func.max(ChainTx.nonce)).where(ChainTx.sender == sender)).scalar_one()
                nonce = first_nonce if last is None else max(first_nonce, last + 1)
                signed = sign(nonce)
                row = ChainTx(
                    key=key,
                    sender=sender,
                    nonce=nonce,
                    to=to,
                    raw=signed.raw,
                    tx_hash=signed.tx_hash,
                    state=TxState.SIGNED.value,
                    created_at_ms=database_time_ms(session),
                )
                session.add(row)
                session.flush()
            return _tx_row(row)

    def unconfirmed(self, sender: bytes, limit: int) -> list[TxRow]:
        """SIGNED, SENT and MINED rows of the sender in nonce order."""
        with read_only(self._db) as session:
            rows = session.execute(
                select(ChainTx)
                .where(ChainTx.sender == sender, ChainTx.state.in_(OPEN_STATES))
                .order_by(ChainTx.nonce)
                .limit(limit)
            ).scalars()
            return [_tx_row(row) for row in rows]

    def set_state(
        self,
        tx_hash: bytes,
        state: TxState,
        *,
        block_number: int | None = None,
        block_hash: bytes | None = None,
        error: str | None = None,
    ) -> None:
        """Write state, block and error as given, None included."""
        with unit_of_work(self._db) as session:
            session.execute(
                update(ChainTx)
                .where(ChainTx.tx_hash == tx_hash)
                .values(state=state.value, block_number=block_number, block_hash=block_hash, error=error)
                .execution_options(synchronize_session=False)
            )

    def get(self, key: str) -> TxRow | None:
        """The row under `key`, or None."""
        with read_only(self._db) as session:
            row = session.get(ChainTx, key)
            return None if row is None else _tx_row(row)


class SqlLogStore:
    """`chain.ports.LogStore`: the receipt log as the writer left it, and its checkpoints."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def size(self) -> int:
        """Count of numbered, committed leaves."""
        with read_only(self._db) as session:
            return session.execute(select(LogState.size).where(LogState.id == 1)).scalar_one()

    def node(self, level: int, index: int) -> bytes:
        """Hash of a perfect subtree. Raises ApiError `store.log_damaged` where it is missing."""
        with read_only(self._db) as session:
            try:
                return log_node(session, level, index)
            except KeyError:
                raise ApiError("store.log_damaged", Kind.INTEGRITY, size=(index + 1) << level) from None

    def last_checkpoint(self) -> Head | None:
        """The newest checkpoint that was signed here."""
        with read_only(self._db) as session:
            row = session.execute(
                select(Checkpoint.size, Checkpoint.root)
                .where(Checkpoint.note != "")
                .order_by(Checkpoint.size.desc())
                .limit(1)
            ).one_or_none()
            return None if row is None else Head(row.size, row.root)

    def add_checkpoint(self, head: Head, note: str, tx_key: str) -> None:
        """Record a signed note; idempotent by size.

        Raises ApiError `store.checkpoint_fork` where another root was recorded for that size: a log that signed two
        roots for one size has forked, and no later write may hide it.
        """
        with unit_of_work(self._db) as session:
            row = session.get(Checkpoint, head.size, with_for_update=True)
            if row is None:
                _add_checkpoint(session, head, note, tx_key)
            elif row.root != head.root:
                raise ApiError("store.checkpoint_fork", Kind.INTEGRITY, size=head.size)
            elif not row.note:
                # The chain's event came first: this database was restored from before the checkpoint was recorded.
                row.note, row.tx_key = note, tx_key


def failed_transactions(db: Database, senders: Sequence[bytes], limit: int = 256) -> list[TxRow]:
    """FAILED rows of these senders, newest first."""
    with read_only(db) as session:
        rows = session.execute(
            select(ChainTx)
            .where(ChainTx.sender.in_(list(senders)), ChainTx.state == TxState.FAILED.value)
            .order_by(ChainTx.nonce.desc())
            .limit(limit)
        ).scalars()
        return [_tx_row(row) for row in rows]


def _add_checkpoint(session: Session, head: Head, note: str, tx_key: str) -> None:
    session.add(
        Checkpoint(
            size=head.size,
            root=head.root,
            note=note,
            tx_key=tx_key,
            anchor_state="pending",
            created_at_ms=database_time_ms(session),
        )
    )


def _tx_row(row: ChainTx) -> TxRow:
    return TxRow(
        row.key,
        row.sender,
        row.nonce,
        row.to,
        row.raw,
        row.tx_hash,
        TxState(row.state),
        row.block_number,
        row.block_hash,
        row.error,
        row.created_at_ms,
    )
