"""The real contracts on a real EVM (py-evm, london rules) in this process: no node, no mining, exact gas.

`Evm.fork()` gives each test its own copy of a deployed world for nothing: state is addressed by its root.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from coincurve import PrivateKey as CoincurveKey
from eth._utils.address import generate_contract_address
from eth.constants import BLANK_ROOT_HASH, ZERO_ADDRESS, ZERO_HASH32
from eth.db.atomic import AtomicDB
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.london import LondonVM
from eth.vm.forks.london.state import LondonState
from eth_abi import decode, encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from eth_keys import keys

from chain.abi import Artifact, load

CHAIN_ID = 20_260
GENESIS_TIME_S = 1_800_000_000
GAS_LIMIT = 12_000_000


class RevertedError(Exception):
    """A call reverted with a custom error of the contract's ABI (or `Panic`, or "" for no data)."""

    def __init__(self, name: str, args: tuple[Any, ...]) -> None:
        super().__init__(f"{name}{args}")
        self.name = name
        self.values = args


@contextmanager
def refused(name: str, *values: Any) -> Iterator[None]:
    """Expects a revert with this custom error, and with these values if any are given."""
    with pytest.raises(RevertedError) as info:
        yield
    assert info.value.name == name
    if values:
        assert info.value.values == values


@dataclass(frozen=True)
class Event:
    """A decoded event."""

    name: str
    args: dict[str, Any]
    address: bytes


@dataclass(frozen=True)
class Outcome:
    """A transaction that succeeded."""

    gas: int
    events: tuple[Event, ...]
    value: Any


class Signer:
    """A key made from a label, the same in every run."""

    def __init__(self, label: str) -> None:
        self.secret = keccak(b"mydata test key " + label.encode())
        self.key = keys.PrivateKey(self.secret)
        self.address: bytes = self.key.public_key.to_canonical_address()

    def sign_digest(self, digest: bytes) -> bytes:
        """65 bytes r, s, v."""
        raw = CoincurveKey(self.secret).sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes([27 + raw[64]])

    def sign_typed(self, domain: dict[str, Any], types: dict[str, Any], message: dict[str, Any]) -> bytes:
        """Through eth-account's general EIP-712 encoder: independent of the contracts and of our own."""
        return bytes(Account.sign_message(encode_typed_data(domain, types, message), self.secret).signature)


