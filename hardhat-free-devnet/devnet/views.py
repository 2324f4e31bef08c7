"""Blocks, transactions, receipts and logs as JSON-RPC shows them (Ethereum JSON-RPC specification)."""

from collections.abc import Sequence

import rlp
from eth.abc import BlockHeaderAPI, SignedTransactionAPI
from eth_bloom.bloom import BloomFilter
from eth_hash.auto import keccak
from eth_typing import Address

from devnet.ledger import Ledger
from devnet.rows import LogRow, TransactionRow
from devnet.rules import DIFFICULTY
from devnet.wire import data, quantity

DYNAMIC_FEE_TYPE = 2
_BLOOM_BYTES = 256
_WORD_BYTES = 32


def contract_address(sender: bytes, nonce: int) -> Address:
    """Where a deployment by `sender` with `nonce` puts its contract."""
    return Address(keccak(rlp.encode([sender, nonce]))[-20:])


def effective_gas_price(transaction: SignedTransactionAPI) -> int:
    """Wei a unit of gas, with the base fee of 0 that this chain always has."""
    if transaction.type_id == DYNAMIC_FEE_TYPE:
        return min(transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas)
    return transaction.gas_price


def log_view(ledger: Ledger, row: LogRow, block_hash: bytes | None = None) -> dict[str, object]:
    """One event. Nothing is ever undone here, so `removed` is always false."""
    shown = block_hash if block_hash is not None else ledger.header_by_number(row.block).hash
    return {
        "address": data(row.address),
        "topics": [data(topic) for topic in row.topics],
        "data": data(row.data),
        "blockNumber": quantity(row.block),
        "blockHash": data(shown),
        "transactionHash": data(row.tx_hash),
        "transactionIndex": quantity(row.position),
        "logIndex": quantity(row.log_index),
        "removed": False,
    }


def receipt_view(ledger: Ledger, row: TransactionRow) -> dict[str, object]:
    """A receipt with its events."""
    block_hash = ledger.header_by_number(row.block).hash
    logs = ledger.store.transaction_logs(row)
    return {
        "transactionHash": data(row.hash),
        "transactionIndex": quantity(row.position),
        "blockHash": data(block_hash),
        "blockNumber": quantity(row.block),
        "from": data(row.sender),
        "to": None if row.recipient is None else data(row.recipient),
        "contractAddress": None if row.contract is None else data(row.contract),
        "cumulativeGasUsed": quantity(row.cumulative_gas),
        "gasUsed": quantity(row.gas_used),
        "effectiveGasPrice": quantity(row.gas_price),
        "status": quantity(int(row.succeeded)),
        "type": quantity(row.type),
        "logs": [log_view(ledger, entry, block_hash) for entry in logs],
        "logsBloom": data(_bloom(logs)),
    }


def _bloom(logs: Sequence[LogRow]) -> bytes:
    bloom = BloomFilter.from_iterable(item for entry in logs for item in (entry.address, *entry.topics))
    return int(bloom).to_bytes(_BLOOM_BYTES, "big")


def transaction_view(
    transaction: SignedTransactionAPI, chain_id: int, header: BlockHeaderAPI | None = None, position: int | None = None
) -> dict[str, object]:
    """A transaction; without a header it is one that waits, and its block members are null."""
    kind = transaction.type_id or 0
    view: dict[str, object] = {
        "hash": data(transaction.hash),
        "type": quantity(kind),
        "chainId": quantity(chain_id),
        "nonce": quantity(transaction.nonce),
        "from": data(transaction.sender),
        "to": data(transaction.to) if transaction.to else None,
        "value": quantity(transaction.value),
        "gas": quantity(transaction.gas),
        "gasPrice": quantity(effective_gas_price(transaction)),
        "input": data(transaction.data),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
        "v": quantity(_legacy_v(transaction, chain_id) if kind == 0 else transaction.y_parity),
        "blockHash": None if header is None else data(header.hash),
        "blockNumber": None if header is None else quantity(header.block_number),
        "transactionIndex": None if position is None else quantity(position),
    }
    if kind:
        view["yParity"] = quantity(transaction.y_parity)
        view["accessList"] = [
            {"address": data(account), "storageKeys": [data(key.to_bytes(_WORD_BYTES, "big")) for key in keys]}
            for account, keys in transaction.access_list
        ]
    if kind == DYNAMIC_FEE_TYPE:
        view["maxFeePerGas"] = quantity(transaction.max_fee_per_gas)
        view["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    return view


def _legacy_v(transaction: SignedTransactionAPI, chain_id: int) -> int:
    """EIP-155; the node takes no legacy transaction without it."""
    return 35 + 2 * chain_id + transaction.y_parity


def block_view(ledger: Ledger, header: BlockHeaderAPI, *, full: bool) -> dict[str, object]:
    """A block with the hashes of its transactions, or with the transactions themselves."""
    number = header.block_number
    rows = ledger.store.block_transactions(number)
    block = ledger.store.block(number)
    shown: list[object] = [
        transaction_view(ledger.transaction(row), ledger.chain_id, header, row.position) if full else data(row.hash)
        for row in rows
    ]
    return {
        "number": quantity(number),
        "hash": data(header.hash),
        "parentHash": data(header.parent_hash),
        "nonce": data(header.nonce),
        "mixHash": data(header.mix_hash),
        "sha3Uncles": data(header.uncles_hash),
        "logsBloom": data(header.bloom.to_bytes(_BLOOM_BYTES, "big")),
        "transactionsRoot": data(header.transaction_root),
        "stateRoot": data(header.state_root),
        "receiptsRoot": data(header.receipt_root),
        "miner": data(header.coinbase),
        "difficulty": quantity(header.difficulty),
        "totalDifficulty": quantity((number + 1) * DIFFICULTY),
        "extraData": data(header.extra_data),
        "size": quantity(0 if block is None else block.size),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "baseFeePerGas": quantity(header.base_fee_per_gas or 0),
        "uncles": [],
        "transactions": shown,
    }
