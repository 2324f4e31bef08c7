"""Copies issued, attacked and traced by the product's own tracer: one case is one picture under one attack."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from api.demo.watermark_bench.attacks import Attack
from api.demo.watermark_bench.tone import Picture, decoded, encoded
from watermark import ContentCandidates, EpochKey, IssuedCopy, Mark, Verdict, WatermarkError, carrier_for, notice_zh
from watermark.evidence import ChipLayer
from watermark.payload import copy_chips, entity_chips, layout
from watermark.trace import trace

KEY = EpochKey("bench", hashlib.sha256(b"mydata/bench/watermark").digest())
OTHER_KEY = EpochKey("bench", hashlib.sha256(b"mydata/bench/another key").digest())
"""The planted fault: with this key nobody may be named."""

ALPHA = 1e-6
LEAKERS = 10
PNG = "image/png"
SHEET = "sheet_"
"""Begins the content of a PDF that is not delivered itself."""


@dataclass
class Issue:
    """One original and its issued copies: `candidates` entities hold one each; the files of leakers are really made.

    `drawn`: for a certificate that is delivered as a picture. Its text is marked first, in the PDF `sheet` (layer G),
    then the page is drawn, and then its pixels are marked (layer P); the tracer holds both originals.
    """

    content_id: str
    media_type: str
    original: bytes
    candidates: int
    sheet: "Issue | None" = None
    drawn: Callable[[bytes], Picture] | None = None
    files: dict[int, bytes] = field(default_factory=dict)
    embed_ms: list[float] = field(default_factory=list)

    def leakers(self, count: int = LEAKERS) -> list[int]:
        """Numbers of the entities that leak, drawn by the content's name."""
        seed = int.from_bytes(hashlib.sha256(self.content_id.encode()).digest()[:8], "big")
        drawn = np.random.default_rng(seed).permutation(self.candidates)
        return [int(number) for number in drawn[:count]]

    def file(self, number: int) -> bytes:
        """The copy of entity `number`, made when first asked for."""
        if number not in self.files:
            self.files[number] = self.made(number)
        return self.files[number]

    def made(self, number: int) -> bytes:
        """A copy for `number`, whether it is a candidate or not."""
        original, mark = self.unspread(number), self.mark(number)
        begun = time.process_time()
        made = carrier_for(self.media_type).embed(original, mark, KEY)
        self.embed_ms.append((time.process_time() - begun) * 1000)
        return made

    def unspread(self, number: int) -> bytes:
        """What the carrier marks: the original, or the page drawn from the entity's own marked sheet."""
        if self.sheet is None or self.drawn is None:
            return self.original
        return png(self.drawn(self.sheet.file(number)))

    def mark(self, number: int) -> Mark:
        """What the copy of entity `number` says. A sheet that is to be drawn has no visible line."""
        notice = "" if self.content_id.startswith(SHEET) else notice_zh(f"演示机构{number}", "演示", f"{number:05d}")
        return Mark(f"copy_{number:06d}", f"party_{number:06d}", self.content_id, notice)

    def contents(self) -> list[ContentCandidates]:
        """What the tracer is given: all copies, those that were not made without their file's hash."""
        copies = []
        for number in range(self.candidates):
            made = self.files.get(number)
            known = hashlib.sha256(made).digest() if made is not None else b""
            copies.append(IssuedCopy(f"copy_{number:06d}", f"party_{number:06d}", KEY.epoch, known))
        own = ContentCandidates(self.content_id, self.original, self.media_type, tuple(copies))
        return [own] if self.sheet is None else [own, *self.sheet.contents()]


@dataclass(frozen=True)
class Asked:
    """A verdict, or the error that the tracer gave instead, and milliseconds of processor and of wall time."""

    verdict: Verdict | None
    error: str
    cpu_ms: float
    wall_ms: float


def ask(suspect: bytes, name: str, contents: Sequence[ContentCandidates], key: EpochKey = KEY) -> Asked:
    """Trace one file with the product's tracer."""
    begun, cpu = time.perf_counter(), time.process_time()
    verdict, error = None, ""
    try:
        verdict = trace(suspect, name, contents, {key.epoch: key})
    except WatermarkError as refused:
        error = refused.code
    return Asked(verdict, error, (time.process_time() - cpu) * 1000, (time.perf_counter() - begun) * 1000)


