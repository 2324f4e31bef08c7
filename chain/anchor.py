"""The receipt log's checkpoints: batch, sign, compare-and-swap, publish. (Skeleton: signatures are final, bodies follow.)"""

from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.ports import LogStore, Node
from chain.relay import Relay


class CheckpointOutcome(StrEnum):
    """What one `Checkpointer.step` found or did."""

    UP_TO_DATE = "up_to_date"
    IN_FLIGHT = "in_flight"
    SUBMITTED = "submitted"
    ADOPTED = "adopted"


class Checkpointer:
    """Appends the log's head to the ReceiptLog contract, one append in flight at a time."""

    def __init__(
        self,
        log: LogStore,
        relay: Relay,
        node: Node,
        contract: bytes,
        *,
        log_id: str,
        log_key: Ed25519PrivateKey,
    ) -> None:
        raise NotImplementedError

    def step(self) -> CheckpointOutcome:
        """Submit the log's present size, unless an append is in flight or nothing is new.

        Raises WrongChainError (the chain's head is none of this log's), NodeError, ProofError (the store is damaged).
        """
        raise NotImplementedError
