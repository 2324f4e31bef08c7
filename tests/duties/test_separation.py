"""Separation of duties: self-grant, a second office, single-person admission, an operator reading personal data and an
auditor writing, each tried through every route of the application; and each check seen failing on a planted fault.
"""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter

from api.demo.people import credit_code
from api.http.auth import Allow, allow
from api.policy import duties
from api.services import admissions
from api.services import offices as office_services
from api.services.context import Role
from tests.api.calls import Caller, caller, one, problem
from tests.api.ownership import ROWS, STATES, Whose
from tests.api.routes import dependencies, routes
from tests.api.test_log_scan import secrets
from tests.api.things import Things
from tests.duties.attacks import SIDE, every_route, officer, offices, picture
from tests.town import Service

_numbers = itertools.count(1)
THINGS_OF_ROUTES = {row.parameter: row.thing for row in ROWS.values()}


def newcomer() -> str:
    return f"T-{next(_numbers)}"


def party() -> dict[str, Any]:
    number = next(_numbers)
    body = {"role": "entity", "zh": f"演示机构{number}", "en": f"Demo party {number}"}
    return body | {"uscc": credit_code(85_000_000 + 7 * number)}


def propose_party(who: Caller) -> str:
    made = who.call("POST", "/v1/party-acts", party())
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def propose_office(who: Caller, staff: str, office: str = "auditor") -> str:
    made = who.call("POST", "/v1/offices", {"staff": staff, "office": office})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def give(service: Service, staff: str, office: str) -> str:
    """Both officers do what they must."""
    made = propose_office(officer(service, "security"), staff, office)
    confirmed = officer(service, "security", "S-02").call("POST", f"/v1/offices/{made}/confirm", {"staff": staff})
    assert confirmed.status_code == 200, confirmed.text
    return made


def active(service: Service) -> set[tuple[str, str]]:
    return {(staff, office) for staff, office, state in offices(service) if state == "active"}


def nobody_gains(service: Service, role: str) -> int:
    """Try to give oneself an office, or a colleague one alone, through every route; how many calls that took."""
    who, before = officer(service, role), active(service)
    other, colleague = officer(service, "security", "S-02"), newcomer()
    proposed: list[str] = []

    def things() -> dict[str, str]:
        live = {row[0] for row in service.rows("SELECT id FROM office_holdings WHERE state = 'proposed'")}
        held = active(service) - before
        if not held and (not proposed or proposed[-1] not in live):
            # By oneself where one may, for a lone person is to be both.
            proposed.append(propose_office(who if role == "security" else other, colleague))
        return {"office_id": proposed[-1], "party_id": one(service, "operator")}

    bodies: list[dict[str, Any]] = [
        {"staff": SIDE[role] or "A-99", "office": office, "decision": "confirm", "role": office} for office in SIDE
    ]
    bodies += [{"staff": colleague}, {"staff": colleague, "decision": "confirm"}]
    calls = sum(1 for _ in every_route(service, who, things, bodies, methods=("POST", "DELETE")))
    gained = active(service) - before
    assert not gained, f"as {role}: {gained}"
    own = [row for row in offices(service) if row[0] in {staff for staff, _ in before} and row[2] == "proposed"]
    assert not own, f"as {role}, a second office is proposed: {own}"
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("role", SIDE)
def test_nobody_gives_itself_an_office_through_any_route(role: str, service: Service) -> None:
    assert nobody_gains(service, role) > 300


@pytest.mark.slow
def test_a_missing_rule_about_the_second_person_is_found(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duties, "refuse_second", lambda *_: None)
    with pytest.raises(AssertionError, match="as security"):
        nobody_gains(service, "security")


def test_one_person_has_one_office(service: Service) -> None:
    first, second = officer(service, "security"), officer(service, "security", "S-02")
    for staff in ("S-01", "S-02", "J-01"):
        for office in SIDE:
            for who in (first, second):
                answer = who.call("POST", "/v1/offices", {"staff": staff, "office": office})
                assert answer.json()["code"] in {"duties.own_office", "duties.second_office"}, answer.text
    waiting = newcomer()
    propose_office(first, waiting, "operator")
    problem(second.call("POST", "/v1/offices", {"staff": waiting, "office": "auditor"}), 409, "duties.second_office")


def test_nobody_signs_in_to_an_office_that_it_does_not_hold(service: Service) -> None:
    stranger, platform = caller(service, "stranger"), one(service, "operator")
    for (held, staff), role in itertools.product([*SIDE.items(), ("none", "Z-1")], SIDE):
        claims = {"role": role, "party": platform, "staff": staff}
        answer = stranger.http.post("/v1/sessions", json=claims)
        assert answer.status_code == (201 if held == role else 403), (held, role)
        form = {"role": role, "subject": f"{platform}/{staff}"}
        page = stranger.http.post("/signin", data=form)
        assert (page.status_code == 303) is (held == role), (held, role)


