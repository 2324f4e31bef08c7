"""Keys of one's own: eth-account plays the holder's software; the service never sees a key, and evidence verifies."""

import time
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from api.store.fsck import fsck
from api.wiring import log_key
from chain.bundle import parse_bundle
from chain.node import Web3Node
from chain.trustfile import parse_trust_file
from chain.verdict import State
from chain.verify import verify
from chain.view import NodeView
from tests.api.calls import Caller, problem
from tests.town import HARBOUR, Service

JSON = "application/json"


def citizen(service: Service, at: int = 0) -> Caller:
    person = service.driver(at)
    return Caller(
        "citizen", service, {"role": "citizen", "kind": "person", "number": person.number, "name": person.name}
    )


def signed(data: dict[str, Any], key: Any) -> str:
    return "0x" + key.sign_message(encode_typed_data(full_message=data)).signature.hex().removeprefix("0x")


def prepare(who: Caller, request: str, key: Any = None, **more: Any) -> dict[str, Any]:
    body = {"ticked": ["person.driving_licence/name"], "days": 30, "uses": 5, **more}
    if key is not None:
        body["key"] = key.address
    answer = who.call("POST", f"/v1/requests/{request}/drafts", body)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def own_grant(service: Service, who: Caller, key: Any) -> str:
    asked = service.ask(service.driver())
    draft = prepare(who, asked.id, key)
    body = {"decision": "approve", "draft": draft["id"], "signature": signed(draft["typed_data"], key)}
    answer = who.call("POST", f"/v1/requests/{asked.id}/decision", body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["grant"])


def judged(service: Service, receipt: str) -> Any:
    raw = service.town.machine(HARBOUR).send("GET", f"/v1/receipts/{receipt}/evidence").content
    trust = parse_trust_file((service.settings.data_dir / "trust.json").read_bytes())
    node = Web3Node(service.settings.rpc_url, timeout_s=20)
    try:
        return verify(parse_bundle(raw), trust, NodeView(node, trust), now_s=int(time.time()))
    finally:
        node.close()


def test_a_grant_under_a_key_that_never_left_its_holder(service: Service) -> None:
    who, key = citizen(service), Account.create()
    grant = own_grant(service, who, key)
    found = who.call("GET", f"/v1/grants/{grant}").json()
    assert (found["custody"], found["state"]) == ("own_key", "active")
    assert found["terms"]["custody"] == "own_key"
    pulled = service.town.machine(HARBOUR).pull(grant, JSON)
    service.settle()
    verdict = judged(service, pulled.headers["Receipt-Id"])
    assert verdict.state is State.VALID, verdict
    assert "chain.note.grant_own_key" in {note.code for note in verdict.notes}
    # Changes need its signature; the last one may go without.
    path = f"/v1/grants/{grant}/changes"
    problem(who.call("POST", path, {"to": "paused"}), 409, "grants.own_key")
    data = who.call("GET", f"/v1/grants/{grant}/change?to=paused").json()
    wrong = signed(data, Account.create())
    problem(who.call("POST", path, {"to": "paused", "signature": wrong}), 422, "grants.bad_signature")
    assert who.call("POST", path, {"to": "paused", "signature": signed(data, key)}).status_code == 200
    resumed = who.call("GET", f"/v1/grants/{grant}/change?to=active").json()
    assert resumed["message"]["seq"] == data["message"]["seq"] + 1
    # The pause's signature is no resumption, and serves no second time.
    problem(who.call("POST", path, {"to": "active", "signature": signed(data, key)}), 422, "grants.bad_signature")
    assert who.call("POST", path, {"to": "active", "signature": signed(resumed, key)}).status_code == 200
    ended = who.call("POST", f"/v1/grants/{grant}/revoke")
    assert ended.status_code == 200
    refused = service.town.machine(HARBOUR).send("POST", f"/v1/grants/{grant}/pulls", {})
    problem(refused, 403, "pull.grant_revoked")
    service.settle()
    verdict = judged(service, pulled.headers["Receipt-Id"])
    assert verdict.state is State.REVOKED, verdict


