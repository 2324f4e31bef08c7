"""Import rules: they hold, and each of them turns red over a planted violation."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLANTED = {
    "chain and watermark know neither api nor one another": ("chain/canonical.py", "import api.errors"),
    "chain and watermark are independent": ("watermark/keys.py", "import chain.merkle"),
    "no product code imports devnet, and devnet imports no product code": ("api/services/status.py", "import devnet"),
    "api: roots over edges over services over store over policy": ("api/policy/decide.py", "import api.store.clock"),
    "portals do not know one another": ("api/portals/citizen.py", "import api.portals.regulator"),
    "chain: effects over ports over pure modules": ("chain/merkle.py", "import chain.node"),
    "web3 is known to chain.node alone": ("chain/receipt.py", "import web3"),
    "SQLAlchemy is known to api.store alone": ("api/services/log.py", "import sqlalchemy"),
    "FastAPI is known to http, portals and main alone": ("api/services/parties.py", "import fastapi"),
    "the entities' client knows nothing of the server": ("api/client/signing.py", "import api.errors"),
}


def lint(folder: Path) -> tuple[int, set[str], set[str]]:
    """(exit code, rules kept, rules broken)."""
    command = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "400", "NO_COLOR": "1"}
    done = subprocess.run(
        [command, "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    lines = [line.strip() for line in done.stdout.splitlines()]
    kept = {line.removesuffix(" KEPT") for line in lines if line.endswith(" KEPT")}
    broken = {line.removesuffix(" BROKEN") for line in lines if line.endswith(" BROKEN")}
    assert kept | broken, done.stdout + done.stderr
    return done.returncode, kept, broken


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    for package in ("api", "chain", "watermark"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "hardhat-free-devnet" / "devnet", folder / "devnet")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_every_rule_holds_and_is_planted_here(checkout: Path) -> None:
    code, kept, broken = lint(checkout)
    assert (code, broken) == (0, set())
    assert kept == set(PLANTED), "a rule without a planted violation below is not known to work"


@pytest.mark.parametrize("rule", PLANTED)
def test_a_planted_violation_turns_its_rule_red(rule: str, checkout: Path) -> None:
    name, line = PLANTED[rule]
    path = checkout / name
    before = path.read_text("utf-8")
    path.write_text(f"{before}\n{line}\n", "utf-8")
    try:
        code, _, broken = lint(checkout)
    finally:
        path.write_text(before, "utf-8")
    assert code != 0
    assert rule in broken
