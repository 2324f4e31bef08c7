"""Bad, malformed and hostile files: a clear answer each, no crash, no hang, bounded memory (`tests.intake.fuzz`)."""

import json
import subprocess
import sys

import pytest

from api.errors import ApiError
from tests.intake import fuzz


def test_some_hundred_spoilt_files() -> None:
    found = fuzz.run(range(300))
    assert found.crashes == []
    assert found.files == 300
    assert len(found.answers) >= 8, f"the files are too much alike: {found.answers}"
    assert found.answers["all rows taken"] < 200


def test_a_crash_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError

    monkeypatch.setattr(fuzz, "read_department_file", broken)
    assert len(fuzz.run(range(5)).crashes) == 5

    def unclear(*_: object, **__: object) -> None:
        raise ApiError("returns.said_nowhere")

    monkeypatch.setattr(fuzz, "read_department_file", unclear)
    assert [what for _, what in fuzz.run(range(2)).crashes] == [
        "AssertionError: a file without a text: returns.said_nowhere"
    ] * 2


@pytest.mark.full
def test_a_hundred_thousand() -> None:
    """In a process of its own, so that its memory is its own."""
    line = [sys.executable, "-m", "tests.intake.fuzz", "--files", "100000", "--minutes", "600"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert result["files"] == 100_000
    assert result["child_memory_mb"] < 2048
    assert result["own_memory_mb"][1] < 1024
