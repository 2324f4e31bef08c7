"""One signer's side of a chain: what preparing, offering and following its transactions have in common."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chain.attempts import OUTBID, attempt_key, attempts, base_key
from chain.errors import RpcReason
from chain.points import reached
from chain.ports import Node, Signer, TxCall, TxJournal, TxRow, TxState
from chain.pricing import Pricing


@dataclass(slots=True)
class Progress:
    """What one `Relay.step` did, in rows; how many are still open; and why the first waiting one does not move.

    `stalled` needs an operator if it stays: the node takes no transaction at this price, or refuses this one. `led` is
    False where another process has the lead of this signer, and then nothing was done.
    """

    broadcast: int = 0
    mined: int = 0
    confirmed: int = 0
    failed: int = 0
    reopened: int = 0
    replaced: int = 0
    open: int = 0
    stalled: RpcReason | None = None
    led: bool = True


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Since when, and at which head, a row's nonce has been used up without a receipt for its hash."""

    since: float
    head: int


@dataclass(slots=True)
class Account:
    """A signer, its journal and its node; and what is remembered between steps, of which nothing matters.

    Times are those of `clock`. `first_seen` and `sent_at`: when a transaction was first and last taken by the node;
    `refused_since`: since when it refuses it; `suspects`: whose nonce is used up without a receipt for their hash.
    """

    node: Node
    signer: Signer
    journal: TxJournal
    chain_id: int
    clock: Callable[[], float]
    pricing: Pricing | None
    first_nonce: int | None = None
    first_seen: dict[bytes, float] = field(default_factory=dict)
    sent_at: dict[bytes, float] = field(default_factory=dict)
    refused_since: dict[bytes, float] = field(default_factory=dict)
    suspects: dict[bytes, Suspicion] = field(default_factory=dict)

    @property
    def address(self) -> bytes:
        """The signer's address."""
        return self.signer.address

    def forget(self) -> None:
        """Begin anew, as a process that was just started."""
        for memory in (self.first_seen, self.sent_at, self.refused_since, self.suspects):
            memory.clear()

    def chain_nonce(self) -> int:
        """The node's count of this key's transactions, as first asked. Raises NodeError."""
        if self.first_nonce is None:
            # Asked once: from then on the journal knows the next nonce. It matters for a key that was used elsewhere.
            self.first_nonce = self.node.nonce(self.address)
        return self.first_nonce

    def sign(self, row: TxRow) -> TxRow:
        """Sign what is PREPARED, outside any database transaction: the key may be in a slow device.

        Whoever does not lead leaves it as it is: it is durable, and the leader's next step signs it.
        """
        if row.state is not TxState.PREPARED or row.sender != self.address or not self.journal.lead(self.address):
            return row
        call = TxCall.decode(row.raw)
        tx = self.signer.sign_transaction(
            chain_id=self.chain_id,
            nonce=row.nonce,
            to=call.to,
            data=call.data,
            gas=call.gas,
            gas_price=call.gas_price,
        )
        reached("relay/sign")
        row = self.journal.signed(row.key, tx)
        reached("relay/signed")
        return row

    def outbid(self, row: TxRow, done: Progress) -> None:
        """Offer the same call under the same nonce for more, where the engine has a price and the limit allows it."""
        call = TxCall.decode(row.raw)
        price = None if self.pricing is None else self.pricing.raised(call.gas_price, self.node)
        if price is None:
            return
        higher = TxCall(call.to, call.data, call.gas, price)
        self.sign(self.journal.replace(row, self.next_key(row.key), higher, error=OUTBID, first_nonce=None))
        done.replaced += 1

    def note(
        self,
        row: TxRow,
        state: TxState,
        *,
        block_number: int | None = None,
        block_hash: bytes | None = None,
        error: str | None = None,
    ) -> None:
        """Store a row's new state, with its block or its error. Raises FencedError."""
        reached("relay/note")
        self.journal.set_state(row, state, block_number=block_number, block_hash=block_hash, error=error)
        reached("relay/noted")

    def next_key(self, key: str) -> str:
        """The key of one more attempt at the fact of `key`."""
        base = base_key(key)
        return attempt_key(base, len(attempts(self.journal, base)) + 1)
