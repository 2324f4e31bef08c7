"""Asks over HTTP: matched, answered, refused, handed on, overdue, ordered; who sees and may do what; what is kept."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.catalogue.working_days import load_working_days
from api.demo import flow
from api.demo import flow_asks as moves
from api.demo.provision import party_id
from api.errors import ApiError
from api.services import data_asks
from api.services.data_asks import filing
from api.store.fsck import fsck
from api.wiring import log_key
from tests import town
from tests.conftest import Places
from tests.disputes.acts import refused
from tests.disputes.test_pages import page, press
from tests.town import HARBOUR, PINE, Service, until

LICENCE: dict[str, Any] = {"type": "person.driving_licence", "fields": ["licence_class", "valid_until"]}
REGISTER = {"type": "enterprise.business_licence", "fields": ["name", "address"], "frequency": "daily"}
ELSEWHERE = {"words": "公共充电桩的分布和使用状态"}
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def service(store: str, places: Places) -> Iterator[Service]:
    folder, url = places.prepared(store)
    with town.running(folder, database_url=url, chain_grace_s=365 * 86_400) as running:
        yield running


def wind(service: Service, days: int) -> None:
    """Move the service's clock on; everybody signs in anew."""
    service.wind_clock(days * DAY_MS)
    service.town.close()
    for kept in (service.town.signed_in, service.town.machines, service.town.clients):
        kept.clear()


def office(service: Service, code: str = "public_security") -> flow.Person:
    return service.town.department(code)


def office_id(service: Service, code: str) -> str:
    return str(service.rows("SELECT id FROM parties WHERE department_code = :code", code=code)[0][0])


def due_of(service: Service, ask: dict[str, Any], since: str = "filed_at_ms") -> None:
    """The date is one working day after the moment that began the term."""
    columns = f"SELECT due_at_ms, {since} FROM data_asks WHERE id = :id"
    due, at = service.rows(columns, id=ask["id"])[0]
    assert due == load_working_days().term(at, 1).due_at_ms


def test_what_is_offered_is_matched_at_once(service: Service) -> None:
    machine = service.town.machine(HARBOUR)
    filed = moves.file_ask(machine, **REGISTER)
    assert (filed["state"], filed["route"], filed["in_time"], filed["due_at"]) == ("matched", "open", True, None)
    by_consent = moves.file_ask(machine, **LICENCE, purpose_code="insurance.motor.claims")
    assert (by_consent["state"], by_consent["route"]) == ("matched", "consent")
    seen = moves.ask_of(machine, by_consent["id"])
    assert seen["offer"]["attribute"] == "conditional" and seen["offer"]["basis"]["en"]
    assert [(one["state"], one["mover"], one["by"]) for one in seen["events"]] == [("matched", "platform", None)]
    # Where the purpose does not allow one of the fields, the department is asked.
    allowed = {one.field for one in service.ctx.catalogue.purposes["insurance.motor.claims"].allowances}
    other = next(one.name for one in service.ctx.catalogue.type(LICENCE["type"]).fields if one.name not in allowed)
    more = LICENCE | {"fields": ["licence_class", other], "purpose_code": "insurance.motor.claims"}
    assert moves.file_ask(machine, **more)["state"] == "waiting"


def test_a_department_matches_by_a_duty_and_does_not_ask_itself(service: Service) -> None:
    file, types = moves.file_ask, service.ctx.catalogue.types
    refused("data_asks.own", file, office(service), **LICENCE)
    who, duty = office(service, "civil_affairs"), "social_assistance.verification"
    held = service.ctx.catalogue.statutory_bases[duty]
    one = next(one for one in held.allowances if types[one.type_code].department != "civil_affairs")
    asked = {"type": one.type_code, "fields": [one.field], "basis_code": duty}
    filed = file(who, **asked)
    assert (filed["state"], filed["route"]) == ("matched", "duty")
    assert file(who, **asked | {"basis_code": None})["state"] == "waiting"
    refused("data_asks.not_registered", file, who, **asked | {"basis_code": "court.enforcement"})
    refused("data_asks.not_registered", file, who, **asked | {"purpose_code": "insurance.motor.claims"})


def test_what_is_withheld_is_refused_with_the_law(service: Service) -> None:
    machine = service.town.machine(HARBOUR)
    filed = moves.file_ask(machine, type="person.blood_donation", fields=["name"])
    assert (filed["state"], filed["in_time"]) == ("refused", True)
    offer = moves.ask_of(machine, filed["id"])["offer"]
    assert offer["attribute"] == "withheld" and "第九十二条" in offer["basis"]["zh"]


