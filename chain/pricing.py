"""What a transaction pays for its gas: nothing on networks of this service; where a price is asked, within a limit."""

from dataclasses import dataclass

from chain.ports import Node

LEAST_RISE = 8
"""A node takes a second transaction under one nonce only for a price at least a tenth higher; an eighth is enough."""


@dataclass(frozen=True, slots=True)
class Pricing:
    """How much at most, in wei for each gas, and after how many seconds unmined a transaction is offered for more."""

    limit: int
    after_s: float = 30.0

    def now(self, node: Node) -> int:
        """What the node suggests, within the limit. Raises NodeError."""
        return min(node.gas_price(), self.limit)

    def raised(self, old: int, node: Node) -> int | None:
        """A price that takes the place of `old`; None where the limit allows none. Raises NodeError."""
        wanted = max(old + old // LEAST_RISE + 1, self.now(node))
        return wanted if wanted <= self.limit else None
