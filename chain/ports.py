"""What the chain package needs from the outside, as Protocols; their contracts stand in the docstrings.

Hashes, roots and addresses are `bytes` (32, 32 and 20 long) inside the package; hexadecimal with `0x`
appears only at JSON edges. Heights and sizes are `int`. Times are whole seconds since 1970, as a block has them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import rlp

from chain.errors import NodeError

ADDRESS_BYTES = 20
HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block's identity: enough to walk parents and to see a reorg."""

    number: int
    hash: bytes
    parent_hash: bytes
    time_s: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One event as the node reports it; topics[0] is the event's signature hash."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    tx_hash: bytes
    log_index: int


@dataclass(frozen=True, slots=True)
class TxReceipt:
    """What the node says of a mined transaction."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    succeeded: bool
    gas_used: int
    contract_address: bytes | None


class Node(Protocol):
    """An Ethereum JSON-RPC node, portable subset (type-0 transactions, ranged eth_getLogs, no filters).

    Every call raises `NodeError` with one reason of the closed list, and nothing else. `latest` is the
    node's head; an explicit block number is honoured by every engine the suite runs against.
    """

    def chain_id(self) -> int:
        """The EIP-155 chain id."""
        ...

    def block_number(self) -> int:
        """Height of the node's head."""
        ...

    def block(self, number: int) -> BlockRef:
        """The canonical block of that height; NOT_FOUND above the head. Block 0 is the genesis."""
        ...

    def headers(self, first: int, last: int) -> list[BlockRef]:
        """One JSON-RPC batch of `block` over heights first..last, both included."""
        ...

    def code(self, address: bytes, block: int | None = None) -> bytes:
        """Runtime code at the address, empty where there is none."""
        ...

    def nonce(self, address: bytes) -> int:
        """Count of the address's mined transactions: the next nonce when nothing waits in the pool."""
        ...

    def gas_price(self) -> int:
        """Wei for each gas that the node suggests now; 0 on a network without fees."""
        ...

    def client(self) -> str:
        """What the node calls itself, such as `Geth/v1.13.15-stable/...`; it decides nothing but defaults."""
        ...

    def call(self, to: bytes, data: bytes, *, sender: bytes | None = None, block: int | None = None) -> bytes:
        """Run a call without a transaction; REVERTED with the revert bytes in `data` where the contract refuses."""
        ...

    def logs(
        self, first: int, last: int, addresses: Sequence[bytes], topics: Sequence[Sequence[bytes]] = ()
    ) -> list[LogEntry]:
        """Events of the addresses in blocks first..last, both included, in chain order.

        `topics` narrows: the first topic must be one of its first entry, and so on. REJECTED where the node finds the
        range or the answer too large.
        """
        ...

    def send_raw(self, raw: bytes) -> bytes:
        """Hand a signed transaction to the node's pool; its hash."""
        ...

    def send_raw_many(self, raws: Sequence[bytes]) -> list[bytes | NodeError]:
        """One JSON-RPC batch; the answer keeps the order, a refused one is its error, not a raise."""
        ...

    def receipt(self, tx_hash: bytes) -> TxReceipt | None:
        """The receipt on the canonical chain, None while there is none."""
        ...

    def receipts(self, tx_hashes: Sequence[bytes]) -> list[TxReceipt | None]:
        """One JSON-RPC batch of `receipt`, in the order asked."""
        ...


@dataclass(frozen=True, slots=True)
class SignedTx:
    """A signed raw transaction and the hash under which it is known before anybody has seen it."""

    raw: bytes
    tx_hash: bytes


class Signer(Protocol):
    """Holds one secp256k1 key; the seam behind which an HSM may stand."""

    @property
    def address(self) -> bytes:
        """The key's 20-byte account address."""
        ...

    def sign_transaction(
        self, *, chain_id: int, nonce: int, to: bytes | None, data: bytes, gas: int, gas_price: int
    ) -> SignedTx:
        """A type-0 transaction with EIP-155 replay protection, low-s."""
        ...

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r || s || v with v in {27, 28} and low s, over a 32-byte digest as it is."""
        ...


class TxState(StrEnum):
    """Life of a relayed transaction. CONFIRMED, REPLACED and FAILED are final, unless `EventSink.rewind` opens them.

    A replaced one is still looked for until its nonce is settled: of two transactions under one nonce either may be
    mined, never both.
    """

    PREPARED = "prepared"  # call and nonce are committed, the signature is not: it is made, or made again
    SIGNED = "signed"  # raw and hash are committed, nothing was broadcast yet, or not known to be
    SENT = "sent"
    MINED = "mined"
    CONFIRMED = "confirmed"
    REPLACED = "replaced"  # another transaction took its nonce, or was made to; `replaced_by` names ours
    FAILED = "failed"  # mined and reverted, or its nonce was filled; `error` says which


@dataclass(frozen=True, slots=True)
class TxCall:
    """What a transaction does: receiver (None creates a contract), data, gas limit, wei for each gas."""

    to: bytes | None
    data: bytes
    gas: int
    gas_price: int = 0

    def encode(self, nonce: int) -> bytes:
        """RLP of the six fields that are signed; a signed transaction begins with the same six."""
        return bytes(rlp.encode([nonce, self.gas_price, self.gas, self.to or b"", 0, self.data]))

    @classmethod
    def decode(cls, raw: bytes) -> "TxCall":
        """The call of a type-0 transaction of ours, signed or not."""
        _, price, gas, to, _, data, *_ = rlp.decode(raw)
        return cls(to or None, data, int.from_bytes(gas, "big"), int.from_bytes(price, "big"))


@dataclass(frozen=True, slots=True)
class TxRow:
    """A journal row. As long as it is PREPARED `raw` is not signed yet (`TxCall.encode`) and `tx_hash` is empty.

    `bump` counts the transactions that stood under this nonce before, 0 for the first.
    """

    key: str
    sender: bytes
    nonce: int
    bump: int
    to: bytes | None
    raw: bytes
    tx_hash: bytes
    state: TxState
    block_number: int | None
    block_hash: bytes | None
    error: str | None
    replaced_by: str | None
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class TxChange:
    """One line of a row's history: the state that it came into, when, in which block, and why where it failed."""

    state: TxState
    at_ms: int
    block_number: int | None
    error: str | None


