"""Every move of a grant, allowed or not, over the interface; what each leaves on the chain and in evidence."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from api.demo import flow
from api.errors import ApiError
from api.policy.states import GRANT_TRANSITIONS, GrantState
from api.services import chain_outbox
from api.services.grants import ends
from api.store import outbox, read_only
from api.wiring import TRUST_FILE
from chain.__main__ import verify_with_node
from chain.bundle import parse_bundle
from chain.canonical import canonical
from chain.ports import TxCall
from chain.trustfile import parse_trust_file
from chain.verdict import State
from tests.town import HARBOUR, PINE, Service, until

S = GrantState
MOVES = {
    "pause": S.PAUSED,
    "resume": S.ACTIVE,
    "revoke": S.REVOKED,
    "terminate": S.TERMINATED,
    "invalidate": S.INVALIDATED,
}
REFUSED = {
    S.PAUSED: "pull.grant_paused",
    S.REVOKED: "pull.grant_revoked",
    S.TERMINATED: "pull.grant_terminated",
    S.INVALIDATED: "pull.grant_invalidated",
    S.SUPERSEDED: "pull.grant_superseded",
    S.EXHAUSTED: "pull.uses_exhausted",
    S.EXPIRED: "pull.grant_ended",
}


def move(service: Service, grant_id: str, name: str) -> dict[str, Any]:
    """Make a move as whoever may."""
    if name == "terminate":
        return flow.change_grant(service.town.machine(HARBOUR), grant_id, name)
    if name == "invalidate":
        return flow.change_grant(service.town.regulator(), grant_id, name, reason="court", reference="(2026) 1")
    return flow.change_grant(service.citizen(service.driver()), grant_id, name)


def shown(service: Service, grant_id: str) -> dict[str, Any]:
    found: dict[str, Any] = service.citizen(service.driver()).get(f"/v1/grants/{grant_id}")
    return found


def refusal_of(act: Callable[[], object]) -> str | None:
    try:
        act()
    except ApiError as error:
        return error.code
    return None


def in_state(service: Service, state: GrantState) -> str:
    """A grant that came to its state as grants do."""
    grant_id = service.grant(service.driver(), uses=1 if state is S.EXHAUSTED else 3, days=1)
    if state is S.EXHAUSTED:
        flow.pull_envelope(service.town, HARBOUR, grant_id, "json")
    elif state is S.EXPIRED:
        service.wind_clock(86_400_001)
        service.town.signed_in.clear()  # sessions have run out as well
    elif state is S.SUPERSEDED:
        flow.extend_grant(service.citizen(service.driver()), grant_id, days=20, uses=2)
    elif state is not S.ACTIVE:
        move(service, grant_id, next(name for name, to in MOVES.items() if to is state))
    ends.keep_house(service.ctx)
    assert service.rows("SELECT state FROM grants WHERE id = :id", id=grant_id)[0][0] == state
    return grant_id


ON_CHAIN = {
    "active": State.VALID,
    "frozen": State.REVOKED,
    "paused": State.REVOKED,
    "resumed": State.VALID,
    "revoked": State.REVOKED,
    "terminated": State.REVOKED,
    "invalidated": State.REVOKED,
    "exhausted": State.VALID,
    "superseded": State.REVOKED,
}


@pytest.mark.slow
def test_evidence_says_what_became_of_the_grant(service: Service) -> None:
    """Bundles made in each state, against the real chain; all changes in one go, in their order."""
    town, made = service.town, {}
    for name in ON_CHAIN:
        grant_id = service.grant(service.driver(), uses=1 if name == "exhausted" else 3)
        made[name] = (grant_id, flow.pull_envelope(town, HARBOUR, grant_id, "json"))
    flow.change_grant(town.regulator(), made["frozen"][0], "freeze", case="CASE-9")
    for name, moves in {
        "paused": ("pause", "resume", "pause"),
        "resumed": ("pause", "resume"),
        "revoked": ("pause", "revoke"),
        "terminated": ("pause", "terminate"),
        "invalidated": ("invalidate",),
    }.items():
        for one in moves:
            move(service, made[name][0], one)
    flow.extend_grant(service.citizen(service.driver()), made["superseded"][0], days=20, uses=2)
    ends.keep_house(service.ctx)
    service.settle()
    trust = parse_trust_file((service.settings.data_dir / TRUST_FILE).read_bytes())
    found = {}
    for name, (_, envelope) in made.items():
        bundle = flow.disclose(flow.bundle_of(town, HARBOUR, envelope), envelope)
        found[name] = verify_with_node(parse_bundle(canonical(bundle)), trust, service.chain.url, None).state
    assert found == ON_CHAIN
    mine = {grant_id for grant_id, _ in made.values()}

    def taken_in() -> bool:
        service.turn()
        waiting = service.rows(
            "SELECT grant_id, seq FROM grant_events WHERE anchored_block IS NULL AND seq > 0"
            " AND state NOT IN ('exhausted', 'expired')"
        )
        return all(row[0] not in mine for row in waiting)

    until(taken_in, "every change is known to stand on the chain")


@pytest.mark.slow
def test_a_transaction_that_fails_after_its_row_was_closed_is_announced_again(service: Service) -> None:
    """Somebody else registers the grant first, so that ours is mined and fails: the row opens again, and is settled."""
    service.settle()
    grant_id = service.grant(service.driver())
    _, loop = service._worker()
    regulator = next(iter(loop.relays.others.values()))
    with read_only(service.ctx.db) as session:
        rows = outbox.count_open(session)
    assert rows >= 1
    chain_outbox.dispatch(service.ctx, loop.relays, service.ctx.chain)
    ours = loop.relays.own.find(f"grant:{grant_id}")
    assert ours is not None
    call = TxCall.decode(ours.raw)
    assert call.to is not None
    regulator.prepare(f"first:{grant_id}", call.to, call.data)
    regulator.step()
    service.settle()
    tries = service.rows("SELECT key, state, error FROM chain_txs WHERE key LIKE :key", key=f"grant:{grant_id}%")
    assert [(row.state, row.error) for row in tries] == [("failed", "chain.reverted:AlreadyRegistered")]
    row = service.rows("SELECT done_at_ms, attempts FROM outbox WHERE key = :key", key=f"grant:{grant_id}")[0]
    assert row.done_at_ms is not None
    assert row.attempts == 2, "it was announced a second time"
    assert shown(service, grant_id)["anchor_state"] == "anchored"


def test_a_hold_is_independent_of_the_state(service: Service) -> None:
    grant_id = service.grant(service.driver())
    regulator = service.town.regulator()
    flow.change_grant(regulator, grant_id, "freeze", case="CASE-1")
    assert shown(service, grant_id)["frozen"]
    code = refusal_of(lambda: flow.pull_envelope(service.town, HARBOUR, grant_id, "json"))
    assert code == "pull.grant_frozen"
    assert (
        refusal_of(lambda: flow.change_grant(regulator, grant_id, "freeze", case="CASE-2")) == "grants.frozen_already"
    )
    move(service, grant_id, "pause")
    move(service, grant_id, "resume")
    assert shown(service, grant_id)["frozen"], "resuming lifts no hold"
    code = refusal_of(lambda: flow.change_grant(regulator, grant_id, "unfreeze", case="CASE-2"))
    assert code == "grants.not_frozen"
    flow.change_grant(regulator, grant_id, "unfreeze", case="CASE-1")
    assert not shown(service, grant_id)["frozen"]
    flow.pull_envelope(service.town, HARBOUR, grant_id, "json")
    move(service, grant_id, "revoke")
    code = refusal_of(lambda: flow.change_grant(regulator, grant_id, "freeze", case="CASE-3"))
    assert code == "grant.transition"


def test_only_those_concerned_may_move_a_grant(service: Service) -> None:
    grant_id = service.grant(service.driver())
    other = service.citizen(service.driver(1))
    for name in ("pause", "resume", "revoke"):
        assert refusal_of(lambda name=name: flow.change_grant(other, grant_id, name)) == "grants.not_found"
    code = refusal_of(lambda: flow.change_grant(service.town.machine(PINE), grant_id, "terminate"))
    assert code == "grants.not_found"
    assert shown(service, grant_id)["state"] == "active"


@pytest.mark.parametrize("state", [s for s in S if s is not S.EXPIRED] + [S.EXPIRED])
def test_every_move_from_every_state(service: Service, state: GrantState) -> None:
    grant_id = in_state(service, state)
    for name, after in MOVES.items():
        allowed = after in GRANT_TRANSITIONS[state]
        subject = in_state(service, state) if allowed else grant_id
        before = shown(service, subject)
        code = refusal_of(lambda name=name, subject=subject: move(service, subject, name))
        assert code == (None if allowed else "grant.transition"), (state, name)
        now = shown(service, subject)
        assert now["state"] == (after if allowed else state)
        events = service.citizen(service.driver()).get(f"/v1/grants/{subject}/events")["items"]
        if allowed:
            assert events[-1]["state"] == after
            assert events[-1]["receipt"]
        else:
            assert now == before
    code = refusal_of(lambda: flow.pull_envelope(service.town, HARBOUR, grant_id, "json"))
    assert code == REFUSED.get(state)


def test_a_request_that_nobody_answers_lapses_with_a_receipt(service: Service) -> None:
    asked = service.ask(service.driver(1), PINE)
    service.wind_clock(service.settings.request_days * 86_400_000 + 1)
    service.town.signed_in.clear()
    ends.keep_house(service.ctx)
    assert service.town.machine(PINE).get(f"/v1/requests/{asked.id}")["state"] == "lapsed"
    told = service.rows(
        "SELECT count(*) FROM receipts WHERE kind = 'change' AND grant_id IS NULL AND party_id ="
        " (SELECT entity_id FROM requests WHERE id = :id)",
        id=asked.id,
    )
    assert told[0][0] >= 1


def test_pausing_stops_where_resuming_would_fail(service: Service) -> None:
    """The contract keeps its last number for a revocation. Last in this module: the chain never takes such a number."""
    grant_id = service.grant(service.driver())
    service.execute("UPDATE grants SET seq = 254 WHERE id = :id", id=grant_id)
    assert refusal_of(lambda: move(service, grant_id, "pause")) == "grants.too_many_changes"
    move(service, grant_id, "revoke")


def test_allowed_moves_are_reached(service: Service) -> None:
    """The table of this module speaks of every move that somebody makes; the rest are the worker's and extensions'."""
    made = set(MOVES.values())
    others = {to for state in S for to in GRANT_TRANSITIONS[state]} - made
    assert others == {S.EXPIRED, S.EXHAUSTED, S.SUPERSEDED}
    assert len(list(itertools.product(S, MOVES))) == 40
