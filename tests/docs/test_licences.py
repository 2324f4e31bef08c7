"""No licence reaches us that we do not name, and the lock holds what runs."""

import re
from importlib.metadata import distribution

from packaging.requirements import Requirement

from tests.docs.tables import DOCS, ROOT, licence, normal, runtime_packages

ROW = re.compile(r"^\| ([a-z0-9-]+) \| (\S.*) \|$", re.MULTILINE)
STRONG = re.compile(r"\b(?:A?GPL|GNU (?:Affero )?General Public|SSPL|BUSL)", re.IGNORECASE)
LESSER = re.compile(r"\bLGPL|Lesser General Public", re.IGNORECASE)
NAMED_LESSER = {"psycopg", "psycopg-binary", "python-stdnum"}


def stated() -> dict[str, str]:
    return dict(ROW.findall((DOCS / "licences.md").read_text(encoding="utf-8")))


def locked() -> set[str]:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return {normal(name) for name in re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==", text, re.MULTILINE)}


def test_every_runtime_package_stands_there_with_its_licence() -> None:
    installed = {name: licence(package) for name, package in runtime_packages().items()}
    assert len(installed) > 60
    assert all(installed.values()), "a package that states no licence"
    table = stated()
    del table["package"]
    assert {name: table.get(name) for name in installed} == installed, "write it anew: python -m tests.docs.tables"
    # What other platforms and versions of Python need may stand there as well, if it is locked.
    assert set(table) <= set(installed) | locked()


def test_no_copyleft_that_reaches_us() -> None:
    assert STRONG.search("GNU General Public License v3 (GPLv3)")
    assert STRONG.search("AGPL-3.0-only")
    assert not STRONG.search("LGPL-2.1-or-later")
    lesser = set()
    for name, package in runtime_packages().items():
        words = licence(package)
        if LESSER.search(words):
            lesser.add(name)
        else:
            assert not STRONG.search(words), (name, words)
    assert lesser == NAMED_LESSER
    assert all(name in (DOCS / "licences.md").read_text(encoding="utf-8") for name in lesser)


def test_lock_names_every_runtime_package() -> None:
    assert set(runtime_packages()) <= locked()
    direct = [Requirement(line) for line in distribution("mydata").requires or []]
    assert {normal(item.name) for item in direct if item.marker is None} <= locked()


def test_every_locked_package_has_hashes() -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    pinned = [block for block in blocks if "==" in block.split("\n")[0] and not block.startswith("#")]
    assert len(pinned) > 90
    assert [block.split("\n")[0] for block in pinned if "--hash=sha256:" not in block] == []


def test_notice_names_what_our_files_carry() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for name in ("OpenZeppelin Contracts 5.0.2", "Noto Sans SC", "SIL Open Font License"):
        assert name in notice
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
