"""What a verdict rests on, so that anybody can compute its scores again without the key and without the files.

For every content that the leak shows: the evidence, which holds no code; for every candidate that the verdict speaks
of: the seeds of its codes, from which layout and chips follow as docs/formats.md says. The receipts of these copies
committed to the hashes of the same seeds before the copies left.
"""

from dataclasses import dataclass

from watermark.evidence import Evidence


@dataclass(frozen=True)
class CodeGround:
    """One candidate's seeds, 32 bytes each, and the tag that stands beside its explicit id."""

    copy_id: str
    entity_id: str
    entity_code: bytes
    copy_code: bytes
    tag: str


@dataclass(frozen=True)
class FileGround:
    """A copy and the SHA-256 of its file as it was delivered, 32 bytes; its receipt committed to the same."""

    copy_id: str
    entity_id: str
    file_sha256: bytes


@dataclass(frozen=True)
class ContentGround:
    """One content under one epoch's key: `evidence` (folded), the hash of its original, the seed of its layout.

    `codes`: all copies of the accused, and the strongest of the others.
    """

    evidence: Evidence
    epoch: str
    original_sha256: bytes
    layout_seed: bytes
    codes: tuple[CodeGround, ...]


@dataclass(frozen=True)
class Grounds:
    """All contents that the leak shows anything of. `key_hashes`: of the epochs, as they are anchored.

    `complete` is false when the accused hold so many copies that not all are listed. `attempts`: files of the archive
    that this one is of. `scored`: copies that were scored, over all contents. `held`: how many copies each entity of
    `contents` has in them, listed or not. `untouched`: copies whose file is the very suspect.
    """

    contents: tuple[ContentGround, ...]
    key_hashes: tuple[tuple[str, bytes], ...]
    complete: bool = True
    attempts: int = 1
    scored: int = 0
    held: tuple[tuple[str, int], ...] = ()
    untouched: tuple[FileGround, ...] = ()
