"""A process that holds keys keeps its memory to itself in production, before it has read any of them."""

import subprocess
import sys

import pytest

from api import main, wiring, worker
from api.settings import Environment, Settings
from watermark import locks


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows whether a process is dumpable")
def test_production_is_not_dumpable_and_development_is() -> None:
    code = (
        "import ctypes, sys; from api.settings import Environment, Settings; from api.wiring import guard\n"
        "guard(Settings.model_construct(environment=Environment(sys.argv[1])))\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    said = [
        subprocess.run([sys.executable, "-c", code, name.value], capture_output=True, text=True, check=True).stdout
        for name in (Environment.PRODUCTION, Environment.DEVELOPMENT)
    ]
    assert said == ["0\n", "1\n"]


@pytest.mark.parametrize("root", [main, worker], ids=["service", "worker"])
def test_service_and_worker_begin_with_it(root: object, monkeypatch: pytest.MonkeyPatch) -> None:
    class _GuardedError(Exception):
        pass

    def guard(_settings: Settings) -> None:
        raise _GuardedError

    def too_early(*_: object) -> None:
        raise AssertionError("keys were read before")

    monkeypatch.setattr(root, "Settings", lambda: Settings.model_construct(crash_point=None))
    monkeypatch.setattr(root, "guard", guard)
    monkeypatch.setattr(root, "wire", too_early)
    monkeypatch.setattr(root.threading, "excepthook", root.threading.excepthook)
    with pytest.raises(_GuardedError):
        root.main()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows whether a process is dumpable")
def test_a_department_s_agent_is_not_dumpable_before_it_reads_its_keys() -> None:
    code = (
        "import ctypes, sys; from pathlib import Path; from rich.console import Console\n"
        "from api.agent import keys, line\n"
        "keys.load = lambda _: sys.exit(str(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)))\n"
        "here = Path('.')\n"
        "line.run(here, '', here, here, make_keys=False, once=True, demo=sys.argv[1] == 'demo', console=Console())"
    )
    said = [
        subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=False).stderr
        for name in ("real", "demo")
    ]
    assert [text.strip() for text in said] == ["0", "1"]


def test_a_system_without_a_filter_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("watermark.confinement._said", main.threading.Event())
    monkeypatch.setattr(locks, "offered", frozenset)
    for _ in range(2):
        wiring.guard(Settings.model_construct(environment=Environment.DEVELOPMENT))
    assert caplog.text.count("without a filter") == 1