def test_what_is_conditional_is_answered_by_its_department(service: Service) -> None:
    machine = service.town.machine(HARBOUR)
    filed = moves.file_ask(machine, **LICENCE)
    assert (filed["state"], filed["route"], filed["in_time"]) == ("waiting", None, None)
    due_of(service, filed)
    assert filed["id"] in {one["id"] for one in moves.asks_of(office(service), side="addressed")["items"]}
    assert filed["id"] not in {one["id"] for one in moves.asks_of(office(service), side="asked")["items"]}
    told = office(service).get("/v1/notifications")["items"]
    assert any(one["topic"] == "ask" and one["facts"]["ask"] == filed["id"] for one in told)
    agreed = moves.answer_ask(office(service), filed["id"], "agreed", "签订共享协议后按日提供。")
    assert (agreed["state"], agreed["in_time"], agreed["answer"]) == ("agreed", True, "签订共享协议后按日提供。")
    assert any(one["topic"] == "ask" for one in machine.get("/v1/notifications")["items"])
    refused("data_asks.transition", moves.answer_ask, office(service), filed["id"], "refused", "x")
    refused("data_asks.transition", moves.take_back, machine, filed["id"])
    regulator = service.town.regulator()
    assert [bool(one["by"]) for one in moves.ask_of(regulator, filed["id"])["events"]] == [True, True]


def test_handed_on_the_term_begins_anew_once(service: Service) -> None:
    machine, civil, homes = service.town.machine(HARBOUR), office(service, "civil_affairs"), office(service, "health")
    filed = moves.file_ask(machine, **LICENCE)
    first = moves.hand_over(office(service), filed["id"], office_id(service, "civil_affairs"), "由民政部门掌握。")
    assert (first["state"], first["restarted"]) == ("waiting", True)
    due_of(service, filed, "(SELECT max(at_ms) FROM data_ask_events WHERE ask_id = data_asks.id)")
    refused("data_asks.not_found", moves.ask_of, office(service), filed["id"])
    back = (office_id(service, "public_security"), "不是我们。")
    refused("data_asks.had_before", moves.hand_over, civil, filed["id"], *back)
    refused("data_asks.no_department", moves.hand_over, civil, filed["id"], party_id(PINE), "x")
    service.execute("UPDATE data_asks SET due_at_ms = due_at_ms - 1000 WHERE id = :id", id=filed["id"])
    before = moves.ask_of(machine, filed["id"])["due_at"]
    second = moves.hand_over(civil, filed["id"], office_id(service, "health"), "由卫生健康部门掌握。")
    assert second["due_at"] == before, "the second one keeps the date"
    seen = moves.ask_of(machine, filed["id"])
    assert [one["note"] for one in seen["events"]] == [None, "handed", "handed"]
    assert moves.answer_ask(homes, filed["id"], "refused", "不掌握这项数据。")["state"] == "refused"


def test_what_nobody_offers_is_named_by_the_desk(service: Service) -> None:
    machine, regulator = service.town.machine(HARBOUR), service.town.regulator()
    filed = moves.file_ask(machine, **ELSEWHERE)
    assert (filed["state"], filed["type"]) == ("desk", None)
    due_of(service, filed)
    refused("data_asks.not_found", moves.ask_of, office(service), filed["id"])
    named = moves.hand_over(regulator, filed["id"], office_id(service, "housing_construction"), "请贵局办理。")
    assert named["state"] == "waiting"
    answered = moves.answer_ask(office(service, "housing_construction"), filed["id"], "agreed", "提供每日更新的清单。")
    assert (answered["state"], answered["in_time"]) == ("agreed", True)
    direct = moves.file_ask(machine, **ELSEWHERE)
    assert moves.answer_ask(regulator, direct["id"], "refused", "本市没有这类数据。")["state"] == "refused"


def test_one_s_own_is_taken_back_and_nobody_else_s(service: Service) -> None:
    machine, other = service.town.machine(HARBOUR), service.town.machine(PINE)
    filed = moves.file_ask(machine, **LICENCE)
    for call in (moves.ask_of, moves.take_back):
        refused("data_asks.not_found", call, other, filed["id"])
    assert filed["id"] not in {one["id"] for one in moves.asks_of(other)["items"]}
    refused("auth.forbidden", moves.take_back, office(service), filed["id"])
    taken = moves.take_back(machine, filed["id"])
    assert (taken["state"], taken["in_time"]) == ("withdrawn", None)


