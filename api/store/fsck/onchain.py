"""What the check asks of the chain, and how a node answers it."""

from dataclasses import dataclass
from typing import Protocol

from chain import calls
from chain.calls import PartyStatus
from chain.heads import PastHead, all_heads
from chain.identity import ChainIdentity
from chain.ports import Head, Node


@dataclass(frozen=True, slots=True)
class OnChainParty:
    """A party as PartyRegistry has it: account (20 bytes), role's number, activity, thumbprint (32 bytes or zeroes)."""

    account: bytes
    role: int
    active: bool
    key_thumbprint: bytes


class ChainView(Protocol):
    """The chain's side of the comparison; raises `NodeError` where it cannot be asked."""

    def log_head(self) -> Head:
        """The newest head of ReceiptLog."""
        ...

    def is_checkpoint(self, size: int, root: bytes) -> bool:
        """Whether ReceiptLog ever had this head."""
        ...

    def anchored_size(self, issuer: bytes, root: bytes) -> int:
        """Size of an anchored batch, 0 where the issuer never anchored this root."""
        ...

    def party(self, party_hash: bytes) -> OnChainParty | None:
        """The party of SHA-256(party id), None where it was never admitted."""
        ...


class NodeChain:
    """`ChainView` over a node; check the identity before (`ChainIdentity.check`)."""

    def __init__(self, node: Node, identity: ChainIdentity) -> None:
        self._node = node
        self._identity = identity
        self._heads: dict[bytes, PastHead] | None = None

    def log_head(self) -> Head:
        """The newest head of ReceiptLog."""
        return calls.read_head(self._ask("ReceiptLog", calls.head())).head

    def is_checkpoint(self, size: int, root: bytes) -> bool:
        """Whether ReceiptLog ever had this head."""
        if self._heads is None:
            self._heads = all_heads(self._node, self._identity.address("ReceiptLog"), upto=self._node.block_number())
        past = self._heads.get(root)
        return past is not None and past.head.size == size and size > 0

    def anchored_size(self, issuer: bytes, root: bytes) -> int:
        """Size of an anchored batch, 0 where the issuer never anchored this root."""
        return calls.read_anchor(self._ask("CertificateAnchors", calls.anchor_of(issuer, root)))[0]

    def party(self, party_hash: bytes) -> OnChainParty | None:
        """The party of SHA-256(party id), None where it was never admitted."""
        state = calls.read_party(self._ask("PartyRegistry", calls.party(party_hash)))
        if state.status is PartyStatus.NONE:
            return None
        return OnChainParty(state.account, int(state.role), state.status is PartyStatus.ACTIVE, state.key_thumbprint)

    def _ask(self, contract: str, data: bytes) -> bytes:
        return self._node.call(self._identity.address(contract), data)
