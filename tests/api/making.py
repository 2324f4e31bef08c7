"""What all makers of things share: whose they are, by which caller they are made, and what is kept."""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from api.demo import flow
from api.demo.people import Person
from api.demo.provision import party_id
from api.store import ids, unit_of_work
from api.store.queries import parties
from api.store.queries.parties import PartyStatus
from api.store.tables import Party
from tests.api.calls import Caller
from tests.api.ownership import Whose
from tests.town import HARBOUR, PINE, Service

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
COURT_HARBOUR = flow.entity("court-harbour")
DAY_MS = 86_400_000
numbers = itertools.count(5000)
"""For what must bear a name that nothing else bears."""


@dataclass
class Making:
    """Makes things. Side 0 is the callers' of `tests.api.calls`; side 1 is another citizen, entity, office, officer."""

    service: Service
    desks: dict[int, Caller] = field(default_factory=dict)
    made: dict[tuple[str, ...], str] = field(default_factory=dict)
    expired: dict[int, list[str]] = field(default_factory=lambda: {0: [], 1: []})
    upheld: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})
    staff: str = ""

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
        if thing in {"case", "dispute"}:
            return str(make(side, role, state))
        return str(make(side, state))

    def desk(self, side: int) -> Caller:
        """An officer at a window."""
        if side not in self.desks:
            claims = {"role": "department", "party": self._party("civil_affairs"), "name": "演示窗口人员"}
            claims |= {"staff": f"{next(numbers)}", "duty": "counter"}
            self.desks[side] = Caller("department", self.service, claims)
        return self.desks[side]

    def _person(self, side: int) -> Person:
        return self.service.driver(side)

    def _entity(self, side: int) -> Any:
        return (HARBOUR, PINE)[side]

    def _citizen(self, side: int) -> Any:
        return self.service.citizen(self._person(side))

    def now_s(self) -> int:
        """The service's time."""
        return max(int(time.time()), int(self.service.rows("SELECT max(high_ms) FROM clock_mark")[0][0]) // 1000)

    def _said(self, answer: Any) -> dict[str, Any]:
        assert answer.status_code in {200, 201}, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def _party_of_its_own(self, status: PartyStatus = PartyStatus.ACTIVE) -> str:
        with unit_of_work(self.service.ctx.db) as session:
            party = Party(
                id=ids.new_party_id(),
                role="entity",
                name_zh="演示临时机构",
                name_en="Demo passing party",
                custody="demo",
                status="active",
                anchor_state="pending",
                created_at_ms=1,
            )
            parties.admit(session, self.service.ctx.vault, party)
            if status is PartyStatus.SUSPENDED:
                parties.set_status(session, self.service.ctx.vault, party, status, actor="security", at_ms=1)
            return party.id

    def _party(self, code: str | int, role: str = "") -> str:
        if isinstance(code, int):
            return self._party_of_its_own()
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
