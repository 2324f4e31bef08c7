"""The one module that knows web3: a `Node` over HTTP JSON-RPC.

Only web3's HTTP provider is used, without the `Web3` object on top: so there is no middleware (none that re-sends raw
transactions on a time-out, none that fills in nonces or gas), no CCIP-read, no request cache and no filter. Calls are
the portable subset that geth, besu, anvil and the embedded engine share.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from web3.providers.rpc import HTTPProvider
from web3.types import RPCEndpoint

from chain.errors import NodeError, RpcReason
from chain.ports import ADDRESS_BYTES, HASH_BYTES, BlockRef, LogEntry, TxReceipt
from chain.rpcerrors import classify

# py_ecc, which web3 brings along, raises the interpreter's recursion limit to 100,000. With that limit, JSON that is
# nested deeply enough overflows the C stack and ends the process: a hostile node's answer, or a request to the service.
# Back to the interpreter's own default, with which it is a RecursionError.
sys.setrecursionlimit(1_000)

BATCH_CALLS = 256
BATCH_BYTES = 1_000_000
CONNECTIONS = 16

# A call names an account even where the contract asks for none; the zero address holds no role anywhere.
NOBODY = bytes(ADDRESS_BYTES)

Params = list[object]
T = TypeVar("T")


class Web3Node:
    """`Node` over JSON-RPC at `url`; waits at most `timeout_s` for a connection and for each answer.

    Safe to share between threads: one pool of connections, no state of its own. Proxies and credentials of the
    process's environment are not used, redirects are not followed.
    """

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=CONNECTIONS, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._provider = HTTPProvider(
            url,
            request_kwargs={"timeout": timeout_s, "allow_redirects": False},
            session=self._session,
            exception_retry_configuration=None,
            cache_allowed_requests=False,
        )

    def close(self) -> None:
        """Close the pooled connections; a further call opens a new one."""
        self._session.close()

    def chain_id(self) -> int:
        """See `Node.chain_id`."""
        return self._ask("eth_chainId", [], _quantity)

    def block_number(self) -> int:
        """See `Node.block_number`."""
        return self._ask("eth_blockNumber", [], _quantity)

    def block(self, number: int) -> BlockRef:
        """See `Node.block`."""
        return self._ask("eth_getBlockByNumber", [hex(number), False], _block)

    def headers(self, first: int, last: int) -> list[BlockRef]:
        """See `Node.headers`."""
        calls: list[Params] = [[hex(number), False] for number in range(first, last + 1)]
        return _whole(self._ask_many("eth_getBlockByNumber", calls, _block))

    def code(self, address: bytes, block: int | None = None) -> bytes:
        """See `Node.code`."""
        return self._ask("eth_getCode", [_hex(address), _tag(block)], _data)

    def nonce(self, address: bytes) -> int:
        """See `Node.nonce`; asked at "latest", so the pool is not counted."""
        return self._ask("eth_getTransactionCount", [_hex(address), "latest"], _quantity)

    def gas_price(self) -> int:
        """See `Node.gas_price`."""
        return self._ask("eth_gasPrice", [], _quantity)

    def client(self) -> str:
        """See `Node.client`."""
        return self._ask("web3_clientVersion", [], _text)

    def call(self, to: bytes, data: bytes, *, sender: bytes | None = None, block: int | None = None) -> bytes:
        """See `Node.call`."""
        # "data" and not "input": every engine reads it, older besu and FISCO BCOS read nothing else.
        message = {"from": _hex(sender or NOBODY), "to": _hex(to), "data": _hex(data)}
        return self._ask("eth_call", [message, _tag(block)], _data)

    def logs(
        self, first: int, last: int, addresses: Sequence[bytes], topics: Sequence[Sequence[bytes]] = ()
    ) -> list[LogEntry]:
        """See `Node.logs`."""
        query: dict[str, object] = {"fromBlock": hex(first), "toBlock": hex(last)}
        query["address"] = [_hex(address) for address in addresses]
        if topics:
            query["topics"] = [[_hex(choice) for choice in choices] for choices in topics]
        return self._ask("eth_getLogs", [query], _logs)

    def send_raw(self, raw: bytes) -> bytes:
        """See `Node.send_raw`."""
        return self._ask("eth_sendRawTransaction", [_hex(raw)], _hash)

    def send_raw_many(self, raws: Sequence[bytes]) -> list[bytes | NodeError]:
        """See `Node.send_raw_many`; more than one batch where the transactions are many or large."""
        return self._ask_many("eth_sendRawTransaction", [[_hex(raw)] for raw in raws], _hash)

    def receipt(self, tx_hash: bytes) -> TxReceipt | None:
        """See `Node.receipt`."""
        return self._ask("eth_getTransactionReceipt", [_hex(tx_hash)], _receipt)

    def receipts(self, tx_hashes: Sequence[bytes]) -> list[TxReceipt | None]:
        """See `Node.receipts`."""
        answers = self._ask_many("eth_getTransactionReceipt", [[_hex(tx_hash)] for tx_hash in tx_hashes], _receipt)
        return _whole(answers)

    def _ask(self, method: str, params: Params, read: Callable[[object], T]) -> T:
        answer = _transport(lambda: self._provider.make_request(RPCEndpoint(method), params), method)
        result = _read(answer, read, method)
        if isinstance(result, NodeError):
            raise result
        return result

    def _batch(self, method: str, chunk: Sequence[Params]) -> object:
        calls = [(RPCEndpoint(method), params) for params in chunk]
        return _transport(lambda: self._provider.make_batch_request(calls), method)

    def _ask_many(self, method: str, calls: Sequence[Params], read: Callable[[object], T]) -> list[T | NodeError]:
        """Answers in order. Where the node falls silent after a first batch was answered, the rest carry that error."""
        results: list[T | NodeError] = []
        for chunk in _chunks(calls):
            try:
                answers = self._batch(method, chunk)
            except NodeError as error:
                if not results:
                    raise
                results.extend([error] * (len(calls) - len(results)))
                break
            if isinstance(answers, dict):
                raise _failure(answers, method)
            if not isinstance(answers, list) or len(answers) != len(chunk):
                raise NodeError(RpcReason.MALFORMED, f"{method}: another count of answers than of calls")
            results.extend(_read(answer, read, method) for answer in answers)
        return results


def _whole(answers: Sequence[T | NodeError]) -> list[T]:
    """All answers of a batch, or the first error among them."""
    found: list[T] = []
    for answer in answers:
        if isinstance(answer, NodeError):
            raise answer
        found.append(answer)
    return found


def _transport(send: Callable[[], object], method: str) -> object:
    """Run `send`; every failure on the way becomes a `NodeError`.

    UNREACHABLE is said only where no connection came about. Once one stood, the call may have taken effect.
    """
    try:
        return send()
    except requests.exceptions.ConnectTimeout as error:
        raise NodeError(RpcReason.UNREACHABLE, f"{method}: no connection in time") from error
    except requests.exceptions.Timeout as error:
        raise NodeError(RpcReason.TIMED_OUT, f"{method}: no answer in time") from error
    except requests.exceptions.HTTPError as error:
        raise _http_failure(error, method) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        # ValueError: no JSON, or no UTF-8; RecursionError: nested too deeply; the rest: web3 sorts a batch's answers by
        # id before looking at their form.
        raise NodeError(RpcReason.MALFORMED, f"{method}: {type(error).__name__}") from error
    except requests.exceptions.ConnectionError as error:
        cause = getattr(error.args[0] if error.args else None, "reason", None)
        if isinstance(cause, NewConnectionError | ConnectTimeoutError):
            raise NodeError(RpcReason.UNREACHABLE, f"{method}: connection refused") from error
        raise NodeError(RpcReason.TIMED_OUT, f"{method}: connection lost before the answer") from error
    except requests.exceptions.RequestException as error:
        raise NodeError(RpcReason.TIMED_OUT, f"{method}: {type(error).__name__}") from error


def _http_failure(error: requests.exceptions.HTTPError, method: str) -> NodeError:
    """An HTTP error status: the JSON-RPC error in its body where there is one, else by the status."""
    response = error.response
    if response is None:
        return NodeError(RpcReason.TIMED_OUT, f"{method}: no response")
    status = response.status_code
    try:
        answer: object = response.json()
    except ValueError:
        answer = None
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        return classify(answer["error"])
    reasons = {408: RpcReason.TIMED_OUT, 504: RpcReason.TIMED_OUT, 413: RpcReason.REJECTED, 400: RpcReason.REJECTED}
    return NodeError(reasons.get(status, RpcReason.UNREACHABLE), f"{method}: HTTP {status}")


def _read(answer: object, read: Callable[[object], T], method: str) -> T | NodeError:
    """The parsed result of one answer object, or its error."""
    if not isinstance(answer, dict) or "result" not in answer:
        return _failure(answer, method)
    try:
        return read(answer["result"])
    except NodeError as error:
        return error
    except (ValueError, TypeError, KeyError) as error:
        return NodeError(RpcReason.MALFORMED, f"{method}: {type(error).__name__} in the result")


def _failure(answer: object, method: str) -> NodeError:
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        return classify(answer["error"])
    return NodeError(RpcReason.MALFORMED, f"{method}: neither result nor error")


def _chunks(calls: Sequence[Params]) -> Iterator[list[Params]]:
    """Batches of at most BATCH_CALLS calls and about BATCH_BYTES bytes: engines limit both."""
    chunk: list[Params] = []
    size = 0
    for params in calls:
        length = sum(len(str(param)) for param in params)
        if chunk and (len(chunk) == BATCH_CALLS or size + length > BATCH_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(params)
        size += length
    if chunk:
        yield chunk


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _tag(block: int | None) -> str:
    return "latest" if block is None else hex(block)


def _quantity(value: object) -> int:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError("no quantity")
    return int(value, 16)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _data(value: object, length: int | None = None) -> bytes:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError("no data")
    data = bytes.fromhex(value[2:])
    if length is not None and len(data) != length:
        raise ValueError("data of another length")
    return data


def _hash(value: object) -> bytes:
    return _data(value, HASH_BYTES)


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


def _block(value: object) -> BlockRef:
    if value is None:
        raise NodeError(RpcReason.NOT_FOUND, "no such block")
    header = _object(value)
    return BlockRef(
        number=_quantity(header["number"]),
        hash=_hash(header["hash"]),
        parent_hash=_hash(header["parentHash"]),
        time_s=_quantity(header["timestamp"]),
    )


def _logs(value: object) -> list[LogEntry]:
    if not isinstance(value, list):
        raise TypeError("no list")
    # A log marked as removed belongs to a fork that the node has left; only subscriptions should show it.
    return [_log(entry) for entry in map(_object, value) if entry.get("removed") is not True]


def _log(entry: dict[str, object]) -> LogEntry:
    topics = entry["topics"]
    if not isinstance(topics, list):
        raise TypeError("no list")
    return LogEntry(
        address=_data(entry["address"], ADDRESS_BYTES),
        topics=tuple(_hash(topic) for topic in topics),
        data=_data(entry["data"]),
        block_number=_quantity(entry["blockNumber"]),
        block_hash=_hash(entry["blockHash"]),
        tx_hash=_hash(entry["transactionHash"]),
        log_index=_quantity(entry["logIndex"]),
    )


def _receipt(value: object) -> TxReceipt | None:
    # Some nodes show a pending transaction's receipt without a block: it is not mined.
    if value is None or (receipt := _object(value)).get("blockHash") is None:
        return None
    created = receipt.get("contractAddress")
    return TxReceipt(
        tx_hash=_hash(receipt["transactionHash"]),
        block_number=_quantity(receipt["blockNumber"]),
        block_hash=_hash(receipt["blockHash"]),
        succeeded=_quantity(receipt["status"]) == 1,
        gas_used=_quantity(receipt["gasUsed"]),
        contract_address=None if created is None else _data(created, ADDRESS_BYTES),
    )
