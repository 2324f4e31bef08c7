"""Epoch keys and everything derived from them.

An epoch has one secret of 32 random bytes. Its hash is anchored when the epoch opens, so that no code, layout or tag
can be chosen after a leak. Every derivation is HMAC-SHA256 (RFC 2104) under a tag of its own over length-prefixed
parts; longer streams are SHAKE-256 (FIPS 202) of the derived 32 bytes, so that the bits are the same in every version
of every library.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from watermark.errors import WatermarkError

SECRET_BYTES = 32
TAG_BYTES = 16


def shake_bits(seed: bytes, count: int) -> NDArray[np.int8]:
    """`count` chips of -1 or +1 from SHAKE-256 of `seed`, shape (count,)."""
    stream = np.frombuffer(hashlib.shake_256(seed).digest((count + 7) // 8), dtype=np.uint8)
    return (np.unpackbits(stream)[:count].astype(np.int8) << 1) - 1


def shake_permutation(seed: bytes, count: int) -> list[int]:
    """A permutation of range(count), uniform over SHAKE-256 streams of `seed`: the ranks of `count` 64-bit words.

    Two equal words would make it non-uniform; their probability is under count^2 / 2^65.
    """
    stream = hashlib.shake_256(seed).digest(8 * count)
    words = [stream[8 * i : 8 * i + 8] for i in range(count)]
    return sorted(range(count), key=words.__getitem__)


class Codes(Protocol):
    """Where seeds come from: an epoch's key, or a report that lists those of the candidates it speaks of."""

    def entity_code(self, content_id: str, entity_id: str) -> bytes:
        """See `EpochKey.entity_code`."""
        ...

    def copy_code(self, content_id: str, copy_id: str) -> bytes:
        """See `EpochKey.copy_code`."""
        ...

    def layout_seed(self, content_id: str, version: str) -> bytes:
        """See `EpochKey.layout_seed`."""
        ...

    def copy_tag(self, content_id: str, entity_id: str, copy_id: str) -> str:
        """See `EpochKey.copy_tag`."""
        ...


@dataclass(frozen=True)
class EpochKey:
    """The secret of one epoch (`secret`: 32 random bytes, never logged or shown).

    Errors: `watermark.bad_key` when the secret has another length.
    """

    epoch: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise WatermarkError("watermark.bad_key", bytes=SECRET_BYTES)

    def derive(self, label: str, *parts: str | bytes) -> bytes:
        """32 bytes for `label` and `parts`; distinct labels or parts give independent bytes."""
        message = [b"mydata/watermark/", label.encode(), b"/1\0"]
        for part in parts:
            raw = part.encode() if isinstance(part, str) else part
            message += [len(raw).to_bytes(4, "big"), raw]
        return hmac.digest(self.secret, b"".join(message), "sha256")

    def derive_each(self, label: str, first: str, seconds: Iterable[str]) -> list[bytes]:
        """`derive(label, first, second)` for every second part.

        The two hashes of HMAC are begun once, with the key and what all messages share, and copied: half the time.
        """
        head = b"mydata/watermark/" + label.encode() + b"/1\0" + len(first.encode()).to_bytes(4, "big") + first.encode()
        block = self.secret.ljust(64, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + head)
        outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        found = []
        for second in seconds:
            raw = second.encode()
            within, around = inner.copy(), outer.copy()
            within.update(len(raw).to_bytes(4, "big") + raw)
            around.update(within.digest())
            found.append(around.digest())
        return found

    @property
    def key_hash(self) -> bytes:
        """What is anchored when the epoch opens: SHA-256("mydata/epoch-key/1" 00 secret epoch)."""
        return hashlib.sha256(b"mydata/epoch-key/1\0" + self.secret + self.epoch.encode()).digest()

    def entity_code(self, content_id: str, entity_id: str) -> bytes:
        """Seed of the code that all copies of this content for one entity share."""
        return self.derive("entity-code", content_id, entity_id)

    def copy_code(self, content_id: str, copy_id: str) -> bytes:
        """Seed of the code of one copy alone."""
        return self.derive("copy-code", content_id, copy_id)

    def entity_codes(self, content_id: str, entity_ids: Iterable[str]) -> list[bytes]:
        """`entity_code` of many."""
        return self.derive_each("entity-code", content_id, entity_ids)

    def copy_codes(self, content_id: str, copy_ids: Iterable[str]) -> list[bytes]:
        """`copy_code` of many."""
        return self.derive_each("copy-code", content_id, copy_ids)

    def layout_seed(self, content_id: str, version: str) -> bytes:
        """Seed of the layout (which coordinate carries which part); the same for all copies of one content."""
        return self.derive("layout", content_id, version)

    def copy_tag(self, content_id: str, entity_id: str, copy_id: str) -> str:
        """The 128-bit tag beside a copy's explicit id, 32 hexadecimal digits. An id without its tag proves nothing."""
        return self.derive("copy-tag", content_id, entity_id, copy_id)[:TAG_BYTES].hex()

    def provenance_tag(self, value: str) -> bytes:
        """16 bytes under which a normalised value is indexed; without the key nobody can guess values from tags."""
        return self.derive("provenance", value)[:TAG_BYTES]
