"""EIP-712 messages of the contracts Grants and CertificateAnchors, and what a grant commits to; docs/formats.md.

The digests are made here by hand from keccak-256, since the structures are four fixed ones and the digest of a grant is
its id; a test compares each with eth-account's general encoder. A signature has exactly one accepted form (65 bytes,
low s, v 27 or 28), as in the contracts, so that nobody can make a second valid one out of the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from coincurve import PublicKey
from eth_hash.auto import keccak

from chain.canonical import Json, canonical, check_salt, tagged_hash
from chain.errors import FormatError, SignatureError

GRANTS_DOMAIN = "mydata Grants"
ANCHORS_DOMAIN = "mydata CertificateAnchors"
DOMAIN_VERSION = "1"
ADDRESS_BYTES = 20
HASH_BYTES = 32
SIGNATURE_BYTES = 65
UINT40_MAX = 2**40 - 1

GRANT_TYPE = "Grant(address key,bytes32 terms,bytes32 binding,uint40 notBefore,uint40 notAfter)"
CHANGE_TYPE = "Change(bytes32 grant,uint8 status,uint8 seq)"
ANCHOR_TYPE = "Anchor(address issuer,bytes32[] roots,uint64[] sizes)"
REVOKE_TYPE = "Revoke(address issuer,bytes32 root,uint256 word,uint256 mask)"

_DOMAIN_HASH = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_GRANT_HASH = keccak(GRANT_TYPE.encode())
_CHANGE_HASH = keccak(CHANGE_TYPE.encode())
_ANCHOR_HASH = keccak(ANCHOR_TYPE.encode())
_REVOKE_HASH = keccak(REVOKE_TYPE.encode())

# Order of the curve secp256k1 (SEC 2, section 2.4.1); s above its half is the mirrored twin of a signature.
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HALF_ORDER = _ORDER // 2


class GrantStatus(IntEnum):
    """Status of a grant as the contract holds it; `NONE` = the contract does not know the grant.

    `REVOKED` is the holder's end, `ENDED` the platform's; a signed change never leads to `ENDED`.
    """

    NONE = 0
    ACTIVE = 1
    PAUSED = 2
    REVOKED = 3
    ENDED = 4


@dataclass(frozen=True, slots=True)
class GrantMessage:
    """What the grant's own key signs: its address (20 bytes), two hashes (32 bytes), seconds since 1970."""

    key: bytes
    terms: bytes
    binding: bytes
    not_before: int
    not_after: int

    def __post_init__(self) -> None:
        """Raise `FormatError` where a field has no place in the signed structure."""
        if len(self.key) != ADDRESS_BYTES or len(self.terms) != HASH_BYTES or len(self.binding) != HASH_BYTES:
            raise FormatError("/grant/message", code="chain.format.length")
        if not 0 <= self.not_before < self.not_after <= UINT40_MAX:
            raise FormatError("/grant/message", code="chain.format.value")


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _address_word(address: bytes) -> bytes:
    if len(address) != ADDRESS_BYTES:
        raise FormatError("", code="chain.format.length")
    return bytes(12) + address


@lru_cache(maxsize=16)
def domain_separator(name: str, chain_id: int, contract: bytes) -> bytes:
    """The EIP-712 domain separator of one of our contracts; 32 bytes."""
    words = (_DOMAIN_HASH, keccak(name.encode()), keccak(DOMAIN_VERSION.encode()), _word(chain_id))
    return keccak(b"".join(words) + _address_word(contract))


def _digest(domain: bytes, *words: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain + keccak(b"".join(words)))


def grant_digest(message: GrantMessage, chain_id: int, grants_contract: bytes) -> bytes:
    """The digest to sign for a grant; it is also the grant's id on chain; 32 bytes."""
    return _digest(
        domain_separator(GRANTS_DOMAIN, chain_id, grants_contract),
        _GRANT_HASH,
        _address_word(message.key),
        message.terms,
        message.binding,
        _word(message.not_before),
        _word(message.not_after),
    )