def test_an_office_that_ended_lets_nothing_through(service: Service) -> None:
    staff = newcomer()
    made = give(service, staff, "auditor")
    who = officer(service, "auditor", staff)
    assert who.call("GET", "/v1/offices").status_code == 200
    ended = officer(service, "security").call("POST", f"/v1/offices/{made}/end")
    assert ended.json()["state"] == "ended"
    problem(who.call("GET", "/v1/offices"), 401, "auth.required")


def test_two_security_officers_remain(service: Service) -> None:
    who = officer(service, "security")
    held = [row for row in who.call("GET", "/v1/offices").json()["items"] if row["state"] == "active"]
    officers = [row["id"] for row in held if row["office"] == "security"]
    assert len(officers) == 2
    for office in officers:
        problem(who.call("POST", f"/v1/offices/{office}/end"), 409, "duties.last_officers")


def test_whoever_confirms_has_read_whom(service: Service) -> None:
    staff = newcomer()
    made = propose_office(officer(service, "security"), staff)
    second = officer(service, "security", "S-02")
    problem(second.call("POST", f"/v1/offices/{made}/confirm", {"staff": newcomer()}), 422, "duties.other_staff")
    problem(
        officer(service, "security").call("POST", f"/v1/offices/{made}/confirm", {"staff": staff}),
        403,
        "duties.same_person",
    )
    assert second.call("POST", f"/v1/offices/{made}/confirm", {"staff": staff}).json()["state"] == "active"


# Admission


def nobody_admits_alone(service: Service, role: str) -> int:
    """Try to bring a party in alone through every route: what the caller proposed, or (others) what was proposed."""
    who, proposed = officer(service, role), officer(service, "operator")
    acts: list[str] = []

    def things() -> dict[str, str]:
        live = {row[0] for row in service.rows("SELECT id FROM party_acts WHERE state = 'proposed'")}
        if not acts or acts[-1] not in live:
            acts.append(propose_party(proposed))
        return {"act_id": acts[-1]}

    bodies: list[dict[str, Any]] = [party(), {}, {"decision": "confirm"}]
    calls = sum(1 for _ in every_route(service, who, things, bodies, methods=("POST", "DELETE")))
    went = [tuple(row) for row in service.rows("SELECT id, state FROM party_acts WHERE kind = 'admission'")]
    through = [row for row in went if row[1] in {"confirmed", "done"}]
    assert not through, f"as {role}: {through}"
    announced = service.rows("SELECT id FROM outbox WHERE topic IN ('propose_party', 'admit_party')")
    assert not announced, f"as {role}: {announced}"
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("role", ["operator", "auditor"])
def test_nobody_admits_a_party_alone_through_any_route(role: str, service: Service) -> None:
    assert nobody_admits_alone(service, role) > 300


