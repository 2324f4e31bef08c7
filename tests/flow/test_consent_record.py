"""The consent record: complete by ISO/IEC TS 27560, bound to the signed terms, the same for both sides."""

import hashlib
import json
from typing import Any

import pytest

from api.demo import flow
from api.errors import ApiError
from api.store.fsck import fsck
from api.wiring import log_key
from chain.canonical import canonical
from tests.town import HARBOUR, PINE, Service


@pytest.fixture(scope="module")
def grant_id(service: Service) -> str:
    grant_id = service.grant(service.driver(), uses=3)
    flow.pull_envelope(service.town, HARBOUR, grant_id, "json")
    flow.change_grant(service.citizen(service.driver()), grant_id, "pause")
    return grant_id


@pytest.fixture(scope="module")
def record(service: Service, grant_id: str) -> dict[str, Any]:
    found: dict[str, Any] = service.citizen(service.driver()).get(f"/v1/grants/{grant_id}/record")
    return found


def test_members_of_the_standard(record: dict[str, Any], grant_id: str) -> None:
    assert record["header"]["schema_version"] == "ISO/IEC TS 27560:2023"
    assert record["header"]["record_id"] == grant_id
    assert len(record["header"]["pii_principal_id"]) == 32
    (purpose,) = record["pii_processing"]["purposes"]
    missing = {name for name, value in purpose.items() if value in (None, "")}
    assert missing <= {"service"}
    assert purpose["lawful_basis"] == "consent"
    assert purpose["processing_method"] == "STORE"
    assert purpose["recipient_third_parties"] == []
    assert purpose["retention_period"]["exceptions"], "what the law may make the recipient keep"
    assert any(one["sensitive_pii_category"] for one in purpose["pii_information"])
    roles = {party["party_role"] for party in record["party_identification"]}
    assert roles == {"recipient", "provider", "authority"}
    assert all(party["party_contact"] for party in record["party_identification"])
    assert [event["event_state"] for event in record["event"]] == ["active", "paused"]
    own = record["extension"]
    assert (own["kind"], own["onward_transfer"], own["use_count"]) == ("standing", False, 1)
    assert own["last_use"] is not None


def test_the_notice_is_the_one_that_was_signed(service: Service, record: dict[str, Any], grant_id: str) -> None:
    notice = record["pii_processing"]["privacy_notice"]
    assert hashlib.sha256(canonical(notice["content"])).hexdigest() == notice["sha256"][2:]
    terms = service.citizen(service.driver()).get(f"/v1/grants/{grant_id}")["terms"]
    assert terms["notice"]["sha256"] == notice["sha256"]
    assert {item["field"] for item in notice["content"]["items"]} >= {"准驾车型"}


def test_events_are_a_chain(record: dict[str, Any]) -> None:
    first, second = record["event"]
    assert first["prev_hash"] == record["header"]["record_digest"]
    assert second["prev_hash"] == first["hash"]


def test_both_sides_see_the_same_and_nobody_else_sees_it(
    service: Service, record: dict[str, Any], grant_id: str
) -> None:
    assert service.town.machine(HARBOUR).get(f"/v1/grants/{grant_id}/record") == record
    for other in (service.town.machine(PINE), service.citizen(service.driver(1))):
        with pytest.raises(ApiError, match=r"grants\.not_found"):
            other.get(f"/v1/grants/{grant_id}/record")


def test_nothing_of_the_data_is_in_it(service: Service, record: dict[str, Any]) -> None:
    person = service.driver()
    text = json.dumps(record, ensure_ascii=False)
    assert person.name not in text
    assert person.number not in text


def test_one_use_is_one_off(service: Service) -> None:
    grant_id = service.grant(service.driver(), uses=1)
    terms = service.citizen(service.driver()).get(f"/v1/grants/{grant_id}")["terms"]
    assert terms["kind"] == "one_off"
    assert terms["frequency"]["per_day"] >= 1


def test_the_store_s_check_knows_grants_in_every_state_and_their_notices(service: Service, grant_id: str) -> None:
    ctx = service.ctx
    flow.extend_grant(service.citizen(service.driver()), grant_id, days=9, uses=1)
    frozen = service.grant(service.driver())
    flow.change_grant(service.town.regulator(), frozen, "freeze", case="CASE-1")
    key = log_key(ctx.keys).public_key().public_bytes_raw()

    def found() -> set[tuple[str, str, str]]:
        report = fsck(ctx.db, ctx.vault, key, identity=ctx.chain)
        return {(one.table, one.id, one.code) for one in report.findings}

    assert found() == set()
    kept = service.rows("SELECT notice FROM grants WHERE id = :id", id=frozen)[0].notice
    text = kept if isinstance(kept, str) else json.dumps(kept, ensure_ascii=False)
    service.execute("UPDATE grants SET notice = :notice WHERE id = :id", id=frozen, notice=text.replace("5", "6"))
    assert found() == {("grants", frozen, "fsck.grant_edited")}
    service.execute("UPDATE grants SET notice = :notice WHERE id = :id", id=frozen, notice=text)
    assert found() == set()