def test_nobody_answers_and_the_regulator_has_it(service: Service) -> None:
    machine = service.town.machine(HARBOUR)
    filed = [moves.file_ask(machine, **LICENCE)["id"] for _ in range(3)]
    filed.append(moves.file_ask(machine, **ELSEWHERE)["id"])
    while data_asks.escalate_overdue(service.ctx):
        pass
    assert {moves.ask_of(machine, one)["state"] for one in filed} == {"waiting", "desk"}, "nothing is late yet"
    wind(service, 12)  # beyond any run of free days
    machine, regulator = service.town.machine(HARBOUR), service.town.regulator()
    assert data_asks.escalate_overdue(service.ctx) >= 4
    assert data_asks.escalate_overdue(service.ctx) == 0, "each is reported once"
    seen = [moves.ask_of(regulator, one) for one in filed]
    assert {(one["state"], one["in_time"]) for one in seen} == {("overdue", False)}
    assert moves.asks_of(regulator)["counts"]["late"] >= 4
    told = [one["facts"].get("ask") for one in regulator.get("/v1/notifications")["items"] if one["topic"] == "ask"]
    assert set(filed) <= set(told)
    # The late may still answer, which makes nothing punctual; the regulator decides or orders.
    late = moves.answer_ask(office(service), filed[0], "agreed", "迟复，同意提供。")
    assert (late["state"], late["in_time"]) == ("agreed", False)
    assert moves.answer_ask(regulator, filed[1], "refused", "不符合共享条件。")["state"] == "refused"
    ordered = moves.order(regulator, filed[2], "请在一个工作日内提供。")
    assert ordered["state"] == "ordered"
    refused("data_asks.transition", moves.answer_ask, office(service), filed[2], "refused", "x")
    refused("data_asks.no_department", moves.order, regulator, filed[3], "请办理。")
    named = moves.order(regulator, filed[3], "请办理。", office_id(service, "housing_construction"))
    assert named["state"] == "ordered"
    wind(service, 12)
    assert data_asks.escalate_overdue(service.ctx) == 2
    seen = moves.ask_of(service.town.regulator(), filed[2])
    assert (seen["state"], seen["events"][-1]["note"]) == ("ordered", "overdue")
    assert moves.answer_ask(office(service), filed[2], "agreed", "已提供。")["state"] == "agreed"
    assert data_asks.escalate_overdue(service.ctx) == 0


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "data_asks.what"),
        ({"words": "   "}, "data_asks.what"),
        ({"fields": ["name"], "words": "x"}, "data_asks.what"),
        ({"type": "person.driving_licence"}, "data_asks.fields"),
        ({"type": "person.driving_licence", "fields": ["name", "name"]}, "data_asks.fields"),
        ({"type": "person.driving_licence", "fields": ["nothing"]}, "catalogue.unknown_field"),
        ({"type": "person.nothing", "fields": ["name"]}, "catalogue.unknown_type"),
        ({"words": "请给我138 0013 8000的数据"}, "data_asks.personal"),
    ],
)
def test_what_is_no_ask_is_refused_in_both_languages(service: Service, asked: dict[str, Any], code: str) -> None:
    before = service.rows("SELECT count(*) FROM data_asks")
    with pytest.raises(ApiError) as error:
        moves.file_ask(service.town.machine(HARBOUR), **asked)
    assert error.value.code == code
    assert service.rows("SELECT count(*) FROM data_asks") == before


