"""A party admitted by two, suspended by one, let back by two; the chain says so each time, and the store agrees."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.demo import flow, flow_duties
from api.demo.client import Machine
from api.demo.people import credit_code
from api.demo.provision import party_id
from api.errors import ApiError
from api.http import signatures
from api.store import event_sink, outbox, unit_of_work
from api.store.fsck import fsck
from api.store.queries.parties import PartyStatus
from api.wiring import log_key
from chain.ports import BlockRef, ChainEvent
from tests.town import BANKS, CLAIM, Service


@pytest.mark.slow
def test_admitted_suspended_and_let_back(service: Service) -> None:
    town, key = service.town, Ed25519PrivateKey.generate()
    administrator = flow_duties.officer(town, "operator")
    first, second = flow_duties.officer(town, "security", "S-01"), flow_duties.officer(town, "security", "S-02")
    act = flow_duties.propose_party(
        administrator,
        role="entity",
        zh="演示新港保险公司",
        en="Demo New Harbour Insurance",
        uscc=credit_code(89_000_007),
        key=signatures.jwk_of(key.public_key()),
        purposes=["insurance.motor.claims"],
    )
    machine = Machine(service.url, key)
    with pytest.raises(ApiError, match=r"signature\.bad"):
        machine.get("/v1/requests")
    assert flow_duties.decide_act(second, act)["state"] == "confirmed"
    with pytest.raises(ApiError, match=r"signature\.bad"):
        machine.get("/v1/requests")  # confirmed here, and not yet admitted on the chain
    service.settle()
    done = flow_duties.wait_for_act(first, act, timeout_s=60)
    party = done["party"]
    (row,) = service.rows("SELECT status, anchor_state, custody FROM parties WHERE id = :id", id=party)
    assert tuple(row) == ("active", "anchored", "demo")

    body = {
        "holder": {"kind": "person", "number": service.driver().number},
        "purpose": "insurance.motor.claims",
        "case_no": "CL-2026-77",
        "items": [{"type": type_code, "field": name, "necessary": need} for type_code, name, need in CLAIM],
        "days": 5,
        "uses": 1,
    }
    assert machine.post("/v1/requests", body)["id"]

    flow_duties.suspend(town.regulator(), party, "监函〔2026〕12号")
    with pytest.raises(ApiError, match=r"auth\.suspended"):
        machine.get("/v1/requests")
    with pytest.raises(ApiError, match=r"duties\.suspended"):
        flow_duties.suspend(first, party, "again")
    back = str(first.post(f"/v1/parties/{party}/return", {"reason": "整改完成"})["id"])
    with pytest.raises(ApiError, match=r"duties\.same_person"):
        flow_duties.decide_act(first, back)
    flow_duties.decide_act(second, back)
    with pytest.raises(ApiError, match=r"auth\.suspended"):
        machine.get("/v1/requests")
    service.settle()
    assert flow_duties.wait_for_act(first, back, timeout_s=60)["kind"] == "return"
    assert machine.get("/v1/requests")["items"]
    machine.close()

    public = log_key(service.ctx.keys).public_key().public_bytes_raw()
    report = fsck(service.ctx.db, service.ctx.vault, public, identity=service.ctx.chain)
    assert report.findings == ()
    service.execute("UPDATE office_holdings SET office = 'security' WHERE office = 'auditor'")
    service.execute("UPDATE party_acts SET decided_by = proposed_by WHERE kind = 'admission'")
    report = fsck(service.ctx.db, service.ctx.vault, public, identity=service.ctx.chain)
    assert {(one.table, one.code) for one in report.findings} == {
        ("office_holdings", "fsck.office_edited"),
        ("party_acts", "fsck.office_edited"),
    }


def test_the_operator_and_regulators_are_not_suspended(service: Service) -> None:
    first = flow_duties.officer(service.town, "security", "S-01")
    for role in ("operator", "regulator"):
        (row,) = service.rows("SELECT id FROM parties WHERE role = :role", role=role)
        with pytest.raises(ApiError, match=r"duties\.not_this_party"):
            flow_duties.suspend(first, str(row[0]), "test")
    with pytest.raises(ApiError, match=r"duties\.reason_missing"):
        flow_duties.suspend(first, party_id(flow.entity("insurer-pine")), " ")


def reinstated(service: Service, party: str) -> None:
    """The chain says that a party was let back, whoever did it."""
    about: dict[str, object] = {"partyId": hashlib.sha256(party.encode()).digest()}
    event = ChainEvent(
        "PartyRegistry", "PartyReinstated", about, BlockRef(10**6, bytes(32), bytes(32), 0), bytes(32), 0
    )
    with unit_of_work(service.ctx.db) as session:
        event_sink._party_changed(session, service.ctx.vault, event, PartyStatus.ACTIVE)


def test_what_would_let_a_party_back_ends_once_the_chain_has_it_back(service: Service) -> None:
    town, party = service.town, party_id(BANKS[0])
    first, second = flow_duties.officer(town, "security", "S-01"), flow_duties.officer(town, "security", "S-02")

    def proposed() -> str:
        flow_duties.suspend(town.regulator(), party, "监函〔2026〕13号")
        return str(first.post(f"/v1/parties/{party}/return", {"reason": "整改完成"})["id"])

    act = proposed()
    service.execute("UPDATE parties SET status = 'active' WHERE id = :id", id=party)
    with pytest.raises(ApiError, match=r"duties\.not_suspended"):
        flow_duties.decide_act(second, act)
    service.execute("UPDATE parties SET status = 'suspended' WHERE id = :id", id=party)
    reinstated(service, party)
    assert first.get(f"/v1/party-acts/{act}")["state"] == "declined"

    act = proposed()
    flow_duties.decide_act(second, act)
    keys = [f"propose_return:{act}", f"return_party:{act}"]
    assert all(outbox.is_open(service.ctx.db, key) for key in keys)
    reinstated(service, party)
    assert first.get(f"/v1/party-acts/{act}")["state"] == "done"
    assert not any(outbox.is_open(service.ctx.db, key) for key in keys)
    assert not any(outbox.reopen(service.ctx.db, key, "chain.refused") for key in keys)
