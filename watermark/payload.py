"""What a copy says and which codes it carries; the commitments that its receipt holds before the bytes leave."""

import hashlib
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from watermark.errors import WatermarkError
from watermark.keys import Codes, EpochKey, shake_bits, shake_permutation

_ID = re.compile(r"[A-Za-z0-9_.\-]{1,64}")

MARKER = "mydata-watermark/1"
"""Version of the marker: layout, codes and carriers. It stands in every receipt's mark commitment."""


@dataclass(frozen=True)
class Mark:
    """One copy to be made.

    `notice_zh` and `notice_en` are the visible line;
    `maker` and `made_at` (free text, such as an ISO
    date) go into the copy's header. `copy_id`: letters, digits, `_.-`, at most 64 (`watermark.bad_id`). The same
    mark, key and original always give the same bytes.
    """

    copy_id: str
    entity_id: str
    content_id: str
    notice_zh: str
    notice_en: str = ""
    maker: str = "mydata"
    made_at: str = ""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.copy_id):
            raise WatermarkError("watermark.bad_id")


def notice_zh(entity_name: str, purpose: str, number: str) -> str:
    """The visible line in Chinese."""
    return f"仅限{entity_name}用于{purpose} 编号{number}"


def notice_en(entity_name: str, purpose: str, number: str) -> str:
    """The visible line in English."""
    return f"For {entity_name} only, for {purpose}. No. {number}"


@dataclass(frozen=True)
class Layout:
    """Which of `count` chip positions carry the entity's code; the others carry the copy's.

    `entity` and `copy` are index arrays, disjoint, together all of range(count), halves to within one.
    """

    entity: NDArray[np.intp]
    copy: NDArray[np.intp]


def layout(key: Codes, content_id: str, layer: str, count: int) -> Layout:
    """The keyed interleaving of entity and copy positions of one layer of one content."""
    seed = hashlib.sha256(key.layout_seed(content_id, MARKER) + layer.encode()).digest()
    order = np.array(shake_permutation(seed, count), dtype=np.intp)
    half = (count + 1) // 2
    return Layout(np.sort(order[:half]), np.sort(order[half:]))


def entity_chips(key: Codes, content_id: str, entity_id: str, layer: str, count: int) -> NDArray[np.int8]:
    """The entity's chips of one layer, -1 or +1, shape (count,)."""
    return shake_bits(key.entity_code(content_id, entity_id) + layer.encode(), count)


def copy_chips(key: Codes, content_id: str, copy_id: str, layer: str, count: int) -> NDArray[np.int8]:
    """The copy's chips of one layer, -1 or +1, shape (count,)."""
    return shake_bits(key.copy_code(content_id, copy_id) + layer.encode(), count)


def chips(mark: Mark, key: EpochKey, layer: str, count: int) -> NDArray[np.int8]:
    """All chips that `mark` writes into one layer, entity's and copy's interleaved, shape (count,)."""
    parts = layout(key, mark.content_id, layer, count)
    out = np.empty(count, dtype=np.int8)
    out[parts.entity] = entity_chips(key, mark.content_id, mark.entity_id, layer, len(parts.entity))
    out[parts.copy] = copy_chips(key, mark.content_id, mark.copy_id, layer, len(parts.copy))
    return out


def entity_order(key: Codes, content_id: str, entity_id: str, layer: str, group: int, count: int) -> list[int]:
    """Original item numbers in the order in which the entity's copies list them; one permutation per group."""
    seed = key.entity_code(content_id, entity_id) + layer.encode() + group.to_bytes(4, "big")
    return shake_permutation(seed, count)


def copy_order(key: Codes, content_id: str, copy_id: str, layer: str, group: int, count: int) -> list[int]:
    """Original item numbers in the order in which this copy alone lists them; one permutation per group."""
    return shake_permutation(key.copy_code(content_id, copy_id) + layer.encode() + group.to_bytes(4, "big"), count)


def code_sha256(mark: Mark, key: EpochKey) -> bytes:
    """SHA-256("mydata/code/1" 00 entity code, copy code): fixes the copy's whole code."""
    entity = key.entity_code(mark.content_id, mark.entity_id)
    return hashlib.sha256(b"mydata/code/1\0" + entity + key.copy_code(mark.content_id, mark.copy_id)).digest()


def layout_sha256(content_id: str, key: EpochKey) -> bytes:
    """SHA-256("mydata/layout/1" 00 layout seed): fixes where the code stands."""
    return hashlib.sha256(b"mydata/layout/1\0" + key.layout_seed(content_id, MARKER)).digest()


def mark_document(mark: Mark, key: EpochKey, original: bytes, file: bytes) -> dict[str, str]:
    """The document whose salted commitment is `mark` in the receipt (docs/formats.md); hashes as 0x hexadecimal."""
    return {
        "copy": mark.copy_id,
        "entity": mark.entity_id,
        "content": mark.content_id,
        "epoch": key.epoch,
        "code_sha256": "0x" + code_sha256(mark, key).hex(),
        "layout_sha256": "0x" + layout_sha256(mark.content_id, key).hex(),
        "marker": MARKER,
        "original_sha256": "0x" + hashlib.sha256(original).hexdigest(),
        "file_sha256": "0x" + hashlib.sha256(file).hexdigest(),
    }
