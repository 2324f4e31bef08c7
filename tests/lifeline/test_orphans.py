"""Nobody is left behind: what a killed supervisor, program or test run had started ends, and nothing is lost by it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from api.demo import flow
from api.demo.flow import Town
from api.demo.postgres import missing
from api.settings import Settings
from tests.nodes import engines
from tests.town import CLAIM, HARBOUR, small_city

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
SAYS_SERVICE = re.compile(r"Service\S*\s+(http://\S+)")

OWNER = """
import sys, time
from pathlib import Path
from api import lifeline
from api.demo.postgres import Server
child = lifeline.start(["http.server", "0", "--bind", "127.0.0.1"])
stubborn = lifeline.start(["tests.lifeline.stubborn"])
server = Server.create()
server.start()
Path(sys.argv[1]).write_text(f"{child.pid} {stubborn.pid} {server.process.pid} {server.guard.pid} {server.folder}")
time.sleep(600)
"""
INNER = """
import os, time
from pathlib import Path

def test_waits(postgres):
    said = f"{os.getpid()} {(postgres.data / 'postmaster.pid').read_text().split()[0]} {postgres.folder}"
    part = Path(os.environ["SAID"] + ".part")
    part.write_text(said)
    part.rename(os.environ["SAID"])
    time.sleep(600)
"""


def until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not ready():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


@contextmanager
def running(line: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *line],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def gone(pids: list[int]) -> bool:
    """Whether none of these lives any more; one that nobody has waited for does not."""
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


def end_of(pids: list[int]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if gone(pids):
                return
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.1)
    raise AssertionError(f"still there: {[psutil.Process(pid).cmdline() for pid in pids if psutil.pid_exists(pid)]}")


@contextmanager
def supervised(data: Path, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`mydata up` on a data directory, and where its service answers."""
    log.unlink(missing_ok=True)
    with running(["-m", "api.cli", "up", "--data", str(data), "--no-seed"], log, COLUMNS="200") as process:
        until(lambda: SAYS_SERVICE.search(log.read_text()) is not None, process, log)
        found = SAYS_SERVICE.search(log.read_text())
        assert found is not None
        yield process, found[1]


def town(data: Path, url: str) -> Town:
    return Town(Settings(data_dir=data, port=int(url.rsplit(":", 1)[1])), url)


def test_a_killed_supervisor_takes_its_children_along_and_loses_nothing(prepared: Path, tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "up.log"
    shutil.copytree(prepared, data)
    person = small_city().persons[0]
    with supervised(data, log) as (process, url):
        children = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        assert len(children) >= 3, "chain, worker and service"
        asked = flow.ask(
            town(data, url), HARBOUR, person.number, "insurance.motor.claims", CLAIM, case_no="K-9", days=9, uses=1
        )
        process.send_signal(signal.SIGKILL)
        process.wait()
        end_of(children)
    with supervised(data, log) as (process, url):
        kept = town(data, url).machine(HARBOUR).get("/v1/requests")["items"]
        assert asked.id in [item["id"] for item in kept], "what was acknowledged stands"
        children = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert gone(children)


def test_a_killed_program_leaves_neither_child_nor_server(tmp_path: Path) -> None:
    if missing() is not None:
        pytest.skip(str(missing()))
    said, log = tmp_path / "said", tmp_path / "log"
    with running(["-c", OWNER, str(said)], log) as process:
        until(lambda: said.exists() and said.stat().st_size > 0, process, log)
        *pids, folder = said.read_text().split()
        process.send_signal(signal.SIGKILL)
        process.wait()
        end_of([int(pid) for pid in pids])
    assert not Path(folder).exists()


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "with workers"])
def test_a_killed_test_run_leaves_nothing(workers: list[str], tmp_path: Path) -> None:
    if missing() is not None:
        pytest.skip(str(missing()))
    said, log = tmp_path / "said", tmp_path / "log"
    (tmp_path / "test_inner.py").write_text(INNER)
    line = ["-m", "pytest", "-q", "-p", "tests.conftest", "-c", str(ROOT / "pyproject.toml"), *workers]
    line += ["--rootdir", str(ROOT), "--basetemp", str(tmp_path / "base"), str(tmp_path / "test_inner.py")]
    with running(line, log, SAID=str(said)) as process:
        until(said.exists, process, log)
        test, server, folder = said.read_text().split()
        process.send_signal(signal.SIGKILL)
        process.wait()
        end_of([int(test), int(server)])
    deadline = time.monotonic() + PATIENCE_S
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(folder).exists()


def test_a_killed_devnet_takes_anvil_along() -> None:
    reason = engines.anvil_missing()
    if reason is not None:
        pytest.skip(reason)
    if sys.platform != "linux":
        pytest.skip("only Linux ends a program that is not ours with its parent")
    engine = engines.start_anvil()
    (anvil,) = psutil.Process(engine.process.pid).children()
    engine.process.kill()
    engine.process.wait()
    end_of([anvil.pid])
