"""Services to test against: `stack` is the real processes, `service` the same application in this process.

Both stand on SQLite, and with `--stores=sqlite,postgresql` on PostgreSQL as well, every test once on each.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.demo import up
from api.demo.postgres import Server
from tests import postgres as servers
from tests import town

STORES = ("sqlite", "postgresql")
# What pages look like does not depend on the store, and browsers take their time.
PAGES = Path(__file__).parent / "portals"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stores", default="sqlite", help="stores that services are tested on: sqlite,postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "store" in metafunc.fixturenames:
        chosen = [name for name in STORES if name in metafunc.config.getoption("--stores").split(",")]
        if PAGES in metafunc.definition.path.parents:
            chosen = chosen[:1]
        metafunc.parametrize("store", chosen, indirect=True, scope="module")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        servers.end(servers.run_root(config))


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Server:
    """The run's PostgreSQL server; skips where its binaries are missing."""
    return servers.shared(servers.run_root(pytestconfig))


@pytest.fixture(scope="module")
def store(request: pytest.FixtureRequest) -> str:
    """Which store the module's service stands on: `sqlite` or `postgresql`."""
    return str(request.param)


def _prepared(root: Path, name: str, url: str) -> Path:
    """A data directory to copy, made once a run: workers of xdist wait for the one that is first."""
    folder = root / name
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / f"{name}.done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            town.prepare(folder, url)
            (root / f"{name}.done").touch()
    return folder


@pytest.fixture(scope="session")
def prepared(pytestconfig: pytest.Config) -> Path:
    """A data directory to copy, its database in it."""
    return _prepared(servers.run_root(pytestconfig), "prepared", "")


class Places:
    """Data directories of services, on either store; what was made for them is cleaned up at the end."""

    def __init__(self, request: pytest.FixtureRequest, name: str) -> None:
        self._request = request
        self._folders: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        self._name = name
        self._databases: list[tuple[Server, str]] = []

    def prepared(self, store: str) -> tuple[Path, str]:
        """A copy of the prepared data directory, and the URL of its database ("" where that is in it)."""
        folder = self._folders.mktemp(self._name) / "data"
        if store == "sqlite":
            shutil.copytree(self._request.getfixturevalue("prepared"), folder)
            return folder, ""
        server: Server = self._request.getfixturevalue("postgres")
        root = servers.run_root(self._request.config)
        made = _prepared_on(server, root)
        shutil.copytree(made, folder)
        return folder, self._database(server, "prepared")

    def empty(self, store: str) -> tuple[Path, str]:
        """A new data directory, and the URL of an empty database."""
        folder = self._folders.mktemp(self._name) / "data"
        if store == "sqlite":
            return folder, ""
        return folder, self._database(self._request.getfixturevalue("postgres"), "template1")

    def _database(self, server: Server, template: str) -> str:
        name = f"{self._name}_{os.urandom(6).hex()}"
        self._databases.append((server, name))
        return server.create_database(name, template)

    def clean(self) -> None:
        """Drop the databases."""
        for server, name in self._databases:
            server.drop_database(name)


def _prepared_on(server: Server, root: Path) -> Path:
    name = "prepared_postgresql"
    with (root / f"{name}.first.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / f"{name}.done").exists():
            server.drop_database("prepared")
            server.create_database("prepared")
        return _prepared(root, name, server.url("prepared"))


@pytest.fixture(scope="module")
def places(request: pytest.FixtureRequest) -> Iterator[Places]:
    """Data directories of the module's services."""
    made = Places(request, "service")
    yield made
    made.clean()


@pytest.fixture(scope="module")
def service(store: str, places: Places) -> Iterator[town.Service]:
    """The application in this process, on a real socket and a database of the module's own."""
    folder, url = places.prepared(store)
    with town.running(folder, database_url=url) as running:
        yield running


@pytest.fixture(scope="module")
def stack(store: str, places: Places) -> Iterator[up.Running]:
    """Devnet, worker and service as processes, as `mydata up` starts them; slow."""
    folder, url = places.empty(store)
    running = up.start(folder, port=0, chain_port=0, database_url=url)
    try:
        yield running
    finally:
        running.stack.stop()
