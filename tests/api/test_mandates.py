"""Acting for somebody else: who may register, appoint, accept and end; and that a mandate allows what it says, now."""

import itertools
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from api import worker
from api.demo import flow
from api.demo.client import Person as Caller
from api.demo.flow import Asked
from api.demo.people import Person, credit_code, identity_number
from api.errors import ApiError
from api.services import mandates
from api.services.context import Actor, Relation, Role
from api.store.fsck import fsck
from api.wiring import log_key
from tests.town import BANKS, CLAIM, HARBOUR, LICENCE, TITLES, Service, small_city

Pair = tuple[str, str]
DAY_MS = 86_400_000
REGISTER = ("enterprise_register", "企登 2026-17")
HOUSEHOLD = ("household_register", "户 371099-0417")
_order = itertools.count(1, 2)
_firm = itertools.count(900_001)


def born(years: int, days: int = 0) -> date:
    """The birthday of somebody who is so many years and days old today."""
    today = small_city().today
    return today.replace(year=today.year - years, day=min(today.day, 28)) - timedelta(days=days)


def somebody(years: int, days: int = 0) -> Pair:
    """Somebody of that age of whom nothing was returned yet; another one each time."""
    # Numbers of one birthday end at 999; who comes after that is a day older.
    days_older, order = divmod(next(_order), 1000)
    return identity_number(born(years, days) - timedelta(days=days_older), order), "演示人"


def firm() -> Pair:
    return credit_code(next(_firm)), "演示试验有限公司"


class People:
    """Signs people in, each time in a session of its own: tests must not switch one another's."""

    def __init__(self, service: Service) -> None:
        self.service, self.opened = service, []

    def __call__(self, pair: Pair, kind: str = "person") -> Caller:
        claims = {"role": "citizen", "kind": kind, "number": pair[0], "name": pair[1]}
        self.opened.append(Caller(self.service.url).sign_in(**claims))
        return self.opened[-1]

    def office(self, code: str) -> Caller:
        return self.service.town.department(code)


@pytest.fixture
def people(service: Service) -> Iterator[People]:
    found = People(service)
    yield found
    for one in found.opened:
        one.close()


def pair(person: Person) -> Pair:
    return person.number, person.name


def code_of(act: Any, *args: Any, **more: Any) -> str:
    with pytest.raises(ApiError) as caught:
        act(*args, **more)
    return caught.value.code


def agent_of(people: People, holder: Pair, **terms: Any) -> tuple[Caller, str]:
    """A new agent of a holder, accepted and acting already."""
    agent = somebody(40)
    mandate = flow.appoint_agent(people(holder), agent, **terms)
    caller = people(agent)
    flow.accept_mandate(caller, mandate)
    flow.act_for(caller, mandate)
    return caller, mandate


def found_by_fsck(service: Service) -> set[tuple[str, str]]:
    key = log_key(service.ctx.keys).public_key().public_bytes_raw()
    report = fsck(service.ctx.db, service.ctx.vault, key)
    return {(one.id, one.code) for one in report.findings if one.table in {"mandates", "counter_visits"}}


def ask(service: Service, number: str) -> Asked:
    return flow.ask(
        service.town, HARBOUR, number, "insurance.motor.claims", CLAIM, case_no="CL-2026-7", days=30, uses=5
    )


def test_an_agent_sees_and_decides_for_the_holder_and_the_terms_say_so(service: Service, people: People) -> None:
    elder = service.driver(0)
    agent, mandate = agent_of(people, pair(elder))
    session = agent.get("/v1/sessions/current")["acting"]
    assert session == {"name": elder.name, "relation": "agent", "mandate": mandate}
    own = people(pair(elder)).get("/v1/certificates")["items"]
    assert agent.get("/v1/certificates")["items"] == own
    asked = ask(service, elder.number)
    grant = str(flow.approve(agent, asked, days=10, uses=2)["grant"])
    terms = people(pair(elder)).get(f"/v1/grants/{grant}")["terms"]
    assert terms["relation"] == "agent"
    assert terms["authority"]["kind"] == "agent"
    assert mandate not in str(terms), "the recipient gets a pseudonym of its own"
    held = agent.get("/v1/mandates")["held"]
    assert terms["authority"]["evidence"] == next(one["evidence"] for one in held if one["id"] == mandate)
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "json")
    bundle = flow.bundle_of(service.town, HARBOUR, envelope)
    assert bundle["grant"]["terms"]["authority"] == terms["authority"]
    agent.post(f"/v1/grants/{grant}/revoke")
    assert people(pair(elder)).get(f"/v1/grants/{grant}")["state"] == "revoked"


