"""What a node's error object means: one reason of the closed list, and the revert bytes.

JSON-RPC has few agreed codes, so the wording decides. Sources: go-ethereum core/txpool/errors.go and core/error.go;
besu's TransactionInvalidReason and RpcErrorType; anvil's blockchain errors; EIP-1474. A test holds a row per engine
and wording.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from chain.errors import NodeError, RpcReason

REVERT_CODE = 3
METHOD_NOT_FOUND = -32601


class Reaction(StrEnum):
    """What the relay does about a reason, at a broadcast; whatever it is, the stored transaction stays the only one."""

    LATER = "later"  # nothing is known, or nothing happened: the same bytes again on a later step
    COUNT_AS_SENT = "count_as_sent"  # under the stored hash that is success
    SEEK_RECEIPT = "seek_receipt"  # only a receipt for the stored hash tells; without one the nonce was lost
    SEND_EARLIER = "send_earlier"  # the node misses earlier ones: all that wait are offered again
    RAISE_PRICE = "raise_price"  # where the engine has a price; else said to the operator
    TELL_OPERATOR = "tell_operator"  # offered again for ever, and said
    FILL = "fill"  # this one will never be taken: after a while its nonce is filled, so that the others go on
    HALT = "halt"  # another chain: nothing more is sent


REACTIONS: Mapping[RpcReason, Reaction] = MappingProxyType(
    {
        RpcReason.UNREACHABLE: Reaction.LATER,
        RpcReason.TIMED_OUT: Reaction.LATER,
        RpcReason.MALFORMED: Reaction.LATER,
        RpcReason.POOL_FULL: Reaction.LATER,
        RpcReason.ALREADY_KNOWN: Reaction.COUNT_AS_SENT,
        RpcReason.NONCE_TOO_LOW: Reaction.SEEK_RECEIPT,
        RpcReason.NONCE_TOO_HIGH: Reaction.SEND_EARLIER,
        RpcReason.UNDERPRICED: Reaction.RAISE_PRICE,
        RpcReason.REPLACEMENT: Reaction.RAISE_PRICE,
        RpcReason.INSUFFICIENT_FUNDS: Reaction.TELL_OPERATOR,
        RpcReason.NOT_FOUND: Reaction.TELL_OPERATOR,
        RpcReason.TOO_LARGE: Reaction.FILL,
        RpcReason.REVERTED: Reaction.FILL,
        RpcReason.REJECTED: Reaction.FILL,
        RpcReason.WRONG_CHAIN: Reaction.HALT,
    }
)
"""The reaction to each reason; a test holds that none is missing."""

# First match wins, so the narrow come before the wide.
_WORDINGS: tuple[tuple[RpcReason, str], ...] = (
    (RpcReason.ALREADY_KNOWN, r"already known|known transaction|already imported|already in the pool"),
    (RpcReason.NONCE_TOO_LOW, r"nonce (is )?too low|nonce below|lower than the current nonce"),
    (RpcReason.NONCE_TOO_HIGH, r"nonce (is )?too (high|distant|far)|too distant from|far in the future"),
    (RpcReason.NONCE_TOO_HIGH, r"gapped.?nonce|transaction with a lower nonce"),
    (RpcReason.REPLACEMENT, r"replacement transaction|not enough to replace"),
    (RpcReason.POOL_FULL, r"(tx|transaction) ?pool (is |limit )?(full|reached|exceeded)"),
    (RpcReason.WRONG_CHAIN, r"invalid chain ?id|wrong chain ?id|chain ?id (does not match|mismatch)|replay.?protected"),
    (RpcReason.UNDERPRICED, r"underpriced|gas price (is )?(too low|below)|fee too low"),
    (RpcReason.UNDERPRICED, r"less than (the )?(current )?(block )?base ?fee"),
    (RpcReason.INSUFFICIENT_FUNDS, r"insufficient (funds|balance)|upfront cost exceeds|exceeds account balance"),
    # An intrinsic shortage is found before anything ran: the input is wrong, the contract was not asked.
    (RpcReason.REJECTED, r"intrinsic gas"),
    (RpcReason.REVERTED, r"revert|invalid opcode|invalid jump|stack (under|over)flow|out ?of ?gas"),
    (RpcReason.NOT_FOUND, r"(header|block) not found|unknown block|block ?out ?of ?range|block height is"),
    (RpcReason.NOT_FOUND, r"missing trie node|state (is )?not available|pruned"),
    # A range that is too large is often reported as a time-out too; asking for less is what helps.
    (RpcReason.TOO_LARGE, r"more than \d+ (results|logs)|block range|range (is )?too|response size"),
    (RpcReason.TIMED_OUT, r"timed? ?out|deadline exceeded"),
    (RpcReason.UNREACHABLE, r"indexing is in progress|is syncing|too many requests|rate limit|unavailable"),
)
_PATTERNS = tuple((reason, re.compile(wording, re.IGNORECASE)) for reason, wording in _WORDINGS)

_HEX_IN_TEXT = re.compile(r"0x[0-9a-fA-F]*")


def classify(error: Mapping[str, object]) -> NodeError:
    """The `NodeError` for a JSON-RPC error object: code 3 is a revert, else the wording decides, else REJECTED."""
    code = error.get("code")
    message = error.get("message")
    text = message if isinstance(message, str) else ""
    detail = f"{code}: {text[:200]}"
    if code == REVERT_CODE:
        return NodeError(RpcReason.REVERTED, detail, revert_data(error.get("data"), text))
    if code == METHOD_NOT_FOUND:
        return NodeError(RpcReason.REJECTED, detail)
    for reason, pattern in _PATTERNS:
        if pattern.search(text):
            data = revert_data(error.get("data"), text) if reason is RpcReason.REVERTED else b""
            return NodeError(reason, detail, data)
    return NodeError(RpcReason.REJECTED, detail)


def revert_data(data: object, message: str = "") -> bytes:
    """The bytes a contract reverted with, wherever the engine put them; empty where it gave none.

    geth, besu and anvil: a hexadecimal string in `data`. Others nest it as `{"data": "0x…"}` or one object per
    transaction, or write `Reverted 0x…` into a text.
    """
    if isinstance(data, str):
        found = _HEX_IN_TEXT.search(data)
        return _unhex(found.group()) if found else b""
    if isinstance(data, Mapping):
        for key in ("data", "result", "output"):
            if isinstance(data.get(key), str | Mapping):
                return revert_data(data[key])
        for value in data.values():
            if isinstance(value, Mapping):
                return revert_data(value)
    if data is None and (found := re.search(r"data: \"?(0x[0-9a-fA-F]*)", message)):
        return _unhex(found.group(1))
    return b""


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        return b""
