"""Receipts: what they commit to, their leaf, the log's signed promise, and the mark of a copy; docs/formats.md.

A receipt's details stay with the service; the log holds a salted commitment only. Its number is inside the leaf and is
its index in the log. Ed25519 as in RFC 8032.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chain.canonical import Json, canonical, check_integer, check_salt, quoted, tagged_hash
from chain.errors import CanonicalError, FormatError, SignatureError
from chain.merkle import leaf_hash

RECEIPT_SCHEMA = "mydata/receipt/1"
PROMISE_SCHEMA = "mydata/promise/1"
LOG_ID_PREFIX = "mydata/log/"
# Canonical JSON with its members in their order: every receipt has one of each, and writing them so takes a third of
# the time of `canonical`, to which a property test compares them.
_LEAF = b'{"commitment":"0x%b","kind":%b,"log":%b,"number":%d,"schema":"mydata/receipt/1","time":%d}'
_PROMISE = b'{"leaf_hash":"0x%b","log":%b,"number":%d,"schema":"mydata/promise/1"}'
PUBLIC_KEY_BYTES = 32
PROMISE_BYTES = 64

MARK_FIELDS = frozenset(
    {"copy", "entity", "content", "epoch", "code_sha256", "layout_sha256", "marker", "original_sha256", "file_sha256"}
)


class ReceiptKind(StrEnum):
    """What a receipt may be about."""

    RETURN = "return"
    GRANT = "grant"
    CHANGE = "change"
    DELIVERY = "delivery"
    ORIGINAL = "original"
    REFUSAL = "refusal"
    TRACE = "trace"
    ADMISSION = "admission"
    DELETION = "deletion"
    ERASURE = "erasure"
    LOOK = "look"
    MANDATE = "mandate"
    CASE = "case"
    CREDENTIAL = "credential"
    REQUEST = "request"
    COUNT = "count"
    SEAL = "seal"
    EPOCH = "epoch"


def log_id(public_key: bytes) -> str:
    """`mydata/log/` + the first 16 hexadecimal digits of SHA-256 of the log's raw Ed25519 public key (32 bytes)."""
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise FormatError("/log/public_key", code="chain.format.length")
    return LOG_ID_PREFIX + hashlib.sha256(public_key).hexdigest()[:16]


def details_commitment(salt: bytes, details: Json) -> bytes:
    """`H("mydata/receipt-details/1", salt, JSON(details))`; 32 bytes."""
    check_salt(salt)
    return tagged_hash("mydata/receipt-details/1", salt, canonical(details))


def mark_commitment(salt: bytes, document: Mapping[str, Json]) -> bytes:
    """`H("mydata/mark/1", salt, JSON(document))`; the document has exactly `MARK_FIELDS`. Raises `FormatError`."""
    check_salt(salt)
    if document.keys() != MARK_FIELDS:
        raise FormatError("/mark/document", code="chain.format.missing")
    return tagged_hash("mydata/mark/1", salt, canonical(document))


def receipt_leaf(kind: ReceiptKind, log: str, number: int, time_s: int, commitment: bytes) -> dict[str, str | int]:
    """The leaf document of receipt `number` (its index in log `log`); `time_s` in whole seconds since 1970."""
    if number < 0 or time_s < 0 or len(commitment) != 32:
        raise FormatError("/receipt/leaf", code="chain.format.value")
    return {
        "schema": RECEIPT_SCHEMA,
        "kind": kind.value,
        "log": log,
        "number": number,
        "time": time_s,
        "commitment": "0x" + commitment.hex(),
    }


def receipt_leaf_bytes(kind: ReceiptKind, log: str, number: int, time_s: int, commitment: bytes) -> bytes:
    """The bytes of `receipt_leaf`, as the log keeps them."""
    if number < 0 or time_s < 0 or len(commitment) != 32:
        raise FormatError("/receipt/leaf", code="chain.format.value")
    check_integer(number)
    check_integer(time_s)
    return _LEAF % (commitment.hex().encode(), _quoted(kind.value), _quoted(log), number, time_s)


def receipt_leaf_hash(leaf: bytes) -> bytes:
    """The RFC 6962 leaf hash of a receipt leaf's bytes."""
    return leaf_hash(leaf)


def promise_bytes(log: str, number: int, leaf: bytes) -> bytes:
    """What the log signs when it promises to hold leaf hash `leaf` at `number`."""
    if number < 0 or len(leaf) != 32:
        raise FormatError("/receipt/promise", code="chain.format.value")
    check_integer(number)
    return _PROMISE % (leaf.hex().encode(), _quoted(log), number)


def _quoted(text: str) -> bytes:
    try:
        return quoted(text).encode()
    except UnicodeEncodeError:
        raise CanonicalError("text with an unpaired surrogate") from None


def sign_promise(key: Ed25519PrivateKey, log: str, number: int, leaf: bytes) -> bytes:
    """The log's signature (64 bytes) over `promise_bytes`."""
    return key.sign(promise_bytes(log, number, leaf))


def verify_promise(public_key: bytes, log: str, number: int, leaf: bytes, promise: bytes) -> None:
    """Raise `SignatureError` (`chain.signature.promise`) unless `promise` is the log's for this number and leaf."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(promise, promise_bytes(log, number, leaf))
    except (InvalidSignature, ValueError):
        raise SignatureError("the promise is not by the log's key", code="chain.signature.promise") from None
