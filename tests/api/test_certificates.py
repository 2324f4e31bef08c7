"""Certificates, copies, receipts and the public log, as those whom they concern read them."""

import base64
import json

import httpx
import pytest
from http_message_signatures import ContentDigest

from api.demo import flow
from api.demo.people import Person
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.merkle import root_of, verify_consistency
from chain.note import open_checkpoint
from chain.receipt import receipt_leaf_hash, verify_promise
from tests.api.calls import caller, problem
from tests.town import BANKS, CLAIM, HARBOUR, IDENTITY, LICENCE, PINE, Service, small_city


def values_of(person: Person, type_code: str = LICENCE) -> dict[str, str]:
    return next(c.values for c in small_city().certificates if (c.holder, c.type_code) == (person.number, type_code))


@pytest.fixture(scope="module")
def envelope(service: Service) -> flow.Envelope:
    return flow.pull_envelope(service.town, HARBOUR, service.grant(service.driver()), "json")


def public_key(service: Service) -> bytes:
    trust = json.loads((service.settings.data_dir / "trust.json").read_text())
    text = trust["log"]["public_key"]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_holder_s_certificates_hold_what_was_returned(service: Service) -> None:
    person = service.driver()
    listed = service.citizen(person).get("/v1/certificates")["items"]
    licence = next(item for item in listed if item["type"] == LICENCE)
    assert {k: v for k, v in licence["values"].items() if v} == {k: v for k, v in values_of(person).items() if v}
    assert (licence["status"], licence["anchor_state"], licence["version"]) == ("current", "anchored", 1)
    alone = service.citizen(person).get(f"/v1/certificates/{licence['id']}")
    assert alone == licence
    history = service.citizen(person).get(f"/v1/certificates/{licence['id']}/history")
    assert [version["id"] for version in history["versions"]] == [licence["id"]]


def test_the_original_is_a_pdf_for_its_holder_and_leaves_a_receipt(service: Service) -> None:
    who = caller(service, "citizen")
    record = who.http.get("/v1/certificates").json()["items"][0]["id"]
    before = len(who.http.get("/v1/footprints").json()["items"])
    answer = who.http.get(f"/v1/certificates/{record}/original")
    assert answer.content.startswith(b"%PDF-")
    assert answer.headers["content-digest"] == ContentDigest.create(answer.content)
    assert answer.headers["content-disposition"] == f'attachment; filename="{record}.pdf"'
    lines = who.http.get("/v1/footprints").json()["items"]
    assert (len(lines), lines[0]["kind"], lines[0]["party"]) == (before + 1, "original", None)


def test_a_holder_s_proof_discloses_every_field(service: Service) -> None:
    person = service.driver()
    who = caller(service, "citizen")
    licence = next(item for item in who.http.get("/v1/certificates").json()["items"] if item["type"] == LICENCE)
    bundle = parse_bundle(who.http.get(f"/v1/certificates/{licence['id']}/proof").content)
    (certificate,) = bundle.certificates
    shown = {name: disclosed.value for name, disclosed in certificate.disclosed.items()}
    claims = {name for name in shown if name not in values_of(person)}
    assert claims >= {"age_over_18", "district"}
    assert {k: v for k, v in shown.items() if v and k not in claims} == {
        k: v for k, v in values_of(person).items() if v
    }
    assert bundle.grant is None and bundle.receipt is None


def test_evidence_never_carries_values(service: Service, envelope: flow.Envelope) -> None:
    person = service.driver()
    raw = service.town.machine(HARBOUR).send("GET", f"/v1/receipts/{envelope.receipt}/evidence")
    assert raw.headers["content-type"] == "application/vnd.mydata.bundle+json"
    assert raw.headers["content-digest"] == ContentDigest.create(raw.content)
    document = raw.json()
    assert all(certificate["disclosed"] == {} for certificate in document["certificates"])
    for name, value in values_of(person).items():
        if len(value) >= 4 and not value.startswith("20"):
            assert json.dumps(value, ensure_ascii=False).strip('"') not in raw.text, name
    assert person.name not in raw.text
    # Nor is anything in it that is the same towards two recipients, by which they could join their holders.
    subject = _token(document["grant"]["binding"]["token"])["sub"]
    assert subject == document["grant"]["terms"]["holder"]


def test_two_recipients_cannot_join_their_holders(service: Service, envelope: flow.Envelope) -> None:
    other = service.grant(service.driver(), PINE)
    theirs = flow.pull_envelope(service.town, PINE, other, "json")
    first, second = (
        flow.bundle_of(service.town, who, made)["grant"] for who, made in ((HARBOUR, envelope), (PINE, theirs))
    )
    assert first["terms"]["holder"] != second["terms"]["holder"]
    assert _token(first["binding"]["token"])["sub"] != _token(second["binding"]["token"])["sub"]
    assert first["message"]["key"] != second["message"]["key"]
    again = service.town.machine(HARBOUR).get(f"/v1/grants/{service.grant(service.driver())}")["terms"]["holder"]
    assert again == first["terms"]["holder"], "one recipient sees one holder"


