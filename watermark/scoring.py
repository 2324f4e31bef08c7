"""From evidence to e-values of the copies that were really issued."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from watermark.batch import BATCH, ChipTable, order_words, orders_log10_e, shake_rows
from watermark.detect import chip_log10_e, claim_log10_e, log10_mean, log10_sum, order_log10_e
from watermark.evidence import ChipLayer, Evidence, Level, OrderLayer
from watermark.keys import Codes, EpochKey
from watermark.payload import Layout, copy_chips, copy_order, entity_chips, entity_order, layout
from watermark.spread import with_folded
from watermark.variants import VARIANTS, VariantTable

LABEL = "label"


@dataclass(frozen=True)
class CopyScore:
    """log10 e-values of one copy, by layer: what its entity's code gives and what its own gives."""

    content_id: str
    entity_id: str
    copy_id: str
    entity_layers: Mapping[str, float] = field(default_factory=dict)
    copy_layers: Mapping[str, float] = field(default_factory=dict)

    @property
    def own_log10_e(self) -> float:
        """The copy's own part: it tells the copies of one entity apart."""
        return math.fsum(self.copy_layers.values())

    @property
    def log10_e(self) -> float:
        """Both parts; independently keyed, so they multiply."""
        return math.fsum(self.entity_layers.values()) + self.own_log10_e


class ContentScorer:
    """Scores candidates of one content under one epoch's key."""

    def __init__(self, evidence: Evidence, key: Codes) -> None:
        self._evidence = with_folded(evidence, key)
        self._key = key
        self._layouts: dict[str, Layout] = {}
        self._entities: dict[str, dict[str, float]] = {}
        self._variants = variant_table(evidence, key)

    @property
    def evidence(self) -> Evidence:
        """The evidence that is scored: chips spread over pictures are folded by this epoch's layout."""
        return self._evidence

    def score(self, entity_id: str, copy_id: str) -> CopyScore:
        """All evidence for one copy of this content."""
        if entity_id not in self._entities:
            self._entities[entity_id] = self._entity_layers(entity_id)
        copy_layers = self._copy_layers(entity_id, copy_id)
        return CopyScore(self._evidence.content_id, entity_id, copy_id, self._entities[entity_id], copy_layers)

    def _layout(self, chips: ChipLayer) -> Layout:
        if chips.name not in self._layouts:
            self._layouts[chips.name] = layout(self._key, self._evidence.content_id, chips.name, len(chips.scores))
        return self._layouts[chips.name]

    def _entity_layers(self, entity_id: str) -> dict[str, float]:
        content = self._evidence.content_id
        found: dict[str, float] = {}
        for chips in self._evidence.chip_layers:
            places = self._layout(chips).entity
            code = entity_chips(self._key, content, entity_id, chips.name, len(places))
            found[f"{chips.name}.entity"] = float(chip_log10_e(chips.scores[places], code))
        if self._variants is not None:
            seed = self._key.entity_code(content, entity_id) + VARIANTS.encode()
            stream = shake_rows([seed], 2 * self._variants.count)
            found[VARIANTS] = float(self._variants.log10_e(stream)[0])
        for order in orders_of(self._evidence, Level.ENTITY):
            found[order.name] = order_log10_e(order, partial(entity_order, self._key, content, entity_id, order.name))
        return found

    def _copy_layers(self, entity_id: str, copy_id: str) -> dict[str, float]:
        evidence, content = self._evidence, self._evidence.content_id
        found: dict[str, float] = {}
        for chips in evidence.chip_layers:
            places = self._layout(chips).copy
            code = copy_chips(self._key, content, copy_id, chips.name, len(places))
            found[f"{chips.name}.copy"] = float(chip_log10_e(chips.scores[places], code))
        for order in orders_of(evidence, Level.COPY):
            found[order.name] = order_log10_e(order, partial(copy_order, self._key, content, copy_id, order.name))
        if label_counts(evidence):
            claims = [(claim.copy_id, claim.tag) for claim in evidence.claims]
            found[LABEL] = claim_log10_e(claims, copy_id, self._key.copy_tag(content, entity_id, copy_id))
        return found


def label_counts(evidence: Evidence) -> bool:
    """Whether explicit ids are weighed: without any of the content beside it, a label was merely cut out and pasted."""
    return bool(evidence.claims and (evidence.coverage.rows or evidence.coverage.whole))


