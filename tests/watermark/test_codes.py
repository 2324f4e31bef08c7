"""Keys, codes, layouts and the commitments made of them."""

import hashlib
from itertools import combinations

import numpy as np
import pytest

from tests.watermark.cases import KEY
from watermark import MARKER, EpochKey, Mark, WatermarkError, mark_document
from watermark.payload import chips, copy_chips, copy_order, entity_chips, entity_order, layout

MARK = Mark("copy_1", "party_a", "content_1", "仅限甲用于乙 编号1")


def test_derivations_do_not_change() -> None:
    """Old copies must stay traceable: these bytes are fixed for good."""
    assert KEY.key_hash.hex() == "df3a3715b0b645f630cd705defd69d1abc4ff298e6565513cb1760d332c65b9f"
    assert KEY.entity_code("content_1", "party_a").hex()[:32] == "7226fe9483651f2e8618c208737da4d6"
    assert KEY.copy_tag("content_1", "party_a", "copy_1") == "4b2752847ec3fcbe5730a88e8dc5dbf1"
    assert copy_order(KEY, "content_1", "copy_1", "rows", 0, 8) == [1, 2, 6, 0, 5, 7, 3, 4]
    assert chips(MARK, KEY, "layout", 16).tolist() == [1, 1, -1, 1, 1, 1, -1, -1, 1, -1, -1, 1, 1, 1, -1, -1]


def test_each_derivation_has_its_own_domain() -> None:
    seeds = [
        KEY.entity_code("a", "b"),
        KEY.copy_code("a", "b"),
        KEY.layout_seed("a", "b"),
        KEY.derive("entity-code", "ab", ""),
        KEY.derive("entity-code", "", "ab"),
        EpochKey("2027Q1", bytes(32)).entity_code("a", "b"),
    ]
    assert all(a != b for a, b in combinations(seeds, 2))


def test_secret_is_32_bytes_and_never_shown() -> None:
    with pytest.raises(WatermarkError) as refused:
        EpochKey("e", b"short")
    assert refused.value.code == "watermark.bad_key"
    assert KEY.secret.hex() not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 64, 1001])
def test_layout_splits_all_positions_between_entity_and_copy(count: int) -> None:
    parts = layout(KEY, "content_1", "layout", count)
    assert sorted([*parts.entity, *parts.copy]) == list(range(count))
    assert len(parts.entity) - len(parts.copy) in {0, 1}


def test_copies_of_an_entity_share_its_half_only() -> None:
    other = Mark("copy_2", "party_a", "content_1", "")
    one, two = chips(MARK, KEY, "layout", 2000), chips(other, KEY, "layout", 2000)
    parts = layout(KEY, "content_1", "layout", 2000)
    assert (one[parts.entity] == two[parts.entity]).all()
    assert 0.4 < (one[parts.copy] == two[parts.copy]).mean() < 0.6


def test_chips_are_balanced_and_independent_of_ids() -> None:
    codes = np.array([copy_chips(KEY, "c", f"copy_{i}", "layout", 512) for i in range(200)], dtype=np.float64)
    correlations = (codes @ codes.T)[np.triu_indices(200, 1)] / np.sqrt(512)
    assert abs(codes.mean()) < 4 / np.sqrt(codes.size)
    assert abs(correlations.std() - 1) < 0.03
    assert not (entity_chips(KEY, "c", "copy_0", "layout", 512) == codes[0]).all()


def test_orders_are_permutations_that_differ() -> None:
    one = entity_order(KEY, "c", "party_a", "names", 0, 9)
    assert sorted(one) == list(range(9))
    assert one != entity_order(KEY, "c", "party_a", "names", 1, 9)
    assert one != entity_order(KEY, "c", "party_b", "names", 0, 9)


def test_permutations_are_uniform() -> None:
    """All six orders of three items, each within five standard deviations of a sixth."""
    counts: dict[tuple[int, ...], int] = {}
    for i in range(6000):
        order = tuple(copy_order(KEY, "c", f"copy_{i}", "rows", 0, 3))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert all(abs(n - 1000) < 5 * np.sqrt(6000 * 5 / 36) for n in counts.values())


def test_mark_document_names_what_the_receipt_commits_to() -> None:
    document = mark_document(MARK, KEY, b"original", b"file")
    assert sorted(document) == sorted(
        [
            "copy",
            "entity",
            "content",
            "epoch",
            "code_sha256",
            "layout_sha256",
            "marker",
            "original_sha256",
            "file_sha256",
        ]
    )
    assert document["marker"] == MARKER
    assert document["file_sha256"] == "0x" + hashlib.sha256(b"file").hexdigest()
    other = mark_document(Mark("copy_2", "party_a", "content_1", ""), KEY, b"original", b"file")
    assert other["code_sha256"] != document["code_sha256"]
    assert other["layout_sha256"] == document["layout_sha256"]


@pytest.mark.parametrize("copy_id", ["", "a b", 'x"y', "x" * 65, "复"])
def test_copy_ids_that_could_break_a_header_are_refused(copy_id: str) -> None:
    with pytest.raises(WatermarkError) as refused:
        Mark(copy_id, "p", "c", "")
    assert refused.value.code == "watermark.bad_id"
