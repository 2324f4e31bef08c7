"""Points do nothing unless armed, kill where they are told, and cannot be armed in production."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.settings import Environment, Settings
from api.store.database import Database, unit_of_work
from chain import points


@pytest.fixture
def seen():
    """The points that this test reaches; a thread of another test's may still be on its way."""
    names: list[str] = []
    own = threading.get_ident()
    points.arm(lambda name: names.append(name) if threading.get_ident() == own else None)
    yield names
    points.arm(None)


def test_a_commit_is_named_after_the_function_whose_transaction_it_is(tmp_path: Path, seen: list[str]) -> None:
    db = Database(f"sqlite:///{tmp_path / 'a.sqlite3'}")

    class Owner:
        def write(self) -> None:
            with unit_of_work(db):
                points.reached("inside")

    Owner().write()
    name = "test_points/test_a_commit_is_named_after_the_function_whose_transaction_it_is.<locals>.Owner.write"
    assert seen == ["inside", f"commit:{name}", f"committed:{name}"]
    with pytest.raises(ZeroDivisionError), unit_of_work(db):
        raise ZeroDivisionError
    assert len(seen) == 3, "what was rolled back was not committed"
    db.close()


def test_a_process_dies_at_its_point_and_not_before() -> None:
    script = (
        "from chain import points\n"
        "points.arm(points.kill_at('here@2'))\n"
        "for name in ('there', 'here', 'there', 'here', 'after'):\n"
        "    print(name, flush=True)\n"
        "    points.reached(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ)
    assert (done.returncode, done.stdout.split()) == (-signal.SIGKILL, ["there", "here", "there", "here"])


def test_production_refuses_a_crash_point() -> None:
    sound = {
        "environment": Environment.PRODUCTION,
        "identity_provider": "oidc",
        "oidc_issuer": "https://id.example",
        "oidc_client_id": "mydata",
        "engine": "besu",
        "public_url": "https://mydata.example",
    }
    assert Settings(**sound).crash_point == ""
    with pytest.raises(ValidationError, match=r"settings\.crash_point_in_production"):
        Settings(**sound, crash_point="relay/signed")
