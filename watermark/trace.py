"""The informed tracer: which entity's copy a leaked file comes from, with a bound on naming an innocent."""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from watermark.carriers import carrier_evidence
from watermark.detect import IDENTIFIED_ALPHA, SUSPECT_ALPHA, TAG_LOG10_E
from watermark.evidence import Evidence
from watermark.examine import Examined, examine
from watermark.keys import EpochKey
from watermark.lookup import candidate_tags, provenance_tags
from watermark.payload import MARKER
from watermark.scoring import ContentScorer, CopyScore, entity_log10_e


class Outcome(StrEnum):
    """What the tracer says. ERASED comes from the service alone: a copy of ours whose original was destroyed by law."""

    IDENTIFIED = "identified"
    SUSPECT = "suspect"
    INCONCLUSIVE = "inconclusive"
    NONE = "none"
    ERASED = "erased"


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
    """A candidate and its evidence: log10 of its e-value. `copy_id` is null for the entity as a whole."""

    entity_id: str
    copy_id: str | None
    log10_e: float

    def to_dict(self) -> dict[str, object]:
        """JSON form."""
        return {"copy": self.copy_id, "entity": self.entity_id, "log10_e": round(self.log10_e, 3)}


@dataclass(frozen=True)
class Verdict:
    """The tracer's answer.

    `accused`: who is named. `bound`: an upper bound on the probability that any innocent among the `n` candidates
    reaches the evidence of the strongest accused; null where the naming rests on provenance, which has no stated
    probability. `level`: `copy` if a copy is named, `entity` if only the entity is. `ranked`: all candidate copies,
    strongest first. `layers`: log10 e-value by layer of the strongest candidate. `codes`: wording, with texts in the
    catalogue. `fits`: entities that hold everything of ours that the leak shows. `marker`: version of the marker.
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

    def to_dict(self) -> dict[str, object]:
        """JSON form (docs/watermark.md)."""
        return {
            "outcome": self.outcome.value,
            "level": self.level,
            "n": self.n,
            "bound": self.bound,
            "accused": [s.to_dict() for s in self.accused],
            "ranked": [s.to_dict() for s in self.ranked],
            "layers": {name: round(value, 3) for name, value in self.layers.items()},
            "codes": list(self.codes),
            "fits": list(self.fits),
            "contents": list(self.matched_contents),
            "kind": self.kind,
            "file_sha256": "0x" + self.file_sha256.hex(),
            "marker": self.marker,
            "ms": round(self.ms, 1),
        }


def trace(
    suspect: bytes | Examined, name: str, contents: Iterable[ContentCandidates], keys: Mapping[str, EpochKey]
) -> Verdict:
    """Trace one file against `contents`; `keys` by epoch.

    Candidates must have been chosen from the leak alone (by `candidate_tags` and `Examined.copy_ids`), with all
    copies of each content: leaving somebody out, or adding somebody on suspicion, voids the bound. Copies whose
    epoch's key is not given are counted and not scored. Errors: those of `examine`; `watermark.bad_original` for a
    broken original.
    """
    start = time.perf_counter()
    examined = suspect if isinstance(suspect, Examined) else examine(suspect, name)
    case = _Case(examined)
    for content in contents:
        case.add(content, keys)
    spent = (time.perf_counter() - start) * 1000
    return case.verdict(spent + (examined.read_ms if isinstance(suspect, Examined) else 0.0))


class _Case:
    """Evidence gathered over all contents, then weighed."""

    def __init__(self, examined: Examined) -> None:
        self._examined = examined
        self._n = 0
        self._untouched: list[tuple[str, IssuedCopy]] = []
        self._scores: dict[str, list[CopyScore]] = {}
        self._held: dict[str, set[int]] = {}
        self._strong_cells: set[int] = set()
        self._matched: list[str] = []
        self._copies_matched: dict[str, set[str]] = {}
        self._unkeyed = False

    def add(self, content: ContentCandidates, keys: Mapping[str, EpochKey]) -> None:
        self._n += max(1, len(content.copies))
        self._untouched += [(content.content_id, c) for c in content.copies if c.file_sha256 == self._examined.sha256]
        evidence = carrier_evidence(self._examined.leak, content.original, content.media_type, content.content_id)
        if content.copies and evidence.coverage.rows:
            self._matched.append(content.content_id)
            self._cover(content, evidence)
        scorers: dict[str, ContentScorer] = {}
        for copy in content.copies:
            key = keys.get(copy.epoch)
            if key is None:
                self._unkeyed = True
                continue
            scorer = scorers.setdefault(copy.epoch, ContentScorer(evidence, key))
            self._scores.setdefault(copy.entity_id, []).append(scorer.score(copy.entity_id, copy.copy_id))

    def _cover(self, content: ContentCandidates, evidence: Evidence) -> None:
        cells = evidence.coverage.cells
        if evidence.coverage.strong:
            self._strong_cells |= cells
        for copy in content.copies:
            self._held.setdefault(copy.entity_id, set()).update(cells)
            self._copies_matched.setdefault(copy.entity_id, set()).add(copy.copy_id)

    def verdict(self, ms: float) -> Verdict:
        ranked = sorted((s for scores in self._scores.values() for s in scores), key=lambda s: -s.log10_e)
        outcome, accused, codes = self._judge()
        top = accused[0].log10_e if accused else 0.0
        stated = outcome in {Outcome.IDENTIFIED, Outcome.SUSPECT} and "watermark.trace.provenance" not in codes
        level = None
        if accused:
            level = "copy" if all(s.copy_id for s in accused) else "entity"
        if self._unkeyed:
            codes.append("watermark.trace.key_missing")
        strongest = next((s for s in ranked if not accused or s.entity_id == accused[0].entity_id), None)
        return Verdict(
            outcome=outcome,
            level=level,
            n=self._n,
            bound=min(1.0, self._n * 10.0**-top) if stated else None,
            accused=tuple(accused),
            ranked=tuple(Scored(s.entity_id, s.copy_id, s.log10_e) for s in ranked),
            layers={**strongest.entity_layers, **strongest.copy_layers} if strongest else {},
            codes=tuple(codes),
            fits=tuple(self._fits()),
            matched_contents=tuple(self._matched),
            kind=self._examined.kind,
            file_sha256=self._examined.sha256,
            ms=ms,
        )

    def _fits(self) -> list[str]:
        """Entities whose copies hold all that the leak shows of ours."""
        everything: set[int] = set().union(*self._held.values()) if self._held else set()
        return sorted(entity for entity, cells in self._held.items() if cells == everything)

    def _judge(self) -> tuple[Outcome, list[Scored], list[str]]:
        if self._untouched:
            accused = [Scored(c.entity_id, c.copy_id, TAG_LOG10_E) for _, c in self._untouched]
            return Outcome.IDENTIFIED, accused, ["watermark.trace.identified", "watermark.trace.untouched"]
        joint = {entity: entity_log10_e(scores) for entity, scores in self._scores.items()}
        for outcome, alpha in ((Outcome.IDENTIFIED, IDENTIFIED_ALPHA), (Outcome.SUSPECT, SUSPECT_ALPHA)):
            needed = math.log10(self._n / alpha) if self._n else math.inf
            named = sorted((e for e in joint if joint[e] >= needed), key=lambda e: -joint[e])
            if named:
                accused = [self._scored(entity, joint[entity], alpha) for entity in named]
                codes = [f"watermark.trace.{outcome.value}"]
                codes += ["watermark.trace.several"] if len(named) > 1 else []
                return outcome, accused, codes
        return self._judge_by_provenance(joint)

    def _scored(self, entity: str, log10_e: float, alpha: float) -> Scored:
        """The entity, and its copy if its own evidence settles that or there is only one."""
        scores = self._scores[entity]
        if len({s.copy_id for s in scores}) == 1:
            return Scored(entity, scores[0].copy_id, log10_e)
        best = max(scores, key=lambda s: s.own_log10_e)
        settled = best.own_log10_e >= math.log10(len(scores) / alpha)
        return Scored(entity, best.copy_id if settled else None, log10_e)

    def _judge_by_provenance(self, joint: Mapping[str, float]) -> tuple[Outcome, list[Scored], list[str]]:
        if not self._matched:
            pointer = ["watermark.trace.pointer_only"] if self._examined.copy_ids else []
            return Outcome.NONE, [], ["watermark.trace.none", *pointer]
        fits = self._fits()
        if self._strong_cells and len(fits) == 1:
            only = fits[0]
            copies = self._copies_matched[only]
            accused = Scored(only, next(iter(copies)) if len(copies) == 1 else None, joint.get(only, 0.0))
            codes = ["watermark.trace.suspect", "watermark.trace.provenance", "watermark.trace.holder_and_source"]
            return Outcome.SUSPECT, [accused], codes
        if not self._strong_cells:
            reason = "watermark.trace.common_values"
        else:
            reason = "watermark.trace.several_fit" if fits else "watermark.trace.nobody_fits_all"
        return Outcome.INCONCLUSIVE, [], ["watermark.trace.inconclusive", reason, "watermark.trace.holder_and_source"]


__all__ = [
    "ContentCandidates",
    "Examined",
    "IssuedCopy",
    "Outcome",
    "Scored",
    "Verdict",
    "candidate_tags",
    "examine",
    "provenance_tags",
    "trace",
]
