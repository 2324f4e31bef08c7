"""After a revocation is acknowledged no pull succeeds, however many run against it; the log's order says the same."""

import random
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from api.demo.client import Machine, Person
from api.demo.provision import entity_key
from api.errors import ApiError
from api.wiring import key_ring
from tests.town import HARBOUR, Service

PULLERS = 6


@dataclass
class Seen:
    """What the callers saw of one grant, by their own clock: when pulls began, and which were served."""

    served: list[tuple[float, int]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    revoked_at: float = 0.0
    took_s: float = 0.0


def pull_until_refused(machine: Machine, grant: str, key: str, seen: Seen, ready: threading.Barrier) -> None:
    ready.wait(30)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        begun = time.perf_counter()
        try:
            answer = machine.pull(grant, "application/json", idempotency_key=key)
        except ApiError as error:
            seen.refused.append(error.code)
            return
        seen.served.append((begun, int(answer.headers["receipt-number"])))


def race(service: Service, grants: list[str], holder: Person) -> list[Seen]:
    keys = key_ring(service.settings)
    machines = [Machine(service.url, entity_key(keys, HARBOUR)) for _ in range(PULLERS)]
    rng, results = random.Random(7), []
    with ThreadPoolExecutor(PULLERS) as pool:
        for grant in grants:
            seen, ready = Seen(), threading.Barrier(PULLERS + 1)
            # Repeats of one request: each is a delivery, only the first is a use.
            key = secrets.token_urlsafe(18)
            running = [pool.submit(pull_until_refused, machine, grant, key, seen, ready) for machine in machines]
            ready.wait(30)
            time.sleep(rng.uniform(0.0, 0.12))
            begun = time.perf_counter()
            holder.post(f"/v1/grants/{grant}/revoke")
            seen.revoked_at = time.perf_counter()
            seen.took_s = seen.revoked_at - begun
            for one in running:
                one.result()
            results.append(seen)
    for machine in machines:
        machine.close()
    return results


def check(service: Service, grants: list[str], results: list[Seen]) -> None:
    late = [begun for seen in results for begun, _ in seen.served if begun > seen.revoked_at]
    assert late == [], "a pull that began after the acknowledgement was served"
    for grant, seen in zip(grants, results, strict=True):
        assert seen.refused == ["pull.grant_revoked"] * PULLERS
        (change,) = service.rows("SELECT number FROM receipts WHERE grant_id = :g AND kind = 'change'", g=grant)
        delivered = {row[0] for row in service.rows(
            "SELECT number FROM receipts WHERE grant_id = :g AND kind = 'delivery'", g=grant
        )}  # fmt: skip
        assert all(number < change[0] for number in delivered), "a delivery is numbered after the revocation"
        assert {number for _, number in seen.served} == delivered, "what was served is what the log says"
    numbers = [row[0] for row in service.rows("SELECT number FROM receipts WHERE number IS NOT NULL ORDER BY number")]
    assert numbers == list(range(len(numbers))), "no gap, nothing doubled"
    assert sum(len(seen.served) for seen in results) > len(results), "the pullers pulled"


def grants_of(service: Service, count: int) -> list[str]:
    return [service.grant(service.driver(0), case_no=f"CL-race-{at}") for at in range(count)]


@pytest.mark.slow
def test_six_pullers_against_a_revoker(service: Service) -> None:
    grants = grants_of(service, 20)
    check(service, grants, race(service, grants, service.citizen(service.driver(0))))


@pytest.mark.full
@pytest.mark.slow
def test_six_pullers_against_two_hundred_revocations(service: Service) -> None:
    grants = grants_of(service, 200)
    results = race(service, grants, service.citizen(service.driver(0)))
    check(service, grants, results)


@pytest.mark.slow
def test_the_race_would_be_noticed(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that trusts its first look, taken outside the lock, is caught by the same checks."""
    from api.policy.decide import Deny, Permit
    from api.services import pulls

    decide, first_looks = pulls.decide, threading.local()

    def forgetful(grant, ask, now_ms):
        # Inside the log writer's transaction: whatever the first look said is believed.
        if threading.current_thread().name == "log-writer":
            return Permit(ask.items)
        verdict = decide(grant, ask, now_ms)
        first_looks.last = verdict
        if not isinstance(verdict, Deny):
            time.sleep(0.05)  # preparing takes time
        return verdict

    monkeypatch.setattr(pulls, "decide", forgetful)
    grants = grants_of(service, 4)
    results = race(service, grants, service.citizen(service.driver(0)))
    with pytest.raises(AssertionError):
        check(service, grants, results)
