"""The informed tracer: which entity's copy a leaked file comes from, with a bound on naming an innocent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from watermark.keys import EpochKey


class Outcome(StrEnum):
    """What the tracer says."""

    IDENTIFIED = "identified"
    SUSPECT = "suspect"
    INCONCLUSIVE = "inconclusive"
    NONE = "none"


@dataclass(frozen=True)
class IssuedCopy:
    """A copy that was really made. `file_sha256`: 32 bytes of the file as delivered (after any seal)."""

    copy_id: str
    entity_id: str
    epoch: str
    file_sha256: bytes


@dataclass(frozen=True)
class ContentCandidates:
    """An original that the leak may come from, and all copies ever issued of it."""

    content_id: str
    original: bytes
    media_type: str
    copies: tuple[IssuedCopy, ...]


@dataclass(frozen=True)
class Scored:
    """A candidate and its joint evidence: log10 of its e-value. `copy_id` is null for the entity as a whole."""

    entity_id: str
    copy_id: str | None
    log10_e: float


@dataclass(frozen=True)
class Verdict:
    """The tracer's answer. P(any innocent is named) <= `bound`, for the statistical layers."""

    outcome: Outcome
    level: str | None
    n: int
    bound: float | None
    accused: tuple[Scored, ...]
    ranked: tuple[Scored, ...]
    layers: Mapping[str, Mapping[str, float]]
    codes: tuple[str, ...]
    fits: tuple[str, ...]
    matched_contents: tuple[str, ...]
    kind: str
    file_sha256: bytes
    marker: str
    ms: float

    def to_dict(self) -> dict[str, object]:
        """JSON form, see docs/watermark.md."""
        raise NotImplementedError


def trace(suspect: bytes, name: str, contents: Iterable[ContentCandidates], keys: Mapping[str, EpochKey]) -> Verdict:
    """Trace one file against `contents`; `keys` by epoch. Errors: `watermark.*` when the file cannot be read at all."""
    raise NotImplementedError


def provenance_tags(data: bytes, media_type: str, key: EpochKey) -> list[bytes]:
    """Tags (16 bytes each) to index when a content is made."""
    raise NotImplementedError


def candidate_tags(suspect: bytes, name: str, key: EpochKey) -> list[bytes]:
    """Tags of a suspect's cells, to be looked up in the index that `provenance_tags` filled."""
    raise NotImplementedError
