"""What is put into generated cases: identifiers that are there, words that the service knows, and texts that hurt."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from api.demo import flow_duty
from api.errors import ApiError
from tests.api.dispute_things import CASES, POLICE
from tests.api.making import ABSENT
from tests.api.ownership import ROWS, STATES, Whose
from tests.api.test_mandates import HOUSEHOLD, somebody
from tests.api.things import Things
from tests.fuzz.actors import Actor
from tests.town import CLAIM, LICENCE, small_city

HOSTILE = (
    "\x00",
    "²",  # str.isdigit says yes, int() says no
    "٣",  # \d says yes, and int() too
    "３７１０９９１９９００１０１０００７",
    "1" * 64,
    "-1",
    "0x" + "g" * 40,
    "0x" + "0" * 40,
    "nan",
    "1e400",
    "9" * 17 + "X",
    "%00",
    "%s%n{0}{title}",
    "../../../etc/passwd",
    "' OR 1=1 --",
    "=HYPERLINK(1)",
    "<script>alert(1)</script>",
    "\u202e\u2066text",
    "\u2028",
    "e\u0301\u0301\u0301",
    "𠮷野家👨‍👩‍👧",
    "\U0010ffff",
    " ",
    "\r\nSet-Cookie: a=b",
    "9999-12-31",
    "0001-01-01",
    "2026-02-30",
    "２０２６-０１-０１",
    "grant_" + "A" * 26,
    "a" * 300,
)
"""Each of these has broken some program: digits that are none, NUL, escapes, far days, half a line of a header."""

RENEWALS = 6

THINGS = {
    "grant": "grant",
    "grants": "grant",
    "receipt": "receipt",
    "access": "mask",
    "mandate": "mandate",
    "draft": "draft",
    "id": "grant",
}
"""Members of bodies that name things."""


@dataclass
class Pool:
    """Real things and words for one caller; things are made when first wanted, in every state or (`brief`) in one."""

    things: Things
    actor: Actor
    brief: bool = False
    words: dict[str, list[Any]] = field(default_factory=dict)
    made: dict[str, list[str]] = field(default_factory=dict)
    renewed: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        catalogue, city = self.things.service.ctx.catalogue, small_city()
        types = [LICENCE, "person.id_card", "person.real_estate_title", *list(catalogue.types)[:6]]
        items = [f"{kind}/{name}" for kind, name, _ in CLAIM] + [f"{LICENCE}/age_over_18", f"{LICENCE}/", "/", "a/b/c"]
        number = self.things.service.driver().number
        later = self.things.now_s()
        self.words = {
            "purpose": list(catalogue.purposes)[:8],
            "purposes": [[code] for code in list(catalogue.purposes)[:4]],
            "type": types,
            "types": [[kind] for kind in types[:4]],
            "field": [name for _, name, _ in CLAIM] + ["age_over_18"],
            "fields": [items[:2], items[:4], [items[0], items[0]], [items[4]], [items[5]], [items[6]]],
            "ticked": [items[:2], items[:4], [items[0], items[0]], [items[4]], []],
            "number": [number, city.persons[3].number, city.enterprises[0].uscc, number[:-1] + "Y", number.lower()],
            "name": [self.things.service.driver().name, city.persons[3].name],
            "case_no": ["CL-2026-1", *CASES.values()],
            "case": ["CASE-1"],
            "basis": [*CASES, "insurance_law_87_short"],
            "until": ["2027-01-01", "2026-02-30", "0000-00-00", "9999-12-31", later + 86_400],
            "deleted_at": [later, later - 5, later + 10**6],
            "party": [row[0] for row in self.things.service.rows("SELECT id FROM parties ORDER BY id LIMIT 6")],
            "document": ["id_card", "household_register"],
            "url": [
                "https://example.org/told",
                "http://127.0.0.1:9/told",
                "https://[::1]/",
                "https://a@b/",
                "https://²/",
            ],
            "signature": ["0x" + "00" * 65, "0x" + "11" * 65],
            "key": ["0x" + "00" * 20, "0x" + "11" * 20],
            "plan": ["0x" + "00" * 32],
            "scenario": list(catalogue.packs)[:4],
            "item": list(range(1, 20)),
            "address": ["a@example.org", "a@[127.0.0.1]", "@", "a@b\r\nBcc: c@d"],
            "duty": ["counter"],
        }

    def of(self, thing: str) -> list[str]:
        """Identifiers of a kind of thing: the caller's in each state, somebody else's, one that is not there."""
        if thing not in self.made:
            self.made[thing] = self._make(thing)
        return self.made[thing]

    def parameter(self, route: str, name: str, rng: random.Random) -> str:
        """A value for a parameter of an address."""
        row = ROWS.get(route)
        thing = "" if row is None else row.thing if name == row.parameter else row.also.get(name, "")
        if not thing or rng.random() < 0.1:
            return rng.choice([text for text in HOSTILE if "/" not in text])
        return rng.choice(self.of(thing))

    def word(self, name: str, value: object, rng: random.Random) -> object:
        """A value for a member of a body: a known word, something real, or what hurts; else what was generated."""
        chance = rng.random()
        if name in THINGS and chance < 0.6:
            ident = rng.choice(self.of(THINGS[name]))
            return [ident] if isinstance(value, list) else ident
        if name in self.words and chance < 0.75:
            return rng.choice(self.words[name])
        if isinstance(value, str) and chance > 0.85:
            return rng.choice(HOSTILE)
        return value

    def mixed(self, value: object, rng: random.Random, name: str = "") -> object:
        """A generated body with some of its members replaced."""
        if isinstance(value, dict):
            return {key: self.mixed(member, rng, key) for key, member in value.items()}
        chosen = self.word(name, value, rng)
        if chosen is value and isinstance(value, list):
            return [self.mixed(member, rng, "") for member in value]
        return chosen

    def orderly(self, route: str, rng: random.Random) -> object:
        """A body that is in order, with one member perhaps replaced; None where nobody has written one down."""
        row = ROWS.get(route)
        body = dict(row.body) if row is not None and isinstance(row.body, dict) else self.makes(route, rng)
        if body is None:
            return None
        for name, value in body.items():
            if value in ("now", "later", "plan", "reason"):
                body[name] = rng.choice(
                    self.words.get({"now": "deleted_at", "later": "until"}.get(value, value), [None])
                )
        if body and rng.random() < 0.5:
            changed = rng.choice(sorted(body))
            body[changed] = (
                rng.choice(HOSTILE) if isinstance(body[changed], str) else self.word(changed, body[changed], rng)
            )
        return body

    def makes(self, route: str, rng: random.Random) -> dict[str, Any] | None:
        """What a call says that makes something new."""
        service, city = self.things.service, small_city()
        someone, child = service.driver(), somebody(9)
        bodies: dict[str, Callable[[], dict[str, Any]]] = {
            "POST /v1/requests": lambda: {
                "holder": {"kind": "person", "number": rng.choice([someone, city.persons[3]]).number},
                "purpose": "insurance.motor.claims",
                "case_no": "CL-2026-2",
                "items": [{"type": kind, "field": name, "necessary": needed} for kind, name, needed in CLAIM],
                "days": 5,
                "uses": 1,
            },
            "POST /v1/cases": lambda: {"reason": "这不是我办的。", "receipt": rng.choice(self.of("receipt"))},
            "POST /v1/pull-jobs": lambda: {
                "grants": rng.sample(self.of("grant"), 2),
                "format": rng.choice(["csv", "pdf"]),
            },
            "POST /v1/webhooks": lambda: {"url": f"http://127.0.0.1:9/{rng.random()}", "kinds": ["granted"]},
            "POST /v1/mandates": lambda: {
                "person": dict(zip(("number", "name"), somebody(41), strict=True)),
                "actions": ["look"],
                "types": None,
                "purposes": None,
                "days": 30,
            },
            "POST /v1/mandates/registered": lambda: {
                "kind": "guardian",
                "principal": dict(zip(("number", "name"), child, strict=True)),
                "person": dict(zip(("number", "name"), somebody(39), strict=True)),
                "document": HOUSEHOLD[0],
                "document_no": HOUSEHOLD[1],
            },
            "POST /v1/counter/visits": lambda: {"number": someone.number, "name": someone.name, "document": "id_card"},
            "POST /v1/statutory-accesses": lambda: {
                "basis": POLICE,
                "case_no": CASES[POLICE],
                "holder": {"kind": "person", "number": rng.choice([someone, city.persons[3]]).number},
                "fields": [f"{LICENCE}/licence_class"],
                "hidden_days": rng.choice([0, 3]),
            },
            "POST /v1/erasures": lambda: {"plan": self.things.plan()},
            "POST /v1/notifications/read": lambda: {"id": None},
            "POST /v1/notifications/settings": lambda: {"topics": {"looked": "digest"}, "language": "en"},
            "POST /v1/sessions/current/acting": lambda: {"mandate": None},
        }
        # What calls before this one did may stand in the way; then what was generated goes.
        with suppress(ApiError):
            return bodies[route]() if route in bodies else None
        return None

    def used(self, route: str, parameters: dict[str, Any]) -> None:
        """Something was changed: put a new one beside it, a few times, so that later calls find one in order."""
        row = ROWS.get(route)
        if row is None or self.brief or self.renewed.get(row.thing, 0) >= RENEWALS:
            return
        self.renewed[row.thing] = self.renewed.get(row.thing, 0) + 1
        with suppress(ApiError):
            fresh = self.things.new(row.thing, self._maker(), Whose.OWN, STATES.get(row.thing, ("there",))[0])
            self.made[row.thing] = [*(i for i in self.of(row.thing) if i != parameters.get(row.parameter)), fresh]

    def _maker(self) -> str:
        nobody_s = ("stranger", "operator", "security", "auditor", "guardian")
        return "citizen" if self.actor.things in nobody_s else self.actor.things

    def _make(self, thing: str) -> list[str]:
        try:
            return self._all(thing)
        except ApiError:
            # Queries that were generated have raised an alarm, which stops such as these need.
            regulator = self.things.service.town.regulator()
            for alarm in flow_duty.open_alarms(regulator):
                flow_duty.close_alarm(regulator, alarm["id"], "已核实")
            with suppress(ApiError):
                return self._all(thing)
            return [ABSENT.get(thing, f"{thing}_aaaaaaaaaaaaaaaaaaaaaaaaaa")]

    def _all(self, thing: str) -> list[str]:
        absent = ABSENT.get(thing, f"{thing}_aaaaaaaaaaaaaaaaaaaaaaaaaa")
        if thing == "accused":
            self.of("trace")
        maker = self._maker()
        if self.brief:
            return [absent, self.things.kept(thing, maker, Whose.OWN, STATES.get(thing, ("there",))[0])]
        states = STATES.get(thing, ("there",))
        found = [absent, *(self.things.new(thing, maker, Whose.OWN, state) for state in states)]
        if thing not in {"trace", "accused", "trace_job"}:
            found.append(self.things.new(thing, maker, Whose.OTHER, states[0]))
        return found
