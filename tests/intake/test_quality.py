"""Seeded files with known faults give exactly the known report, each rate computed by hand; each code has its rule."""

import ast
import datetime
from pathlib import Path
from typing import Any

import pytest

from api import locale
from api.catalogue import load_catalogue
from api.catalogue.quality import Severity, TypeRules, quality
from api.demo import flow
from api.documents.intake.answers import FAULTS
from api.errors import ApiError
from tests.flow.files import HEADER, SCHEMA, Row, licences, table, wrong_digit
from tests.intake import books
from tests.town import LICENCE, Service

ROOT = Path(__file__).parents[2]
DAY_MS = 86_400_000


def spoilt(first: int = 60) -> list[Row]:
    """Twenty rows, of which ten have known faults; lines 2 to 21."""
    rows = licences(first, 20)
    rows[0]["id_number"] = wrong_digit(rows[0]["id_number"])  # check digit
    rows[1]["id_number"] = wrong_digit(rows[1]["id_number"])  # check digit ...
    rows[1]["name"] = ""  # ... and a required field
    rows[2]["name"] = ""  # required
    rows[3]["valid_from"], rows[3]["valid_until"] = "2020-05-01", "2020-04-30"  # reversed (and first issue after it)
    rows[3]["first_issued_on"] = "2020-05-01"
    rows[4]["file_number"] = "12"  # pattern
    rows[5]["licence_class"] = "Z9"  # pattern
    rows[6]["birth_date"] = "1890-01-01"  # range; nothing to hold against the number then
    rows[7]["address"] = "=A1"  # structure
    rows[8] = dict(rows[9])  # a repeat within the file
    rows[10]["valid_until"] = "2024-01-01"  # stale: taken with a remark
    rows[10]["valid_from"] = rows[10]["first_issued_on"] = "2018-01-01"
    rows[11] = {**rows[12], "address": rows[12]["address"] + "2室"}  # contradicts the row after it
    return rows


def officer(service: Service) -> flow.Person:
    return service.town.department(SCHEMA.department)


def returned(service: Service, data: bytes) -> dict[str, Any]:
    item = officer(service).upload("/v1/returns", "a.csv", data, type=LICENCE)
    service.work()
    found: dict[str, Any] = officer(service).get(f"/v1/returns/{item['id']}")
    return found


