"""Every decision of a long random history, made again as of its time: the same answer; a changed history shows."""

import contextlib
import random
from collections import Counter

import pytest

from api.demo.provision import party_id
from api.errors import ApiError
from api.policy.states import GrantState, InvalidReason
from api.services import grants, pulls, refusals
from api.services.context import Actor, Role
from api.services.grants import ends
from api.store import clock, read_only, unit_of_work
from api.store.queries import parties
from api.store.queries.parties import PartyStatus
from tests.town import HARBOUR, LICENCE, Service

STEPS = 220
FIELDS = (None, [(LICENCE, "valid_until")], [(LICENCE, "address")], [])
ENTITY = Actor(Role.ENTITY, subject=party_id(HARBOUR), party_id=party_id(HARBOUR))


class History:
    """Somebody who does at random what people, machines, regulators and time do; the same for the same seed."""

    def __init__(self, service: Service, seed: int) -> None:
        self.service, self.ctx = service, service.ctx
        self.random = random.Random(seed)
        row = service.rows("SELECT id FROM parties WHERE role = 'regulator'")[0]
        self.regulator = Actor(Role.REGULATOR, subject="staff", party_id=row.id)
        self.grants: list[str] = []
        self.keys = 0
        self.done: Counter[str] = Counter()

    @property
    def holder(self) -> Actor:
        row = self.service.rows("SELECT holder_id FROM grants WHERE id = :id", id=self.grants[0])[0]
        return Actor(Role.CITIZEN, subject="holder", holder_id=row.holder_id)

    def grow(self) -> None:
        uses = self.random.choice((1, 2, 5))
        self.grants.append(self.service.grant(self.service.driver(), days=self.random.choice((1, 30)), uses=uses))

    def pull(self, grant_id: str) -> None:
        # Few keys, so that some pulls are repeats of a counted use.
        key = f"key-{self.random.randrange(4)}-{grant_id}"
        fields = self.random.choice(FIELDS)
        pulls.pull(self.ctx, ENTITY, grant_id, pulls.JSON, fields=fields, idempotency_key=key)

    def step(self) -> None:
        grant_id = self.random.choice(self.grants)
        acts = {
            "pull": lambda: self.pull(grant_id),
            "pause": lambda: grants.pause(self.ctx, self.holder, grant_id),
            "resume": lambda: grants.resume(self.ctx, self.holder, grant_id),
            "freeze": lambda: grants.freeze(self.ctx, grant_id, "C-1", self.regulator),
            "unfreeze": lambda: grants.unfreeze(self.ctx, grant_id, "C-1", self.regulator),
            "extend": lambda: self.grants.append(grants.extend(self.ctx, self.holder, grant_id, 20, 2)[0].id),
            "grow": self.grow,
            "revoke": lambda: grants.revoke(self.ctx, self.holder, grant_id),
            "terminate": lambda: grants.terminate(self.ctx, ENTITY, grant_id),
            "invalidate": lambda: grants.invalidate(self.ctx, self.regulator, grant_id, InvalidReason.COURT),
            "suspend": self.suspend,
            "note": lambda: ends.keep_house(self.ctx),
            "wait": lambda: self.wait(3_600_000),
            "fold": lambda: refusals.write_ended(self.ctx, everything=True),
        }
        weights = (60, 6, 6, 3, 3, 2, 4, 1, 1, 1, 4, 5, 4, 4)
        name = self.random.choices(list(acts), weights)[0]
        try:
            acts[name]()
            self.done[name] += 1
        except ApiError as refused:
            self.done[refused.code] += 1

    def wait(self, ms: int) -> None:
        """Time passes, and the worker has seen the chain since."""
        self.service.wind_clock(ms)
        self.service.execute("UPDATE chain_status SET last_ok_ms = (SELECT max(high_ms) FROM clock_mark)")

    def suspend(self) -> None:
        """As the indexer does when the registry says so."""
        with unit_of_work(self.ctx.db) as session:
            party = parties.get_party(session, ENTITY.party_id or "")
            assert party is not None
            other = PartyStatus.ACTIVE if party.status == PartyStatus.SUSPENDED else PartyStatus.SUSPENDED
            parties.set_status(session, self.ctx.vault, party, other, actor="chain", at_ms=clock.now_ms(session))

    def decisions(self) -> list[str]:
        rows = self.service.rows("SELECT id FROM receipts WHERE kind IN ('delivery', 'refusal') ORDER BY at_ms, number")
        return [row.id for row in rows]

    def disagreeing(self) -> list[str]:
        return [one for one in self.decisions() if not self.agrees(one)]

    def agrees(self, receipt_id: str) -> bool:
        try:
            return grants.replay(self.ctx, self.regulator, receipt_id).agrees
        except ApiError:
            return False


