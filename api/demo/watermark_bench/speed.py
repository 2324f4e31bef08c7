"""Times on one core: marking, tracing among a million candidates. Wall time; an otherwise idle machine is assumed."""

import time
from collections.abc import Callable, Iterator

from api.demo.watermark_bench import attacks, pictures, tables
from api.demo.watermark_bench.cases import KEY, attacked, issue_picture, png
from watermark import ContentCandidates, Mark, carrier_for
from watermark.candidates import CopyBatch
from watermark.trace import trace

MILLION = 1_000_000
BATCH = 50_000


class Many:
    """A million issued copies of one content, each another entity's, never held at once."""

    def __init__(self, count: int = MILLION) -> None:
        self._count = count

    def batches(self) -> Iterator[CopyBatch]:
        """See `CopyStream`."""
        for start in range(0, self._count, BATCH):
            numbers = range(start, min(self._count, start + BATCH))
            yield CopyBatch(
                [f"copy_{number:06d}" for number in numbers],
                [f"party_{number:06d}" for number in numbers],
                [KEY.epoch] * len(numbers),
            )


def _best(act: Callable[[], object], times: int) -> tuple[float, float]:
    """(wall, processor) milliseconds of the quickest of `times`."""
    taken = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        taken.append(((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000))
    return min(taken)


def figures(candidates: int = MILLION) -> Iterator[dict[str, object]]:
    """One row for each figure: `name`, `wall_ms`, `cpu_ms`."""
    subject = pictures.certificate("property_title")
    issue = issue_picture("speed", subject.picture, candidates)
    marks = [Mark(f"copy_s{number}", "party_s", issue.content_id, "演示") for number in range(5)]
    carrier = carrier_for(issue.media_type)
    queue = list(marks)
    wall, cpu = _best(lambda: carrier.embed(issue.original, queue.pop(), KEY), len(marks))
    yield {"name": "embed, A4 at 200 dpi", "wall_ms": round(wall, 1), "cpu_ms": round(cpu, 1)}
    leaked, guilty = attacked(issue, next(one for one in attacks.NOTE if one.name == "JPEG 50"))
    content = ContentCandidates(issue.content_id, issue.original, issue.media_type, Many(candidates))
    suspect = png(leaked)
    named: list[list[str]] = []

    def traced() -> None:
        verdict = trace(suspect, "leak.png", [content], {KEY.epoch: KEY})
        named.append([scored.entity_id for scored in verdict.accused])

    wall, cpu = _best(traced, 2)
    right = all(one == [f"party_{guilty[0]:06d}"] for one in named)
    yield {"name": "trace, A4 at 200 dpi, among a million", "wall_ms": round(wall, 1), "cpu_ms": round(cpu, 1),
           "named": right, "candidates": candidates}  # fmt: skip
    yield {"name": "embed, JSON of 100 records", "wall_ms": round(tables.embed_ms(), 3), "cpu_ms": None}