class BatchScorer:
    """Scores any number of candidates of one content under one epoch's key.

    Up to rounding, its results are the sums that `ContentScorer` gives one by one.
    """

    def __init__(self, evidence: Evidence, key: EpochKey) -> None:
        self._evidence = with_folded(evidence, key)
        self._key = key
        self._tables: list[tuple[str, ChipTable, ChipTable]] = []
        for chips in self._evidence.chip_layers:
            places = layout(key, evidence.content_id, chips.name, len(chips.scores))
            tables = ChipTable(chips.scores[places.entity]), ChipTable(chips.scores[places.copy])
            self._tables.append((chips.name, *tables))
        self._variants = variant_table(evidence, key)

    @property
    def evidence(self) -> Evidence:
        """The evidence that is scored; see `ContentScorer.evidence`."""
        return self._evidence

    def entities(self, entity_ids: Sequence[str]) -> NDArray[np.float64]:
        """log10 e-values of the entities' part, shape (entities,)."""
        return self._in_batches(entity_ids, self._entities)

    def copies(self, entity_ids: Sequence[str], copy_ids: Sequence[str]) -> NDArray[np.float64]:
        """log10 e-values of the copies' own part, shape (copies,). `entity_ids`: whose they are."""
        found = self._in_batches(copy_ids, self._copies)
        if label_counts(self._evidence):
            claims = [(claim.copy_id, claim.tag) for claim in self._evidence.claims]
            claimed = {copy_id for copy_id, _ in claims}
            found += claim_log10_e(claims, "", "")
            for i in [i for i, copy_id in enumerate(copy_ids) if copy_id in claimed]:
                tag = self._key.copy_tag(self._evidence.content_id, entity_ids[i], copy_ids[i])
                found[i] += claim_log10_e(claims, copy_ids[i], tag) - claim_log10_e(claims, "", "")
        return found

    def _in_batches(
        self, ids: Sequence[str], score: Callable[[Sequence[str]], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        parts = [score(ids[start : start + BATCH]) for start in range(0, len(ids), BATCH)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _entities(self, ids: Sequence[str]) -> NDArray[np.float64]:
        tables = [(name, table) for name, table, _ in self._tables]
        seeds = self._key.entity_codes(self._evidence.content_id, ids)
        found = weigh(_Seeded(seeds), tables, orders_of(self._evidence, Level.ENTITY))
        if self._variants is not None:
            label = VARIANTS.encode()
            found += self._variants.log10_e(shake_rows((seed + label for seed in seeds), 2 * self._variants.count))
        return found

    def _copies(self, ids: Sequence[str]) -> NDArray[np.float64]:
        tables = [(name, table) for name, _, table in self._tables]
        seeds = self._key.copy_codes(self._evidence.content_id, ids)
        return weigh(_Seeded(seeds), tables, orders_of(self._evidence, Level.COPY))


def variant_table(evidence: Evidence, key: Codes) -> VariantTable | None:
    """The table of the spellings that a leak shows, if it shows any."""
    layer = evidence.variants
    return VariantTable(layer, key, evidence.content_id) if layer is not None and layer.shown.any() else None


def orders_of(evidence: Evidence, level: Level) -> list[OrderLayer]:
    """The layers of orders that carry the code of `level`."""
    return [order for order in evidence.order_layers if order.level is level]


class CodeStream(Protocol):
    """The codes of some candidates, by layer."""

    @property
    def size(self) -> int:
        """How many candidates."""
        ...

    def rows(self, label: bytes, count: int) -> NDArray[np.uint8]:
        """The first `count` bytes of each candidate's stream of the layer `label`, shape (size, count)."""
        ...


@dataclass(frozen=True)
class _Seeded:
    """Codes that grow from seeds of 32 bytes, one a candidate."""

    seeds: Sequence[bytes]

    @property
    def size(self) -> int:
        return len(self.seeds)

    def rows(self, label: bytes, count: int) -> NDArray[np.uint8]:
        return shake_rows((seed + label for seed in self.seeds), count)


def weigh(
    codes: CodeStream, tables: Sequence[tuple[str, ChipTable]], orders: Sequence[OrderLayer]
) -> NDArray[np.float64]:
    """log10 e-values, over all layers of one level, of the candidates of `codes`; shape (candidates,)."""
    found = np.zeros(codes.size)
    for name, table in tables:
        if not table.empty:
            found += table.log10_e(codes.rows(name.encode(), table.bytes))
    for order in orders:
        words = (
            order_words(codes.rows(order.name.encode() + group.index.to_bytes(4, "big"), 8 * group.size))
            for group in order.groups
        )
        found += orders_log10_e(order, words)
    return found


def entity_log10_e(scores: Sequence[CopyScore]) -> float:
    """The entity's joint evidence over all its copies.

    Within a content: the mean over its copies, since any may have leaked. Over contents: half the product (a leak
    merged from many), half the mean (one of them leaked); both are e-values, so their mean is.
    """
    by_content: dict[str, list[float]] = {}
    for score in scores:
        if not score.entity_layers and not score.copy_layers:
            continue  # the leak shows nothing of this content, whoever holds it
        by_content.setdefault(score.content_id, []).append(score.log10_e)
    contents = [log10_mean(values) for values in by_content.values()]
    if not contents:
        return 0.0
    half = math.log10(0.5)
    return log10_sum([half + math.fsum(contents), half + log10_mean(contents)])
