"""The same key is the same deed: one effect and one answer, however often and however fast it is sent."""

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.demo import flow
from api.errors import ApiError
from api.http.v1.grants import ENVELOPE
from api.services import requests
from api.store.queries import idempotency
from tests.api.calls import Caller, caller, department_id, problem
from tests.town import CLAIM, HARBOUR, LICENCE, Service, city_files

TIMES = 50


def asked(service: Service, case_no: str) -> dict[str, Any]:
    return {
        "holder": {"kind": "person", "number": service.driver().number},
        "purpose": "insurance.motor.claims",
        "case_no": case_no,
        "items": [{"type": t, "field": f, "necessary": n} for t, f, n in CLAIM],
        "days": 5,
        "uses": 2,
    }


def fifty(act: Any) -> list[httpx.Response]:
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda _: act(), range(TIMES)))


def test_fifty_requests_are_one(service: Service) -> None:
    machine, key = service.town.machine(HARBOUR), secrets.token_urlsafe(18)
    body = asked(service, "CL-fifty")
    answers = fifty(lambda: machine.send("POST", "/v1/requests", body, idempotency_key=key))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert service.rows("SELECT count(*) FROM requests WHERE case_no = 'CL-fifty'")[0][0] == 1


def test_fifty_approvals_are_one_grant(service: Service) -> None:
    request = service.ask(service.driver(), case_no="CL-approve")
    who, key = caller(service, "citizen"), secrets.token_urlsafe(18)
    ticked = [f"{LICENCE}/name", f"{LICENCE}/id_number"]
    body = {"decision": "approve", "ticked": ticked, "days": 5, "uses": 1}
    path = f"/v1/requests/{request.id}/decision"
    answers = fifty(lambda: who.call("POST", path, body, idempotency_key=key))
    assert {answer.status_code for answer in answers} == {200}, {answer.text for answer in answers}
    assert len({answer.content for answer in answers}) == 1
    grants = service.rows("SELECT id FROM grants WHERE request_id = :id", id=request.id)
    assert [row[0] for row in grants] == [answers[0].json()["grant"]]
    kinds = service.rows("SELECT kind FROM receipts WHERE grant_id = :id", id=grants[0][0])
    assert [row[0] for row in kinds] == ["grant"]
    outbox = service.rows("SELECT count(*) FROM outbox WHERE key = :key", key=f"grant:{grants[0][0]}")
    assert outbox[0][0] == 1


def test_fifty_revocations_are_one(service: Service) -> None:
    grant = service.grant(service.driver(), case_no="CL-revoke")
    who, key = caller(service, "citizen"), secrets.token_urlsafe(18)
    answers = fifty(lambda: who.call("POST", f"/v1/grants/{grant}/revoke", idempotency_key=key))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    kinds = service.rows("SELECT kind FROM receipts WHERE grant_id = :id ORDER BY number", id=grant)
    assert [row[0] for row in kinds] == ["grant", "change"]
    # Another key is another deed, and that one is too late.
    problem(who.call("POST", f"/v1/grants/{grant}/revoke"), 409, "grant.transition")


def test_fifty_uploads_are_one_return(service: Service, tmp_path: Path) -> None:
    officer, key = caller(service, "department"), secrets.token_urlsafe(18)
    data = next(f.path for f in city_files(tmp_path) if f.type_code == LICENCE).read_bytes() + b"\n"
    before = service.rows("SELECT count(*) FROM returns")[0][0]
    answers = fifty(lambda: upload(officer, data, key))
    assert {answer.status_code for answer in answers} == {202}, {answer.text for answer in answers}
    assert len({answer.content for answer in answers}) == 1
    assert service.rows("SELECT count(*) FROM returns")[0][0] == before + 1
    # The same file under another key gives the return that it made.
    again = upload(officer, data, secrets.token_urlsafe(18)).json()
    assert again["id"] == answers[0].json()["id"]
    problem(upload(officer, data + b"\n", key), 409, "idempotency.other_request")


def upload(officer: Caller, data: bytes, key: str) -> httpx.Response:
    return officer.call(
        "POST",
        "/v1/returns",
        idempotency_key=key,
        data={"type": LICENCE, "seal": "true"},
        files={"file": ("a.csv", data, "text/csv")},
    )


