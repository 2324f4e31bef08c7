"""kill -9 under load: every acknowledged receipt stands, the log is whole, and a successor goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from api.store import read_only
from api.store.fsck import fsck
from api.store.tables import Receipt
from tests.store.world import World

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_no_acknowledged_receipt_is_lost(world: World, tmp_path: Path) -> None:
    acknowledged: dict[str, int] = {}
    for kill in range(5):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.store.loaded",
                world.db.url.render_as_string(hide_password=False),
                str(tmp_path / "keys"),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        time.sleep(0.15 + 0.07 * kill)
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        for line in lines:
            if line.endswith("\n"):
                number, name = line.split()
                acknowledged[name] = int(number)
    assert len(acknowledged) > 50
    with read_only(world.db) as session:
        stored = dict(session.execute(select(Receipt.id, Receipt.number)).all())
    assert {name: stored.get(name) for name in acknowledged} == acknowledged
    assert sorted(stored.values()) == list(range(len(stored)))  # type: ignore[type-var]
    assert fsck(world.db, world.vault, world.log_public_key).findings == ()
