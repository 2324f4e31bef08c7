"""Spellings that mean the same: never in a normative field, always the same canonical form, coded against collusion."""

import csv
import io
import itertools
import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from api.catalogue import TypeSchema, load_catalogue
from api.catalogue.canonical import EARLIEST_DATE as DATE_FROM
from api.catalogue.canonical import LATEST_DATE as DATE_TO
from api.catalogue.canonical import Limits
from api.catalogue.fields import Field, FieldKind, SpellingKind
from api.demo.city import ALL_TYPES, generate_city
from api.errors import ApiError
from chain.spelling import spelling_forms
from tests.watermark.cases import CSV, JSON, KEY, KEYS
from watermark import (
    ContentCandidates,
    EpochKey,
    IssuedCopy,
    Mark,
    Outcome,
    Record,
    Table,
    WatermarkError,
    carrier_for,
    write_original,
)
from watermark.carriers.table import TableCarrier
from watermark.carriers.table_evidence import Number
from watermark.carriers.xlsx_reading import first_sheet
from watermark.carriers.xlsx_writing import XLSX_TYPE
from watermark.evidence import VariantLayer
from watermark.trace import trace
from watermark.variants import Spelling, VariantTable, base, biases, places, respelt, spelt

WIDE = "甲乙丙市区路号幢单元室"
TEXTS = st.text(st.sampled_from(WIDE + "AB12345（）()-－ "), max_size=40)
DATES = st.dates().map(lambda day: day.isoformat())
CATALOGUE = load_catalogue()
AMOUNTS = st.decimals(-9_999_999, 9_999_999, places=2).map(lambda amount: f"{amount or abs(amount):f}")


def spellings_of(schema: TypeSchema) -> dict[str, Spelling]:
    """What the catalogue lets vary."""
    return {f.name: Spelling(f.spelling) for f in schema.fields if f.spelling is not None}


@given(TEXTS | DATES | AMOUNTS, st.sampled_from(Spelling), st.lists(st.booleans(), min_size=3, max_size=3))
def test_every_spelling_has_one_base_and_reads_back(value: str, spelling: Spelling, wanted: Sequence[bool]) -> None:
    count = len(places(value, spelling))
    varied = spelt(value, spelling, wanted[:count])
    assert places(varied, spelling) == list(wanted[:count])
    assert base(varied, spelling) == base(value, spelling)
    if spelling is Spelling.ZEROS:
        assert varied == value or Decimal(varied) == Decimal(value)
    else:
        folded = [unicodedata.normalize("NFKC", one).replace("/", "-") for one in (varied, value)]
        assert folded[0] == folded[1]
    assert base(varied, spelling) in {varied, *spelling_forms(varied)}, "whoever verifies finds it by the same rule"
    assert spelt(value, None, []) == value


def test_a_number_stays_a_number() -> None:
    """Spelt otherwise, it is still written without quotes; a text beside it keeps its quotes."""
    rows = [{"amount": Number("12.50"), "said": "12.50"}]
    spellings = {"amount": Spelling.ZEROS, "said": Spelling.ZEROS}
    (row,) = respelt(rows, spellings, lambda count: [True] * count)
    assert row == {"amount": "12.5", "said": "12.5"}
    assert [type(value) for value in row.values()] == [Number, str]
    original = b'{"records":[{"type":"t","values":{"amount":12.50,"said":"12.50"}}]}'
    carrier = carrier_for(JSON, spellings)
    values = [
        json.loads(carrier.embed(original, Mark(f"copy_{n}", f"party_{n}", "content_v", ""), KEY))["records"][0][
            "values"
        ]
        for n in range(12)
    ]
    assert {type(one["amount"]) for one in values} == {float}
    assert len({str(one["said"]) for one in values}) == 2, "both spellings are met"


@given(DATES | AMOUNTS)
def test_the_catalogue_undoes_dates_and_zeros(value: str) -> None:
    """No field bears these yet; one that will is read back by its canonical form."""
    kind, spelling = (FieldKind.DATE, Spelling.DATE) if value.count("-") == 2 else (FieldKind.AMOUNT, Spelling.ZEROS)
    field = Field("f", "f", "f", kind, limits=Limits())
    assume(DATE_FROM <= value <= DATE_TO or kind is FieldKind.AMOUNT)
    varied = spelt(value, spelling, [True] * len(places(value, spelling)))
    assert field.canonical(varied) == value