def test_fifty_pulls_are_one_use_and_fifty_deliveries(service: Service) -> None:
    grant = service.grant(service.driver(), case_no="CL-pulls", uses=1)
    machine, key = service.town.machine(HARBOUR), secrets.token_urlsafe(18)
    answers = fifty(lambda: machine.pull(grant, "application/json", idempotency_key=key))
    assert len({answer.content for answer in answers}) == 1, "the same copy, byte for byte"
    assert len({answer.headers["receipt-id"] for answer in answers}) == TIMES, "each delivery has its receipt"
    numbers = sorted(int(answer.headers["receipt-number"]) for answer in answers)
    assert len(set(numbers)) == TIMES
    assert service.rows("SELECT use_count FROM grants WHERE id = :id", id=grant)[0][0] == 1
    assert service.rows("SELECT count(*) FROM copies WHERE grant_id = :id", id=grant)[0][0] == 1
    with pytest.raises(ApiError, match=r"pull\.uses_exhausted"):
        machine.pull(grant, "application/json")
    # An envelope is the same delivery in another wrapping; another format is another request.
    assert machine.pull(grant, f"{ENVELOPE};format=json", idempotency_key=key).status_code == 200
    with pytest.raises(ApiError, match=r"pull\.uses_exhausted"):
        machine.pull(grant, "text/csv", idempotency_key=key)


def test_a_used_key_does_not_pull_something_else(service: Service) -> None:
    grant = service.grant(service.driver(), case_no="CL-else", uses=5)
    machine, key = service.town.machine(HARBOUR), secrets.token_urlsafe(18)
    machine.pull(grant, "application/json", idempotency_key=key)
    for accept, body in (("text/csv", {}), ("application/json", {"fields": [f"{LICENCE}/licence_class"]})):
        answer = machine.send("POST", f"/v1/grants/{grant}/pulls", body, accept=accept, idempotency_key=key)
        problem(answer, 409, "idempotency.other_request")
    assert service.rows("SELECT use_count FROM grants WHERE id = :id", id=grant)[0][0] == 1


def test_a_repeat_that_would_bring_newer_records_is_a_use(service: Service, tmp_path: Path) -> None:
    grant = service.grant(service.driver(), case_no="CL-newer", uses=2)
    machine, key = service.town.machine(HARBOUR), secrets.token_urlsafe(18)
    first = machine.pull(grant, "application/json", idempotency_key=key)
    correct(service, tmp_path, "1")
    second = machine.pull(grant, "application/json", idempotency_key=key)
    assert second.headers["copy-id"] != first.headers["copy-id"]
    assert service.rows("SELECT use_count FROM grants WHERE id = :id", id=grant)[0][0] == 2
    # From now on the newer copy is what the key repeats, without another use.
    third = machine.pull(grant, "application/json", idempotency_key=key)
    assert third.content == second.content
    correct(service, tmp_path, "2")
    with pytest.raises(ApiError, match=r"pull\.uses_exhausted"):
        machine.pull(grant, "application/json", idempotency_key=key)
    assert service.rows("SELECT use_count FROM grants WHERE id = :id", id=grant)[0][0] == 2


def correct(service: Service, folder: Path, mark: str) -> None:
    """The department returns its licences again, the first driver's with another address."""
    import csv
    import io

    schema = service.ctx.catalogue.ready_type(LICENCE)
    page = service.citizen(service.driver()).get("/v1/certificates")["items"]
    values = next(item["values"] for item in page if item["type"] == LICENCE)
    values["address"] = f"威海市环翠区海滨北路{mark}号"
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([field.zh for field in schema.fields])
    writer.writerow([field.display(values.get(field.name, "")) for field in schema.fields])
    (folder / f"{mark}.csv").write_text(out.getvalue(), "utf-8")
    officer = service.town.department(schema.department)
    returned = flow.return_file(officer, folder / f"{mark}.csv", LICENCE)
    service.work()
    item = officer.get(f"/v1/returns/{returned}")
    assert (item["state"], item["rows"]["good"]) == ("sealed", 1), officer.get(f"/v1/returns/{returned}/rows")


def test_a_changed_body_is_a_conflict(service: Service) -> None:
    machine, key = service.town.machine(HARBOUR), secrets.token_urlsafe(18)
    assert machine.send("POST", "/v1/requests", asked(service, "CL-a"), idempotency_key=key).status_code == 202
    changed = machine.send("POST", "/v1/requests", asked(service, "CL-b"), idempotency_key=key)
    problem(changed, 409, "idempotency.other_request")
    assert service.rows("SELECT count(*) FROM requests WHERE case_no = 'CL-b'")[0][0] == 0


