"""Rules that no linter of ours knows, each shown to find what it looks for."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("api", "chain", "watermark", "hardhat-free-devnet")
# The devnet is a program of its own, with a store of its own.
ONE_STORE = ("api", "chain", "watermark")
DOCUMENTED = ("chain", "watermark", "api/policy")
SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(?P<rest>.*)")
CODES = re.compile(r"^(?:\[[a-z0-9, -]+\]|:\s*[A-Z]+[0-9]+(?:\s*,\s*[A-Z]+[0-9]+)*)")
# Names of machines and accounts, and hosts that packages come from: none of them belongs into a checkout.
FOREIGN = re.compile(
    rb"(?<![\w.])/(?:root|home/\w+|Users/\w+|work/\w+)/|(?:pypi|npmjs|pythonhosted|crates)\.(?:org|io)\b|proxy\.golang"
)


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return found


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.split(b"\0")
    if len(listed) < 2:
        pytest.skip("not a git checkout: what is tracked is not known")
    return [path for name in listed if name and (path := ROOT / name.decode()).is_file()]


def commits(source: str) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]


def test_commit_stands_in_one_file() -> None:
    assert commits("def f(s):\n    s.commit()\n") == [2]
    found = {path.relative_to(ROOT).as_posix() for path in sources(*ONE_STORE) if commits(path.read_text("utf-8"))}
    assert found == {"api/store/database.py"}


def unexplained(text: str) -> list[int]:
    """Lines that suppress a check without its code or without a reason, beside it or in a comment above."""
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        suppression = SUPPRESSION.search(line)
        if suppression is None:
            continue
        rest = suppression["rest"]
        coded = CODES.match(rest)
        reason = rest[coded.end() :].strip(" #-") if coded else ""
        above = number > 1 and lines[number - 2].lstrip().startswith("# ")
        if not coded or (len(reason) < 4 and not above):
            found.append(number)
    return found


def test_every_suppression_names_its_code_and_its_reason() -> None:
    assert unexplained("a = 1  # noqa\nb = 2  # noqa: S101\nc = 3  # type: ignore\n") == [1, 2, 3]
    assert unexplained("a = 1  # noqa: S101 - it is so\nb = 2  # type: ignore[arg-type]  # checked above\n") == []
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources(*PRODUCT)
        for line in unexplained(path.read_text("utf-8"))
    }
    assert found == set()


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Public functions, classes and methods without a docstring; overloads and overrides of nothing are none."""

    def walk(body: list[ast.stmt], inside: str) -> Iterator[str]:
        for node in body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if node.name.startswith("_"):
                continue
            if ast.get_docstring(node) is None:
                yield f"{inside}{node.name}"
            if isinstance(node, ast.ClassDef):
                yield from walk(node.body, f"{inside}{node.name}.")

    yield from walk(tree.body, "")


def test_every_public_name_of_chain_watermark_and_policy_is_documented() -> None:
    planted = ast.parse("class A:\n    '''x'''\n    def f(self): ...\n    def _g(self): ...\ndef h(): ...\n")
    assert list(undocumented(planted)) == ["A.f", "h"]
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources(*DOCUMENTED)
        for name in undocumented(ast.parse(path.read_text("utf-8")))
    }
    assert found == set()


def test_scripts_are_launchers() -> None:
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix]
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in scripts}
    assert {"run", "setup", "test"} <= set(lengths)
    assert {name: lines for name, lines in lengths.items() if lines > 20} == {}


def test_no_machine_and_no_registry_is_named() -> None:
    for planted in (
        b"see /ro" + b"ot/x/",
        b"from /home/me/repo",
        b"index https://py" + b"pi.org/simple",
        b"registry.np" + b"mjs.org",
    ):
        assert FOREIGN.search(planted), planted
    assert not FOREIGN.search(b"docs/work/x api/home/page")
    found = {
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if path != Path(__file__) and FOREIGN.search(path.read_bytes())
    }
    assert found == set()


def test_files_stay_small() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in sources(*PRODUCT)
        if (lines := len(path.read_text("utf-8").splitlines())) > 500
    }
    assert long == {}
