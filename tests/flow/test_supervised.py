"""The real processes under their supervisor, each killed again and again in the middle of work; nobody lends a hand."""

import os
import random
import secrets
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from api.catalogue import load_catalogue
from api.demo import flow, up
from api.demo.city import City, generate_city
from api.demo.client import Machine
from api.demo.commands import check
from api.demo.files import write_department_files
from api.demo.flow import Town
from api.demo.provision import entity_key
from api.errors import ApiError, Kind
from api.launch import GIVES_WAY
from api.wiring import key_ring
from tests.store.backends import Dba
from tests.town import CLAIM, HARBOUR, LICENCE, until

pytestmark = pytest.mark.slow
KILLS = 6
USES = 5


@dataclass
class Puller:
    """An entity that repeats each pull under its key until it is answered, as a client should."""

    machine: Machine
    grants: list[str]
    stop: threading.Event = field(default_factory=threading.Event)
    receipts: dict[str, int] = field(default_factory=dict)
    deeds: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def run(self) -> None:
        at = 0
        while not self.stop.is_set():
            grant = self.grants[at % len(self.grants)]
            at += 1
            if self.deeds.get(grant, 0) >= USES:
                break
            if self._pull(grant, secrets.token_urlsafe(18)):
                self.deeds[grant] = self.deeds.get(grant, 0) + 1
            time.sleep(0.1)

    def _pull(self, grant: str, key: str) -> bool:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                answer = self.machine.pull(grant, "application/json", idempotency_key=key)
            except httpx.TransportError:
                time.sleep(0.1)
            except ApiError as error:
                if error.kind is not Kind.UNAVAILABLE:
                    self.failures.append(error.code)
                    return False
                time.sleep(0.1)
            else:
                self.receipts[answer.headers["receipt-id"]] = int(answer.headers["receipt-number"])
                return True
        self.failures.append("never answered")
        return False


def kill(stack: up.Running, name: str) -> None:
    child = next(child for child in stack.stack.children if child.name == name)
    if child.process is not None and child.process.poll() is None:
        os.kill(child.process.pid, signal.SIGKILL)


def grants_for(town: Town, city: City) -> list[str]:
    grants = []
    licensed = {c.holder for c in city.certificates if c.type_code == LICENCE}
    for person in [p for p in city.persons if p.number in licensed][:4]:
        asked = flow.ask(
            town, HARBOUR, person.number, "insurance.motor.claims", CLAIM, case_no="K-1", days=9, uses=USES
        )
        grants.append(flow.approve(town.citizen(person.number, person.name), asked, days=9, uses=USES)["grant"])
    return grants


def test_worker_and_chain_give_way_to_the_service(stack: up.Running) -> None:
    def priority(name: str) -> int:
        process = next(child.process for child in stack.stack.children if child.name == name)
        assert process is not None
        return os.getpriority(os.PRIO_PROCESS, process.pid)

    names = {child.name for child in stack.stack.children} - {"service"}
    assert {name: priority(name) - priority("service") for name in names} == dict.fromkeys(names, GIVES_WAY)
    assert {"worker"} < names


def test_every_process_is_killed_and_nothing_is_lost_or_doubled(stack: up.Running, tmp_path: Path) -> None:
    watching = threading.Thread(target=stack.stack.watch, args=(0.1,), daemon=True)
    watching.start()
    city = generate_city(120, 1500)
    files = write_department_files(city, tmp_path / "files", load_catalogue())
    town = Town(stack.settings, stack.url)
    first = next(f for f in files if f.type_code == LICENCE)
    officer = town.department(first.department)
    flow.wait_for_return(officer, flow.return_file(officer, first.path, LICENCE), ("sealed", "anchored"), 60)
    puller = Puller(Machine(stack.url, entity_key(key_ring(stack.settings), HARBOUR)), grants_for(town, city))
    pulling = threading.Thread(target=puller.run, daemon=True)
    pulling.start()
    sent = [(f, flow.return_file(town.department(f.department), f.path, f.type_code)) for f in files if f is not first]
    rng = random.Random(4)
    for at in range(KILLS):
        time.sleep(rng.uniform(0.2, 0.9))
        kill(stack, ("worker", "service", "devnet")[at % 3])
    until(lambda: _ready(stack.url), "the service is up again")
    pulling.join(90)
    assert not pulling.is_alive()
    assert puller.failures == []
    assert puller.deeds == dict.fromkeys(puller.grants, USES)

    town = Town(stack.settings, stack.url)
    for file, returned in sent:
        item = flow.wait_for_return(town.department(file.department), returned, ("anchored", "failed"), 120)
        rows = item["rows"]
        assert (item["state"], rows["good"], rows["bad"]) == ("anchored", file.good, len(file.bad)), file.type_code
    until(lambda: _clean(stack), "the store holds together, on the chain as well", 60)
    with Dba(stack.settings.store_url) as db:
        records = db.execute("SELECT count(*), count(DISTINCT number_bidx) FROM records").fetchone()
        assert records == (sum(f.good for f in files),) * 2
        numbers = [row[0] for row in db.execute("SELECT number FROM receipts ORDER BY number")]
        assert numbers == list(range(len(numbers))), "no gap, nothing twice"
        # A pull whose answer was lost with the process has its receipt, too; none that was answered is missing.
        deliveries = dict(db.execute("SELECT id, number FROM receipts WHERE kind = 'delivery'").fetchall())
        assert puller.receipts.items() <= deliveries.items()
        uses = dict(db.execute("SELECT id, use_count FROM grants").fetchall())
        assert uses == dict.fromkeys(puller.grants, USES), "a repeat is no second use"
        # What a killed worker had leased is free again after its lease.
        until(lambda: db.execute("SELECT count(*) FROM outbox WHERE done_at_ms IS NULL").fetchone() == (0,), "sent", 90)
    assert all(child.restarts >= 2 for child in stack.stack.children), [c.restarts for c in stack.stack.children]
    puller.machine.close()
    town.close()
    stack.stack.stopping = True
    watching.join(10)
    logs = "".join((stack.settings.data_dir / "logs" / f"{c.name}.log").read_text() for c in stack.stack.children)
    assert "Traceback" not in logs
    assert not [person for person in city.persons if person.number in logs]


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _clean(stack: up.Running) -> bool:
    return bool(check(stack.settings).ok)
