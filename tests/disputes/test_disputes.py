"""Disputes: from a field, a certificate, a line; who may do what; the clock; the regulator, once."""

import pytest

from api.catalogue.working_days import load_working_days
from api.demo import flow_disputes as moves
from api.demo import flow_looks
from api.policy.disputes import ANSWER_DAYS, DISPUTE_MOVES, DisputeState, Mover, check_move, moves_from
from api.services import disputes
from tests.disputes.acts import JSON, SAID, follow, licence_of, police, refused, taken, wind
from tests.town import HARBOUR, Service


def test_from_a_field_answered_contested_and_ordered(service: Service) -> None:
    holder, officer, regulator = service.citizen(service.driver(0)), police(service), service.town.regulator()
    record = licence_of(service, 0)["id"]
    opened = moves.object_to(holder, SAID, certificate=record, field="licence_class")
    (row,) = service.rows("SELECT opened_at_ms, due_at_ms, statement_enc FROM disputes WHERE id = :id", id=opened["id"])
    assert row[1] == load_working_days().term(row[0], ANSWER_DAYS).due_at_ms
    assert SAID.encode() not in bytes(row[2])
    refused("disputes.open_already", moves.object_to, holder, SAID, certificate=record, field="licence_class")
    seen = moves.dispute_of(officer, opened["id"])
    assert (seen["statement"], seen["field"], seen["state"]) == (SAID, "licence_class", "opened")
    looked = [line for line in flow_looks.footprints_of(holder, kind="official") if line["basis"] == "dispute"]
    assert looked, "that the department read it is among those who looked"

    assert moves.answer(officer, opened["id"], "refused", "档案记载如此。")["state"] == "refused"
    refused("disputes.transition", moves.answer, officer, opened["id"], "upheld", "x")
    refused("disputes.transition", moves.decide, regulator, opened["id"], "ordered", "x")
    assert moves.ask_regulator(holder, opened["id"], "档案有误，附体检记录。")["state"] == "contested"
    told = moves.dispute_of(officer, opened["id"])
    assert told["contest"] is None, "why the regulator is asked is not for the department"
    assert moves.decide(regulator, opened["id"], "ordered", "请按原始档案更正。")["state"] == "ordered"
    refused("disputes.transition", moves.answer, officer, opened["id"], "refused", "x")
    assert moves.answer(officer, opened["id"], "upheld", "已办理。")["state"] == "upheld"
    refused("disputes.transition", moves.ask_regulator, holder, opened["id"], "再次申请。")
    course = moves.dispute_of(holder, opened["id"])
    assert [event["actor"] for event in course["events"]] == ["holder", "party", "holder", "regulator", "party"]
    assert (course["answer"], course["decision"]) == ("已办理。", "请按原始档案更正。")


def test_a_line_is_answered_by_who_looked_and_not_corrected(service: Service) -> None:
    holder, machine = service.citizen(service.driver(1)), service.town.machine(HARBOUR)
    taken(service, 1)
    line = flow_looks.footprints_of(holder, kind="delivered")[0]
    opened = moves.object_to(holder, "为什么查看？", receipt=line["receipt"])
    assert moves.dispute_of(machine, opened["id"])["statement"] == "为什么查看？"
    refused("disputes.not_found", moves.dispute_of, police(service), opened["id"])
    refused("disputes.not_found", moves.correct, police(service), opened["id"], {"name": "x"}, "x")
    assert moves.answer(machine, opened["id"], "refused", "理赔需要。")["state"] == "refused"
    refused("disputes.one_subject", moves.object_to, holder, SAID)
    refused("disputes.not_found", moves.object_to, holder, SAID, receipt="rcpt_" + "a" * 26)


def test_nobody_sees_or_moves_somebody_elses(service: Service) -> None:
    holder, other = service.citizen(service.driver(2)), service.citizen(service.driver(3))
    record = licence_of(service, 2)["id"]
    refused("disputes.not_found", moves.object_to, other, SAID, certificate=record)
    refused("catalogue.unknown_field", moves.object_to, holder, SAID, certificate=record, field="blood_group")
    opened = moves.object_to(holder, SAID, certificate=record)["id"]
    refused("disputes.not_found", moves.dispute_of, other, opened)
    refused("disputes.not_found", moves.withdraw, other, opened)
    refused("disputes.not_found", moves.dispute_of, service.town.department("civil_affairs"), opened)
    refused("disputes.not_found", moves.answer, service.town.department("civil_affairs"), opened, "refused", "x")
    assert not service.town.department("civil_affairs").get("/v1/disputes")["items"]
    assert moves.withdraw(holder, opened)["state"] == "withdrawn"
    refused("disputes.transition", moves.withdraw, holder, opened)


def test_overdue_the_regulator_has_it_and_the_late_may_still_answer(service: Service) -> None:
    holder, regulator = service.citizen(service.driver(4)), service.town.regulator()
    opened = moves.object_to(holder, SAID, certificate=licence_of(service, 4)["id"])["id"]
    follow(service)
    assert moves.dispute_of(holder, opened)["state"] == "opened"
    assert opened not in {one["id"] for one in regulator.get("/v1/disputes", state="escalated")["items"]}
    wind(service, 30)
    holder, regulator = service.citizen(service.driver(4)), service.town.regulator()
    follow(service)
    assert disputes.escalate_overdue(service.ctx) == 0, "it is reported once"
    late = moves.dispute_of(holder, opened)
    assert late["state"] == "overdue" and late["overdue_since"] is not None
    assert opened in {one["id"] for one in regulator.get("/v1/disputes", state="escalated")["items"]}
    told = [one["facts"]["state"] for one in flow_looks.notices_of(regulator) if one["topic"] == "dispute"]
    assert "overdue" in told
    # The regulator orders; the order itself runs out, is reported, and stays with the department.
    moves.decide(regulator, opened, "ordered", "请在十个工作日内办理。")
    wind(service, 30)
    follow(service)
    late = moves.dispute_of(service.citizen(service.driver(4)), opened)
    assert (late["state"], late["events"][-1]["note"]) == ("ordered", "overdue")
    assert moves.answer(police(service), opened, "upheld", "已办理。")["state"] == "upheld"


def test_after_the_days_to_contest_it_is_too_late(service: Service) -> None:
    holder = service.citizen(service.driver(5))
    opened = moves.object_to(holder, SAID, certificate=licence_of(service, 5)["id"])["id"]
    moves.answer(police(service), opened, "refused", "无误。")
    wind(service, 30)
    holder = service.citizen(service.driver(5))
    refused("disputes.too_late", moves.ask_regulator, holder, opened, "再看看。")
    assert moves.dispute_of(holder, opened)["state"] == "refused"


def test_a_grant_that_is_served_is_not_stopped_by_a_dispute(service: Service) -> None:
    holder = service.citizen(service.driver(6))
    grant, _ = taken(service, 6)
    moves.object_to(holder, SAID, certificate=licence_of(service, 6)["id"])
    service.town.machine(HARBOUR).pull(grant, JSON)


@pytest.mark.parametrize("before", list(DisputeState))
def test_only_the_moves_of_the_table_are_possible(before: DisputeState) -> None:
    for after in DisputeState:
        for mover in Mover:
            allowed = DISPUTE_MOVES[before].get(after) is mover
            if allowed:
                check_move(before, after, mover, contested=False)
            else:
                refused("disputes.transition", check_move, before, after, mover, contested=False)
    assert DisputeState.CONTESTED not in moves_from(before, contested=True), "the regulator is asked once"
