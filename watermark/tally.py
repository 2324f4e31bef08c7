"""Evidence against every candidate, held as arrays: one number a copy, never its code."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from watermark.candidates import CopyBatch
from watermark.errors import WatermarkError
from watermark.evidence import Evidence
from watermark.keys import EpochKey
from watermark.scoring import BatchScorer, label_counts

_LOG10_HALF = math.log10(0.5)


@dataclass
class Scores:
    """The copies of one content that could be scored: ids, whose they are (numbers of `Tally.entities`), log10 E.

    `entity_part` and `own_part`: what the entity's code and the copy's own give; shape (copies,) all. `unscored`:
    number of the entity and id of the other copies. `by_epoch`: the evidence as each epoch's layout folds it.
    """

    evidence: Evidence
    by_epoch: Mapping[str, Evidence] = field(default_factory=dict)
    copy_ids: list[str] = field(default_factory=list)
    epochs: list[str] = field(default_factory=list)
    entities: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    entity_part: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    own_part: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    unscored: list[tuple[int, str]] = field(default_factory=list)

    @property
    def joint(self) -> NDArray[np.float64]:
        """Both parts; independently keyed, so they multiply."""
        return self.entity_part + self.own_part

    @property
    def shown(self) -> bool:
        """Whether the leak shows anything of this content that a code could explain."""
        evidence = self.evidence
        layers = (*evidence.chip_layers, *evidence.order_layers, *evidence.spread_layers)
        return bool(layers or evidence.variants is not None or label_counts(evidence))

    def rows_of(self, entity: int) -> list[int]:
        """Where the scored copies of an entity stand."""
        rows: list[int] = np.flatnonzero(self.entities == entity).tolist()
        return rows


class Tally:
    """All candidates of all contents. `counted`: how many copies there are, scored or not."""

    def __init__(self) -> None:
        self.entities: list[str] = []
        self.contents: list[Scores] = []
        self.counted = 0
        self.unkeyed = False
        self._numbers: dict[str, int] = {}

    def add(self, evidence: Evidence, batches: Iterable[CopyBatch], keys: Mapping[str, EpochKey]) -> Scores:
        """Score all copies of one content; those whose epoch's key is not given are counted only.

        A copy that is listed twice counts once. Errors: `watermark.copy_of_two` for one with two entities or epochs.
        """
        epochs = {epoch: _Epoch(BatchScorer(evidence, key)) for epoch, key in keys.items()}
        scores = Scores(evidence, {epoch: one.scorer.evidence for epoch, one in epochs.items()})
        parts: list[tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]] = []
        for batch in batches:
            self.counted += len(batch.copy_ids)
            whose = self._numbers_of(batch.entity_ids)
            for epoch in dict.fromkeys(batch.epochs):
                part, entities = _of_epoch(batch, epoch, whose)
                copy_ids = list(part.copy_ids)
                if epoch not in epochs:
                    self.unkeyed = True
                    scores.unscored += zip(entities.tolist(), copy_ids, strict=True)
                    continue
                scorer = epochs[epoch]
                entity_part = scorer.entity_part(entities, self.entities)
                own_part = scorer.scorer.copies(part.entity_ids, copy_ids)
                scores.copy_ids += copy_ids
                scores.epochs += [epoch] * len(copy_ids)
                parts.append((entities, entity_part, own_part))
        if parts:
            scores.entities = np.concatenate([entities for entities, _, _ in parts])
            scores.entity_part = np.concatenate([entity_part for _, entity_part, _ in parts])
            scores.own_part = np.concatenate([own_part for _, _, own_part in parts])
        self.counted -= _drop_repeats(scores)
        self.contents.append(scores)
        return scores

    def _numbers_of(self, entity_ids: Iterable[str]) -> NDArray[np.int32]:
        numbers = self._numbers
        known = len(numbers)
        found = [numbers.setdefault(entity, len(numbers)) for entity in entity_ids]
        if len(numbers) > known:  # those that are new stand at the end
            self.entities += list(islice(reversed(numbers), len(numbers) - known))[::-1]
        return np.array(found, dtype=np.int32)

    def joint(self) -> NDArray[np.float64]:
        """Each entity's joint evidence over all its copies, log10 E, shape (entities,).

        NaN for one without a scored copy.

        Equal to `watermark.scoring.entity_log10_e`: within a content the mean over its copies, since any may have
        leaked; over contents half the product (a leak merged from many), half the mean (one of them leaked).
        """
        size = len(self.entities)
        scored = np.zeros(size, dtype=bool)
        contents, product, summed = np.zeros(size), np.zeros(size), np.full(size, -np.inf)
        for scores in self.contents:
            scored[scores.entities] = True
            if not scores.shown or not len(scores.entities):
                continue
            held = np.bincount(scores.entities, minlength=size)
            mean = _grouped_sum(scores.joint, scores.entities, size) - np.log10(np.maximum(held, 1))
            has = held > 0
            contents[has] += 1
            product[has] += mean[has]
            summed[has] = np.logaddexp(summed[has] * math.log(10), mean[has] * math.log(10)) / math.log(10)
        found = np.zeros(size)
        has = contents > 0
        mean = summed[has] - np.log10(contents[has])
        found[has] = _LOG10_HALF + np.logaddexp(product[has] * math.log(10), mean * math.log(10)) / math.log(10)
        found[~scored] = np.nan
        return found


def _drop_repeats(scores: Scores) -> int:
    """Leave each copy of a content in `scores` once; how many were dropped."""
    if len({*scores.copy_ids, *(copy for _, copy in scores.unscored)}) == len(scores.copy_ids) + len(scores.unscored):
        return 0
    known: dict[str, tuple[int, str | None]] = {}

    def is_new(copy_id: str, entity: int, epoch: str | None) -> bool:
        before = known.setdefault(copy_id, (entity, epoch))
        if before != (entity, epoch):
            raise WatermarkError("watermark.copy_of_two")
        fresh = copy_id not in met
        met.add(copy_id)
        return fresh

    met: set[str] = set()
    whose = scores.entities.tolist()
    kept = [row for row, copy in enumerate(scores.copy_ids) if is_new(copy, whose[row], scores.epochs[row])]
    unscored = [(number, copy) for number, copy in scores.unscored if is_new(copy, number, None)]
    dropped = len(scores.copy_ids) - len(kept) + len(scores.unscored) - len(unscored)
    scores.copy_ids = [scores.copy_ids[row] for row in kept]
    scores.epochs = [scores.epochs[row] for row in kept]
    scores.entities, scores.entity_part = scores.entities[kept], scores.entity_part[kept]
    scores.own_part, scores.unscored = scores.own_part[kept], unscored
    return dropped


class _Epoch:
    """The scorer of one epoch, and what its entities were found to score."""

    def __init__(self, scorer: BatchScorer) -> None:
        self.scorer = scorer
        self._known = np.zeros(0)

    def entity_part(self, entities: NDArray[np.int32], names: list[str]) -> NDArray[np.float64]:
        if len(self._known) < len(names):
            room = max(len(names), 2 * len(self._known))
            self._known = np.concatenate([self._known, np.full(room - len(self._known), np.nan)])
        asked = np.unique(entities)
        missing = asked[np.isnan(self._known[asked])]
        self._known[missing] = self.scorer.entities([names[i] for i in missing.tolist()])
        return self._known[entities]


def _of_epoch(batch: CopyBatch, epoch: str, whose: NDArray[np.int32]) -> tuple[CopyBatch, NDArray[np.int32]]:
    """The copies of one epoch, and the numbers of their entities."""
    chosen = [i for i, of_copy in enumerate(batch.epochs) if of_copy == epoch]
    if len(chosen) == len(batch.epochs):
        return batch, whose
    copy_ids, entity_ids = [batch.copy_ids[i] for i in chosen], [batch.entity_ids[i] for i in chosen]
    return CopyBatch(copy_ids, entity_ids, [epoch] * len(chosen)), whose[chosen]


def _grouped_sum(values: NDArray[np.float64], groups: NDArray[np.int32], size: int) -> NDArray[np.float64]:
    """log10 of the sum of 10**value of each group, shape (size,); -inf for a group without values."""
    top = np.full(size, -np.inf)
    np.maximum.at(top, groups, values)
    safe = np.where(np.isneginf(top), 0.0, top)
    total = np.bincount(groups, weights=10.0 ** (values - safe[groups]), minlength=size)
    with np.errstate(divide="ignore"):
        found: NDArray[np.float64] = safe + np.log10(total)
    return found
