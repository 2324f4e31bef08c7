"""Every call of the client against a running service: what it gives is what the service holds."""

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.client import FORMATS, Item, LogKey, MydataClient, RefusedError, Retries, UntrustedError, thumbprint
from api.demo.provision import entity_key, party_id
from api.wiring import key_ring
from chain.bundle import parse_bundle
from tests.town import HARBOUR, Service


@pytest.fixture
def client(service: Service) -> MydataClient:
    return service.town.client(HARBOUR)


def test_requests(service: Service, client: MydataClient) -> None:
    person = service.driver()
    item = Item("person.driving_licence", "licence_class")
    asked = client.requests.create(
        number=person.number, purpose="insurance.motor.claims", items=[item], days=10, uses=2, case_no="CLIENT-1"
    )
    assert (asked.state, asked.case_no, asked.days, asked.uses) == ("requested", "CLIENT-1", 10, 2)
    assert asked.entity == party_id(HARBOUR)
    assert client.requests.get(asked.id) == asked
    assert asked.id in [one.id for one in client.requests.list()]
    assert asked.lapses_at > asked.created_at
    with pytest.raises(RefusedError) as refused:
        client.requests.get("req_absent")
    assert (refused.value.status, refused.value.code) == (404, "requests.not_found")
    assert refused.value.text() != refused.value.text("en")


def test_grants_pulls_and_evidence(service: Service, client: MydataClient) -> None:
    grant_id = service.grant(service.driver(1), case_no="CLIENT-2")
    grant = client.grants.get(grant_id)
    assert grant.state == "active"
    assert "person.driving_licence/licence_class" in grant.items
    assert grant.terms["case_no"] == "CLIENT-2"
    assert grant_id in [one.id for one in client.grants.list()]
    copies = set()
    for form, media_type in FORMATS.items():
        pulled = client.grants.pull(grant_id, form)
        assert pulled.media_type == media_type
        assert pulled.file_name == f"{pulled.copy}.{form}"
        copies.add(pulled.copy)
    salted = client.grants.pull(grant_id, "pdf", salts=True)
    assert salted.file == pulled.file
    assert "licence_class" in salted.certificates[0]["salts"]
    assert {one.id for one in client.grants.copies(grant_id)} == copies
    assert client.grants.record(grant_id)["header"]["record_id"] == grant_id
    receipt = client.receipts.get(pulled.promise.receipt)
    assert (receipt.kind, receipt.number, receipt.promise) == (
        "delivery",
        pulled.promise.number,
        pulled.promise.signature,
    )
    assert client.receipts.decision(receipt.id)
    bundle = parse_bundle(client.receipts.evidence(receipt.id))
    assert bundle.receipt is not None
    assert next(event.state for event in client.grants.events(grant_id)) == "active"


def test_one_field_alone(service: Service, client: MydataClient) -> None:
    grant_id = service.grant(service.driver(2))
    narrow = client.grants.pull(grant_id, fields=["person.driving_licence/licence_class"])
    assert b"licence_class" in narrow.file
    assert b"valid_until" not in narrow.file
    with pytest.raises(RefusedError, match=r"pull\.field"):
        client.grants.pull(grant_id, fields=["person.id_card/address"])


def test_extension_and_giving_back(service: Service, client: MydataClient) -> None:
    grant_id = service.grant(service.driver(3))
    asked = client.grants.ask_extension(grant_id, days=20, uses=3)
    assert asked.extends == grant_id
    receipt = client.grants.terminate(grant_id)
    assert client.receipts.get(receipt).kind == "change"
    assert client.grants.get(grant_id).state == "terminated"


def test_copies_and_statements_of_their_end(service: Service, client: MydataClient) -> None:
    grant_id = service.grant(service.driver(4))
    pulled = client.grants.pull(grant_id, "csv")
    copy = client.copies.get(pulled.copy)
    assert (copy.state, copy.grant) == ("held", grant_id)
    assert copy.file_sha256 == hashlib.sha256(pulled.file).digest()
    receipt = client.copies.confirm_deletion(pulled.copy, "erased", datetime.now(UTC))
    assert client.receipts.get(receipt).kind == "deletion"
    assert client.copies.get(pulled.copy).state == "deleted"
    assert pulled.copy in [one.id for one in client.copies.list("deleted")]
    with pytest.raises(RefusedError):
        client.copies.claim_retention(pulled.copy, "no_such_law", date(2030, 1, 1))


