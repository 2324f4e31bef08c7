"""Services to test against: `stack` is the real processes, `service` the same application in this process."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.demo import up
from tests import town


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory to copy, made once a run: workers of xdist wait for the one that is first."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder = root / "prepared"
    with (root / "prepared.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "prepared.done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            town.prepare(folder)
            (root / "prepared.done").touch()
    return folder


@pytest.fixture(scope="module")
def service(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[town.Service]:
    """The application in this process, on a real socket and a database of the module's own."""
    folder = tmp_path_factory.mktemp("service") / "data"
    shutil.copytree(prepared, folder)
    with town.running(folder) as running:
        yield running


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[up.Running]:
    """Devnet, worker and service as processes, as `mydata up` starts them; slow."""
    running = up.start(tmp_path_factory.mktemp("stack") / "data", port=0, chain_port=0)
    try:
        yield running
    finally:
        running.stack.stop()