def _token(text: str) -> dict[str, str]:
    body = text.split(".")[1]
    claims: dict[str, str] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def test_what_leaves_is_what_was_granted(service: Service) -> None:
    person = service.driver()
    items = (*CLAIM[:2], (LICENCE, "address", False))
    asked = service.ask(person, items=items, case_no="CL-less")
    grant = flow.approve(service.citizen(person), asked, days=3, uses=3, leave_out=["address"])["grant"]
    pulled = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    (record,) = json.loads(pulled.file)["records"]
    assert {name for name in record if name in values_of(person)} == {"licence_class", "valid_until"}
    assert values_of(person)["address"] not in pulled.file.decode()
    assert [set(item["salts"]) for item in pulled.certificates] == [{"licence_class", "valid_until"}]
    narrowed = service.town.machine(HARBOUR).send(
        "POST", f"/v1/grants/{grant}/pulls", {"fields": [f"{LICENCE}/licence_class"]}, accept="application/json"
    )
    (record,) = narrowed.json()["records"]
    assert {name for name in record if name in values_of(person)} == {"licence_class"}


def test_a_delivery_has_its_signed_receipt(service: Service, envelope: flow.Envelope) -> None:
    machine = service.town.machine(HARBOUR)
    grant = service.rows("SELECT grant_id FROM receipts WHERE id = :id", id=envelope.receipt)[0][0]
    answer = machine.pull(grant, "text/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-digest"] == ContentDigest.create(answer.content)
    receipt = machine.get(f"/v1/receipts/{answer.headers['receipt-id']}")
    assert str(receipt["number"]) == answer.headers["receipt-number"]
    assert receipt["leaf_hash"] == answer.headers["receipt-leaf"]
    assert receipt["promise"] == answer.headers["receipt-promise"]
    assert f"/v1/receipts/{receipt['id']}/evidence" in answer.headers["link"]
    log = machine.get("/v1/log")["log"]
    leaf, promise = (bytes.fromhex(receipt[name][2:]) for name in ("leaf_hash", "promise"))
    verify_promise(public_key(service), log, receipt["number"], leaf, promise)
    # The leaf stands in the public log at that number, and says nothing beyond kind, number, time, commitment.
    (entry,) = machine.get(f"/v1/log/entries?start={receipt['number']}&count=1")["items"]
    assert receipt_leaf_hash(canonical(entry)) == leaf
    assert set(entry) == {"schema", "kind", "log", "number", "time", "commitment"}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/json", "application/json"),
        ("text/csv", "text/csv"),
        ("application/pdf", "application/pdf"),
        ("*/*", "application/json"),
        ("image/png, application/pdf;q=0.9", "application/pdf"),
    ],
)
def test_accept_chooses_the_format(accept: str, media_type: str, service: Service, envelope: flow.Envelope) -> None:
    grant = service.grant(service.driver(), case_no="CL-format")
    answer = service.town.machine(HARBOUR).pull(grant, accept)
    assert answer.headers["content-type"].split(";")[0] == media_type


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/vnd.mydata.pull+json;format=docx", ""])
def test_formats_that_are_not_offered(accept: str, service: Service) -> None:
    grant = service.grant(service.driver(), case_no="CL-noformat")
    staff = caller(service, "entity")
    answer = staff.call("POST", f"/v1/grants/{grant}/pulls", {}, headers={"Accept": accept})
    problem(answer, 422, "pull.unsupported_format")
    assert service.rows("SELECT use_count FROM grants WHERE id = :id", id=grant)[0][0] == 0


@pytest.mark.parametrize("field", ["licence_class", "/x", "x/", "person.driving_licence/"])
def test_fields_are_written_as_type_and_field(field: str, service: Service) -> None:
    grant = service.grant(service.driver(), case_no="CL-badfield")
    answer = caller(service, "entity").call(
        "POST", f"/v1/grants/{grant}/pulls", {"fields": [field]}, headers={"Accept": "text/csv"}
    )
    problem(answer, 422, "pull.bad_field")


def test_the_public_log_holds_together(service: Service, envelope: flow.Envelope) -> None:
    get = httpx.Client(base_url=service.url, trust_env=False)
    with get:
        log = get.get("/v1/log").json()
        size = log["size"]
        entries = []
        while len(entries) < size:
            entries += get.get("/v1/log/entries", params={"start": len(entries), "count": 7}).json()["items"]
        assert [entry["number"] for entry in entries[:size]] == list(range(size)), "no gap, nothing twice"
        leaves = [receipt_leaf_hash(canonical(entry)) for entry in entries]
        note = get.get("/v1/log/checkpoint").text
        checkpoint = open_checkpoint(note, log["log"], public_key(service))
        assert checkpoint.size == log["anchored"] > 0
        assert root_of(leaves[: checkpoint.size]) == checkpoint.root
        answer = get.get("/v1/log/consistency", params={"old": checkpoint.size, "new": size}).json()
        proof = [bytes.fromhex(node[2:]) for node in answer["proof"]]
        verify_consistency(checkpoint.size, checkpoint.root, size, root_of(leaves[:size]), proof)
        problem(get.get("/v1/log/consistency", params={"old": 1, "new": size + 1}), 422, "log.range")


