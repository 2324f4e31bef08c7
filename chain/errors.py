"""Errors of the chain package: one root, a stable code, a kind that the edge maps to an answer."""

from enum import StrEnum


class Kind(StrEnum):
    """What sort of failure it is; the web edge alone turns it into a status."""

    INVALID = "invalid"
    CONFLICT = "conflict"
    UNAVAILABLE = "unavailable"
    INTEGRITY = "integrity"
    INTERNAL = "internal"


class ChainError(Exception):
    """Root of every error that this package raises.

    `code` is stable and has a text in both languages in the catalogue; `detail` holds facts for an
    operator (heights, codes, addresses), never anything personal.
    """

    code = "chain.internal"
    kind = Kind.INTERNAL

    def __init__(self, detail: str = "", *, code: str | None = None, kind: Kind | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code
        if kind is not None:
            self.kind = kind


class CanonicalError(ChainError):
    """A value has no RFC 8785 form here (`chain.canonical`)."""

    code = "chain.canonical"
    kind = Kind.INVALID


class ProofError(ChainError):
    """A Merkle proof, index or size cannot be asked for or does not hold (`chain.proof`)."""

    code = "chain.proof"
    kind = Kind.INTEGRITY


class SignatureError(ChainError):
    """A signature is not of its one accepted form, or not by the key it should be by (`chain.signature`)."""

    code = "chain.signature"
    kind = Kind.INTEGRITY


class FormatError(ChainError):
    """A bundle, trust file, note or receipt is not of its published form (`chain.format`)."""

    code = "chain.format"
    kind = Kind.INVALID


class RpcReason(StrEnum):
    """The closed list of reasons for which a node call fails; each has one reaction in the relay."""

    UNREACHABLE = "unreachable"  # no answer; the call did not reach the node
    TIMED_OUT = "timed_out"  # no answer in time; the call may have taken effect
    ALREADY_KNOWN = "already_known"  # the node has this transaction
    NONCE_TOO_LOW = "nonce_too_low"  # the nonce is used up, by this transaction or by another
    NONCE_TOO_HIGH = "nonce_too_high"  # a gap before it
    UNDERPRICED = "underpriced"  # the node wants a higher price
    REPLACEMENT = "replacement"  # the pool holds another transaction under this nonce
    INSUFFICIENT_FUNDS = "insufficient_funds"  # the account cannot pay
    POOL_FULL = "pool_full"  # the pool has no room
    REVERTED = "reverted"  # the contract refuses; `data` holds the revert bytes
    NOT_FOUND = "not_found"  # the node does not have that block, or its state
    TOO_LARGE = "too_large"  # beyond the node's limit; of a range, ask for less
    WRONG_CHAIN = "wrong_chain"  # signed for another chain id
    REJECTED = "rejected"  # the node refuses the input for another reason
    MALFORMED = "malformed"  # the answer is no JSON-RPC answer


_RETRIABLE = frozenset({RpcReason.UNREACHABLE, RpcReason.TIMED_OUT, RpcReason.MALFORMED, RpcReason.POOL_FULL})


class NodeError(ChainError):
    """A node call failed, for one of `RpcReason` (`chain.node.<reason>`)."""

    def __init__(self, reason: RpcReason, detail: str = "", data: bytes = b"") -> None:
        retriable = reason in _RETRIABLE
        super().__init__(detail, code=f"chain.node.{reason}", kind=Kind.UNAVAILABLE if retriable else Kind.INVALID)
        self.reason = reason
        self.data = data


class WrongChainError(ChainError):
    """The node stands on another chain, or was reset; anchoring halts.

    `chain.wrong_chain` (chain id, genesis or contracts are others), `chain.reset` (none of the blocks that were taken
    in stands), `chain.rolled_back` (the chain ends below a final block), `chain.foreign_head` (the receipt log's head
    on the chain is none of ours).
    """

    code = "chain.wrong_chain"
    kind = Kind.INTEGRITY


class FencedError(ChainError):
    """Another writer holds the lease; this one must stop writing (`chain.fenced`)."""

    code = "chain.fenced"
    kind = Kind.CONFLICT
