"""Raw log entries to events, straight from topics and data; the interfaces come from `chain.abi`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from chain.abi import load
from chain.calls import solidity_type
from chain.errors import FormatError
from chain.ports import BlockRef, ChainEvent, LogEntry


@dataclass(frozen=True, slots=True)
class _Spec:
    """How one event is read: indexed fields one per topic, the others together from the data."""

    name: str
    indexed: tuple[tuple[str, Callable[[bytes], object]], ...]
    plain_names: tuple[str, ...]
    plain_types: tuple[str, ...]


class EventReader:
    """Decodes events of contracts at known addresses.

    Arguments are int, bool, bytes (an address is 20 bytes) or lists of them; an indexed argument of dynamic type is the
    32-byte hash that its topic holds, as Solidity has it.
    """

    def __init__(self, contracts: Mapping[bytes, str]) -> None:
        """`contracts` maps a 20-byte address to the name of an artefact."""
        self._specs = {
            (address, topic): (name, spec)
            for address, name in contracts.items()
            for topic, spec in _specs(name).items()
        }

    def read(self, entry: LogEntry, block: BlockRef) -> ChainEvent | None:
        """The event, or None for one that the contract's interface does not name (an anonymous or inherited one).

        Raises FormatError (`chain.event`) where the bytes are not what the interface says.
        """
        found = self._specs.get((entry.address, entry.topics[0])) if entry.topics else None
        if found is None:
            return None
        contract, spec = found
        topics = entry.topics[1:]
        try:
            plain = decode(spec.plain_types, entry.data) if spec.plain_types else ()
        except DecodingError as error:
            raise FormatError(f"{spec.name} in block {entry.block_number}", code="chain.event") from error
        if len(topics) != len(spec.indexed):
            raise FormatError(f"{spec.name} in block {entry.block_number}", code="chain.event")
        args: dict[str, object] = {name: read(topic) for (name, read), topic in zip(spec.indexed, topics, strict=True)}
        for name, kind, value in zip(spec.plain_names, spec.plain_types, plain, strict=True):
            args[name] = _plain_value(kind, value)
        return ChainEvent(contract, spec.name, args, block, entry.tx_hash, entry.log_index)


@cache
def _specs(contract: str) -> dict[bytes, _Spec]:
    specs = {}
    for entry in load(contract).abi:
        if entry["type"] == "event" and not entry["anonymous"]:
            inputs: Sequence[dict[str, Any]] = entry["inputs"]
            signature = f"{entry['name']}({','.join(solidity_type(parameter) for parameter in inputs)})"
            plain = [parameter for parameter in inputs if not parameter["indexed"]]
            specs[keccak(signature.encode())] = _Spec(
                name=entry["name"],
                indexed=tuple((item["name"], _topic_reader(item["type"])) for item in inputs if item["indexed"]),
                plain_names=tuple(parameter["name"] for parameter in plain),
                plain_types=tuple(solidity_type(parameter) for parameter in plain),
            )
    return specs


def _address_of(topic: bytes) -> object:
    return topic[-20:]


def _uint_of(topic: bytes) -> object:
    return int.from_bytes(topic, "big")


def _int_of(topic: bytes) -> object:
    return int.from_bytes(topic, "big", signed=True)


def _bool_of(topic: bytes) -> object:
    return topic[-1] == 1


def _as_is(topic: bytes) -> object:
    return topic


_READERS = (("address", _address_of), ("uint", _uint_of), ("int", _int_of), ("bool", _bool_of))


def _topic_reader(kind: str) -> Callable[[bytes], object]:
    if kind.endswith("]"):
        return _as_is
    return next((read for prefix, read in _READERS if kind.startswith(prefix)), _as_is)


def _plain_value(kind: str, value: object) -> object:
    if kind == "address" and isinstance(value, str):
        return bytes.fromhex(value[2:])
    if kind.endswith("[]") and isinstance(value, tuple):
        return [_plain_value(kind.removesuffix("[]"), item) for item in value]
    return value
