"""A service whose notices are tried again soon, and a receiver for each test."""

from collections.abc import Iterator

import pytest

from tests import town
from tests.conftest import Places
from tests.town import Service
from tests.webhooks.receiver import Receiver


@pytest.fixture(scope="module")
def service(store: str, places: Places) -> Iterator[Service]:
    folder, url = places.prepared(store)
    settings = {"webhook_timeout_s": 3.0, "webhook_pause_s": 0.01, "webhook_attempts": 3}
    with town.running(folder, database_url=url, **settings) as running:
        yield running


@pytest.fixture
def receiver(service: Service) -> Iterator[Receiver]:
    found = Receiver(f"{service.url}/.well-known/jwks.json").start()
    yield found
    found.stop()
