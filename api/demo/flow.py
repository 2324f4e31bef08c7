"""The main job as its users do it, over HTTP: return, ask, decide, pull, and put evidence and values together."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.catalogue import load_catalogue
from api.client import Archive, Item, LogKey, MydataClient, Retries
from api.demo.client import Machine, Person, refusals
from api.demo.parties import ENTITIES, REGULATOR, DemoParty, demo_parties
from api.demo.provision import entity_key, party_id
from api.errors import ApiError, Kind
from api.settings import Settings
from api.wiring import TRUST_FILE, key_ring
from chain.trustfile import parse_trust_file

POLL_S = 0.1
Items = Sequence[tuple[str, str, bool]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way: its id, its entity, whom it asks and for what."""

    id: str
    entity: DemoParty
    number: str
    items: Items


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a pull in the envelope form brings."""

    copy: str
    receipt: str
    file: bytes
    media_type: str
    certificates: list[dict[str, Any]]


@dataclass(slots=True)
class Town:
    """A running service and everybody who uses it; sign-ins are kept."""

    settings: Settings
    url: str
    signed_in: dict[str, Person] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    clients: dict[str, MydataClient] = field(default_factory=dict)

    def department(self, code: str) -> Person:
        """An officer of the department of that catalogue code."""
        party = next(p for p in demo_parties(load_catalogue()) if p.department_code == code)
        return self._staff(party, "department")

    def regulator(self) -> Person:
        """An officer of the regulator."""
        return self._staff(REGULATOR, "regulator")

    def citizen(self, number: str, name: str) -> Person:
        """A person, signed in."""
        if number not in self.signed_in:
            claims = {"role": "citizen", "kind": "person", "number": number, "name": name}
            self.signed_in[number] = Person(self.url).sign_in(**claims)
        return self.signed_in[number]

    def machine(self, entity: DemoParty) -> Machine:
        """An entity's system."""
        if entity.code not in self.machines:
            self.machines[entity.code] = Machine(self.url, entity_key(key_ring(self.settings), entity))
        return self.machines[entity.code]

    def client(self, entity: DemoParty) -> MydataClient:
        """An entity's system through the client that entities use; it verifies each receipt with the log's key."""
        if entity.code not in self.clients:
            trust = parse_trust_file((self.settings.data_dir / TRUST_FILE).read_bytes())
            self.clients[entity.code] = MydataClient(
                self.url,
                entity_key(key_ring(self.settings), entity),
                log_key=LogKey(trust.log_public_key),
                # What is refused here is to be seen at once.
                retries=Retries(attempts=1),
            )
        return self.clients[entity.code]

    def close(self) -> None:
        """Close all connections."""
        for client in self.clients.values():
            client.close()
        for person in self.signed_in.values():
            person.close()
        for machine in self.machines.values():
            machine.close()

    def _staff(self, party: DemoParty, role: str) -> Person:
        if party.code not in self.signed_in:
            claims = {"role": role, "party": party_id(party), "name": "演示人员"}
            self.signed_in[party.code] = Person(self.url).sign_in(**claims)
        return self.signed_in[party.code]


def entity(code: str) -> DemoParty:
    """A demo entity by its code."""
    return next(party for party in ENTITIES if party.code == code)


def return_file(officer: Person, path: Path, type_code: str, *, seal: bool = True) -> str:
    """Hand a department's file in; the return's id."""
    answer = officer.upload(
        "/v1/returns", path.name, path.read_bytes(), type=type_code, seal="true" if seal else "false"
    )
    return str(answer["id"])


def wait_for_return(officer: Person, return_id: str, states: Sequence[str], timeout_s: float = 600.0) -> dict[str, Any]:
    """Follow a return until it is in one of the states; `demo.too_slow` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        item: dict[str, Any] = officer.get(f"/v1/returns/{return_id}")
        if item["state"] in states:
            return item
        if time.monotonic() > deadline:
            raise ApiError("demo.too_slow", Kind.UNAVAILABLE)
        time.sleep(POLL_S)


def bad_rows(officer: Person, return_id: str, state: str) -> list[dict[str, Any]]:
    """All noted rows of one state."""
    found: list[dict[str, Any]] = []
    line, seq = -1, -1
    while True:
        page = officer.get(f"/v1/returns/{return_id}/rows", state=state, after_line=line, after_seq=seq)["items"]
        if not page:
            return found
        found += page
        line, seq = page[-1]["line"], page[-1]["seq"]


def ask(
    town: Town, who: DemoParty, number: str, purpose: str, items: Items, *, case_no: str, days: int, uses: int
) -> Asked:
    """File a request as the entity's system."""
    wanted = [Item(type_code, name, necessary) for type_code, name, necessary in items]
    with refusals():
        asked = town.client(who).requests.create(
            number=number, purpose=purpose, items=wanted, days=days, uses=uses, case_no=case_no
        )
    return Asked(asked.id, who, number, items)


