"""This was not me: what it stops at once, who decides, what each end does, and what it leaves in the log."""

from collections.abc import Callable

import pytest

from api.demo import flow, flow_duty
from api.demo import flow_looks as moves
from api.errors import ApiError
from api.services import cases
from tests.town import HARBOUR, LICENCE, Service

JSON = "application/json"
SECRET = "我从未办理过这笔业务，请查。"
POLICE, FILE_NO = "police.investigation", "A3710024500002026110001"
FIELDS = (f"{LICENCE}/name",)


def refused(code: str, call: Callable[..., object], *arguments: object, **named: object) -> None:
    with pytest.raises(ApiError) as error:
        call(*arguments, **named)
    assert error.value.code == code


def pull(service: Service, grant: str) -> object:
    return service.town.machine(HARBOUR).pull(grant, JSON)


def seen(who: flow.Person, case: str) -> dict[str, object]:
    found: dict[str, object] = who.get(f"/v1/cases/{case}")
    return found


def test_a_case_freezes_the_grant_at_once_and_dismissed_it_serves_again(service: Service) -> None:
    holder, regulator = service.citizen(service.driver(0)), service.town.regulator()
    grant = service.grant(service.driver(0))
    pull(service, grant)
    (line,) = moves.footprints_of(holder, kind="delivered")
    case = moves.contest(holder, SECRET, receipt=line["receipt"])
    assert (case["state"], case["hold"]) == ("opened", "grant")
    refused("pull.grant_frozen", pull, service, grant)
    refused("cases.open_already", moves.contest, holder, SECRET, grant=grant)
    refused("cases.transition", moves.decide_case, regulator, case["id"], "upheld", "x")
    moves.move_case(regulator, str(case["id"]), "review")
    shown = seen(regulator, str(case["id"]))
    assert (shown["reason"], shown["receipt"]) == (SECRET, line["receipt"])
    assert regulator.get(f"/v1/receipts/{line['receipt']}/decision")["agrees"] is True
    assert regulator.get(f"/v1/cases/{case['id']}/evidence")["request"] is not None, "the signed request is there"
    moves.decide_case(regulator, str(case["id"]), "dismissed", "查明系本人在柜台办理。")
    pull(service, grant)
    told = seen(holder, str(case["id"]))
    assert (told["state"], told["decision"]) == ("dismissed", "查明系本人在柜台办理。")
    assert [event["actor"] for event in told["events"]] == ["holder", "regulator", "regulator"]  # type: ignore[attr-defined]


def test_upheld_the_grant_is_void_and_its_copies_are_due(service: Service) -> None:
    holder, regulator = service.citizen(service.driver(1)), service.town.regulator()
    grant = service.grant(service.driver(1))
    copy = service.town.machine(HARBOUR).pull(grant, JSON).headers["copy-id"]
    case = moves.contest(holder, SECRET, grant=grant)
    moves.move_case(regulator, str(case["id"]), "review")
    assert seen(regulator, str(case["id"]))["reason"] == SECRET
    moves.decide_case(regulator, str(case["id"]), "upheld", "冒名办理。")
    assert holder.get(f"/v1/grants/{grant}")["state"] == "invalidated"
    assert service.town.machine(HARBOUR).get(f"/v1/copies/{copy}")["state"] == "delete_due"
    refused("pull.grant_invalidated", pull, service, grant)
    officials = [line for line in moves.footprints_of(holder, kind="official") if line["basis"] == "supervision"]
    assert officials, "that a regulator read the case is among those who looked"


def test_withdrawn_by_the_holder_it_serves_again(service: Service) -> None:
    holder = service.citizen(service.driver(2))
    grant = service.grant(service.driver(2))
    case = moves.contest(holder, SECRET, grant=grant)
    refused("pull.grant_frozen", pull, service, grant)
    assert moves.move_case(holder, str(case["id"]), "withdraw")["state"] == "withdrawn"
    pull(service, grant)
    refused("cases.transition", moves.move_case, holder, case["id"], "withdraw")


def test_nobody_sees_or_moves_somebody_elses_case(service: Service) -> None:
    holder, other = service.citizen(service.driver(3)), service.citizen(service.driver(4))
    grant = service.grant(service.driver(3))
    refused("cases.not_found", moves.contest, other, SECRET, grant=grant)
    case = str(moves.contest(holder, SECRET, grant=grant)["id"])
    refused("cases.not_found", seen, other, case)
    refused("cases.not_found", moves.move_case, other, case, "withdraw")
    clerk = service.town.machine(HARBOUR).get(f"/v1/cases/{case}")
    assert clerk["reason"] is None, "what the holder wrote is not for the party it is about"
    (row,) = service.rows("SELECT reason_enc FROM cases WHERE id = :id", id=case)
    assert SECRET.encode() not in bytes(row[0])
    moves.move_case(holder, case, "withdraw")


def test_a_duty_by_law_is_suspended_for_that_holder_and_party_alone(service: Service) -> None:
    officer = service.town.department("public_security")
    holder, regulator = service.citizen(service.driver(5)), service.town.regulator()
    flow_duty.query(officer, POLICE, FILE_NO, service.driver(5).number, FIELDS)
    (line,) = moves.footprints_of(holder, kind="delivered")
    assert (line["basis"], line["case_no"], line["fields"]) == ("statutory", FILE_NO, list(FIELDS))
    case = moves.contest(holder, SECRET, receipt=line["receipt"])
    assert case["hold"] == "access"
    refused("statutory.contested", flow_duty.query, officer, POLICE, FILE_NO, service.driver(5).number, FIELDS)
    flow_duty.query(officer, POLICE, FILE_NO, service.driver(6).number, FIELDS)
    assert [line["reason"] for line in moves.footprints_of(holder, kind="refused")] == ["statutory.contested"]
    moves.move_case(regulator, str(case["id"]), "review")
    moves.decide_case(regulator, str(case["id"]), "dismissed", "依法办理。")
    flow_duty.query(officer, POLICE, FILE_NO, service.driver(5).number, FIELDS)


def test_what_nobody_decides_in_time_is_reported_once(service: Service) -> None:
    holder, regulator = service.citizen(service.driver(7)), service.town.regulator()
    case = moves.contest(holder, SECRET, grant=service.grant(service.driver(7)))
    assert cases.escalate_overdue(service.ctx) == 0
    service.execute("UPDATE cases SET due_at_ms = opened_at_ms WHERE id = :id", id=case["id"])
    assert cases.escalate_overdue(service.ctx) == 1
    assert cases.escalate_overdue(service.ctx) == 0
    assert seen(holder, str(case["id"]))["overdue_since"] is not None
    told = [one["facts"]["state"] for one in moves.notices_of(regulator) if one["facts"].get("case") == case["id"]]
    assert told == ["overdue", "opened"]
    told = [one["facts"]["state"] for one in moves.notices_of(holder) if one["topic"] == "case"]
    assert told == ["overdue", "opened"]
