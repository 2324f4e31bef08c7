"""Calls of our contracts as bytes, how much gas each may use, and what their views answer.

Types come from the compiled interface (`chain.abi`), so that a changed signature changes the bytes; the functions below
give each call its Python signature. Hashes are 32 bytes, addresses 20, times seconds since 1970.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.crypto import keccak

from chain.abi import load
from chain.errors import ChainError, FormatError, Kind
from chain.grantmsg import GrantMessage, GrantStatus
from chain.ports import ADDRESS_BYTES, HASH_BYTES, Head

SELECTOR_BYTES = 4
WORD_BYTES = 32


class Role(IntEnum):
    """A party's one role, as PartyRegistry numbers them."""

    NONE = 0
    DEPARTMENT = 1
    ENTITY = 2
    REGULATOR = 3
    OPERATOR = 4


class PartyStatus(IntEnum):
    """A party's status, as PartyRegistry numbers them; NONE means never admitted."""

    NONE = 0
    ACTIVE = 1
    SUSPENDED = 2


@dataclass(frozen=True, slots=True)
class PartyProposal:
    """What two administrators must state alike to admit a party.

    `party_id` is the SHA-256 of its identifier with the service; `key_thumbprint` that of its HTTP key, or 32 zero
    bytes; `account` 20 zero bytes only for an entity that sends no transactions.
    """

    party_id: bytes
    role: Role
    account: bytes
    key_thumbprint: bytes
    metadata_hash: bytes


@dataclass(frozen=True, slots=True)
class LogHead:
    """ReceiptLog's head: the tree's head, the epoch it belongs to, and the time of its checkpoint."""

    head: Head
    epoch: int
    time_s: int


@dataclass(frozen=True, slots=True)
class PartyState:
    """A party as PartyRegistry has it now; `status` NONE where it never was admitted."""

    account: bytes
    role: Role
    status: PartyStatus
    admitted_at_s: int
    revision: int
    key_thumbprint: bytes
    metadata_hash: bytes


# Calls that change something


def propose(party: PartyProposal) -> bytes:
    """PartyRegistry.propose, by the first administrator."""
    return _call("PartyRegistry", "propose", *_party(party))


def admit(party: PartyProposal) -> bytes:
    """PartyRegistry.admit, by the second."""
    return _call("PartyRegistry", "admit", *_party(party))


def suspend_party(party_id: bytes) -> bytes:
    """PartyRegistry.suspend, by one administrator."""
    return _call("PartyRegistry", "suspend", party_id)


def propose_reinstatement(party_id: bytes) -> bytes:
    """PartyRegistry.proposeReinstatement, by the first administrator."""
    return _call("PartyRegistry", "proposeReinstatement", party_id)


def reinstate_party(party_id: bytes) -> bytes:
    """PartyRegistry.reinstate, by the second."""
    return _call("PartyRegistry", "reinstate", party_id)


def anchor(roots: Sequence[bytes], sizes: Sequence[int]) -> bytes:
    """CertificateAnchors.anchor, sent by the department itself."""
    return _call("CertificateAnchors", "anchor", list(roots), list(sizes))


def anchor_for(issuer: bytes, roots: Sequence[bytes], sizes: Sequence[int], signature: bytes) -> bytes:
    """CertificateAnchors.anchorFor: batches that the issuer signed (`chain.grantmsg.anchor_digest`)."""
    return _call("CertificateAnchors", "anchorFor", issuer, list(roots), list(sizes), signature)


def revoke(root: bytes, word: int, mask: int) -> bytes:
    """CertificateAnchors.revoke, sent by the department itself."""
    return _call("CertificateAnchors", "revoke", root, word, mask)


def revoke_for(issuer: bytes, root: bytes, word: int, mask: int, signature: bytes) -> bytes:
    """CertificateAnchors.revokeFor: certificates word * 256 + i for each set bit i of `mask`."""
    return _call("CertificateAnchors", "revokeFor", issuer, root, word, mask, signature)


