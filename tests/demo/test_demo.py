"""`mydata demo` holds on real processes, its JSON has the promised form, and one wrong name fails it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from api.cli import app
from api.demo import leaks, run

MAIN = ["return", "anchor", "request", "grant", "pull", "bulk", "leak", "trace", "verify", "revoke", "refuse"]
PEOPLE = ["seal", "holders", "counter", "less", "consent", "bindings", "duty", "contest", "delete", "notices", "looked"]
SOURCE = ["dispute", "correct"]
INTAKE = ["xlsx", "quality", "agent", "backfill"]
OVERSEERS = ["indicators", "flow", "alarm", "duties"]
OPERATORS = ["operate", "epoch"]
NAMES = [*MAIN, *PEOPLE, "replay", "erase", *SOURCE, *INTAKE, *OVERSEERS, "offers", *OPERATORS, "tamper"]


@pytest.mark.slow
def test_the_main_job_holds_and_says_so_in_json(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["demo", "--citizens", "60", "--records", "600", "--json", str(tmp_path / "demo.json")]
    )
    document = json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))
    assert result.exit_code == 0, document
    assert document["ok"] is True
    assert [step["name"] for step in document["steps"]] == NAMES
    for step in document["steps"]:
        assert step.keys() == {"name", "ok", "count", "seconds", "detail"}
        assert step["ok"] is True
        assert step["count"] > 0


@pytest.mark.full
def test_one_wrong_name_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = leaks.unrelated

    def one_expected_of_us(count: int = leaks.UNRELATED) -> list[leaks.Leak]:
        made = honest(count)
        return [replace(made[0], outcome="identified", entity="bank-reef"), *made[1:]]

    monkeypatch.setattr(leaks, "unrelated", one_expected_of_us)
    result = run.run(citizens=60, records=600, console=Console(quiet=True))
    by_name = {step["name"]: step for step in result["steps"]}
    assert result["ok"] is False
    assert by_name["trace"]["ok"] is False
    assert "unrelated 1" in by_name["trace"]["detail"]
    assert by_name["verify"]["ok"] is True
