"""A short crash sweep is sound, and one with a planted fault is not."""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.demo.postgres import store_url
from api.demo.sweep import __main__ as command
from api.demo.sweep.run import Plan, Swept, chain_and_parties, sweep
from api.demo.sweep.sites import swept_points
from api.errors import ApiError
from api.settings import Settings

FEW = (
    "committed:log_writer/LogWriter._round",
    "committed:journal/SqlTxJournal.reserve",
    "relay/broadcast_done",
    "commit:returns/seal_checked",
    "pull/released",
)


@contextlib.contextmanager
def place(folder: Path, choice: str) -> Iterator[Settings]:
    try:
        with store_url(choice) as url, chain_and_parties(folder / "data", url) as settings:
            yield settings
    except ApiError as error:
        if error.code == "launch.no_postgresql":
            pytest.skip("PostgreSQL's server is not installed")
        raise


def run(folder: Path, plan: Plan, choice: str = "") -> Swept:
    with place(folder, choice) as settings:
        return sweep(settings, plan)


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_at_a_few_points_and_a_planted_fault_is_found(tmp_path: Path) -> None:
    """The fault: an outbox row is closed before its transaction is durable."""
    with place(tmp_path, "") as settings:
        swept = sweep(settings, Plan(FEW, jobs=10, each=1))
        assert (swept.found.lost, swept.found.doubled, swept.found.findings) == ([], [], [])
        assert swept.unreached == []
        assert {point for point in FEW if swept.hit[point]} == set(FEW)
        assert sum(swept.jobs.values()) >= 10
        assert set(swept.jobs) == {"return", "grant", "pull", "anchor", "revoke"}
        plant = "closed-before-prepared"
        swept = sweep(settings, Plan(("relay/simulated",), 1, each=1, plant=plant, patience_s=20.0, first=50))
        assert any(one.startswith(("announcement", "registration", "root")) for one in swept.found.lost)
        assert not swept.sound


@pytest.mark.full
def test_a_transaction_that_is_sent_before_it_is_stored_is_found_doubled(tmp_path: Path) -> None:
    plan = Plan(("planted/sent",), jobs=1, each=1, minutes=2, callers=1, plant="sent-before-stored", patience_s=60.0)
    swept = run(tmp_path, plan)
    assert swept.found.doubled
    assert not swept.sound


@pytest.mark.parametrize(
    "choice", [pytest.param("", marks=pytest.mark.soak), pytest.param("postgresql", marks=pytest.mark.full)]
)
def test_every_point_on_either_store(choice: str, tmp_path: Path) -> None:
    points = swept_points()
    swept = run(tmp_path, Plan(points, jobs=100, each=1), choice)
    assert (swept.found.lost, swept.found.doubled, swept.found.findings) == ([], [], [])
    assert swept.unreached == []
    assert {point for point in points if swept.hit[point]} == set(points)


def test_the_command_lists_its_points_and_refuses_an_unknown_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["crash_sweep", "--list"])
    assert command.main() == 0
    assert capsys.readouterr().out.split() == swept_points()
    monkeypatch.setattr(sys, "argv", ["crash_sweep", "--plant", "none"])
    with pytest.raises(SystemExit):
        command.main()


def test_the_report_has_the_form_that_is_promised() -> None:
    swept = Swept()
    swept.jobs.update(["return", "grant"])
    swept.armed["relay/sign"] += 3
    swept.hit["relay/sign"] += 2
    swept.found.lost.append("a")
    report = json.loads(json.dumps(swept.to_json("sqlite")))
    assert (report["jobs"], report["kills"], report["lost"], report["doubled"]) == (2, 2, 1, 0)
    assert (report["points"], report["points_hit"]) == ({"relay/sign": 3}, {"relay/sign": 2})
    assert not swept.sound
