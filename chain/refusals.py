"""What a contract says no with: the custom errors of our contracts, by name."""

from functools import cache
from typing import NamedTuple

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from chain.abi import CONTRACTS, load
from chain.calls import SELECTOR_BYTES, solidity_type
from chain.errors import ChainError, Kind

ALREADY_DONE = frozenset(
    {
        "AlreadyAnchored",
        "AlreadyRegistered",
        "NothingToRevoke",
        "AlreadyAdmitted",
        "AlreadyProposed",
        "AlreadySuspended",
    }
)
"""Refusals that say: the chain is in the state that the call was to bring about."""


class RefusedError(ChainError):
    """A contract refuses a call; final, and no nonce was spent (`chain.refused`).

    `name` is the Solidity error's ("" where the bytes are none of our contracts'), `arguments` its arguments (int,
    bool, bytes; an address is 20 bytes), `data` the raw revert bytes.
    """

    code = "chain.refused"
    kind = Kind.CONFLICT

    def __init__(self, name: str, arguments: tuple[object, ...], data: bytes) -> None:
        super().__init__(name or f"0x{data[:SELECTOR_BYTES].hex()}")
        self.name = name
        self.arguments = arguments
        self.data = data

    @property
    def already_done(self) -> bool:
        """Whether the call's effect stands on the chain already, so that the caller may count it as done."""
        return self.name in ALREADY_DONE


def refusal(data: bytes) -> RefusedError:
    """The error for revert bytes; unknown or damaged ones give an error without a name."""
    known = _errors().get(data[:SELECTOR_BYTES])
    if known is None:
        return RefusedError("", (), data)
    try:
        values = decode(known.types, data[SELECTOR_BYTES:])
    except DecodingError:
        return RefusedError("", (), data)
    arguments = tuple(
        bytes.fromhex(value[2:]) if kind == "address" else value
        for kind, value in zip(known.types, values, strict=True)
    )
    return RefusedError(known.name, arguments, data)


class _KnownError(NamedTuple):
    name: str
    types: tuple[str, ...]


@cache
def _errors() -> dict[bytes, _KnownError]:
    found = {}
    for contract in CONTRACTS:
        for item in load(contract).abi:
            if item["type"] == "error":
                types = tuple(solidity_type(parameter) for parameter in item["inputs"])
                found[keccak(f"{item['name']}({','.join(types)})".encode())[:SELECTOR_BYTES]] = _KnownError(
                    item["name"], types
                )
    return found
