"""`mydata trace`: files brought to the running service as the regulator, one after the other."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from api.demo import flow_traces
from api.demo.client import Person
from api.errors import ApiError, Kind
from api.locale import error_text


@dataclass(slots=True)
class Told:
    """The lines so far: what became of each file."""

    table: Table = field(
        default_factory=lambda: Table("文件 file", "结论 outcome", "指向 named", "log10 E", "N", "编号 trace")
    )
    failed: list[tuple[str, ApiError]] = field(default_factory=list)

    def verdict(self, name: str, item: dict[str, Any]) -> None:
        """A file that was examined."""
        report = item["report"]
        named = ", ".join(f"{n['entity_zh']} {n['copy']}" for n in report["named"]) or "—"
        best = f"{report['ranked'][0]['log10_e']:.1f}" if report["ranked"] else "—"
        self.table.add_row(escape(name), item["outcome"], escape(named), best, str(report["n"]), item["id"])

    def refused(self, name: str, error: ApiError) -> None:
        """A file of which there is no verdict, and why."""
        self.table.add_row(escape(name), "[bold red]✗[/]", escape(error.code), "—", "—", "—")
        self.failed.append((name, error))

    def show(self, console: Console) -> None:
        """The table, then each refusal in both languages."""
        if self.table.row_count:
            console.print(self.table)
        for name, error in self.failed:
            console.print(f"[bold red]✗[/] {escape(name)}", highlight=False)
            for lang in ("zh-Hans", "en"):
                console.print(f"  {escape(error_text(error.code, lang, error.facts))}", highlight=False)
            console.print(f"  [dim]{escape(error.code)}[/]", highlight=False)


def trace_files(regulator: Person, files: list[Path], console: Console, into: Path | None = None) -> bool:
    """Trace files and print a line for each; whether every one has its verdict.

    A file that cannot be read is a line with its reason and keeps nobody from the rest. What was found by then is
    printed also where the command is broken off. Each verdict's reports go to the folder `into`, named by their trace,
    as JSON (for `python -m watermark rescore`), page and PDF. Raises `traces.no_folder`.
    """
    if into is not None:
        try:
            into.mkdir(parents=True, exist_ok=True)
        except OSError:
            raise ApiError("traces.no_folder") from None
    told = Told()
    try:
        with Progress(console=console) as bar:
            task = bar.add_task("溯源 / trace", total=len(files))
            for file in files:
                try:
                    with _refusals("traces.no_such_file"):
                        item = flow_traces.examine(regulator, file.name, file.read_bytes())
                    told.verdict(file.name, item)
                    if into is not None:
                        with _refusals("traces.report_unsaved"):
                            _save_reports(regulator, item["id"], into)
                except ApiError as error:
                    told.refused(file.name, error)
                bar.advance(task)
    finally:
        told.show(console)
    return not told.failed


def _save_reports(regulator: Person, trace_id: str, into: Path) -> None:
    for form in ("json", "html", "pdf"):
        (into / f"{trace_id}.{form}").write_bytes(flow_traces.report(regulator, trace_id, form))


@contextlib.contextmanager
def _refusals(on_disk: str) -> Iterator[None]:
    """What is in a file's way as an error of ours: `on_disk` where it is this machine's disk."""
    try:
        yield
    except OSError:
        raise ApiError(on_disk) from None
    except httpx.HTTPError:
        raise ApiError("traces.no_answer", Kind.UNAVAILABLE) from None
