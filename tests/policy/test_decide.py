"""Every grant state, time and ask has one answer; no combination serves that should not."""

import itertools
from dataclasses import replace

import pytest

from api.locale import error_texts
from api.policy.decide import REASONS, Deny, GrantView, Permit, PullAsk, decide
from api.policy.states import GrantState

ITEMS = frozenset({("person.driving_licence", "name"), ("person.driving_licence", "licence_class")})
GRANT = GrantView(
    entity_id="party_a",
    entity_active=True,
    state="active",
    frozen=False,
    not_before_ms=1_000,
    not_after_ms=2_000,
    max_uses=2,
    use_count=1,
    items=ITEMS,
)
ASK = PullAsk("party_a", ITEMS)
NOW = 1_500


def reason(grant: GrantView | None = GRANT, ask: PullAsk = ASK, now: int = NOW) -> str:
    answer = decide(grant, ask, now)
    return answer.reason if isinstance(answer, Deny) else "permit"


def test_permit_names_what_was_asked() -> None:
    one = frozenset({("person.driving_licence", "name")})
    assert decide(GRANT, PullAsk("party_a", one), NOW) == Permit(one)
    assert decide(GRANT, ASK, NOW) == Permit(ITEMS)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (0, "pull.grant_not_started"),
        (999, "pull.grant_not_started"),
        (1_000, "permit"),
        (1_999, "permit"),
        (2_000, "pull.grant_ended"),
        (10**15, "pull.grant_ended"),
    ],
)
def test_time(now: int, expected: str) -> None:
    assert reason(now=now) == expected


@pytest.mark.parametrize(
    ("used", "expected"), [(0, "permit"), (1, "permit"), (2, "pull.uses_exhausted"), (3, "pull.uses_exhausted")]
)
def test_uses(used: int, expected: str) -> None:
    assert reason(replace(GRANT, use_count=used)) == expected


STATES = {
    "active": "permit",
    "paused": "pull.grant_paused",
    "expired": "pull.grant_ended",
    "exhausted": "pull.uses_exhausted",
    "revoked": "pull.grant_revoked",
    "terminated": "pull.grant_terminated",
    "invalidated": "pull.grant_invalidated",
    "superseded": "pull.grant_superseded",
}


def test_every_state_is_decided() -> None:
    assert set(STATES) == {state.value for state in GrantState}
    for state, expected in STATES.items():
        assert reason(replace(GRANT, state=state)) == expected
    for unknown in ("", "ACTIVE", "requested", "active "):
        assert reason(replace(GRANT, state=unknown)) == "pull.unknown_state"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (frozenset(), "pull.nothing_asked"),
        (frozenset({("person.driving_licence", "address")}), "pull.field_outside_grant"),
        (frozenset({("person.marriage", "name")}), "pull.field_outside_grant"),
        (ITEMS | {("person.driving_licence", "address")}, "pull.field_outside_grant"),
    ],
)
def test_fields(items: frozenset[tuple[str, str]], expected: str) -> None:
    assert reason(ask=PullAsk("party_a", items)) == expected


def test_frozen_and_suspended() -> None:
    assert reason(replace(GRANT, frozen=True)) == "pull.grant_frozen"
    assert reason(replace(GRANT, entity_active=False)) == "pull.entity_suspended"


def test_strangers_learn_nothing() -> None:
    """Whatever the grant's condition, another entity gets the answer that an absent grant gives."""
    for state, frozen, now, used in itertools.product(STATES, (False, True), (0, NOW, 3_000), (0, 9)):
        grant = replace(GRANT, state=state, frozen=frozen, use_count=used)
        assert decide(grant, PullAsk("party_b", ITEMS), now) == decide(None, ASK, now) == Deny("pull.not_found")
    assert reason(replace(GRANT, entity_active=False), PullAsk("party_b", ITEMS)) == "pull.not_found"


def test_all_combinations() -> None:
    """A permit exactly where every single condition holds, and each denial for a condition that is broken."""
    spaces = itertools.product(
        STATES, (False, True), (False, True), (999, NOW, 2_000), (1, 2), (ITEMS, frozenset(), frozenset({("x", "y")}))
    )
    for state, frozen, active, now, used, items in spaces:
        grant = replace(GRANT, state=state, frozen=frozen, entity_active=active, use_count=used)
        broken = {
            "pull.entity_suspended": not active,
            STATES[state]: state != "active",
            "pull.grant_frozen": frozen,
            "pull.nothing_asked": not items,
            "pull.field_outside_grant": not items <= ITEMS,
        }
        broken["pull.grant_not_started"] = now < 1_000
        broken["pull.grant_ended"] = now >= 2_000 or state == "expired"
        broken["pull.uses_exhausted"] = used >= 2 or state == "exhausted"
        found = reason(grant, PullAsk("party_a", items), now)
        if found == "permit":
            assert not any(value for code, value in broken.items() if code != "permit")
        else:
            assert broken[found], (found, grant, now)


def test_every_reason_has_its_texts() -> None:
    assert {deny.reason for deny in REASONS} <= error_texts().keys()
