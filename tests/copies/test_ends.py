"""What follows when nobody deletes, and what everybody else sees: holders, regulators, verifiers, the tracer."""

import copy as copying
import hashlib
import json
from typing import Any

import pytest

from api.demo import flow
from api.policy.copy_states import DAY_MS
from api.wiring import TRUST_FILE
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.trustfile import parse_trust_file
from chain.verdict import State
from tests.api.calls import caller, other_citizen, other_entity, problem
from tests.copies.acts import delete, findings, now_s, refused, revoke, seen, taken, turn
from tests.town import HARBOUR, Service


def verified(service: Service, document: dict[str, Any], file: bytes | None = None) -> tuple[State, list[str]]:
    trust = parse_trust_file((service.settings.data_dir / TRUST_FILE).read_bytes())
    verdict = verify_with_node(parse_bundle(canonical(document)), trust, service.chain.url, file)
    return verdict.state, [finding.code for finding in verdict.findings if finding.state is not State.VALID]


def test_the_evidence_of_a_deletion_verifies(service: Service) -> None:
    grant = service.grant(service.driver())
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    revoke(service, grant)
    turn(service)
    answer = delete(service, envelope.copy, method="key_destroyed")
    service.settle()
    machine = service.town.machine(HARBOUR)
    document = machine.get(f"/v1/receipts/{answer['receipt']}/evidence")
    assert verified(service, document, envelope.file) == (State.VALID, [])
    details = document["receipt"]["details"]
    assert details["act"] == "deleted"
    assert (details["copy"], details["method"], details["by"]) == (envelope.copy, "key_destroyed", "machine")
    assert details["file_sha256"] == "0x" + hashlib.sha256(envelope.file).hexdigest()
    assert details["request"] == "0x" + hashlib.sha256(document["request"]["base"].encode()).hexdigest()
    assert json.loads(details["statement"])["method"] == "key_destroyed"
    state, codes = verified(service, document, envelope.file + b" ")
    assert (state, codes) == (State.INVALID, ["chain.verify.other_file"])
    for member, value in (("deleted_at", details["deleted_at"] - 1), ("statement", "{}"), ("copy", "copy_other")):
        forged = copying.deepcopy(document)
        forged["receipt"]["details"][member] = value
        state, codes = verified(service, forged)
        assert state is State.INVALID
        assert set(codes) == {"chain.verify.details_do_not_open", "chain.verify.statement_not_signed"}, member


def test_a_leaked_copy_whose_deletion_was_signed(service: Service) -> None:
    grant = service.grant(service.driver())
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    revoke(service, grant)
    turn(service)
    answer = delete(service, envelope.copy)
    turn(service)
    regulator = service.town.regulator()
    (item,) = regulator.upload("/v1/traces", "leak.json", envelope.file)["items"]
    assert item["outcome"] == "identified", "the platform's own bytes are gone, the copy is found all the same"
    (about,) = [one for one in item["report"]["named"] if one["copy"] == envelope.copy]
    (stated,) = about["deletions"]
    assert about["state"] == "deleted"
    assert (stated["receipt"], stated["method"], stated["by"]) == (answer["receipt"], "erased", "machine")
    path = f"/v1/traces/{item['id']}/evidence/{envelope.copy}"
    shown = json.loads(regulator.get_bytes(f"{path}?of=deletion"))
    assert shown["receipt"]["details"]["act"] == "deleted"
    assert json.loads(regulator.get_bytes(path))["receipt"]["leaf"]["kind"] == "delivery"
    page = regulator.http.get(f"/regulator/traces/{item['id']}", headers={"Accept-Language": "en"})
    assert "signed that it had destroyed the copy" in page.text


def test_copies_are_shown_to_those_whom_they_concern(service: Service) -> None:
    grant, copy = taken(service)
    path = f"/v1/copies/{copy}"
    for role in ("citizen", "entity", "machine"):
        assert caller(service, role).call("GET", path).json()["id"] == copy
        listed = caller(service, role).call("GET", "/v1/copies").json()["items"]
        assert copy in {item["id"] for item in listed}
    for who in (other_citizen(service), other_entity(service), caller(service, "regulator")):
        problem(who.call("GET", path), 404, "copies.not_found")
        assert copy not in {item["id"] for item in who.call("GET", "/v1/copies").json()["items"]}
    body = {"method": "erased", "deleted_at": now_s(service)}
    problem(other_entity(service).call("POST", f"{path}/deletion", body), 404, "copies.not_found")
    kept = {"basis": "civil_code_188", "until": "2027-01-01"}
    problem(other_entity(service).call("POST", f"{path}/retention", kept), 404, "copies.not_found")
    answer = caller(service, "entity").call("POST", f"{path}/deletion", body)
    assert answer.status_code == 200
    details = service.town.machine(HARBOUR).get(f"/v1/receipts/{answer.json()['receipt']}/evidence")["receipt"][
        "details"
    ]
    assert (details["by"], details["request"]) == ("staff", None), "what staff confirmed is marked as such"
    assert json.loads(details["statement"]) == body
    assert seen(service, copy)["events"][-1]["actor"] == "staff"
    revoke(service, grant)


