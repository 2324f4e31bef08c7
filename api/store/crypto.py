"""Envelope encryption and blind indexes.

Every holder has a random 256-bit data key, wrapped by a master key; values are AES-256-GCM under the data key. What
belongs to nobody (a returned file, an idempotent answer, a receipt without a holder) is sealed by the platform, under
a key derived for that one record. Shredding a wrapped data key (and forgetting it here) makes all that it sealed
unreadable.

    blob            = 01 || nonce (12 bytes) || ciphertext || tag (16 bytes)          under a holder's data key
    blob            = 02 || commitment to the platform key (32) || nonce || ciphertext || tag
    associated data = "mydata/blob/1" 00 purpose 00 record id 00 version 00 bound
    wrapped key     = nonce (12) || AES-256-GCM(master key, data key)
                      associated data "mydata/data-key/1" 00 holder id 00 master key id 00 bound

`bound` are other columns of the same row that must not be changed apart from the value: a moved or edited row fails to
open. AES-GCM does not commit to its key (one ciphertext can be made that opens under two), therefore each data key is
compared with its stored commitment, HMAC-SHA256(key, label), before it is used.

Nonces are 96 random bits. Under one key with n messages two nonces collide with a probability below n^2 / 2^97: a
holder's data key seals records, grants, contents, copies and receipts, at most 2^20 over a lifetime, which gives
2^-57; a record's platform key seals a handful. The master key wraps one key a holder: 2^27 holders give 2^-43. NIST
SP 800-38D allows 2^32 random-nonce messages under a key; none of the three comes near it.
"""

import hashlib
import hmac
import os
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.errors import ApiError, Kind
from api.store.keyring import KeyRing

NONCE_BYTES = 12
TAG_BYTES = 16
KEY_BYTES = 32
_HOLDER_BLOB = b"\x01"
_PLATFORM_BLOB = b"\x02"


class Purpose(StrEnum):
    """What a blob is; part of its associated data, so that no column's value passes for another's."""

    RECORD_BODY = "record_body"
    PROFILE = "profile"
    RETURNED_FILE = "returned_file"
    GRANT_SECRET = "grant_secret"  # noqa: S105  the column's name, not a secret
    CONTENT_ORIGINAL = "content_original"
    COPY_FILE = "copy_file"
    MARK_SALT = "mark_salt"
    RECEIPT_DETAILS = "receipt_details"
    REQUEST_EVIDENCE = "request_evidence"
    SESSION_DISPLAY = "session_display"
    IDEMPOTENCY_BODY = "idempotency_body"
    SIGN_IN = "sign_in"
    PASSKEY = "passkey"
    GRANT_DRAFT = "grant_draft"
    MANDATE_BODY = "mandate_body"
    VISIT_BODY = "visit_body"
    CASE_TEXT = "case_text"
    CONTACT = "contact"
    PULL_JOB = "pull_job"
    RETAINED_PROOF = "retained_proof"
    SEALED_DOCUMENT = "sealed_document"
    DISPUTE_TEXT = "dispute_text"
    EPOCH_KEY = "epoch_key"
    TRACE_CLUES = "trace_clues"
    SUSPECT_NAME = "suspect_name"
    SUSPECT_KEY = "suspect_key"
    SUSPECT_PIECE = "suspect_piece"


class Sealer(Protocol):
    """Seals and opens blobs: a holder's `DataKey`, or the `PlatformKey`."""

    def seal(self, purpose: Purpose, record_id: str, plain: bytes, *, version: int = 1, bound: bytes = b"") -> bytes:
        """Encrypt; the same arguments are needed to open."""
        ...

    def open(self, purpose: Purpose, record_id: str, blob: bytes, *, version: int = 1, bound: bytes = b"") -> bytes:
        """Decrypt; raises ApiError `store.ciphertext` where blob, arguments or key do not belong together."""
        ...


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as the database keeps it: columns `wrapped_key`, `master_key_id`, `key_commitment` of `holders`.

    `bound` are the row's other columns (kind and blind index): a row that was made to answer to another person's number
    no longer opens.
    """

    wrapped_key: bytes
    master_key_id: str
    key_commitment: bytes
    bound: bytes = b""


class DataKey:
    """A holder's decrypted data key. Lives in memory only; never printed."""

    __slots__ = ("_gcm", "holder_id")

    def __init__(self, holder_id: str, key: bytes) -> None:
        self.holder_id = holder_id
        self._gcm = AESGCM(key)

    def seal(self, purpose: Purpose, record_id: str, plain: bytes, *, version: int = 1, bound: bytes = b"") -> bytes:
        """Encrypt `plain` for one column of one row."""
        nonce = os.urandom(NONCE_BYTES)
        return _HOLDER_BLOB + nonce + self._gcm.encrypt(nonce, plain, _associated(purpose, record_id, version, bound))

    def open(self, purpose: Purpose, record_id: str, blob: bytes, *, version: int = 1, bound: bytes = b"") -> bytes:
        """Decrypt a blob that `seal` made with equal arguments; raises ApiError `store.ciphertext`."""
        if len(blob) < 1 + NONCE_BYTES + TAG_BYTES or blob[:1] != _HOLDER_BLOB:
            raise _ciphertext(purpose)
        nonce, body = blob[1 : 1 + NONCE_BYTES], blob[1 + NONCE_BYTES :]
        try:
            return self._gcm.decrypt(nonce, body, _associated(purpose, record_id, version, bound))
        except InvalidTag:
            raise _ciphertext(purpose) from None


