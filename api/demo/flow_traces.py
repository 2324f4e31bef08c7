"""Leaked files brought to the regulator, as its officers do it."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from api.demo.client import Person, raise_problem
from api.errors import ApiError, Kind

FILES_A_REQUEST = 50
POLL_S = 0.5


def examine(regulator: Person, name: str, data: bytes, **clues: str) -> dict[str, Any]:
    """Trace one file. `clues`: `number` read off a picture, `since` and `until` (ISO 8601 days) of the consent."""
    (item,) = regulator.upload("/v1/traces", name, data, **clues)["items"]
    found: dict[str, Any] = item
    return found


def begin_job(regulator: Person, files: Sequence[tuple[str, bytes]], **clues: str) -> dict[str, Any]:
    """Hand many files in as one job, a few dozen in each request, and start it; its state then."""
    parts = [files[at : at + FILES_A_REQUEST] for at in range(0, len(files), FILES_A_REQUEST)]
    job = regulator.upload_many("/v1/traces/jobs", parts[0] if parts else (), **clues)
    for part in parts[1:]:
        regulator.upload_many(f"/v1/traces/jobs/{job['id']}/files", part)
    found: dict[str, Any] = regulator.post(f"/v1/traces/jobs/{job['id']}/start")
    return found


def wait_for_job(
    regulator: Person, job_id: str, progress: Callable[[int, int], None] | None = None, patience_s: float = 600.0
) -> dict[str, Any]:
    """Look at a job until it is over; `progress` is told (files over, files in all). `traces.no_answer` in vain."""
    deadline = time.monotonic() + patience_s
    while True:
        job: dict[str, Any] = regulator.get(f"/v1/traces/jobs/{job_id}")
        waiting = job["counts"]["waiting"] + job["counts"]["running"]
        if progress is not None:
            progress(job["total"] - waiting, job["total"])
        if job["state"] not in {"open", "running"}:
            return job
        if time.monotonic() > deadline:
            raise ApiError("traces.no_answer", Kind.UNAVAILABLE)
        time.sleep(POLL_S)


def job_files(regulator: Person, job_id: str) -> list[dict[str, Any]]:
    """All files of a job, in order, page after page."""
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = regulator.get(f"/v1/traces/jobs/{job_id}/files", after=after)
        found += page["items"]
        after = page["next_after"]
    return found


def report(regulator: Person, trace_id: str, form: str = "pdf") -> bytes:
    """The report of a trace: `pdf`, `html`, or `json`, which `python -m watermark rescore` takes."""
    return regulator.get_bytes(f"/v1/traces/{trace_id}/report?format={form}")


def report_with_pictures(regulator: Person, trace_id: str, name: str, data: bytes, form: str = "pdf") -> bytes:
    """The report with suspect and original side by side, `pdf` or `html`; `data` is the examined file."""
    answer = regulator.http.post(
        f"/regulator/traces/{trace_id}/report",
        data={"form": form},
        files={"files": (name, data, "application/octet-stream")},
        headers={"X-CSRF-Token": regulator.csrf},
    )
    content: bytes = raise_problem(answer).content
    return content
