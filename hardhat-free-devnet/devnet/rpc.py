"""JSON-RPC 2.0 over bytes: single requests, batches, notifications, and every malformed thing in between."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import NoReturn

from devnet.methods import Method
from devnet.wire import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    SERVER_ERROR,
    RpcError,
)

MAX_BATCH = 1_000
MAX_ANSWER_BYTES = 32 * 1024 * 1024
_NO_KEYS = "this node holds no keys; sign at the client and use eth_sendRawTransaction"
_NO_FILTERS = "this node keeps no filters; use eth_getLogs over a range of blocks"
_STATED = {
    "eth_sendTransaction": _NO_KEYS,
    "eth_sign": _NO_KEYS,
    "eth_signTransaction": _NO_KEYS,
    "eth_signTypedData_v4": _NO_KEYS,
    "personal_sign": _NO_KEYS,
    "eth_newFilter": _NO_FILTERS,
    "eth_newBlockFilter": _NO_FILTERS,
    "eth_newPendingTransactionFilter": _NO_FILTERS,
    "eth_getFilterChanges": _NO_FILTERS,
    "eth_getFilterLogs": _NO_FILTERS,
    "eth_subscribe": "this node has no subscriptions; poll eth_blockNumber and eth_getLogs",
}

log = logging.getLogger(__name__)


class _NotJsonError(ValueError):
    """Valid for Python's reader, but no JSON of RFC 8259 that this node reads."""


class Dispatcher:
    """Answers request bodies with the methods of a table.

    `after` is called once a body is dealt with, a whole batch counting once: that is when the miner is woken, so that a
    batch of transactions meets a block in one piece.
    """

    def __init__(self, table: Mapping[str, Method], *, after: Callable[[], None] = lambda: None) -> None:
        self._table = table
        self._after = after

    def answer(self, body: bytes) -> bytes | None:
        """The response body; None where the protocol wants none (notifications only). Never raises."""
        try:
            return self._answer(body)
        finally:
            self._after()

    def _answer(self, body: bytes) -> bytes | None:
        try:
            request = _parse(body)
        except (ValueError, RecursionError):
            return _encode(_failed(None, RpcError(PARSE_ERROR, "parse error")))
        if not isinstance(request, list):
            answer = self._one(request)
            return None if answer is None else _encode(answer)
        if not request:
            return _encode(_failed(None, RpcError(INVALID_REQUEST, "empty batch")))
        if len(request) > MAX_BATCH:
            return _encode(_failed(None, RpcError(INVALID_REQUEST, f"batch too large: at most {MAX_BATCH} requests")))
        return self._batch(request)

    def _batch(self, requests: list[object]) -> bytes | None:
        answers: list[bytes] = []
        left = MAX_ANSWER_BYTES
        for request in requests:
            answer = self._one(request)
            if answer is None:
                continue
            encoded = _encode(answer)
            if len(encoded) > left:
                # The call has run; only its answer is withheld, as a node does that bounds its memory.
                encoded = _encode(_failed(answer["id"], RpcError(SERVER_ERROR, "response too large")))
            left -= len(encoded)
            answers.append(encoded)
        return b"[" + b",".join(answers) + b"]" if answers else None

    def _one(self, request: object) -> dict[str, object] | None:
        if not isinstance(request, dict):
            return _failed(None, RpcError(INVALID_REQUEST, "invalid request"))
        identity = request.get("id")
        sound = identity is None or (isinstance(identity, (str, int, float)) and not isinstance(identity, bool))
        if not sound or not isinstance(request.get("method"), str) or request.get("jsonrpc", "2.0") != "2.0":
            return _failed(identity if sound else None, RpcError(INVALID_REQUEST, "invalid request"))
        try:
            answer: dict[str, object] = {
                "jsonrpc": "2.0",
                "id": identity,
                "result": self._call(request["method"], request.get("params")),
            }
        except RpcError as refused:
            answer = _failed(identity, refused)
        except Exception:
            log.exception("method %s failed", request["method"][:64])
            answer = _failed(identity, RpcError(INTERNAL_ERROR, "internal error"))
        return answer if "id" in request else None

    def _call(self, name: str, params: object) -> object:
        method = self._table.get(name)
        if method is None:
            text = _STATED.get(name, f"the method {name[:64]} does not exist/is not available on this development node")
            raise RpcError(METHOD_NOT_FOUND, text)
        given = [] if params is None else params
        if not isinstance(given, list):
            raise RpcError(INVALID_PARAMS, "invalid params: parameters go by position, in a list")
        if not method.least <= len(given) <= method.most:
            bounds = str(method.least) if method.least == method.most else f"{method.least} to {method.most}"
            raise RpcError(INVALID_PARAMS, f"invalid params: {name} takes {bounds} parameters, not {len(given)}")
        return method.handler(*given)


def _parse(body: bytes) -> object:
    return json.loads(body.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_distinct)


def _refuse(constant: str) -> NoReturn:
    raise _NotJsonError(constant)


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _NotJsonError
    return fields


def _failed(identity: object, error: RpcError) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": identity, "error": error.as_json()}


def _encode(answer: dict[str, object]) -> bytes:
    return json.dumps(answer, separators=(",", ":")).encode()
