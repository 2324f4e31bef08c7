"""Scores of many at once are those of one by one; a control's tail lies under its bound, and can break it."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest

from tests.watermark.cases import CSV, JSON, KEY, KEYS, Content
from watermark import ContentCandidates, IssuedCopy, Outcome, WatermarkError, carrier_for
from watermark.batch import ChipTable
from watermark.candidates import CopyBatch
from watermark.control import BIN, Control, control_of
from watermark.evidence import ChipLayer, Claim, Coverage, Evidence, Level, OrderGroup, OrderLayer
from watermark.keys import EpochKey
from watermark.scoring import BatchScorer, ContentScorer, CopyScore, entity_log10_e
from watermark.tally import Tally
from watermark.trace import trace
from watermark.verdict import bound_of

RNG = np.random.default_rng(5)
LAYERS = Evidence(
    "content_b",
    chip_layers=(ChipLayer("layout", RNG.normal(size=403)), ChipLayer("empty", np.zeros(16))),
    order_layers=(
        OrderLayer("rows", Level.COPY, (OrderGroup(0, 9, (3, 1, 8, 2, 5)),)),
        OrderLayer("long", Level.COPY, (OrderGroup(0, 130, tuple(RNG.permutation(130).tolist())),)),
        OrderLayer("names", Level.ENTITY, (OrderGroup(0, 4, (2, 0, 3)), OrderGroup(7, 5, (4, 1, 0)))),
        OrderLayer("pooled", Level.ENTITY, (OrderGroup(0, 4, (2, 0, 3)), OrderGroup(1, 5, (1, 2))), pooled=True),
    ),
    claims=(Claim("copy_3", KEY.copy_tag("content_b", "party_1", "copy_3")), Claim("copy_5", "0" * 32)),
    coverage=Coverage(rows=3),
)
COPIES = [(f"copy_{i}", f"party_{i % 4}") for i in range(60)]


def test_many_at_once_score_as_one_by_one() -> None:
    one_by_one = ContentScorer(LAYERS, KEY)
    many = BatchScorer(LAYERS, KEY)
    ids, entities = [c for c, _ in COPIES], [e for _, e in COPIES]
    own, of_entity = many.copies(entities, ids), many.entities(entities)
    for i, (copy_id, entity_id) in enumerate(COPIES):
        score = one_by_one.score(entity_id, copy_id)
        assert math.isclose(score.own_log10_e, own[i], abs_tol=1e-9), copy_id
        assert math.isclose(score.log10_e, own[i] + of_entity[i], abs_tol=1e-9), copy_id


@pytest.mark.parametrize("known", [True, False], ids=["scored", "without a key"])
def test_a_copy_that_is_listed_twice_counts_once_and_one_of_two_entities_is_refused(known: bool) -> None:
    keys = KEYS if known else {}
    batches = [CopyBatch([copy], [entity], [KEY.epoch]) for copy, entity in [*COPIES, *COPIES[5:9]]]
    twice, once = Tally(), Tally()
    twice.add(LAYERS, batches, keys)
    once.add(LAYERS, batches[: len(COPIES)], keys)
    assert twice.counted == once.counted == len(COPIES)
    assert np.array_equal(twice.joint(), once.joint(), equal_nan=True)
    with pytest.raises(WatermarkError) as refused:
        Tally().add(LAYERS, [*batches, CopyBatch(["copy_7"], ["party_other"], [KEY.epoch])], keys)
    assert refused.value.code == "watermark.copy_of_two"


def test_the_tally_of_entities_is_that_of_lists() -> None:
    other = Evidence("content_c", chip_layers=(ChipLayer("layout", RNG.normal(size=90)),))
    unseen = Evidence("content_d")
    tally = Tally()
    expected: dict[str, list[CopyScore]] = {}
    for evidence, copies in ((LAYERS, COPIES), (other, COPIES[1:9:2]), (unseen, [("copy_z", "party_9")])):
        batches = [CopyBatch([c], [e], [KEY.epoch]) for c, e in copies]
        tally.add(evidence, batches, KEYS)
        scorer = ContentScorer(evidence, KEY)
        for copy_id, entity_id in copies:
            expected.setdefault(entity_id, []).append(scorer.score(entity_id, copy_id))
    joint = dict(zip(tally.entities, tally.joint().tolist(), strict=True))
    assert joint.keys() == expected.keys()
    for entity, scores in expected.items():
        assert math.isclose(joint[entity], entity_log10_e(scores), abs_tol=1e-9), entity


@pytest.mark.parametrize("count", [1, 7, 8, 9, 64, 403])
def test_a_table_of_bytes_is_the_product_with_the_chips(count: int) -> None:
    scores = RNG.normal(size=count)
    codes = RNG.integers(0, 256, size=(50, (count + 7) // 8), dtype=np.uint8)
    chips = np.unpackbits(codes, axis=1)[:, :count].astype(np.float64) * 2 - 1
    assert np.allclose(ChipTable(scores).z(codes), chips @ scores / np.linalg.norm(scores))


def test_derivations_of_many_are_those_of_one() -> None:
    ids = ["a", "甲", "x" * 200, ""]
    assert KEY.entity_codes("content", ids) == [KEY.entity_code("content", one) for one in ids]
    assert KEY.copy_codes("内容", ids) == [KEY.copy_code("内容", one) for one in ids]


class _Stream:
    """A hundred thousand copies that exist only as long as they are looked at."""

    def __init__(self, size: int, guilty: tuple[str, str]) -> None:
        self._size, self._guilty = size, guilty
        self.most_held = 0

    def batches(self) -> Iterator[CopyBatch]:
        ids = itertools.chain([self._guilty], ((f"c{i}", f"p{i // 3}") for i in range(self._size - 1)))
        while batch := list(itertools.islice(ids, 5000)):
            self.most_held = max(self.most_held, len(batch))
            yield CopyBatch([c for c, _ in batch], [p for _, p in batch], [KEY.epoch] * len(batch))


def _stream_trace(page: Content, size: int) -> None:
    stream = _Stream(size, ("copy_content_p_1", "party_1"))
    candidates = ContentCandidates(page.content_id, page.original, page.media_type, stream)
    verdict = trace(page.files["copy_content_p_1"], "", [candidates], KEYS, decoys=5000)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [(one.entity_id, one.copy_id) for one in verdict.accused] == [("party_1", "copy_content_p_1")]
    assert verdict.n == size
    assert len(verdict.ranked) == min(size, 10_000)
    assert verdict.control is not None
    assert verdict.control.highest < verdict.accused[0].log10_e
    foreign = trace(page.original, "", [candidates], KEYS)
    assert foreign.outcome is Outcome.INCONCLUSIVE
    assert not foreign.accused


def test_copies_are_streamed(page: Content) -> None:
    _stream_trace(page, 20_000)


@pytest.mark.full
def test_a_million_candidates(page: Content) -> None:
    _stream_trace(page, 1_000_000)


def test_copies_of_two_epochs_are_scored_with_their_keys(sixteen_json: Content) -> None:
    old = EpochKey("2025Q1", bytes(range(1, 33)))
    content = Content(sixteen_json.content_id, JSON, sixteen_json.original)
    leak = content.issue("copy_old", "party_old", old)
    copies = (IssuedCopy("copy_old", "party_old", old.epoch, b""), *sixteen_json.issued)
    candidates = ContentCandidates(content.content_id, content.original, JSON, copies)
    stripped = leak.replace(b'"copy"', b'"kopie"')
    verdict = trace(stripped, "", [candidates], {**KEYS, old.epoch: old})
    assert [one.copy_id for one in verdict.accused] == ["copy_old"]
    assert "watermark.trace.key_missing" in trace(stripped, "", [candidates], KEYS).codes
    assert not trace(stripped, "", [candidates], {KEY.epoch: KEY, old.epoch: KEY}).accused


def test_a_bound_is_never_nothing() -> None:
    assert bound_of(10, 2.0) == pytest.approx(0.1)
    assert bound_of(10, 0.5) == 1.0
    assert 0 < bound_of(1, 5000.0) <= 1e-299


def _under_the_bound(control: Control) -> bool:
    expected = {x: control.decoys * 10.0**-x for x in (1, 2, 3)}
    return all(control.tail(x) <= count + 5 * math.sqrt(count) + 1 for x, count in expected.items())


@pytest.mark.parametrize("kind", ["layers", "page", "table"])
def test_a_controls_tail_lies_under_the_bound(kind: str, page: Content, sixteen_csv: Content) -> None:
    evidence = LAYERS
    if kind == "page":
        leak = page.files["copy_content_p_1"]
        evidence = carrier_for(page.media_type).evidence(leak, page.original, page.content_id)
    if kind == "table":
        leak = sixteen_csv.files["copy_content_t_1"]
        evidence = carrier_for(CSV).evidence(leak, sixteen_csv.original, sixteen_csv.content_id)
    control = control_of(evidence, 20_000, b"seed")
    assert sum(control.counts) == control.decoys == 20_000
    assert _under_the_bound(control)
    assert control == control_of(evidence, 20_000, b"seed")


def test_the_controls_check_can_fail() -> None:
    """Planted fault: scores that are counted without their norm reach further than the bound."""
    control = control_of(LAYERS, 20_000, b"seed")
    shifted = (0,) * round(2 / BIN) + control.counts[: -round(2 / BIN)]
    assert not _under_the_bound(Control(control.decoys, control.highest, control.low, shifted, control.seed))