def change_digest(grant: bytes, status: GrantStatus, seq: int, chain_id: int, grants_contract: bytes) -> bytes:
    """The digest to sign for a change of grant `grant` (its digest) to `status`; `seq` is the grant's event number."""
    if len(grant) != HASH_BYTES or not 0 <= seq <= 255:
        raise FormatError("", code="chain.format.value")
    domain = domain_separator(GRANTS_DOMAIN, chain_id, grants_contract)
    return _digest(domain, _CHANGE_HASH, grant, _word(status), _word(seq))


def anchor_digest(
    issuer: bytes, roots: Sequence[bytes], sizes: Sequence[int], chain_id: int, anchors_contract: bytes
) -> bytes:
    """The digest by which department `issuer` approves batch roots with their sizes, sent by a relay."""
    if len(roots) != len(sizes) or any(len(root) != HASH_BYTES for root in roots):
        raise FormatError("", code="chain.format.length")
    domain = domain_separator(ANCHORS_DOMAIN, chain_id, anchors_contract)
    packed_sizes = b"".join(_word(size) for size in sizes)
    return _digest(domain, _ANCHOR_HASH, _address_word(issuer), keccak(b"".join(roots)), keccak(packed_sizes))


def revoke_digest(issuer: bytes, root: bytes, word: int, mask: int, chain_id: int, anchors_contract: bytes) -> bytes:
    """The digest by which department `issuer` revokes the certificates of `mask` in bitmap word `word` of `root`."""
    if len(root) != HASH_BYTES:
        raise FormatError("", code="chain.format.length")
    domain = domain_separator(ANCHORS_DOMAIN, chain_id, anchors_contract)
    return _digest(domain, _REVOKE_HASH, _address_word(issuer), root, _word(word), _word(mask))


def recover(digest: bytes, signature: bytes) -> bytes:
    """The address (20 bytes) whose key signed `digest`.

    Raises `SignatureError` with code `chain.signature.length`, `.high_s`, `.bad_v` or `.bad_value`.
    """
    if len(digest) != HASH_BYTES or len(signature) != SIGNATURE_BYTES:
        raise SignatureError("a signature has 65 bytes", code="chain.signature.length")
    s, v = int.from_bytes(signature[32:64], "big"), signature[64]
    if s > _HALF_ORDER:
        raise SignatureError("s in the upper half", code="chain.signature.high_s")
    if v not in {27, 28}:
        raise SignatureError("v neither 27 nor 28", code="chain.signature.bad_v")
    try:
        key = PublicKey.from_signature_and_message(signature[:64] + bytes([v - 27]), digest, hasher=None)
    except ValueError:
        raise SignatureError("no key recovers", code="chain.signature.bad_value") from None
    return keccak(key.format(compressed=False)[1:])[12:]


def check_signer(digest: bytes, signature: bytes, signer: bytes) -> None:
    """Raise `SignatureError` unless `signer` signed: `chain.signature.other_signer`, or a code of `recover`."""
    if recover(digest, signature) != signer:
        raise SignatureError("another key signed", code="chain.signature.other_signer")


def terms_hash(salt: bytes, terms: Json) -> bytes:
    """`H("mydata/terms/1", salt, JSON(terms document))`; 32 bytes."""
    check_salt(salt)
    return tagged_hash("mydata/terms/1", salt, canonical(terms))


def binding_commitment(salt: bytes, token: str) -> bytes:
    """`H("mydata/binding/1", salt, token)`: binds a grant to the identity provider's token; 32 bytes."""
    check_salt(salt)
    return tagged_hash("mydata/binding/1", salt, token.encode())


def authority_digest(terms: bytes) -> bytes:
    """What a department's account signs where a duty by law takes the place of consent; 32 bytes.

    `H("mydata/authority/1", terms)`, `terms` being the commitment that `terms_hash` gives.
    """
    return tagged_hash("mydata/authority/1", terms)


def counter_digest(terms: bytes) -> bytes:
    """What a department's account signs as witness of a yes that was said at its counter; 32 bytes.

    `H("mydata/counter/1", terms)`, `terms` being the commitment that `terms_hash` gives.
    """
    return tagged_hash("mydata/counter/1", terms)


def binding_nonce(terms: bytes) -> str:
    """The nonce that the identity provider's token must carry: 64 lower-case hexadecimal digits of `terms`."""
    return terms.hex()