def test_what_a_case_number_may_not_hold(service: Service) -> None:
    machine = caller(service, "machine")
    for case_no in ("CL\n1", "CL\u0000", "CL\u200b1", "\u202eCL"):
        body = {
            "holder": {"kind": "person", "number": service.driver().number},
            "purpose": "insurance.motor.claims",
            "case_no": case_no,
            "items": [{"type": LICENCE, "field": "licence_class"}],
            "days": 5,
            "uses": 1,
        }
        problem(machine.call("POST", "/v1/requests", body), 422, "requests.bad_case_no")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"purpose": "world.domination"}, 404, "catalogue.unknown_purpose"),
        ({"scenario": "nothing"}, 404, "catalogue.unknown_pack"),
        ({"items": [{"type": "person.unknown", "field": "x"}]}, 404, "catalogue.unknown_type"),
        ({"items": [{"type": LICENCE, "field": "shoe_size"}]}, None, "catalogue.unknown_field"),
        ({"items": [{"type": "person.blood_donation", "field": "volume"}]}, None, None),
        ({"case_no": None}, 422, "requests.case_required"),
        ({"holder": {"kind": "enterprise", "number": "91371099MA3DEM0A04"}}, 422, "requests.wrong_holder_kind"),
        ({"holder": {"kind": "person", "number": "371099199913010011"}}, 422, None),
    ],
)
def test_requests_that_cannot_be_filed(
    change: dict[str, object], status: int | None, code: str | None, service: Service
) -> None:
    body = {
        "holder": {"kind": "person", "number": service.driver().number},
        "purpose": "insurance.motor.claims",
        "case_no": "CL-1",
        "items": [{"type": LICENCE, "field": "licence_class"}],
        "days": 5,
        "uses": 1,
        **change,
    }
    before = service.rows("SELECT count(*) FROM requests")[0][0]
    answer = caller(service, "machine").call("POST", "/v1/requests", body)
    assert 400 <= answer.status_code < 500
    if code is not None:
        problem(answer, status, code)
    assert service.rows("SELECT count(*) FROM requests")[0][0] == before


@pytest.mark.parametrize("ticked", [[], ["nonsense"], ["person.id_card/address"]])
def test_a_sensitive_field_needs_a_tick_of_its_own(ticked: list[str], service: Service) -> None:
    """Also where the service cannot do without it (PIPL article 29): then the answer is all or no."""
    who = BANKS[0]
    asked = service.ask(service.driver(), who, IDENTITY, purpose="bank.personal_credit", case_no="L-sensitive")
    path = f"/v1/requests/{asked.id}/decision"
    answer = caller(service, "citizen").call("POST", path, {"decision": "approve", "ticked": ticked})
    problem(answer, 409, "requests.sensitive_not_ticked")
    assert service.citizen(service.driver()).get(f"/v1/requests/{asked.id}")["state"] == "requested"


def test_nothing_chosen_is_no_grant(service: Service) -> None:
    asked = service.ask(service.driver(), items=((LICENCE, "name", False),), case_no="CL-nothing")
    path = f"/v1/requests/{asked.id}/decision"
    answer = caller(service, "citizen").call("POST", path, {"decision": "approve", "ticked": []})
    problem(answer, 409, "requests.nothing_chosen")


def test_a_no_is_final(service: Service) -> None:
    asked = service.ask(service.driver(), case_no="CL-no")
    who = caller(service, "citizen")
    denied = who.call("POST", f"/v1/requests/{asked.id}/decision", {"decision": "deny"})
    assert denied.json() == {"request": asked.id, "state": "denied", "grant": None}
    problem(who.call("POST", f"/v1/requests/{asked.id}/decision", {"decision": "deny"}), 409, "request.transition")
    ticked = [f"{LICENCE}/{name}" for _, name, _ in CLAIM]
    body = {"decision": "approve", "ticked": ticked}
    problem(who.call("POST", f"/v1/requests/{asked.id}/decision", body), 409, "requests.decided")
    assert service.town.machine(HARBOUR).get(f"/v1/requests/{asked.id}")["state"] == "denied"


def test_an_answer_that_comes_too_late(service: Service) -> None:
    # Last in this file: its clock goes on.
    asked = service.ask(service.driver(), case_no="CL-late")
    service.wind_clock((service.settings.request_days * 24 * 3600 - 300) * 1000)
    who = caller(service, "citizen")
    assert who.http.get(f"/v1/requests/{asked.id}").json()["state"] == "requested"
    service.wind_clock(600_000)
    assert who.http.get(f"/v1/requests/{asked.id}").json()["state"] == "lapsed"
    ticked = [f"{LICENCE}/{name}" for _, name, _ in CLAIM]
    body = {"decision": "approve", "ticked": ticked}
    problem(who.call("POST", f"/v1/requests/{asked.id}/decision", body), 409, "requests.lapsed")