def test_the_same_statement_twice_is_one(service: Service) -> None:
    _, copy = taken(service)
    machine = service.town.machine(HARBOUR)
    body = {"method": "erased", "deleted_at": now_s(service)}
    answers = [machine.send("POST", f"/v1/copies/{copy}/deletion", body, idempotency_key="deletion-1") for _ in "ab"]
    assert answers[0].json() == answers[1].json()
    assert len(seen(service, copy)["events"]) == 1


def late_ones(service: Service, state: str = "") -> list[str]:
    """What a regulator sees who signs in now: sessions end while tests wind the clock."""
    path = "/v1/copies" + (f"?state={state}" if state else "")
    return [item["id"] for item in caller(service, "regulator").call("GET", path).json()["items"]]


def test_overdue_escalated_and_the_end_of_the_agreed_life(service: Service) -> None:
    grant, copy = taken(service)
    _, live = taken(service, 1, days=90)
    longer = "UPDATE grants SET not_after_ms = not_after_ms + :more WHERE state = 'active'"
    service.execute(longer, more=2000 * DAY_MS)
    service.execute(longer, more=-2000 * DAY_MS)
    revoke(service, grant)
    service.execute(longer, more=2000 * DAY_MS)
    turn(service)
    service.wind_clock(7 * DAY_MS + 1000)
    turn(service)
    late = seen(service, copy)
    assert (late["state"], late["events"][-1]["reason"]) == ("overdue", "date_passed")
    assert late_ones(service) == [copy]
    assert late_ones(service, "escalated") == []
    assert caller(service, "regulator").call("GET", f"/v1/copies/{copy}").json()["id"] == copy
    service.wind_clock(7 * DAY_MS)
    turn(service)
    told = seen(service, copy)
    assert (told["state"], told["due_at"]) == ("escalated", late["due_at"])
    assert turn(service) == 0
    assert late_ones(service, "escalated") == [copy]
    body = {"basis": "civil_code_188", "until": "2027-01-01"}
    refused("copies.transition", service.town.machine(HARBOUR).post, f"/v1/copies/{copy}/retention", body)
    delete(service, copy)
    assert late_ones(service) == []
    # Motor claims are kept for 1,095 days at most; under a live grant the order goes out seven days ahead.
    held = seen(service, live)
    assert held["state"] == "held"
    service.wind_clock(1075 * DAY_MS)
    turn(service)
    due = seen(service, live)
    assert (due["state"], due["due_at"], due["events"][-1]["reason"]) == ("delete_due", held["delete_by"], "data_life")
    service.execute(longer, more=-2000 * DAY_MS)
    assert findings(service) == []


EDITS = (
    ("copies", "UPDATE copies SET state = 'held' WHERE id = :id", "UPDATE copies SET state = 'deleted' WHERE id = :id"),
    (
        "copy_events",
        "UPDATE copy_events SET at_ms = at_ms - 1 WHERE copy_id = :id AND seq = 0",
        "UPDATE copy_events SET at_ms = at_ms + 1 WHERE copy_id = :id AND seq = 0",
    ),
    (
        "copy_events",
        "UPDATE copy_events SET reason = 'made up' WHERE copy_id = :id AND seq = 1",
        "UPDATE copy_events SET reason = :reason WHERE copy_id = :id AND seq = 1",
    ),
    (
        "copy_events",
        "UPDATE copy_events SET receipt_id = NULL WHERE copy_id = :id AND seq = 1",
        "UPDATE copy_events SET receipt_id = :receipt WHERE copy_id = :id AND seq = 1",
    ),
)


@pytest.mark.parametrize(("table", "edit", "undo"), EDITS)
def test_an_edited_life_is_found(service: Service, table: str, edit: str, undo: str) -> None:
    query = "SELECT copy_id, receipt_id, reason FROM copy_events WHERE seq = 1 AND state = 'deleted' ORDER BY copy_id"
    copy, receipt, reason = service.rows(query)[0]
    stood = {name: value for name, value in {"receipt": receipt, "reason": reason}.items() if f":{name}" in undo}
    service.execute(edit, id=copy)
    try:
        assert (table, copy, "fsck.copy_life") in findings(service)
    finally:
        service.execute(undo, id=copy, **stood)
    assert findings(service) == []