class PlatformKey:
    """Seals what has no holder. Each (purpose, record) has a key of its own, so no key ever sees many nonces."""

    def __init__(self, masters: Mapping[str, bytes]) -> None:
        # A commitment to the root stands in each blob: it says which master key made it, and refuses any other.
        self._roots: dict[bytes, bytes] = {}
        for master in masters.values():
            root = _mac(master, b"mydata/platform-key/1")
            self._current = _commitment(root)
            self._roots[self._current] = root

    def seal(self, purpose: Purpose, record_id: str, plain: bytes, *, version: int = 1, bound: bytes = b"") -> bytes:
        """Encrypt `plain` for one column of one row."""
        nonce = os.urandom(NONCE_BYTES)
        gcm = self._record_key(self._roots[self._current], purpose, record_id)
        sealed = gcm.encrypt(nonce, plain, _associated(purpose, record_id, version, bound))
        return b"".join((_PLATFORM_BLOB, self._current, nonce, sealed))

    def open(self, purpose: Purpose, record_id: str, blob: bytes, *, version: int = 1, bound: bytes = b"") -> bytes:
        """Decrypt; raises ApiError `store.key_commitment` (sealed under another master key) or `store.ciphertext`."""
        if len(blob) < 1 + KEY_BYTES + NONCE_BYTES + TAG_BYTES or blob[:1] != _PLATFORM_BLOB:
            raise _ciphertext(purpose)
        root = self._roots.get(blob[1 : 1 + KEY_BYTES])
        if root is None:
            raise ApiError("store.key_commitment", Kind.INTEGRITY)
        start = 1 + KEY_BYTES
        nonce, body = blob[start : start + NONCE_BYTES], blob[start + NONCE_BYTES :]
        try:
            return self._record_key(root, purpose, record_id).decrypt(
                nonce, body, _associated(purpose, record_id, version, bound)
            )
        except InvalidTag:
            raise _ciphertext(purpose) from None

    @staticmethod
    def _record_key(root: bytes, purpose: Purpose, record_id: str) -> AESGCM:
        return AESGCM(_mac(root, b"mydata/platform-record/1\x00" + f"{purpose}\x00{record_id}".encode()))


