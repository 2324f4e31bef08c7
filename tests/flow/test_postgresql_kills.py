"""kill -9 of the PostgreSQL server under a service: nothing acknowledged is lost, and the service heals itself."""

import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.demo.client import Machine
from api.demo.commands import check
from api.demo.postgres import Server, missing
from api.demo.provision import entity_key
from api.errors import ApiError
from api.wiring import key_ring
from tests import town
from tests.postgres import new_server
from tests.town import HARBOUR, Service, until

pytestmark = [pytest.mark.slow, pytest.mark.full]
KILLS, PULLERS = 8, 4
AWAY = {"store.unavailable", "store.unconfirmed"}


@pytest.fixture
def server() -> Iterator[Server]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    made = new_server()
    made.start()
    yield made
    made.remove()


class Puller:
    """Pulls a grant again and again, and notes what it was told."""

    def __init__(self, service: Service, grant: str) -> None:
        self.machine = Machine(service.url, entity_key(key_ring(service.settings), HARBOUR))
        self.grant = grant
        self.receipts: dict[str, int] = {}
        self.refused: list[str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        key = secrets.token_urlsafe(18)
        while not self.stop.is_set():
            try:
                answer = self.machine.pull(self.grant, "application/json", idempotency_key=key)
            except ApiError as error:
                self.refused.append(error.code)
                time.sleep(0.02)
            else:
                self.receipts[answer.headers["receipt-id"]] = int(answer.headers["receipt-number"])


def test_the_server_is_killed_under_a_running_service(server: Server, tmp_path: Path) -> None:
    folder, url = tmp_path / "data", server.create_database("city")
    town.prepare(folder, url)
    with town.running(folder, database_url=url) as service:
        pullers = [Puller(service, service.grant(service.driver(at), case_no=f"CL-{at}")) for at in range(PULLERS)]
        for puller in pullers:
            puller.thread.start()
        try:
            for at in range(KILLS):
                everybody_is_served(pullers)
                server.kill()
                until(lambda: not ready(service), "readiness says that the store is away")
                time.sleep(0.1 * at)
                server.start()
                until(lambda: ready(service), "the service is ready again")
            everybody_is_served(pullers)
        finally:
            for puller in pullers:
                puller.stop.set()
            for puller in pullers:
                puller.thread.join()
        assert {code for puller in pullers for code in puller.refused} <= AWAY
        told = {name: number for puller in pullers for name, number in puller.receipts.items()}
        rows = service.rows("SELECT id, number FROM receipts WHERE kind = 'delivery'")
        stored = {row[0]: row[1] for row in rows}
        assert {name: stored.get(name) for name in told} == told
        for puller in pullers:
            assert service.rows("SELECT use_count FROM grants WHERE id = :id", id=puller.grant) == [(1,)]
            puller.machine.close()
        service.settle()
        assert check(service.settings).findings == ()


def everybody_is_served(pullers: list[Puller]) -> None:
    before = [len(puller.receipts) for puller in pullers]
    until(
        lambda: all(len(puller.receipts) > count for puller, count in zip(pullers, before, strict=True)),
        "everybody is served again",
    )


def ready(service: Service) -> bool:
    return httpx.get(f"{service.url}/readyz", timeout=30, trust_env=False).status_code == 200
