"""From a tally to what a verdict shows of it: the strongest candidates, their layers, and the grounds."""

import hashlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from watermark.candidates import ContentCandidates, IssuedCopy
from watermark.grounds import CodeGround, ContentGround, FileGround, Grounds
from watermark.keys import EpochKey
from watermark.payload import MARKER
from watermark.scoring import ContentScorer
from watermark.tally import Scores, Tally

MAX_RANKED = 10_000
MAX_CODES = 2_000
"""Copies of the accused whose seeds the grounds of one content hold."""
OTHERS = 20
"""The strongest others, whose seeds are held as well."""


@dataclass(frozen=True)
class Ranked:
    """One candidate copy with its evidence, log10 E, and where it stands in the tally."""

    entity_id: str
    copy_id: str
    epoch: str
    log10_e: float
    scores: Scores


def strongest(tally: Tally, limit: int) -> list[Ranked]:
    """The strongest candidates of all contents, strongest first."""
    found: list[Ranked] = []
    for scores in tally.contents:
        joint = scores.joint
        rows = np.arange(len(joint))
        if len(joint) > limit:
            rows = np.sort(np.argpartition(-joint, limit)[:limit])
        for row in rows.tolist():
            entity = tally.entities[scores.entities[row]]
            found.append(Ranked(entity, scores.copy_ids[row], scores.epochs[row], float(joint[row]), scores))
    found.sort(key=lambda one: -one.log10_e)
    return found[:limit]


def layers_of(one: Ranked, keys: Mapping[str, EpochKey]) -> dict[str, float]:
    """log10 E by layer of a candidate, both levels."""
    score = ContentScorer(one.scores.evidence, keys[one.epoch]).score(one.entity_id, one.copy_id)
    return {**score.entity_layers, **score.copy_layers}


def gather_grounds(
    tally: Tally,
    contents: Sequence[ContentCandidates],
    accused: AbstractSet[str],
    ranked: Sequence[Ranked],
    keys: Mapping[str, EpochKey],
    *,
    attempts: int,
    untouched: Sequence[IssuedCopy] = (),
) -> Grounds:
    """All that is needed to score the accused and the strongest others again."""
    numbers = [number for number, entity in enumerate(tally.entities) if entity in accused] if accused else []
    others = {(id(one.scores), one.copy_id) for one in ranked[:OTHERS]}
    complete = True
    found = []
    epochs: dict[str, None] = {}
    for scores, content in zip(tally.contents, contents, strict=True):
        if not scores.shown or not scores.copy_ids:
            continue
        rows = [row for number in numbers for row in scores.rows_of(number)]
        complete = complete and len(rows) <= MAX_CODES
        rows = rows[:MAX_CODES]
        rows += [row for row in _rows_of(scores, others) if row not in set(rows)]
        if not rows:
            continue
        original = hashlib.sha256(content.original).digest()
        for epoch in dict.fromkeys(scores.epochs[row] for row in rows):
            codes = tuple(_code(tally, scores, row, keys[epoch]) for row in rows if scores.epochs[row] == epoch)
            seed = keys[epoch].layout_seed(scores.evidence.content_id, MARKER)
            found.append(ContentGround(scores.by_epoch[epoch], epoch, original, seed, codes))
            epochs[epoch] = None
    return Grounds(
        tuple(found),
        tuple((epoch, keys[epoch].key_hash) for epoch in epochs),
        complete,
        attempts,
        sum(len(scores.copy_ids) for scores in tally.contents),
        _held(tally, {code.entity_id for content_of in found for code in content_of.codes}),
        tuple(FileGround(copy.copy_id, copy.entity_id, copy.file_sha256) for copy in untouched),
    )


def _held(tally: Tally, entities: AbstractSet[str]) -> tuple[tuple[str, int], ...]:
    """How many scored copies each of `entities` has of the contents that the leak shows anything of."""
    shown = [scores.entities for scores in tally.contents if scores.shown]
    found = []
    for number, entity in enumerate(tally.entities):
        if entity in entities:
            found.append((entity, sum(int(np.count_nonzero(held == number)) for held in shown)))
    return tuple(found)


def _rows_of(scores: Scores, wanted: AbstractSet[tuple[int, str]]) -> list[int]:
    copy_ids = {copy_id for owner, copy_id in wanted if owner == id(scores)}
    return [row for row, copy_id in enumerate(scores.copy_ids) if copy_id in copy_ids] if copy_ids else []


def _code(tally: Tally, scores: Scores, row: int, key: EpochKey) -> CodeGround:
    content_id, copy_id = scores.evidence.content_id, scores.copy_ids[row]
    entity_id = tally.entities[scores.entities[row]]
    return CodeGround(
        copy_id,
        entity_id,
        key.entity_code(content_id, entity_id),
        key.copy_code(content_id, copy_id),
        key.copy_tag(content_id, entity_id, copy_id),
    )
