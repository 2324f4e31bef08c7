"""Giving receipts their numbers, inside one transaction of the log writer."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Row, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from api.store.crypto import Sealer, Vault
from api.store.database import connected
from api.store.ids import ReceiptId
from api.store.receipts import ReceiptDraft, receipt_row
from api.store.tables import Base, PreparedReceipt, Receipt
from chain.receipt import ReceiptKind, log_id, receipt_leaf_bytes, receipt_leaf_hash, sign_promise

# Built once: every pull waits for these.
_WAITING, _RECEIPTS = (Base.metadata.tables[table.__tablename__] for table in (PreparedReceipt, Receipt))
_PREPARED = (
    select(_WAITING.c.seq, _RECEIPTS.c.id, _RECEIPTS.c.kind, _RECEIPTS.c.commitment)
    .join(_RECEIPTS, _RECEIPTS.c.id == _WAITING.c.receipt_id)
    .order_by(_WAITING.c.seq)
)
_SOME = _PREPARED.limit(bindparam("limit"))
_OF_GRANT = _PREPARED.where(_RECEIPTS.c.grant_id == bindparam("grant"))
_ADD = insert(_RECEIPTS)


def log_id_of(log_key: Ed25519PrivateKey) -> str:
    """The log's id, from its key."""
    return log_id(log_key.public_key().public_bytes_raw())


@dataclass(frozen=True, slots=True)
class NumberedReceipt:
    """A receipt with its place in the log; `promise` is the log's signature over number and leaf hash (64 bytes)."""

    id: ReceiptId
    number: int
    time_s: int
    commitment: bytes
    leaf: bytes
    leaf_hash: bytes
    promise: bytes


class Numberer:
    """Gives out numbers inside one transaction of the log writer. Never kept beyond the call that got it.

    `now_ms` is the transaction's time by the database's clock with its high-water mark: decisions made in a submission
    use it, and the leaf's time is the same in seconds.
    """

    def __init__(
        self, session: Session, vault: Vault, log_key: Ed25519PrivateKey, *, size: int, now_ms: int, last_time_s: int
    ) -> None:
        self.now_ms = now_ms
        self.time_s = max(now_ms // 1000, last_time_s)
        self.log_id = log_id_of(log_key)
        self.first = size
        self.leaf_hashes: list[bytes] = []
        self.backlog = False
        self._session = session
        self._vault = vault
        self._log_key = log_key

    @property
    def size(self) -> int:
        """Size that the log has after the numbers given out so far."""
        return self.first + len(self.leaf_hashes)

    def add(self, draft: ReceiptDraft, sealer: Sealer | None = None) -> NumberedReceipt:
        """Write a receipt with the next number, its details sealed by `sealer` if the holder's key is open already."""
        if self.backlog and draft.grant_id is not None:
            # Within a grant the log's order is the order of events: what was prepared earlier goes first.
            self._number_rows(connected(self._session).execute(_OF_GRANT, {"grant": draft.grant_id}).all())
        row = receipt_row(self._session, self._vault, draft, self.now_ms, sealer)
        commitment = row["commitment"]
        assert isinstance(commitment, bytes)
        numbered = self._number(draft.id, draft.kind, commitment)
        row |= {
            "number": numbered.number,
            "leaf": numbered.leaf,
            "leaf_hash": numbered.leaf_hash,
            "promise": numbered.promise,
        }
        connected(self._session).execute(_ADD, row)
        return numbered

    def number_prepared(self, *, limit: int) -> int:
        """Number prepared receipts, oldest first; count of them. Used by the writer's loop."""
        return self._number_rows(connected(self._session).execute(_SOME, {"limit": limit}).all())

    def _number_rows(self, rows: Sequence[Row[int, str, str, bytes]]) -> int:
        if not rows:
            return 0
        updates = []
        for row in rows:
            numbered = self._number(ReceiptId(row.id), ReceiptKind(row.kind), row.commitment)
            updates.append(
                {
                    "b_id": row.id,
                    "b_number": numbered.number,
                    "b_leaf": numbered.leaf,
                    "b_leaf_hash": numbered.leaf_hash,
                    "b_promise": numbered.promise,
                }
            )
        connection = connected(self._session)
        connection.execute(
            update(Receipt)
            .where(Receipt.id == bindparam("b_id"))
            .values(
                number=bindparam("b_number"),
                leaf=bindparam("b_leaf"),
                leaf_hash=bindparam("b_leaf_hash"),
                promise=bindparam("b_promise"),
            ),
            updates,
        )
        connection.execute(
            delete(PreparedReceipt).where(PreparedReceipt.seq == bindparam("b_seq")),
            [{"b_seq": row.seq} for row in rows],
        )
        return len(rows)

    def truncate(self, size: int) -> None:
        """Take back the numbers from `size` on, when the savepoint that got them was rolled back."""
        del self.leaf_hashes[size - self.first :]

    def _number(self, receipt_id: ReceiptId, kind: ReceiptKind, commitment: bytes) -> NumberedReceipt:
        number = self.size
        leaf = receipt_leaf_bytes(kind, self.log_id, number, self.time_s, commitment)
        leaf_hash = receipt_leaf_hash(leaf)
        promise = sign_promise(self._log_key, self.log_id, number, leaf_hash)
        self.leaf_hashes.append(leaf_hash)
        return NumberedReceipt(receipt_id, number, self.time_s, commitment, leaf, leaf_hash, promise)