def test_webhooks(service: Service, client: MydataClient) -> None:
    hook = client.webhooks.register("http://127.0.0.1:9/hook", ["granted"])
    assert hook in client.webhooks.list()
    service.grant(service.driver(5))
    (message,) = client.webhooks.messages(hook.id)
    assert (message.kind, message.seq) == ("granted", 0)
    client.webhooks.resend(message.number)
    assert client.webhooks.remove(hook.id).state == "removed"
    assert client.webhooks.keys() is not None


def test_statutory_queries_are_for_those_with_a_duty(service: Service, client: MydataClient) -> None:
    fields = ["person.driving_licence/licence_class"]
    with pytest.raises(RefusedError, match=r"^catalogue\.unknown_basis"):
        client.statutory.query(basis="none", case_no="S-1", number=service.driver().number, fields=fields)
    assert [one.outcome for one in client.statutory.list() if one.outcome == "served"] == []
    with pytest.raises(RefusedError, match=r"^statutory\."):
        client.statutory.get("access_absent")
    assert client.statutory.bases() == (), "an insurer has no such duty"


def test_cases_and_notices(service: Service, client: MydataClient) -> None:
    grant_id = service.grant(service.driver(8))
    client.grants.pull(grant_id)
    person = service.citizen(service.driver(8))
    opened = person.post("/v1/cases", {"reason": "不是我办的", "grant": grant_id})
    case = client.cases.get(opened["id"])
    assert (case.grant, case.closed_at) == (grant_id, None)
    assert case.id in [one.id for one in client.cases.list("open")]
    with pytest.raises(RefusedError, match=r"pull\.grant_frozen"):
        client.grants.pull(grant_id)
    assert {one.topic for one in client.notifications.list()} >= {"case"}
    assert client.notifications.mark_read() > 0
    assert client.notifications.mark_read() == 0
    topic = next(iter(client.notifications.settings()))
    client.notifications.choose({topic: "quiet"})
    assert client.notifications.settings()[topic] == "quiet"


def test_reference(service: Service, client: MydataClient) -> None:
    own = next(one for one in client.reference.parties("entity") if one.id == party_id(HARBOUR))
    assert own.key_thumbprint == thumbprint(client.transport.key.public_key())
    assert "licence_class" in {t.code: t for t in client.reference.types()}["person.driving_licence"].fields
    purpose = {p.code: p for p in client.reference.purposes()}["insurance.motor.claims"]
    assert purpose.case_required
    assert purpose.allowed
    assert client.reference.retention()["methods"]
    service.grant(service.driver(6))
    log = client.reference.log()
    assert log.size > 1
    entries = client.reference.entries(0, 2)
    assert [entry["number"] for entry in entries] == [0, 1]
    assert isinstance(client.reference.consistency(1, log.size), tuple)
    assert client.reference.checkpoint().startswith(log.id)


def test_a_receipt_of_another_log_is_not_believed(service: Service, tmp_path: Path) -> None:
    grant_id = service.grant(service.driver(7))
    key = entity_key(key_ring(service.settings), HARBOUR)
    other = LogKey(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    with MydataClient(service.url, key, log_key=other, retries=Retries(attempts=1)) as doubting:
        with pytest.raises(UntrustedError, match=r"bad_promise"):
            doubting.grants.pull(grant_id)
        job = doubting.jobs.wait(doubting.jobs.start(grants=[grant_id]).id)
        with pytest.raises(UntrustedError, match=r"bad_promise"):
            doubting.jobs.fetch(job.id, tmp_path / "x.zip")
    with MydataClient(service.url, Ed25519PrivateKey.generate(), retries=Retries(attempts=1)) as stranger:
        with pytest.raises(RefusedError) as refused:
            stranger.grants.get(grant_id)
        assert refused.value.code == "signature.bad"


def test_data_asks(client: MydataClient) -> None:
    filed = client.data_asks.file(
        purpose="核对驾驶资格",
        basis="保险合同",
        type="person.driving_licence",
        fields=["licence_class"],
        purpose_code="insurance.motor.claims",
    )
    assert (filed.state, filed.route, filed.due_at) == ("matched", "consent", None)
    waiting = client.data_asks.file(purpose="选址", basis="合作协议", frequency="daily", words="公共充电桩的分布")
    assert (waiting.state, waiting.words, waiting.frequency) == ("desk", "公共充电桩的分布", "daily")
    assert client.data_asks.get(waiting.id) == waiting
    assert waiting.id in [one.id for one in client.data_asks.list("open")]
    assert client.data_asks.withdraw(waiting.id).state == "withdrawn"
    assert {filed.id, waiting.id} <= {one.id for one in client.data_asks.list()}
