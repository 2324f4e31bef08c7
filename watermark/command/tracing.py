"""`python -m watermark trace`: one suspect or hundreds, against one original or many, each with all its copies."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from watermark.candidates import ContentCandidates, batches_of
from watermark.carriers.media import media_type_of
from watermark.carriers.reading import MAX_BYTES
from watermark.command.inputs import CopiesFile, ensure_copies, read_file, read_keys
from watermark.command.outputs import write_file
from watermark.errors import WatermarkError
from watermark.examine import Examined, examine
from watermark.keys import EpochKey
from watermark.report import report_document, write_report
from watermark.report_page import Figure, figure_of, report_page
from watermark.seen_tables import is_table
from watermark.trace import trace
from watermark.verdict import Verdict
from watermark.words import say, tell, text

if TYPE_CHECKING:  # the picture libraries are loaded where pictures are compared
    from watermark.picture_index import PictureIndex

REPORT_DECOYS = 1_000_000
FEW = 5
"""Originals that a picture is held against without a first look."""
SUMMARY = "summary.json"


@dataclass(frozen=True)
class _Task:
    """What every suspect of a run is held against."""

    contents: Sequence[ContentCandidates]
    keys: Mapping[str, EpochKey]
    decoys: int

    @cached_property
    def _index(self) -> "PictureIndex":
        """The originals as small pictures, made when the first suspect shows one."""
        from watermark.picture_index import PictureIndex

        index = PictureIndex()
        for content in self.contents:
            index.add(content.content_id, content.original)
        return index

    @cached_property
    def _sizes(self) -> Mapping[str, int]:
        return {
            content.content_id: sum(len(batch.copy_ids) for batch in batches_of(content.copies))
            for content in self.contents
        }

    def chosen(self, examined: Examined) -> tuple[Sequence[ContentCandidates], int]:
        """(contents to trace a suspect against, copies of those that were looked at and set aside).

        All contents, unless there are many and the suspect is a picture: then those that it
        resembles, and tables, which it may show as text.
        """
        if len(self.contents) <= FEW or not examined.only_pictures:
            return self.contents, 0
        likely = {one.content_id for one in self._index.likest(examined.rasters)}
        kept = [one for one in self.contents if one.content_id in likely or is_table(one.media_type)]
        return kept, sum(self._sizes.values()) - sum(self._sizes[content.content_id] for content in kept)


def run(given: argparse.Namespace) -> int:
    """Trace; the results go to `given.json`: a file for one suspect, a folder for several or for a folder."""
    keys = read_keys(given.key, given.epoch)
    contents = _contents(given)
    decoys = given.decoys if given.decoys is not None else REPORT_DECOYS if given.html else 0
    task = _Task(contents, keys, decoys)
    if len(given.suspects) == 1 and not given.suspects[0].is_dir():
        judged = _judge(given.suspects[0], task)
        _write(judged, task, given.json, given.html)
        verdict = judged[1]
        say("watermark.command.verdict", given.lang, _facts(given.suspects[0].name, verdict), to=sys.stdout)
        for code in verdict.codes:
            say(code, given.lang, to=sys.stdout)
        return 0
    return _run_many(given, task)


def _contents(given: argparse.Namespace) -> list[ContentCandidates]:
    """Errors: `watermark.command.unequal` where originals, contents and lists of copies are not equally many."""
    counts = {len(given.original), len(given.content), len(given.copies)}
    if len(counts) != 1 or len(set(given.content)) != len(given.content):
        raise WatermarkError("watermark.command.unequal")
    found = []
    for path, content_id, listed in zip(given.original, given.content, given.copies, strict=True):
        original = read_file(path)
        copies = CopiesFile(listed, given.epoch)
        ensure_copies(copies)
        found.append(ContentCandidates(content_id, original, given.type or media_type_of(original, path.name), copies))
    return found


def _judge(suspect: Path, task: _Task) -> tuple[Examined, Verdict]:
    examined = examine(read_file(suspect, MAX_BYTES), suspect.name)
    contents, set_aside = task.chosen(examined)
    return examined, trace(examined, suspect.name, contents, task.keys, decoys=task.decoys, set_aside=set_aside)


def _write(judged: tuple[Examined, Verdict], task: _Task, to: Path, page: Path | None) -> None:
    examined, verdict = judged
    document = report_document(verdict)
    write_file(to, write_report(document))
    if page is not None:
        figures = _figures(examined, verdict, task)
        write_file(page, report_page(document, examined.name, figures=figures).encode())


def _figures(examined: Examined, verdict: Verdict, task: _Task) -> list[Figure] | None:
    """The suspect beside the original of which somebody is accused; None where the suspect shows no picture."""
    if not examined.rasters:
        return None
    from watermark.aligned import aligned

    for content in task.contents if verdict.accused else ():
        if content.content_id in verdict.matched_contents or len(task.contents) == 1:
            found = aligned(examined, content.original, content.media_type)
            if found:
                return [figure_of(one) for one in found]
    return []


def _run_many(given: argparse.Namespace, task: _Task) -> int:
    suspects = list(_files(given.suspects))
    if not suspects:
        raise WatermarkError("watermark.command.no_suspects")
    folders = [folder for folder in (given.json, given.html) if folder is not None]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    digits = len(str(len(suspects)))
    lines: list[dict[str, object]] = []
    failed = 0
    for number, suspect in enumerate(suspects, 1):
        stem = f"{number:0{digits}}-{suspect.name}"
        where = f"{number}/{len(suspects)} {suspect.name}"
        try:
            judged = _judge(suspect, task)
        except WatermarkError as error:
            failed += 1
            lines.append({"file": str(suspect), "error": error.code})
            tell(f"{where}: {text(error.code, given.lang or 'zh', error.facts)}", to=sys.stderr)
            continue
        _write(judged, task, given.json / f"{stem}.json", given.html / f"{stem}.html" if given.html else None)
        verdict = judged[1]
        accused = [one.to_dict() for one in verdict.accused]
        lines.append(
            {"file": str(suspect), "outcome": verdict.outcome.value, "accused": accused, "report": f"{stem}.json"}
        )
        named = ", ".join(str(one.copy_id or one.entity_id) for one in verdict.accused)
        tell(f"{where}: {verdict.outcome.value} {named}".rstrip(), to=sys.stderr)
    write_file(given.json / SUMMARY, (json.dumps(lines, ensure_ascii=False, indent=1) + "\n").encode())
    facts: dict[str, str | int | float] = {"count": len(suspects), "failed": failed, "file": str(given.json / SUMMARY)}
    say("watermark.command.several", given.lang, facts, to=sys.stdout)
    return 3 if failed else 0


def _files(given: list[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            yield from sorted(inner for inner in path.rglob("*") if inner.is_file())
        else:
            yield path


def _facts(name: str, verdict: Verdict) -> dict[str, str | int]:
    named = ", ".join(f"{one.entity_id} {one.copy_id or ''}".strip() for one in verdict.accused) or "-"
    bound = "-" if verdict.bound is None else f"{verdict.bound:.1e}"
    return {"file": name, "outcome": verdict.outcome.value, "named": named, "n": verdict.n, "bound": bound}
