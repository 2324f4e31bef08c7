"""What a report states, held against what its own grounds give: who, which copy, how surely and in which words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from watermark.archive import Said, summary_of
from watermark.detect import IDENTIFIED_ALPHA, SUSPECT_ALPHA, TAG_LOG10_E, log10_sum
from watermark.gather import MAX_CODES, MAX_RANKED, OTHERS
from watermark.grounds import Grounds
from watermark.scoring import CopyScore, entity_log10_e
from watermark.verdict import Outcome, Scored, bound_of, bound_of_all, level_of

Finding = tuple[str, Mapping[str, str]]
_TOLERANCE = 0.0015
"""Reports state log10 E to three digits."""
_CODE = "watermark.trace."
_REASONS = frozenset({"picture_only", "common_values", "several_fit", "nobody_fits_all"})
_JUDGED = _REASONS | frozenset(
    {"several", "untouched", "provenance", "holder_and_source", "pointer_only", *(outcome.value for outcome in Outcome)}
)
"""Codes that follow from the judgement; others tell how the file was read."""


@dataclass(frozen=True)
class Restated:
    """One file's verdict as its report has it, and the scores of the copies whose seeds the report holds.

    `attempts`: files of the archive that this one is of.
    """

    document: Mapping[str, Any]
    grounds: Grounds
    scores: Sequence[CopyScore]
    attempts: int

    @cached_property
    def _of(self) -> Mapping[str, Sequence[CopyScore]]:
        found: dict[str, list[CopyScore]] = {}
        for score in self.scores:
            found.setdefault(score.entity_id, []).append(score)
        return found

    @cached_property
    def _held(self) -> Mapping[str, int]:
        return dict(self.grounds.held)

    def _whole(self, entity: str) -> bool:
        """Whether all copies of an entity are listed."""
        return len(self._of.get(entity, ())) == self._held.get(entity, 0)

    @cached_property
    def entities(self) -> Mapping[str, float]:
        """log10 E of each entity; of one that is not listed in full, what it is at least."""
        found = {}
        for entity, scores in self._of.items():
            if self._whole(entity):
                found[entity] = entity_log10_e(scores)
            else:  # half the mean over contents of the mean over copies, of which there are `held` at most
                least = log10_sum([score.log10_e for score in scores]) - 2 * math.log10(max(1, self._held[entity]))
                found[entity] = math.log10(0.5) + least
        return found

    @property
    def _codes(self) -> frozenset[str]:
        return _words_of(self.document)

    @property
    def _by_provenance(self) -> bool:
        return "provenance" in self._codes

    def reservations(self) -> list[Finding]:
        """What this report cannot show by itself."""
        found: list[Finding] = [
            ("watermark.rescore.hold_file", {"copy": one.copy_id, "sha256": one.file_sha256.hex()})
            for one in self.grounds.untouched
        ]
        if self._by_provenance:
            found.append(("watermark.rescore.hold_provenance", {}))
        found += [
            ("watermark.rescore.hold_copies", {"entity": str(one["entity"])})
            for one in self.document["accused"]
            if not self._whole(str(one["entity"]))
        ]
        return found

    def differences(self) -> list[Finding]:
        """What is stated otherwise than the grounds give."""
        return [*self._counted(), *self._ranked(), *self._scored(), *self._judged(), *self._layers()]

    def _counted(self) -> list[Finding]:
        n, attempts = int(self.document["n"]), self.grounds.attempts
        whole = all(len(scores) <= self._held.get(entity, 0) for entity, scores in self._of.items())
        if attempts == self.attempts and n % attempts == 0 and self.grounds.scored <= n // attempts and whole:
            return []
        return [("watermark.rescore.count", {})]

    def _ranked(self) -> list[Finding]:
        """All that are listed stand among the ranked by their scores, and the strongest of these are listed."""
        ranked = self.document["ranked"]
        stated = [float(one["log10_e"]) for one in ranked]
        sound = len(ranked) == min(self.grounds.scored, MAX_RANKED) and stated == sorted(stated, reverse=True)
        wrong: list[Finding] = [] if sound else [("watermark.rescore.ranked", {})]
        left: dict[tuple[str, str], list[float]] = {}
        for score in self.scores:
            left.setdefault((score.copy_id, score.entity_id), []).append(score.log10_e)
        for number, one in enumerate(ranked):
            of_copy = left.get((str(one["copy"]), str(one["entity"])), [])
            same = [value for value in of_copy if _same(value, float(one["log10_e"]))]
            if same:
                of_copy.remove(same[0])
            elif number < OTHERS and one["log10_e"] != 0.0:  # 0: the leak shows nothing of this content
                wrong.append(("watermark.rescore.score", {"whose": str(one["copy"])}))
        least = stated[-1] + _TOLERANCE if len(ranked) == MAX_RANKED else -math.inf
        wrong += [
            ("watermark.rescore.score", {"whose": copy})
            for (copy, _), values in left.items()
            if any(value > least for value in values)
        ]
        return wrong

    def _scored(self) -> list[Finding]:
        """The scores of the accused; where not all of their copies are listed, that they are not less."""
        if self.grounds.untouched:
            return []
        wrong: list[Finding] = []
        for one in self.document["accused"]:
            entity, stated = str(one["entity"]), float(one["log10_e"])
            found = self.entities.get(entity, 0.0)
            listed = len(self._of.get(entity, ()))
            if self._whole(entity):
                right = _same(found, stated)
            else:
                right = listed >= MAX_CODES and not self.grounds.complete and stated >= found - _TOLERANCE
            if not right:
                wrong.append(("watermark.rescore.score", {"whose": entity}))
        return wrong

    def _judged(self) -> list[Finding]:
        document = self.document
        stated = [_scored_of(one) for one in document["accused"]]
        outcome, accused, codes = self._judgement(stated)
        wrong: list[Finding] = []
        if document["outcome"] != outcome.value:
            wrong.append(("watermark.rescore.outcome", {"outcome": str(document["outcome"])}))
        wrong += _against_accused(stated, accused)
        if document["level"] != level_of(accused):
            wrong.append(("watermark.rescore.level", {"level": str(document["level"])}))
        if not _close(document["bound"], bound_of_all(accused)):
            wrong.append(("watermark.rescore.bound", {}))
        if self._codes != codes:
            wrong.append(("watermark.rescore.words", {}))
        return wrong

    def _judgement(self, stated: Sequence[Scored]) -> tuple[Outcome, list[Scored], frozenset[str]]:
        """Outcome, accused and codes by the tracer's own rule (`watermark.trace`)."""
        n = int(self.document["n"])
        if self.grounds.untouched:
            bound = bound_of(n, TAG_LOG10_E)
            suspect = bytes.fromhex(str(self.document["file_sha256"]).removeprefix("0x"))
            same = [one for one in self.grounds.untouched if one.file_sha256 == suspect]
            accused = [Scored(one.entity_id, one.copy_id, TAG_LOG10_E, bound, bound) for one in same]
            return Outcome.IDENTIFIED, accused, frozenset({"identified", "untouched"})
        joint = dict(self.entities)
        joint |= {one.entity_id: one.log10_e for one in stated if not self._whole(one.entity_id)}
        for outcome, alpha in ((Outcome.IDENTIFIED, IDENTIFIED_ALPHA), (Outcome.SUSPECT, SUSPECT_ALPHA)):
            named = [entity for entity, log10_e in joint.items() if n and log10_e >= math.log10(n / alpha)]
            if named:
                accused = [self._accused(entity, joint[entity], alpha) for entity in named]
                return outcome, accused, frozenset({outcome.value, *(["several"] if len(named) > 1 else [])})
        return self._unscored(stated)

    def _accused(self, entity: str, log10_e: float, alpha: float) -> Scored:
        scores, n = self._of.get(entity, ()), int(self.document["n"])
        bound = bound_of(n, log10_e)
        tried = self.attempts * self._held.get(entity, 0)
        if not scores:
            return Scored(entity, None, log10_e, bound)
        if self._whole(entity) and len({score.copy_id for score in scores}) == 1:
            return Scored(entity, scores[0].copy_id, log10_e, bound, bound)
        best = max(scores, key=lambda score: score.own_log10_e)
        if best.own_log10_e < math.log10(tried / alpha):
            return Scored(entity, None, log10_e, bound)
        return Scored(entity, best.copy_id, log10_e, bound, bound_of(tried, best.own_log10_e))

    def _unscored(self, stated: Sequence[Scored]) -> tuple[Outcome, list[Scored], frozenset[str]]:
        """Nobody is named by scores. What provenance says rests on the original; it must agree with itself."""
        codes = self._codes
        fits = list(self.document["fits"])
        if self._by_provenance and len(fits) == 1:
            listed = {score.copy_id for score in self._of.get(str(fits[0]), ())}
            named = [one.copy_id for one in stated if one.entity_id == fits[0]]
            copy = named[0] if named and len(listed | {named[0]}) == 1 else None
            only = Scored(str(fits[0]), copy, self.entities.get(str(fits[0]), 0.0))
            return Outcome.SUSPECT, [only], frozenset({"suspect", "provenance", "holder_and_source"})
        if self.document["outcome"] == Outcome.ERASED.value:
            return Outcome.ERASED, [], frozenset({"erased"})
        if self.document["outcome"] == Outcome.NONE.value:
            return Outcome.NONE, [], frozenset({"none"}) | (codes & {"pointer_only"})
        reason = sorted(codes & _REASONS)[:1]
        return Outcome.INCONCLUSIVE, [], frozenset({"inconclusive", "holder_and_source", *reason})

    def _layers(self) -> list[Finding]:
        """Those of the strongest copy of the first accused, or of all copies where nobody is."""
        document = self.document
        first = next((str(one["entity"]) for one in document["accused"]), None)
        leading = next((one for one in document["ranked"] if first in {None, one["entity"]}), None)
        found: Mapping[str, float] = {}
        if leading is not None:
            alike = [
                {**score.entity_layers, **score.copy_layers}
                for score in self.scores
                if (score.copy_id, score.entity_id) == (leading["copy"], leading["entity"])
                and _same(score.log10_e, float(leading["log10_e"]))
            ]
            found = alike[0] if alike else {}
        stated: Mapping[str, float] = document["layers"]
        if set(stated) == set(found) and all(_same(found[name], float(stated[name])) for name in found):
            return []
        return [("watermark.rescore.layers", {})]