def test_a_signature_that_is_not_by_the_key(service: Service) -> None:
    who, key = citizen(service), Account.create()
    asked = service.ask(service.driver())
    draft = prepare(who, asked.id, key)
    path = f"/v1/requests/{asked.id}/decision"
    for body in ({}, {"signature": signed(draft["typed_data"], Account.create())}, {"signature": "0x" + "00" * 65}):
        answer = who.call("POST", path, {"decision": "approve", "draft": draft["id"], **body})
        problem(answer, 422, "grants.bad_signature")
    # Nothing was spent by that.
    good = {"decision": "approve", "draft": draft["id"], "signature": signed(draft["typed_data"], key)}
    assert who.call("POST", path, good).status_code == 200
    problem(who.call("POST", path, good), 404, "grants.draft_not_found")
    second = service.ask(service.driver())
    answer = who.call("POST", f"/v1/requests/{second.id}/drafts", {"key": key.address})
    problem(answer, 409, "grants.key_used")


def test_no_key_of_the_holder_s_is_kept(service: Service) -> None:
    who, key = citizen(service), Account.create()
    own_grant(service, who, key)
    for table in ("grants", "grant_drafts", "idempotency_keys", "outbox"):
        for row in service.rows(f"SELECT * FROM {table}"):
            assert bytes(key.key).hex() not in repr(
                [value.hex() if isinstance(value, bytes) else value for value in row]
            )


def test_a_draft_is_its_presenter_s_alone_and_ends(service: Service) -> None:
    who, other = citizen(service), citizen(service, 1)
    asked = service.ask(service.driver())
    problem(other.call("POST", f"/v1/requests/{asked.id}/drafts", {}), 404, "requests.not_found")
    draft = prepare(who, asked.id)
    assert draft["typed_data"] is None and draft["binding"] is None
    problem(other.call("GET", f"/v1/drafts/{draft['id']}"), 404, "grants.draft_not_found")
    approve = {"decision": "approve", "draft": draft["id"]}
    problem(other.call("POST", f"/v1/requests/{asked.id}/decision", approve), 404, "grants.draft_not_found")
    elsewhere = service.ask(service.driver())
    problem(who.call("POST", f"/v1/requests/{elsewhere.id}/decision", approve), 404, "grants.draft_not_found")
    service.wind_clock(11 * 60_000)
    problem(who.call("GET", f"/v1/drafts/{draft['id']}"), 404, "grants.draft_not_found")
    problem(who.call("POST", f"/v1/requests/{asked.id}/decision", approve), 404, "grants.draft_not_found")


@pytest.mark.parametrize("column", ["presenter_id", "holder_id"])
def test_a_draft_turned_into_another_s_is_noticed(column: str, service: Service) -> None:
    who, other = citizen(service), citizen(service, 1)
    draft = prepare(who, service.ask(service.driver()).id)
    stranger = service.rows("SELECT holder_id FROM user_sessions WHERE csrf = :csrf", csrf=other.csrf)[0][0]
    service.execute(f"UPDATE grant_drafts SET {column} = :to WHERE id = :id", to=stranger, id=draft["id"])
    reader = other if column == "presenter_id" else who
    problem(reader.call("GET", f"/v1/drafts/{draft['id']}"), 409, "store.ciphertext")


def test_fsck_names_a_draft_that_was_edited(service: Service) -> None:
    draft = prepare(citizen(service), service.ask(service.driver()).id)["id"]
    public = log_key(service.ctx.keys).public_key().public_bytes_raw()

    def found() -> set[str]:
        report = fsck(service.ctx.db, service.ctx.vault, public)
        assert report.checked["grant_drafts"]
        return {one.id for one in report.findings if one.code == "fsck.draft_edited"}

    assert draft not in found()
    service.execute("UPDATE grant_drafts SET expires_at_ms = expires_at_ms + 1 WHERE id = :id", id=draft)
    assert draft in found()