def rate(part: int, whole: int) -> dict[str, int | None]:
    return {"part": part, "whole": whole, "per_mille": part * 1000 // whole if whole else None}


# By hand: bad are lines 2 3 4 5 6 7 8 9 (eight) and the contradiction (one of two), nine in all; one repeat. Of the 20
# rows 19 count, of which 10 passed.
EXPECTED_RULES = {
    "required": 2,
    "pattern": 2,
    "range": 1,
    "check_digit": 2,
    "cross_field": 1,
    "structure": 1,
    "conflict": 1,
    "duplicate": 1,
    "stale": 1,
    "future": 0,
    "recommended": 0,
}
EXPECTED_WORST = [
    ("id_number", 2),
    ("name", 2),
    ("address", 1),
    ("birth_date", 1),
    ("file_number", 1),
    ("licence_class", 1),
    ("valid_from", 1),
]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_known_faults_give_the_known_report(form: str, office: Service) -> None:
    """In slices of eight rows, so that the counts of several transactions come together."""
    rows = spoilt(60 if form == "csv" else 88)
    item = returned(office, table(rows) if form == "csv" else books.workbook(rows))
    assert [item["rows"][name] for name in ("total", "good", "bad", "duplicate", "warned")] == [20, 10, 9, 1, 1]
    report = officer(office).get(f"/v1/returns/{item['id']}/quality")
    assert {one["code"]: one["found"] for one in report["rules"]} == {
        code: rate(rows, 20) for code, rows in EXPECTED_RULES.items()
    }
    assert report["passed"] == rate(10, 19)
    assert [(one["field"], one["rows"]) for one in report["worst"]] == EXPECTED_WORST
    assert report["lines"] == [
        {
            "party": report["lines"][0]["party"],
            "type": LICENCE,
            "returns": 1,
            "passed": rate(10, 19),
            "warned": 1,
            "duplicate": 1,
        }
    ]
    page = officer(office).http.get(f"/department/returns/{item['id']}/quality")
    assert "52.6 %" in page.text, "10 of 19"


def test_a_period_by_type_and_day(service: Service) -> None:
    """Three files on two days; a department sees its own, a regulator everybody's, each figure with its definition."""
    regulator = service.town.regulator()
    before = regulator.get("/v1/quality")
    assert before["passed"]["whole"] > 0, "the prepared files were checked"
    first = returned(service, table(spoilt()))
    service.execute("UPDATE returns SET created_at_ms = created_at_ms - :ms", ms=400 * DAY_MS)
    second = returned(service, table(licences(80, 5)))
    third = returned(service, table([{**row, "name": ""} for row in licences(85, 3)]))
    assert (first["rows"]["good"], second["rows"]["good"], third["rows"]["bad"]) == (10, 5, 3)
    for who in (officer(service), regulator):
        now = who.get("/v1/quality")
        assert now["passed"] == rate(5, 8)
        assert [one["type"] for one in now["lines"]] == [LICENCE]
        assert [one["passed"] for one in now["trend"]] == [rate(5, 8)]
        assert [(one["field"], one["rows"]) for one in now["worst"]] == [("name", 3)]
        assert {one["code"]: one["found"] for one in now["rules"]}["required"] == rate(3, 8)
        assert set(now["definitions"]) == {"passed", "rule", "worst", "trend"}
    today = datetime.date.fromisoformat(now["until"])
    then = {"from": str(today - datetime.timedelta(days=410)), "until": str(today - datetime.timedelta(days=390))}
    assert officer(service).get("/v1/quality", **then)["passed"]["part"] >= 10
    assert len(regulator.get("/v1/quality", **then)["lines"]) > len(
        officer(service).get("/v1/quality", **then)["lines"]
    )
    other = service.town.department("civil_affairs").get("/v1/quality", **then)
    assert other["passed"] == rate(0, 0), "nobody sees another department's"
    for wrong in (
        {"from": "2026-02-02", "until": "2026-02-01"},
        {"from": "2000-01-01", "until": "2026-01-01"},
        {"until": "0001-01-01"},
        {"from": "9999-12-31", "until": "9999-12-31"},
    ):
        with pytest.raises(ApiError, match=r"quality\.period"):
            regulator.get("/v1/quality", **wrong)
    for who, base in ((officer(service), "/department/quality"), (regulator, "/regulator/quality")):
        page = who.http.get(base)
        assert page.status_code == 200
        assert "62.5 %" in page.text
        assert "合格率" in page.text
        assert who.http.get(base + "?from=nonsense").status_code == 422


def codes_of(path: Path) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in locale.error_texts()
    }


def test_every_code_of_a_row_has_one_rule() -> None:
    rules = quality()
    catalogue = ROOT / "api/catalogue"
    of_cells = codes_of(catalogue / "canonical.py") | {"catalogue.required"}
    between = {code for code in codes_of(catalogue / "model.py") if "unknown" not in code and "ready" not in code}
    of_rows = codes_of(ROOT / "api/documents/records.py") | FAULTS | {"returns.cell_count", "returns.formula_cell"}
    warned = {"returns.expired", "returns.in_the_future", "returns.old_date", "returns.stale"}
    stored = {"returns.duplicate", "returns.conflicting_rows", "quality.blank"}
    assert len(of_cells) > 20
    assert of_cells | between | of_rows | warned | stored == set(rules.by_reason)
    for code, rule in rules.rules.items():
        soft = rule.reasons & (warned | stored - {"returns.conflicting_rows"})
        assert (rule.severity is Severity.BAD) == (not soft), code


def test_types_ask_for_what_they_have() -> None:
    types = load_catalogue().types
    for code, rules in quality().types.items():
        names = {field.name: field for field in types[code].fields}
        for name in (rules.stale_field, *rules.recommended):
            assert name is None or name in names, code
        assert all(not names[name].required for name in rules.recommended)


def test_years_of_an_issue() -> None:
    rules = TypeRules("issued_on", 3)
    assert rules.stale_before(datetime.date(2026, 11, 23)) == "2023-11-23"
    assert rules.stale_before(datetime.date(2028, 2, 29)) == "2025-02-28"
    assert TypeRules().stale_before(datetime.date(2026, 1, 1)) is None


def test_headers_are_the_catalogue_s() -> None:
    assert HEADER == books.HEADS