def test_a_refusal_may_be_tried_again(service: Service) -> None:
    machine, key = service.town.machine(HARBOUR), secrets.token_urlsafe(18)
    wrong = {**asked(service, "CL-again"), "case_no": None}
    problem(machine.send("POST", "/v1/requests", wrong, idempotency_key=key), 422, "requests.case_required")
    right = machine.send("POST", "/v1/requests", asked(service, "CL-again"), idempotency_key=key)
    assert right.status_code == 202


def test_keys_are_each_caller_s_own(service: Service) -> None:
    key = secrets.token_urlsafe(18)
    body = asked(service, "CL-own")
    first = service.town.machine(HARBOUR).send("POST", "/v1/requests", body, idempotency_key=key)
    second = caller(service, "entity").call("POST", "/v1/requests", body, idempotency_key=key)
    assert first.status_code == second.status_code == 202
    assert first.json()["id"] != second.json()["id"]


@pytest.mark.parametrize("key", [None, "short", "x" * 129])
def test_changes_need_a_key(key: str | None, service: Service) -> None:
    who = caller(service, "entity")
    headers = {"X-CSRF-Token": who.csrf} | ({} if key is None else {"Idempotency-Key": key})
    answer = who.http.post("/v1/requests", json=asked(service, "CL-k"), headers=headers)
    problem(answer, 422, "idempotency.missing" if key is None else "http.invalid_input")


def test_a_crash_between_effect_and_answer_leaves_both(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed process would leave: the deed is done, nobody was told; the repeat tells."""
    machine, key = service.town.machine(HARBOUR), secrets.token_urlsafe(18)
    create = requests.create

    def dies_after(*args: Any, **kwargs: Any) -> None:
        create(*args, **kwargs)
        raise SystemError("killed after the commit")

    with monkeypatch.context() as patch:
        patch.setattr(requests, "create", dies_after)
        answer = machine.send("POST", "/v1/requests", asked(service, "CL-crash"), idempotency_key=key)
        problem(answer, 500, "http.internal")
    again = machine.send("POST", "/v1/requests", asked(service, "CL-crash"), idempotency_key=key)
    assert again.status_code == 202
    found = service.rows("SELECT id FROM requests WHERE case_no = 'CL-crash'")
    assert [row[0] for row in found] == [again.json()["id"]]


def test_a_crash_before_the_effect_leaves_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    machine, key = service.town.machine(HARBOUR), secrets.token_urlsafe(18)
    finish = idempotency.finish

    def dies_before(*args: Any, **kwargs: Any) -> None:
        raise SystemError("killed inside the transaction")

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", dies_before)
        machine.send("POST", "/v1/requests", asked(service, "CL-before"), idempotency_key=key)
    assert service.rows("SELECT count(*) FROM requests WHERE case_no = 'CL-before'")[0][0] == 0
    assert idempotency.finish is finish
    assert machine.send("POST", "/v1/requests", asked(service, "CL-before"), idempotency_key=key).status_code == 202


def test_a_key_that_is_still_running_says_so(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.http import forms

    monkeypatch.setattr(forms, "RUNNING_WAIT_S", 0.2)
    machine, key = service.town.machine(HARBOUR), secrets.token_urlsafe(18)
    entered, leave = threading.Event(), threading.Event()
    create = requests.create

    def slow(*args: Any, **kwargs: Any) -> Any:
        entered.set()
        assert leave.wait(20)
        return create(*args, **kwargs)

    monkeypatch.setattr(requests, "create", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(machine.send, "POST", "/v1/requests", asked(service, "CL-slow"), idempotency_key=key)
        assert entered.wait(20)
        try:
            second = machine.send("POST", "/v1/requests", asked(service, "CL-slow"), idempotency_key=key)
        finally:
            leave.set()
        problem(second, 409, "idempotency.running")
        assert first.result().status_code == 202


def test_what_is_kept_of_a_request_cannot_be_guessed_back(service: Service) -> None:
    """The number in a request is one of few enough to try them all: what is kept must be keyed."""
    import hashlib
    import json

    machine, key = service.town.machine(HARBOUR), secrets.token_urlsafe(18)
    body = asked(service, "CL-guess")
    machine.send("POST", "/v1/requests", body, idempotency_key=key)
    kept = service.rows("SELECT request_sha256, body_enc FROM idempotency_keys WHERE key = :key", key=key)[0]
    described = json.dumps(["POST", "/v1/requests", {**body, "scenario": None}], sort_keys=True).encode()
    assert kept[0] != hashlib.sha256(described).digest()
    assert b"CL-guess" not in kept[1]
    assert department_id(service)
