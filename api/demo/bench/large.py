"""Pulls while a file is being returned; with `--large` a file of 200 MB, and what memory it takes."""

import csv
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from api.catalogue import load_catalogue
from api.catalogue.identifiers import id_check_character
from api.demo import flow
from api.demo.bench import load, machine
from api.demo.bench.report import Figure, percentile
from api.demo.bench.stack import ID_CARD, Bench
from api.demo.files import write_department_files
from api.demo.provision import entity_key
from api.errors import ApiError, Kind
from api.wiring import key_ring

LARGE_MB, SMALL_MB = 200, 2
MEMORY_AIM_MB = 150.0
ADDRESS_CHARACTERS = 100
LIMITS = {"MYDATA_MAX_UPLOAD_BYTES": str(256 * 2**20), "MYDATA_MAX_ROWS": "2000000"}
SETTLED = ("sealed", "anchored", "failed")
PATIENCE_S = 3600.0


def raise_limits() -> None:
    """Let the processes started from here take the large file in; the operator's own settings do the same."""
    os.environ.update(LIMITS)


def while_returning(bench: Bench, pulls: Sequence[load.Pull], *, large_mb: int = 0) -> list[Figure]:
    """Stored copies pulled again and again until a second file is sealed. `pulls` were made before.

    With `large_mb` that file has so many MB, and the memory that service and worker take beyond what they had is told.
    """
    files = write_department_files(bench.city, bench.folder / "second", load_catalogue(), bad_rows=0)
    chosen = next(file for file in files if file.type_code == ID_CARD)
    path = bench.folder / "second.csv"
    write_large(chosen.path, path, (large_mb or SMALL_MB) * 2**20)
    processes = {c.name: c.process.pid for c in bench.running.stack.children if c.process is not None}
    with machine.watching(processes) as idle:
        idle.sample()
    before = dict(idle.peak_mb)
    officer = bench.town.department(chosen.department)
    ended: list[str] = []

    def hand_in() -> None:
        returned = flow.return_file(officer, path, chosen.type_code)
        ended.append(str(flow.wait_for_return(officer, returned, SETTLED, PATIENCE_S)["state"]))

    key = entity_key(key_ring(bench.running.settings), flow.entity("bank-lighthouse"))
    outcome = load.Outcome()
    with machine.watching(processes) as watch:
        returning = threading.Thread(target=hand_in, name="returning")
        returning.start()
        while returning.is_alive():
            made = load.run_pulls(bench.running.url, key, pulls, bench.clients)
            outcome.latencies_ms += made.latencies_ms
        returning.join()
    if not ended or ended[0] == "failed":
        raise ApiError("http.internal", Kind.INTERNAL)
    size = path.stat().st_size / 2**20
    note = f"{len(outcome.latencies_ms)} pulls, {bench.clients} clients; {size:.1f} MiB returned meanwhile"
    name = "stored copies while a file is returned"
    figures = [
        Figure("returns", f"{name}: p50", percentile(outcome.latencies_ms, 0.5), "ms", more_is_better=False, note=note),
        Figure("returns", f"{name}: p99", percentile(outcome.latencies_ms, 0.99), "ms", more_is_better=False),
    ]
    if large_mb:
        figures += [
            Figure(
                "returns",
                f"a {size:.0f} MB file: more memory in {process}",
                watch.peak_mb[process] - before[process],
                "MB",
                aim=MEMORY_AIM_MB,
                more_is_better=False,
                note=f"{before[process]:.0f} MB before",
            )
            for process in ("service", "worker")
        ]
    return figures


def write_large(source: Path, path: Path, size: int) -> int:
    """Write a file of identity cards of about `size` bytes, from one whose people are given other numbers; its rows."""
    with source.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        people = list(reader)
        header = list(reader.fieldnames or ())
    # Nobody whose card is there already: a newer version of it would change what the pulls deliver.
    seen = {person["公民身份号码"] for person in people}
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, header)
        writer.writeheader()
        for step in range(500):
            for person in people:
                old = person["公民身份号码"]
                # Even steps: the number's 17th digit tells the sex.
                first = old[:14] + f"{(int(old[14:17]) + 2 * step) % 1000:03d}"
                number = first + id_check_character(first)
                if number in seen:
                    continue
                seen.add(number)
                rows += 1
                address = (person["住址"] * ADDRESS_CHARACTERS)[:ADDRESS_CHARACTERS]
                writer.writerow({**person, "公民身份号码": number, "住址": address})
                if target.tell() >= size:
                    return rows
    raise ApiError("http.internal", Kind.INTERNAL)
