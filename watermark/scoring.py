"""From evidence to e-values of the copies that were really issued."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from watermark.detect import chip_log10_e, claim_log10_e, log10_mean, log10_sum, order_log10_e
from watermark.evidence import ChipLayer, Evidence, Level, OrderLayer
from watermark.keys import EpochKey
from watermark.payload import Layout, copy_chips, copy_order, entity_chips, entity_order, layout

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

    def __init__(self, evidence: Evidence, key: EpochKey) -> None:
        self._evidence = evidence
        self._key = key
        self._layouts: dict[str, Layout] = {}
        self._entities: dict[str, dict[str, float]] = {}

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

    def _orders(self, level: Level) -> Sequence[OrderLayer]:
        return [order for order in self._evidence.order_layers if order.level is level]

    def _entity_layers(self, entity_id: str) -> dict[str, float]:
        content = self._evidence.content_id
        found: dict[str, float] = {}
        for chips in self._evidence.chip_layers:
            places = self._layout(chips).entity
            code = entity_chips(self._key, content, entity_id, chips.name, len(places))
            found[f"{chips.name}.entity"] = float(chip_log10_e(chips.scores[places], code))
        for order in self._orders(Level.ENTITY):
            found[order.name] = order_log10_e(order, partial(entity_order, self._key, content, entity_id, order.name))
        return found

    def _copy_layers(self, entity_id: str, copy_id: str) -> dict[str, float]:
        evidence, content = self._evidence, self._evidence.content_id
        found: dict[str, float] = {}
        for chips in evidence.chip_layers:
            places = self._layout(chips).copy
            code = copy_chips(self._key, content, copy_id, chips.name, len(places))
            found[f"{chips.name}.copy"] = float(chip_log10_e(chips.scores[places], code))
        for order in self._orders(Level.COPY):
            found[order.name] = order_log10_e(order, partial(copy_order, self._key, content, copy_id, order.name))
        if evidence.claims and (evidence.coverage.rows or evidence.coverage.whole):
            # Without any of the content beside it, a label was merely cut out and pasted.
            claims = [(claim.copy_id, claim.tag) for claim in evidence.claims]
            found[LABEL] = claim_log10_e(claims, copy_id, self._key.copy_tag(content, entity_id, copy_id))
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