def test_what_lies_outside_the_scope_is_refused(service: Service, people: People) -> None:
    elder = service.driver(0)
    agent, _ = agent_of(people, pair(elder), actions=["look"], types=[LICENCE], purposes=["insurance.motor.claims"])
    listed = agent.get("/v1/certificates")["items"]
    assert {one["type"] for one in listed} == {LICENCE}
    others = [one for one in people(pair(elder)).get("/v1/certificates")["items"] if one["type"] != LICENCE]
    assert code_of(agent.get, f"/v1/certificates/{others[0]['id']}") == "mandate.out_of_scope"
    assert code_of(agent.get_bytes, f"/v1/certificates/{listed[0]['id']}/original") == "mandate.out_of_scope"
    assert code_of(agent.get_bytes, f"/v1/certificates/{listed[0]['id']}/proof") == "mandate.out_of_scope"
    asked = ask(service, elder.number)
    assert [one["id"] for one in agent.get("/v1/requests")["items"] if one["id"] == asked.id] == [asked.id]
    assert code_of(flow.approve, agent, asked, days=5, uses=1) == "mandate.out_of_scope"
    deny = {"decision": "deny"}
    assert code_of(agent.post, f"/v1/requests/{asked.id}/decision", deny) == "mandate.out_of_scope"
    grant = str(flow.approve(people(pair(elder)), asked, days=5, uses=1)["grant"])
    assert code_of(agent.post, f"/v1/grants/{grant}/revoke") == "mandate.out_of_scope"
    # Other types and purposes are not even listed.
    elsewhere = flow.ask(
        service.town, BANKS[0], elder.number, "bank.personal_credit", TITLES, case_no="L-7", days=5, uses=1
    )
    assert elsewhere.id not in {one["id"] for one in agent.get("/v1/requests")["items"]}
    assert code_of(agent.get, f"/v1/requests/{elsewhere.id}") == "mandate.out_of_scope"
    # An agent appoints nobody.
    assert code_of(flow.appoint_agent, agent, somebody(30)) == "mandate.out_of_scope"
    assert all(line["kind"] not in {"mandate", "original"} for line in agent.get("/v1/footprints")["items"])


def test_nothing_before_the_agent_accepts_and_nothing_after_either_side_ends(service: Service, people: People) -> None:
    elder, agent = pair(service.driver(0)), somebody(40)
    holder, caller = people(elder), people(agent)
    mandate = flow.appoint_agent(holder, agent)
    assert code_of(flow.act_for, caller, mandate) == "mandate.not_accepted"
    assert code_of(flow.accept_mandate, people(somebody(33)), mandate) == "mandate.not_found"
    assert code_of(flow.appoint_agent, holder, agent) == "mandate.exists"
    flow.accept_mandate(caller, mandate)
    flow.act_for(caller, mandate)
    assert caller.get("/v1/certificates")["items"]
    flow.end_mandate(holder, mandate)
    for path in ("certificates", "requests", "grants", "footprints"):
        assert code_of(caller.get, f"/v1/{path}") == "mandate.ended"
    assert code_of(flow.end_mandate, holder, mandate) == "mandate.transition"
    assert code_of(flow.act_for, caller, mandate) == "mandate.ended"
    assert flow.act_for(caller, None)["acting"] is None
    assert caller.get("/v1/certificates")["items"] == []
    lines = [one for one in holder.get("/v1/footprints")["items"] if one["kind"] == "mandate"]
    assert len(lines) >= 2
    # The agent's side of the same: it resigns, and stops at once.
    caller, second = agent_of(people, elder)
    flow.end_mandate(caller, second)
    assert code_of(caller.get, "/v1/certificates") == "mandate.ended"
    reasons = {one["id"]: one["reason"] for one in holder.get("/v1/mandates")["given"]}
    assert (reasons[mandate], reasons[second]) == ("withdrawn", "resigned")
    # A declined proposal never was, and leaves no line.
    before = len([one for one in holder.get("/v1/footprints")["items"] if one["kind"] == "mandate"])
    third = flow.appoint_agent(holder, agent)
    people(agent).post(f"/v1/mandates/{third}/answer", {"accept": False})
    assert len([one for one in holder.get("/v1/footprints")["items"] if one["kind"] == "mandate"]) == before


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"actions": ["decide"]}, "mandate.bad_scope"),
        ({"types": ["person.no_such"]}, "mandate.bad_scope"),
        ({"types": ["enterprise.business_licence"]}, "mandate.bad_scope"),
        ({"purposes": ["no.such"]}, "mandate.bad_scope"),
    ],
)
def test_a_scope_must_mean_something(service: Service, people: People, changed: Any, code: str) -> None:
    assert code_of(flow.appoint_agent, people(pair(service.driver(0))), somebody(40), **changed) == code


