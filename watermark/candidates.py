"""Who may have leaked a content: the copies that were really issued of it, few or by the million."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from watermark.variants import Spelling

_STEP = 65_536


@dataclass(frozen=True)
class IssuedCopy:
    """A copy that was really made. `file_sha256`: 32 bytes of the file as delivered (after any seal), or nothing."""

    copy_id: str
    entity_id: str
    epoch: str
    file_sha256: bytes


@dataclass(frozen=True)
class CopyBatch:
    """Some issued copies, side by side. `files`: their SHA-256, or nothing where none is known."""

    copy_ids: Sequence[str]
    entity_ids: Sequence[str]
    epochs: Sequence[str]
    files: Sequence[bytes] = ()


class CopyStream(Protocol):
    """Issued copies that are read as they are needed, such as the lines of a file."""

    def batches(self) -> Iterator[CopyBatch]:
        """All of them, in order; every call begins anew."""
        ...


@dataclass(frozen=True)
class ContentCandidates:
    """An original that the leak may come from, and all copies ever issued of it.

    `copies` is a sequence, or a stream where there are too many to hold. `spellings`: as the copies were made with
    (`watermark.variants`). `outlived`: kept after other originals that the leak may come from were destroyed, so that
    nobody is named because they alone are left who fit.
    """

    content_id: str
    original: bytes
    media_type: str
    copies: Sequence[IssuedCopy] | CopyStream
    spellings: Mapping[str, Spelling] = field(default_factory=dict)
    outlived: bool = False


def batches_of(copies: Sequence[IssuedCopy] | CopyStream) -> Iterator[CopyBatch]:
    """The copies in batches, whatever holds them."""
    if not isinstance(copies, Sequence):
        yield from copies.batches()
        return
    for start in range(0, len(copies), _STEP):
        yield batch_of(copies[start : start + _STEP])


def batch_of(copies: Iterable[IssuedCopy]) -> CopyBatch:
    """`copies`, side by side."""
    held = list(copies)
    return CopyBatch(
        [copy.copy_id for copy in held],
        [copy.entity_id for copy in held],
        [copy.epoch for copy in held],
        [copy.file_sha256 for copy in held],
    )
