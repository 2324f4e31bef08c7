"""Statutory access, cases, disputes and corrections, asks for data, erasures."""

from typing import Any

from api.demo import flow, flow_asks, flow_disputes, flow_duty, flow_looks
from api.demo.people import Person
from tests.api.grant_things import GrantThings
from tests.api.making import COURT_HARBOUR, DAY_MS, numbers
from tests.disputes.acts import follow
from tests.town import LICENCE, small_city

POLICE, COURT = "police.investigation", "court.enforcement"
CASES = {POLICE: "A3710024500002026110001", COURT: "(2026)鲁1002执1234号"}


class DisputeThings(GrantThings):
    """Of those who object, and of the offices that asked or that answer."""

    def _access(self, side: int, role: str) -> str:
        return self._query(side if role == "department" else 1 - side)[0]

    def _contesting(self, side: int, state: str) -> Person:
        """Somebody of whom nobody but these cases asks; another one each time where the party may never ask again."""
        if state == "upheld":
            self.upheld[side] += 1
        more = self.upheld[side] if state == "upheld" else 0
        if side == 0:
            return self.service.driver(4 + more)
        titled = {c.holder for c in small_city().by_type()["person.real_estate_title"]}
        others = [p for p in small_city().persons if p.number in titled and p not in small_city().landlords]
        return others[-1 - more]

    def _query(self, side: int, person: Person | None = None) -> tuple[str, str]:
        """A query by the police (0) or by a court (1): its id and its receipt."""
        person = person or (self._person(0) if side == 0 else small_city().landlords[0])
        if side == 0:
            who: Any = self.service.town.department("public_security")
            ask = (POLICE, CASES[POLICE], person.number, [f"{LICENCE}/licence_class"])
        else:
            who = self.service.town.machine(COURT_HARBOUR)
            ask = (COURT, CASES[COURT], person.number, ["person.real_estate_title/location"])
        receipt = flow_duty.query(who, *ask).receipt
        return self._of_receipt(receipt), receipt

    def _receipt(self, side: int, role: str) -> str:
        if role == "department":
            return self._query(side)[1]
        return self._delivery(side)

    def _mask(self, side: int, role: str) -> str:
        person, who = self._person(0), self.service.town.department("public_security")
        fields = [f"{LICENCE}/licence_class"]
        return self._of_receipt(
            flow_duty.query(who, POLICE, CASES[POLICE], person.number, fields, hidden_days=3).receipt
        )

    def _of_receipt(self, receipt: str) -> str:
        """The query that a receipt is about: where the clock was moved on, time stands still and no list tells."""
        return str(self.service.rows("SELECT id FROM statutory_accesses WHERE receipt_id = :id", id=receipt)[0][0])

    def _case(self, side: int, role: str, state: str) -> str:
        """About a delivery to the side's entity; for departments about a query, of the police (0) or of a court (1)."""
        office = role == "department"
        person = self._contesting(side, state) if office else self._person(side)
        holder = self.service.citizen(person)
        known = holder.get("/v1/cases", state="open")["items"]
        # One has but so many open at once, and what a case about a query stops would stop the next query.
        for one in known if office else [one for one in known if one["state"] == "opened"][12:]:
            flow_looks.move_case(holder, one["id"], "withdraw")
        receipt = self._query(side, person)[1] if office else self._delivery(side)
        case = str(flow_looks.contest(holder, "这不是我办的。", receipt=receipt)["id"])
        if state == "withdrawn":
            flow_looks.move_case(holder, case, "withdraw")
        elif state != "opened":
            regulator = self.service.town.regulator()
            flow_looks.move_case(regulator, case, "review")
            if state != "under_review":
                flow_looks.decide_case(regulator, case, state, "查明情况。")
        return case

    def _dispute(self, side: int, role: str, state: str) -> str:
        """About the side's licence, or a delivery to its entity; for departments of the police (0) or another (1)."""
        self._settle()
        holder, certificate, _ = self._disputed(side, role)
        # One has but so many open at once, and one about the same thing.
        known = self.service.rows("SELECT id, state FROM disputes WHERE closed_at_ms IS NULL")
        for at, _ in known:
            self.service.execute("UPDATE disputes SET state = 'dismissed' WHERE id = :id", id=at)
        if role in {"entity", "machine"}:
            opened = flow_disputes.object_to(holder, "为何查看？", receipt=self._delivery(side))["id"]
        else:
            opened = flow_disputes.object_to(holder, "有误。", certificate=certificate)["id"]
        for at, before in known:
            self.service.execute("UPDATE disputes SET state = :state WHERE id = :id", id=at, state=before)
        far = self.now_s() * 1000 + 30 * DAY_MS
        put = "UPDATE disputes SET state = :state, contest_until_ms = :far WHERE id = :id"
        self.service.execute(put, id=opened, state=state, far=far)
        return str(opened)

    def _data_ask(self, side: int, role: str) -> str:
        """The side's entity's, of what the police (0) or education (1) offers under conditions."""
        kinds = ((LICENCE, "licence_class"), ("person.education_certificate", "name"))
        offered, field = kinds[side]
        asked = {"type": offered, "fields": [field], "frequency": "daily"}
        return str(flow_asks.file_ask(self.service.town.machine(self._entity(side)), **asked)["id"])

    def _own_ask(self, side: int, role: str) -> str:
        if role != "department":
            return self._data_ask(side, role)
        who = self.service.town.department("public_security" if side == 0 else "civil_affairs")
        return str(flow_asks.file_ask(who, words="公共充电桩的分布")["id"])

    def _late_ask(self, side: int, role: str) -> str:
        ask = self._data_ask(side, role)
        # Only who may answer it is looked at here; how an ask comes to be overdue has its own tests.
        self.service.execute("UPDATE data_asks SET state = 'overdue' WHERE id = :id", id=ask)
        return ask

    def _open_ask(self, side: int, role: str) -> str:
        if role == "department":
            return self._data_ask(side, role)
        return str(flow_asks.file_ask(self.service.town.machine(self._entity(side)), words="公共充电桩的分布")["id"])

    def other_office(self) -> str:
        """A department that no ask was with yet."""
        return self._party("health")

    def _disputed(self, side: int, role: str) -> tuple[flow.Person, str, flow.Person]:
        """Whose certificate, which, and who corrects it."""
        town = self.service.town
        type_code = "person.real_estate_title" if (role, side) == ("department", 1) else LICENCE
        person = small_city().landlords[0] if type_code != LICENCE else self._person(side)
        holder = self.service.citizen(person)
        listed = holder.get("/v1/certificates")["items"]
        one = next(one for one in listed if one["type"] == type_code and one["status"] == "current")
        return holder, str(one["id"]), town.department(self.service.ctx.catalogue.types[type_code].department)

    def _settle(self) -> None:
        """Let the corrections that cells have made come to their end: a certificate has one at a time."""
        if self.service.rows("SELECT id FROM amendments WHERE state = 'returning'"):
            follow(self.service)

    def other_class(self) -> str:
        """A driver's class that the side's own licence does not have now."""
        holder, certificate, _ = self._disputed(0, "citizen")
        values = holder.get(f"/v1/certificates/{certificate}")["values"]
        return "A3" if values["licence_class"] != "A3" else "B1"

    def _correction(self, side: int, role: str) -> str:
        """One that the side's entity has to confirm; for departments of the police (0) or another (1)."""
        if (role, side) != ("department", 1):
            self._delivery(side)
        self._settle()
        holder, certificate, officer = self._disputed(side, role)
        opened = self._dispute(side, "citizen" if (role, side) != ("department", 1) else role, "opened")
        if (role, side) == ("department", 1):
            value = {"location": f"演示市测试路{next(numbers)}号"}
        else:
            present = holder.get(f"/v1/certificates/{certificate}")["values"]["licence_class"]
            value = {"licence_class": "A1" if present != "A1" else "A2"}
        flow_disputes.correct(officer, opened, value, "已更正。")
        follow(self.service)
        return str(flow_disputes.dispute_of(holder, opened)["corrections"][0]["id"])

    def _part(self, side: int, role: str) -> str:
        return self._correction(side, role)

    def _erasure(self, side: int, role: str) -> str:
        citizen = self._citizen(side)
        shown = citizen.get("/v1/erasures")
        if shown["current"] is not None and shown["current"]["state"] in {"asked", "confirmed"}:
            citizen.post(f"/v1/erasures/{shown['current']['id']}/cancel")
        return str(citizen.post("/v1/erasures", {"plan": self.plan(side)})["id"])

    def plan(self, side: int = 0) -> str:
        """The digest of what a citizen's erasure would do now."""
        return str(self._citizen(side).get("/v1/erasures")["plan"])