def judged(asked: Asked, guilty: Sequence[int], candidates: int) -> dict[str, object]:
    """What became of a case: who was named with a stated bound of at most 1e-6, right or wrong, and by how much.

    `named`: one of the guilty is named at that bound and nobody else is; `innocents`: others who are accused in any
    way that states a bound. Provenance alone (a bound of null) names nobody here.
    """
    told: dict[str, object] = {
        "outcome": asked.error or "none",
        "level": None,
        "named": False,
        "named_right": 0,
        "innocents": 0,
        "bound": None,
        "log10_e": None,
        "best_innocent": None,
        "needed": round(float(np.log10((asked.verdict.n if asked.verdict else candidates) / ALPHA)), 3),
        "cpu_ms": round(asked.cpu_ms, 1),
        "wall_ms": round(asked.wall_ms, 1),
    }
    verdict = asked.verdict
    if verdict is None:
        return told
    leaked = {f"party_{number:06d}" for number in guilty}
    stated = verdict.bound is not None and verdict.bound <= ALPHA
    accused = {scored.entity_id for scored in verdict.accused} if stated else set()
    own = [scored.log10_e for scored in verdict.ranked if scored.entity_id in leaked]
    others = [scored.log10_e for scored in verdict.ranked if scored.entity_id not in leaked]
    told |= {
        "outcome": verdict.outcome.value,
        "level": verdict.level,
        "named": bool(accused & leaked) and not accused - leaked,
        "named_right": len(accused & leaked),
        "innocents": len(accused - leaked),
        "bound": verdict.bound,
        "log10_e": round(max(own), 3) if own else None,
        "best_innocent": round(max(others), 3) if others else None,
        "layers": {name: round(value, 2) for name, value in verdict.layers.items()},
        "innocents_at": [sum(score >= level for score in others) for level in range(1, 7)],
        "innocents_scored": verdict.n - len(own),
    }
    return told


Shown = dict[str, tuple[ChipLayer, ...]]
"""What a leak shows: the scores of each layer, by content."""


def shown_by(verdict: Verdict | None) -> Shown:
    """The scores that the verdict rests on; nothing for a content of which the leak shows nothing."""
    if verdict is None or verdict.grounds is None:
        return {}
    return {ground.evidence.content_id: ground.evidence.chip_layers for ground in verdict.grounds.contents}


def z_of(shown: Shown, mark: Mark) -> dict[str, float]:
    """By layer, z = v.b/|v| of the whole code of the mark's copy, entity's and copy's part together."""
    found: dict[str, float] = {}
    for content_id, layers in shown.items():
        for layer in layers:
            size, norm = len(layer.scores), float(np.linalg.norm(layer.scores))
            if norm == 0.0:
                continue
            places = layout(KEY, content_id, layer.name, size)
            code: NDArray[np.int8] = np.empty(size, dtype=np.int8)
            code[places.entity] = entity_chips(KEY, content_id, mark.entity_id, layer.name, len(places.entity))
            code[places.copy] = copy_chips(KEY, content_id, mark.copy_id, layer.name, len(places.copy))
            found[layer.name] = round(float(layer.scores @ code) / norm, 2)
    return found


def png(picture: Picture) -> bytes:
    """A picture as PNG without any metadata."""
    return encoded(picture, ".png", cv2.IMWRITE_PNG_COMPRESSION, 1)


def issue_picture(name: str, picture: Picture, candidates: int) -> Issue:
    """A picture as an original, issued to so many entities."""
    return Issue(f"content_{name}", PNG, png(picture), candidates)


def issue_certificate(name: str, pdf: bytes, drawn: Callable[[bytes], Picture], candidates: int) -> Issue:
    """A certificate delivered as a picture: text moved in the PDF, drawn, pixels marked."""
    sheet = Issue(f"{SHEET}{name}", "application/pdf", pdf, candidates)
    return Issue(f"content_{name}", PNG, png(drawn(pdf)), candidates, sheet, drawn)


def attacked(issue: Issue, attack: Attack) -> tuple[Picture, list[int]]:
    """The attacked picture and who leaked it."""
    guilty = issue.leakers(attack.copies)
    return attack([decoded(issue.file(number)) for number in guilty], issue.content_id), guilty


def picture_case(issue: Issue, attack: Attack) -> tuple[dict[str, object], Shown]:
    """One case: figures, and the score vectors for the decoys. Hidden ids are gone: the leak is a plain PNG."""
    suspect, guilty = attacked(issue, attack)
    asked = ask(png(suspect), "leak.png", issue.contents())
    shown = shown_by(asked.verdict)
    told: dict[str, object] = {"content": issue.content_id, "attack": attack.name, "copies": attack.copies}
    each = [z_of(shown, issue.mark(number)) for number in guilty]
    told["z_layers"] = {name: max(one[name] for one in each) for name in each[0]}
    told["z"] = max((max(one.values()) for one in each if one), default=None)
    return told | judged(asked, guilty, issue.candidates), shown


def controls(issue: Issue) -> Mapping[str, dict[str, object]]:
    """Planted faults, in all of which nobody may be named: another key, the unmarked original, a copy of nobody."""
    copy = png(decoded(issue.file(issue.leakers(1)[0])))
    stranger = png(decoded(issue.made(issue.candidates + 7)))
    contents = issue.contents()
    return {
        "another key": judged(ask(copy, "leak.png", contents, OTHER_KEY), [], issue.candidates),
        "the original": judged(ask(png(decoded(issue.original)), "leak.png", contents), [], issue.candidates),
        "a copy never issued": judged(ask(stranger, "leak.png", contents), [], issue.candidates),
    }