def approve(person: Person, asked: Asked, *, days: int, uses: int, leave_out: Sequence[str] = ()) -> dict[str, Any]:
    """Decide as the holder would: look at the request, tick everything but `leave_out`, approve."""
    shown = person.get(f"/v1/requests/{asked.id}")
    ticked = [
        f"{item['type']}/{item['field']}"
        for item in shown["items"]
        if (item["sensitive"] or not item["necessary"]) and item["field"] not in leave_out
    ]
    body = {"decision": "approve", "ticked": ticked, "days": days, "uses": uses}
    answer: dict[str, Any] = person.post(f"/v1/requests/{asked.id}/decision", body)
    return answer


def change_grant(who: Person | Machine, grant_id: str, move: str, **body: object) -> dict[str, Any]:
    """Make one change of a grant.

    `pause`, `resume`, `revoke` by its holder; `terminate` by its recipient; by a regulator `freeze` and `unfreeze` (of
    a `case`) and `invalidate` (for a `reason`).
    """
    answer: dict[str, Any] = who.post(f"/v1/grants/{grant_id}/{move}", body)
    return answer


def extend_grant(person: Person, grant_id: str, *, days: int, uses: int) -> str:
    """Extend a grant as its holder; the new grant's id."""
    return str(person.post(f"/v1/grants/{grant_id}/extension", {"days": days, "uses": uses})["grant"])


def ask_extension(town: Town, who: DemoParty, grant_id: str, *, days: int, uses: int) -> str:
    """Ask for an extension as the recipient's system; the request's id."""
    with refusals():
        return town.client(who).grants.ask_extension(grant_id, days=days, uses=uses).id


def pull_envelope(town: Town, who: DemoParty, grant_id: str, extension: str) -> Envelope:
    """Pull in the envelope form: file, receipt and salts."""
    with refusals():
        pulled = town.client(who).grants.pull(grant_id, extension, salts=True)
    certificates = [dict(one) for one in pulled.certificates]
    return Envelope(pulled.copy, pulled.promise.receipt, pulled.file, pulled.media_type, certificates)


def pull_many(town: Town, who: DemoParty, folder: Path, *, case_prefix: str, form: str) -> Archive:
    """Pull everything that was granted for cases of a prefix in one job; the archive, checked against its manifest."""
    client = town.client(who)
    with refusals():
        job = client.jobs.start(case_prefix=case_prefix, form=form)
        client.jobs.wait(job.id)
        return client.jobs.fetch(job.id, folder / f"{job.id}.zip")


def bundle_of(town: Town, who: DemoParty, envelope: Envelope) -> dict[str, Any]:
    """The evidence bundle of a delivery, as the entity's system fetches it: without values."""
    with refusals():
        document: dict[str, Any] = json.loads(town.client(who).receipts.evidence(envelope.receipt))
    return document


def disclose(bundle: dict[str, Any], envelope: Envelope) -> dict[str, Any]:
    """Put the values of a delivered JSON copy and the salts of its envelope into the bundle of its receipt."""
    rows = {row["record"]: row for row in json.loads(envelope.file)["records"]}
    by_place = {
        (item["root"], item["index"]): (rows[f"{number:03d}"], item["salts"])
        for number, item in enumerate(envelope.certificates, 1)
    }
    certificates = []
    for certificate in bundle["certificates"]:
        row, salts = by_place[certificate["root"], certificate["leaf"]["index"]]
        disclosed = {name: {"value": row[name], "salt": salt} for name, salt in salts.items()}
        certificates.append({**certificate, "disclosed": disclosed})
    return {**bundle, "certificates": certificates}


