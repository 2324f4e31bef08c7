"""A reader of the README: has a checkout of their own, and does what the quick start says, in its order."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from api import lifeline

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"<!-- run(?P<background>: in the background[^>]*)? -->\n```sh\n(?P<lines>.*?)```", re.DOTALL)
LEFT_BEHIND = shutil.ignore_patterns(".git", ".venv", "data", "build", "dist", "node_modules", "*cache*", ".hypothesis")
LOCK_SUM = "cat requirements.lock pyproject.toml | cksum"  # as in scripts/setup
SERVICE, CHAIN = "http://127.0.0.1:8000", "http://127.0.0.1:8545"
SAYS_SERVICE = re.compile(r"Service\S*\s+(http://\S+)")
SAYS_CHAIN = re.compile(r"Chain RPC\S*\s+(http://\S+)")


@dataclass(frozen=True)
class Block:
    """A block of commands that the README tells its reader to run."""

    commands: str
    background: bool


def blocks(name: str) -> list[Block]:
    """The blocks that are marked as to be run, in order."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return [Block(found["lines"].strip(), bool(found["background"])) for found in BLOCK.finditer(text)]


def checkout(folder: Path) -> Path:
    """A copy of this checkout, without what is not part of it."""
    return Path(shutil.copytree(ROOT, folder / "mydata", ignore=LEFT_BEHIND))


def lend_environment(place: Path) -> None:
    """Give a checkout the environment that this test runs in, marked as being of the checkout's lock.

    Set-up then finds nothing to do, and cannot change what it was lent.
    """
    home = Path(sys.prefix)
    (place / ".venv").mkdir()
    for part in ("bin", "lib", "pyvenv.cfg"):
        (place / ".venv" / part).symlink_to(home / part)
    sums = subprocess.run(["sh", "-c", LOCK_SUM], cwd=place, capture_output=True, text=True, check=True)
    (place / ".venv" / ".locked").write_text(sums.stdout, encoding="utf-8")


class Reader:
    """Runs blocks in a checkout. Ports that others use are replaced as `mydata up` says."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.said = place.parent / "said.txt"
        self.url = self.rpc = ""
        self.running: subprocess.Popen[bytes] | None = None
        dropped = ("MYDATA_", "VIRTUAL_ENV", "PYTHON", "PYTEST")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        self.environment = {**kept, "COLUMNS": "200"}

    def start(self, block: Block, timeout_s: float) -> None:
        """Run a block in the background and wait until it says where it serves."""
        with self.said.open("ab") as out:
            environment, ends = lifeline.given(self.environment)
            self.running = subprocess.Popen(
                ["sh", "-euc", f"exec {block.commands}"],
                cwd=self.place,
                env=environment,
                pass_fds=ends,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout_s
        while not (found := SAYS_SERVICE.search(text := self.said.read_text(encoding="utf-8"))):
            assert self.running.poll() is None, f"it ended: {text}"
            assert time.monotonic() < deadline, f"it does not serve: {text}"
            time.sleep(0.2)
        chain = SAYS_CHAIN.search(text)
        assert chain is not None
        self.url, self.rpc = found[1], chain[1]

    def run(self, block: Block) -> str:
        """Run a block; what it printed. It must succeed."""
        commands = block.commands.replace(SERVICE, self.url).replace(CHAIN, self.rpc)
        done = subprocess.run(
            ["sh", "-euc", commands], cwd=self.place, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{commands}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def stop(self) -> None:
        """Ctrl-C; everything that was started must end."""
        assert self.running is not None
        family = [psutil.Process(self.running.pid), *psutil.Process(self.running.pid).children(recursive=True)]
        self.running.send_signal(signal.SIGINT)
        assert self.running.wait(120) == 0, self.said.read_text(encoding="utf-8")
        gone, left = psutil.wait_procs(family, timeout=60)
        assert len(gone) >= 4, "chain, worker, service and their supervisor"
        assert left == []
        self.running = None
        self.said.unlink()

    def abandon(self) -> None:
        """Whatever happened, leave nothing running."""
        if self.running is not None and self.running.poll() is None:
            family = psutil.Process(self.running.pid).children(recursive=True)
            self.running.kill()
            for process in family:
                if process.is_running():
                    process.kill()
