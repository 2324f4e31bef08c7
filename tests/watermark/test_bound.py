"""The bound: innocents' e-values, measured over never-issued codes and exactly, on leaks that were attacked."""

import json
import math
from collections.abc import Callable
from functools import partial
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.watermark.attacks import PDF_ATTACKS
from tests.watermark.cases import CSV, JSON, KEY, PDF, Content, licence, records_of, table_content
from watermark import carrier_for
from watermark.detect import (
    TAG_LOG10_E,
    chip_log10_e,
    claim_log10_e,
    discordant_pairs,
    kept_neighbours,
    log10_mean,
    order_log10_e,
)
from watermark.evidence import Evidence, Level, OrderGroup, OrderLayer
from watermark.payload import copy_order, entity_chips, entity_order, layout

TAIL = (10.0, 100.0, 1000.0, 10_000.0)


def _obeys_markov(log10_e: NDArray[np.float64]) -> bool:
    """Share of innocents at or above each level at most 1/level, give or take five standard deviations of the count."""
    n = len(log10_e)
    return (
        all((log10_e >= math.log10(a)).sum() <= n / a + 5 * math.sqrt(n / a) + 1 for a in TAIL)
        and float(np.mean(10.0 ** np.minimum(log10_e, 12))) < 2.0
    )


def _chip_decoys(scores: NDArray[np.float64], content_id: str, layer: str, count: int) -> NDArray[np.float64]:
    places = layout(KEY, content_id, layer, len(scores)).entity
    codes = (entity_chips(KEY, content_id, f"decoy_{i}", layer, len(places)) for i in range(count))
    out: list[NDArray[np.float64]] = []
    batch: list[NDArray[np.int8]] = []
    for code in codes:
        batch.append(code)
        if len(batch) == 2000:
            out.append(chip_log10_e(scores[places], np.array(batch)))
            batch = []
    return np.concatenate(out)


def _pdf_scores(page: Content, attack: Callable[[bytes], bytes]) -> NDArray[np.float64]:
    evidence = carrier_for(PDF).evidence(attack(page.files["copy_content_p_1"]), page.original, page.content_id)
    return evidence.chip_layers[0].scores


@pytest.mark.slow
@pytest.mark.parametrize("attack", ["saved", "scaled", "redacted", "rounded"])
def test_decoys_on_attacked_pdfs(page: Content, attack: str) -> None:
    """50,000 never-issued entities on each of four attacked files: 200,000 in all."""
    scores = _pdf_scores(page, PDF_ATTACKS[attack])
    assert np.count_nonzero(scores) > 100
    assert _obeys_markov(_chip_decoys(scores, page.content_id, "layout", 50_000))


def test_decoys_on_an_attacked_pdf_fast(page: Content) -> None:
    scores = _pdf_scores(page, PDF_ATTACKS["scaled"])
    decoys = _chip_decoys(scores, page.content_id, "layout", 8000)
    assert _obeys_markov(decoys)


def test_the_decoy_check_can_fail(page: Content) -> None:
    """Planted fault: codes that are not independent of the leak break the tail."""
    scores = _pdf_scores(page, PDF_ATTACKS["saved"])
    rng = np.random.default_rng(1)
    leaning = np.where(rng.random((4000, len(scores))) < 0.58, np.sign(scores), -np.sign(scores)).astype(np.int8)
    assert not _obeys_markov(chip_log10_e(scores, leaning))


def _table_evidence(content: Content, leak: bytes) -> Evidence:
    return carrier_for(content.media_type).evidence(leak, content.original, content.content_id)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [JSON, CSV])
def test_decoys_on_attacked_tables(kind: str, sixteen_json: Content, sixteen_csv: Content) -> None:
    """8,000 innocents on a reordered leak: rows and names together."""
    content = sixteen_json if kind == JSON else sixteen_csv
    rows = [dict(list(r.items())[:5]) for r in records_of(sixteen_json.files["copy_content_t_1"])[4:14]]
    if kind == CSV:  # columns as they come, one order for all rows
        rows = [{name: row[name] for name in sorted(row, key=len)} for row in records_of(sixteen_json.original)[4:14]]
    evidence = _table_evidence(content, json.dumps(rows).encode())
    assert len(evidence.order_layers) == 2
    values = []
    for i in range(8_000):
        joint = 0.0
        for layer in evidence.order_layers:
            of = entity_order if layer.level is Level.ENTITY else copy_order
            joint += order_log10_e(layer, partial(of, KEY, content.content_id, f"decoy_{i}", layer.name))
        values.append(joint)
    assert _obeys_markov(np.array(values))


