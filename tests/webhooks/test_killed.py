"""kill -9 of the sender amid a delivery: the notice comes again, in the same bytes, until it is received."""

import os
import signal
import subprocess

import pytest

from api import lifeline
from tests.town import HARBOUR, Service, until
from tests.webhooks.receiver import Receiver


def sender(service: Service) -> "subprocess.Popen[bytes]":
    settings = service.settings
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MYDATA_")},
        "MYDATA_DATA_DIR": str(settings.data_dir),
        "MYDATA_DATABASE_URL": settings.database_url,
        "MYDATA_WEBHOOK_TIMEOUT_S": "1",
        "MYDATA_WEBHOOK_PAUSE_S": "0.01",
    }
    return lifeline.start(["tests.webhooks.child"], env=environment, stdout=subprocess.PIPE)


@pytest.mark.slow
def test_nothing_is_lost(service: Service, receiver: Receiver) -> None:
    machine = service.town.machine(HARBOUR)
    hook = machine.post("/v1/webhooks", {"url": receiver.url, "kinds": ["granted", "revoked"]})["id"]
    receiver.hold.clear()  # it takes messages in and does not answer
    grants = [service.grant(service.driver(at)) for at in range(3)]
    child = sender(service)
    try:
        assert receiver.arrived.wait(60), "the first message is on its way"
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        states = service.rows("SELECT state FROM notice_deliveries WHERE webhook_id = :hook", hook=hook)
        assert {str(row[0]) for row in states} == {"waiting"}, "nobody answered, so nothing is taken for delivered"
        taken_before = receiver.seen()
        receiver.hold.set()
        child = sender(service)
        sql = "SELECT COUNT(*) FROM notice_deliveries WHERE webhook_id = :hook AND state = 'delivered'"
        until(lambda: int(service.rows(sql, hook=hook)[0][0]) == 3, "every notice is received")
    finally:
        child.kill()
        child.wait(30)
        receiver.hold.set()
    assert {got.body["grant"] for got in receiver.got} == set(grants)
    assert len(receiver.seen()) == 3
    assert any(receiver.seen()[one] > 1 for one in taken_before), "what was under way came again"
    for one in receiver.seen():
        assert len({got.raw for got in receiver.got if got.id == one}) == 1
    machine.post(f"/v1/webhooks/{hook}/remove", {})
