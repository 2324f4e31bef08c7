"""One thing of each kind, the caller's own and somebody else's, in each state; made as their owners make them."""

import json
from typing import Any

from api.demo.people import credit_code
from api.demo.provision import party_id
from api.store.queries.parties import PartyStatus
from tests.api import calls
from tests.api.calls import Caller, caller
from tests.api.dispute_things import POLICE, DisputeThings
from tests.api.making import numbers
from tests.town import HARBOUR


class Things(DisputeThings):
    """All of them: also those of overseers."""

    def asker(self, role: str, thing: str) -> Caller:
        """Who asks for a thing in a role: whoever could own one."""
        if role == "department" and thing == "visit":
            return self.desk(0)
        if role == "department" and thing == "mandate":
            return self._office("civil_affairs")
        if role == "department" and thing in {"access", "receipt", "case", "dispute", "correction", "part"}:
            return self._office("public_security")
        if role == "department" and thing in {"data_ask", "own_ask", "late_ask", "open_ask"}:
            return self._office("public_security")
        if role in {"entity", "machine"} and thing == "access":
            return self._court(role)
        return caller(self.service, role)

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

    def _watch(self, side: int, role: str, state: str = "open") -> str:
        number = next(numbers)
        alarm = f"alarm_w{number:025d}"
        self.service.execute(
            'INSERT INTO watch_alarms (id, party_id, kind, subject, seen, "limit", state, live, raised_at_ms,'
            " last_at_ms, closed_by) VALUES (:id, :party, 'burst', :subject, 9, 8, :state, :live, 1, 1, :by)",
            id=alarm,
            party=party_id(HARBOUR),
            subject=f"s{number}",
            state=state,
            live=None if state == "closed" else 1,
            by="staff:somebody" if state == "closed" else None,
        )
        return alarm

    def _taken(self, side: int, role: str) -> str:
        return self._watch(side, role, "taken")

    def _looked_into(self, side: int, role: str) -> str:
        return self._watch(side, role, "closed")

    def _act(self, side: int, role: str) -> str:
        number = next(numbers)
        body = {
            "role": "entity",
            "zh": f"演示新机构{number}",
            "en": f"Demo newcomer {number}",
            "uscc": credit_code(80_000_000 + 7 * number),
        }
        made = caller(self.service, "operator").call("POST", "/v1/party-acts", body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def _holding(self, side: int, role: str) -> str:
        self.staff = f"N-{next(numbers)}"
        made = self._second().call("POST", "/v1/offices", {"staff": self.staff, "office": "auditor"})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def _held(self, side: int, role: str) -> str:
        made = self._holding(side, role)
        confirmed = caller(self.service, "security").call("POST", f"/v1/offices/{made}/confirm", {"staff": self.staff})
        assert confirmed.status_code == 200, confirmed.text
        return made

    def _second(self) -> Caller:
        claims = {"role": "security", "party": calls.one(self.service, "operator"), "staff": "S-02"}
        return Caller("security", self.service, claims)

    def _stopped(self, side: int, role: str) -> str:
        return self._party_of_its_own(PartyStatus.SUSPENDED)


def plain(text: str) -> Any:
    """A problem document without what differs from call to call."""
    document = json.loads(text)
    return {name: value for name, value in document.items() if name not in {"instance", "request"}}
