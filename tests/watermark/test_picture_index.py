"""Which of many originals a photo shows, although it tells no number: by the library and by the command."""

import json
import random
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.watermark.cases import KEY, KEYS, LINES, PDF, Content, pdf_content, plain_pdf
from tests.watermark.pictures import Pixels, encoded, page_picture, photo, photographed
from watermark import IssuedCopy, Outcome
from watermark.command.line import main
from watermark.examine import examine
from watermark.picture_index import KEPT, PictureIndex
from watermark.reading import Raster
from watermark.trace import ContentCandidates, trace

MANY = 14


def _lines(seed: int) -> list[str]:
    """The page's lines as filled in for somebody else: other names, numbers and places, the same form."""
    rng = random.Random(seed)
    changed = []
    for at, line in enumerate(LINES):
        digits = "".join(str(rng.randrange(10)) if c.isdigit() else c for c in line)
        if at in {1, 2}:
            head, _, rest = digits.partition(": ")
            digits = f"{head}: " + "".join(rng.choice("abcdefghijklmnop") if c.isalpha() else c for c in rest)
        changed.append(digits)
    return changed


@pytest.fixture(scope="module")
def pool() -> dict[str, bytes]:
    """Originals of one form, and one of another."""
    found = {f"content_{seed}": plain_pdf("own_tm", _lines(seed)) for seed in range(MANY)}
    found["content_else"] = plain_pdf("lines", ["An entirely different paper", "with two lines"])
    return found


@pytest.fixture(scope="module")
def index(pool: dict[str, bytes]) -> PictureIndex:
    made = PictureIndex()
    for content_id, original in pool.items():
        made.add(content_id, original)
    return made


def _redacted(pixels: Pixels) -> Pixels:
    """Number, name and address under black bars."""
    rows, columns = pixels.shape[:2]
    out = pixels.copy()
    for line in range(3):
        y = int(rows * (842 - 780 + 20 * line - 11) / 842)
        out[y : y + rows // 55, columns // 4 : columns * 9 // 10] = 0
    return out


def _leak(content: Content) -> Pixels:
    return photographed(_redacted(page_picture(content.files[f"copy_{content.content_id}_1"], 130)))


def test_a_photo_without_a_number_is_found_and_traced(pool: dict[str, bytes], index: PictureIndex) -> None:
    content = pdf_content(pool["content_7"], 3, "content_7")
    leak = examine(encoded(_leak(content)), "photo.png")
    assert leak.only_pictures
    likely = index.likest(leak.rasters)
    assert likely[0].content_id == "content_7"
    assert len(likely) == KEPT
    assert set(index.looked_at) == set(pool)
    kept = [
        content.candidates
        if one.content_id == "content_7"
        else ContentCandidates(one.content_id, pool[one.content_id], PDF, (IssuedCopy("c", "party_1", "2026Q4", b""),))
        for one in likely
    ]
    verdict = trace(leak, "photo.png", kept, KEYS, set_aside=17)
    assert verdict.outcome is Outcome.IDENTIFIED
    assert [s.copy_id for s in verdict.accused] == ["copy_content_7_1"]
    assert verdict.n == 3 + (KEPT - 1) + 17
    assert verdict.bound == pytest.approx(verdict.n * 10 ** -verdict.accused[0].log10_e, rel=1e-6)


def test_a_strangers_picture_resembles_nothing(index: PictureIndex) -> None:
    grey = cv2.cvtColor(photo(300, 400), cv2.COLOR_RGB2GRAY)
    assert not index.likest([Raster.of(np.asarray(grey, np.uint8))])
    assert not PictureIndex().likest([Raster.of(np.asarray(grey, np.uint8))])


def test_what_is_no_picture_is_passed_over() -> None:
    made = PictureIndex()
    for content_id, original in {"a": b'{"a": 1}', "b": b"%PDF-1.7 broken", "c": b"\x89PNG broken"}.items():
        made.add(content_id, original)
    assert not made.looked_at


@pytest.mark.slow
def test_the_command_finds_the_original_among_many(pool: dict[str, bytes], tmp_path: Path) -> None:
    """Planted fault beside it: without the right original among those given, nobody is named."""
    content = pdf_content(pool["content_3"], 3, "content_3")
    leak, result = tmp_path / "photo.png", tmp_path / "result.json"
    leak.write_bytes(encoded(_leak(content)))
    given = []
    for content_id, original in pool.items():
        path, copies = tmp_path / f"{content_id}.pdf", tmp_path / f"{content_id}.jsonl"
        path.write_bytes(original)
        ids = ({"copy": f"copy_{content_id}_{i}", "entity": f"party_{i}", "epoch": KEY.epoch} for i in range(3))
        copies.write_text("".join(json.dumps(one) + "\n" for one in ids))
        given.append(["--original", str(path), "--content", content_id, "--copies", str(copies)])
    fixed = ["trace", str(leak), "--key", f"{KEY.epoch}={KEY.secret.hex()}", "--json", str(result)]
    assert main([*fixed, *(word for three in given for word in three)]) == 0
    found = json.loads(result.read_text())
    assert found["outcome"] == "identified"
    assert [one["copy"] for one in found["accused"]] == ["copy_content_3_1"]
    assert found["n"] == 3 * len(pool)
    others = [three for three in given if "content_3" not in three]
    assert main([*fixed, *(word for three in others for word in three)]) == 0
    found = json.loads(result.read_text())
    assert not found["accused"]
    assert found["n"] == 3 * (len(pool) - 1)
    assert main([*fixed, *given[0], "--original", given[1][1]]) == 2
    assert main([*fixed, *given[0], *given[0]]) == 2
