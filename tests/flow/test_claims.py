"""Derived claims from return to pull: committed by the department, asked for in place of fields, never said wrongly."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from api.demo import flow
from api.errors import ApiError
from api.http.v1.grants import ENVELOPE
from tests.flow.files import SCHEMA, Row, licences, table
from tests.town import HARBOUR, LICENCE, PINE, Service

UNDERWRITING = "insurance.motor.underwriting"
TERMS = {"case_no": "Q-1", "days": 10, "uses": 3}
ASKED = {"age_over_22": 22, "age_over_70": 70}


def hand_in(service: Service, folder: Path, row: Row, encoding: str) -> dict[str, int]:
    """Return one licence; the same row in another encoding is another file."""
    path = folder / f"{encoding}.csv"
    path.write_bytes(table([row], encoding=encoding))
    officer = service.town.department("public_security")
    returned = flow.return_file(officer, path, LICENCE)
    service.work()
    rows: dict[str, int] = officer.get(f"/v1/returns/{returned}")["rows"]
    return rows


def about_to_age() -> tuple[Row, str, date]:
    """A newcomer, the claim that a birthday will overtake, and that day."""
    today = datetime.now(UTC).date() + timedelta(days=1)
    for row in licences(40, 60):
        claims = SCHEMA.derive(row, today)
        for name, years in ASKED.items():
            if claims[name] == "false":
                born = row[next(claim.source for claim in SCHEMA.claims if claim.name == name)]
                return row, name, date(int(born[:4]) + years, int(born[5:7]), 1) + timedelta(days=31)
    raise AssertionError("nobody will age")


def pulled(service: Service, row: Row, *fields: str) -> tuple[dict[str, str], list[str]]:
    """Ask for fields, approve, pull: the record, and the claims that are unknown."""
    items = tuple((LICENCE, name, False) for name in fields)
    asked = flow.ask(service.town, HARBOUR, row["id_number"], UNDERWRITING, items, **TERMS)  # type: ignore[arg-type]
    person = service.town.citizen(row["id_number"], row["name"])
    grant = flow.approve(person, asked, days=10, uses=3)["grant"]
    document = service.town.machine(HARBOUR).pull(grant, f"{ENVELOPE};format=json").json()
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    (record,) = json.loads(envelope.file)["records"]
    assert set(envelope.certificates[0]["salts"]) == set(record) - {"type", "record"}, "what is shown can be proven"
    return record, document["unknown"]


def test_a_birthday_makes_a_claim_unknown_until_the_department_returns_again(service: Service, tmp_path: Path) -> None:
    row, claim, birthday = about_to_age()
    assert hand_in(service, tmp_path, row, "utf-8")["good"] == 1
    assert hand_in(service, tmp_path, row, "gb18030")["duplicate"] == 1, "the same row, the same claims: nothing new"
    person = service.town.citizen(row["id_number"], row["name"])
    (certificate,) = person.get("/v1/certificates")["items"]
    assert certificate["claims"][claim] == {"value": "false", "state": "attested"}
    assert claim not in certificate["values"]

    service.wind_clock(int((birthday - datetime.now(UTC).date()).days + 2) * 86_400_000)
    service.execute("UPDATE chain_status SET last_ok_ms = 99999999999999")
    service.town.signed_in.clear()
    person = service.town.citizen(row["id_number"], row["name"])
    (certificate,) = person.get("/v1/certificates")["items"]
    assert certificate["claims"][claim] == {"value": None, "state": "unknown"}
    bundle = json.loads(person.get_bytes(f"/v1/certificates/{certificate['id']}/proof"))
    assert claim not in bundle["certificates"][0]["disclosed"], "nobody is shown what is no longer so"
    record, unknown = pulled(service, row, "licence_class", claim)
    assert (record["licence_class"], claim in record) == (row["licence_class"], False)
    assert unknown == [f"{LICENCE}/{claim}"]
    with pytest.raises(ApiError) as error:
        pulled(service, row, claim)
    assert error.value.code == "pull.claim_outdated"

    assert hand_in(service, tmp_path, row, "utf-8-sig")["good"] == 1, "returned again, it is renewed"
    (certificate,) = person.get("/v1/certificates")["items"]
    assert (certificate["version"], certificate["claims"][claim]["value"]) == (2, "true")
    assert pulled(service, row, claim) == ({"type": LICENCE, "record": "001", claim: "true"}, [])
    again = table([row], encoding="utf-8") + b"\r\n"
    (tmp_path / "again.csv").write_bytes(again)
    officer = service.town.department("public_security")
    returned = flow.return_file(officer, tmp_path / "again.csv", LICENCE)
    service.work()
    assert officer.get(f"/v1/returns/{returned}")["rows"]["duplicate"] == 1, "and once only"


def test_a_field_that_the_purpose_may_not_ask_for_is_replaced_by_what_follows_from_it(service: Service) -> None:
    person = service.driver(3)
    items = ((LICENCE, "birth_date", True), (LICENCE, "licence_class", True))
    asked = service.ask(person, items=items, purpose=UNDERWRITING)
    shown = service.citizen(person).get(f"/v1/requests/{asked.id}")
    names = [item["field"] for item in shown["items"]]
    assert "birth_date" not in names and {"age_over_22", "age_over_70", "licence_class"} == set(names)
    (note,) = [note for note in shown["cut"] if note["reason"] == "request.cut_replaced"]
    assert (note["field"], set(note["by"])) == ("birth_date", {"age_over_22", "age_over_70"})
    assert service.town.machine(HARBOUR).get(f"/v1/requests/{asked.id}")["cut"] == shown["cut"]
    page = service.citizen(person).http.get(f"/citizen/requests/{asked.id}").text
    assert "只告知" in page


def test_a_purpose_that_an_organisation_is_not_registered_for(service: Service) -> None:
    with pytest.raises(ApiError) as error:
        service.ask(service.driver(0), PINE, purpose="bank.personal_credit")
    assert error.value.code == "requests.purpose_not_registered"


def test_a_service_item_must_exist(service: Service) -> None:
    body = {
        "holder": {"kind": "person", "number": service.driver(0).number},
        "purpose": "insurance.motor.claims",
        "case_no": "CL-1",
        "items": [{"type": LICENCE, "field": "licence_class"}],
        "days": 3,
        "uses": 1,
    }
    machine = service.town.machine(HARBOUR)
    assert machine.post("/v1/requests", {**body, "item": 1})["item"] == 1
    with pytest.raises(ApiError) as error:
        machine.post("/v1/requests", {**body, "item": 99_999})
    assert error.value.code == "requests.unknown_item"


def test_more_pulls_in_a_day_than_fair_use_are_refused_and_cost_no_use(service: Service) -> None:
    grant = service.grant(service.driver(1), uses=5)
    service.execute(
        """UPDATE grants SET fair_use = '{"person.driving_licence": {"pulls_per_day": 2, "pulls_per_month": 3,"""
        """ "max_days": 90, "data_life_days": 90, "range_days": null}}' WHERE id = :id""",
        id=grant,
    )
    machine = service.town.machine(HARBOUR)
    for _ in range(2):
        machine.pull(grant, "application/json")
    with pytest.raises(ApiError) as error:
        machine.pull(grant, "application/json")
    assert error.value.code == "pull.too_frequent"
    assert machine.get(f"/v1/grants/{grant}")["uses"] == 2
    seen = service.citizen(service.driver(1)).get("/v1/footprints")["items"]
    assert "pull.too_frequent" in [line["reason"] for line in seen]
