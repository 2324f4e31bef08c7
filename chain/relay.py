"""Transactions from prepared to confirmed. (Skeleton: signatures are final, bodies follow.)"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from chain.errors import ChainError, Kind, RpcReason
from chain.ports import Node, Signer, TxJournal, TxRow


class RefusedError(ChainError):
    """The contract refuses the call; final, no nonce was spent (`chain.refused`).

    `name` is the Solidity error's name ("" where the bytes are none of ours), `args` its arguments.
    """

    code = "chain.refused"
    kind = Kind.CONFLICT

    def __init__(self, name: str, args_: tuple[object, ...], data: bytes) -> None:
        super().__init__(name or "0x" + data[:4].hex())
        self.name = name
        self.error_args = args_
        self.data = data


@dataclass(frozen=True, slots=True)
class Progress:
    """What one `Relay.step` did: counts of rows, how many are still open, and why the first one does not move."""

    broadcast: int = 0
    mined: int = 0
    confirmed: int = 0
    failed: int = 0
    reopened: int = 0
    open: int = 0
    stalled: RpcReason | None = None


class Relay:
    """One signer's transactions on one chain.

    `prepare` only makes a transaction durable; `step` broadcasts what is durable and follows it. A worker calls
    `prepare` for each outbox row of a batch, then `step`, and `step` again on every turn.
    """

    def __init__(
        self,
        node: Node,
        signer: Signer,
        journal: TxJournal,
        chain_id: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        confirmations: int = 0,
        window: int = 256,
        resend_s: float = 2.0,
        lost_after_s: float = 15.0,
    ) -> None:
        raise NotImplementedError

    @property
    def address(self) -> bytes:
        """The signer's address, which is the sender of every transaction here."""
        raise NotImplementedError

    def prepare(
        self,
        key: str,
        to: bytes,
        data: bytes,
        *,
        gas: int | None = None,
        simulate: bool = True,
        after: str | None = None,
    ) -> TxRow:
        """Simulate, sign under the next nonce and store; nothing is broadcast yet. Idempotent by `key`.

        Raises RefusedError (final, no nonce spent) or NodeError (the node does not answer, nothing was stored).
        """
        raise NotImplementedError

    def find(self, key: str) -> TxRow | None:
        """The newest transaction under `key`: the row itself, or the one that replaced it after its nonce was lost."""
        raise NotImplementedError

    def step(self) -> Progress:
        """Broadcast what is stored, poll receipts, move states. NodeError where the node does not answer: nothing is lost."""
        raise NotImplementedError
