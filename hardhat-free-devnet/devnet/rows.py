"""Rows of the embedded chain's database, as the queries hand them out."""

from dataclasses import dataclass, replace
from typing import Any

MAX_TOPICS = 4


@dataclass(frozen=True, slots=True)
class BlockRow:
    """What a block's answer needs beyond its header. `size` is the length of its RLP in bytes."""

    number: int
    hash: bytes
    size: int


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """A mined transaction and its receipt; its logs are the block's rows from `first_log` on. Prices in wei."""

    hash: bytes
    block: int
    position: int
    sender: bytes
    recipient: bytes | None
    contract: bytes | None
    type: int
    gas_price: int
    gas_used: int
    cumulative_gas: int
    succeeded: bool
    first_log: int
    log_count: int


@dataclass(frozen=True, slots=True)
class LogRow:
    """One event; `position` is its transaction's in the block, `log_index` its own in the block."""

    block: int
    log_index: int
    position: int
    tx_hash: bytes
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Blocks `first` to `last`, both included. No addresses, or no choices at a topic, mean any."""

    first: int
    last: int
    addresses: tuple[bytes, ...] = ()
    topics: tuple[tuple[bytes, ...], ...] = ()


def log_values(row: LogRow) -> tuple[int | bytes | None, ...]:
    """A log as its columns: the count of topics, then four places for them."""
    places = (*row.topics, *[None] * MAX_TOPICS)[:MAX_TOPICS]
    return (row.block, row.log_index, row.position, row.tx_hash, row.address, len(row.topics), *places, row.data)


def log_row(columns: tuple[Any, ...]) -> LogRow:
    """The reverse of `log_values`."""
    block, log_index, position, tx_hash, address, count, *topics, data = columns
    return LogRow(block, log_index, position, tx_hash, address, tuple(topics[:count]), data)


def transaction_row(columns: tuple[Any, ...]) -> TransactionRow:
    """A transaction from its columns, which stand in the order of the fields."""
    row = TransactionRow(*columns)
    return replace(row, succeeded=bool(row.succeeded))
