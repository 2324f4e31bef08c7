"""Requests, grants and copies against an independent model, in random order; and faults that it must find."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from api.policy.states import GrantState
from api.services.grants import changes
from api.store.queries import deliveries
from tests import town
from tests.conftest import Places
from tests.model.machine import Life
from tests.town import Service

STEPS = 50
# The clock is wound over years in which no chain is seen, which closes pulls otherwise.
GRACE_S = 10**10


@pytest.fixture
def fresh(store: str, places: Places) -> Iterator[Service]:
    """A service of the run's own, whose clock may run on."""
    folder, url = places.prepared(store)
    with town.running(folder, database_url=url, chain_grace_s=GRACE_S) as running:
        yield running


def drive(service: Service, number: int, examples: int) -> int:
    """Random runs of a fixed seed; how many steps were taken."""

    class Run(Life):
        pass

    Run.service, Run.steps = service, 0
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.normal,
    )
    run_state_machine_as_test(seed(number)(Run), settings=chosen)
    return Run.steps


@pytest.mark.slow
def test_a_few_hundred_steps_agree_with_the_model(fresh: Service) -> None:
    done = drive(fresh, 1, 8)
    print(f"{done} steps")
    assert done >= 300


@pytest.mark.full
@pytest.mark.parametrize("run", range(5))
def test_ten_thousand_steps_agree_with_the_model(run: int, fresh: Service, store: str) -> None:
    """Five runs on each store, each of at least a thousand steps and a seed of its own."""
    number = run + (2 if store == "sqlite" else 7)
    done = 0
    for part in range(1, 9):
        done += drive(fresh, 100 * number + part, 8)
        if done >= 1_000:
            break
    print(f"seed {number}: {done} steps")
    assert done >= 1_000


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["resumed after its end", "a use not counted"])
def test_a_planted_fault_is_found(fault: str, fresh: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "a use not counted":
        monkeypatch.setattr(deliveries, "use", lambda *given: None)
    else:
        honest = changes.check_move

        def lenient(grant: Any, after: GrantState, now_ms: int) -> None:
            if after is not GrantState.ACTIVE:
                honest(grant, after, now_ms)

        monkeypatch.setattr(changes, "check_move", lenient)
    with pytest.raises(AssertionError):
        drive(fresh, 1, 30)
