"""The one module that knows web3: a `Node` over HTTP JSON-RPC. (Skeleton: signatures are final, bodies follow.)"""

from collections.abc import Sequence

from chain.errors import NodeError
from chain.ports import BlockRef, LogEntry, TxReceipt


class Web3Node:
    """`Node` over JSON-RPC at `url`; thread-safe; waits at most `timeout_s` for an answer."""

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        raise NotImplementedError

    def chain_id(self) -> int:
        """See `Node`."""
        raise NotImplementedError

    def block_number(self) -> int:
        """See `Node`."""
        raise NotImplementedError

    def block(self, number: int) -> BlockRef:
        """See `Node`."""
        raise NotImplementedError

    def code(self, address: bytes, block: int | None = None) -> bytes:
        """See `Node`."""
        raise NotImplementedError

    def nonce(self, address: bytes) -> int:
        """See `Node`."""
        raise NotImplementedError

    def call(self, to: bytes, data: bytes, *, sender: bytes | None = None, block: int | None = None) -> bytes:
        """See `Node`."""
        raise NotImplementedError

    def logs(self, first: int, last: int, addresses: Sequence[bytes]) -> list[LogEntry]:
        """See `Node`."""
        raise NotImplementedError

    def send_raw(self, raw: bytes) -> bytes:
        """See `Node`."""
        raise NotImplementedError

    def send_raw_many(self, raws: Sequence[bytes]) -> list[bytes | NodeError]:
        """See `Node`."""
        raise NotImplementedError

    def receipt(self, tx_hash: bytes) -> TxReceipt | None:
        """See `Node`."""
        raise NotImplementedError

    def receipts(self, tx_hashes: Sequence[bytes]) -> list[TxReceipt | None]:
        """See `Node`."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connections; further calls open new ones."""
        raise NotImplementedError
