"""After a revocation is acknowledged no pull succeeds, however many run against it; the log's order says the same."""

import random
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from api.demo.client import Machine
from api.demo.provision import entity_key, party_id
from api.errors import ApiError
from api.policy.requests import AskedItem
from api.services import grants as grants_service
from api.services import pulls as pulls_service
from api.services import requests
from api.services.context import Actor, Role
from api.store import read_only
from api.store.queries import holders
from api.store.queries.holders import HolderKind
from api.wiring import key_ring
from tests.town import CLAIM, HARBOUR, Service

PULLERS = 6
OVER_HTTP, INSIDE = 200, {"sqlite": 1_900, "postgresql": 700}
"""Revocations on each store at full length, 3,000 in all."""
SOME_OVER_HTTP, SOME_INSIDE = 60, 240
"""Those of `--full` on each store."""

Pull = Callable[[str, str], int]
"""Pull a grant under an idempotency key; the receipt's number. Raises ApiError where it is refused."""


@dataclass
class Seen:
    """What the callers saw of one grant, by their own clock: when pulls began, and which were served."""

    served: list[tuple[float, int]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    revoked_at: float = 0.0
    took_s: float = 0.0


def pull_until_refused(pull: Pull, grant: str, key: str, seen: Seen, ready: threading.Barrier) -> None:
    ready.wait(60)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        begun = time.perf_counter()
        try:
            number = pull(grant, key)
        except ApiError as error:
            seen.refused.append(error.code)
            return
        seen.served.append((begun, number))


def race(pulls: list[Pull], revoke: Callable[[str], object], grants: list[str], pause_s: float) -> list[Seen]:
    rng, results = random.Random(7), []
    with ThreadPoolExecutor(PULLERS) as pool:
        for grant in grants:
            seen, ready = Seen(), threading.Barrier(PULLERS + 1)
            # Repeats of one request: each is a delivery, only the first is a use.
            key = secrets.token_urlsafe(18)
            running = [pool.submit(pull_until_refused, pull, grant, key, seen, ready) for pull in pulls]
            ready.wait(60)
            # After so many deliveries, not only after so long: a revocation overtakes pulls, and would come before any.
            before, deadline = rng.randrange(2 * PULLERS), time.monotonic() + 60
            while len(seen.served) < before and not seen.refused and time.monotonic() < deadline:
                time.sleep(0.0005)
            time.sleep(rng.uniform(0.0, pause_s))
            begun = time.perf_counter()
            revoke(grant)
            seen.revoked_at = time.perf_counter()
            seen.took_s = seen.revoked_at - begun
            for one in running:
                one.result()
            results.append(seen)
    return results


def race_over_http(service: Service, grants: list[str]) -> list[Seen]:
    keys, holder = key_ring(service.settings), service.citizen(service.driver(0))
    machines = [Machine(service.url, entity_key(keys, HARBOUR)) for _ in range(PULLERS)]

    def puller(machine: Machine) -> Pull:
        return lambda grant, key: int(
            machine.pull(grant, "application/json", idempotency_key=key).headers["receipt-number"]
        )

    results = race(
        [puller(machine) for machine in machines], lambda grant: holder.post(f"/v1/grants/{grant}/revoke"), grants, 0.03
    )
    for machine in machines:
        machine.close()
    return results


def race_inside(service: Service, count: int) -> tuple[list[str], list[Seen]]:
    """The same without HTTP, so that most of the time is spent in the race itself."""
    ctx, person = service.ctx, service.driver(0)
    with read_only(ctx.db) as session:
        holder_id = holders.find_holder(session, ctx.vault, HolderKind.PERSON, person.number)
    entity = Actor(Role.ENTITY, "machine", party_id=party_id(HARBOUR))
    citizen = Actor(Role.CITIZEN, "holder", holder_id=holder_id)
    items = [AskedItem(*item) for item in CLAIM]
    ticked = frozenset((item.type_code, item.field) for item in items)

    def grant(place: int) -> str:
        wish = requests.NewRequest(
            HolderKind.PERSON, person.number, "insurance.motor.claims", items, f"CL-inside-{place}", 30, 5
        )
        request = requests.create(ctx, entity, wish)
        return grants_service.approve(ctx, citizen, request.id, grants_service.Approval(ticked, 30, 5))[0].id

    def pull(name: str, key: str) -> int:
        return pulls_service.pull(ctx, entity, name, pulls_service.JSON, idempotency_key=key).receipt.number

    names = [grant(place) for place in range(count)]
    return names, race([pull] * PULLERS, lambda name: grants_service.revoke(ctx, citizen, name), names, 0.01)


def check(service: Service, grants: list[str], results: list[Seen]) -> None:
    late = [begun for seen in results for begun, _ in seen.served if begun > seen.revoked_at]
    assert late == [], "a pull that began after the acknowledgement was served"
    numbered: dict[str, dict[str, set[int]]] = {}
    for grant, kind, number in service.rows("SELECT grant_id, kind, number FROM receipts WHERE grant_id IS NOT NULL"):
        numbered.setdefault(grant, {}).setdefault(kind, set()).add(number)
    for grant, seen in zip(grants, results, strict=True):
        assert seen.refused == ["pull.grant_revoked"] * PULLERS
        (change,) = numbered[grant]["change"]
        delivered = numbered[grant].get("delivery", set())
        assert all(number < change for number in delivered), "a delivery is numbered after the revocation"
        assert {number for _, number in seen.served} == delivered, "what was served is what the log says"
    numbers = [row[0] for row in service.rows("SELECT number FROM receipts WHERE number IS NOT NULL ORDER BY number")]
    assert numbers == list(range(len(numbers))), "no gap, nothing doubled"
    assert sum(len(seen.served) for seen in results) > PULLERS, "the pullers pulled"


def grants_of(service: Service, count: int) -> list[str]:
    return [service.grant(service.driver(0), case_no=f"CL-race-{at}") for at in range(count)]


@pytest.mark.slow
def test_six_pullers_against_a_revoker(service: Service) -> None:
    grants = grants_of(service, 20)
    check(service, grants, race_over_http(service, grants))


@pytest.mark.slow
def test_six_pullers_inside_against_a_revoker(service: Service) -> None:
    check(service, *race_inside(service, 20))


@pytest.mark.parametrize(
    "count", [pytest.param(SOME_OVER_HTTP, marks=pytest.mark.full), pytest.param(OVER_HTTP, marks=pytest.mark.soak)]
)
def test_six_pullers_against_many_revocations(count: int, service: Service) -> None:
    grants = grants_of(service, count)
    check(service, grants, race_over_http(service, grants))


@pytest.mark.full
def test_six_pullers_inside_against_many_revocations(service: Service) -> None:
    check(service, *race_inside(service, SOME_INSIDE))


@pytest.mark.soak
def test_six_pullers_inside_against_all_revocations(service: Service, store: str) -> None:
    check(service, *race_inside(service, INSIDE[store]))


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
    results = race_over_http(service, grants)
    with pytest.raises(AssertionError):
        check(service, grants, results)
