"""Values as JSON-RPC writes them, and the errors that a method may answer with.

Quantities are `0x` and hexadecimal without leading zeros, data is `0x` and two digits a byte (Ethereum JSON-RPC
specification, "Hex value encoding"). Readers raise `RpcError` with -32602 and
nothing else, whatever they are given.
"""

import re
from collections.abc import Mapping

from eth_typing import Address, Hash32

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
LIMIT_EXCEEDED = -32005
REVERTED = 3

ADDRESS_BYTES = 20
WORD_BYTES = 32
_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_SLOT = re.compile(r"0x[0-9a-fA-F]{1,64}")
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*")


class RpcError(Exception):
    """A refusal, as it goes to the client: a code, a sentence, and for reverts the revert bytes as `data`."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def as_json(self) -> dict[str, object]:
        """The `error` member of a JSON-RPC response."""
        body: dict[str, object] = {"code": self.code, "message": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body


def invalid(what: str) -> RpcError:
    """The error for a parameter that cannot be read."""
    return RpcError(INVALID_PARAMS, f"invalid params: {what}")


def quantity(value: int) -> str:
    """A number as JSON-RPC writes it."""
    return hex(value)


def data(value: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + value.hex()


def read_quantity(value: object, name: str) -> int:
    """A number of at most 256 bits."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise invalid(f"{name} must be a hexadecimal quantity")
    return int(value, 16)


def read_slot(value: object) -> int:
    """A storage position; padded words are as usual as quantities, so leading zeros pass."""
    if not isinstance(value, str) or not _SLOT.fullmatch(value):
        raise invalid("position must be hexadecimal of at most 32 bytes")
    return int(value, 16)


def read_data(value: object, name: str) -> bytes:
    """Bytes of any length, two hexadecimal digits each."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise invalid(f"{name} must be hexadecimal data")
    return bytes.fromhex(value[2:])


def read_address(value: object, name: str = "address") -> Address:
    """Exactly 20 bytes; letter case is not checked (EIP-55 checksums are a matter of user interfaces)."""
    raw = read_data(value, name)
    if len(raw) != ADDRESS_BYTES:
        raise invalid(f"{name} must have {ADDRESS_BYTES} bytes")
    return Address(raw)


def read_hash(value: object, name: str = "hash") -> Hash32:
    """Exactly 32 bytes."""
    raw = read_data(value, name)
    if len(raw) != WORD_BYTES:
        raise invalid(f"{name} must have {WORD_BYTES} bytes")
    return Hash32(raw)


def read_flag(value: object, name: str) -> bool:
    """A JSON boolean; 0 and 1 do not pass for one."""
    if not isinstance(value, bool):
        raise invalid(f"{name} must be true or false")
    return value


def read_object(value: object, name: str) -> Mapping[str, object]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object")
    return value
