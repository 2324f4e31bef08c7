"""`python -m chain witness`, from its key to a proof of a fork."""

import argparse
import io
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from chain.witness import command
from chain.witness.folder import (
    create,
)
from tests.chain_effects.witnessed import STRANGER, Operator, grow
from tests.town import until
from tests.unit.chain.tile_log import TileLog


def run(*arguments: object, stop: threading.Event | None = None) -> tuple[int, str]:
    """The command, in this process."""
    parser = argparse.ArgumentParser()
    command.add_acts(parser)
    said = io.StringIO()
    code = command.run(parser.parse_args([str(one) for one in arguments]), Console(file=said, width=300), stop)
    return code, said.getvalue()


def test_the_command_from_key_to_proof(operator: Operator, tmp_path: Path) -> None:
    key = str(operator.log.public)
    a, b = tmp_path / "a", tmp_path / "b"
    code, said = run("init", a, "--name", "witness.example/a")
    assert (code, "witness.example/a+" in said) == (0, True)
    assert run("init", b, "--name", "witness.example/b")[0] == 0
    assert run("follow", a, "--url", operator.url, "--log-key", key, "--once")[0] == 0
    other = Operator(operator.log.fork(299, 320))
    try:
        assert run("follow", b, "--url", other.url, "--log-key", key, "--once")[0] == 0
        proof = tmp_path / "fork.json"
        code, said = run("compare", a, b, "--log-key", key, "--out", proof)
        assert (code, "日志分叉" in said, "The log forked" in said) == (1, True, True)
        code, said = run("check", proof, "--log-key", key)
        assert (code, operator.log.root(300).hex() in said) == (0, True)
        # The same from a shell, without service, chain or witness.
        line = [sys.executable, "-m", "chain", "witness", "check", str(proof), "--log-key", key]
        assert subprocess.run(line, capture_output=True, timeout=120, check=False).returncode == 0
        assert run("check", proof, "--log-key", str(TileLog([], key=STRANGER).public))[0] == 2
        # One who shows another tree, or none, helps nobody.
        assert run("compare", a, b, "--log-key", key, "--url", operator.url)[0] == 5
        c = tmp_path / "c"
        run("init", c, "--name", "c")
        following = ["follow", c, "--url", other.url, "--log-key", key, "--once"]
        assert run(*following, "--peer", tmp_path / "nobody")[0] == 0
        assert run(*following, "--peer", b, "--peer", a)[0] == 1, "its own log shows the larger tree"
        urls = ("--url", operator.url, "--url", other.url)
        assert run("compare", a, b / "checkpoint", "--log-key", key, *urls, "--out", tmp_path / "again.json")[0] == 1
        code, said = run("follow", a, "--url", other.url, "--log-key", key, "--once")
        assert (code, "日志分叉" in said) == (1, True)
        code, said = run("follow", a, "--url", operator.url, "--log-key", key)
        assert (code, "signs no more" in said) == (1, True)
    finally:
        other.close()


def test_the_command_where_histories_agree(operator: Operator, tmp_path: Path) -> None:
    key = str(operator.log.public)
    for name, size in (("a", 300), ("b", 700)):
        grow(operator, size)
        run("init", tmp_path / name, "--name", name)
        assert run("follow", tmp_path / name, "--url", operator.url, "--log-key", key, "--once")[0] == 0
    none = tmp_path / "fork.json"
    code, said = run("compare", tmp_path / "a", tmp_path / "b", "--log-key", key, "--out", none)
    assert (code, "300, 700" in said) == (0, True)
    assert not none.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["follow", "{folder}", "--url", "http://127.0.0.1:1/", "--log-key", "x", "--once"],
        ["follow", "{folder}", "--url", "http://127.0.0.1:1/", "--trust", "{folder}/none", "--once"],
        ["follow", "{folder}", "--url", "http://127.0.0.1:1/", "--log-key", "{key}", "--once"],
        ["follow", "{folder}", "--url", "http://127.0.0.1:1/", "--log-key", "{key}", "--rpc", "http://x", "--once"],
        ["check", "{folder}/none", "--log-key", "{key}"],
        ["compare", "{folder}", "{folder}", "--log-key", "{key}"],
        ["init", "{folder}", "--name", "two words"],
    ],
)
def test_wrong_use_is_told(operator: Operator, tmp_path: Path, arguments: list[str]) -> None:
    code, said = run(*(one.format(folder=tmp_path, key=operator.log.public) for one in arguments))
    assert code == 2
    assert "chain." not in said, "every reason has its words"


def test_following_goes_on_until_it_is_told_to_stop(operator: Operator, tmp_path: Path) -> None:
    create(tmp_path / "w", "w")
    line = ["follow", tmp_path / "w", "--url", operator.url, "--log-key", operator.log.public, "--every", "0.05"]
    stop, found = threading.Event(), []
    thread = threading.Thread(target=lambda: found.append(run(*line, stop=stop)))
    thread.start()
    try:
        until(lambda: len(operator.taken) == 1, "the first checkpoint is co-signed")
        operator.status = 500
        grow(operator, 400)
        operator.status = 200
        until(lambda: len(operator.taken) == 2, "the next one is")
    finally:
        stop.set()
        thread.join(60)
    assert [code for code, _ in found] == [0]
