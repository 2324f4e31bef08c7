"""One thing of each kind, the caller's own and somebody else's, in each state; made as their owners make them."""

import itertools
import json
import time
from dataclasses import dataclass, field
from typing import Any

from api.demo import flow, flow_duty, flow_looks
from api.demo.people import Person
from api.demo.provision import party_id
from tests.api.calls import Caller, caller, department_id
from tests.api.ownership import Whose
from tests.api.test_mandates import HOUSEHOLD, somebody
from tests.passkeys.authenticator import Authenticator
from tests.town import HARBOUR, LICENCE, PINE, Service, small_city, until

ABSENT = {
    "grant": "grant_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "request": "req_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "copy": "copy_00000000000000000000000000000000",
    "record": "cert_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "return": "ret_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "receipt": "rcpt_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "decision": "rcpt_aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "message": "9007199254740000",
}
POLICE, COURT = "police.investigation", "court.enforcement"
CASES = {POLICE: "A3710024500002026110001", COURT: "(2026)鲁1002执1234号"}
COURT_HARBOUR = flow.entity("court-harbour")
_staff = itertools.count(5000)
_addresses = itertools.count(1)


def pair(person: Person) -> tuple[str, str]:
    return person.number, person.name


@dataclass
class Things:
    """Makes things. Side 0 is the callers' of `tests.api.calls`; side 1 is another citizen, entity, office, officer."""

    service: Service
    desks: dict[int, Caller] = field(default_factory=dict)
    made: dict[tuple[str, ...], str] = field(default_factory=dict)

    def asker(self, role: str, thing: str) -> Caller:
        """Who asks for a thing in a role: whoever could own one."""
        if role == "department" and thing == "visit":
            return self.desk(0)
        if role == "department" and thing == "mandate":
            return self._office("civil_affairs")
        if role == "department" and thing in {"access", "receipt", "case"}:
            return self._office("public_security")
        if role in {"entity", "machine"} and thing == "access":
            return self._court(role)
        return caller(self.service, role)

    def kept(self, thing: str, role: str, whose: Whose, state: str) -> str:
        """A thing that may be looked at again and again."""
        key = (thing, role, whose, state)
        if key not in self.made:
            self.made[key] = self.new(thing, role, whose, state)
        return self.made[key]

    def new(self, thing: str, role: str, whose: Whose, state: str) -> str:
        """A thing of its own, to be used up."""
        if whose is Whose.ABSENT:
            return ABSENT.get(thing, f"{thing}_aaaaaaaaaaaaaaaaaaaaaaaaaa")
        make = getattr(self, f"_{thing}", None)
        assert make is not None, f"nobody knows how to make a {thing}"
        side = 0 if whose is Whose.OWN else 1
        if state == "there":
            return str(make(side, role))
        if thing == "case":
            return self._case(side, role, state)
        return str(make(side, state))

    def desk(self, side: int) -> Caller:
        """An officer at a window."""
        if side not in self.desks:
            claims = {"role": "department", "party": self._party("civil_affairs"), "name": "演示窗口人员"}
            claims |= {"staff": f"{next(_staff)}", "duty": "counter"}
            self.desks[side] = Caller("department", self.service, claims)
        return self.desks[side]

    # Grants and what hangs on them

    def _person(self, side: int) -> Person:
        return self.service.driver(side)

    def _entity(self, side: int) -> Any:
        return (HARBOUR, PINE)[side]

    def _citizen(self, side: int) -> Any:
        return self.service.citizen(self._person(side))

    def _request(self, side: int, state: str) -> str:
        asked = self.service.ask(self._person(side), self._entity(side))
        if state == "approved":
            flow.approve(self._citizen(side), asked, days=30, uses=5)
        elif state == "denied":
            self._citizen(side).post(f"/v1/requests/{asked.id}/decision", {"decision": "deny"})
        return asked.id

    def _grant(self, side: int, state: str) -> str:
        grant = self.service.grant(self._person(side), self._entity(side))
        if state == "paused":
            flow.change_grant(self._citizen(side), grant, "pause")
        elif state == "revoked":
            flow.change_grant(self._citizen(side), grant, "revoke")
        elif state == "frozen":
            flow.change_grant(self.service.town.regulator(), grant, "freeze", case="CASE-1")
        return grant

    def _copy(self, side: int, state: str) -> str:
        grant = self._grant(side, "active")
        copy = flow.pull_envelope(self.service.town, self._entity(side), grant, "json").copy
        if state == "deleted":
            body = {"method": "erased", "deleted_at": self.now_s()}
            self.service.town.machine(self._entity(side)).post(f"/v1/copies/{copy}/deletion", body)
        elif state in {"delete_due", "overdue"}:
            flow.change_grant(self._citizen(side), grant, "revoke")
        if state == "overdue":
            # Only who may see it is looked at here; how a copy comes to be overdue has its own tests.
            self.service.execute("UPDATE copies SET state = 'overdue' WHERE id = :id", id=copy)
        return copy

    def now_s(self) -> int:
        """The service's time."""
        return max(int(time.time()), int(self.service.rows("SELECT max(high_ms) FROM clock_mark")[0][0]) // 1000)

    def _receipt(self, side: int, role: str) -> str:
        if role == "department":
            return self._query(side)[1]
        return self._delivery(side)

    def _decision(self, side: int, role: str) -> str:
        return self._delivery(side)

    def _delivery(self, side: int) -> str:
        grant = self._grant(side, "active")
        return flow.pull_envelope(self.service.town, self._entity(side), grant, "json").receipt

    def _job(self, side: int, role: str) -> str:
        who = self.service.town.machine(self._entity(side))
        job = str(who.post("/v1/pull-jobs", {"grants": [self._grant(side, "active")]})["id"])
        until(lambda: who.get(f"/v1/pull-jobs/{job}")["counts"].get("waiting", 0) == 0, "the job is looked at")
        return job

    def _webhook(self, side: int, role: str) -> str:
        # Nobody listens there, and nothing is sent: no worker runs.
        for known in self.service.town.machine(self._entity(side)).get("/v1/webhooks")["items"][3:]:
            self.service.town.machine(self._entity(side)).post(f"/v1/webhooks/{known['id']}/remove", {})
        url = f"http://127.0.0.1:9/told/{next(_addresses)}"
        return flow.register_webhook(self.service.town, self._entity(side), url, ["granted"])

    def _message(self, side: int, role: str) -> str:
        hook = self._webhook(side, role)
        self._grant(side, "active")
        return str(flow.webhook_messages(self.service.town, self._entity(side), hook)[0]["number"])

    def _draft(self, side: int, role: str) -> str:
        asked = self.service.ask(self._person(side), self._entity(side))
        return str(flow.prepare_draft(self._citizen(side), asked, days=5, uses=2)["id"])

    def _passkey(self, side: int, role: str) -> str:
        device = Authenticator(self.service.settings.rp_origins[0], self.service.settings.rp_id)
        citizen = self._citizen(side)
        body = {"label": "手机", "credential": device.create(citizen.post("/v1/passkeys/options"))}
        return str(citizen.post("/v1/passkeys", body)["id"])

    # Certificates, returns, traces

    def _record(self, side: int, role: str) -> str:
        return str(self._citizen(side).get("/v1/certificates")["items"][0]["id"])

    def _return(self, side: int, role: str) -> str:
        comparison = "=" if side == 0 else "<>"
        query = f"SELECT id FROM returns WHERE party_id {comparison} :party"
        return str(self.service.rows(query, party=department_id(self.service))[0][0])

    def _trace(self, side: int, role: str) -> str:
        assert side == 0, "the town has one regulator"
        envelope = flow.pull_envelope(self.service.town, HARBOUR, self._grant(0, "active"), "json")
        answer = self.service.town.regulator().upload("/v1/traces", "leak.json", envelope.file)
        self.made["accused", "trace"] = envelope.copy
        return str(answer["items"][0]["id"])

    def _accused(self, side: int, role: str) -> str:
        return self.made["accused", "trace"]

    # Acting for others

    def _offer(self, side: int, role: str) -> str:
        """An offer to act for somebody: to the caller, or to somebody else."""
        principal = somebody(70)
        return flow.appoint_agent(self.service.town.citizen(*principal), pair(self._person(side)))

    def _mandate(self, side: int, role: str) -> str:
        if role == "department":
            return self._registered(side)
        return flow.appoint_agent(self._citizen(side), somebody(40))

    def _registered(self, side: int) -> str:
        office = self.service.town.department(("civil_affairs", "public_security")[side])
        return flow.register_mandate(office, "guardian", somebody(8), somebody(35), *HOUSEHOLD)

    def _visit(self, side: int, role: str) -> str:
        person = self._person(0)
        body = {"number": person.number, "name": person.name, "document": "id_card"}
        visit = str(self._said(self.desk(side).call("POST", "/v1/counter/visits", body))["id"])
        # Something was done in it, or there would be nothing to print.
        request = self._request(0, "requested")
        path = f"/v1/counter/visits/{visit}/requests/{request}/decision"
        self._said(self.desk(side).call("POST", path, {"decision": "deny"}))
        return visit

    def _said(self, answer: Any) -> dict[str, Any]:
        assert answer.status_code in {200, 201}, answer.text
        document: dict[str, Any] = answer.json()
        return document

    # Statutory access

    def _access(self, side: int, role: str) -> str:
        return self._query(side if role == "department" else 1 - side)[0]

    def _contesting(self, side: int) -> Person:
        """Somebody of whom others than the rest of these tests are queried."""
        return self.service.driver(4) if side == 0 else small_city().landlords[-1]

    def _query(self, side: int, person: Person | None = None) -> tuple[str, str]:
        """A query by the police (0) or by a court (1): its id and its receipt."""
        person = person or (self._person(0) if side == 0 else small_city().landlords[0])
        if side == 0:
            who: Any = self.service.town.department("public_security")
            envelope = flow_duty.query(who, POLICE, CASES[POLICE], person.number, [f"{LICENCE}/licence_class"])
        else:
            who = self.service.town.machine(COURT_HARBOUR)
            fields = ["person.real_estate_title/location"]
            envelope = flow_duty.query(who, COURT, CASES[COURT], person.number, fields)
        return str(flow_duty.queries(who)[0]["id"]), envelope.receipt

    def _mask(self, side: int, role: str) -> str:
        person, who = self._person(0), self.service.town.department("public_security")
        fields = [f"{LICENCE}/licence_class"]
        flow_duty.query(who, POLICE, CASES[POLICE], person.number, fields, hidden_days=3)
        return str(flow_duty.queries(who)[0]["id"])

    # This was not me; everything goes

    def _case(self, side: int, role: str, state: str) -> str:
        """About a delivery to the side's entity; for departments about a query, of the police (0) or of a court (1)."""
        office = role == "department"
        person = self._contesting(side) if office else self._person(side)
        holder = self.service.citizen(person)
        known = holder.get("/v1/cases", state="open")["items"]
        # One has but so many open at once, and what a case about a query stops would stop the next query.
        for one in known if office else [one for one in known if one["state"] == "opened"][12:]:
            flow_looks.move_case(holder, one["id"], "withdraw")
        receipt = self._query(side, person)[1] if office else self._delivery(side)
        case = str(flow_looks.contest(holder, "这不是我办的。", receipt=receipt)["id"])
        if state == "reviewed":
            flow_looks.move_case(self.service.town.regulator(), case, "review")
        elif state == "withdrawn":
            flow_looks.move_case(holder, case, "withdraw")
        return case

    def _erasure(self, side: int, role: str) -> str:
        citizen = self._citizen(side)
        shown = citizen.get("/v1/erasures")
        if shown["current"] is not None and shown["current"]["state"] in {"asked", "confirmed"}:
            citizen.post(f"/v1/erasures/{shown['current']['id']}/cancel")
        return str(citizen.post("/v1/erasures", {"plan": self.plan(side)})["id"])

    def plan(self, side: int = 0) -> str:
        """The digest of what a citizen's erasure would do now."""
        return str(self._citizen(side).get("/v1/erasures")["plan"])

    def _alarm(self, side: int, role: str) -> str:
        known = self.service.rows("SELECT count(*) FROM statutory_alarms")[0][0]
        alarm = f"alarm_{known:026d}"
        self.service.execute(
            'INSERT INTO statutory_alarms (id, party_id, basis_code, kind, blocks, seen, "limit", state, raised_at_ms,'
            " last_at_ms) VALUES (:id, :party, :basis, 'quota', :blocks, 9, 8, 'open', 1, 1)",
            id=alarm,
            party=self._party("public_security"),
            basis=POLICE,
            blocks=False,
        )
        return alarm

    def _party(self, code: str) -> str:
        return str(self.service.rows("SELECT id FROM parties WHERE department_code = :code", code=code)[0][0])

    def _office(self, code: str) -> Caller:
        return Caller("department", self.service, {"role": "department", "party": self._party(code)})

    def _court(self, role: str) -> Caller:
        if role == "entity":
            return Caller("entity", self.service, {"role": "entity", "party": party_id(COURT_HARBOUR)})
        return OtherMachine(self.service, COURT_HARBOUR)


class OtherMachine(Caller):
    """The system of an entity other than the usual one."""

    def __init__(self, service: Service, entity: Any) -> None:
        super().__init__("machine", service)
        self.entity = entity

    def call(self, method: str, path: str, body: object = None, **options: Any) -> Any:
        return self.service.town.machine(self.entity).send(method, path, body, **options)  # type: ignore[arg-type]


def plain(text: str) -> Any:
    """A problem document without what differs from call to call."""
    document = json.loads(text)
    return {name: value for name, value in document.items() if name not in {"instance", "request"}}
