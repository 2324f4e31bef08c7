"""Lines that a law keeps back: they are there and count, tell nothing before their day, and all of it after."""

import json

import pytest

from api.demo import flow, flow_duty
from api.demo import flow_looks as moves
from api.errors import ApiError
from tests.api.calls import caller
from tests.town import LICENCE, Service

POLICE, FILE_NO = "police.investigation", "A3710024500002026110077"
FIELDS = (f"{LICENCE}/name", f"{LICENCE}/licence_class")
DAY_MS = 86_400_000
LISTS = ("delivered", "refused", "changes", "own")


def hidden(service: Service, at: int, days: int = 20) -> tuple[flow.Person, str, str]:
    """The holder, the access and the grant of a query whose line is kept back."""
    officer = service.town.department("public_security")
    envelope = flow_duty.query(officer, POLICE, FILE_NO, service.driver(at).number, FIELDS, hidden_days=days)
    (row,) = service.rows(
        "SELECT a.id, a.grant_id FROM statutory_accesses a JOIN copies c ON c.grant_id = a.grant_id WHERE c.id = :id",
        id=envelope.copy,
    )
    return service.citizen(service.driver(at)), str(row[0]), str(row[1])


def told(holder: flow.Person) -> str:
    """Everything that the holder is shown anywhere, in one text."""
    paths = ["/v1/footprints", "/v1/copies", "/v1/grants", "/v1/requests", "/v1/notifications", "/v1/cases"]
    found = [json.dumps(holder.get(path)) for path in paths]
    found += [json.dumps(holder.get("/v1/footprints", kind=kind)) for kind in LISTS]
    found += [holder.get_bytes(f"/v1/footprints/export?format={form}").decode() for form in ("json", "csv")]
    for one in holder.get("/v1/certificates")["items"]:
        found.append(json.dumps(holder.get(f"/v1/certificates/{one['id']}/history")))
        found.append(holder.get_bytes(f"/citizen/certificates/{one['id']}").decode())
    pages = ("/citizen", "/citizen/footprints", "/citizen/grants", "/citizen/notifications", "/citizen/cases")
    found += [holder.get_bytes(path).decode() for path in pages]
    return "\n".join(found)


def test_a_regulator_may_only_shorten(service: Service) -> None:
    regulator = caller(service, "regulator")
    holder, access, _ = hidden(service, 1)
    assert access in [one["access"] for one in regulator.call("GET", "/v1/masks").json()["items"]]
    (row,) = service.rows("SELECT masked_until_ms FROM statutory_accesses WHERE id = :id", id=access)
    later = {"until": int(row[0]) // 1000 + 86_400}
    assert regulator.call("POST", f"/v1/masks/{access}/release", later).json()["code"] == "masks.only_shorter"
    assert regulator.call("POST", f"/v1/masks/{access}/release", {}).status_code == 200
    assert [one["basis"] for one in moves.footprints_of(holder, kind="delivered")] == ["statutory"]
    assert regulator.call("POST", f"/v1/masks/{access}/release", {}).json()["code"] == "masks.not_found"


def test_no_longer_than_the_law_allows(service: Service) -> None:
    officer = service.town.department("public_security")
    with pytest.raises(ApiError) as error:
        flow_duty.query(officer, POLICE, FILE_NO, service.driver(2).number, FIELDS, hidden_days=3000)
    assert error.value.code == "statutory.mask_too_long"
    assert moves.footprints_of(service.citizen(service.driver(2))) == []


def test_a_masked_line_can_be_contested_but_stops_nothing(service: Service) -> None:
    officer = service.town.department("public_security")
    holder, access, grant = hidden(service, 3)
    case = moves.contest(holder, "这是什么？", access=access)
    assert case["hold"] == "none"
    shown = holder.get(f"/v1/cases/{case['id']}")
    assert (shown["party"], shown["grant"], shown["receipt"], shown["masked"]) == (None, None, None, True)
    assert officer.get("/v1/cases")["items"] == [], "the party is not told either"
    flow_duty.query(officer, POLICE, FILE_NO, service.driver(3).number, FIELDS)
    assert grant not in json.dumps(moves.footprints_of(holder, kind="changes"))


def test_nothing_leaks_before_its_day_and_all_is_shown_after(service: Service) -> None:
    holder, access, grant = hidden(service, 4)
    police = service.rows("SELECT id, name_zh FROM parties WHERE department_code = 'public_security'")[0]
    receipts = [str(row[0]) for row in service.rows("SELECT id FROM receipts WHERE grant_id = :id", id=grant)]
    assert len(receipts) >= 2
    before = holder.get("/v1/footprints")
    (line,) = [one for one in before["items"] if one["mask"] is not None]
    assert line["mask"]["access"] == access
    assert "刑事诉讼法" in line["mask"]["law"]
    assert (before["total"], before["masked"]) == (1, 1)
    text = told(holder)
    for secret in (grant, FILE_NO, *receipts):
        assert secret not in text
    assert str(police[0]) not in json.dumps(before)
    assert holder.get("/v1/footprints", party=str(police[0]))["items"] == []
    for path in (*(f"/v1/receipts/{one}" for one in receipts), f"/v1/grants/{grant}"):
        with pytest.raises(ApiError) as error:
            holder.get(path)
        assert error.value.code in {"receipts.not_found", "grants.not_found"}
    # Sessions end with the time that passes here, so this test is the last.
    service.wind_clock(20 * DAY_MS + 1)
    holder = flow.Person(service.url).sign_in(
        role="citizen", kind="person", number=service.driver(4).number, name=service.driver(4).name
    )
    after = holder.get("/v1/footprints")
    assert (after["total"], after["masked"]) == (1, 0)
    delivered = holder.get("/v1/footprints", kind="delivered")["items"]
    assert [(one["party"]["id"], one["case_no"], one["fields"]) for one in delivered] == [
        (police[0], FILE_NO, sorted(FIELDS))
    ]