@pytest.fixture(scope="module")
def history(service: Service) -> History:
    """A history that knows deliveries, repeats and every reason for a refusal that time and people give."""
    found = History(service, seed=3)
    for _ in range(3):
        found.grow()
    for _ in range(STEPS):
        found.step()
    with read_only(service.ctx.db) as session:
        suspended = parties.get_party(session, ENTITY.party_id or "")
    if suspended is not None and suspended.status == PartyStatus.SUSPENDED:
        found.suspend()
    refusals.write_ended(service.ctx, everything=True)
    ends.keep_house(service.ctx)
    return found


def test_every_decision_is_the_same_again(history: History) -> None:
    answers: Counter[str] = Counter()
    for receipt_id in history.decisions():
        again = grants.replay(history.ctx, history.regulator, receipt_id)
        assert again.recorded == again.replayed, (receipt_id, again)
        assert again.history_holds, (receipt_id, again)
        assert again.agrees
        answers[again.replayed] += 1
    assert sum(answers.values()) > 30
    assert len(answers) > 6, f"the history is not rich enough to mean anything: {answers}, {history.done}"


def planted(history: History, undo: str, do: str, **values: object) -> list[str]:
    """What disagrees while a fault is in the database."""
    history.service.execute(do, **values)
    try:
        return history.disagreeing()
    finally:
        history.service.execute(undo, **values)


def test_a_changed_event_shows(history: History) -> None:
    row = history.service.rows(
        "SELECT grant_id, seq FROM grant_events e WHERE state = 'paused' AND EXISTS (SELECT 1 FROM receipts r"
        " WHERE r.grant_id = e.grant_id AND r.reason = 'pull.grant_paused') ORDER BY grant_id, seq"
    )[0]
    where = "WHERE grant_id = :grant AND seq = :seq"
    found = planted(
        history,
        f"UPDATE grant_events SET state = 'paused' {where}",
        f"UPDATE grant_events SET state = 'active' {where}",
        grant=row.grant_id,
        seq=row.seq,
    )
    assert found
    touched = history.service.rows("SELECT id FROM receipts WHERE grant_id = :id", id=row.grant_id)
    assert set(found) <= {one.id for one in touched}, "what has nothing to do with it still agrees"
    refused = history.service.rows("SELECT id FROM receipts WHERE reason = 'pull.grant_paused'")
    assert {one.id for one in refused} & set(found)
    assert history.disagreeing() == []


def test_a_changed_history_of_the_recipient_shows(history: History) -> None:
    found = planted(
        history,
        "UPDATE party_events SET status = 'suspended' WHERE seq = 1",
        "UPDATE party_events SET status = 'active' WHERE seq = 1",
    )
    assert found


def test_a_delivery_that_was_made_away_with_shows(history: History) -> None:
    """Its use is missing from every later count."""
    history.service.town.signed_in.clear()
    grant_id = history.service.grant(history.service.driver(), uses=1)
    for _ in range(2):
        with contextlib.suppress(ApiError):
            pulls.pull(history.ctx, ENTITY, grant_id, pulls.JSON)
    made, refused = history.service.rows(
        "SELECT id, reason FROM receipts WHERE grant_id = :id AND kind <> 'grant' ORDER BY at_ms, kind", id=grant_id
    )
    assert refused.reason == "pull.uses_exhausted"
    change = "UPDATE receipts SET repeats = {} WHERE id = :id"
    found = planted(history, change.format(1), change.format(0), id=made.id)
    assert refused.id in found
    assert made.id in found, "and its own details do not open any more"


def test_who_may_see_a_decision(history: History) -> None:
    service = history.service
    service.town.signed_in.clear()
    receipt_id = history.decisions()[0]
    told = {
        "holder": service.citizen(service.driver()).get(f"/v1/receipts/{receipt_id}/decision"),
        "recipient": service.town.machine(HARBOUR).get(f"/v1/receipts/{receipt_id}/decision"),
        "regulator": service.town.regulator().get(f"/v1/receipts/{receipt_id}/decision"),
    }
    assert told["holder"] == told["recipient"] == told["regulator"]
    assert told["holder"]["agrees"] is True
    with pytest.raises(ApiError, match=r"receipts\.not_found"):
        service.citizen(service.driver(1)).get(f"/v1/receipts/{receipt_id}/decision")
    begun = service.rows("SELECT id FROM receipts WHERE kind = 'grant' ORDER BY number")[0].id
    with pytest.raises(ApiError, match=r"receipts\.no_decision"):
        service.town.regulator().get(f"/v1/receipts/{begun}/decision")


def test_any_time_can_be_asked_for(history: History) -> None:
    rows = history.service.rows("SELECT grant_id, state, at_ms FROM grant_events WHERE seq = 1 ORDER BY at_ms")
    row = next(one for one in rows if one.state in {GrantState.PAUSED, GrantState.REVOKED, GrantState.TERMINATED})
    before = grants.replay_at(history.ctx, history.regulator, row.grant_id, row.at_ms - 1)
    after = grants.replay_at(history.ctx, history.regulator, row.grant_id, row.at_ms)
    assert before.then.view.state == "active"
    assert after.then.view.state == row.state
    assert before.replayed != after.replayed
