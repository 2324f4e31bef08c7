"""Offering a relay's transactions to the node, and what is done about each of its answers."""

from collections.abc import Sequence

from chain.account import Account, Progress, Suspicion
from chain.attempts import FILLER, NONCE_FILLED
from chain.errors import NodeError, RpcReason, WrongChainError
from chain.points import reached
from chain.ports import TxCall, TxRow, TxState
from chain.rpcerrors import REACTIONS, Reaction

FILLER_GAS = 21_000
"""A transfer of nothing to oneself: what fills a nonce whose own transaction no node will take."""

_STALLING = frozenset({Reaction.SEND_EARLIER, Reaction.RAISE_PRICE, Reaction.TELL_OPERATOR, Reaction.FILL})


class Offering:
    """One account's broadcasts.

    Args:
        account: whose.
        resend_s: an unmined transaction is offered again after so many seconds.
        fill_after_s: for so long the node must refuse the first one that waits before its nonce is filled.

    """

    def __init__(self, account: Account, *, resend_s: float, fill_after_s: float) -> None:
        self._account = account
        self._resend_s = resend_s
        self._fill_after_s = fill_after_s

    def offer(self, waiting: Sequence[TxRow], done: Progress) -> set[bytes]:
        """Offer what is due, in nonce order and as one batch; the hashes that the node has or has had."""
        now = self._account.clock()
        due = [row for row in waiting if row.state is TxState.SIGNED or self._is_due(row, now)]
        if not due:
            return set()
        reached("relay/broadcast")
        # A time-out here may hide a success: nothing is noted, and the next step offers the same bytes again.
        answers = self._account.node.send_raw_many([row.raw for row in due])
        reached("relay/broadcast_done")
        accepted: set[bytes] = set()
        for row, answer in zip(due, answers, strict=True):
            if answer == row.tx_hash:
                reaction, reason = Reaction.COUNT_AS_SENT, None
            elif isinstance(answer, NodeError):
                reaction, reason = REACTIONS[answer.reason], answer.reason
            else:
                reaction, reason = Reaction.LATER, RpcReason.MALFORMED
            self._react(row, reaction, now, accepted)
            if row is waiting[0] and reaction in _STALLING:
                done.stalled = reason
                self._unblock(row, reaction, now, done)
        done.broadcast += len(accepted)
        return accepted

    def _react(self, row: TxRow, reaction: Reaction, now: float, accepted: set[bytes]) -> None:
        if reaction is Reaction.COUNT_AS_SENT:
            accepted.add(row.tx_hash)
            self._account.sent_at[row.tx_hash] = now
            self._account.first_seen.setdefault(row.tx_hash, now)
            self._account.suspects.pop(row.tx_hash, None)
            self._account.refused_since.pop(row.tx_hash, None)
        elif reaction is Reaction.SEEK_RECEIPT:
            # Ours, mined long ago, or another's: only a receipt for the stored hash can tell.
            self._account.sent_at[row.tx_hash] = now
            self._account.suspects.setdefault(row.tx_hash, Suspicion(now, -1))
        elif reaction is Reaction.SEND_EARLIER:
            # The node has lost earlier ones: offer all that wait on the next step, not only what is due.
            self._account.sent_at.clear()
        elif reaction is Reaction.HALT:
            raise WrongChainError("the node refuses the chain id of what was signed")

    def _unblock(self, row: TxRow, reaction: Reaction, now: float, done: Progress) -> None:
        """The first one that waits is refused, and all that follow wait for it."""
        since = self._account.refused_since.setdefault(row.tx_hash, now)
        if reaction is Reaction.RAISE_PRICE:
            self._account.outbid(row, done)
        elif reaction is Reaction.FILL and now - since >= self._fill_after_s and not row.key.startswith(FILLER):
            key = f"{FILLER}{self._account.address.hex()}:{row.nonce}"
            filler = TxCall(self._account.address, b"", FILLER_GAS, TxCall.decode(row.raw).gas_price)
            self._account.sign(self._account.journal.replace(row, key, filler, error=NONCE_FILLED, first_nonce=None))
            done.replaced += 1

    def _is_due(self, row: TxRow, now: float) -> bool:
        sent_at = self._account.sent_at.get(row.tx_hash)
        return sent_at is None or now - sent_at >= self._resend_s
