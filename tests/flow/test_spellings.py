"""Spellings as marks, in the service: what varies, what does not, who is named by it, and what it proves."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.catalogue import load_catalogue
from api.demo import flow
from api.demo.city import generate_city
from api.demo.people import Person
from api.demo.provision import party_id
from api.wiring import TRUST_FILE
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.spelling import spelling_forms
from chain.trustfile import parse_trust_file
from chain.verdict import State
from tests.town import BANKS, TITLES, Service, small_city
from watermark.carriers.xlsx_reading import first_sheet

TITLE = "person.real_estate_title"
SCHEMA = load_catalogue().ready_type(TITLE)
SPELT = {"location", "right_nature"}
ITEMS: flow.Items = (*TITLES, (TITLE, "right_nature", False), (TITLE, "id_number", True))
ROWS = 24


@dataclass
class Owned:
    """One landlord's titles, and the copies of two banks: by extension, in the order of the banks."""

    values: dict[str, dict[str, str]]
    copies: list[dict[str, flow.Envelope]]


def _titles(person: Person) -> list[dict[str, str]]:
    """Titles of a person, whose places and natures can be spelt in two ways."""
    city = generate_city(260, 1400, seed=5)
    found = [dict(c.values) for c in city.certificates if c.type_code == TITLE][:ROWS]
    assert len(found) == ROWS
    for number, values in enumerate(found, 1):
        values |= {"name": person.name, "id_number": person.number}
        values["location"] += f"（储藏室{number % 3 + 1}-{number}号）"
        values["right_nature"] = f"出让（{2001 + number % 9}-{number % 5 + 1}期商品房）"
    return found


@pytest.fixture(scope="module")
def owned(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Owned:
    known = {person.number for person in small_city().persons}
    person = next(p for p in generate_city(260, 1400, seed=5).persons if p.number not in known)
    rows = _titles(person)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([field.zh for field in SCHEMA.fields])
    writer.writerows([row.get(field.name, "") for field in SCHEMA.fields] for row in rows)
    path: Path = tmp_path_factory.mktemp("titles") / "titles.csv"
    path.write_text(out.getvalue(), encoding="utf-8")
    flow.return_file(service.town.department(SCHEMA.department), path, TITLE)
    service.work()
    copies = []
    for bank in BANKS[:2]:
        loan = {"purpose": "bank.personal_credit", "case_no": "L-7", "days": 5, "uses": 9}
        grant = service.grant(person, bank, ITEMS, **loan)
        copies.append({form: flow.pull_envelope(service.town, bank, grant, form) for form in ("json", "csv", "xlsx")})
    return Owned({row["certificate_number"]: row for row in rows}, copies)


def rows_of(form: str, file: bytes) -> list[dict[str, str]]:
    """The records of a copy by name."""
    if form == "json":
        found: list[dict[str, str]] = json.loads(file)["records"]
        return found
    if form == "xlsx":
        _, names, *lines = first_sheet(file)
        return [dict(zip(names, line, strict=True)) for line in lines]
    return list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("form", ["json", "csv", "xlsx"])
def test_spelling_alone_differs_and_nothing_else(form: str, owned: Owned) -> None:
    seen = [{row["certificate_number"]: row for row in rows_of(form, copies[form].file)} for copies in owned.copies]
    varied = 0
    for number, stored in owned.values.items():
        for held in (one[number] for one in seen):
            for field in SCHEMA.fields:
                if field.name not in held:
                    continue
                if field.name not in SPELT:
                    assert held[field.name] == field.canonical(stored[field.name], demo=True), field.name
                    continue
                assert field.canonical(held[field.name], demo=True) == stored[field.name]
                assert stored[field.name] in {held[field.name], *spelling_forms(held[field.name])}
                varied += held[field.name] != stored[field.name]
    assert varied > ROWS, "the copies do bear a mark"
    assert any(seen[0][number]["location"] != seen[1][number]["location"] for number in owned.values)


@pytest.mark.parametrize("form", ["json", "csv", "xlsx"])
def test_a_sorted_table_is_traced_by_its_spelling(form: str, service: Service, owned: Owned) -> None:
    rows = rows_of(form, owned.copies[1][form].file)
    names = sorted(SPELT | {"certificate_number", "area"})
    out = io.StringIO()
    writer = csv.DictWriter(out, names, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: row["certificate_number"]))
    (item,) = service.town.regulator().upload("/v1/traces", "sorted.csv", out.getvalue().encode())["items"]
    report: dict[str, Any] = item["report"]
    assert item["outcome"] == "identified"
    assert {one["entity"] for one in report["accused"]} == {party_id(BANKS[1])}
    assert report["layers"]["variants"] > 9


def test_without_the_spellings_it_is_not(service: Service, owned: Owned) -> None:
    """The control: the same rows, spelt as they are stored, name nobody."""
    names = sorted(SPELT | {"certificate_number", "area"})
    out = io.StringIO()
    writer = csv.DictWriter(out, names, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(owned.values[number] for number in sorted(owned.values))
    (item,) = service.town.regulator().upload("/v1/traces", "sorted.csv", out.getvalue().encode())["items"]
    assert (item["outcome"], item["report"]["accused"]) == ("inconclusive", [])


@pytest.mark.slow
def test_a_spelt_value_proves_what_was_committed(service: Service, owned: Owned) -> None:
    service.settle()
    envelope = owned.copies[0]["json"]
    trust = parse_trust_file((service.settings.data_dir / TRUST_FILE).read_bytes())
    document = flow.disclose(flow.bundle_of(service.town, BANKS[0], envelope), envelope)
    shown = [one["disclosed"]["location"]["value"] for one in document["certificates"]]
    assert any(value not in {row["location"] for row in owned.values.values()} for value in shown)
    verdict = verify_with_node(parse_bundle(canonical(document)), trust, service.chain.url, envelope.file)
    assert verdict.state is State.VALID, [f.code for f in verdict.findings]
    document["certificates"][0]["disclosed"]["location"]["value"] = shown[0].replace("号", "號")
    assert verify_with_node(parse_bundle(canonical(document)), trust, service.chain.url, None).state is State.INVALID
