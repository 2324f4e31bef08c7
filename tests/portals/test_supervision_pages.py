"""A regulator's pages about consents: found by any number, held up, let go, declared void; asked twice each time."""

import re

import httpx
import pytest

from api.demo import flow
from api.errors import ApiError
from tests.api.calls import Caller, caller, problem
from tests.town import HARBOUR, Service


@pytest.fixture
def inspector(service: Service) -> Caller:
    return caller(service, "regulator")


def measure(who: Caller, grant: str, act: str, *, confirm: bool = True, **fields: str) -> httpx.Response:
    data = {"csrf": who.csrf, "act": act, **fields} | ({"confirm": "yes"} if confirm else {})
    return who.http.post(f"/regulator/grants/{grant}/measures", data=data, follow_redirects=True)


def state(service: Service, grant: str) -> tuple[str, bool]:
    ((found, frozen),) = service.rows("SELECT state, frozen FROM grants WHERE id = :id", id=grant)
    return str(found), bool(frozen)


def test_a_consent_is_held_up_and_let_go(service: Service, inspector: Caller) -> None:
    person = service.driver(7)
    grant = service.grant(person, case_no="CL-2026-7001")
    page = inspector.http.get(f"/regulator/grants/{grant}")
    assert page.status_code == 200
    assert "CL-2026-7001" in page.text
    assert person.name not in page.text and person.number not in page.text
    asked = measure(inspector, grant, "freeze", confirm=False, reference="JG-2026-7")
    assert "确定冻结此授权吗" in asked.text
    assert 'name="confirm" value="yes"' in asked.text
    assert state(service, grant) == ("active", False), "nothing happens before the second yes"
    held = measure(inspector, grant, "freeze", reference="JG-2026-7")
    assert "因 JG-2026-7 冻结" in held.text
    assert state(service, grant) == ("active", True)
    with pytest.raises(ApiError, match=r"pull\.grant_frozen"):
        flow.pull_envelope(service.town, HARBOUR, grant, "json")
    listed = inspector.http.get("/regulator/grants").text
    assert f'href="/regulator/grants/{grant}"' in listed
    assert grant in [one["id"] for one in inspector.http.get("/v1/supervision/grants").json()["items"]]
    assert "grants.not_frozen" in measure(inspector, grant, "lift", reference="JG-2026-8").text
    assert "确定解除冻结吗" in measure(inspector, grant, "lift", confirm=False, reference="JG-2026-7").text
    let_go = measure(inspector, grant, "lift", reference="JG-2026-7")
    assert state(service, grant) == ("active", False)
    trail = re.findall(r"JG-2026-7", let_go.text)
    assert len(trail) == 2, "both moves stand in the trail with their number"
    lines = service.citizen(person).get("/v1/footprints", kind="official")["items"]
    assert lines[0]["basis"] == "supervision", "the person sees that it was opened"


def test_a_consent_is_declared_void_for_a_reason(service: Service, inspector: Caller) -> None:
    grant = service.grant(service.driver(8))
    copy = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    asked = measure(inspector, grant, "invalidate", confirm=False, reason="court", reference="(2026)鲁1002行初9号")
    assert "确定宣告此授权永久无效吗" in asked.text
    assert state(service, grant)[0] == "active"
    done = measure(inspector, grant, "invalidate", reason="court", reference="(2026)鲁1002行初9号")
    assert state(service, grant)[0] == "invalidated"
    assert "(2026)鲁1002行初9号" in done.text
    assert "宣告无效</summary>" not in done.text, "what is void is not declared so again"
    again = measure(inspector, grant, "invalidate", reason="court", reference="x")
    assert again.status_code == 409
    assert "grant.transition" in again.text
    # By the number of a copy, of a receipt, and as it stands on the chain, one comes to the same page.
    ((digest,),) = service.rows("SELECT digest FROM grants WHERE id = :id", id=grant)
    for number in (copy.copy, copy.receipt, "0x" + bytes(digest).hex(), f" {grant} "):
        found = inspector.http.get("/regulator/grants", params={"number": number}, follow_redirects=True)
        assert str(found.url).endswith(f"/regulator/grants/{grant}")
    by_copy = inspector.http.get(f"/v1/supervision/grants/{copy.copy}").json()
    assert (by_copy["id"], by_copy["state"]) == (grant, "invalidated")
    assert by_copy["events"][-1]["reference"] == "(2026)鲁1002行初9号"


@pytest.mark.parametrize("reference", ["", "   ", "x" * 65])
def test_without_a_number_nothing_happens(service: Service, inspector: Caller, reference: str) -> None:
    grant = service.grant(service.driver(9))
    answer = measure(inspector, grant, "freeze", reference=reference)
    assert answer.status_code == 422
    assert "grants.bad_case" in answer.text
    assert state(service, grant) == ("active", False)


def test_what_a_person_contests_is_decided_in_its_case(service: Service, inspector: Caller) -> None:
    person = service.driver(10)
    grant = service.grant(person)
    case = service.citizen(person).post("/v1/cases", {"reason": "不是我", "grant": grant})["id"]
    page = inspector.http.get(f"/regulator/grants/{grant}").text
    assert f'href="/regulator/cases/{case}"' in page
    assert 'value="lift"' not in page
    assert f'href="/regulator/grants/{grant}"' in inspector.http.get(f"/regulator/cases/{case}").text


def test_it_is_a_regulator_s_alone(service: Service, inspector: Caller) -> None:
    grant = service.grant(service.driver(9))
    for role in ("citizen", "entity", "department", "operator"):
        who = caller(service, role)
        assert who.http.get(f"/regulator/grants/{grant}").status_code == 403
        problem(who.call("GET", f"/v1/supervision/grants/{grant}"), 403, "auth.forbidden")
        assert measure(who, grant, "freeze", reference="JG").status_code == 403
    problem(inspector.call("GET", "/v1/supervision/grants/grant_none"), 404, "grants.not_found")
    missing = inspector.http.get("/regulator/grants", params={"number": "grant_none"})
    assert missing.status_code == 404
    assert "grants.not_found" in missing.text