@pytest.mark.slow
def test_a_confirmation_open_to_the_proposer_is_found(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    (route,) = [r for r in routes(service.app) if str(r) == "POST /v1/party-acts/{act_id}/confirm"]
    (policy,) = [c for c in dependencies(route.original.dependant) if isinstance(c, Allow)]
    monkeypatch.setattr(policy, "roles", policy.roles | {Role.OPERATOR})
    assert nobody_admits_alone(service, "operator")  # the service asks again, and refuses
    monkeypatch.setattr(admissions, "doer", lambda actor, _: actor.party_id)
    monkeypatch.setattr(duties, "refuse_second", lambda *_: None)
    with pytest.raises(AssertionError, match="as operator"):
        nobody_admits_alone(service, "operator")
    service.execute("DELETE FROM outbox WHERE topic IN ('propose_party', 'admit_party')")
    service.execute("DELETE FROM party_acts WHERE state = 'confirmed'")


def test_who_changed_office_in_between_is_not_a_second_person(service: Service) -> None:
    staff = newcomer()
    held = give(service, staff, "operator")
    act = propose_party(officer(service, "operator", staff))
    officer(service, "security").call("POST", f"/v1/offices/{held}/end")
    held = give(service, staff, "security")
    try:
        again = officer(service, "security", staff)
        problem(again.call("POST", f"/v1/party-acts/{act}/confirm"), 403, "duties.same_person")
    finally:
        assert officer(service, "security").call("POST", f"/v1/offices/{held}/end").status_code == 200


def test_a_party_that_is_known_is_not_proposed_again(service: Service) -> None:
    who, body = officer(service, "operator"), party()
    assert who.call("POST", "/v1/party-acts", body).status_code == 201
    problem(who.call("POST", "/v1/party-acts", body), 409, "duties.known_party")
    known = service.rows("SELECT uscc FROM parties WHERE role = 'entity'")[0][0]
    problem(who.call("POST", "/v1/party-acts", party() | {"uscc": known}), 409, "duties.known_party")
    for wrong, code in (
        ({"department": "civil_affairs"}, "admissions.department"),
        ({"role": "department"}, "admissions.department"),
        ({"purposes": ["nothing"]}, "admissions.codes"),
        ({"key": {"kty": "OKP"}}, "admissions.key"),
        ({"account": "0x00"}, "admissions.account"),
        ({"uscc": "1" * 18}, "catalogue.uscc_check_digit"),
    ):
        problem(who.call("POST", "/v1/party-acts", party() | wrong), 422, code)


# Reading and writing


def personal_data(service: Service, role: str, things: Things) -> list[str]:
    """Which routes show somebody of the operator's side anything personal; real things stand in the paths."""
    who, catalogue = officer(service, role), caller(service, "stranger").call("GET", "/v1/catalogue/types").text
    hidden = {secret for secret in secrets() if secret not in catalogue}  # some values are words of the catalogue
    assert len(hidden) > 200
    known = {
        name: things.kept(
            thing, next(iter(OWNERS.get(thing, ("citizen",)))), Whose.OWN, STATES.get(thing, ("there",))[0]
        )
        for name, thing in THINGS_OF_ROUTES.items()
        if thing in OWNERS
    }
    found, asked = [], 0
    bodies = [{"holder": {"kind": "person", "number": service.driver().number}}]
    for one_try in every_route(service, who, lambda: known, bodies, methods=("GET", "POST")):
        asked += 1
        if any(secret in one_try.answer.text for secret in hidden):
            found.append(str(one_try.route))
    assert asked > 200
    return found


OWNERS = {
    "grant": ("citizen",),
    "request": ("citizen",),
    "record": ("citizen",),
    "return": ("department",),
    "receipt": ("citizen",),
    "copy": ("citizen",),
    "trace": ("regulator",),
    "case": ("citizen",),
}


@pytest.fixture(scope="module")
def things(service: Service) -> Things:
    return Things(service)


@pytest.mark.slow
@pytest.mark.parametrize("role", SIDE)
def test_nobody_of_the_operators_side_reads_personal_data(role: str, service: Service, things: Things) -> None:
    assert personal_data(service, role, things) == []


@pytest.mark.slow
def test_a_route_that_shows_a_name_is_found(service: Service, things: Things) -> None:
    planted, name = APIRouter(), service.driver().number

    @planted.get("/v1/planted", dependencies=[allow(Role.OPERATOR)])
    def planted_route() -> dict[str, str]:
        """Tells too much."""
        return {"name": name}

    before = list(service.app.router.routes)
    service.app.include_router(planted)
    try:
        assert personal_data(service, "operator", things) == ["GET /v1/planted"]
    finally:
        service.app.router.routes[:] = before


def writes(service: Service) -> list[str]:
    """Tables that an auditor changed through any route that is not everybody's."""
    who = officer(service, "auditor")
    act, office = propose_party(officer(service, "operator")), propose_office(officer(service, "security"), newcomer())
    known = {
        "act_id": act,
        "office_id": office,
        "party_id": service.rows("SELECT id FROM parties WHERE role = 'entity'")[0][0],
    }
    everybody_s = {str(route) for route in routes(service.app) if route.roles is None}
    bodies: list[dict[str, Any]] = [
        party(),
        {"staff": "J-01", "office": "security", "reason": "x", "decision": "confirm"},
    ]
    assert service.ctx.log.wait_ready(20)
    settle(service)
    before = picture(service)
    for one_try in every_route(service, who, lambda: known, bodies):
        if str(one_try.route) not in everybody_s and one_try.route.method != "GET":
            assert one_try.answer.status_code in {401, 403}, (str(one_try.route), one_try.answer.text)
    after = picture(service)
    public = {"passkey_challenges", "sign_ins"}  # what a stranger may begin before signing in
    return [name for name in before if before[name] != after[name] and name not in public]


def settle(service: Service) -> None:
    """Until every receipt that was written has its number."""
    from tests.town import until

    until(lambda: service.rows("SELECT count(*) FROM prepared_receipts")[0][0] == 0, "receipts are numbered")


@pytest.mark.slow
def test_an_auditor_writes_through_no_route(service: Service) -> None:
    assert writes(service) == []


@pytest.mark.slow
def test_a_reading_that_writes_is_found(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = office_services.list_all

    def writing(*args: Any) -> Any:
        service.execute("UPDATE parties SET contact = 'changed' WHERE role = 'operator'")
        return real(*args)

    monkeypatch.setattr(office_services, "list_all", writing)
    assert writes(service) == ["parties"]
