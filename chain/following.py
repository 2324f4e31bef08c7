"""Following a relay's transactions on the chain: receipts, depths, reorgs, nonces that others have used up."""

from collections.abc import Sequence

from chain.account import Account, Progress, Suspicion
from chain.attempts import FILLER, NONCE_FILLED, NONCE_LOST, OUTBID, attempts, base_key, undecided
from chain.errors import NodeError, RpcReason
from chain.ports import TxCall, TxReceipt, TxRow, TxState
from chain.refusals import refusal

ERROR_LENGTH = 64
REVERTED = "chain.reverted"

_SETTLED = (TxState.MINED, TxState.CONFIRMED)


class Following:
    """One account's transactions after they were offered.

    Args:
        account: whose.
        confirmations: blocks on top of a transaction's own before it counts as final.
        resend_s: from time to time, so many seconds apart, every receipt is asked for, whatever the head.
        lost_after_s: for so long a nonce must be used up by another transaction before its row is replaced.

    """

    def __init__(self, account: Account, *, confirmations: int, resend_s: float, lost_after_s: float) -> None:
        self._account = account
        self._confirmations = confirmations
        self._resend_s = resend_s
        self._lost_after_s = lost_after_s
        self._polled: set[bytes] = set()
        self._polled_tip = b""
        self._polled_since = 0.0

    def follow(self, rows: Sequence[TxRow], accepted: set[bytes], done: Progress) -> None:
        """Poll receipts and move states; `accepted` are the hashes that the node took just now.

        Raises NodeError and FencedError; what was not moved is moved by the next step.
        """
        # The head is read first, so that a depth is never counted from a newer head than the receipt's.
        head = self._account.node.block_number()
        used_up, asked = self._worth_asking(rows, self._account.node.block(head).hash)
        receipts = dict(zip(asked, self._account.node.receipts(asked), strict=True)) if asked else {}
        self._polled.update(asked)
        taken = {row.nonce: row for row in rows if receipts.get(row.tx_hash) is not None}
        for row in rows:
            receipt = receipts.get(row.tx_hash)
            if receipt is not None:
                self._account.suspects.pop(row.tx_hash, None)
                self._settle(row, receipt, head, done)
            elif row.state is TxState.REPLACED:
                winner = taken.get(row.nonce)
                if undecided(row) and winner is not None and self._is_final(receipts[winner.tx_hash], head):
                    # Its nonce is filled for good; the fact is announced again. Noted before the filler is CONFIRMED.
                    self._account.note(row, TxState.FAILED, error=NONCE_FILLED)
                    done.failed += 1
            elif row.nonce in taken:
                # The other one of this nonce was mined; this one never will be, unless a reorg brings the nonce back.
                self._account.note(row, TxState.REPLACED, error=OUTBID)
                done.replaced += 1
                done.open -= 1
            elif row.state is TxState.MINED and row.tx_hash in receipts:
                # A reorg took its block away: the stored bytes are offered again on the next step.
                self._account.note(row, TxState.SENT)
                done.reopened += 1
            elif row.tx_hash in self._account.suspects and row.tx_hash in receipts:
                self._weigh(row, head, done)
            elif row.state is TxState.SIGNED and row.tx_hash in accepted:
                self._account.note(row, TxState.SENT)
            elif row.nonce == used_up and self._is_slow(row):
                self._account.outbid(row, done)

    def _is_slow(self, row: TxRow) -> bool:
        if self._account.pricing is None or row.state is not TxState.SENT:
            return False
        return (
            self._account.clock() - self._account.first_seen.setdefault(row.tx_hash, self._account.clock())
            >= self._account.pricing.after_s
        )

    def _worth_asking(self, rows: Sequence[TxRow], tip: bytes) -> tuple[int, list[bytes]]:
        """How many nonces are used up on the chain, and the hashes of those, each once under each tip."""
        now = self._account.clock()
        # From time to time all are asked for in any case: a node may show a block before the receipts in it.
        if tip != self._polled_tip or now - self._polled_since >= self._resend_s:
            self._polled_tip, self._polled_since = tip, now
            self._polled.clear()
        used_up = self._account.node.nonce(self._account.address)
        asked = [
            row.tx_hash
            for row in rows
            if row.tx_hash
            and (row.state is TxState.MINED or row.nonce < used_up)
            and (row.tx_hash not in self._polled or row.tx_hash in self._account.suspects)
        ]
        return used_up, asked

    def _settle(self, row: TxRow, receipt: TxReceipt, head: int, done: Progress) -> None:
        final = self._is_final(receipt, head)
        if not final and row.state is TxState.MINED and row.block_hash == receipt.block_hash:
            return
        error = None if receipt.succeeded else self._why_failed(row, receipt)
        if not final:
            # A failure too is only final at depth: in another block the same call may succeed.
            state = TxState.MINED
            done.mined += 1
        elif receipt.succeeded:
            state = TxState.CONFIRMED
            done.confirmed += 1
        else:
            state = TxState.FAILED
            done.failed += 1
        done.open -= final and row.state is not TxState.REPLACED
        self._account.note(row, state, block_number=receipt.block_number, block_hash=receipt.block_hash, error=error)
        # Should its block go away again, it is offered at once.
        self._account.sent_at.pop(row.tx_hash, None)

    def _is_final(self, receipt: TxReceipt | None, head: int) -> bool:
        return receipt is not None and head - receipt.block_number >= self._confirmations

    def _why_failed(self, row: TxRow, receipt: TxReceipt) -> str:
        """The Solidity error's name where running the call once more, on the block before, shows it."""
        call = TxCall.decode(row.raw)
        if call.to is not None:
            try:
                self._account.node.call(call.to, call.data, sender=row.sender, block=receipt.block_number - 1)
            except NodeError as error:
                if error.reason is RpcReason.REVERTED and (name := refusal(error.data).name):
                    return f"{REVERTED}:{name}"[:ERROR_LENGTH]
        return REVERTED

    def _weigh(self, row: TxRow, head: int, done: Progress) -> None:
        """Replace a row whose nonce another transaction of this key has used up, once that one is final."""
        suspicion = self._account.suspects[row.tx_hash]
        if suspicion.head < 0:
            self._account.suspects[row.tx_hash] = Suspicion(suspicion.since, head)
            return
        if self._account.clock() - suspicion.since < self._lost_after_s or head < suspicion.head + self._confirmations:
            return
        self._account.suspects.pop(row.tx_hash)
        done.replaced += 1
        siblings = attempts(self._account.journal, base_key(row.key))
        taken = any(other.nonce == row.nonce and other.state in _SETTLED for other in siblings)
        if taken or row.key.startswith(FILLER):
            # Another one of ours has the nonce (a crash came between the two notes), or the gap is filled as wanted.
            self._account.note(row, TxState.REPLACED, error=OUTBID if taken else NONCE_LOST)
            done.open -= 1
            return
        self._account.first_nonce = None
        key = self._account.next_key(row.key)
        call = TxCall.decode(row.raw)
        self._account.sign(
            self._account.journal.replace(row, key, call, error=NONCE_LOST, first_nonce=self._account.chain_nonce())
        )
