"""The chain package's ports on this database: the relay's journal, the log's read side.

Each call is one transaction.
"""

import time
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store import leases
from api.store.database import Database, database_time_ms, read_only, unit_of_work
from api.store.event_sink import SqlEventSink
from api.store.inserts import insert_ignore
from api.store.queries.receipts import log_node
from api.store.tables import ChainSigner, ChainTx, ChainTxHistory, Checkpoint, LogState
from chain.errors import FencedError
from chain.ports import Head, SignedTx, TxCall, TxChange, TxRow, TxState

__all__ = ["SqlEventSink", "SqlLogStore", "SqlTxJournal"]

OPEN_STATES = (TxState.PREPARED.value, TxState.SIGNED.value, TxState.SENT.value, TxState.MINED.value)


class SqlTxJournal:
    """`chain.ports.TxJournal`: transactions of all senders, each with its nonce, durable before they are broadcast.

    With a `holder` this process must lead a sender before it writes for it: `lead` takes the sender's lease for
    `lease_s` and renews it, and every write checks the lease's fencing token against the sender's row, under a lock.
    Without one nothing is fenced; for a process that is alone with its journal.
    """

    def __init__(self, db: Database, holder: str | None = None, lease_s: float = 15.0) -> None:
        self._db = db
        self._holder = holder
        self._lease_s = lease_s
        self._held: dict[bytes, leases.Held] = {}
        self._renew_at: dict[bytes, float] = {}

    def lead(self, sender: bytes) -> bool:
        """Get or keep the sender's lease; False while another process holds it."""
        if self._holder is None or (sender in self._held and time.monotonic() < self._renew_at[sender]):
            return True
        with unit_of_work(self._db) as session:
            held = leases.acquire(session, f"relay:{sender.hex()}", self._holder, self._lease_s)
            if held is not None:
                # Whoever led before is fenced off from here on, whatever it still believes.
                _lock_signer(session, sender).fence = held.token
        if held is None:
            self._held.pop(sender, None)
            return False
        self._held[sender] = held
        self._renew_at[sender] = time.monotonic() + self._lease_s / 3
        return True

    def release(self) -> None:
        """Give every lease up, so that a successor need not wait."""
        if self._held:
            with unit_of_work(self._db) as session:
                for held in self._held.values():
                    leases.release(session, held)
        self._held.clear()

    def reserve(self, key: str, sender: bytes, call: TxCall, *, first_nonce: int) -> TxRow:
        """Insert under the next nonce, or give back the row of that key; see the port."""
        with unit_of_work(self._db) as session:
            signer = self._fenced(session, sender)
            row = session.get(ChainTx, key)
            if row is None:
                row = _insert(session, key, sender, _next_nonce(signer, first_nonce), 0, call)
            return _tx_row(row)

    def signed(self, key: str, tx: SignedTx) -> TxRow:
        """Store a signature; see the port."""
        with unit_of_work(self._db) as session:
            row = session.get_one(ChainTx, key, with_for_update=True)
            self._fenced(session, row.sender)
            if row.state == TxState.PREPARED:
                row.raw, row.tx_hash = tx.raw, tx.tx_hash
                _note(session, row, TxState.SIGNED)
            return _tx_row(row)

    def replace(self, old: TxRow, key: str, call: TxCall, *, error: str, first_nonce: int | None) -> TxRow:
        """Put another transaction in a row's place; see the port."""
        with unit_of_work(self._db) as session:
            signer = self._fenced(session, old.sender)
            former = session.get_one(ChainTx, old.key, with_for_update=True)
            row = session.get(ChainTx, key)
            if row is None:
                if first_nonce is None:
                    used = select(func.max(ChainTx.bump)).where(
                        ChainTx.sender == old.sender, ChainTx.nonce == old.nonce
                    )
                    bump = session.execute(used).scalar_one() + 1
                    row = _insert(session, key, old.sender, old.nonce, bump, call)
                else:
                    row = _insert(session, key, old.sender, _next_nonce(signer, first_nonce), 0, call)
            former.replaced_by = key
            _note(session, former, TxState.REPLACED, error=error)
            return _tx_row(row)

    def unconfirmed(self, sender: bytes, limit: int) -> list[TxRow]:
        """Open rows of the sender in nonce order, and replaced ones from the first open nonce on."""
        with read_only(self._db) as session:
            mine = select(ChainTx).where(ChainTx.sender == sender).order_by(ChainTx.nonce, ChainTx.bump)
            rows = list(session.execute(mine.where(ChainTx.state.in_(OPEN_STATES)).limit(limit)).scalars())
            if rows:
                since = mine.where(ChainTx.state == TxState.REPLACED.value, ChainTx.nonce >= rows[0].nonce)
                rows += session.execute(since.limit(limit)).scalars()
            return [_tx_row(row) for row in sorted(rows, key=lambda row: (row.nonce, row.bump))]

    def set_state(
        self,
        row: TxRow,
        state: TxState,
        *,
        block_number: int | None = None,
        block_hash: bytes | None = None,
        error: str | None = None,
    ) -> bool:
        """Write state, block and error as given, None included, unless the row has moved on."""
        with unit_of_work(self._db) as session:
            self._fenced(session, row.sender)
            found = session.get_one(ChainTx, row.key, with_for_update=True)
            if found.state != row.state:
                return False
            _note(session, found, state, block_number=block_number, block_hash=block_hash, error=error)
            return True

    def get(self, key: str) -> TxRow | None:
        """The row under `key`, or None."""
        with read_only(self._db) as session:
            row = session.get(ChainTx, key)
            return None if row is None else _tx_row(row)

    def history(self, key: str) -> list[TxChange]:
        """What became of a row, oldest first."""
        with read_only(self._db) as session:
            rows = session.execute(
                select(ChainTxHistory).where(ChainTxHistory.key == key).order_by(ChainTxHistory.id)
            ).scalars()
            return [TxChange(TxState(row.state), row.at_ms, row.block_number, row.error) for row in rows]

    def _fenced(self, session: Session, sender: bytes) -> ChainSigner:
        """The sender's row, locked, so that nonces go one by one. Raises FencedError where another process leads."""
        signer = _lock_signer(session, sender)
        if self._holder is not None:
            held = self._held.get(sender)
            if held is None or held.token != signer.fence:
                self._held.pop(sender, None)
                raise FencedError(f"another process leads 0x{sender.hex()}")
        return signer


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


