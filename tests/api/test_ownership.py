"""Every cell of role × route × owner × state, called: who gets 200, 401, 403, 404, and that 404 tells nothing."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from api.http.auth import allow
from api.policy.cases import CaseState
from api.policy.copy_states import CopyState
from api.policy.disputes import DisputeState
from api.policy.states import GrantState, RequestState
from api.services.context import Role
from tests import town
from tests.api.calls import ROLES, Caller
from tests.api.ownership import LISTS, ROWS, STATES, WITHOUT_A_THING, Reach, Row, Whose, reach
from tests.api.routes import Policed, routes
from tests.api.test_authorization import who_may
from tests.api.things import Things
from tests.conftest import Places
from tests.town import Service, small_city

PAGES = ("citizen", "department", "entity", "regulator", "operator", "security", "auditor")
PAGE_THINGS = {
    "grant_id": "grant",
    "request_id": "request",
    "copy_id": "copy",
    "record_id": "record",
    "return_id": "return",
    "receipt_id": "receipt",
    "draft_id": "draft",
    "trace_id": "trace",
    "visit_id": "visit",
    "webhook_id": "webhook",
    "job_id": "job",
    "case_id": "case",
    "dispute_id": "dispute",
    "correction_id": "correction",
    "ask_id": "data_ask",
    "erasure_id": "erasure",
    "act_id": "act",
    "office_id": "holding",
    "party_id": "party",
}
OTHER_STORE = ("citizen",)
GRACE_S = 30 * 86_400
HEADERS_THAT_DIFFER = {"date", "content-length"}


@pytest.fixture(scope="module")
def service(store: str, places: Places) -> Iterator[Service]:
    """One for which a day without its chain is nothing: a day passes here at once."""
    folder, url = places.prepared(store)
    with town.running(folder, database_url=url, chain_grace_s=GRACE_S) as running:
        yield running


@pytest.fixture(scope="module")
def things(service: Service) -> Things:
    made = Things(service)
    made.prepare_expired(own=24, other=16)
    return made


def policed(service: Service) -> list[Policed]:
    """Routes of the interface that are for somebody."""
    return [r for r in routes(service.app) if r.path.startswith("/v1/") and r.roles is not None]


def unplaced(service: Service) -> list[str]:
    """Routes that stand in no table."""
    known = {*ROWS, *LISTS, *WITHOUT_A_THING}
    return [str(route) for route in policed(service) if str(route) not in known]


def test_every_route_stands_in_exactly_one_table(service: Service) -> None:
    assert unplaced(service) == []
    there = {str(route) for route in policed(service)}
    assert {*ROWS, *LISTS, *WITHOUT_A_THING} - there == set(), "the tables name no route that is gone"
    assert not ROWS.keys() & LISTS.keys() | ROWS.keys() & WITHOUT_A_THING | LISTS.keys() & WITHOUT_A_THING
    for route in policed(service):
        named = set(re.findall(r"\{(\w+)", route.path))
        row = ROWS.get(str(route))
        assert named == ({row.parameter, *row.also} if row else set()), f"{route} names things that its row does not"


def test_every_state_has_its_cells() -> None:
    """A state that somebody adds is tried on every route; one of a row's own must be a state that there is."""
    assert set(STATES["grant"]) == {*GrantState, "frozen"}
    assert set(STATES["request"]) == set(RequestState)
    assert set(STATES["copy"]) == set(CopyState)
    assert set(STATES["case"]) == set(CaseState)
    assert set(STATES["dispute"]) == set(DisputeState)
    for name, row in ROWS.items():
        assert set(row.own) - {"*", "recipient"} <= set(STATES.get(row.thing, ())), f"{name} knows a state that is none"
        assert all(row.status(state) for state in STATES.get(row.thing, ("there",))), f"{name} leaves a state open"


