"""kill -9 of the PostgreSQL server under load: every acknowledged receipt stands, and the same writer goes on."""

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from api.demo.postgres import Server, missing
from api.errors import ApiError
from api.store import Database, read_only
from api.store.crypto import Vault
from api.store.fsck import fsck
from api.store.keyring import KeyRing
from api.store.log_writer import LogWriter, ReceiptDraft
from api.store.schema import migrate
from api.store.tables import Receipt
from chain.errors import FencedError
from chain.receipt import ReceiptKind
from tests.postgres import new_server
from tests.store.world import World

pytestmark = pytest.mark.slow
KILLS, SUBMITTERS, PATIENCE_S = 3, 6, 90.0
DRAFT = {"reason": "load"}


@pytest.fixture
def server() -> Iterator[Server]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    made = new_server()
    made.start()
    yield made
    made.remove()


class Load:
    """Callers that submit without a pause, and note what they were told."""

    def __init__(self, writer: LogWriter) -> None:
        self.writer = writer
        self.acknowledged: dict[str, int] = {}
        self.refused: set[str] = set()
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(SUBMITTERS)]

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                told = self.writer.submit(
                    lambda _, numberer: numberer.add(ReceiptDraft(ReceiptKind.REFUSAL, dict(DRAFT))), timeout_s=5.0
                )
            except (ApiError, FencedError) as error:
                self.refused.add(error.code)
                time.sleep(0.01)
            else:
                self.acknowledged[told.id] = told.number

    def goes_on(self) -> None:
        """Wait until more is acknowledged than now."""
        before, deadline = len(self.acknowledged), time.monotonic() + PATIENCE_S
        while len(self.acknowledged) < before + 2 * SUBMITTERS:
            assert time.monotonic() < deadline, "the writer does not go on"
            time.sleep(0.01)


def test_no_acknowledged_receipt_is_lost_with_the_server(server: Server, keys: KeyRing, vault: Vault) -> None:
    db = Database(server.create_database("killed"))
    migrate(db)
    world = World(db, keys, vault)
    writer = world.new_writer()
    writer.start()
    load = Load(writer)
    for thread in load.threads:
        thread.start()
    try:
        for _ in range(KILLS):
            load.goes_on()
            server.kill()
            time.sleep(0.3)
            server.start()
        load.goes_on()
    finally:
        load.stop.set()
        for thread in load.threads:
            thread.join()
        writer.stop()
    assert load.refused <= {"store.unavailable", "store.unconfirmed"}
    assert "store.unavailable" in load.refused, "the server was away"
    with read_only(db) as session:
        stored = dict(session.execute(select(Receipt.id, Receipt.number)).all())
    assert {name: stored.get(name) for name in load.acknowledged} == load.acknowledged
    assert sorted(stored.values()) == list(range(len(stored)))  # type: ignore[type-var]
    assert fsck(db, vault, world.log_public_key).findings == ()
    db.close()