def register_grant(message: GrantMessage, signature: bytes) -> bytes:
    """Grants.register: the message signed by the grant's own key."""
    return _call("Grants", "register", _grant(message), signature)


def change_grant(grant: bytes, status: GrantStatus, seq: int, signature: bytes) -> bytes:
    """Grants.change: pause, resume or revoke, signed by the grant's key; `seq` is 0 for the first change."""
    return _call("Grants", "change", grant, int(status), seq, signature)


def suspend_grant(grant: bytes, suspended: bool) -> bytes:
    """Grants.suspend, sent by a regulator."""
    return _call("Grants", "suspend", grant, suspended)


def end_grant(grant: bytes) -> bytes:
    """Grants.end, sent by the operator."""
    return _call("Grants", "end", grant)


def append(old: Head, new: Head, proof: Sequence[bytes]) -> bytes:
    """ReceiptLog.append: from `old`, which must be the chain's head, to `new`, with the consistency proof."""
    return _call("ReceiptLog", "append", old.size, old.root, new.size, new.root, list(proof))


def creation(contract: str, *arguments: object) -> bytes:
    """Creation code of a contract with its constructor's arguments."""
    types = next((_types(item["inputs"]) for item in load(contract).abi if item["type"] == "constructor"), ())
    return load(contract).bytecode + _encode(types, arguments)


# Views: the call, and what its answer means


def head() -> bytes:
    """ReceiptLog.head; read the answer with `read_head`."""
    return _call("ReceiptLog", "head")


def read_head(answer: bytes) -> LogHead:
    """The answer to `head`."""
    size, root, epoch, time_s = _read("ReceiptLog", "head", answer)
    return LogHead(Head(size, root), epoch, time_s)


def anchor_of(issuer: bytes, root: bytes) -> bytes:
    """CertificateAnchors.anchorOf; read the answer with `read_anchor`."""
    return _call("CertificateAnchors", "anchorOf", issuer, root)


def read_anchor(answer: bytes) -> tuple[int, int]:
    """Size and time (s) of the batch; both 0 where the issuer never anchored it."""
    size, time_s = _read("CertificateAnchors", "anchorOf", answer)
    return size, time_s


def is_active_at(grant: bytes, time_s: int) -> bytes:
    """Grants.isActiveAt; read the answer with `read_flag`."""
    return _call("Grants", "isActiveAt", grant, time_s)


def read_flag(answer: bytes) -> bool:
    """The answer of a view that says yes or no."""
    return bool(_decode(("bool",), answer)[0])


def party(party_id: bytes) -> bytes:
    """PartyRegistry.party; read the answer with `read_party`."""
    return _call("PartyRegistry", "party", party_id)


def read_party(answer: bytes) -> PartyState:
    """The answer to `party`."""
    ((account, role, status, admitted_at_s, revision, thumbprint, metadata),) = _read("PartyRegistry", "party", answer)
    return PartyState(
        bytes.fromhex(account[2:]), Role(role), PartyStatus(status), admitted_at_s, revision, thumbprint, metadata
    )


# Gas


class _GasRule(NamedTuple):
    """`base` for the call, `per_word` for each 32 bytes of its data."""

    base: int
    per_word: int


# Measured use and a third to a half as much again; a test on a real engine holds the margin. Gas costs nothing here,
# but what a block can hold is counted in limits, so they are not simply high.
_GAS = {
    ("PartyRegistry", "propose"): _GasRule(100_000, 0),
    ("PartyRegistry", "admit"): _GasRule(330_000, 0),  # an operator is told to two contracts
    ("PartyRegistry", "suspend"): _GasRule(100_000, 0),
    ("PartyRegistry", "proposeReinstatement"): _GasRule(100_000, 0),
    ("PartyRegistry", "reinstate"): _GasRule(150_000, 0),
    ("CertificateAnchors", "anchor"): _GasRule(40_000, 16_000),
    ("CertificateAnchors", "anchorFor"): _GasRule(40_000, 16_000),
    ("CertificateAnchors", "revoke"): _GasRule(90_000, 0),
    ("CertificateAnchors", "revokeFor"): _GasRule(100_000, 0),
    ("Grants", "register"): _GasRule(90_000, 0),
    ("Grants", "change"): _GasRule(60_000, 0),
    ("Grants", "suspend"): _GasRule(60_000, 0),
    ("Grants", "end"): _GasRule(60_000, 0),
    ("ReceiptLog", "append"): _GasRule(65_000, 2_500),
}