def enterprise(town: Town, uscc: str, name: str) -> Person:
    """An enterprise, signed in as itself."""
    if uscc not in town.signed_in:
        claims = {"role": "citizen", "kind": "enterprise", "number": uscc, "name": name}
        town.signed_in[uscc] = Person(town.url).sign_in(**claims)
    return town.signed_in[uscc]


def at_counter(town: Town, code: str, staff: str = "0001") -> Person:
    """An officer of the department of that catalogue code, on duty at a window under a number of their own."""
    party = next(p for p in demo_parties(load_catalogue()) if p.department_code == code)
    key = f"{party.code}/{staff}"
    if key not in town.signed_in:
        claims = {"role": "department", "party": party_id(party), "name": "演示窗口人员"}
        town.signed_in[key] = Person(town.url).sign_in(**claims, staff=staff, duty="counter")
    return town.signed_in[key]


def register_mandate(
    officer: Person, kind: str, principal: tuple[str, str], person: tuple[str, str], document: str, document_no: str
) -> str:
    """Register a legal representative or a guardian, each of whom is (number, name); the mandate's id."""
    body = {
        "kind": kind,
        "principal": {"number": principal[0], "name": principal[1]},
        "person": {"number": person[0], "name": person[1]},
        "document": document,
        "document_no": document_no,
    }
    return str(officer.post("/v1/mandates/registered", body)["id"])


def appoint_agent(
    holder: Person,
    agent: tuple[str, str],
    *,
    actions: Sequence[str] = ("look", "decide", "end"),
    types: Sequence[str] | None = None,
    purposes: Sequence[str] | None = None,
    days: int = 180,
) -> str:
    """Propose somebody, who is (number, name), as an agent; the mandate's id."""
    body = {
        "person": {"number": agent[0], "name": agent[1]},
        "actions": list(actions),
        "types": None if types is None else list(types),
        "purposes": None if purposes is None else list(purposes),
        "days": days,
    }
    return str(holder.post("/v1/mandates", body)["id"])


def accept_mandate(agent: Person, mandate: str) -> dict[str, Any]:
    """Become somebody's agent."""
    answer: dict[str, Any] = agent.post(f"/v1/mandates/{mandate}/answer", {"accept": True})
    return answer


def act_for(person: Person, mandate: str | None) -> dict[str, Any]:
    """Choose for whom to act from now on; None: for oneself."""
    answer: dict[str, Any] = person.post("/v1/sessions/current/acting", {"mandate": mandate})
    return answer


def end_mandate(who: Person, mandate: str, reason: str | None = None) -> dict[str, Any]:
    """End a mandate at once."""
    answer: dict[str, Any] = who.post(f"/v1/mandates/{mandate}/end", {"reason": reason})
    return answer


def open_visit(officer: Person, person: tuple[str, str], document: str = "id_card") -> str:
    """Find the person, who is (number, name), that stands at the window; the visit's id."""
    body = {"number": person[0], "name": person[1], "document": document}
    return str(officer.post("/v1/counter/visits", body)["id"])


def decide_at_counter(
    officer: Person, visit: str, asked: Asked, *, agree: bool = True, days: int = 30, uses: int = 5
) -> dict[str, Any]:
    """Say the person's yes (ticking everything) or no to a request."""
    desk = officer.get(f"/v1/counter/visits/{visit}")
    shown = next(one for one in desk["requests"] if one["id"] == asked.id)
    ticked = [f"{item['type']}/{item['field']}" for item in shown["items"]]
    body = {"decision": "approve" if agree else "deny", "ticked": ticked, "days": days, "uses": uses}
    answer: dict[str, Any] = officer.post(f"/v1/counter/visits/{visit}/requests/{asked.id}/decision", body)
    return answer


def print_slip(officer: Person, visit: str) -> bytes:
    """The receipt that the person takes home, as a PDF."""
    return officer.get_bytes(f"/v1/counter/visits/{visit}/slip.pdf")


def delete_copy(town: Town, who: DemoParty, copy: str, method: str = "erased") -> dict[str, Any]:
    """The entity's machine signs that it destroyed a copy just now; the answer names the receipt."""
    body = {"method": method, "deleted_at": int(time.time())}
    answer: dict[str, Any] = town.machine(who).post(f"/v1/copies/{copy}/deletion", body)
    return answer