@pytest.mark.parametrize("taken", ["normative", "natural_key", "open end", "pattern", "four decimals"])
def test_a_field_that_must_not_vary_bears_no_spelling(taken: str) -> None:
    limits = Limits(open_ended=taken == "open end", pattern="x" if taken == "pattern" else None)
    limits = replace(limits, decimals=4 if taken == "four decimals" else 2)
    kind = {"open end": FieldKind.DATE, "four decimals": FieldKind.AMOUNT}.get(taken, FieldKind.TEXT)
    spelling = {"open end": SpellingKind.DATE, "four decimals": SpellingKind.ZEROS}.get(taken, SpellingKind.TEXT)
    found = Field("f", "f", "f", kind, limits=limits, normative=taken == "normative", spelling=spelling)
    assert not replace(found, natural_key=taken == "natural_key").bears_spelling
    sound = Field("f", "f", "f", kind, normative=False, spelling=spelling)
    assert sound.bears_spelling


@cache
def _city() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Values that a city's certificates really have, as the catalogue stores them: by type and field, each once."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for certificate in generate_city(120, 900, 5, date(2026, 11, 1), ALL_TYPES).certificates:
        schema = CATALOGUE.types[certificate.type_code]
        of_type = found.setdefault(schema.code, {})
        for field in schema.fields:
            value = field.canonical(certificate.values.get(field.name, ""), demo=True)
            of_type.setdefault(field.name, {})[value] = None
    return {code: {name: list(values) for name, values in of_type.items()} for code, of_type in found.items()}


def _value(field: Field, known: Sequence[str]) -> st.SearchStrategy[str]:
    """Values of the city; where the field may vary, any text that the catalogue takes as well."""
    of_city = st.sampled_from(known)
    if field.spelling is None:
        return of_city
    free = TEXTS.map(lambda raw: _taken(field, raw)).filter(bool)
    return of_city | free


def _taken(field: Field, raw: str) -> str:
    try:
        return field.canonical(raw, demo=True)
    except ApiError:
        return ""


def _read(copy: bytes, media_type: str) -> list[dict[str, str]]:
    """The records of a copy, by another way than the carrier's own."""
    if media_type == JSON:
        return [record["values"] for record in json.loads(copy)["records"]]
    if media_type == XLSX_TYPE:
        _, names, *lines = first_sheet(copy)
        return [dict(zip(names, line, strict=True)) for line in lines]
    return list(csv.DictReader(io.StringIO(copy.decode(), newline="")))


def _assert_intact(schema: TypeSchema, rows: Sequence[dict[str, str]], copy: bytes, media_type: str) -> None:
    """Every record once, in whatever order; nothing normative differs, and what varies has the same canonical form."""
    normative = [field.name for field in schema.fields if field.spelling is None]
    varying = [field for field in schema.fields if field.spelling is not None]
    found = _read(copy, media_type)

    def key(row: dict[str, str]) -> list[str]:
        told = [field.canonical(row[field.name], demo=True) if row[field.name] else "" for field in varying]
        return [*(row[name] for name in normative), *told]

    assert sorted(map(key, found)) == sorted(map(key, rows))
    forms = {name: {row[name] for row in rows} for name in (field.name for field in varying)}
    for held in found:
        for name, values in forms.items():
            assert not held[name] or values & {held[name], *spelling_forms(held[name])}, name


@pytest.mark.parametrize("schema", CATALOGUE.types.values(), ids=lambda schema: schema.code)
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_no_normative_value_is_altered_and_every_variant_is_canonical(schema: TypeSchema, data: st.DataObject) -> None:
    known = _city()[schema.code]
    row = st.fixed_dictionaries({field.name: _value(field, known[field.name]) for field in schema.fields})
    rows = data.draw(st.lists(row, min_size=2, max_size=5))
    assert all(one[field.name] for one in rows for field in schema.fields if field.required), "no empty property"
    for media_type in (JSON, CSV, XLSX_TYPE):
        original = write_original(Table([Record(schema.code, one) for one in rows]), media_type)
        for number in (1, 2):
            mark = Mark(f"copy_{number}", f"party_{number}", "content_v", "")
            copy = carrier_for(media_type, spellings_of(schema)).embed(original, mark, KEY)
            _assert_intact(schema, rows, copy, media_type)


