"""Codes that were never issued, scored against leaked files of PDFs and tables: chips, orders, spellings.

What a leak shows is kept as the tracer's own report (`watermark.report`), so that decoys meet the very evidence that
issued copies met, and the same functions weigh them. A decoy is an entity that nobody knows with one copy of the
content; a million of them pass in batches, and what several cases of one content share is weighed once a batch.
"""

import dataclasses
import json
import math
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from api.demo.watermark_bench.cases import ALPHA, KEY
from api.demo.watermark_bench.decoys import LEVELS, Scores, Tail, joint
from watermark import Verdict
from watermark.batch import BATCH, ChipTable
from watermark.control import DecoyCodes
from watermark.evidence import Evidence, Level, OrderLayer
from watermark.report import read_report, report_document, write_report
from watermark.scoring import variant_table, weigh
from watermark.variants import VARIANTS

NOTHING = b""
"""Kept for a file that the tracer refused."""


@dataclass(frozen=True)
class Suspect:
    """A leaked file as the tracer saw it: what it shows of each content, and `n`, the candidates that it counted."""

    attack: str
    content: str
    n: int
    contents: tuple[Evidence, ...]

    @property
    def needed(self) -> float:
        """log10 E from which the tracer accuses at the stated bound."""
        return math.log10(self.n / ALPHA)


@dataclass(frozen=True)
class FileTail(Tail):
    """A tail, and how many decoys would have been accused: E >= N / 1e-6."""

    accused: int = 0


def kept(file: Path, told: Iterable[tuple[dict[str, object], Verdict | None]]) -> Iterable[dict[str, object]]:
    """The rows of cases as they come; what each leak showed is kept in `file` (ZIP), once all have come."""
    begun = file.with_suffix(".begun")
    with zipfile.ZipFile(begun, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (row, verdict) in enumerate(told):
            bare = None if verdict is None else dataclasses.replace(verdict, ranked=(), accused=())
            report = NOTHING if bare is None else write_report(report_document(bare))
            about = {"attack": row["attack"], "content": row["content"], "n": verdict.n if verdict else 1}
            archive.writestr(f"{number:04d}/about.json", json.dumps(about, ensure_ascii=False))
            archive.writestr(f"{number:04d}/report.json", report)
            yield row
    begun.rename(file)


def kept_in(file: Path) -> list[Suspect]:
    """What `kept` kept."""
    found = []
    with zipfile.ZipFile(file) as archive:
        for place in sorted({name.split("/")[0] for name in archive.namelist()}):
            about = json.loads(archive.read(f"{place}/about.json"))
            data = archive.read(f"{place}/report.json")
            grounds = read_report(data).grounds if data != NOTHING else None
            shown = tuple(one.evidence for one in grounds.contents) if grounds else ()
            found.append(Suspect(about["attack"], about["content"], about["n"], shown))
    return found


Weigher = Callable[["_Batch"], Scores]


class _Batch:
    """The codes of one batch of decoys, the same for all cases of a content."""

    def __init__(self, seed: bytes, number: int, size: int) -> None:
        self._seed, self._number, self.size = seed, number, size
        self._streams: dict[tuple[str, str], _Stream] = {}

    def stream(self, content_id: str, level: Level) -> "_Stream":
        """Codes of the entities, or of their copies."""
        place = (content_id, level.value)
        if place not in self._streams:
            seed = self._seed + content_id.encode()
            self._streams[place] = _Stream(DecoyCodes(seed, level.value, self._number, self.size))
        return self._streams[place]


class _Stream:
    """Decoys' codes (`watermark.scoring.CodeStream`) that are drawn once, however many layers ask for them."""

    def __init__(self, codes: DecoyCodes) -> None:
        self._codes = codes
        self._drawn: dict[tuple[bytes, int], NDArray[np.uint8]] = {}

    @property
    def size(self) -> int:
        """How many decoys."""
        return self._codes.size

    def rows(self, label: bytes, count: int) -> NDArray[np.uint8]:
        """See `CodeStream.rows`."""
        if (label, count) not in self._drawn:
            self._drawn[label, count] = self._codes.rows(label, count)
        return self._drawn[label, count]


def _weighers(evidence: Evidence) -> dict[object, Weigher]:
    """What weighs each layer of one evidence; equal keys mean equal layers."""
    content = evidence.content_id
    found: dict[object, Weigher] = {}
    for chips in evidence.chip_layers:
        # A layout is as good as any other for codes that are random everywhere (as in `watermark.control`).
        for level, scores in ((Level.ENTITY, chips.scores[0::2]), (Level.COPY, chips.scores[1::2])):
            found[content, level, chips.name, scores.tobytes()] = _by_chips(content, level, chips.name, scores)
    for order in evidence.order_layers:
        found[content, order] = _by_order(content, order)
    table = variant_table(evidence, KEY)
    if table is not None:
        shown = evidence.variants.shown.tobytes() if evidence.variants is not None else b""
        found[content, VARIANTS, shown] = lambda batch: table.log10_e(
            batch.stream(content, Level.ENTITY).rows(VARIANTS.encode(), 2 * table.count)
        )
    return found


def _by_chips(content: str, level: Level, name: str, scores: Scores) -> Weigher:
    table = ChipTable(scores)
    return lambda batch: weigh(batch.stream(content, level), [(name, table)], [])


def _by_order(content: str, order: OrderLayer) -> Weigher:
    return lambda batch: weigh(batch.stream(content, order.level), [], [order])


def tails(suspects: Sequence[Suspect], decoys: int, seed: bytes) -> list[FileTail]:
    """A tail for every leaked file, all of them against the same `decoys` codes, which grow from `seed`.

    Explicit ids are left out: a decoy has none, and one that weighs them would only score less.
    """
    layers: dict[object, Weigher] = {}
    parts: list[list[list[object]]] = []
    for suspect in suspects:
        by_content = [_weighers(evidence) for evidence in suspect.contents]
        for weighers in by_content:
            layers.update(weighers)
        parts.append([list(weighers) for weighers in by_content])
    reached = np.zeros((len(suspects), len(LEVELS)), dtype=np.int64)
    accused = np.zeros(len(suspects), dtype=np.int64)
    highest = np.full(len(suspects), -math.inf)
    for number, start in enumerate(range(0, decoys, BATCH)):
        batch = _Batch(seed, number, min(BATCH, decoys - start))
        found = {place: weigher(batch) for place, weigher in layers.items()}
        for case, (suspect, contents) in enumerate(zip(suspects, parts, strict=True)):
            shown = [np.sum([found[place] for place in places], axis=0) for places in contents if places]
            scores = joint(np.stack(shown) if shown else np.zeros((0, batch.size)))
            reached[case] += [int((scores >= level).sum()) for level in LEVELS]
            accused[case] += int((scores >= suspect.needed).sum())
            highest[case] = max(highest[case], float(scores.max()))
    return [
        FileTail(decoys, tuple(row.tolist()), float(top), int(named))
        for row, top, named in zip(reached, highest, accused, strict=True)
    ]
