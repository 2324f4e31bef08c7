"""The chain as the verifier asks it (`chain.verdict.ChainView`), over any `Node`; all answers as of one block.

What the node answers is believed as the state of its chain: that it is the right chain, with the right contracts, is
for the verifier's steps 2 and 3. An answer that cannot be read counts as none (`NodeError` MALFORMED).
"""

import hashlib
from functools import cache, cached_property
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from chain.abi import load
from chain.calls import solidity_type
from chain.errors import FormatError, NodeError, RpcReason
from chain.events import EventReader
from chain.grantmsg import GrantStatus
from chain.heads import PastHead, find_head
from chain.ports import Node
from chain.trustfile import TrustFile
from chain.verdict import (
    Admission,
    AnchorRecord,
    BlockTime,
    CheckpointRecord,
    GrantRecord,
    PartyRecord,
    Role,
    Tenure,
)

_NO_ID = bytes(32)
_SUSPENDED = 2
_WORD_BITS = 256


class NodeView:
    """`ChainView` of the trust file's contracts through `node`, as of the node's head when first asked."""

    def __init__(self, node: Node, trust: TrustFile) -> None:
        self._node = node
        self._trust = trust
        self._answers: dict[tuple[str, str, tuple[object, ...]], tuple[Any, ...]] = {}
        self._times: dict[int, int] = {}
        self._past: dict[bytes, PastHead | None] = {}

    @cached_property
    def _head(self) -> BlockTime:
        head = self._node.block(self._node.block_number())
        return BlockTime(head.number, head.time_s)

    def block(self) -> BlockTime:
        """See `ChainView.block`."""
        return self._head

    def chain_id(self) -> int:
        """See `ChainView.chain_id`."""
        return self._node.chain_id()

    def genesis_hash(self) -> bytes:
        """See `ChainView.genesis_hash`."""
        return self._node.block(0).hash

    def code_hash(self, address: bytes) -> bytes:
        """See `ChainView.code_hash`."""
        return hashlib.sha256(self._node.code(address, self._head.number)).digest()

    def account(self, address: bytes) -> Tenure | None:
        """See `ChainView.account`."""
        ((party_id, _role, _active, since, until),) = self._ask("PartyRegistry", "accountRecord", address)
        return None if party_id == _NO_ID else Tenure(party_id, since, until or None)

    def key(self, thumbprint: bytes) -> Tenure | None:
        """See `ChainView.key`."""
        ((party_id, since, until),) = self._ask("PartyRegistry", "keyRecord", thumbprint)
        return None if party_id == _NO_ID else Tenure(party_id, since, until or None)

    def party(self, party_id: bytes) -> PartyRecord | None:
        """See `ChainView.party`."""
        ((_account, role, status, admitted_at, *_rest),) = self._ask("PartyRegistry", "party", party_id)
        return None if status == 0 else PartyRecord(Role(role), status == _SUSPENDED, admitted_at)

    def admission(self, party_id: bytes) -> Admission | None:
        """See `ChainView.admission`; finds the block by its time, as the registry keeps the time alone."""
        party = self.party(party_id)
        if party is None:
            return None
        first, after = self._first_at(party.admitted_at), self._first_at(party.admitted_at + 1)
        if first == after:
            return None
        registry = self._trust.contracts["PartyRegistry"].address
        block, reader = self._node.block(first), EventReader({registry: "PartyRegistry"})
        for entry in self._node.logs(first, after - 1, [registry]):
            try:
                event = reader.read(entry, block)
            except FormatError as error:
                raise NodeError(RpcReason.MALFORMED, error.detail) from error
            if event is None or event.name != "PartyAdmitted" or event.args["partyId"] != party_id:
                continue
            proposer, admitter = event.args["proposer"], event.args["admitter"]
            if isinstance(proposer, bytes) and isinstance(admitter, bytes):
                return Admission(proposer, admitter)
        return None

    def _first_at(self, time_s: int) -> int:
        """The first block of that time or later, one beyond the head where there is none.

        Times never fall from block to block; engines that seal on demand give several blocks the same second.
        """
        low, high = 0, self._head.number + 1
        while low < high:
            middle = (low + high) // 2
            if self._time_of(middle) < time_s:
                low = middle + 1
            else:
                high = middle
        return low

    def _time_of(self, number: int) -> int:
        if number not in self._times:
            self._times[number] = self._node.block(number).time_s
        return self._times[number]

    def anchor(self, issuer: bytes, root: bytes) -> AnchorRecord | None:
        """See `ChainView.anchor`."""
        size, time_s = self._ask("CertificateAnchors", "anchorOf", issuer, root)
        return AnchorRecord(size, time_s) if size else None

    def is_revoked(self, issuer: bytes, root: bytes, index: int) -> bool:
        """See `ChainView.is_revoked`; one call serves 256 certificates."""
        (bits,) = self._ask("CertificateAnchors", "revokedWord", issuer, root, index // _WORD_BITS)
        return bool(bits >> (index % _WORD_BITS) & 1)

    def grant(self, digest: bytes) -> GrantRecord | None:
        """See `ChainView.grant`."""
        ((key, not_before, not_after, status, suspended, seq),) = self._ask("Grants", "stateOf", digest)
        if status == GrantStatus.NONE:
            return None
        return GrantRecord(bytes.fromhex(key[2:]), not_before, not_after, GrantStatus(status), suspended, seq)

    def checkpoint(self, size: int, root: bytes) -> CheckpointRecord | None:
        """See `ChainView.checkpoint`."""
        head_size, head_root, epoch, time_s = self._ask("ReceiptLog", "head")
        if (size, root) == (head_size, head_root):
            return CheckpointRecord(size, epoch, time_s)
        if root not in self._past:
            contract = self._trust.contracts["ReceiptLog"].address
            self._past[root] = find_head(self._node, contract, root, upto=self._head.number)
        past = self._past[root]
        if past is None or past.head.size != size:
            return None
        return CheckpointRecord(size, past.epoch, self._time_of(past.block_number))

    def log_head(self) -> CheckpointRecord:
        """See `ChainView.log_head`."""
        size, _root, epoch, time_s = self._ask("ReceiptLog", "head")
        return CheckpointRecord(size, epoch, time_s)

    def _ask(self, contract: str, function: str, *arguments: object) -> tuple[Any, ...]:
        question = (contract, function, arguments)
        if question not in self._answers:
            selector, inputs, outputs = view_function(contract, function)
            data = selector + encode(inputs, arguments)
            address = self._trust.contracts[contract].address
            answer = self._node.call(address, data, block=self._head.number)
            try:
                self._answers[question] = tuple(decode(outputs, answer))
            except (DecodingError, ValueError) as error:
                raise NodeError(RpcReason.MALFORMED, f"{contract}.{function}") from error
        return self._answers[question]


@cache
def view_function(contract: str, name: str) -> tuple[bytes, tuple[str, ...], tuple[str, ...]]:
    """Selector, argument types and answer types, from the compiled interface."""
    item = next(item for item in load(contract).abi if item["type"] == "function" and item["name"] == name)
    inputs = tuple(solidity_type(parameter) for parameter in item["inputs"])
    outputs = tuple(solidity_type(parameter) for parameter in item["outputs"])
    return keccak(f"{name}({','.join(inputs)})".encode())[:4], inputs, outputs
