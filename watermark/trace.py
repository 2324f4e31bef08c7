"""The informed tracer: which entity's copy a leaked file comes from, with a bound on naming an innocent."""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from watermark.archive import Said, summary_of
from watermark.candidates import ContentCandidates, CopyBatch, CopyStream, IssuedCopy, batches_of
from watermark.carriers import carrier_evidence
from watermark.control import Control, control_of
from watermark.detect import IDENTIFIED_ALPHA, SUSPECT_ALPHA, TAG_LOG10_E
from watermark.evidence import PICTURE_CELL, Coverage
from watermark.examine import Examined, examine
from watermark.gather import MAX_RANKED, Ranked, gather_grounds, layers_of, strongest
from watermark.keys import EpochKey
from watermark.lookup import candidate_tags, provenance_tags
from watermark.scoring import variant_table
from watermark.seen_tables import is_table, shows_more, with_lettering
from watermark.tally import Scores, Tally
from watermark.verdict import Outcome, Scored, Verdict, bound_of, bound_of_all, level_of

MAX_FITS = 1000


def trace(
    suspect: bytes | Examined,
    name: str,
    contents: Iterable[ContentCandidates],
    keys: Mapping[str, EpochKey],
    *,
    decoys: int = 0,
    set_aside: int = 0,
) -> Verdict:
    """Trace one file against `contents`; `keys` by epoch.

    Candidates must have been chosen from the leak alone (by `candidate_tags` and `Examined.copy_ids`), with all
    copies of each content: leaving somebody out, or adding somebody on suspicion, voids the bound. Copies whose
    epoch's key is not given are counted and not scored. An archive's files are traced one by one, each against all
    contents, and every such attempt is counted. `set_aside`: copies of contents that were looked at to find `contents`
    (`watermark.picture_index`); they are counted, too. Pictures of which nothing else is known are read as tables
    (`watermark.seen_tables`), at once where nothing but tables is among `contents`, else in a second try. With
    `decoys`, so many codes that were never issued are scored as well.
    Errors: those of `examine`; `watermark.bad_original` for a broken original.
    """
    start = time.perf_counter()
    examined = suspect if isinstance(suspect, Examined) else examine(suspect, name)
    held = list(contents)

    def judge(shown: Examined, beside: int) -> Verdict:
        if shown.parts:
            return _trace_parts(shown, held, keys, decoys, beside)
        return _trace_file(shown, held, keys, decoys, beside, attempts=1)

    tables = [is_table(content.media_type) for content in held]
    said: tuple[str, ...] = ()
    if examined.only_pictures and shows_more(examined) and tables and all(tables):
        lettering = with_lettering(examined)
        verdict, said = judge(lettering.examined, set_aside), lettering.codes
    else:
        verdict = judge(examined, set_aside)
        if any(tables) and shows_more(examined) and unexplained(verdict):
            # No picture of ours: perhaps one of a table. That is a second try at all of them, and counted as one.
            lettering = with_lettering(examined, settled_files(verdict))
            said = lettering.codes
            if lettering.examined != examined:
                tried = -(-verdict.n // max(1, len(examined.parts)))
                verdict = judge(lettering.examined, tried + set_aside)
    verdict = replace(verdict, codes=tuple(dict.fromkeys([*verdict.codes, *said])))
    spent = (time.perf_counter() - start) * 1000
    return replace(verdict, ms=spent + (examined.read_ms if isinstance(suspect, Examined) else 0.0))


def settled_files(verdict: Verdict) -> frozenset[str]:
    """Of an archive, the files of which something was found."""
    return frozenset(name for name, part in verdict.parts if part.outcome is not Outcome.NONE)


def unexplained(verdict: Verdict) -> bool:
    """Whether in a file, or in any of an archive, nothing of ours was found."""
    if verdict.parts:
        return len(settled_files(verdict)) < len(verdict.parts)
    return verdict.outcome is Outcome.NONE


def _trace_file(
    examined: Examined,
    contents: Iterable[ContentCandidates],
    keys: Mapping[str, EpochKey],
    decoys: int,
    set_aside: int,
    *,
    attempts: int,
) -> Verdict:
    case = _Case(examined, keys, attempts, set_aside)
    for content in contents:
        case.add(content)
    return case.verdict(decoys)


def _trace_parts(
    examined: Examined, contents: list[ContentCandidates], keys: Mapping[str, EpochKey], decoys: int, set_aside: int
) -> Verdict:
    """An archive: the gravest of its files' verdicts, and whoever any of them accuses as gravely."""
    attempts = len(examined.parts)
    found = [
        (part.name, _trace_file(part, contents, keys, decoys, set_aside, attempts=attempts)) for part in examined.parts
    ]
    summed = summary_of([Said(verdict.outcome, verdict.accused, verdict.codes) for _, verdict in found])
    return replace(
        found[summed.leading][1],
        level=level_of(summed.accused),
        bound=bound_of_all(summed.accused),
        accused=summed.accused,
        codes=summed.codes,
        matched_contents=tuple(dict.fromkeys(c for _, verdict in found for c in verdict.matched_contents)),
        kind=examined.kind,
        file_sha256=examined.sha256,
        parts=tuple(found),
        unread=examined.unread,
    )


class _Case:
    """Evidence gathered over all contents, then weighed. `attempts`: files of the archive that this one is of."""

    def __init__(self, examined: Examined, keys: Mapping[str, EpochKey], attempts: int, set_aside: int) -> None:
        self._examined = examined
        self._keys = keys
        self._attempts = attempts
        self._n = attempts * set_aside
        self._tally = Tally()
        self._originals: list[ContentCandidates] = []
        self._untouched: list[IssuedCopy] = []
        self._matched: list[tuple[Scores, Coverage]] = []

    def add(self, content: ContentCandidates) -> None:
        evidence = carrier_evidence(
            self._examined.leak, content.original, content.media_type, content.content_id, content.spellings
        )
        counted = self._tally.counted
        scores = self._tally.add(evidence, self._watched(batches_of(content.copies)), self._keys)
        copies = self._tally.counted - counted
        self._n += self._attempts * max(1, copies)
        self._originals.append(content)
        if copies and evidence.coverage.rows:
            self._matched.append((scores, evidence.coverage))

    def _watched(self, batches: Iterable[CopyBatch]) -> Iterable[CopyBatch]:
        """The batches as they are; copies whose file is the very suspect are noted."""
        wanted = self._examined.sha256
        for batch in batches:
            for i in [i for i, file in enumerate(batch.files) if file == wanted] if wanted in batch.files else ():
                copy = IssuedCopy(batch.copy_ids[i], batch.entity_ids[i], batch.epochs[i], wanted)
                if copy not in self._untouched:  # one file may hold several contents
                    self._untouched.append(copy)
            yield batch

    def verdict(self, decoys: int) -> Verdict:
        """The answer. With `decoys`, so many codes that were never issued are scored as a control."""
        joint = self._tally.joint()
        fits = self._fits()
        outcome, accused, codes = self._judge(joint, fits)
        if self._tally.unkeyed:
            codes.append("watermark.trace.key_missing")
        ranked = strongest(self._tally, MAX_RANKED)
        of_accused = (row for row in ranked if not accused or row.entity_id == accused[0].entity_id)
        leading = next(of_accused, None)
        names = {scored.entity_id for scored in accused}
        return Verdict(
            outcome=outcome,
            level=level_of(accused),
            n=self._n,
            bound=bound_of_all(accused),
            accused=tuple(accused),
            ranked=tuple(Scored(row.entity_id, row.copy_id, row.log10_e) for row in ranked),
            layers=layers_of(leading, self._keys) if leading else {},
            codes=tuple(codes),
            fits=tuple(sorted(fits)[:MAX_FITS]),
            matched_contents=tuple(scores.evidence.content_id for scores, _ in self._matched),
            kind=self._examined.kind,
            file_sha256=self._examined.sha256,
            ms=0.0,
            control=self._control(leading, decoys) if leading and decoys else None,
            grounds=gather_grounds(
                self._tally,
                self._originals,
                names,
                ranked,
                self._keys,
                attempts=self._attempts,
                untouched=self._untouched,
            ),
        )

    def _control(self, leading: Ranked, decoys: int) -> Control:
        evidence = leading.scores.by_epoch[leading.epoch]
        variants = variant_table(evidence, self._keys[leading.epoch])
        return control_of(evidence, decoys, self._examined.sha256, variants)

    def _fits(self) -> list[str]:
        """Entities whose copies hold all that the leak shows of ours."""
        held: dict[int, set[int]] = {}
        everything: set[int] = set()
        for scores, coverage in self._matched:
            everything |= coverage.cells
            holders = {*np.unique(scores.entities).tolist(), *(number for number, _ in scores.unscored)}
            if len(self._matched) == 1:
                return [self._tally.entities[number] for number in holders]
            for number in holders:
                held.setdefault(number, set()).update(coverage.cells)
        return [self._tally.entities[number] for number, cells in held.items() if cells == everything]

    def _judge(self, joint: NDArray[np.float64], fits: list[str]) -> tuple[Outcome, list[Scored], list[str]]:
        if self._untouched:
            bound = bound_of(self._n, TAG_LOG10_E)
            accused = [Scored(c.entity_id, c.copy_id, TAG_LOG10_E, bound, bound) for c in self._untouched]
            return Outcome.IDENTIFIED, accused, ["watermark.trace.identified", "watermark.trace.untouched"]
        for outcome, alpha in ((Outcome.IDENTIFIED, IDENTIFIED_ALPHA), (Outcome.SUSPECT, SUSPECT_ALPHA)):
            needed = math.log10(self._n / alpha) if self._n else math.inf
            named = np.flatnonzero(joint >= needed)
            if len(named):
                named = named[np.argsort(-joint[named], kind="stable")]
                accused = [self._scored(entity, float(joint[entity]), alpha) for entity in named.tolist()]
                codes = [f"watermark.trace.{outcome.value}"]
                codes += ["watermark.trace.several"] if len(named) > 1 else []
                return outcome, accused, codes
        return self._judge_by_provenance(joint, fits)

    def _scored(self, entity: int, log10_e: float, alpha: float) -> Scored:
        """The entity, and its copy if its own evidence settles that or there is only one."""
        shown = [scores for scores in self._tally.contents if scores.shown]
        rows = [(scores, row) for scores in shown for row in scores.rows_of(entity)]
        name, bound = self._tally.entities[entity], bound_of(self._n, log10_e)
        if len({scores.copy_ids[row] for scores, row in rows}) == 1:
            return Scored(name, rows[0][0].copy_ids[rows[0][1]], log10_e, bound, bound)
        best, at = max(rows, key=lambda pair: float(pair[0].own_part[pair[1]]))
        own, tried = float(best.own_part[at]), self._attempts * len(rows)
        if own < math.log10(tried / alpha):
            return Scored(name, None, log10_e, bound)
        return Scored(name, best.copy_ids[at], log10_e, bound, bound_of(tried, own))

    def _judge_by_provenance(
        self, joint: NDArray[np.float64], fits: list[str]
    ) -> tuple[Outcome, list[Scored], list[str]]:
        if not self._matched:
            pointer = ["watermark.trace.pointer_only"] if self._examined.copy_ids else []
            return Outcome.NONE, [], ["watermark.trace.none", *pointer]
        matched = {scores.evidence.content_id for scores, _ in self._matched}
        strong = any(coverage.strong and coverage.cells for _, coverage in self._matched)
        outlived = any(content.outlived for content in self._originals if content.content_id in matched)
        if strong and len(fits) == 1 and not outlived:
            codes = ["watermark.trace.suspect", "watermark.trace.provenance", "watermark.trace.holder_and_source"]
            return Outcome.SUSPECT, [self._only(fits[0], joint)], codes
        if all(coverage.cells == {PICTURE_CELL} for _, coverage in self._matched):
            reason = "watermark.trace.picture_only"
        elif not strong:
            reason = "watermark.trace.common_values"
        else:
            reason = "watermark.trace.several_fit" if fits else "watermark.trace.nobody_fits_all"
        return Outcome.INCONCLUSIVE, [], ["watermark.trace.inconclusive", reason, "watermark.trace.holder_and_source"]

    def _only(self, name: str, joint: NDArray[np.float64]) -> Scored:
        """The one entity that provenance leaves, and its copy if it has but one."""
        entity = self._tally.entities.index(name)
        copies = {scores.copy_ids[row] for scores, _ in self._matched for row in scores.rows_of(entity)}
        copies |= {copy_id for scores, _ in self._matched for number, copy_id in scores.unscored if number == entity}
        evidence = float(joint[entity])
        return Scored(name, next(iter(copies)) if len(copies) == 1 else None, 0.0 if math.isnan(evidence) else evidence)


__all__ = [
    "ContentCandidates",
    "CopyBatch",
    "CopyStream",
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