def against_archive(document: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """What the verdict on an archive states that does not follow from those on its files."""
    said = [
        Said(Outcome(part["outcome"]), tuple(map(_scored_of, part["accused"])), tuple(map(str, part["codes"])))
        for part in parts
    ]
    summed = summary_of(said)
    leading = parts[summed.leading]
    outcome, codes = summed.outcome, frozenset(code.removeprefix(_CODE) for code in summed.codes) & _JUDGED
    if document["outcome"] == Outcome.ERASED.value and not summed.accused:
        outcome, codes = Outcome.ERASED, frozenset({"erased"})
    wrong: list[Finding] = []
    if document["outcome"] != outcome.value:
        wrong.append(("watermark.rescore.outcome", {"outcome": str(document["outcome"])}))
    wrong += _against_accused([_scored_of(one) for one in document["accused"]], summed.accused)
    if document["level"] != level_of(summed.accused):
        wrong.append(("watermark.rescore.level", {"level": str(document["level"])}))
    if not _close(document["bound"], bound_of_all(summed.accused)):
        wrong.append(("watermark.rescore.bound", {}))
    if _words_of(document) != codes:
        wrong.append(("watermark.rescore.words", {}))
    for name, code in (("n", "count"), ("ranked", "ranked"), ("layers", "layers")):
        if document[name] != leading[name]:
            wrong.append((f"watermark.rescore.{code}", {}))
    return wrong


def _against_accused(stated: Sequence[Scored], found: Sequence[Scored]) -> list[Finding]:
    """Who is accused, with which copy and bounds, in whatever order among equals."""
    wrong: list[Finding] = []
    scores = [round(one.log10_e, 3) for one in stated]
    known: dict[tuple[str, str | None], Scored] = {(one.entity_id, one.copy_id): one for one in found}
    given = {(one.entity_id, one.copy_id) for one in stated}
    entities = {entity for entity, _ in given}
    wrong += [
        ("watermark.rescore.left_out", {"entity": entity, "copy": copy or "-"})
        for entity, copy in known
        if entity not in entities
    ]
    for one in stated:
        right = known.get((one.entity_id, one.copy_id))
        if right is None:
            facts = {"entity": one.entity_id, "copy": one.copy_id or "-"}
            wrong.append(("watermark.rescore.accused", facts))
        elif not _same(right.log10_e, one.log10_e):
            wrong.append(("watermark.rescore.score", {"whose": one.entity_id}))
        elif not (_close(one.bound, right.bound) and _close(one.copy_bound, right.copy_bound)):
            wrong.append(("watermark.rescore.bound", {}))
    if len(given) != len(stated) or scores != sorted(scores, reverse=True):
        wrong.append(("watermark.rescore.ranked", {}))
    return wrong


def _scored_of(one: Mapping[str, Any]) -> Scored:
    copy = None if one["copy"] is None else str(one["copy"])
    bounds = [None if one[name] is None else float(one[name]) for name in ("bound", "copy_bound")]
    return Scored(str(one["entity"]), copy, float(one["log10_e"]), *bounds)


def _words_of(document: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(code).removeprefix(_CODE) for code in document["codes"]) & _JUDGED


def _close(stated: float | None, found: float | None) -> bool:
    if stated is None or found is None:
        return stated is found
    return math.isclose(stated, found, rel_tol=0.01)


def _same(computed: float, stated: float) -> bool:
    return abs(computed - stated) <= _TOLERANCE
