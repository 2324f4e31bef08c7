"""What is somebody else's looks exactly like what is not there."""

import httpx
import pytest

from api.demo import flow
from tests.api.calls import Caller, caller, other_citizen, other_entity, problem
from tests.town import HARBOUR, Service

ABSENT = {
    "cert": "cert_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "request": "req_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "grant": "grant_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "receipt": "rcpt_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "return": "ret_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "trace": "trace_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "copy": "copy_00000000000000000000000000000000",
}


@pytest.fixture(scope="module")
def ours(service: Service) -> dict[str, str]:
    """One thing of each kind, with its owner's eyes: it is there."""
    person = service.driver()
    grant = service.grant(person)
    request = service.town.machine(HARBOUR).get(f"/v1/grants/{grant}")["request"]
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    certificate = service.citizen(person).get("/v1/certificates")["items"][0]["id"]
    trace = service.town.regulator().upload("/v1/traces", "leak.json", envelope.file)["items"][0]["id"]
    returned = service.rows("SELECT id FROM returns WHERE type_code = 'person.real_estate_title'")[0][0]
    return {
        "cert": certificate,
        "request": str(request),
        "grant": grant,
        "receipt": envelope.receipt,
        "return": str(returned),
        "trace": trace,
        "copy": envelope.copy,
    }


def same(first: httpx.Response, second: httpx.Response, there: str, absent: str) -> None:
    """Equal in everything that a caller sees, but for the identifier that it sent."""
    assert first.status_code == second.status_code == 404, (first.text, second.text)
    assert first.text.replace(there, "ID") == second.text.replace(absent, "ID")
    drop = {"date"}
    assert {k: v for k, v in first.headers.items() if k not in drop} == {
        k: v for k, v in second.headers.items() if k not in drop
    }


CASES = [
    ("citizen", "cert", "GET", "/v1/certificates/{id}", "certificates.not_found"),
    ("citizen", "cert", "GET", "/v1/certificates/{id}/history", "certificates.not_found"),
    ("citizen", "cert", "GET", "/v1/certificates/{id}/proof", "certificates.not_found"),
    ("citizen", "cert", "GET", "/v1/certificates/{id}/original", "certificates.not_found"),
    ("citizen", "request", "GET", "/v1/requests/{id}", "requests.not_found"),
    ("citizen", "request", "POST", "/v1/requests/{id}/decision", "requests.not_found"),
    ("citizen", "grant", "GET", "/v1/grants/{id}", "grants.not_found"),
    ("citizen", "grant", "GET", "/v1/grants/{id}/copies", "grants.not_found"),
    ("citizen", "grant", "POST", "/v1/grants/{id}/revoke", "grants.not_found"),
    ("citizen", "receipt", "GET", "/v1/receipts/{id}", "receipts.not_found"),
    ("citizen", "receipt", "GET", "/v1/receipts/{id}/evidence", "receipts.not_found"),
    ("entity", "request", "GET", "/v1/requests/{id}", "requests.not_found"),
    ("entity", "grant", "GET", "/v1/grants/{id}", "grants.not_found"),
    ("entity", "grant", "GET", "/v1/grants/{id}/copies", "grants.not_found"),
    ("entity", "grant", "POST", "/v1/grants/{id}/pulls", "pull.not_found"),
    ("entity", "receipt", "GET", "/v1/receipts/{id}", "receipts.not_found"),
    ("entity", "receipt", "GET", "/v1/receipts/{id}/evidence", "receipts.not_found"),
    ("department", "return", "GET", "/v1/returns/{id}", "returns.not_found"),
    ("department", "return", "GET", "/v1/returns/{id}/rows", "returns.not_found"),
    ("department", "return", "GET", "/v1/returns/{id}/events", "returns.not_found"),
    ("department", "return", "POST", "/v1/returns/{id}/seal", "returns.not_found"),
    ("department", "receipt", "GET", "/v1/receipts/{id}", "receipts.not_found"),
    ("regulator", "receipt", "GET", "/v1/receipts/{id}", "receipts.not_found"),
]


def stranger_of_role(service: Service, role: str) -> Caller:
    """Somebody of the right role to whom nothing of `ours` belongs; driving licences are not the police's ID cards."""
    if role == "citizen":
        return other_citizen(service)
    return other_entity(service) if role == "entity" else caller(service, role)


@pytest.mark.parametrize(("role", "kind", "method", "path", "code"), CASES)
def test_foreign_looks_absent(
    role: str, kind: str, method: str, path: str, code: str, service: Service, ours: dict[str, str]
) -> None:
    who = stranger_of_role(service, role)
    body = {"decision": "deny"} if "decision" in path else {} if method == "POST" else None
    foreign = who.call(method, path.format(id=ours[kind]), body)
    absent = who.call(method, path.format(id=ABSENT[kind]), body)
    problem(foreign, 404, code)
    same(foreign, absent, ours[kind], ABSENT[kind])


def test_its_owner_sees_it(service: Service, ours: dict[str, str]) -> None:
    citizen, entity = caller(service, "citizen"), caller(service, "entity")
    for who, path in (
        (citizen, f"/v1/certificates/{ours['cert']}"),
        (citizen, f"/v1/requests/{ours['request']}"),
        (citizen, f"/v1/grants/{ours['grant']}"),
        (citizen, f"/v1/receipts/{ours['receipt']}"),
        (entity, f"/v1/requests/{ours['request']}"),
        (entity, f"/v1/grants/{ours['grant']}"),
        (entity, f"/v1/receipts/{ours['receipt']}/evidence"),
        (caller(service, "regulator"), f"/v1/traces/{ours['trace']}"),
    ):
        assert who.call("GET", path).status_code == 200, path


def test_a_trace_gives_evidence_of_the_copies_that_it_names_alone(service: Service, ours: dict[str, str]) -> None:
    regulator = caller(service, "regulator")
    named = regulator.call("GET", f"/v1/traces/{ours['trace']}/evidence/{ours['copy']}")
    assert named.status_code == 200
    other = service.grant(service.driver(1))
    unnamed = flow.pull_envelope(service.town, HARBOUR, other, "json").copy
    foreign = regulator.call("GET", f"/v1/traces/{ours['trace']}/evidence/{unnamed}")
    absent = regulator.call("GET", f"/v1/traces/{ours['trace']}/evidence/{ABSENT['copy']}")
    problem(foreign, 404, "traces.not_found")
    same(foreign, absent, unnamed, ABSENT["copy"])


def test_a_request_does_not_tell_whether_its_number_is_known(service: Service) -> None:
    from api.demo.city import generate_city

    stranger = generate_city(30, 250, seed=99).persons[0].number
    body = {
        "holder": {"kind": "person", "number": service.driver().number},
        "purpose": "insurance.motor.claims",
        "case_no": "CL-7",
        "items": [{"type": "person.driving_licence", "field": "licence_class"}],
        "days": 5,
        "uses": 1,
    }
    machine = caller(service, "machine")
    known = machine.call("POST", "/v1/requests", body)
    unknown = machine.call("POST", "/v1/requests", {**body, "holder": {"kind": "person", "number": stranger}})
    assert known.status_code == unknown.status_code == 202
    drop = ("id", "created_at", "lapses_at")
    assert {k: v for k, v in known.json().items() if k not in drop} == {
        k: v for k, v in unknown.json().items() if k not in drop
    }
    assert service.rows("SELECT count(*) FROM requests WHERE holder_id IS NULL")[0][0] == 1