def test_a_new_route_without_a_row_is_found(service: Service) -> None:
    planted = APIRouter()

    @planted.get("/v1/planted/{grant_id}", dependencies=[allow(Role.CITIZEN)])
    def planted_route(grant_id: str) -> None:
        """Nobody said whose."""

    before = list(service.app.router.routes)
    service.app.include_router(planted)
    try:
        assert unplaced(service) == ["GET /v1/planted/{grant_id}"]
    finally:
        service.app.router.routes[:] = before


def address(things: Things, route: Policed, row: Row, role: str, ident: str) -> str:
    path = route.path.replace("{" + row.parameter + "}", ident)
    for name, thing in row.also.items():
        state = STATES.get(thing, ("there",))[0]
        path = path.replace("{" + name + "}", things.new(thing, role, Whose.OWN, state))
    return path + row.query


def body_of(things: Things, row: Row, role: str) -> Any:
    if not isinstance(row.body, dict):
        return row.body
    later = (small_city().today + timedelta(days=60)).isoformat()
    # Departments state why they end a mandate; nobody else may.
    words: dict[str, Any] = {
        "now": things.now_s(),
        "later": later,
        "reason": "register" if role == "department" else None,
    }
    if row.body.get("plan") == "plan":
        words["plan"] = things.plan()
    words["newest staff"] = things.staff
    if row.body.get("department") == "office":
        words["office"] = things.other_office()
    if row.body.get("values") == "other class":
        words["other class"] = {"licence_class": things.other_class()}
    return {name: words.get(value, value) if isinstance(value, str) else value for name, value in row.body.items()}


def ask(things: Things, who: Caller, route: Policed, row: Row, path: str) -> httpx.Response:
    answer = who.call(route.method, path, body_of(things, row, who.role) if route.method == "POST" else None)
    assert answer.status_code < 500, (str(route), who.role, answer.text)
    return answer


def code(answer: httpx.Response) -> str:
    kind = answer.headers.get("content-type", "")
    return str(answer.json()["code"]) if kind.startswith("application/problem+json") else ""


def cells(route: Policed, row: Row, role: str) -> Iterator[tuple[str, Whose]]:
    for state in STATES.get(row.thing, ("there",)):
        for whose in Whose:
            if row.thing in {"trace", "trace_job"} and whose is Whose.OTHER:
                continue  # there is one regulator
            yield state, whose


def expected(row: Row, role: str, state: str, whose: Whose, allowed: bool) -> int:
    """401 and 403 come before everything else; what is out of reach is not there; the rest is the thing's state."""
    if not allowed:
        return 401 if role == "stranger" else 403
    wide = reach(row.thing, role, state)
    if whose is Whose.ABSENT or wide is Reach.NONE or (whose is Whose.OTHER and wide is Reach.OWN):
        return 404
    if role in {"entity", "machine"} and row.status(state) == 200:
        return row.own.get("recipient", 200)
    return row.status(state)


@pytest.mark.full
@pytest.mark.parametrize("role", ROLES)
def test_every_cell(role: str, service: Service, things: Things, store: str) -> None:
    if store != "sqlite" and role not in OTHER_STORE:
        pytest.skip("who may is decided before the store is asked; whose is, on this one, for one role")
    wrong: dict[str, object] = {}
    done = 0
    askers: dict[str, Caller] = {}
    for route in policed(service):
        row = ROWS.get(str(route))
        if row is None:
            continue
        allowed = role in who_may(route)
        who = askers.setdefault(row.thing, things.asker(role, row.thing))
        absent: dict[str, tuple[object, ...]] = {}
        for state, whose in cells(route, row, role):
            want = expected(row, role, state, whose, allowed)
            # What may be changed is made anew; what is refused stays as it was and serves again.
            changes = want < 400 and route.method != "GET"
            make = things.new if changes else things.kept
            maker = role if allowed else next(iter(sorted(r.value for r in route.roles or ())))
            ident = make(row.thing, maker, whose, state)
            answer = ask(things, who, route, row, address(things, route, row, maker, ident))
            done += 1
            cell = f"{route} {whose} {state}"
            if answer.status_code != want:
                wrong[cell] = (answer.status_code, want, answer.text[:200])
                continue
            if want in {401, 403} and not allowed:
                if code(answer) not in {"auth.required", "auth.forbidden"}:
                    wrong[cell] = code(answer)
            elif want == 404 and whose is not Whose.OWN:
                told = same(answer, ident)
                if absent.setdefault(state, told) != told:
                    wrong[cell] = ("told apart from what is absent", absent[state], told)
    assert not wrong, "\n".join(f"{cell}: {what}" for cell, what in wrong.items())
    print(f"{role}: {done} cells")
    assert done > 300