def keep_copy(town: Town, who: DemoParty, copy: str, basis: str, until: str) -> dict[str, Any]:
    """The entity's machine names the law that makes it keep a copy that is due, and the last day, as YYYY-MM-DD."""
    body = {"basis": basis, "until": until}
    answer: dict[str, Any] = town.machine(who).post(f"/v1/copies/{copy}/retention", body)
    return answer


def copies_of(who: Person | Machine, state: str | None = None) -> list[dict[str, Any]]:
    """Copies as a holder, an entity's machine or a regulator sees them, newest first."""
    found: list[dict[str, Any]] = who.get("/v1/copies" + (f"?state={state}" if state else ""))["items"]
    return found


def wait_for_copy(who: Person | Machine, copy: str, states: Sequence[str], timeout_s: float = 60.0) -> dict[str, Any]:
    """Follow a copy until it is in one of the states; `demo.too_slow` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        item: dict[str, Any] = who.get(f"/v1/copies/{copy}")
        if item["state"] in states:
            return item
        if time.monotonic() > deadline:
            raise ApiError("demo.too_slow", Kind.UNAVAILABLE)
        time.sleep(POLL_S)


def register_webhook(town: Town, who: DemoParty, url: str, kinds: Sequence[str]) -> str:
    """Name an address of the entity's system that is to be told; its id."""
    return str(town.machine(who).post("/v1/webhooks", {"url": url, "kinds": list(kinds)})["id"])


def webhook_messages(town: Town, who: DemoParty, webhook: str) -> list[dict[str, Any]]:
    """What an address was told, newest first, and how the newest attempts ended."""
    found: list[dict[str, Any]] = town.machine(who).get(f"/v1/webhooks/{webhook}/messages")["items"]
    return found


def resend_message(town: Town, who: DemoParty, number: int) -> dict[str, Any]:
    """Have a message sent once more."""
    answer: dict[str, Any] = town.machine(who).post(f"/v1/webhooks/messages/{number}/resend", {})
    return answer


def prepare_draft(
    person: Person, asked: Asked, *, days: int, uses: int, key: str | None = None, ticked: Sequence[str] = ()
) -> dict[str, Any]:
    """Have a grant's terms laid out; `key` is the address of the holder's own new key (`0x…`)."""
    body: dict[str, Any] = {"ticked": list(ticked), "days": days, "uses": uses}
    draft: dict[str, Any] = person.post(f"/v1/requests/{asked.id}/drafts", body | ({"key": key} if key else {}))
    return draft


def complete_draft(person: Person, draft: dict[str, Any], signature: str | None = None) -> dict[str, Any]:
    """Agree to terms that were laid out; `signature` by the holder's own key over the draft's typed data."""
    body: dict[str, Any] = {"decision": "approve", "draft": draft["id"]}
    path = f"/v1/requests/{draft['request']}/decision"
    answer: dict[str, Any] = person.post(path, body | ({"signature": signature} if signature else {}))
    return answer


def erasure_plan(person: Person) -> dict[str, Any]:
    """What erasure would destroy, what the law makes one keep, and the wish as it stands."""
    plan: dict[str, Any] = person.get("/v1/erasures")
    return plan


def ask_erasure(person: Person) -> dict[str, Any]:
    """Read the plan, confirm it twice; the wish with the end of the time to think again."""
    plan = {"plan": erasure_plan(person)["plan"]}
    asked = person.post("/v1/erasures", plan)
    confirmed: dict[str, Any] = person.post(f"/v1/erasures/{asked['id']}/confirm", plan)
    return confirmed


def cancel_erasure(person: Person, erasure: str) -> dict[str, Any]:
    """Take the wish back."""
    cancelled: dict[str, Any] = person.post(f"/v1/erasures/{erasure}/cancel")
    return cancelled


def wait_for_erasure(town: Town, erasure: str, timeout_s: float = 60.0) -> dict[str, Any]:
    """Ask by its number until it is done; nobody needs to be signed in for that."""
    deadline = time.monotonic() + timeout_s
    anybody = Person(town.url)
    try:
        while True:
            found: dict[str, Any] = anybody.get(f"/v1/erasures/{erasure}")
            if found["state"] == "done" and found["receipt_number"] is not None:
                return found
            if time.monotonic() > deadline:
                raise ApiError("demo.too_slow", Kind.UNAVAILABLE)
            time.sleep(POLL_S)
    finally:
        anybody.close()