def test_every_kind_of_field_is_tried_with_values() -> None:
    """The property above is not empty: of all types, every field that must be filled has values to draw."""
    assert set(_city()) == set(CATALOGUE.types)
    kinds = set()
    for code, schema in CATALOGUE.types.items():
        for field in schema.fields:
            filled = any(_city()[code][field.name])
            assert filled or not field.required, (code, field.name)
            kinds |= {(field.kind, bool(field.limits.pattern))} if filled else set()
    assert {(FieldKind.ID_NUMBER, False), (FieldKind.USCC, False)} <= kinds
    assert any(pattern for _, pattern in kinds)


@pytest.mark.parametrize("media_type", [JSON, CSV])
def test_a_carrier_that_changes_a_digit_of_a_number_is_found_out(media_type: str) -> None:
    """Control: the property's own check, of a copy in which one digit of an identity number is another."""
    schema = CATALOGUE.types["person.id_card"]
    rows = [{field.name: _city()[schema.code][field.name][n] for field in schema.fields} for n in (0, -1)]
    original = write_original(Table([Record(schema.code, one) for one in rows]), media_type)
    copy = carrier_for(media_type, spellings_of(schema)).embed(original, Mark("copy_1", "party_1", "c", ""), KEY)
    _assert_intact(schema, rows, copy, media_type)
    number = next(rows[0][field.name] for field in schema.fields if field.kind is FieldKind.ID_NUMBER)
    other = number[:8] + str((int(number[8]) + 1) % 10) + number[9:]
    with pytest.raises(AssertionError):
        _assert_intact(schema, rows, copy.replace(number.encode(), other.encode()), media_type)


def test_the_catalogue_lets_some_fields_vary() -> None:
    """The property above is not empty: many types have such fields, and values in them have places."""
    assert sum(bool(spellings_of(schema)) for schema in CATALOGUE.types.values()) >= 15
    assert places("幸福路12-3号（东门）", Spelling.TEXT) == [False, False]
    assert spelt("幸福路12-3号（东门）", Spelling.TEXT, [True, True]) == "幸福路12－3号(东门)"
    assert spelt("幸福路12-3号（东门）", Spelling.BRACKETS, [True]) == "幸福路12-3号(东门)"
    assert [spelt(v, Spelling.ZEROS, [True]) for v in ("12.50", "7.00")] == ["12.5", "7"]
    assert places("12.34", Spelling.ZEROS) == places("12.345", Spelling.ZEROS) == []
    assert places("128 Renmin Road (east)", Spelling.TEXT) == []


SPELLINGS = {"住址": Spelling.TEXT, "登记日": Spelling.DATE}


class _Issued:
    """A table of `rows` rows with three places each, issued to some entities."""

    def __init__(self, rows: int, entities: int) -> None:
        records = [
            Record(
                "户籍",
                {
                    "证号": f"37109919900101{1000 + 7 * i}",
                    "住址": f"人民路{i + 1}-{i % 7}号（{i % 5}室）",
                    "登记日": f"20{10 + i % 15}-0{1 + i % 9}-11",
                },
            )
            for i in range(rows)
        ]
        self.original = write_original(Table(records), CSV)
        carrier = TableCarrier(SPELLINGS)
        self.files = {
            i: carrier.embed(self.original, Mark(f"copy_{i}", f"party_{i}", "content_v", ""), KEY)
            for i in range(entities)
        }
        copies = tuple(IssuedCopy(f"copy_{i}", f"party_{i}", KEY.epoch, b"") for i in range(entities))
        self.candidates = ContentCandidates("content_v", self.original, CSV, copies, SPELLINGS)

    def rows(self, i: int) -> list[dict[str, str]]:
        """Rows of one copy without its label, sorted, columns sorted: nothing is left but the spelling."""
        held = csv.DictReader(io.StringIO(self.files[i].decode(), newline=""))
        return sorted(({n: row[n] for n in sorted(row) if n != "_mydata"} for row in held), key=lambda row: row["证号"])


def _leak(rows: Sequence[dict[str, str]]) -> bytes:
    return json.dumps(list(rows), ensure_ascii=False).encode()


@pytest.fixture(scope="module")
def many() -> _Issued:
    return _Issued(160, 5)


