"""The methods that the node offers; everything else is a stated client error."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from eth.abc import StateAPI

from devnet.calls import estimate, execute, read_call
from devnet.ledger import HEAD_TAGS, Ledger
from devnet.miner import Miner
from devnet.pool import Pool
from devnet.rows import MAX_TOPICS, LogFilter
from devnet.submit import submit
from devnet.views import block_view, log_view, receipt_view, transaction_view
from devnet.wire import (
    LIMIT_EXCEEDED,
    RpcError,
    data,
    invalid,
    quantity,
    read_address,
    read_data,
    read_flag,
    read_hash,
    read_object,
    read_quantity,
    read_slot,
)

MAX_LOGS = 10_000
MAX_CHOICES = 1_000
MAX_HISTORY_BLOCKS = 1_024
NOTICE = "for development only: no consensus, no fees, no keys"

Params = Sequence[object]


class Method(NamedTuple):
    """A handler, and how many parameters it takes at least and at most."""

    handler: Callable[..., object]
    least: int
    most: int


def client_version() -> str:
    """What web3_clientVersion answers."""
    try:
        product = version("mydata")
    except PackageNotFoundError:
        product = "0"
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return f"devnet-embedded/{product}/py-evm-{version('py-evm')}/{python} ({NOTICE})"


class Methods:
    """Handlers over one chain. Each takes JSON values and returns JSON values, or raises `RpcError`."""

    def __init__(self, ledger: Ledger, pool: Pool, miner: Miner) -> None:
        self._ledger = ledger
        self._pool = pool
        self._miner = miner

    def table(self) -> Mapping[str, Method]:
        """Every method by its name."""
        return {
            "web3_clientVersion": Method(client_version, 0, 0),
            "net_version": Method(lambda: str(self._ledger.chain_id), 0, 0),
            "net_listening": Method(lambda: True, 0, 0),
            "eth_chainId": Method(lambda: quantity(self._ledger.chain_id), 0, 0),
            "eth_syncing": Method(lambda: False, 0, 0),
            "eth_accounts": Method(list, 0, 0),
            "eth_gasPrice": Method(lambda: quantity(0), 0, 0),
            "eth_maxPriorityFeePerGas": Method(lambda: quantity(0), 0, 0),
            "eth_feeHistory": Method(self._fee_history, 2, 3),
            "eth_blockNumber": Method(lambda: quantity(self._ledger.head.block_number), 0, 0),
            "eth_getBlockByNumber": Method(self._block_by_number, 1, 2),
            "eth_getBlockByHash": Method(self._block_by_hash, 1, 2),
            "eth_getBlockReceipts": Method(self._block_receipts, 1, 1),
            "eth_getTransactionByHash": Method(self._transaction, 1, 1),
            "eth_getTransactionReceipt": Method(self._receipt, 1, 1),
            "eth_getTransactionCount": Method(self._nonce, 1, 2),
            "eth_getBalance": Method(self._balance, 1, 2),
            "eth_getCode": Method(self._code, 1, 2),
            "eth_getStorageAt": Method(self._storage, 2, 3),
            "eth_call": Method(self._call, 1, 3),
            "eth_estimateGas": Method(self._estimate, 1, 3),
            "eth_sendRawTransaction": Method(self._send, 1, 1),
            "eth_getLogs": Method(self._logs, 1, 1),
            "evm_mine": Method(self._mine, 0, 0),
            "dev_status": Method(self._status, 0, 0),
        }

    # -- blocks and transactions

    def _block_by_number(self, block: object, full: object = False) -> object:
        if not isinstance(block, str):
            raise invalid("block must be a number or a tag")
        detailed = read_flag(full, "full")
        if block not in HEAD_TAGS | {"pending", "earliest"} and read_quantity(block, "block") > self._head_number():
            return None
        # A block that is not mined yet has no answer worth giving; "pending" shows the head, as it does elsewhere.
        header = self._ledger.header_at("latest" if block == "pending" else block)
        return block_view(self._ledger, header, full=detailed)

    def _block_by_hash(self, block_hash: object, full: object = False) -> object:
        wanted, detailed = read_hash(block_hash), read_flag(full, "full")
        try:
            header = self._ledger.header_by_hash(wanted)
        except RpcError:
            return None
        return block_view(self._ledger, header, full=detailed)

    def _block_receipts(self, block: object) -> object:
        header = self._ledger.header_at("latest" if block == "pending" else block)
        rows = self._ledger.store.block_transactions(header.block_number)
        return [receipt_view(self._ledger, row) for row in rows]

    def _transaction(self, tx_hash: object) -> object:
        wanted = read_hash(tx_hash)
        # The pool first: a transaction leaves it only after its block is committed, so it is never in neither.
        waiting = self._pool.get(wanted)
        row = self._ledger.mined(wanted)
        if row is not None:
            header = self._ledger.header_by_number(row.block)
            return transaction_view(self._ledger.transaction(row), self._ledger.chain_id, header, row.position)
        return None if waiting is None else transaction_view(waiting.transaction, self._ledger.chain_id)

    def _receipt(self, tx_hash: object) -> object:
        row = self._ledger.mined(read_hash(tx_hash))
        return None if row is None else receipt_view(self._ledger, row)

    def _send(self, raw: object) -> str:
        return data(submit(self._ledger, self._pool, read_data(raw, "transaction")))

    # -- state

    def _state(self, block: object) -> StateAPI:
        return self._ledger.state(self._ledger.header_at(block))

    def _nonce(self, address: object, block: object = None) -> str:
        account = read_address(address)
        if block != "pending":
            return quantity(self._state(block).get_nonce(account))
        with self._pool.lock:
            nonce = self._ledger.state(self._ledger.head).get_nonce(account)
            return quantity(self._pool.next_nonce(account, nonce))

    def _balance(self, address: object, block: object = None) -> str:
        return quantity(self._state(block).get_balance(read_address(address)))

    def _code(self, address: object, block: object = None) -> str:
        return data(self._state(block).get_code(read_address(address)))

    def _storage(self, address: object, position: object, block: object = None) -> str:
        account, slot = read_address(address), read_slot(position)
        return data(self._state(block).get_storage(account, slot).to_bytes(32, "big"))

    def _call(self, call: object, block: object = None, overrides: object = None) -> str:
        _refuse_overrides(overrides)
        return data(execute(self._ledger, read_call(call), self._ledger.header_at(block)).output)

    def _estimate(self, call: object, block: object = None, overrides: object = None) -> str:
        _refuse_overrides(overrides)
        return quantity(estimate(self._ledger, read_call(call), self._ledger.header_at(block)))

    # -- events

    def _logs(self, wanted: object) -> list[object]:
        fields = read_object(wanted, "filter")
        first: int
        last: int
        if fields.get("blockHash") is not None:
            if fields.get("fromBlock") is not None or fields.get("toBlock") is not None:
                raise invalid("blockHash excludes fromBlock and toBlock")
            first = last = self._ledger.header_by_hash(read_hash(fields["blockHash"], "blockHash")).block_number
        else:
            first, last = (self._height(fields.get(name)) for name in ("fromBlock", "toBlock"))
            if first > last:
                raise invalid("fromBlock is above toBlock")
        chosen = LogFilter(first, min(last, self._head_number()), _addresses(fields), _topics(fields))
        rows = self._ledger.store.logs(chosen, MAX_LOGS + 1)
        if len(rows) > MAX_LOGS:
            raise RpcError(LIMIT_EXCEEDED, f"query returned more than {MAX_LOGS} results")
        return [log_view(self._ledger, row) for row in rows]

    def _height(self, block: object) -> int:
        if block is None or block == "pending" or (isinstance(block, str) and block in HEAD_TAGS):
            return self._head_number()
        return 0 if block == "earliest" else read_quantity(block, "block")

    def _head_number(self) -> int:
        return self._ledger.head.block_number

    # -- fees, development

    def _fee_history(self, count: object, newest: object, percentiles: object = None) -> dict[str, object]:
        wanted = read_quantity(count, "count")
        if percentiles is not None and not isinstance(percentiles, list):
            raise invalid("percentiles must be a list")
        top = min(self._height(newest), self._head_number())
        shown = min(wanted, top + 1, MAX_HISTORY_BLOCKS)
        headers = [self._ledger.header_by_number(number) for number in range(top - shown + 1, top + 1)]
        return {
            "oldestBlock": quantity(top - shown + 1),
            "baseFeePerGas": [quantity(0)] * (shown + 1),
            "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
            "reward": [[quantity(0)] * len(percentiles or [])] * shown,
        }

    def _mine(self) -> str:
        self._miner.mine(allow_empty=True)
        return quantity(0)

    def _status(self) -> dict[str, object]:
        head = self._ledger.head
        return {
            "engine": "embedded",
            "notice": NOTICE,
            "version": client_version(),
            "chainId": self._ledger.chain_id,
            "genesisHash": data(self._ledger.genesis_hash),
            "head": {"number": head.block_number, "hash": data(head.hash), "timestamp": head.timestamp},
            "pool": {
                "transactions": len(self._pool),
                "senders": self._pool.senders,
                "bytes": self._pool.size_bytes,
            },
            "mining": {"intervalSeconds": self._miner.interval_s, "lastError": self._miner.last_error},
        }


def _refuse_overrides(overrides: object) -> None:
    if overrides:
        raise invalid("state overrides are not offered")


def _addresses(fields: Mapping[str, object]) -> tuple[bytes, ...]:
    given = fields.get("address")
    if given is None:
        return ()
    chosen = given if isinstance(given, list) else [given]
    if len(chosen) > MAX_CHOICES:
        raise invalid(f"at most {MAX_CHOICES} addresses")
    return tuple(read_address(address) for address in chosen)


def _topics(fields: Mapping[str, object]) -> tuple[tuple[bytes, ...], ...]:
    given = fields.get("topics")
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MAX_TOPICS:
        raise invalid(f"topics must be a list of at most {MAX_TOPICS}")
    return tuple(_topic(place) for place in given)


def _topic(place: object) -> tuple[bytes, ...]:
    """One place: null is any, a list any of its members. A null within the list makes the whole place any."""
    choices = place if isinstance(place, list) else [place]
    if len(choices) > MAX_CHOICES:
        raise invalid(f"at most {MAX_CHOICES} choices for a topic")
    if None in choices:
        return ()
    return tuple(read_hash(choice, "topic") for choice in choices)