class TxJournal(Protocol):
    """Durable transactions. Each method is one committed database transaction of its own.

    Writes are fenced: they raise `FencedError` where another process leads the sender by now, and nothing is kept.
    """

    def lead(self, sender: bytes) -> bool:
        """Get or keep the lead of a sender's transactions; False while another process has it."""
        ...

    def reserve(self, key: str, sender: bytes, call: TxCall, *, first_nonce: int) -> TxRow:
        """Insert a PREPARED row under a new nonce.

        Idempotent by `key`: an existing row is returned as it stands. The nonce is `max(first_nonce, next of the
        sender)`, and is given out in the insert's own transaction.
        """
        ...

    def signed(self, key: str, tx: SignedTx) -> TxRow:
        """Store the signature of a PREPARED row, which becomes SIGNED; one that is signed stays as it stands."""
        ...

    def replace(self, old: TxRow, key: str, call: TxCall, *, error: str, first_nonce: int | None) -> TxRow:
        """In one transaction: `old` becomes REPLACED by a new PREPARED row under `key`.

        Under `old`'s own nonce where `first_nonce` is None, else under a new one as in `reserve`. Idempotent by `key`.
        """
        ...

    def unconfirmed(self, sender: bytes, limit: int) -> list[TxRow]:
        """PREPARED, SIGNED, SENT and MINED rows in nonce order, and REPLACED ones from the first of their nonces on."""
        ...

    def set_state(
        self,
        row: TxRow,
        state: TxState,
        *,
        block_number: int | None = None,
        block_hash: bytes | None = None,
        error: str | None = None,
    ) -> bool:
        """Write state, block and error as given, None included: a reorg clears the block again.

        False, and nothing written, where the row is no longer in the state in which it was read.
        """
        ...

    def get(self, key: str) -> TxRow | None:
        """The row under `key`, or None."""
        ...

    def history(self, key: str) -> list[TxChange]:
        """What became of the row under `key`, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """A state of the receipt log: `root` is the RFC 6962 tree head over the first `size` leaves."""

    size: int
    root: bytes


class LogStore(Protocol):
    """Read side of the receipt log, and its list of checkpoints."""

    def size(self) -> int:
        """Count of numbered, committed leaves."""
        ...

    def node(self, level: int, index: int) -> bytes:
        """Hash of the perfect subtree over leaves [index << level, (index + 1) << level)."""
        ...

    def last_checkpoint(self) -> Head | None:
        """The newest checkpoint that was signed and handed to the relay."""
        ...

    def add_checkpoint(self, head: Head, note: str, tx_key: str) -> None:
        """Record the signed note before its transaction is reserved; idempotent by size."""
        ...


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far events have been taken in: the block, and its hash to see a reorg by."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """A decoded event. `name` is the Solidity event's name; `args` holds int, bytes, str or lists of them."""

    contract: str
    name: str
    args: dict[str, object]
    block: BlockRef
    tx_hash: bytes
    log_index: int


class EventSink(Protocol):
    """Where confirmed events go. `apply` and `rewind` are one database transaction each, cursor included."""

    def cursor(self) -> Cursor | None:
        """The newest applied block; None before the first."""
        ...

    def recent(self, limit: int) -> list[Cursor]:
        """The last applied block references, newest first, for finding a reorg's common ancestor."""
        ...

    def apply(self, events: Sequence[ChainEvent], upto: BlockRef, trail: Sequence[BlockRef] = ()) -> None:
        """Take in the events of all blocks after the cursor up to `upto`, which becomes the cursor.

        `trail` are blocks right below `upto`: remembered, so that a later reorg is undone to the very block.
        """
        ...

    def rewind(self, to: Cursor | None) -> None:
        """Undo everything above `to`: what was anchored there is pending again.

        In the same transaction the journal's rows that were mined above `to`, CONFIRMED and FAILED ones too, become
        SENT without a block: a reorg deeper than the confirmations took them away, and the relay sends them again.
        """
        ...