def test_spelling_names_the_entity_of_a_sorted_table(many: _Issued) -> None:
    verdict = trace(_leak(many.rows(3)[:40]), "leak.json", [many.candidates], KEYS)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [one.entity_id for one in verdict.accused] == ["party_3"]
    assert verdict.layers["variants"] > 10


@pytest.mark.parametrize("how", ["interleave", "majority", "minority"])
def test_two_colluders_are_named_and_no_innocent(many: _Issued, how: str) -> None:
    rng = np.random.default_rng(3)
    one, two, mixed = many.rows(1), many.rows(4), []
    for a, b in zip(one, two, strict=True):
        row = {}
        for name in a:
            forms = [a[name], b[name]]
            if how != "interleave":
                forms.sort(key=lambda value: sum(places(value, SPELLINGS.get(name))), reverse=how == "majority")
            row[name] = forms[0 if how != "interleave" else int(rng.integers(2))]
        mixed.append(row)
    verdict = trace(_leak(mixed), "leak.json", [many.candidates], KEYS)
    assert verdict.accused, verdict.ranked
    assert {one.entity_id for one in verdict.accused} <= {"party_1", "party_4"}


@pytest.mark.parametrize("filtered", ["NFKC", "base"])
def test_a_uniform_spelling_is_worth_nothing(many: _Issued, filtered: str) -> None:
    rows = [
        {
            n: unicodedata.normalize("NFKC", v).replace("/", "-") if filtered == "NFKC" else base(v, SPELLINGS.get(n))
            for n, v in row.items()
        }
        for row in many.rows(3)
    ]
    verdict = trace(_leak(rows), "leak.json", [many.candidates], KEYS)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.fits == tuple(f"party_{i}" for i in range(5))


def test_a_shifted_key_names_nobody(many: _Issued) -> None:
    shifted = EpochKey(KEY.epoch, bytes(range(1, 33)))
    assert not trace(_leak(many.rows(3)), "leak.json", [many.candidates], {KEY.epoch: shifted}).accused


def test_the_report_of_spellings_is_computed_again(many: _Issued) -> None:
    from watermark.report import read_report, report_document, write_report
    from watermark.rescore import rescore

    verdict = trace(_leak(many.rows(3)[:60]), "leak.json", [many.candidates], KEYS, decoys=2000)
    assert not rescore(read_report(write_report(report_document(verdict))), KEYS).differences
    assert verdict.control is not None
    assert verdict.control.highest < 6


def test_an_innocents_evidence_has_mean_one() -> None:
    """Exact: over all codes of eight positions, weighed by how probable they are."""
    shown = np.array([1, -1, 0, 1, 1, -1, 1, -1], dtype=np.int8)
    table = VariantTable(VariantLayer(shown), KEY, "content_v")
    of = biases(KEY, "content_v", 8)
    mean = 0.0
    for code in itertools.product((False, True), repeat=8):
        # The least word shows the second form, the greatest the first.
        row = np.array([[byte for second in code for byte in ((0, 0) if second else (255, 255))]], dtype=np.uint8)
        weight = math.prod(p / 65536 if second else 1 - p / 65536 for second, p in zip(code, of.tolist(), strict=True))
        mean += weight * 10 ** float(table.log10_e(row)[0])
    assert math.isclose(mean, 1.0, rel_tol=1e-9)


def test_codes_follow_the_biases() -> None:
    """Fixed for good, and as often second as the bias says."""
    from watermark.variants import entity_variants

    of = biases(KEY, "content_v", 64)
    assert of[:4].tolist() == biases(KEY, "content_v", 4).tolist()
    codes = np.array([entity_variants(KEY, "content_v", f"party_{i}", 64) for i in range(3000)])
    assert np.abs(codes.mean(axis=0) - of / 65536).max() < 5 * 0.5 / math.sqrt(3000)
    assert 0.09 < of.min() / 65536 < of.max() / 65536 < 0.91


def test_without_spellings_nothing_varies() -> None:
    original = _Issued(4, 0).original
    mark = Mark("copy_1", "party_1", "content_v", "")
    held = TableCarrier().embed(original, mark, KEY).decode()
    assert "－" not in held and "/" not in held
    with pytest.raises(WatermarkError):
        TableCarrier(SPELLINGS).embed(b"", mark, KEY)