def _lock_signer(session: Session, sender: bytes) -> ChainSigner:
    insert_ignore(session, ChainSigner, [{"address": sender, "next_nonce": 0, "fence": 0}])
    return session.get_one(ChainSigner, sender, with_for_update=True, populate_existing=True)


def _next_nonce(signer: ChainSigner, first_nonce: int) -> int:
    nonce = max(first_nonce, signer.next_nonce)
    signer.next_nonce = nonce + 1
    return nonce


def _insert(session: Session, key: str, sender: bytes, nonce: int, bump: int, call: TxCall) -> ChainTx:
    row = ChainTx(
        key=key,
        sender=sender,
        nonce=nonce,
        bump=bump,
        to=call.to,
        raw=call.encode(nonce),
        tx_hash=None,
        state=TxState.PREPARED.value,
        created_at_ms=database_time_ms(session),
    )
    session.add(row)
    _note(session, row, TxState.PREPARED)
    session.flush()
    return row


def _note(
    session: Session,
    row: ChainTx,
    state: TxState,
    *,
    block_number: int | None = None,
    block_hash: bytes | None = None,
    error: str | None = None,
) -> None:
    """Bring a row into a state, and write its history's line."""
    row.state, row.block_number, row.block_hash, row.error = state.value, block_number, block_hash, error
    session.add(
        ChainTxHistory(
            key=row.key, state=state.value, at_ms=database_time_ms(session), block_number=block_number, error=error
        )
    )


def _tx_row(row: ChainTx) -> TxRow:
    return TxRow(
        row.key,
        row.sender,
        row.nonce,
        row.bump,
        row.to,
        row.raw,
        row.tx_hash or b"",
        TxState(row.state),
        row.block_number,
        row.block_hash,
        row.error,
        row.replaced_by,
        row.created_at_ms,
    )
