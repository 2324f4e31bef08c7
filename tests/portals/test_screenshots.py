"""Every page has its picture in the documentation, and every picture its page: by name, never by pixels."""

import re
from pathlib import Path

from tests.docs.tables import DOCS, ROOT
from tests.portals.samples import samples
from tests.portals.screenshot_index import CHAPTERS, STORIES, index_text

FOLDER = DOCS / "screenshots"
TEMPLATES = ROOT / "api" / "portals" / "templates"
SHOWN = [name for chapter in CHAPTERS for name, _ in chapter.pages]
MOST_BYTES = 8_000_000


def pages(folder: Path) -> set[str]:
    """The templates that are pages: what others extend is none."""
    texts = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}
    bases = {found for text in texts.values() for found in re.findall(r'{% extends "([\w/]+\.html)"', text)}
    return set(texts) - bases


def test_every_template_is_shown() -> None:
    template_of = {sample.name: sample.template for sample in samples("en")}
    assert [name for name in SHOWN if name not in template_of] == []
    assert sorted(pages(TEMPLATES) - {template_of[name] for name in SHOWN}) == []


def test_a_page_that_is_not_shown_is_found(tmp_path: Path) -> None:
    (tmp_path / "citizen").mkdir()
    (tmp_path / "citizen" / "base.html").write_text("<main>", encoding="utf-8")
    (tmp_path / "citizen" / "new.html").write_text('{% extends "citizen/base.html" %}', encoding="utf-8")
    assert pages(tmp_path) == {"citizen/new.html"}


def test_pictures_and_pages_are_the_same() -> None:
    assert len(SHOWN) == len(set(SHOWN))
    wanted = {f"{name}.webp" for name in SHOWN}
    wanted |= {f"service-{name}.{lang}.webp" for name, _ in STORIES for lang in ("zh", "en")}
    assert {path.name for path in FOLDER.iterdir()} == wanted | {"README.md"}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MOST_BYTES


def test_the_index_is_made_of_the_list() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert text == index_text(), "python -m tests.portals.screenshots docs/screenshots none"
    assert all(f"]({name}.webp)" in text for name in SHOWN)
