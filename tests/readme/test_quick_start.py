"""The README's quick start is executed as a reader would, in a checkout with a data directory of its own."""

import json
import re
import shutil
import time
from pathlib import Path

import pytest

from api.demo.client import Person
from tests.readme.quickstart import ROOT, Block, Reader, blocks, checkout, lend_environment

READMES = ("README.md", "README.zh.md")


def test_both_languages_say_the_same() -> None:
    english, chinese = (blocks(name) for name in READMES)
    assert english == chinese
    assert [block.background for block in english] == [True, False, False, False]
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in READMES]
    for mark in (r"^## ", r"^\| `mydata [a-z-]+", r"^\d+\. ", r"^- ", r"\]\(docs/[a-z-]+(?:/README)?\.md"):
        counts = [len(re.findall(mark, text, re.MULTILINE)) for text in texts]
        assert counts[0] == counts[1] > 0, mark


def test_every_command_stands_in_both() -> None:
    from typer.main import get_command

    from api.cli import app

    commands = set(get_command(app).commands)  # type: ignore[attr-defined]  # a group, as there are several
    for name in READMES:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert set(re.findall(r"^\| `mydata ([a-z-]+)", text, re.MULTILINE)) == commands, name


def save_proof(reader: Reader) -> int:
    """Save as proof.json what a certificate's button *Save the proof file* gives; how many certificates there are."""
    (first, *_) = json.loads((reader.place / "data" / "identities.json").read_text(encoding="utf-8"))
    person = Person(reader.url).sign_in(role="citizen", kind=first["kind"], number=first["number"], name=first["name"])
    try:
        deadline = time.monotonic() + 120
        while True:
            held = person.get("/v1/certificates")["items"]
            if all(item["anchor_state"] == "anchored" for item in held):
                break
            assert time.monotonic() < deadline, "certificates are not anchored"
            time.sleep(0.2)
        proof = person.get_bytes(f"/v1/certificates/{held[0]['id']}/proof")
    finally:
        person.close()
    (reader.place / "proof.json").write_bytes(proof)
    return len(held)


def follow(place: Path, *, start_s: float, again: bool) -> None:
    """The whole quick start; with `again`, the promise that nothing is lost is taken at its word."""
    serve, ready, demo, verify = blocks("README.md")
    reader = Reader(place)
    try:
        reader.start(serve, start_s)
        answer = json.loads(reader.run(ready))
        assert answer["ready"] is True
        held = save_proof(reader)
        assert held >= 3
        said = reader.run(verify)
        assert len(re.findall(r"^ ?\d+\. ✓", said, re.MULTILINE)) == 22, said
        spoilt = place / "proof.json"
        spoilt.write_bytes(spoilt.read_bytes().replace(b'"size":', b'"size":1', 1))
        with pytest.raises(AssertionError):
            reader.run(verify)
        reader.run(demo)
        reader.stop()
        if again:
            reader.start(serve, start_s)
            assert save_proof(reader) == held
            reader.run(verify)
            reader.stop()
    finally:
        reader.abandon()


@pytest.mark.slow
def test_quick_start(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    place = checkout(tmp_path)
    lend_environment(place)
    follow(place, start_s=180, again=False)


@pytest.mark.full
def test_quick_start_from_nothing(tmp_path: Path) -> None:
    """Set-up included: a new .venv with the locked versions; then stopped and started again."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    follow(checkout(tmp_path), start_s=900, again=True)


def test_marked_blocks_are_found() -> None:
    assert blocks("README.md")[0] == Block("scripts/run", background=True)
