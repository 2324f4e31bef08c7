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

    UNREACHABLE = "unreachable"  # no answer: retry later, nothing is known
    TIMED_OUT = "timed_out"  # no answer in time: the call may have taken effect
    ALREADY_KNOWN = "already_known"  # success, if the hash is the stored one
    NONCE_TOO_LOW = "nonce_too_low"  # success, if the stored hash has a receipt; else the nonce is lost
    NONCE_TOO_HIGH = "nonce_too_high"  # a gap: re-send the earlier ones
    UNDERPRICED = "underpriced"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    REVERTED = "reverted"  # final; `data` holds the revert bytes
    NOT_FOUND = "not_found"
    REJECTED = "rejected"  # the node refuses the input for another reason; final
    MALFORMED = "malformed"  # the answer is no JSON-RPC answer


class NodeError(ChainError):
    """A node call failed, for one of `RpcReason` (`chain.node.<reason>`)."""

    def __init__(self, reason: RpcReason, detail: str = "", data: bytes = b"") -> None:
        retriable = reason in {RpcReason.UNREACHABLE, RpcReason.TIMED_OUT, RpcReason.MALFORMED}
        super().__init__(detail, code=f"chain.node.{reason}", kind=Kind.UNAVAILABLE if retriable else Kind.INVALID)
        self.reason = reason
        self.data = data


class WrongChainError(ChainError):
    """The node stands on another chain, or was reset; anchoring halts (`chain.wrong_chain`)."""

    code = "chain.wrong_chain"
    kind = Kind.INTEGRITY


class FencedError(ChainError):
    """Another writer holds the lease; this one must stop writing (`chain.fenced`)."""

    code = "chain.fenced"
    kind = Kind.CONFLICT