class Vault:
    """Data keys, the platform's key and blind indexes. One per process; safe between threads.

    Decrypted data keys are cached in memory, at most `cached_holders` of them, least recently used out first; `forget`
    drops one at once, which erasure needs.
    """

    def __init__(self, keys: KeyRing, *, cached_holders: int = 8192) -> None:
        masters = dict(keys.masters)
        self._masters = {key_id: AESGCM(key) for key_id, key in masters.items()}
        self._current_master = list(masters)[-1]
        self._blind_index_key = keys.blind_index
        self._cached_holders = cached_holders
        self._cache: OrderedDict[str, tuple[WrappedKey, DataKey]] = OrderedDict()
        self._lock = threading.Lock()
        self.platform = PlatformKey(masters)

    def new_data_key(self, holder_id: str, bound: bytes = b"") -> tuple[WrappedKey, DataKey]:
        """A fresh random data key for a new holder: what to store, and the open key."""
        drawn = os.urandom(KEY_BYTES + NONCE_BYTES)
        key, nonce = drawn[:KEY_BYTES], drawn[KEY_BYTES:]
        aad = _wrap_associated(holder_id, self._current_master, bound)
        sealed = nonce + self._masters[self._current_master].encrypt(nonce, key, aad)
        wrapped = WrappedKey(sealed, self._current_master, _commitment(key), bound)
        return wrapped, self._remember(holder_id, wrapped, key)

    def data_key(self, holder_id: str, wrapped: WrappedKey) -> DataKey:
        """Open a holder's data key.

        Raises ApiError `store.key_commitment` (unknown master key, or a key that is not the committed one),
        `store.ciphertext` (altered, or another holder's) and `store.erased` (shredded).
        """
        with self._lock:
            cached = self._cache.get(holder_id)
            # A cached key answers only for the very row it came from: a row whose key was swapped or shredded behind
            # the service's back must not go on working from memory.
            if cached is not None and cached[0] == wrapped:
                self._cache.move_to_end(holder_id)
                return cached[1]
        if not wrapped.wrapped_key:
            raise ApiError("store.erased", Kind.NOT_FOUND)
        master = self._masters.get(wrapped.master_key_id)
        if master is None:
            raise ApiError("store.key_commitment", Kind.INTEGRITY)
        nonce, body = wrapped.wrapped_key[:NONCE_BYTES], wrapped.wrapped_key[NONCE_BYTES:]
        try:
            key = master.decrypt(nonce, body, _wrap_associated(holder_id, wrapped.master_key_id, wrapped.bound))
        except (InvalidTag, ValueError):
            raise ApiError("store.ciphertext", Kind.INTEGRITY, purpose="data_key") from None
        if not hmac.compare_digest(_commitment(key), wrapped.key_commitment):
            raise ApiError("store.key_commitment", Kind.INTEGRITY)
        return self._remember(holder_id, wrapped, key)

    def forget(self, holder_id: str) -> None:
        """Drop a holder's key from memory; part of erasure, in each process that may have it."""
        with self._lock:
            self._cache.pop(holder_id, None)

    def blind_index(self, kind: str, *parts: str) -> bytes:
        """32-byte keyed index over normalised text, equal for equal (kind, parts) and worthless without the key.

        Normalised: Unicode NFKC, outer white space off, upper case; so a full-width or lower-case check digit `x` finds
        the same person. Parts are length-prefixed, so ("ab", "c") and ("a", "bc") differ.
        """
        message = [_blind_prefix(kind), *(_length_prefixed(normalise(part)) for part in parts)]
        return _mac(self._blind_index_key, b"".join(message))

    def blind_form(self, kind: str, names: Sequence[str]) -> "BlindForm":
        """Indexes over the same names with ever other values, which cost a third of `blind_index` each."""
        return BlindForm(self._blind_index_key, kind, names)

    def _remember(self, holder_id: str, wrapped: WrappedKey, key: bytes) -> DataKey:
        data_key = DataKey(holder_id, key)
        with self._lock:
            self._cache[holder_id] = (wrapped, data_key)
            self._cache.move_to_end(holder_id)
            while len(self._cache) > self._cached_holders:
                self._cache.popitem(last=False)
        return data_key


class BlindForm:
    """`Vault.blind_index(kind, name, value, name, value, …)` for many rows: what they share is worked out once."""

    __slots__ = ("_key", "_openings", "_prefix")

    def __init__(self, key: bytes, kind: str, names: Sequence[str]) -> None:
        self._key = key
        self._prefix = _blind_prefix(kind)
        self._openings = [_length_prefixed(normalise(name)) for name in names]

    def index(self, values: Sequence[str]) -> bytes:
        """The index of one row; `values` in the order of the names, one for each."""
        message = [self._prefix]
        for opening, text in zip(self._openings, _normalised(values), strict=True):
            data = text.encode()
            message += opening, len(data).to_bytes(4, "big"), data
        return _mac(self._key, b"".join(message))


def _normalised(values: Sequence[str]) -> list[str]:
    """`normalise` of each value. Together, with line ends between, which no rule joins to their neighbours."""
    text = "\n".join(values)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    parts = text.upper().split("\n")
    if len(parts) != len(values):  # a value has line ends of its own
        return [normalise(value) for value in values]
    return [part.strip() for part in parts]


def _blind_prefix(kind: str) -> bytes:
    return b"mydata/blind-index/1\x00" + kind.encode() + b"\x00"


def _length_prefixed(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(4, "big") + data


def normalise(value: str) -> str:
    """Text as blind indexes see it: NFKC, stripped, upper case."""
    if not value.isascii():  # ASCII is in every normal form already
        value = unicodedata.normalize("NFKC", value)
    return value.strip().upper()


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _commitment(key: bytes) -> bytes:
    return _mac(key, b"mydata/key-commitment/1")


def _associated(purpose: Purpose, record_id: str, version: int, bound: bytes) -> bytes:
    return f"mydata/blob/1\x00{purpose.value}\x00{record_id}\x00{version}\x00".encode() + bound


def _wrap_associated(holder_id: str, master_id: str, bound: bytes) -> bytes:
    return f"mydata/data-key/1\x00{holder_id}\x00{master_id}\x00".encode() + bound


def _ciphertext(purpose: Purpose) -> ApiError:
    return ApiError("store.ciphertext", Kind.INTEGRITY, purpose=purpose.value)


def bound_columns(*values: str | int | bytes | None) -> bytes:
    """A digest of column values for `bound`; typed and length-prefixed, so no two rows share one."""
    parts: list[bytes] = []
    for value in values:
        if value is None:
            tag, data = b"n", b""
        elif isinstance(value, bytes):
            tag, data = b"b", value
        elif isinstance(value, int):
            tag, data = b"i", str(value).encode()
        else:
            tag, data = b"s", value.encode()
        parts += tag, len(data).to_bytes(8, "big"), data
    return hashlib.sha256(b"".join(parts)).digest()