def test_who_cannot_be_an_agent(service: Service, people: People) -> None:
    elder = pair(service.driver(0))
    assert code_of(flow.appoint_agent, people(elder), elder) == "mandate.self"
    assert code_of(flow.appoint_agent, people(elder), somebody(17)) == "mandate.minor"
    wrong = (elder[0][:-1] + ("1" if elder[0][-1] != "1" else "2"), "x")
    assert code_of(flow.appoint_agent, people(elder), wrong).startswith("catalogue.")


def test_a_legal_representative_acts_appoints_and_is_replaced(service: Service, people: People) -> None:
    enterprise, first, second = firm(), somebody(45), somebody(50)
    office = people.office("market_regulation")
    mandate = flow.register_mandate(office, "legal_representative", enterprise, first, *REGISTER)
    boss = people(first)
    assert flow.act_for(boss, mandate)["acting"]["name"] == enterprise[1]
    assert boss.get("/v1/certificates")["items"] == []
    agent = somebody(30)
    appointed = flow.appoint_agent(boss, agent)
    clerk = people(agent)
    assert flow.accept_mandate(clerk, appointed)["state"] == "active"
    assert [one["id"] for one in boss.get("/v1/mandates")["given"]] == [appointed, mandate]
    assert code_of(flow.end_mandate, boss, mandate) == "mandate.registered"
    assert code_of(flow.register_mandate, office, "legal_representative", enterprise, first, *REGISTER) == (
        "mandate.exists"
    )
    flow.register_mandate(office, "legal_representative", enterprise, second, *REGISTER)
    assert code_of(boss.get, "/v1/certificates") == "mandate.ended"
    assert code_of(flow.appoint_agent, boss, somebody(31)) == "mandate.ended"
    # Whom the enterprise appointed stays: it was the enterprise's act, not the person's.
    flow.act_for(clerk, appointed)
    assert clerk.get("/v1/certificates")["items"] == []
    assert code_of(flow.appoint_agent, clerk, somebody(31)) == "mandate.out_of_scope"
    listed = office.get("/v1/mandates/registered")["items"]
    assert {one["id"]: one["reason"] for one in listed}[mandate] == "replaced"
    assert all(one["principal"]["name"] == "" and one["person"]["name"] == "" for one in listed)


def test_an_enterprise_s_trade_secret_goes_along_only_if_its_representative_ticks_it(
    service: Service, people: People
) -> None:
    enterprise, boss = firm(), somebody(45)
    office = people.office("market_regulation")
    mandate = flow.register_mandate(office, "legal_representative", enterprise, boss, *REGISTER)
    caller = people(boss)
    flow.act_for(caller, mandate)
    secret, plain = ("enterprise.mining_licence", "capacity"), ("enterprise.business_licence", "name")
    body = {
        "holder": {"kind": "enterprise", "number": enterprise[0]},
        "purpose": "bank.enterprise_credit",
        "case_no": "L-9",
        "items": [{"type": t, "field": f, "necessary": f == "name"} for t, f in (plain, secret)],
        "days": 5,
        "uses": 1,
    }
    shown = [service.town.machine(BANKS[0]).post("/v1/requests", body) for _ in range(2)]
    asked = [{(i["type"], i["field"]): i["sensitive"] for i in one["items"]} for one in shown]
    assert asked[0][secret] is True
    decision = {"decision": "approve", "days": 5, "uses": 1, "ticked": []}
    for one, ticked in zip(shown, ([], ["/".join(secret)]), strict=True):
        given = caller.post(f"/v1/requests/{one['id']}/decision", {**decision, "ticked": ticked})
        terms = caller.get(f"/v1/grants/{given['grant']}")["terms"]
        assert terms["relation"] == "legal_representative"
        assert (secret in {(i["type"], i["field"]) for i in terms["items"]}) is bool(ticked)


