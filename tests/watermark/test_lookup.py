"""Finding contents: what is indexed, what a leak asks for, and that unrelated files find nothing."""

import csv
import io
import json
import random

import pytest

from tests.watermark.cases import (
    CSV,
    JSON,
    KEY,
    KEYS,
    LINES,
    PDF,
    Content,
    licence,
    payment,
    plain_pdf,
    records_of,
    table_content,
)
from watermark import EpochKey, Outcome, candidate_tags, provenance_tags
from watermark.cells import Weight, normalise, weigh
from watermark.examine import examine
from watermark.trace import trace


def _met(leak: bytes, content: Content) -> bool:
    return bool(set(candidate_tags(leak, "", KEY)) & set(provenance_tags(content.original, content.media_type, KEY)))


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("  C1 ", "c1"),
        ("2031年4月2日", "2031-04-02"),
        ("2031/4/2", "2031-04-02"),
        ("2031-04-02 00:00:00", "2031-04-02"),
        ("2031-04-02T00:00:00Z", "2031-04-02"),
        ("12,860.00", "12860"),
        ("12860.50", "12860.5"),
        ("0.10", "0.1"),
        ("007", "007"),
        ("371099199001011234", "371099199001011234"),
        ("'37109919900101123X", "37109919900101123x"),
        ("威海 市", "威海市"),
        ("张\u200b三", "张三"),
        ("-3.00", "-3"),
        ("", ""),
    ],
)
def test_normal_forms(raw: str, normal: str) -> None:
    assert normalise(raw) == normal
    assert normalise(normalise(raw)) == normal


@pytest.mark.parametrize(
    ("value", "weight"),
    [
        ("371099199001011234", Weight.IDENTIFIER),
        ("鲁(2023)威海市不动产权第0012345号", Weight.IDENTIFIER),
        ("山东省威海市环翠区人民路128号3幢2单元", Weight.IDENTIFIER),
        ("wh-2023-004411", Weight.IDENTIFIER),
        ("2031-04-02", Weight.MEDIUM),
        ("20310402", Weight.MEDIUM),
        ("12860.5", Weight.MEDIUM),
        ("100000000", Weight.COMMON),
        ("男", Weight.COMMON),
        ("c1", Weight.COMMON),
        ("威海市人力资源和社会保障局", Weight.COMMON),
        ("张三", Weight.COMMON),
        ("", Weight.COMMON),
    ],
)
def test_how_telling_values_are(value: str, weight: Weight) -> None:
    assert weigh(value) is weight


@pytest.mark.parametrize("kind", [JSON, CSV])
def test_leaks_find_their_content(kind: str) -> None:
    content = table_content([licence(i) for i in range(16)], kind, 1)
    copy = content.files["copy_content_t_0"]
    assert _met(copy, content)
    rows = records_of(table_content([licence(i) for i in range(16)], JSON, 1).files["copy_content_t_0"])
    for columns in (["证号", "姓名"], ["住址", "性别"], ["有效期至", "证号"]):
        out = io.StringIO()
        writer = csv.DictWriter(out, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows[3:9])
        assert _met(out.getvalue().encode(), content), columns


def test_tables_without_identifiers_are_found_by_pairs() -> None:
    content = table_content([payment(i) for i in range(16)], CSV, 1)
    rows = [dict(list(payment(i).values.items())[:2]) for i in range(3, 9)]
    assert _met(json.dumps(rows).encode(), content)


def test_printed_numbers_in_groups_are_found() -> None:
    content = table_content([licence(0)], JSON, 1)
    number = licence(0).values["证号"]
    grouped = f"{number[:6]} {number[6:14]} {number[14:]}"
    assert _met(plain_pdf("lines", [f"Identity number {grouped} of the holder"]), content)


def test_pdf_originals_are_indexed_by_their_numbers() -> None:
    tags = provenance_tags(plain_pdf(), PDF, KEY)
    assert KEY.provenance_tag("371099199001011234") in tags
    assert KEY.provenance_tag("certificate") not in tags


def test_tags_need_the_key() -> None:
    content = table_content([licence(0)], JSON, 1)
    other = EpochKey("2027", bytes(32))
    ours = set(provenance_tags(content.original, JSON, KEY))
    assert ours
    assert all(len(tag) == 16 for tag in ours)
    assert not ours & set(candidate_tags(content.original, "", other))


def test_explicit_ids_are_pointers(one_json: Content) -> None:
    assert examine(one_json.files["copy_content_t_1"]).copy_ids == ("copy_content_t_1",)


def _unrelated() -> list[bytes]:
    """20 files of other people's business that share sex, licence class, office, dates and amounts with ours."""
    rng = random.Random(7)
    files: list[bytes] = []
    for n in range(6):
        rows = [
            {
                "员工": f"员工{i}",
                "性别": "男女"[i % 2],
                "准驾车型": ("C1", "C2", "B1")[i % 3],
                "有效期至": licence(i).values["有效期至"],
                "发证机关": "威海市公安局交警支队",
                "工号": f"W{n}{rng.randrange(10**9):09}",
            }
            for i in range(10)
        ]
        files.append(json.dumps(rows, ensure_ascii=False).encode())
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        files.append(out.getvalue().encode("gb18030"))
    for n in range(4):
        text = "会议纪要\n2024-03-01 威海市公安局交警支队 C1 男 共 12860.00 元\n" + "无关内容 " * (n + 1)
        files.append(text.encode())
    for n in range(3):
        lines = [
            f"Menu of {2020 + n}",
            "Certificate of origin for 12 crates of apples",
            LINES[7],
            f"Total 12860.00 no. {n}",
        ]
        files.append(plain_pdf("lines", lines))
    files.append(b'{"a": 1, "b": [1, 2, 3], "sex": "\xe7\x94\xb7"}')
    assert len(files) == 20
    return files


def test_twenty_unrelated_files_are_none(page: Content) -> None:
    contents = [
        table_content([licence(i) for i in range(16)], JSON, 3, "content_a"),
        table_content([licence(i) for i in range(16)], CSV, 3, "content_b"),
        table_content([payment(i) for i in range(16)], CSV, 3, "content_c"),
        table_content([licence(0)], JSON, 1, "content_d"),
        page,
    ]
    for leak in _unrelated():
        verdict = trace(leak, "", [c.candidates for c in contents], KEYS)
        assert verdict.outcome is Outcome.NONE, verdict.to_dict()
        assert verdict.codes == ("watermark.trace.none",)


@pytest.mark.slow
def test_look_up_of_a_large_leak_is_bounded() -> None:
    rows = [{"no": f"{i:012}x", "base": f"{i}.55", "day": f"20{10 + i % 90}-01-0{1 + i % 9}"} for i in range(22_000)]
    tags = candidate_tags(json.dumps(rows).encode(), "big.json", KEY)
    assert 10_000 < len(tags) < 40_000
