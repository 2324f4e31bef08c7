"""What the documents point at exists: files, folders, tests, pictures, links between documents."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.tables import DOCS, ROOT

DOCUMENTS = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
TOPS = ("api", "chain", "watermark", "contracts", "hardhat-free-devnet", "scripts", "tests", "docs", ".ci")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
TEST = re.compile(r"^(tests/[\w/.-]+\.py)::(\w+)$")
PLACE = re.compile(rf"^(?:{'|'.join(re.escape(top) for top in TOPS)})/[\w./-]*$")


def paths_in(text: str) -> set[str]:
    """Everything in backticks that is a path of this checkout."""
    words = (word for quoted in CODE.findall(text) for word in quoted.replace(":", " ").split(" "))
    return {word.rstrip(".,;") for word in words if PLACE.fullmatch(word)}


def named_tests(text: str) -> set[tuple[str, str]]:
    return {(found[1], found[2]) for quoted in CODE.findall(text) if (found := TEST.match(quoted))}


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def missing(text: str, folder: Path) -> list[str]:
    lost = [path for path in paths_in(text) if not (ROOT / path).exists()]
    lost += [
        f"{path}::{name}"
        for path, name in named_tests(text)
        if not (ROOT / path).exists() or name not in functions(ROOT / path)
    ]
    links = (link for link in LINK.findall(text) if "://" not in link)
    return sorted(lost + [link for link in links if not (folder / link).exists()])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_everything_named_exists(document: Path) -> None:
    assert missing(document.read_text(encoding="utf-8"), document.parent) == []


def test_what_does_not_exist_is_found() -> None:
    text = "`api/nowhere.py` [x](gone.md) `tests/docs/test_references.py::test_gone` `api/settings.py`"
    assert missing(text, DOCS) == ["api/nowhere.py", "gone.md", "tests/docs/test_references.py::test_gone"]


def test_every_threat_names_a_test() -> None:
    text = (DOCS / "threat-model.md").read_text(encoding="utf-8")
    rows = [row for row in text.splitlines() if row.startswith("| ") and not row.startswith("| who ")]
    assert len(rows) > 20
    assert [row for row in rows if "`tests/" not in row.rsplit("|", 2)[1]] == []


def test_every_decision_says_what_holds_it() -> None:
    records = sorted((DOCS / "decisions").glob("0*.md"))
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    assert len(records) >= 10
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert "`tests/" in text.split("**Held by.**")[1], record.name
        title = text.splitlines()[0].removeprefix(f"# {record.name[:4]} ")
        assert f"]({record.name}) | {title} |" in index, record.name
        assert len(text.splitlines()) <= 60, "one page"
