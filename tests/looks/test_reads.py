"""Whoever is shown somebody else's data leaves a line: every route of the application, called as everybody."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.demo import flow
from tests.api.calls import Caller, caller, other_citizen
from tests.api.routes import Policed, routes
from tests.town import HARBOUR, LICENCE, Service

JSON = "application/json"
PARAMETER = re.compile(r"\{(\w+?)(?::\w+)?\}")
# Streams that do not end by themselves, and what ends the session.
LEFT_OUT = {"GET /v1/returns/{return_id}/events"}
CERTIFICATES = {
    "GET /v1/certificates",
    "GET /v1/certificates/{record_id}",
    "GET /v1/certificates/{record_id}/proof",
    "GET /citizen/certificates/{record_id}/bundle",
}
# Who is shown values of the person by which routes; whatever else answers with one turns the test red.
SHOWN = {"holder": CERTIFICATES, "agent": CERTIFICATES}


class Town:
    """A person with certificates, a consent, a copy, a case, an agent; and everybody who may want to look."""

    def __init__(self, service: Service) -> None:
        self.service = service
        person, agent = service.driver(0), service.driver(1)
        self.holder = service.citizen(person)
        self.values = self._values(person.number)
        self.grant = service.grant(person)
        pulled = service.town.machine(HARBOUR).pull(self.grant, JSON)
        self.copy, self.receipt, self.file = pulled.headers["copy-id"], pulled.headers["receipt-id"], pulled.content
        self.asked = service.ask(person).id
        self.callers: dict[str, Caller] = {
            "holder": caller(service, "citizen"),
            "agent": other_citizen(service),
            "stranger to it": self._third(),
            **{role: caller(service, role) for role in ("department", "entity", "machine", "regulator", "operator")},
        }
        mandate = flow.appoint_agent(
            self.holder, (agent.number, agent.name), actions=["look", "decide", "end", "export"], days=30
        )
        flow.accept_mandate(service.citizen(agent), mandate)
        acting = self.callers["agent"].call("POST", "/v1/sessions/current/acting", {"mandate": mandate})
        assert acting.status_code == 200, acting.text
        self.case = self.holder.post("/v1/cases", {"reason": "不是我", "grant": self.grant})["id"]
        self.record = next(one["id"] for one in self.holder.get("/v1/certificates")["items"] if one["type"] == LICENCE)
        self.known = {
            "record_id": self.record,
            "grant_id": self.grant,
            "copy_id": self.copy,
            "receipt_id": self.receipt,
            "request_id": self.asked,
            "case_id": self.case,
            "mandate_id": mandate,
            "return_id": str(service.rows("SELECT id FROM returns ORDER BY created_at_ms LIMIT 1")[0][0]),
        }

    def _third(self) -> Caller:
        person = self.service.driver(2)
        claims = {"role": "citizen", "kind": "person", "number": person.number, "name": person.name}
        return Caller("citizen", self.service, claims)

    def _values(self, number: str) -> set[str]:
        """Values that are nobody else's: the number, and long ones that no day or word of a list is."""
        found = {number}
        for one in self.holder.get("/v1/certificates")["items"]:
            schema = self.service.ctx.catalogue.ready_type(one["type"])
            found |= {one["values"].get(schema.serial_field, "")}
        return {value for value in found if len(value) >= 8}

    def lines(self) -> int:
        """How often somebody looked at this person's data, repeats counted."""
        (row,) = self.service.rows(
            "SELECT COALESCE(SUM(COALESCE(c.repeats, 1)), 0) FROM receipts r LEFT JOIN look_counts c"
            " ON c.receipt_id = r.id WHERE r.kind IN ('look', 'delivery') AND r.holder_id ="
            " (SELECT holder_id FROM grants WHERE id = :grant)",
            grant=self.grant,
        )
        return int(row[0])


@pytest.fixture(scope="module")
def town(service: Service) -> Town:
    return Town(service)


def open_to(route: Policed, who: Caller) -> bool:
    role = "entity" if who.role == "machine" else who.role
    return route.roles is None or role in {one.value for one in route.roles}


def readable(service: Service, who: Caller) -> Iterator[Policed]:
    for route in routes(service.app):
        machine_page = who.role == "machine" and not route.path.startswith("/v1/")
        sessionless = who.role == "machine" and "sessions" in route.path
        if route.method != "GET" or not route.policies or str(route) in LEFT_OUT or machine_page or sessionless:
            continue
        if open_to(route, who):
            yield route


def test_a_revealed_field_leaves_a_line_too(town: Town) -> None:
    for one, silent in (("agent", False), ("holder", True)):
        who, before = town.callers[one], town.lines()
        page = who.http.post(
            f"/citizen/certificates/{town.record}/reveal", data={"csrf": who.csrf, "field": "id_number"}
        )
        assert page.status_code == 200
        assert any(value in page.text for value in town.values)
        assert (town.lines() == before) is silent


@pytest.mark.parametrize(
    "name", ["holder", "agent", "stranger to it", "department", "entity", "machine", "regulator", "operator"]
)
def test_who_is_shown_values_leaves_a_line(name: str, town: Town) -> None:
    who, shown, silent = town.callers[name], set(), set()
    for route in readable(town.service, who):
        path = PARAMETER.sub(lambda match: town.known.get(match[1], f"absent_{match[1]}"), route.path)
        before = town.lines()
        answer = who.call("GET", path)
        assert answer.status_code < 500, f"{route}: {answer.text}"
        if any(value.encode() in answer.content for value in town.values):
            shown.add(str(route))
            if name != "holder" and town.lines() == before:
                silent.add(str(route))
    assert shown == SHOWN.get(name, set())
    assert silent == set()


def test_a_delivery_a_query_by_duty_and_a_trace_leave_lines(town: Town) -> None:
    regulator = town.callers["regulator"]
    before = town.lines()
    files = {"file": ("leak.json", town.file, JSON)}
    headers = {"X-CSRF-Token": regulator.csrf, "Idempotency-Key": "a-trace-of-a-leak"}
    traced = regulator.http.post("/v1/traces", files=files, headers=headers)
    assert traced.status_code == 201, traced.text
    assert town.lines() > before, "a trace that names a copy tells its holder"
    lines: list[dict[str, Any]] = town.holder.get("/v1/footprints", kind="official")["items"]
    assert lines[0]["basis"] == "supervision"
    before = town.lines()
    assert regulator.call("GET", f"/v1/receipts/{town.receipt}/decision").status_code == 200
    assert town.lines() > before, "so does checking a decision"


def test_lines_say_who_when_what_on_which_basis_and_can_be_picked(town: Town) -> None:
    everything = town.holder.get("/v1/footprints")["items"]
    delivered = town.holder.get("/v1/footprints", kind="delivered")["items"]
    assert {one["kind"] for one in delivered} == {"delivery"}
    (line,) = [one for one in delivered if one["receipt"] == town.receipt]
    assert (line["basis"], line["purpose"]["code"]) == ("consent", "insurance.motor.claims")
    assert f"{LICENCE}/licence_class" in line["fields"]
    of_party = town.holder.get("/v1/footprints", party=line["party"]["id"])["items"]
    assert 0 < len(of_party) < len(everything)
    assert town.holder.get("/v1/footprints", until=1)["items"] == []
    exported = town.holder.get_bytes("/v1/footprints/export?format=csv").decode("utf-8-sig")
    assert exported.startswith("at,kind,party")
    assert town.receipt in exported
    by_agent = [one for one in everything if one["basis"] == "mandate"]
    assert [one["through"] for one in by_agent] == ["agent"] * len(by_agent) or not by_agent
