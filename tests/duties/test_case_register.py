"""Registers of case numbers: who may bring them, what a number that is in none raises, and what stops."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from api.catalogue.case_register import case_rules
from api.demo import flow, flow_duty
from api.demo.provision import party_id
from api.errors import ApiError
from api.policy.case_register import DAY_MS, HOUR_MS, Standing, may_be_one, standing
from api.services import registers, watch
from api.services.days import city_day
from api.store import clock, read_only, unit_of_work
from api.store.fsck import fsck
from api.wiring import log_key
from tests import town
from tests.api.calls import Caller, caller, problem
from tests.conftest import Places
from tests.town import BANKS, HARBOUR, LICENCE, Service

POLICE, COURT = "police.investigation", "court.enforcement"
COURT_HARBOUR = flow.entity("court-harbour")
FIELDS = (f"{LICENCE}/name",)
REGISTER = "/v1/case-register"
CASES = [f"A37100245000020261100{number:02d}" for number in range(40)]


@pytest.fixture
def service(store: str, places: Places) -> Iterator[Service]:
    folder, url = places.prepared(store)
    with town.running(folder, database_url=url, chain_grace_s=30 * 86_400) as running:
        settled(running)
        yield running


def settled(service: Service) -> None:
    town.until(lambda: service.rows("SELECT count(*) FROM prepared_receipts")[0][0] == 0, "receipts are numbered")


def today(service: Service) -> date:
    with read_only(service.ctx.db) as session:
        return city_day(clock.now_ms(session))


@contextmanager
def officer(service: Service, staff: str, role: str = "department", party: str = "") -> Iterator[flow.Person]:
    """An officer of the police, or of another party, with a number of their own."""
    known = service.rows("SELECT id FROM parties WHERE name_en LIKE '%Public Security%' OR id LIKE '%public_security%'")
    claims = {"role": role, "party": party or str(known[0][0]), "name": "演示人员"}
    person = flow.Person(service.url).sign_in(**claims | ({"staff": staff} if staff else {}))
    try:
        yield person
    finally:
        person.close()


def case(number: str, opened: date, closed: date | None = None) -> dict[str, Any]:
    return {"case_no": number, "opened_on": opened.isoformat(), "closed_on": closed and closed.isoformat()}


def bring(who: Any, *cases: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = who.post(REGISTER, {"cases": list(cases)})
    return answer


def look(who: flow.Person, case_no: str, service: Service, at: int = 0) -> None:
    flow_duty.query(who, POLICE, case_no, service.driver(at).number, FIELDS)


def alarms(service: Service) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.town.regulator().get("/v1/watch-alarms")["items"]
    return [one for one in found if one["kind"].startswith("case_")]


def refused(code: str, act: Any) -> None:
    with pytest.raises(ApiError) as error:
        act()
    assert error.value.code == code


def test_a_known_case_raises_nothing_an_unknown_and_a_closed_one_do(service: Service) -> None:
    day = today(service)
    with officer(service, "R-1") as clerk, officer(service, "Q-1") as detective:
        look(detective, CASES[0], service)
        assert alarms(service) == [], "without a register the form alone is held against"
        done = bring(clerk, case(CASES[0], day), case(CASES[1], day - timedelta(9), day - timedelta(1)))
        assert done == {"added": 2, "changed": 0, "unchanged": 0, "came": 0}
        look(detective, CASES[0], service)
        assert alarms(service) == []
        look(detective, CASES[1], service)
        look(detective, CASES[2], service)
        look(detective, CASES[2], service, at=1)
        closed, unknown = sorted(alarms(service), key=lambda one: str(one["kind"]))
        assert (closed["kind"], closed["seen"], closed["case"]["case_no"]) == ("case_closed", 1, CASES[1])
        assert (unknown["kind"], unknown["seen"], unknown["case"]["late"]) == ("case_unknown", 2, False)
        assert CASES[2] not in unknown["subject"] and unknown["state"] == "open"
        (use,) = [one for one in flow_duty.queries(detective) if one["id"] == unknown["case"]["use"]]
        assert use["case_no"] == CASES[2], "the body finds what is meant by the query's number"
        told = caller(service, "auditor").call("GET", "/v1/watch-alarms").json()["items"]
        assert {one["case"]["case_no"] for one in told} == {None}, "auditors read of no case"
        assert CASES[2] not in str(told)
        page = service.town.regulator().http.get("/regulator/watch").text
        assert CASES[2] in page and CASES[1] in page
        assert CASES[2] not in caller(service, "auditor").call("GET", "/auditor/watch").text


def test_numbers_stand_nowhere_in_the_register(service: Service) -> None:
    with officer(service, "R-1") as clerk:
        bring(clerk, *(case(number, today(service)) for number in CASES[:5]))
        assert clerk.get(REGISTER)["open"] == 5
    assert service.rows("SELECT count(*) FROM case_numbers")[0][0] == 5
    for table in ("case_numbers", "case_registers", "case_accounts", "idempotency_keys"):
        for row in service.rows(f"SELECT * FROM {table}"):
            assert not any(CASES[0] in (one.hex() if isinstance(one, bytes) else str(one)) for one in row)
            assert not any(isinstance(one, bytes) and CASES[0].encode() in one for one in row)


def test_the_same_again_changes_nothing_and_a_bad_line_takes_none(service: Service) -> None:
    day = today(service)
    with officer(service, "R-1") as clerk:
        bring(clerk, case(CASES[0], day), case(CASES[1], day))
        again = bring(clerk, case(CASES[0], day), case(CASES[1], day - timedelta(1), day))
        assert again == {"added": 0, "changed": 1, "unchanged": 1, "came": 0}
        assert bring(clerk) == {"added": 0, "changed": 0, "unchanged": 0, "came": 0}
        for code, bad in (
            ("case_register.bad_case_no", case("CL-1", day)),
            ("case_register.bad_days", case(CASES[3], day + timedelta(1))),
            ("case_register.bad_days", case(CASES[3], day, day - timedelta(1))),
            ("case_register.bad_days", {"case_no": CASES[3], "opened_on": "2026-02-30"}),
            ("case_register.twice", case(CASES[2], day)),
        ):
            refused(code, lambda bad=bad: bring(clerk, case(CASES[2], day), bad))
        assert clerk.get(REGISTER)["open"] + clerk.get(REGISTER)["closed"] == 2
    plain = service.town.department("civil_affairs")
    if not plain.get("/v1/statutory-bases")["items"]:
        refused("case_register.not_needed", lambda: bring(plain, case(CASES[0], day)))


def test_who_queries_does_not_register_and_who_registers_does_not_query(service: Service) -> None:
    day = today(service)
    with officer(service, "R-1") as clerk, officer(service, "Q-1") as detective, officer(service, "") as shared:
        look(detective, CASES[0], service)
        refused("case_register.asks_itself", lambda: bring(detective, case(CASES[0], day)))
        # The account that officers without numbers share may be the one who queried.
        refused("case_register.asks_itself", lambda: bring(shared, case(CASES[0], day)))
        page = detective.http.get("/department/case-register")
        assert page.status_code == 200
        form = {"csrf": detective.csrf}
        file = {"file": ("a.csv", f"案号,立案日期\n{CASES[0]},{day}\n".encode())}
        answer = detective.http.post("/department/case-register", data=form, files=file)
        assert answer.status_code == 403 and "case_register.asks_itself" in answer.text
        assert service.rows("SELECT count(*) FROM case_numbers")[0][0] == 0
        bring(clerk, case(CASES[0], day))
        refused("statutory.brings_cases", lambda: look(clerk, CASES[0], service))
        refused("statutory.brings_cases", lambda: look(shared, CASES[0], service))
        query = {"csrf": clerk.csrf, "basis": POLICE, "case_no": CASES[0], "number": service.driver(0).number}
        by_page = clerk.http.post("/department/queries", data={**query, "items": list(FIELDS)})
        assert by_page.status_code == 403 and "statutory.brings_cases" in by_page.text
        look(detective, CASES[0], service)
        # Long after, the roles may change.
        ago = (case_rules().separation_days + 1) * DAY_MS
        service.execute("UPDATE case_accounts SET brought_at_ms = brought_at_ms - :ago", ago=ago)
        look(clerk, CASES[0], service)


def test_a_courts_machine_brings_them_and_its_clerk_queries(service: Service) -> None:
    machine = service.town.machine(COURT_HARBOUR)
    number = "(2026)鲁1002执1234号"
    assert bring(machine, case(number, today(service)))["added"] == 1
    fields = ("person.real_estate_title/name",)
    subject = town.small_city().landlords[0].number
    refused("statutory.brings_cases", lambda: flow_duty.query(machine, COURT, number, subject, fields))
    with officer(service, "C-1", "entity", party_id(COURT_HARBOUR)) as clerk:
        flow_duty.query(clerk, COURT, number, subject, fields)
    assert alarms(service) == []


def test_many_that_are_in_no_register_stop_the_queries_sooner_while_it_is_not_late(service: Service) -> None:
    rules, day = case_rules(), today(service)
    with officer(service, "R-1") as clerk, officer(service, "Q-1") as detective:
        bring(clerk, case(CASES[0], day))
        for place in range(rules.unknown - 1):
            look(detective, CASES[1 + place], service, at=place % 3)
        # One and the same number is one.
        look(detective, CASES[1], service)
        refused("statutory.blocked", lambda: look(detective, CASES[30], service))
        refused("statutory.blocked", lambda: look(detective, CASES[0], service))
        regulator = service.town.regulator()
        (stop,) = [one for one in flow_duty.open_alarms(regulator) if one["blocks"]]
        assert (stop["kind"], stop["seen"], stop["limit"]) == ("case", rules.unknown, rules.unknown)
        assert len(alarms(service)) == rules.unknown
        flow_duty.close_alarm(regulator, stop["id"], "已核实。")
        look(detective, CASES[0], service)


def test_while_the_register_is_late_more_is_borne_and_each_says_so(service: Service) -> None:
    rules, day = case_rules(), today(service)
    with officer(service, "R-1") as clerk, officer(service, "Q-1") as detective:
        bring(clerk, case(CASES[0], day))
        service.execute(
            "UPDATE case_registers SET first_at_ms = first_at_ms - :ago, last_at_ms = last_at_ms - :ago",
            ago=(rules.late_days + 1) * DAY_MS,
        )
        for place in range(rules.unknown_late - 1):
            look(detective, CASES[1 + place], service, at=place % 3)
        assert {one["case"]["late"] for one in alarms(service)} == {True}
        assert len(alarms(service)) == rules.unknown_late - 1
        refused("statutory.blocked", lambda: look(detective, CASES[35], service))


def test_a_number_that_comes_later_marks_its_alarm_and_closes_nothing(service: Service) -> None:
    day = today(service)
    with officer(service, "R-1") as clerk, officer(service, "Q-1") as detective:
        bring(clerk, case(CASES[0], day))
        look(detective, CASES[1], service)
        service.wind_clock(5 * HOUR_MS)
        assert bring(clerk, case(CASES[1], day))["came"] == 1
        (alarm,) = alarms(service)
        assert (alarm["state"], alarm["case"]["late"]) == ("open", False)
        assert alarm["case"]["came_at"] > alarm["raised_at"]
        look(detective, CASES[1], service)
        assert alarms(service)[0]["seen"] == 1, "it is known now"
        assert "5" in service.town.regulator().http.get("/regulator/watch").text
    first = caller(service, "regulator")
    second = Caller("regulator", service, first.claims | {"staff": "R-02"})
    path = f"/v1/watch-alarms/{alarm['id']}"
    assert first.call("POST", f"{path}/take").json()["case"]["came_at"] is not None
    assert first.call("POST", f"{path}/close", {"reason": "explained", "remark": "补登。"}).status_code == 200
    problem(first.call("POST", f"{path}/second-look", {"agrees": True}), 403, "watch.same_officer")
    assert second.call("POST", f"{path}/second-look", {"agrees": True}).json()["state"] == "checked"


def test_fsck_holds_alarms_against_the_numbers_that_they_are_about(service: Service) -> None:
    day, public = today(service), log_key(service.ctx.keys).public_key().public_bytes_raw()

    def found() -> set[tuple[str, str]]:
        report = fsck(service.ctx.db, service.ctx.vault, public)
        return {(one.table, one.code) for one in report.findings if one.table in {"watch_alarms", "case_findings"}}

    with officer(service, "R-1") as clerk, officer(service, "Q-1") as detective:
        bring(clerk, case(CASES[0], day))
        look(detective, CASES[1], service)
        bring(clerk, case(CASES[1], day))
        settled(service)
        assert found() == set()
        for edit in ("came_at_ms = NULL", "came_at_ms = came_at_ms + 86400000", "party_id = :other"):
            before = service.rows("SELECT came_at_ms, party_id FROM case_findings")[0]
            values = {"other": party_id(HARBOUR)} if ":other" in edit else {}
            service.execute(f"UPDATE case_findings SET {edit}", **values)
            assert found() == {("case_findings", "fsck.alarm_edited")}, edit
            service.execute("UPDATE case_findings SET came_at_ms = :c, party_id = :p", c=before[0], p=before[1])
        service.execute("DELETE FROM case_findings")
        assert found() == {("case_findings", "fsck.alarm_edited")}


def test_an_entity_that_brings_its_claims_is_watched_by_them_too(service: Service) -> None:
    while watch.turn(service.ctx):
        pass
    person = service.driver(0)
    service.ask(person, HARBOUR, case_no="CL-NONE-1")
    service.ask(person, BANKS[0], case_no="LN-1", purpose="bank.personal_credit", items=town.TITLES, days=5, uses=1)
    settled(service)
    while watch.turn(service.ctx):
        pass
    assert alarms(service) == [], "who brings no register is watched by the rule [case] alone"
    bring(service.town.machine(HARBOUR), case("CL-2026-77", today(service)))
    service.ask(person, HARBOUR, case_no="CL-2026-77")
    service.ask(person, HARBOUR, case_no="CL-2026-78")
    settled(service)
    while watch.turn(service.ctx):
        pass
    (alarm,) = alarms(service)
    assert (alarm["kind"], alarm["party"], alarm["case"]["case_no"]) == (
        "case_unknown",
        party_id(HARBOUR),
        "CL-2026-78",
    )
    assert alarm["case"]["use"].startswith("req")


def test_who_never_brought_a_register_is_shown_as_a_gap(service: Service) -> None:
    regulator = service.town.regulator()
    before = regulator.get("/v1/case-registers")["items"]
    assert before and all(one["last_at"] is None and one["since"] for one in before)
    bring(service.town.machine(COURT_HARBOUR))
    after = {one["party"]: one for one in regulator.get("/v1/case-registers")["items"]}
    assert after[party_id(COURT_HARBOUR)]["last_at"] is not None and not after[party_id(COURT_HARBOUR)]["late"]
    assert sum(one["last_at"] is None for one in after.values()) == len(before) - 1


def test_old_numbers_go(service: Service) -> None:
    day = today(service)
    with officer(service, "R-1") as clerk:
        old = day - timedelta(4 * 365)
        bring(clerk, case(CASES[0], old), case(CASES[1], old, old), case(CASES[2], old, day))
    assert registers.purge_cases(service.ctx) == 1
    assert registers.purge_cases(service.ctx) == 0
    assert service.rows("SELECT count(*) FROM case_numbers")[0][0] == 2
    # An account that brought cases long ago may query again, also where no number is due.
    assert service.rows("SELECT count(*) FROM case_accounts")[0][0] == 1
    with unit_of_work(service.ctx.db) as session:
        session.execute(text("UPDATE case_accounts SET brought_at_ms = 1"))
    assert registers.purge_cases(service.ctx) == 0
    assert service.rows("SELECT count(*) FROM case_accounts")[0][0] == 0


def test_a_lost_answer_is_told_again(service: Service) -> None:
    with officer(service, "R-1") as clerk:
        headers = {"X-CSRF-Token": clerk.csrf, "Idempotency-Key": secrets.token_urlsafe(18)}
        body = {"cases": [case(CASES[0], today(service))]}
        answers = [clerk.http.post(REGISTER, json=body, headers=headers).json() for _ in range(2)]
        assert answers[0] == answers[1] == {"added": 1, "changed": 0, "unchanged": 0, "came": 0}


def test_the_file_of_the_page(service: Service, tmp_path: Path) -> None:
    day = today(service)
    with officer(service, "R-1") as clerk:
        text = f"案号,立案日期,结案日期\r\n{CASES[0]},{day:%Y/%m/%d},\r\n{CASES[1]},{day},{day}\r\n"
        for encoding, told in (("utf-8-sig", "2"), ("gb18030", "0")):
            file = {"file": ("案号.csv", text.encode(encoding))}
            answer = clerk.http.post("/department/case-register", data={"csrf": clerk.csrf}, files=file)
            assert answer.status_code == 200 and told in answer.text, answer.text
        for bad in (b"", b"\xff\xfe\x00", b"a,b\n1,2\n", "案号,立案日期\nX,y\n".encode()):
            answer = clerk.http.post(
                "/department/case-register", data={"csrf": clerk.csrf}, files={"file": ("a.csv", bad)}
            )
            assert answer.status_code == 422, bad
        assert clerk.get(REGISTER)["open"] == 1


def test_how_a_number_stands() -> None:
    rules, day = case_rules(), date(2026, 11, 24)
    now = 40 * DAY_MS
    late = now - rules.late_days * DAY_MS - 1
    assert standing(rules, None, None, now, day, known=False) is None
    assert standing(rules, now, None, now, day, known=True) is Standing.KNOWN
    assert standing(rules, now, day, now, day, known=True) is Standing.KNOWN, "open on its last day"
    assert standing(rules, late, day - timedelta(1), now, day, known=True) is Standing.CLOSED
    assert standing(rules, late + 1, None, now, day, known=False) is Standing.UNKNOWN
    assert standing(rules, late, None, now, day, known=False) is Standing.LATE
    assert may_be_one("staff:p", "staff:p:1") and may_be_one("staff:p:1", "staff:p") and may_be_one("p", "p")
    assert not may_be_one("staff:p:1", "staff:p:12") and not may_be_one("p", "staff:p:1")