def type_of(component: dict[str, Any]) -> str:
    """The canonical type of an ABI component, tuples spelt out."""
    kind: str = component["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(type_of(part) for part in component['components'])}){kind[5:]}"


def signature_of(entry: dict[str, Any]) -> str:
    """The canonical signature of a function, event or error."""
    return f"{entry['name']}({','.join(type_of(part) for part in entry['inputs'])})"


class Evm:
    """One state; time stands still unless told otherwise."""

    def __init__(self, db: AtomicDB | None = None, root: bytes = BLANK_ROOT_HASH, time_s: int = GENESIS_TIME_S) -> None:
        self.db = AtomicDB() if db is None else db
        self.time_s = time_s
        self.state = LondonState(self.db, self._context(), root)

    def _context(self) -> ExecutionContext:
        return ExecutionContext(ZERO_ADDRESS, self.time_s, 1, 1, ZERO_HASH32, GAS_LIMIT, (), CHAIN_ID, 0)

    def at(self, time_s: int) -> None:
        """Sets the block time."""
        self.time_s = time_s
        self.state.execution_context = self._context()

    def fork(self) -> "Evm":
        """An independent copy of the present state."""
        self.state.persist()
        return Evm(self.db, self.state.state_root, self.time_s)

    def run(self, sender: Signer, to: bytes, data: bytes, *, keep: bool) -> tuple[int, Any]:
        """Gas used and py-evm's computation; the state is kept only if asked and if nothing reverted."""
        self.state.lock_changes()
        before = self.state.snapshot()
        unsigned = LondonVM.get_transaction_builder().create_unsigned_transaction(
            nonce=self.state.get_nonce(sender.address), gas_price=0, gas=GAS_LIMIT, to=to, value=0, data=data
        )
        computation = self.state.apply_transaction(unsigned.as_signed_transaction(sender.key, CHAIN_ID))
        used = GAS_LIMIT - computation.get_gas_remaining()
        used -= min(computation.get_gas_refund(), used // 5)  # EIP-3529
        if not keep or computation.is_error:
            self.state.revert(before)
        return used, computation

    def address_of(self, sender: Signer, ahead: int) -> bytes:
        """Where the sender's contract will stand whose creation comes after `ahead` other transactions."""
        return generate_contract_address(sender.address, self.state.get_nonce(sender.address) + ahead)

    def deploy(self, name: str, sender: Signer, *args: Any, artifact: Artifact | None = None) -> "Contract":
        artifact = artifact or load(name)
        inputs = next((e["inputs"] for e in artifact.abi if e["type"] == "constructor"), [])
        data = artifact.bytecode + encode([type_of(i) for i in inputs], args)
        gas, computation = self.run(sender, b"", data, keep=True)
        if computation.is_error:
            raise decode_error(artifact, computation.output)
        return Contract(self, artifact, computation.msg.storage_address, gas)


def decode_error(artifact: Artifact, output: bytes) -> RevertedError:
    """The custom error in revert data."""
    if output[:4] == keccak(b"Panic(uint256)")[:4]:
        return RevertedError("Panic", decode(["uint256"], output[4:]))
    for entry in artifact.abi:
        if entry["type"] == "error" and keccak(signature_of(entry).encode())[:4] == output[:4]:
            values = decode([type_of(i) for i in entry["inputs"]], output[4:])
            return RevertedError(entry["name"], as_bytes(values))
    return RevertedError("" if not output else output.hex(), ())


def as_bytes(value: Any) -> Any:
    """eth-abi gives addresses as text; here they are bytes as everywhere else."""
    if isinstance(value, str) and value.startswith("0x"):
        return bytes.fromhex(value[2:])
    if isinstance(value, tuple):
        return tuple(as_bytes(part) for part in value)
    return value


class Contract:
    """A deployed contract: `send` changes the state, `call` asks."""

    def __init__(self, evm: Evm, artifact: Artifact, address: bytes, deploy_gas: int) -> None:
        self.evm = evm
        self.artifact = artifact
        self.address = address
        self.deploy_gas = deploy_gas
        self._functions = {e["name"]: e for e in artifact.abi if e["type"] == "function"}
        self._events = {keccak(signature_of(e).encode()): e for e in artifact.abi if e["type"] == "event"}

    def on(self, evm: Evm) -> "Contract":
        """The same contract in a forked state."""
        return Contract(evm, self.artifact, self.address, self.deploy_gas)

    def data(self, function: str, *args: Any) -> bytes:
        entry = self._functions[function]
        return keccak(signature_of(entry).encode())[:4] + encode([type_of(i) for i in entry["inputs"]], args)

    def send(self, sender: Signer, function: str, *args: Any) -> Outcome:
        """Raises `RevertedError`."""
        gas, computation = self.evm.run(sender, self.address, self.data(function, *args), keep=True)
        if computation.is_error:
            raise decode_error(self.artifact, computation.output)
        events = tuple(self._event(*entry) for entry in computation.get_log_entries())
        return Outcome(gas, events, self._value(function, computation.output))

    def call(self, function: str, *args: Any, sender: Signer | None = None) -> Any:
        """One value, or a tuple of several. Raises `RevertedError`."""
        _, computation = self.evm.run(sender or Signer("anybody"), self.address, self.data(function, *args), keep=False)
        if computation.is_error:
            raise decode_error(self.artifact, computation.output)
        return self._value(function, computation.output)

    def _value(self, function: str, output: bytes) -> Any:
        values = as_bytes(decode([type_of(o) for o in self._functions[function]["outputs"]], output))
        return values[0] if len(values) == 1 else values

    def _event(self, address: bytes, topics: Sequence[int], data: bytes) -> Event:
        words = [topic.to_bytes(32, "big") for topic in topics]
        entry = self._events[words[0]]
        rest = iter(as_bytes(decode([type_of(i) for i in entry["inputs"] if not i["indexed"]], data)))
        indexed = iter(words[1:])
        args = {
            i["name"]: as_bytes(decode([type_of(i)], next(indexed))[0]) if i["indexed"] else next(rest)
            for i in entry["inputs"]
        }
        return Event(entry["name"], args, address)

    def domain(self, name: str) -> dict[str, Any]:
        """The EIP-712 domain of this contract."""
        address = "0x" + self.address.hex()
        return {"name": name, "version": "1", "chainId": CHAIN_ID, "verifyingContract": address}