CREATION_GAS = 4_000_000


def gas_limit(data: bytes) -> int:
    """Gas limit for a call made by this module; ChainError (`chain.calls`) for any other."""
    rule = _gas_rules().get(data[:SELECTOR_BYTES])
    if rule is None:
        raise ChainError(f"no gas rule for 0x{data[:SELECTOR_BYTES].hex()}", code="chain.calls", kind=Kind.INTERNAL)
    return rule.base + rule.per_word * (len(data) // WORD_BYTES)


@cache
def _gas_rules() -> dict[bytes, _GasRule]:
    return {_function(contract, name).selector: rule for (contract, name), rule in _GAS.items()}


# Encoding


_FIXED = {"bytes32": HASH_BYTES, "address": ADDRESS_BYTES}


class _Function(NamedTuple):
    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@cache
def _function(contract: str, name: str) -> _Function:
    for item in load(contract).abi:
        if item["type"] == "function" and item["name"] == name:
            inputs = _types(item["inputs"])
            selector = keccak(f"{name}({','.join(inputs)})".encode())[:SELECTOR_BYTES]
            return _Function(selector, inputs, _types(item["outputs"]))
    raise ChainError(f"{contract} has no function {name}", code="chain.artifact", kind=Kind.INTERNAL)


def _types(parameters: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(solidity_type(parameter) for parameter in parameters)


def solidity_type(parameter: dict[str, Any]) -> str:
    """The canonical type of an ABI parameter, as it stands in a signature; a struct is written out as a tuple."""
    kind: str = parameter["type"]
    if kind.startswith("tuple"):
        inner = ",".join(solidity_type(component) for component in parameter["components"])
        return f"({inner}){kind.removeprefix('tuple')}"
    return kind


def _call(contract: str, name: str, *arguments: object) -> bytes:
    function = _function(contract, name)
    return function.selector + _encode(function.inputs, arguments)


def _read(contract: str, name: str, answer: bytes) -> tuple[Any, ...]:
    return _decode(_function(contract, name).outputs, answer)


def _encode(types: Sequence[str], arguments: Sequence[object]) -> bytes:
    try:
        for kind, argument in zip(types, arguments, strict=True):
            _check_length(kind, argument)
        return encode(types, arguments)
    except (EncodingError, ValueError, TypeError, OverflowError) as error:
        raise FormatError(f"arguments are not of {types}", code="chain.calls") from error


def _check_length(kind: str, argument: object) -> None:
    """The encoder pads short bytes; a short hash or address is a mistake here and must not become another hash."""
    if kind.endswith("[]") and isinstance(argument, list):
        for item in argument:
            _check_length(kind.removesuffix("[]"), item)
    elif kind.startswith("(") and isinstance(argument, tuple):
        for inner, item in zip(kind[1:-1].split(","), argument, strict=True):
            _check_length(inner, item)
    elif kind in _FIXED and (not isinstance(argument, bytes) or len(argument) != _FIXED[kind]):
        raise ValueError(kind)


def _decode(types: Sequence[str], answer: bytes) -> tuple[Any, ...]:
    try:
        return tuple(decode(types, answer))
    except (DecodingError, ValueError, TypeError, OverflowError) as error:
        raise FormatError(f"an answer is not of {types}", code="chain.calls") from error


def _party(party: PartyProposal) -> tuple[object, ...]:
    return party.party_id, int(party.role), party.account, party.key_thumbprint, party.metadata_hash


def _grant(message: GrantMessage) -> tuple[object, ...]:
    return message.key, message.terms, message.binding, message.not_before, message.not_after
