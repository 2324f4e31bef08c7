"""The receipt log's checkpoints: batch, sign, compare-and-swap, publish.

One append is in flight at a time. Its order of effects, and what a crash after each means:

1. read the log's size, compute the root and the consistency proof from the chain's head, check the proof here: nothing
   happened. (The check matters: the contract cannot see a wrong size, and one would jam the log.)
2. `LogStore.add_checkpoint`: the signed note is public, the chain does not have it yet. The next step finds the
   checkpoint without a transaction and submits that very one; never another root for a size that was signed.
3. `Relay.prepare`: stored and signed; the relay brings it to the chain, whatever happens here.
4. mined: the chain's head equals the checkpoint, and the next step begins at 1.

The chain's head decides, not the store: a head that the store does not know as a checkpoint, but which is this log's
own root at that size, is adopted; any other head means another log, or a store that lost receipts, and halts.
"""

from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain import calls
from chain.errors import WrongChainError
from chain.heads import find_head
from chain.merkle import EMPTY_ROOT, consistency_proof, tree_head, verify_consistency
from chain.note import Checkpoint, sign_checkpoint
from chain.points import reached
from chain.ports import Head, LogStore, Node, TxRow, TxState
from chain.refusals import RefusedError
from chain.relay import Relay

NO_LEAVES = Head(0, EMPTY_ROOT)
FIRST_EPOCH = 1
FOREIGN_HEAD = "chain.foreign_head"
IN_FLIGHT = frozenset({TxState.PREPARED, TxState.SIGNED, TxState.SENT, TxState.REPLACED})


class CheckpointOutcome(StrEnum):
    """What one `Checkpointer.step` found or did."""

    UP_TO_DATE = "up_to_date"
    IN_FLIGHT = "in_flight"
    SUBMITTED = "submitted"
    ADOPTED = "adopted"


class Checkpointer:
    """Brings the log's head into the ReceiptLog contract.

    One thread at a time, under the relay signer's lease.

    Args:
        log: the receipt log and its checkpoints.
        relay: whose signer is an active operator in PartyRegistry.
        node: where the chain's head is read.
        contract: ReceiptLog's address.
        log_id: the origin line of the notes, `chain.receipt.log_id` of the key.
        log_key: signs the notes.

    """

    def __init__(
        self, log: LogStore, relay: Relay, node: Node, contract: bytes, *, log_id: str, log_key: Ed25519PrivateKey
    ) -> None:
        self._log = log
        self._relay = relay
        self._node = node
        self._contract = contract
        self._log_id = log_id
        self._log_key = log_key

    def step(self) -> CheckpointOutcome:
        """Submit the log's present size, unless an append is in flight or nothing is new.

        Raises:
            WrongChainError: the chain's head is none of this log's; anchoring halts.
            RefusedError: the contract refuses, such as NotOperator for a suspended key; the checkpoint stays stored.
            NodeError: the node does not answer; again later.
            ProofError: the stored tree does not hold together; nothing was sent.

        """
        standing = calls.read_head(self._node.call(self._contract, calls.head()))
        onchain = standing.head
        last = self._log.last_checkpoint() or NO_LEAVES
        row = self._relay.find(checkpoint_key(last.size)) if last.size else None
        if row is not None and row.state in IN_FLIGHT:
            return CheckpointOutcome.IN_FLIGHT
        self._check_own(onchain)
        if onchain.size > last.size:
            # The store lost the checkpoint, not the receipts (it came back from a backup of a while ago).
            self._publish(onchain)
            return CheckpointOutcome.ADOPTED
        if onchain.size < last.size and not self._superseded(standing, last, row):
            return self._finish(onchain, last, row)
        size = self._log.size()
        if size == last.size:
            return CheckpointOutcome.UP_TO_DATE
        new = Head(size, tree_head(self._log.node, size))
        proof = self._prove(onchain, new)
        self._publish(new)
        return self._submit(onchain, new, proof)

    def _check_own(self, onchain: Head) -> None:
        """The chain's head must be this log's root at that size; the log only grows, so every true head stays one."""
        size = self._log.size()
        if onchain.size > size:
            raise WrongChainError(
                f"the chain has a checkpoint over {onchain.size} receipts, the store has {size}", code=FOREIGN_HEAD
            )
        if tree_head(self._log.node, onchain.size) != onchain.root:
            raise WrongChainError(f"the chain's checkpoint at {onchain.size} is not this log's", code=FOREIGN_HEAD)

    def _superseded(self, standing: calls.LogHead, last: Head, row: TxRow | None) -> bool:
        """Whether administrators restarted the log below a checkpoint that had been anchored; then it goes on there."""
        if standing.epoch == FIRST_EPOCH or row is None or row.state is not TxState.CONFIRMED:
            return False
        past = find_head(self._node, self._contract, last.root, upto=self._node.block_number())
        return past is not None and past.head == last

    def _finish(self, onchain: Head, last: Head, row: TxRow | None) -> CheckpointOutcome:
        """A checkpoint that was signed but is not the chain's head: crash point 2, or an append that failed."""
        if row is not None and row.state is TxState.MINED:
            # The head was read before the block came, or a reorg is under way; the relay sees to it.
            return CheckpointOutcome.IN_FLIGHT
        if row is not None and row.state is TxState.CONFIRMED:
            if self._node.receipt(row.tx_hash) is not None:
                return CheckpointOutcome.IN_FLIGHT
            raise WrongChainError(
                f"the confirmed checkpoint over {last.size} receipts is gone from the chain", code=FOREIGN_HEAD
            )
        return self._submit(onchain, last, self._prove(onchain, last))

    def _prove(self, old: Head, new: Head) -> list[bytes]:
        proof = consistency_proof(self._log.node, old.size, new.size)
        verify_consistency(old.size, old.root, new.size, new.root, proof)
        return proof

    def _publish(self, head: Head) -> None:
        note = sign_checkpoint(Checkpoint(self._log_id, head.size, head.root), self._log_key)
        reached("anchor/publish")
        self._log.add_checkpoint(head, note, checkpoint_key(head.size))
        reached("anchor/published")

    def _submit(self, old: Head, new: Head, proof: list[bytes]) -> CheckpointOutcome:
        data = calls.append(old, new, proof)
        try:
            # A failed attempt (the key was suspended, say) must not hold the log up for ever: it is made again.
            self._relay.prepare(checkpoint_key(new.size), self._contract, data, retry_failed=True)
        except RefusedError as error:
            if error.name != "StaleHead":
                raise
            # Another instance was faster between our read and the simulation; the next step reads again.
            return CheckpointOutcome.IN_FLIGHT
        return CheckpointOutcome.SUBMITTED


def checkpoint_key(size: int) -> str:
    """The relay key, and outbox key, of the checkpoint over `size` receipts."""
    return f"checkpoint:{size}"