def test_an_organisation_has_so_many_waiting(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = len(moves.asks_of(service.town.machine(PINE), state="open")["items"])
    monkeypatch.setattr(filing, "OPEN_MAX", waiting + 1)
    moves.file_ask(service.town.machine(PINE), **LICENCE)
    refused("data_asks.too_many", moves.file_ask, service.town.machine(PINE), **LICENCE)


def test_the_check_of_the_store_names_an_edited_ask(service: Service) -> None:
    machine = service.town.machine(HARBOUR)
    edits = {
        "UPDATE data_asks SET purpose = 'x' WHERE id = :id": ("data_asks", "fsck.ask_edited"),
        "UPDATE data_asks SET state = 'agreed' WHERE id = :id": ("data_asks", "fsck.ask_edited"),
        "UPDATE data_ask_events SET text = 'x' WHERE ask_id = :id": ("data_asks", "fsck.ask_edited"),
        "UPDATE data_ask_events SET mover = 'asker' WHERE ask_id = :id": ("data_asks", "fsck.ask_edited"),
        "DELETE FROM data_ask_events WHERE ask_id = :id": ("data_ask_events", "fsck.row_missing"),
    }
    filed = {edit: str(moves.file_ask(machine, **LICENCE)["id"]) for edit in edits}
    until(lambda: service.rows("SELECT count(*) FROM prepared_receipts")[0][0] == 0, "receipts are numbered")
    public = log_key(service.ctx.keys).public_key().public_bytes_raw()

    def found() -> set[tuple[str, str, str]]:
        report = fsck(service.ctx.db, service.ctx.vault, public, identity=service.ctx.chain)
        return {(one.id, one.table, one.code) for one in report.findings if one.table.startswith("data_ask")}

    assert found() == set()
    for edit, ask in filed.items():
        service.execute(edit, id=ask)
    assert {(filed[edit], *named) for edit, named in edits.items()} <= found()


def test_pages_from_the_catalogue_to_the_answer(service: Service) -> None:
    clerk = flow.Person(service.url).sign_in(role="entity", party=party_id(HARBOUR), name="演示专员")
    officer, regulator = office(service), service.town.regulator()
    catalogue = page(clerk, "/catalogue?q=%E5%87%86%E9%A9%BE%E8%BD%A6%E5%9E%8B")
    begun = "/entity/data-asks/new?type=person.driving_licence"
    assert begun in catalogue and "/department/data-asks/new?type=person.driving_licence" in catalogue
    form = page(clerk, begun)
    assert 'name="fields" value="licence_class"' in form and "insurance.motor.claims" in form
    told = {"type": "person.driving_licence", "purpose": "核对驾驶资格", "basis": "保险合同", "frequency": "daily"}
    wrong = press(clerk, "/entity/data-asks", 422, **told)
    assert "data_asks.fields" in wrong and "核对驾驶资格" in wrong, "what was filled in is kept"
    mine = press(clerk, "/entity/data-asks", **told, fields="licence_class")
    assert "公安" in page(clerk, mine)
    ask = mine.rsplit("/", 1)[1]
    assert ask in page(officer, "/department/data-asks") and ask not in page(
        officer, "/department/data-asks?side=asked"
    )
    assert clerk.http.get(f"/department/data-asks/{ask}").status_code == 403
    seen = page(officer, f"/department/data-asks/{ask}")
    assert f"/{ask}/answer" in seen and f"/{ask}/department" in seen and f"/{ask}/withdraw" not in seen
    refused_text = press(officer, f"/department/data-asks/{ask}/answer", 422, outcome="refused", text="138 0013 8000")
    assert "data_asks.personal" in refused_text
    health = office_id(service, "health")
    gone = press(officer, f"/department/data-asks/{ask}/department", department=health, text="由卫健掌握。")
    assert gone == "/department/data-asks" and officer.http.get(f"/department/data-asks/{ask}").status_code == 404
    press(office(service, "health"), f"/department/data-asks/{ask}/answer", outcome="agreed", text="按日提供。")
    assert "按日提供。" in page(clerk, mine) and ask in page(regulator, "/regulator/data-asks")
    press(clerk, f"{mine}/withdraw", 409)
    desk = press(clerk, "/entity/data-asks", **{**told, "type": "", "words": "公共充电桩"}).rsplit("/", 1)[1]
    assert f"/{desk}/department" in page(regulator, f"/regulator/data-asks/{desk}")
    press(regulator, f"/regulator/data-asks/{desk}/order", 409, text="x")
    service.execute("UPDATE data_asks SET due_at_ms = 1 WHERE id = :id", id=desk)
    assert data_asks.escalate_overdue(service.ctx) == 1
    assert "逾期未答复" in page(regulator, f"/regulator/data-asks/{desk}")
    assert f"{desk}" in page(regulator, "/regulator/data-asks").split("全部需求")[0], "late ones come first"
    named = {"department": health, "text": "请一个工作日内提供。"}
    press(regulator, f"/regulator/data-asks/{desk}/order", **named)
    assert desk in page(office(service, "health"), "/department/data-asks")
    bell = page(office(service, "health"), "/department/notifications")
    assert f"/department/data-asks/{desk}" in bell
    clerk.close()