def same(answer: httpx.Response, ident: str) -> tuple[object, ...]:
    """Everything that a caller sees, but for the identifier that it sent."""
    headers = {k: v for k, v in answer.headers.items() if k not in HEADERS_THAT_DIFFER}
    return (
        answer.status_code,
        answer.text.replace(ident if "_" in ident else "\0", "ID"),
        tuple(sorted(headers.items())),
    )


def whole_list(who: Caller, path: str) -> str:
    """All pages of a list, as text."""
    told, cursor = "", None
    while cursor is not None or not told:
        answer = who.call("GET", path if cursor is None else f"{path}?cursor={cursor}")
        assert answer.status_code == 200, (path, answer.text)
        told, cursor = told + answer.text, answer.json().get("next_cursor")
    return told


@pytest.mark.slow
@pytest.mark.parametrize("role", [role for role in ROLES if role != "stranger"])
def test_lists_hold_what_is_in_reach_and_nothing_else(role: str, service: Service, things: Things, store: str) -> None:
    if store != "sqlite" and role not in OTHER_STORE:
        pytest.skip("each role's lists on one store")
    for route in policed(service):
        thing = LISTS.get(str(route))
        if thing is None or role not in who_may(route):
            continue
        who = things.asker(role, thing)
        for state in STATES.get(thing, ("there",)):
            wide = reach(thing, role, state)
            own = things.new(thing, role, Whose.OWN, state)
            nobody_s = {"trace", "trace_job", "alarm", "holding", "watch"}
            other = "" if thing in nobody_s else things.new(thing, role, Whose.OTHER, state)
            told = whole_list(who, route.path)
            assert (own in told) is (wide is not Reach.NONE), (str(route), state)
            if other:
                assert (other in told) is (wide is Reach.ALL), (str(route), state)


@pytest.mark.slow
@pytest.mark.parametrize("role", PAGES)
def test_pages_tell_nothing_of_what_is_somebody_elses(role: str, service: Service, things: Things) -> None:
    done = 0
    for route in routes(service.app):
        named = re.findall(r"\{(\w+)", route.path)
        if route.path.split("/")[1] != role or len(named) != 1 or named[0] not in PAGE_THINGS:
            continue
        thing = PAGE_THINGS[named[0]]
        if "decision" in route.path and thing == "receipt":
            thing = "decision"
        if role == "regulator" and thing == "job":
            thing = "trace_job"
        state = STATES.get(thing, ("there",))[0]
        if thing in {"trace", "trace_job"} or reach(thing, role, state) is Reach.ALL:
            continue
        who, seen = things.asker(role, thing), {}
        for whose in (Whose.OTHER, Whose.ABSENT):
            ident = things.kept(thing, role, whose, state)
            path = route.path.replace("{" + named[0] + "}", ident)
            options: dict[str, Any] = {"headers": {"Accept": "text/html"}}
            if route.method == "POST":
                options["data"] = {"csrf": who.csrf, "confirm": "yes"}
            answer = who.call(route.method, path, None, **options)
            assert answer.status_code in ({404} if route.method == "GET" else {404, 422}), (
                str(route),
                answer.status_code,
            )
            seen[whose] = answer.status_code, stripped(answer.text, ident)
        assert seen[Whose.OTHER] == seen[Whose.ABSENT], str(route)
        done += 1
    assert done >= (0 if role in {"operator", "security", "auditor"} else 1)


def stripped(page: str, ident: str) -> str:
    """A page without what is new on every call."""
    return re.sub(r'name="(csrf|key|idempotency\w*)" value="[^"]*"', "", page.replace(ident, "ID"))
