"""Events from the chain into a sink, confirmed and in order. (Skeleton: signatures are final, bodies follow.)"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from chain.identity import ChainIdentity
from chain.ports import EventSink, Node


@dataclass(frozen=True, slots=True)
class Indexed:
    """What one `Indexer.step` did. `behind` = confirmed blocks still to be read."""

    head: int
    cursor: int | None
    events: int
    rewound: int
    behind: int


class Indexer:
    """Reads events of the identity's contracts, `confirmations` blocks behind the head, into `sink`."""

    def __init__(
        self,
        node: Node,
        sink: EventSink,
        identity: ChainIdentity,
        *,
        confirmations: int = 0,
        max_blocks: int = 500,
        clock: Callable[[], float] = time.monotonic,
        identity_interval_s: float = 2.0,
        shorter_grace_s: float = 10.0,
    ) -> None:
        raise NotImplementedError

    def step(self) -> Indexed:
        """Take in at most `max_blocks` further blocks. WrongChainError halts; NodeError means: again later."""
        raise NotImplementedError