def test_only_the_registering_authority_registers_and_ends(service: Service, people: People) -> None:
    child, parent = somebody(9), somebody(35)
    for wrong in ("education", "market_regulation"):
        args = (people.office(wrong), "guardian", child, parent, *HOUSEHOLD)
        assert code_of(flow.register_mandate, *args) == "mandate.not_registrar"
    police, civil = people.office("public_security"), people.office("civil_affairs")
    bad = (police, "guardian", child, parent, *REGISTER)
    assert code_of(flow.register_mandate, *bad) == "mandate.wrong_document"
    assert code_of(flow.register_mandate, police, "guardian", somebody(19), parent, *HOUSEHOLD) == (
        "mandate.not_a_child"
    )
    assert code_of(flow.register_mandate, police, "guardian", child, somebody(16), *HOUSEHOLD) == "mandate.minor"
    mandate = flow.register_mandate(police, "guardian", child, parent, *HOUSEHOLD)
    assert code_of(flow.end_mandate, people(parent), mandate) == "mandate.registered"
    assert code_of(flow.end_mandate, people(child), mandate) == "mandate.registered"
    assert code_of(flow.end_mandate, people(somebody(40)), mandate) == "mandate.not_found"
    assert code_of(flow.end_mandate, civil, mandate, "register") == "mandate.not_found"
    assert code_of(flow.end_mandate, police, mandate) == "mandate.bad_reason"
    assert flow.end_mandate(police, mandate, "register")["reason"] == "register"


@pytest.mark.parametrize(("reason", "state"), [("court", "invalidated"), ("register", "active")])
def test_grants_of_a_guardian_whom_a_court_removes_are_void(
    service: Service, people: People, reason: str, state: str
) -> None:
    child, parent = somebody(9), somebody(35)
    police = people.office("public_security")
    mandate = flow.register_mandate(police, "guardian", child, parent, *HOUSEHOLD)
    guardian = people(parent)
    flow.act_for(guardian, mandate)
    asked = ask(service, child[0])
    grant = str(flow.approve(guardian, asked, days=10, uses=2)["grant"])
    flow.end_mandate(police, mandate, reason)
    assert code_of(guardian.get, "/v1/grants") == "mandate.ended"
    seen = people(child)
    assert seen.get(f"/v1/grants/{grant}")["state"] == state
    events = service.rows("SELECT actor, reason FROM grant_events WHERE grant_id = :g ORDER BY seq", g=grant)
    expected = [("guardian", None)] + ([("department", "guardianship_ended")] if state == "invalidated" else [])
    assert [tuple(row) for row in events] == expected


def test_a_mandate_that_was_altered_in_the_database_allows_nothing(service: Service, people: People) -> None:
    agent, mandate = agent_of(people, pair(service.driver(0)), actions=["look"])
    assert found_by_fsck(service) == set()
    service.execute('UPDATE mandates SET actions = \'["look", "export"]\' WHERE id = :id', id=mandate)
    assert code_of(agent.get, "/v1/certificates") == "store.ciphertext"
    assert found_by_fsck(service) == {(mandate, "fsck.mandate_edited")}
    service.execute("UPDATE mandates SET actions = '[\"look\"]' WHERE id = :id", id=mandate)
    assert agent.get("/v1/certificates")["items"]
    # Nor can a session be made to act under another's mandate.
    stranger = people(somebody(40))
    other = service.driver(1)
    service.execute(
        "UPDATE user_sessions SET mandate_id = :m WHERE holder_id ="
        " (SELECT person_id FROM mandates WHERE id = :m) AND mandate_id IS NULL",
        m=mandate,
    )
    service.execute("UPDATE user_sessions SET mandate_id = :m WHERE csrf = :c", m=mandate, c=stranger.csrf)
    assert code_of(stranger.get, "/v1/certificates") == "store.ciphertext"
    assert other.number


def test_what_forgets_to_ask_is_closed_to_representatives() -> None:
    acting = Actor(
        Role.CITIZEN, "s", holder_id="hold_a", relation=Relation.GUARDIAN, mandate_id="mand_a", person_id="hold_b"
    )
    with pytest.raises(ApiError, match=r"mandate\.out_of_scope"):
        _ = acting.holder
    assert acting.self_id == "hold_b"


def test_names_and_numbers_stand_nowhere_in_clear(service: Service, people: People) -> None:
    child, parent = (somebody(8)[0], "蒲公英一"), (somebody(34)[0], "蒲公英二")
    flow.register_mandate(people.office("civil_affairs"), "guardian", child, parent, "birth_certificate", "生 0042-蒲")
    raw = b""
    for path in service.settings.data_dir.glob("mydata.sqlite3*"):
        raw += path.read_bytes()
    for secret in ("蒲公英", "0042-蒲", child[0], parent[0]):
        assert secret.encode() not in raw


