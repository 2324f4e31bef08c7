"""Transactions from prepared to confirmed; whoever uses the service never sees a chain.

The order of effects is: simulate, take a nonce with the row, sign, store raw transaction and hash, broadcast, poll;
each "take" and "store" is a commit. What a crash means:

1. before the first commit: nothing happened; the outbox row is still there and is prepared again under the same key;
2. PREPARED: call and nonce stand; the next step of any relay on this journal signs them;
3. SIGNED, before or after the broadcast: the next step sends the stored bytes; where they arrived before, the node
   answers "already known" or "nonce too low", and both count as success only against the stored hash;
4. after the transaction was mined: the next poll finds its receipt.

So recovery is the normal path: nothing here is held in memory that matters. One process leads a signer at a time
(`TxJournal.lead`); another one's writes are fenced off, and its broadcasts are the same bytes.
"""

import time
from collections.abc import Callable

from chain.account import Account, Progress
from chain.attempts import ATTEMPT, attempt_key, attempts, standing
from chain.calls import gas_limit
from chain.errors import FencedError, FormatError, NodeError, RpcReason
from chain.following import Following
from chain.identity import ChainGuard, ChainIdentity
from chain.offering import Offering
from chain.points import reached
from chain.ports import Node, Signer, TxCall, TxJournal, TxRow, TxState
from chain.pricing import Pricing
from chain.refusals import RefusedError, refusal

__all__ = ["Progress", "RefusedError", "Relay"]

MAX_CALL_BYTES = 120_000
"""geth takes no transaction above 131,072 bytes; what no node would take must not get a nonce."""

SCAN_WINDOWS = 4

_WAITING = (TxState.SIGNED, TxState.SENT)


