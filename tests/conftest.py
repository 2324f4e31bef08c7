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
LONG = (
    "engines/test_service_on_sealers.py",
    "flow/test_revocation_race.py",
    "fuzz/test_fuzz.py",
    "model/test_life.py",
    "api/test_ownership.py",
    "sweep/test_sweep.py",
    "contracts/test_invariants.py",
    "engines/test_sealers.py",
    "readme/test_quick_start.py",
)
"""Files that take minutes with `--full`; the two with four sealers each are not to meet on two cores."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stores", default="sqlite", help="stores that services are tested on: sqlite,postgresql")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "store" in metafunc.fixturenames:
        chosen = [name for name in STORES if name in metafunc.config.getoption("--stores").split(",")]
        if PAGES in metafunc.definition.path.parents:
            chosen = chosen[:1]
        metafunc.parametrize("store", chosen, indirect=True, scope="module")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of minutes begin first, so that no worker is left with one of them while the other has nothing to do."""
    here = f"{PAGES.parent.as_posix()}/"
    turns = {name: turn for turn, name in enumerate(LONG)}
    items.sort(key=lambda item: turns.get(item.path.as_posix().removeprefix(here), len(LONG)))


class FailuresAtOnce:
    """Writes a failure as it happens: a run that is cut off has then said what it knew."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One line for the test, and one for what was wrong."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if not report.failed or terminal is None:
            return
        wrong = [line for line in report.longreprtext.splitlines() if line.startswith("E ")]
        terminal.ensure_newline()
        terminal.write_line(f"FAILED {report.nodeid} ({report.when}, {report.duration:.0f} s)")
        terminal.write_line(wrong[0][:200] if wrong else report.longreprtext[-200:])


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        servers.hold(servers.run_root(config))
        config.pluginmanager.register(FailuresAtOnce(config))


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


@pytest.fixture
def one_store(store: str, pytestconfig: pytest.Config) -> None:
    """Leaves a test of minutes to one store: PostgreSQL where it is asked for, for that is what a city runs on."""
    if store != max(pytestconfig.getoption("--stores").split(","), key=STORES.index):
        pytest.skip("takes minutes; runs on the other store")


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
