"""Grants and what hangs on them, certificates, returns, traces, and those who act for others."""

import contextlib
from datetime import timedelta

from api.demo import flow, flow_seals
from api.demo.people import Person
from api.errors import ApiError
from api.services.grants import ends
from tests.api.calls import department_id
from tests.api.making import DAY_MS, Making, numbers
from tests.api.ownership import Whose
from tests.api.test_mandates import HOUSEHOLD, somebody
from tests.passkeys.authenticator import Authenticator
from tests.town import HARBOUR, small_city, until


def pair(person: Person) -> tuple[str, str]:
    return person.number, person.name


class GrantThings(Making):
    """Of citizens and those whom they let look."""

    def prepare_expired(self, own: int, other: int) -> None:
        """Let a day pass over grants of one day: their end cannot be written into them, for what they say is sealed.

        Everybody's session ends with that day, so it comes before everything else. Nobody notes these ends, which must
        make no difference.
        """
        for side, count in ((0, own), (1, other)):
            who = self._person(side), self._entity(side)
            self.expired[side] += [self.service.grant(*who, days=1, uses=5) for _ in range(count)]
        self.service.wind_clock(DAY_MS + 60_000)
        self.service.town.close()
        self.service.town.signed_in.clear()
        self.service.town.machines.clear()
        self.service.town.clients.clear()

    def _request(self, side: int, state: str) -> str:
        asked = self.service.ask(self._person(side), self._entity(side))
        if state == "approved":
            flow.approve(self._citizen(side), asked, days=30, uses=5)
        elif state == "denied":
            self._citizen(side).post(f"/v1/requests/{asked.id}/decision", {"decision": "deny"})
        elif state == "lapsed":
            self.service.execute("UPDATE requests SET lapses_at_ms = 1 WHERE id = :id", id=asked.id)
            ends.note_lapses(self.service.ctx)
        return asked.id

    def _grant(self, side: int, state: str) -> str:
        if state == "expired":
            assert self.expired[side], "prepare_expired() was asked for fewer"
            return self.expired[side].pop()
        grant = self.service.grant(self._person(side), self._entity(side), uses=1 if state == "exhausted" else 5)
        town, citizen, regulator = self.service.town, self._citizen(side), self.service.town.regulator()
        if state in {"paused", "revoked"}:
            flow.change_grant(citizen, grant, {"paused": "pause", "revoked": "revoke"}[state])
        elif state == "frozen":
            flow.change_grant(regulator, grant, "freeze", case="CASE-1")
        elif state == "terminated":
            flow.change_grant(town.machine(self._entity(side)), grant, "terminate")
        elif state == "invalidated":
            flow.change_grant(regulator, grant, "invalidate", reason="court", reference="(2026) 2")
        elif state == "superseded":
            flow.extend_grant(citizen, grant, days=5, uses=2)
        elif state == "exhausted":
            flow.pull_envelope(town, self._entity(side), grant, "json")
        return grant

    def _copy(self, side: int, state: str) -> str:
        grant = self._grant(side, "active")
        copy = flow.pull_envelope(self.service.town, self._entity(side), grant, "json").copy
        if state == "deleted":
            body = {"method": "erased", "deleted_at": self.now_s()}
            self.service.town.machine(self._entity(side)).post(f"/v1/copies/{copy}/deletion", body)
        elif state != "held":
            flow.change_grant(self._citizen(side), grant, "revoke")
        if state == "retained":
            until = (small_city().today + timedelta(days=60)).isoformat()
            flow.keep_copy(self.service.town, self._entity(side), copy, "insurance_law_87_short", until)
        elif state in {"overdue", "escalated"}:
            # Only who may see it is looked at here; how a copy comes to be overdue has its own tests.
            self.service.execute("UPDATE copies SET state = :state WHERE id = :id", id=copy, state=state)
        return copy

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
        url = f"http://127.0.0.1:9/told/{next(numbers)}"
        return flow.register_webhook(self.service.town, self._entity(side), url, ["granted"])

    def _message(self, side: int, role: str) -> str:
        hook = self._webhook(side, role)
        self._grant(side, "active")
        return str(flow.webhook_messages(self.service.town, self._entity(side), hook)[0]["number"])

    def _draft(self, side: int, role: str) -> str:
        """To be confirmed by a passkey: its holder has one."""
        self.kept("passkey", role, (Whose.OWN, Whose.OTHER)[side], "there")
        asked = self.service.ask(self._person(side), self._entity(side))
        return str(flow.prepare_draft(self._citizen(side), asked, days=5, uses=2)["id"])

    def _passkey(self, side: int, role: str) -> str:
        device = Authenticator(self.service.settings.rp_origins[0], self.service.settings.rp_id)
        citizen = self._citizen(side)
        body = {"label": "手机", "credential": device.create(citizen.post("/v1/passkeys/options"))}
        return str(citizen.post("/v1/passkeys", body)["id"])

    def _record(self, side: int, role: str) -> str:
        """A certificate that nobody corrects and that needs no further seals."""
        held = self._citizen(side).get("/v1/certificates")["items"]
        return str(next(one["id"] for one in held if one["type"] == "person.id_card"))

    def _sealing(self, side: int, role: str) -> str:
        """A title that the police, or else civil affairs, have to seal beside the land office."""
        land = self.service.town.department("natural_resources")
        cosigner = self._party("public_security" if side == 0 else "civil_affairs")
        flow_seals.agree_on_seals(land, "person.real_estate_title", [cosigner], 1)
        holder = self.service.citizen(small_city().landlords[0])
        held = holder.get("/v1/certificates")["items"]
        title = next(one["id"] for one in held if one["type"] == "person.real_estate_title")
        # What was sealed before makes room: only who may seal the next is looked at.
        self.service.execute("UPDATE sealed_documents SET state = 'replaced' WHERE record_id = :id", id=title)
        with contextlib.suppress(ApiError):
            flow_seals.sealed_certificate(holder, title)
        query = "SELECT id FROM sealed_documents WHERE record_id = :id AND state <> 'replaced'"
        return str(self.service.rows(query, id=title)[0][0])

    def _return(self, side: int, role: str) -> str:
        comparison = "=" if side == 0 else "<>"
        # One that has ended: the stream of an open one's progress goes on for minutes.
        query = f"SELECT id FROM returns WHERE party_id {comparison} :party AND state = 'anchored'"
        return str(self.service.rows(query, party=department_id(self.service))[0][0])

    def _trace(self, side: int, role: str) -> str:
        assert side == 0, "the town has one regulator"
        envelope = flow.pull_envelope(self.service.town, HARBOUR, self._grant(0, "active"), "json")
        answer = self.service.town.regulator().upload("/v1/traces", "leak.json", envelope.file)
        self.made["accused", "trace"] = envelope.copy
        return str(answer["items"][0]["id"])

    def _trace_job(self, side: int, role: str) -> str:
        assert side == 0, "the town has one regulator"
        return str(self.service.town.regulator().upload("/v1/traces/jobs", "a.csv", b"a,b\n1,2\n")["id"])

    def _accused(self, side: int, role: str) -> str:
        return self.made["accused", "trace"]

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

    def _return_receipt(self, side: int, role: str) -> str:
        """The entry in the log of the return that the citizen's certificate came with."""
        query = (
            "SELECT r.id FROM receipts r JOIN batches b ON b.return_id = r.return_id"
            " JOIN records c ON c.batch_id = b.id WHERE c.id = :record AND r.kind = 'return'"
        )
        return str(self.service.rows(query, record=self._record(side, role))[0][0])
