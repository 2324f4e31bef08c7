"""What the tracer says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from watermark.control import Control
from watermark.grounds import Grounds
from watermark.payload import MARKER

LEAST_BOUND = 1e-300
"""No stated bound is less: a number that a computer would round to nothing is still not nothing."""


def bound_of(n: int, log10_e: float) -> float:
    """An upper bound on the probability that any of `n` innocents reaches E: n/E (Markov)."""
    return float(min(1.0, max(n * 10.0 ** -min(log10_e, 300.0), LEAST_BOUND)))


class Outcome(StrEnum):
    """What the tracer says. ERASED comes from the service alone: a copy of ours whose original was destroyed by law."""

    IDENTIFIED = "identified"
    SUSPECT = "suspect"
    INCONCLUSIVE = "inconclusive"
    NONE = "none"
    ERASED = "erased"


@dataclass(frozen=True)
class Scored:
    """A candidate and its evidence: log10 of its e-value. `copy_id` is null for the entity as a whole.

    Of the accused alone: `bound`, on any innocent entity among all candidates reaching this evidence; `copy_bound`,
    on any copy of this entity that did not leak reaching the own part of the one that is named. Both are null where
    the naming rests on provenance, `copy_bound` also where no copy is named. An only copy is as sure as its entity.
    """

    entity_id: str
    copy_id: str | None
    log10_e: float
    bound: float | None = None
    copy_bound: float | None = None

    def to_dict(self) -> dict[str, object]:
        """JSON form of a candidate."""
        return {"copy": self.copy_id, "entity": self.entity_id, "log10_e": round(self.log10_e, 3)}

    def accused_dict(self) -> dict[str, object]:
        """JSON form of one who is accused, with the bound of each level."""
        return {**self.to_dict(), "bound": self.bound, "copy_bound": self.copy_bound}


def level_of(accused: Iterable[Scored]) -> str | None:
    """`copy` if of everyone who is accused a copy is named, else `entity`; None where nobody is."""
    copies = [scored.copy_id for scored in accused]
    if not copies:
        return None
    return "copy" if all(copies) else "entity"


def bound_of_all(accused: Iterable[Scored]) -> float | None:
    """That of the weakest accused: on any innocent being among them. None where one of them has none."""
    bounds = [scored.bound for scored in accused]
    stated = [bound for bound in bounds if bound is not None]
    return max(stated) if stated and len(stated) == len(bounds) else None


@dataclass(frozen=True)
class Verdict:
    """The tracer's answer.

    `accused`: who is named. `bound`: an upper bound on the probability that any innocent among the `n` candidates
    reaches the evidence of the weakest accused, so that anybody is accused wrongly; null where a naming rests on
    provenance, which has no stated probability. `level`: `copy` if of everyone accused a copy is named, else `entity`.
    `ranked`: candidate copies, strongest first, the first ten thousand of them. `layers`: log10 e-value by layer of the
    strongest candidate. `codes`: wording, with texts in the catalogue. `fits`: entities that hold everything of ours
    that the leak shows.
    `marker`: version of the marker. `parts`: name and verdict of each file of an archive, `unread`: name and error of
    those that could not be read. `control`: what codes that
    were never issued score. `grounds`: all that is needed to compute the scores again.
    """

    outcome: Outcome
    level: str | None
    n: int
    bound: float | None
    accused: tuple[Scored, ...]
    ranked: tuple[Scored, ...]
    layers: Mapping[str, float]
    codes: tuple[str, ...]
    fits: tuple[str, ...]
    matched_contents: tuple[str, ...]
    kind: str
    file_sha256: bytes
    ms: float
    marker: str = MARKER
    parts: tuple[tuple[str, "Verdict"], ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    control: Control | None = None
    grounds: Grounds | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, object]:
        """JSON form (docs/watermark.md)."""
        return {
            "outcome": self.outcome.value,
            "level": self.level,
            "n": self.n,
            "bound": self.bound,
            "accused": [s.accused_dict() for s in self.accused],
            "ranked": [s.to_dict() for s in self.ranked],
            "layers": {name: round(value, 3) for name, value in self.layers.items()},
            "codes": list(self.codes),
            "fits": list(self.fits),
            "contents": list(self.matched_contents),
            "kind": self.kind,
            "file_sha256": "0x" + self.file_sha256.hex(),
            "marker": self.marker,
            "ms": round(self.ms, 1),
            **({"control": self.control.to_dict()} if self.control else {}),
            **({"parts": [{"file": name, **part.to_dict()} for name, part in self.parts]} if self.parts else {}),
            **({"unread": [{"file": name, "error": code} for name, code in self.unread]} if self.unread else {}),
        }
