"""The README's example of the watermark alone is executed as it stands, and says what the text beside it says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme.quickstart import ROOT

EXAMPLE = re.compile(r"<!-- run: the watermark alone -->\n```sh\n(.*?)```", re.DOTALL)


def _example(name: str) -> str:
    found = EXAMPLE.search((ROOT / name).read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def _run(commands: str, folder: Path) -> subprocess.CompletedProcess[str]:
    assert commands.count("$(mktemp -d)") == 1
    commands = commands.replace("$(mktemp -d)", f"'{folder}'").replace(".venv/bin/python", sys.executable)
    return subprocess.run(["sh", "-euc", commands], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)


def test_both_languages_show_the_same_example() -> None:
    assert _example("README.md") == _example("README.zh.md")


@pytest.mark.slow
def test_the_example_names_the_copy(tmp_path: Path) -> None:
    done = _run(_example("README.md").replace("--html", "--decoys 20000 --html"), tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["outcome"] == "identified"
    assert [one["copy"] for one in report["accused"]] == ["copy_2"]
    assert "label" not in report["layers"]
    assert "What the report states is what its grounds give." in done.stdout
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")
