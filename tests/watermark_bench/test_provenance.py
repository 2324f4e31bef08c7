"""The part of the bench that looks up a large leak: a small index, and the same under another key."""

from pathlib import Path

import pytest

from api.demo.watermark_bench import provenance
from watermark.keys import EpochKey

COPIES, LEAKED = 3000, 400


def test_a_leak_leads_to_its_contents_alone(tmp_path: Path) -> None:
    fill, *asked = provenance.figures(tmp_path, COPIES, LEAKED)
    assert isinstance(fill["tags"], int) and fill["tags"] >= 2 * (COPIES + LEAKED) - 2
    assert [row["right"] for row in asked] == [True, True, True]
    assert [row["found"] for row in asked[:2]] == [LEAKED, LEAKED]
    assert list(tmp_path.iterdir()) == [], "nothing is left on the disk"


def test_under_another_key_nothing_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: whoever has not the epoch's key can ask the index nothing."""
    sound = provenance.candidate_tags
    other = EpochKey(provenance.KEY.epoch, bytes(31) + b"\x07")
    monkeypatch.setattr(provenance, "candidate_tags", lambda suspect, name, _key: sound(suspect, name, other))
    _, *asked = provenance.figures(tmp_path, COPIES, LEAKED)
    assert [(row["found"], row["right"]) for row in asked[:2]] == [(0, False), (0, False)]
