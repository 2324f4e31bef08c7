"""Transactions from prepared to confirmed; whoever uses the service never sees a chain.

The order of effects is: simulate, sign, store raw transaction and hash, commit, broadcast, poll. What a crash means:

1. before the commit: nothing happened; the outbox row is still there and is prepared again under the same key;
2. between commit and broadcast: the row is SIGNED; the next step of any relay on this journal sends the stored bytes;
3. after the broadcast, before anything was noted: the same as 2; the node answers "already known" or "nonce too low",
   and both count as success only against the stored hash;
4. after the transaction was mined: the next poll finds its receipt.

So recovery is the normal path: nothing here is held in memory that matters.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import rlp

from chain.calls import gas_limit
from chain.errors import FormatError, NodeError, RpcReason
from chain.identity import ChainGuard, ChainIdentity
from chain.ports import Node, SignedTx, Signer, TxJournal, TxReceipt, TxRow, TxState
from chain.refusals import RefusedError, refusal

__all__ = ["Progress", "RefusedError", "Relay"]

MAX_CALL_BYTES = 120_000
"""geth takes no transaction above 131,072 bytes; what no node would take must not get a nonce."""

ERROR_LENGTH = 64
SCAN_WINDOWS = 4
NONCE_LOST = "chain.nonce_lost"
REVERTED = "chain.reverted"
ATTEMPT = "~"

_WAITING = (TxState.SIGNED, TxState.SENT)
_STALLING = (
    RpcReason.NONCE_TOO_HIGH,
    RpcReason.UNDERPRICED,
    RpcReason.INSUFFICIENT_FUNDS,
    RpcReason.REJECTED,
    RpcReason.REVERTED,
    RpcReason.NOT_FOUND,
)


@dataclass(frozen=True, slots=True)
class Progress:
    """What one `Relay.step` did, in rows; how many are still open; and why the first waiting one does not move.

    `stalled` needs an operator if it stays: the node takes no transaction at gas price 0, or refuses this one.
    """

    broadcast: int = 0
    mined: int = 0
    confirmed: int = 0
    failed: int = 0
    reopened: int = 0
    replaced: int = 0
    open: int = 0
    stalled: RpcReason | None = None


@dataclass(slots=True)
class _Tally:
    broadcast: int = 0
    mined: int = 0
    confirmed: int = 0
    failed: int = 0
    reopened: int = 0
    replaced: int = 0
    stalled: RpcReason | None = None


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """Since when, and at which head, a row's nonce has been used up without a receipt for its hash."""

    since: float
    head: int


