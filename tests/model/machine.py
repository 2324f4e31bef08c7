"""Drives the service over HTTP and the model beside it; after every step both must say the same."""

import itertools
import secrets
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, ClassVar

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from api.demo import flow
from api.services import copies_life
from api.services.grants import ends
from api.store.fsck import fsck
from api.wiring import log_key
from tests.model.life import AGREED_LIFE, ANSWER_IN, DAY, NO, OK, Copy, Grant, Model, Pull, Request
from tests.town import HARBOUR, LICENCE, PINE, Service

CITY = timezone(timedelta(hours=8))
ENTITIES = (HARBOUR, PINE)
ACCEPT = {
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
NECESSARY = ("licence_class", "valid_until")
OPTIONAL = ("name", "id_number")
FINAL_BY_ACT = ("revoked", "terminated", "invalidated", "superseded", "expired")
YEARS = 5
_cases = itertools.count(1)


class Life(RuleBasedStateMachine):
    """Everything that people, machines, a regulator and the worker do to consents and copies, in any order."""

    service: ClassVar[Service]
    steps: ClassVar[int] = 0
    requests = Bundle("requests")
    grants = Bundle("grants")
    copies = Bundle("copies")
    pulls = Bundle("pulls")

    def __init__(self) -> None:
        super().__init__()
        # From here on the clock stands still until a rule winds it: the mark lies ahead of the machine's time.
        self.model = Model()
        self._wind(2)

    # Calls

    def _wind(self, days: int) -> None:
        self.service.wind_clock(days * DAY)
        self.model.now = int(self.service.rows("SELECT max(high_ms) FROM clock_mark")[0][0])
        for person in self.service.town.signed_in.values():
            person.close()
        self.service.town.signed_in.clear()  # sessions may have run out

    def _citizen(self, holder: int) -> flow.Person:
        return self.service.citizen(self.service.driver(holder))

    def _as(self, who: flow.Person, path: str, body: dict[str, Any]) -> httpx.Response:
        headers = {"X-CSRF-Token": who.csrf, "Idempotency-Key": secrets.token_urlsafe(18)}
        return who.http.post(path, json=body, headers=headers)

    def _machine(self, entity: int, path: str, body: dict[str, Any], **more: Any) -> httpx.Response:
        return self.service.town.machine(ENTITIES[entity]).send("POST", path, body, **more)

    def _same(self, answer: httpx.Response, expected: str) -> Any:
        """The answer's body where it was to be served; a refusal must come as one."""
        assert answer.status_code < 500, answer.text
        found = OK if answer.is_success else NO
        assert found == expected, (expected, answer.status_code, answer.text[:300])
        return answer.json() if answer.is_success else None

    # Requests

    @rule(target=requests, holder=st.integers(0, 1), entity=st.integers(0, 1))
    def ask(self, holder: int, entity: int) -> Request:
        body = {
            "holder": {"kind": "person", "number": self.service.driver(holder).number},
            "purpose": "insurance.motor.claims",
            "case_no": "CL-M-1",
            "items": [
                {"type": LICENCE, "field": name, "necessary": name in NECESSARY} for name in (*NECESSARY, *OPTIONAL)
            ],
            "days": 60,
            "uses": 3,
        }
        answer = self._same(self._machine(entity, "/v1/requests", body), OK)
        made = Request(answer["id"], holder, entity, self.model.now + ANSWER_IN)
        self.model.requests[made.id] = made
        return made

    @rule(
        target=grants,
        request=requests,
        chosen=st.sets(st.sampled_from(OPTIONAL)),
        days=st.sampled_from((1, 10, 40)),
        uses=st.integers(1, 3),
    )
    def approve(self, request: Request, chosen: set[str], days: int, uses: int) -> Any:
        older = None if request.extends is None else self.model.grants[request.extends]
        fields = frozenset(NECESSARY) | (frozenset(chosen) if older is None else older.fields)
        body = {
            "decision": "approve",
            "ticked": [f"{LICENCE}/{name}" for name in sorted(fields)],
            "days": days,
            "uses": uses,
        }
        expected = self.model.approve(request)
        answer = self._same(
            self._as(self._citizen(request.holder), f"/v1/requests/{request.id}/decision", body), expected
        )
        if answer is None:
            return multiple()
        until = (self.model.now // 1000 + days * 86_400) * 1000
        grant = Grant(answer["grant"], request.id, request.holder, request.entity, fields, until, uses)
        self.model.approved(request, grant)
        return grant

    @rule(request=requests)
    def deny(self, request: Request) -> None:
        expected = OK if self.model.decidable(request) else NO
        path = f"/v1/requests/{request.id}/decision"
        self._same(self._as(self._citizen(request.holder), path, {"decision": "deny"}), expected)
        if expected == OK:
            request.state = "denied"

    # Grants

    @rule(grant=grants, name=st.sampled_from(("pause", "resume", "pause", "resume", "revoke")))
    def by_holder(self, grant: Grant, name: str) -> None:
        expected = self.model.move(grant, name)
        self._same(self._as(self._citizen(grant.holder), f"/v1/grants/{grant.id}/{name}", {}), expected)

    @rule(grant=grants)
    def terminate(self, grant: Grant) -> None:
        expected = self.model.move(grant, "terminate")
        self._same(self._machine(grant.entity, f"/v1/grants/{grant.id}/terminate", {}), expected)

    @rule(grant=grants)
    def invalidate(self, grant: Grant) -> None:
        expected = self.model.move(grant, "invalidate")
        body = {"reason": "court", "reference": "(2026) 1"}
        self._same(self._as(self.service.town.regulator(), f"/v1/grants/{grant.id}/invalidate", body), expected)

    @rule(grant=grants)
    def freeze(self, grant: Grant) -> None:
        case = f"CASE-{next(_cases)}"
        expected = self.model.freeze(grant, case)
        self._same(self._as(self.service.town.regulator(), f"/v1/grants/{grant.id}/freeze", {"case": case}), expected)

    @rule(grant=grants, right=st.booleans())
    def unfreeze(self, grant: Grant, right: bool) -> None:
        case = grant.case if right and grant.case is not None else "CASE-0"
        expected = self.model.unfreeze(grant, case)
        self._same(self._as(self.service.town.regulator(), f"/v1/grants/{grant.id}/unfreeze", {"case": case}), expected)

    @rule(target=grants, grant=grants, days=st.sampled_from((1, 20)), uses=st.integers(1, 3))
    def extend(self, grant: Grant, days: int, uses: int) -> Any:
        expected = OK if self.model.extendable(grant) else NO
        path = f"/v1/grants/{grant.id}/extension"
        answer = self._same(self._as(self._citizen(grant.holder), path, {"days": days, "uses": uses}), expected)
        if answer is None:
            return multiple()
        until = (self.model.now // 1000 + days * 86_400) * 1000
        asked = self.service.rows("SELECT request_id FROM grants WHERE id = :id", id=answer["grant"])[0][0]
        newer = Grant(answer["grant"], asked, grant.holder, grant.entity, grant.fields, until, uses)
        self.model.requests[asked] = Request(
            asked, grant.holder, grant.entity, self.model.now + ANSWER_IN, "approved", grant.id
        )
        self.model.grants[newer.id] = newer
        self.model.replaced(grant)
        return newer

    @rule(target=requests, grant=grants)
    def ask_extension(self, grant: Grant) -> Any:
        expected = self.model.ask_extension(grant)
        path = f"/v1/grants/{grant.id}/extension"
        answer = self._same(self._machine(grant.entity, path, {"days": 60, "uses": 3}), expected)
        if answer is None:
            return multiple()
        made = Request(answer["id"], grant.holder, grant.entity, self.model.now + ANSWER_IN, extends=grant.id)
        self.model.requests[made.id] = made
        return made

    # Pulls

    @rule(
        target=pulls,
        grant=grants,
        form=st.sampled_from(sorted(ACCEPT)),
        fields=st.none() | st.frozensets(st.sampled_from(NECESSARY + OPTIONAL), min_size=1),
        stranger=st.sampled_from((False,) * 7 + (True,)),
    )
    def pull(self, grant: Grant, form: str, fields: frozenset[str] | None, stranger: bool) -> Any:
        entity = 1 - grant.entity if stranger else grant.entity
        key = secrets.token_urlsafe(18)
        copy = self._pull(grant, form, fields, entity, key, self.model.pull(grant, fields, entity))
        return multiple() if copy is None else Pull(key, grant.id, form, fields, copy)

    @rule(pull=pulls)
    def repeat(self, pull: Pull) -> None:
        """The same call again: its answer was lost."""
        grant = self.model.grants[pull.grant]
        expected = self.model.pull(grant, pull.fields, grant.entity, repeat=True)
        copy = self._pull(grant, pull.form, pull.fields, grant.entity, pull.key, expected, repeat=True)
        assert copy in {None, pull.copy}, "a repeat gives the same copy"

    def _pull(
        self,
        grant: Grant,
        form: str,
        fields: frozenset[str] | None,
        entity: int,
        key: str,
        expected: str,
        *,
        repeat: bool = False,
    ) -> str | None:
        body = {} if fields is None else {"fields": [f"{LICENCE}/{name}" for name in sorted(fields)]}
        path = f"/v1/grants/{grant.id}/pulls"
        answer = self._machine(entity, path, body, accept=ACCEPT[form], idempotency_key=key)
        assert answer.status_code < 500, answer.text
        found = OK if answer.is_success else answer.json()["code"]
        assert found == expected, (expected, found)
        if found != OK:
            return None
        copy = answer.headers["copy-id"]
        self.model.delivered(grant, copy, repeat=repeat)
        return copy

    # Copies

    @rule(target=copies)
    def some_copy(self) -> Any:
        known = sorted(self.model.copies)
        return self.model.copies[known[len(known) // 2]] if known else multiple()

    @rule(target=copies, pull=pulls)
    def its_copy(self, pull: Pull) -> Copy:
        return self.model.copies[pull.copy]

    @rule(copy=copies)
    def delete(self, copy: Copy) -> None:
        expected = self.model.delete(copy)
        body = {"method": "erased", "deleted_at": self.model.now // 1000}
        entity = self.model.grants[copy.grant].entity
        self._same(self._machine(entity, f"/v1/copies/{copy.id}/deletion", body), expected)

    @rule(copy=copies, days=st.sampled_from((1, 30)))
    def retain(self, copy: Copy, days: int) -> None:
        grant = self.model.grants[copy.grant]
        until = self._day(self.model.now) + timedelta(days=days)
        begin = self._day(min(grant.ended_at or self.model.now, self.model.now))
        midnight = datetime.combine(until + timedelta(days=1), datetime.min.time(), CITY)
        late = until > self._years_later(begin)
        expected = self.model.retain(copy, int(midnight.timestamp()) * 1000, too_late=late)
        body = {"basis": "insurance_law_87_short", "until": until.isoformat()}
        self._same(self._machine(grant.entity, f"/v1/copies/{copy.id}/retention", body), expected)

    def _day(self, at_ms: int) -> date:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(CITY).date()

    def _years_later(self, day: date) -> date:
        last = day.replace(day=28) if (day.month, day.day) == (2, 29) else day
        return last.replace(year=day.year + YEARS)

    # Time and the worker

    @rule(days=st.sampled_from((1, 1, 3, 8, 8, 35, 400)))
    def time_passes(self, days: int) -> None:
        self._wind(days)

    @rule()
    def worker(self) -> None:
        self.model.turn()
        ends.keep_house(self.service.ctx)
        copies_life.turn(self.service.ctx, copies_life.Rounds())

    # What must hold after every step

    @invariant()
    def both_say_the_same(self) -> None:
        type(self).steps += 1
        model, rows = self.model, self.service.rows
        found = {r[0]: r[1] for r in rows("SELECT id, state FROM requests") if r[0] in model.requests}
        assert found == {one.id: one.state for one in model.requests.values()}
        stored = {r[0]: tuple(r[1:]) for r in rows("SELECT id, state, use_count, frozen, not_after_ms FROM grants")}
        for grant in model.grants.values():
            state, used, frozen, until = stored[grant.id]
            assert (state, used, bool(frozen), until) == (grant.noted, grant.used, grant.case is not None, grant.until)
        held = {r[0]: tuple(r[1:]) for r in rows("SELECT id, state, due_at_ms, delete_by_ms FROM copies")}
        for copy in model.copies.values():
            state, due, life_end = held[copy.id]
            assert (state, life_end) == (copy.state, copy.life_end)
            assert state == "deleted" or due == copy.due, copy.id

    @invariant()
    def the_log_has_no_gaps(self) -> None:
        least, most, count = self.service.rows("SELECT min(number), max(number), count(number) FROM receipts")[0]
        assert (least, most) == (0, count - 1)

    def teardown(self) -> None:
        """What people are shown, that nothing left after an end, and that the store's own check finds nothing."""
        for grant in list(self.model.grants.values())[-5:]:
            shown = self.service.town.machine(ENTITIES[grant.entity]).get(f"/v1/grants/{grant.id}")
            assert (shown["state"], shown["uses"]) == (grant.shown(self.model.now), grant.used)
            assert shown["frozen"] is (grant.case is not None)
        late, found = late_deliveries(self.service), damage(self.service)
        assert not late, late
        assert not found, found


def damage(service: Service) -> list[Any]:
    """What the store's own check finds."""
    ctx = service.ctx
    public_key = log_key(ctx.keys).public_key().public_bytes_raw()
    return list(fsck(ctx.db, ctx.vault, public_key, identity=ctx.chain).findings)


def late_deliveries(service: Service) -> list[Any]:
    """Deliveries numbered after the end of their grant."""
    states = ", ".join(f"'{state}'" for state in FINAL_BY_ACT)
    return service.rows(
        "SELECT d.id FROM receipts d JOIN grant_events e ON e.grant_id = d.grant_id"
        " JOIN receipts x ON x.id = e.receipt_id"
        f" WHERE d.kind = 'delivery' AND e.state IN ({states}) AND x.number IS NOT NULL AND d.number > x.number"
    )


__all__ = ["AGREED_LIFE", "Life", "late_deliveries"]