class Relay:
    """One signer's transactions on one chain.

    `prepare` only makes a transaction durable; `step` broadcasts what is durable and follows it. A worker calls
    `prepare` for every outbox row of a batch, then `step`, and `step` again on each turn.

    `prepare` may be called from several threads, `step` belongs to one.

    Args:
        node: where to send.
        signer: whose transactions these are.
        journal: where they are durable.
        chain_id: goes into every signature (EIP-155).
        clock: seconds, monotonic.
        identity: checked before simulations and steps (every `ChainGuard` interval), so that a wrong chain gets
            nothing and its refusals are not believed.
        confirmations: blocks on top of a transaction's own before it counts as final.
        window: how many unmined transactions are offered to the node at once.
        resend_s: an unmined transaction is offered again after so many seconds; nodes forget.
        lost_after_s: for so long a nonce must be used up by another transaction before its row is replaced.
        pricing: where the engine has a price; None offers everything for nothing.
        fill_after_s: for so long the node must refuse the first one that waits before its nonce is filled.

    """

    def __init__(
        self,
        node: Node,
        signer: Signer,
        journal: TxJournal,
        chain_id: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        identity: ChainIdentity | None = None,
        confirmations: int = 0,
        window: int = 256,
        resend_s: float = 2.0,
        lost_after_s: float = 15.0,
        pricing: Pricing | None = None,
        fill_after_s: float = 60.0,
    ) -> None:
        self._account = Account(node, signer, journal, chain_id, clock, pricing)
        self._guard = None if identity is None else ChainGuard(node, identity, clock=clock)
        self._offering = Offering(self._account, resend_s=resend_s, fill_after_s=fill_after_s)
        self._following = Following(
            self._account, confirmations=confirmations, resend_s=resend_s, lost_after_s=lost_after_s
        )
        self._window = window

    @property
    def address(self) -> bytes:
        """The signer's address: the sender of every transaction here."""
        return self._account.address

    def prepare(
        self,
        key: str,
        to: bytes,
        data: bytes,
        *,
        gas: int | None = None,
        simulate: bool = True,
        after: str | None = None,
        retry_failed: bool = False,
    ) -> TxRow:
        """Simulate, take the next nonce, sign and store. Nothing is broadcast yet; that is `step`'s.

        Idempotent by `key`: a stored transaction is returned as it stands, whatever the other arguments say.

        The rule for simulations: they see the head, not what waits in the pool. A call that builds on an earlier one
        of this relay (a change right after its grant's registration) names that one's key in `after`: as long as it
        waits, the simulation is left out, for nonces keep the order. A call whose outcome the caller knows, or that
        builds on another sender's, says `simulate=False` or waits; it then fails, if it fails, as a FAILED row.

        Args:
            key: the fact that this transaction announces, such as `grant:<id>`; at most 120 characters.
            to: the contract.
            data: the call.
            gas: limit; by default `chain.calls.gas_limit(data)`.
            simulate: run the call on the head first.
            after: key of an earlier transaction of this relay.
            retry_failed: where the newest transaction under `key` FAILED, sign a new one.

        Raises:
            RefusedError: the contract refuses the call. Final; no nonce is spent.
            NodeError: the node does not answer, or not with a verdict. Nothing is stored; again later.
            FencedError: another process leads this signer. Nothing is stored.
            WrongChainError: see `identity`.

        """
        rows = attempts(self._account.journal, key)
        row = standing(rows)
        if row is not None and not (retry_failed and row.state is TxState.FAILED):
            return self._account.sign(row)
        if len(data) > MAX_CALL_BYTES:
            raise FormatError(f"a call of {len(data)} bytes")
        if ATTEMPT in key:
            raise FormatError(f"a key with {ATTEMPT}")
        limit = gas_limit(data) if gas is None else gas
        if self._guard is not None:
            self._guard.check()
        if simulate and not self._waits(after):
            self._simulate(to, data)
        price = 0 if self._account.pricing is None else self._account.pricing.now(self._account.node)
        reached("relay/simulated")
        if not self._account.journal.lead(self.address):
            raise FencedError("another process leads this signer")
        row = self._account.journal.reserve(
            attempt_key(key, len(rows) + 1),
            self.address,
            TxCall(to, data, limit, price),
            first_nonce=self._account.chain_nonce(),
        )
        reached("relay/prepared")
        return self._account.sign(row)

    def find(self, key: str) -> TxRow | None:
        """The transaction that stands for `key`: the row itself, or the one that took its place."""
        return standing(attempts(self._account.journal, key))

    def step(self) -> Progress:
        """Sign and broadcast what is stored, poll receipts, move states.

        Raises:
            NodeError: the node does not answer. Nothing is lost; the next step begins where this one did.
            FencedError: another process took the lead meanwhile.
            WrongChainError: see `identity`.

        """
        if not self._account.journal.lead(self.address):
            self._account.forget()
            return Progress(led=False)
        if self._guard is not None:
            self._guard.check()
        rows = self._account.journal.unconfirmed(self.address, SCAN_WINDOWS * self._window)
        if not rows:
            self._account.forget()
            return Progress()
        rows = [self._account.sign(row) for row in rows]
        done = Progress(open=sum(row.state is not TxState.REPLACED for row in rows))
        waiting = [row for row in rows if row.state in _WAITING][: self._window]
        accepted = self._offering.offer(waiting, done)
        followed = [row for row in rows if row.state in (TxState.MINED, TxState.REPLACED)] + waiting
        self._following.follow(followed, accepted, done)
        return done

    def _waits(self, key: str | None) -> bool:
        """Whether an earlier transaction of this sender is not mined yet; only among one sender's is there an order."""
        row = None if key is None else self.find(key)
        return row is not None and row.sender == self.address and row.state in (TxState.PREPARED, *_WAITING)

    def _simulate(self, to: bytes, data: bytes) -> None:
        try:
            self._account.node.call(to, data, sender=self.address)
        except NodeError as error:
            if error.reason is RpcReason.REVERTED:
                raise refusal(error.data) from error
            raise