@pytest.mark.parametrize("items", [2, 3, 5, 7])
def test_order_evidence_of_an_innocent_has_mean_one(items: int) -> None:
    """Exact: over all permutations of up to 7 items, whatever was left of them and in whatever order."""
    layer = OrderLayer("rows", Level.COPY, (OrderGroup(0, items, tuple(range(items))),))
    values = [10 ** order_log10_e(layer, lambda _, __, p=p: p) for p in permutations(range(items))]
    assert math.isclose(sum(values) / len(values), 1.0, rel_tol=1e-9)
    kept = OrderLayer("rows", Level.COPY, (OrderGroup(0, items, tuple(range(items))[::-1][: items - 1]),))
    values = [10 ** order_log10_e(kept, lambda _, __, p=p: p) for p in permutations(range(items))]
    assert math.isclose(sum(values) / len(values), 1.0, rel_tol=1e-9)


def test_order_evidence_over_groups_has_mean_one() -> None:
    groups = (OrderGroup(0, 3, (2, 0, 1)), OrderGroup(1, 4, (3, 1)))
    for pooled in (False, True):
        layer = OrderLayer("names", Level.ENTITY, groups, pooled)
        values = [
            10 ** order_log10_e(layer, lambda index, _, p=p, q=q: (p, q)[index])
            for p in permutations(range(3))
            for q in permutations(range(4))
        ]
        assert math.isclose(sum(values) / len(values), 1.0, rel_tol=1e-9)


def test_chip_evidence_of_an_innocent_has_mean_at_most_one() -> None:
    """Exact over all 2^12 codes, for a flat, a peaked and an arbitrary score vector."""
    codes = (((np.arange(4096)[:, None] >> np.arange(12)) & 1) * 2 - 1).astype(np.int8)
    for scores in (np.ones(12), np.eye(12)[0], np.random.default_rng(2).normal(size=12)):
        assert float((10.0 ** chip_log10_e(scores, codes)).mean()) <= 1.0 + 1e-12


def test_label_evidence_of_an_innocent_has_mean_at_most_one() -> None:
    claims = [("copy_1", "aa"), ("copy_2", "bb")]
    right = claim_log10_e(claims, "copy_1", "aa")
    wrong = claim_log10_e(claims, "copy_1", "cc")
    chance = len(claims) * 2.0**-128
    assert 10**right * chance + 10**wrong <= 1.0 + 1e-9
    assert right > TAG_LOG10_E - 1
    assert claim_log10_e([], "copy_1", "aa") == 0.0
    assert claim_log10_e(claims, "copy_1", "bb") < 0


def test_an_empty_score_vector_says_nothing() -> None:
    assert chip_log10_e(np.zeros(8), np.ones(8, dtype=np.int8)) == 0.0
    assert log10_mean([]) == 0.0


@pytest.mark.parametrize("items", [0, 1, 2, 9, 40])
def test_pair_and_neighbour_counts(items: int) -> None:
    rng = np.random.default_rng(items)
    ranks = rng.permutation(3 * items)[:items].tolist()
    slow = sum(ranks[a] > ranks[b] for a in range(items) for b in range(a + 1, items))
    assert discordant_pairs(ranks) == slow
    assert kept_neighbours(sorted(ranks)) == max(items - 1, 0)
    assert discordant_pairs(sorted(ranks)) == 0


def test_evidence_for_the_right_copy_grows_with_rows() -> None:
    found = []
    for rows in (4, 8, 16, 32):
        content = table_content([licence(i) for i in range(rows)], JSON)
        leak = json.dumps(records_of(content.files["copy_content_t_1"]), sort_keys=True).encode()
        layer = next(o for o in _table_evidence(content, leak).order_layers if o.name == "rows")
        found.append(order_log10_e(layer, partial(copy_order, KEY, content.content_id, "copy_content_t_1", "rows")))
    assert found == sorted(found)
    assert found[0] < 2
    assert found[2] > 12