def test_mandates_end_by_themselves_and_say_why(service: Service, people: People) -> None:
    """Winds the clock forward, so it comes last: sessions opened before have run out."""
    elder, agent = pair(service.driver(0)), somebody(40)
    mandate = flow.appoint_agent(people(elder), agent, days=1)
    flow.accept_mandate(people(agent), mandate)
    child, parent = somebody(18, -3), somebody(44)
    police = people.office("public_security")
    guardianship = flow.register_mandate(police, "guardian", child, parent, *HOUSEHOLD)
    guardian = people(parent)
    flow.act_for(guardian, guardianship)
    grant = str(flow.approve(guardian, ask(service, child[0]), days=20, uses=2)["grant"])
    service.wind_clock(4 * DAY_MS)
    late = people(agent)
    assert code_of(flow.act_for, late, mandate) == "mandate.expired"
    assert code_of(flow.act_for, people(parent), guardianship) == "mandate.expired"
    held = {one["id"]: one["state"] for one in late.get("/v1/mandates")["held"]}
    assert held[mandate] == "expired", "shown as it is before anybody noted it"
    assert service.rows("SELECT state FROM mandates WHERE id = :m", m=mandate)[0][0] == "active"
    worker.keep_house(service.ctx)
    rows = service.rows("SELECT id, state, reason FROM mandates WHERE state = 'expired'")
    noted = {row[0]: tuple(row[1:]) for row in rows}
    assert noted[mandate] == ("expired", "time")
    assert noted[guardianship] == ("expired", "majority")
    assert mandates.expire_due(service.ctx) == 0, "each end is noted once"
    service.town.signed_in.clear()
    grown = people(child)
    # What the guardian agreed to stands; the young adult may take it back now.
    assert grown.get(f"/v1/grants/{grant}")["state"] == "active"
    grown.post(f"/v1/grants/{grant}/revoke")
    assert len([one for one in grown.get("/v1/footprints")["items"] if one["kind"] == "mandate"]) == 2


def test_a_guardian_decides_for_a_child_under_14(service: Service, people: People) -> None:
    child, older, parent = somebody(9), somebody(16), somebody(35)
    police = people.office("public_security")
    mandate = flow.register_mandate(police, "guardian", child, parent, *HOUSEHOLD)
    asked = ask(service, child[0])
    small = people(child)
    assert code_of(flow.approve, small, asked, days=5, uses=1) == "mandate.guardian_decides"
    assert code_of(small.post, f"/v1/requests/{asked.id}/decision", {"decision": "deny"}) == "mandate.guardian_decides"
    assert code_of(small.post, f"/v1/requests/{asked.id}/drafts", {"ticked": [], "days": 5, "uses": 1}) == (
        "mandate.guardian_decides"
    )
    assert code_of(flow.appoint_agent, small, somebody(40)) == "mandate.guardian_decides"
    assert small.get(f"/v1/requests/{asked.id}")["state"] == "requested"
    page = small.http.get(f"{service.url}/citizen/requests/{asked.id}", headers={"Accept": "text/html"}).text
    assert 'name="decision"' not in page
    # The guardian is told, and answers for the child.
    guardian = people(parent)
    told = [one for one in guardian.get("/v1/notifications")["items"] if one["topic"] == "request"]
    assert [one["facts"]["mandate"] for one in told] == [mandate]
    flow.act_for(guardian, mandate)
    given = flow.approve(guardian, asked, days=5, uses=1)["grant"]
    assert small.get(f"/v1/grants/{given}")["terms"]["relation"] == "guardian"
    # Somebody older decides alone.
    known = people(older)
    assert flow.approve(known, ask(service, older[0]), days=5, uses=1)["state"] == "approved"


def test_nor_does_a_child_decide_at_a_counter(service: Service, people: People) -> None:
    child, parent = somebody(10), somebody(35)
    flow.register_mandate(people.office("public_security"), "guardian", child, parent, *HOUSEHOLD)
    asked = ask(service, child[0])
    desk = flow.at_counter(service.town, "civil_affairs", "7411")
    visit = flow.open_visit(desk, child)
    assert code_of(flow.decide_at_counter, desk, visit, asked) == "mandate.guardian_decides"
    assert code_of(flow.decide_at_counter, desk, visit, asked, agree=False) == "mandate.guardian_decides"