class Relay:
    """One signer's transactions on one chain.

    `prepare` only makes a transaction durable; `step` broadcasts what is durable and follows it. A worker calls
    `prepare` for every outbox row of a batch, then `step`, and `step` again on each turn.

    `prepare` may be called from several threads. `step` belongs to one thread of the signer's leader; should two
    processes run it at once, both send the same bytes, which does no harm.

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
    ) -> None:
        self._node = node
        self._signer = signer
        self._journal = journal
        self._chain_id = chain_id
        self._clock = clock
        self._guard = None if identity is None else ChainGuard(node, identity, clock=clock)
        self._confirmations = confirmations
        self._window = window
        self._resend_s = resend_s
        self._lost_after_s = lost_after_s
        self._first_nonce: int | None = None
        self._sent_at: dict[bytes, float] = {}
        self._suspects: dict[bytes, _Suspicion] = {}
        self._polled: set[bytes] = set()
        self._polled_tip = b""
        self._polled_since = 0.0

    @property
    def address(self) -> bytes:
        """The signer's address: the sender of every transaction here."""
        return self._signer.address

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
        """Simulate, sign under the next nonce and store. Nothing is broadcast yet; that is `step`'s.

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
            WrongChainError: see `identity`.

        """
        row, attempt = self._newest(key)
        if row is not None and not (retry_failed and row.state is TxState.FAILED):
            return row
        if len(data) > MAX_CALL_BYTES:
            raise FormatError(f"a call of {len(data)} bytes")
        if ATTEMPT in key:
            raise FormatError(f"a key with {ATTEMPT}")
        limit = gas_limit(data) if gas is None else gas
        if self._guard is not None:
            self._guard.check()
        if simulate and not self._waits(after):
            self._simulate(to, data)
        return self._reserve(_attempt_key(key, attempt + 1), to, data, limit)

    def find(self, key: str) -> TxRow | None:
        """The newest transaction under `key`: the row itself, or the one that took its place."""
        return self._newest(key)[0]

    def step(self) -> Progress:
        """Broadcast what is stored, poll receipts, move states.

        Raises:
            NodeError: the node does not answer. Nothing is lost; the next step begins where this one did.
            WrongChainError: see `identity`.

        """
        if self._guard is not None:
            self._guard.check()
        rows = self._journal.unconfirmed(self.address, SCAN_WINDOWS * self._window)
        if not rows:
            self._sent_at.clear()
            self._suspects.clear()
            return Progress()
        tally = _Tally()
        waiting = [row for row in rows if row.state in _WAITING][: self._window]
        accepted = self._broadcast(waiting, tally)
        self._poll([row for row in rows if row.state is TxState.MINED] + waiting, accepted, tally)
        return Progress(
            broadcast=tally.broadcast,
            mined=tally.mined,
            confirmed=tally.confirmed,
            failed=tally.failed,
            reopened=tally.reopened,
            replaced=tally.replaced,
            open=len(rows) - tally.confirmed - tally.failed,
            stalled=tally.stalled,
        )

    # Preparing

    def _newest(self, key: str) -> tuple[TxRow | None, int]:
        """The newest row of `key` and the number of its attempt (0 where there is none)."""
        newest, attempt = None, 0
        row = self._journal.get(key)
        while row is not None:
            newest, attempt = row, attempt + 1
            if row.state is not TxState.FAILED:
                break
            row = self._journal.get(_attempt_key(key, attempt + 1))
        return newest, attempt

    def _waits(self, key: str | None) -> bool:
        row = None if key is None else self.find(key)
        return row is not None and row.state in _WAITING

    def _simulate(self, to: bytes, data: bytes) -> None:
        try:
            self._node.call(to, data, sender=self.address)
        except NodeError as error:
            if error.reason is RpcReason.REVERTED:
                raise refusal(error.data) from error
            raise

    def _reserve(self, key: str, to: bytes | None, data: bytes, gas: int) -> TxRow:
        def sign(nonce: int) -> SignedTx:
            return self._signer.sign_transaction(
                chain_id=self._chain_id, nonce=nonce, to=to, data=data, gas=gas, gas_price=0
            )

        if self._first_nonce is None:
            # Asked once: from then on the journal knows the next nonce. It matters for a key that was used elsewhere.
            self._first_nonce = self._node.nonce(self.address)
        return self._journal.reserve(key, self.address, to, sign, first_nonce=self._first_nonce)

    # Broadcasting

    def _broadcast(self, waiting: Sequence[TxRow], tally: _Tally) -> set[bytes]:
        """Offer what is due, in nonce order and as one batch; the hashes that the node has or has had."""
        now = self._clock()
        due = [row for row in waiting if row.state is TxState.SIGNED or self._is_due(row, now)]
        if not due:
            return set()
        # A time-out here may hide a success: nothing is noted, and the next step offers the same bytes again.
        answers = self._node.send_raw_many([row.raw for row in due])
        accepted: set[bytes] = set()
        for row, answer in zip(due, answers, strict=True):
            reason = answer.reason if isinstance(answer, NodeError) else None
            if answer == row.tx_hash or reason is RpcReason.ALREADY_KNOWN:
                accepted.add(row.tx_hash)
                self._sent_at[row.tx_hash] = now
                self._suspects.pop(row.tx_hash, None)
                tally.broadcast += 1
            elif reason is RpcReason.NONCE_TOO_LOW:
                # Ours, mined long ago, or another's: only a receipt for the stored hash can tell.
                self._sent_at[row.tx_hash] = now
                self._suspects.setdefault(row.tx_hash, _Suspicion(now, -1))
            elif reason is RpcReason.NONCE_TOO_HIGH:
                # The node has lost earlier ones: offer all that wait on the next step, not only what is due.
                self._sent_at.clear()
            if row is waiting[0] and reason in _STALLING:
                tally.stalled = reason
        return accepted

    def _is_due(self, row: TxRow, now: float) -> bool:
        sent_at = self._sent_at.get(row.tx_hash)
        return sent_at is None or now - sent_at >= self._resend_s

    # Polling

    def _poll(self, rows: Sequence[TxRow], accepted: set[bytes], tally: _Tally) -> None:
        # The head is read first, so that a depth is never counted from a newer head than the receipt's.
        head = self._node.block_number()
        asked = self._worth_asking(rows, self._node.block(head).hash)
        receipts = dict(zip(asked, self._node.receipts(asked), strict=True)) if asked else {}
        self._polled.update(asked)
        for row in rows:
            receipt = receipts.get(row.tx_hash)
            if receipt is not None:
                self._suspects.pop(row.tx_hash, None)
                self._settle(row, receipt, head, tally)
            elif row.state is TxState.MINED and row.tx_hash in receipts:
                # A reorg took its block away: the stored bytes are offered again on the next step.
                self._journal.set_state(row.tx_hash, TxState.SENT)
                tally.reopened += 1
            elif row.tx_hash in self._suspects and row.tx_hash in receipts:
                self._weigh(row, head, tally)
            elif row.state is TxState.SIGNED and row.tx_hash in accepted:
                self._journal.set_state(row.tx_hash, TxState.SENT)

    def _worth_asking(self, rows: Sequence[TxRow], tip: bytes) -> list[bytes]:
        """Hashes whose receipts may be news: of nonces used up on the chain, once under each tip."""
        now = self._clock()
        # From time to time all are asked for in any case: a node may show a block before the receipts in it.
        if tip != self._polled_tip or now - self._polled_since >= self._resend_s:
            self._polled_tip, self._polled_since = tip, now
            self._polled.clear()
        used_up = self._node.nonce(self.address)
        return [
            row.tx_hash
            for row in rows
            if (row.state is TxState.MINED or row.nonce < used_up)
            and (row.tx_hash not in self._polled or row.tx_hash in self._suspects)
        ]

    def _settle(self, row: TxRow, receipt: TxReceipt, head: int, tally: _Tally) -> None:
        final = head - receipt.block_number >= self._confirmations
        if not final and row.state is TxState.MINED and row.block_hash == receipt.block_hash:
            return
        error = None if receipt.succeeded else self._why_failed(row, receipt)
        if not final:
            # A failure too is only final at depth: in another block the same call may succeed.
            state = TxState.MINED
            tally.mined += 1
        elif receipt.succeeded:
            state = TxState.CONFIRMED
            tally.confirmed += 1
        else:
            state = TxState.FAILED
            tally.failed += 1
        self._journal.set_state(
            row.tx_hash, state, block_number=receipt.block_number, block_hash=receipt.block_hash, error=error
        )
        # Should its block go away again, it is offered at once.
        self._sent_at.pop(row.tx_hash, None)

    def _why_failed(self, row: TxRow, receipt: TxReceipt) -> str:
        """The Solidity error's name where running the call once more, on the block before, shows it."""
        to, data, _ = _call_of(row.raw)
        if to is not None:
            try:
                self._node.call(to, data, sender=row.sender, block=receipt.block_number - 1)
            except NodeError as error:
                if error.reason is RpcReason.REVERTED and (name := refusal(error.data).name):
                    return f"{REVERTED}:{name}"[:ERROR_LENGTH]
        return REVERTED

    def _weigh(self, row: TxRow, head: int, tally: _Tally) -> None:
        """Replace a row whose nonce another transaction of this key has used up, once that one is final."""
        suspicion = self._suspects[row.tx_hash]
        if suspicion.head < 0:
            self._suspects[row.tx_hash] = _Suspicion(suspicion.since, head)
            return
        if self._clock() - suspicion.since < self._lost_after_s or head < suspicion.head + self._confirmations:
            return
        self._first_nonce = None
        base, _, attempt = row.key.partition(ATTEMPT)
        # Replacement first: a crash between the two leaves both, and the next step comes here again and finds it.
        self._reserve(_attempt_key(base, int(attempt or 1) + 1), *_call_of(row.raw))
        self._journal.set_state(row.tx_hash, TxState.FAILED, error=NONCE_LOST)
        self._suspects.pop(row.tx_hash)
        tally.replaced += 1
        tally.failed += 1


def _attempt_key(key: str, attempt: int) -> str:
    return key if attempt == 1 else f"{key}{ATTEMPT}{attempt}"


def _call_of(raw: bytes) -> tuple[bytes | None, bytes, int]:
    """Receiver, data and gas limit of a type-0 transaction that was signed here."""
    _, _, gas, to, _, data, *_ = rlp.decode(raw)
    return to or None, data, int.from_bytes(gas, "big")
