"""Hundreds of files in one job: each ends with its verdict or its reason, and its bytes are gone with that."""

import io
import json
import secrets
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from api.demo import flow, flow_traces
from api.demo.client import Person
from api.demo.provision import party_id
from api.errors import ApiError
from api.services import trace_jobs, traces
from api.services.context import Actor, Role
from api.services.trace_jobs import filing, work
from api.store import unit_of_work
from api.store.compaction import compact
from api.store.fsck import fsck
from api.store.queries import trace_jobs as rows
from api.wiring import log_key
from tests.town import CLAIM, HARBOUR, Service

BROKEN = b"%PDF-1.7 broken"
Files = Sequence[tuple[str, bytes]]


@pytest.fixture(scope="module")
def leak(service: Service) -> flow.Envelope:
    return flow.pull_envelope(service.town, HARBOUR, service.grant(service.driver(), items=CLAIM), "json")


@pytest.fixture
def regulator(service: Service) -> Person:
    found = service.town.regulator()
    for job in found.get("/v1/traces/jobs")["items"]:
        found.post(f"/v1/traces/jobs/{job['id']}/cancel")
    return found


def strangers(count: int) -> Files:
    """Files that are nobody's copy, each with values of its own."""
    made = []
    for at in range(count):
        word = secrets.token_hex(8)
        made.append(
            (f"陌生人{at}.csv", f"姓名,号码\n甲{word},{word}\n".encode())
            if at % 2
            else (f"{at}.json", json.dumps({"data": [{"name": word}]}).encode())
        )
    return made


def work_on(service: Service, most: int = 1000) -> int:
    """Turns of the worker until nothing waits; how many files it dealt with."""
    rounds = trace_jobs.Rounds()
    done = 0
    while done < most and trace_jobs.turn(service._worker()[0], rounds):
        done += 1
    return done


def count(service: Service, table: str) -> int:
    return int(service.rows(f"SELECT count(*) FROM {table}")[0][0])


def damage(service: Service) -> list[tuple[str, str]]:
    ctx = service.ctx
    public = log_key(ctx.keys).public_key().public_bytes_raw()
    return [(one.table, one.code) for one in fsck(ctx.db, ctx.vault, public, identity=ctx.chain).findings]


def refused(code: str, call: Any, *args: Any, **more: Any) -> None:
    with pytest.raises(ApiError) as caught:
        call(*args, **more)
    assert caught.value.code == code


def test_each_file_has_its_verdict_or_its_reason(service: Service, leak: flow.Envelope, regulator: Person) -> None:
    before = count(service, "traces")
    files = [("broken.pdf", BROKEN), ("leak.json", leak.file), ("empty.txt", b""), *strangers(2)]
    files.append(("no ending", b"\x00\xff" * 9))
    job = flow_traces.begin_job(regulator, files, number="", since="2020-01-01")
    assert (job["state"], job["total"], job["counts"]["waiting"]) == ("running", 6, 6)
    assert work_on(service, 2) == 2
    half = regulator.get(f"/v1/traces/jobs/{job['id']}")
    assert (half["counts"]["done"], half["counts"]["refused"], half["counts"]["waiting"]) == (1, 1, 4)
    assert half["outcomes"] == {"identified": 1}
    assert work_on(service) == 4
    job = flow_traces.wait_for_job(regulator, job["id"])
    assert job["state"] == "done" and job["ended_at"]
    lines = flow_traces.job_files(regulator, job["id"])
    assert [one["name"] for one in lines] == [name for name, _ in files]
    assert [one["outcome"] for one in lines[1:5]] == ["identified", None, "none", "none"]
    for one in lines:
        assert (one["trace"] is None) == (one["error"] is not None)
        if one["error"]:
            # In both languages, and not the same words.
            assert one["error"]["zh"] != one["error"]["en"] and one["error"]["code"].startswith("watermark.")
    # What a trace by itself leaves: the verdict, its receipt, and a look on the holder's footprints.
    trace = regulator.get(f"/v1/traces/{lines[1]['trace']}")
    assert [one["copy"] for one in trace["report"]["accused"]] == [leak.copy]
    (kind, details) = service.rows("SELECT kind, party_id FROM receipts WHERE id = :id", id=trace["receipt"])[0]
    assert (kind, details) == ("trace", lines[1] and service.rows("SELECT party_id FROM trace_jobs LIMIT 1")[0][0])
    assert count(service, "traces") == before + job["counts"]["done"]
    assert count(service, "trace_job_pieces") == 0
    assert not damage(service)


def test_files_come_in_several_requests_and_in_pages(
    service: Service, regulator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "FILES_PAGE", 3)
    job = regulator.upload_many("/v1/traces/jobs", ())
    url = f"/v1/traces/jobs/{job['id']}"
    refused("trace_jobs.no_files", regulator.post, f"{url}/start")
    for part in (strangers(2), strangers(3)):
        job = regulator.upload_many(f"{url}/files", part)
    assert (job["state"], job["total"]) == ("open", 5)
    assert work_on(service) == 0, "nothing is traced before somebody starts it"
    assert regulator.post(f"{url}/start")["state"] == regulator.post(f"{url}/start")["state"] == "running"
    regulator.upload_many(f"{url}/files", strangers(1))
    page = regulator.get(f"{url}/files")
    assert [one["seq"] for one in page["items"]] == [1, 2, 3] and page["next_after"] == 3
    assert [one["seq"] for one in flow_traces.job_files(regulator, job["id"])] == [1, 2, 3, 4, 5, 6]
    assert len(regulator.get(f"{url}/files", state="done")["items"]) == 0
    assert work_on(service) == 6
    refused("trace_jobs.over", regulator.upload_many, f"{url}/files", strangers(1))
    refused("trace_jobs.over", regulator.post, f"{url}/start")
    assert regulator.post(f"{url}/cancel")["state"] == "done", "what is over stays as it is"


def test_a_repeat_makes_no_second_job(service: Service, regulator: Person) -> None:
    headers = {"X-CSRF-Token": regulator.csrf, "Idempotency-Key": secrets.token_urlsafe(18)}
    parts = [("file", (name, data, "text/csv")) for name, data in strangers(2)]
    first, second = (regulator.http.post("/v1/traces/jobs", files=parts, headers=headers) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    other = [("file", ("x.csv", b"x", "text/csv"))]
    assert regulator.http.post("/v1/traces/jobs", files=other, headers=headers).json()["code"] == (
        "idempotency.other_request"
    )
    assert count(service, "trace_job_pieces") == 2


def test_limits(service: Service, regulator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filing, "MAX_FILES", 3)
    monkeypatch.setattr(filing, "MAX_OPEN", 2)
    before = count(service, "trace_job_pieces")
    refused("trace_jobs.too_many_files", regulator.upload_many, "/v1/traces/jobs", strangers(4))
    job = regulator.upload_many("/v1/traces/jobs", strangers(2))
    refused("trace_jobs.too_many_files", regulator.upload_many, f"/v1/traces/jobs/{job['id']}/files", strangers(2))
    monkeypatch.setattr(filing, "MAX_BYTES", job["bytes"] + 10)
    refused("trace_jobs.too_large", regulator.upload_many, f"/v1/traces/jobs/{job['id']}/files", strangers(1))
    regulator.upload_many("/v1/traces/jobs", ())
    refused("trace_jobs.too_many", regulator.upload_many, "/v1/traces/jobs", ())
    assert count(service, "trace_job_pieces") == before + 2, "what is refused leaves nothing"


def test_another_role_and_another_regulator_reach_nothing(service: Service, regulator: Person) -> None:
    job = regulator.upload_many("/v1/traces/jobs", strangers(1))
    clerk = Person(service.url).sign_in(role="entity", party=party_id(HARBOUR), name="理赔员")
    service.at_end.callback(clerk.close)
    refused("auth.forbidden", clerk.upload_many, "/v1/traces/jobs", strangers(1))
    for path in ("", "/files"):
        refused("auth.forbidden", clerk.get, f"/v1/traces/jobs/{job['id']}{path}")
    for path in ("/start", "/cancel"):
        refused("auth.forbidden", clerk.post, f"/v1/traces/jobs/{job['id']}{path}")
    stranger = Actor(Role.REGULATOR, "staff:x", party_id="party_of_nobody")
    for call in (trace_jobs.get, trace_jobs.files, trace_jobs.start, trace_jobs.cancel):
        refused("trace_jobs.not_found", call, service.ctx, stranger, job["id"])
    refused("trace_jobs.not_found", trace_jobs.add, service.ctx, stranger, job["id"], [])


def stored(folder: Path) -> bytes:
    """Every byte of the data directory."""
    return b"".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file())


@pytest.mark.parametrize("how", ["traced", "refused", "cancelled"])
def test_a_file_s_bytes_are_forgotten(service: Service, regulator: Person, how: str) -> None:
    """The sealed bytes and the key are there while it waits, which shows that the scan sees, and nowhere afterwards."""
    if service.settings.database_url:
        pytest.skip("the scan reads the files of SQLite")
    word = secrets.token_hex(40)
    data = f"%PDF-1.7 {word}".encode() if how == "refused" else json.dumps({"data": [{"name": word}]}).encode()
    job = flow_traces.begin_job(regulator, [(f"{word[:20]}.{'pdf' if how == 'refused' else 'json'}", data)])
    (file,) = service.rows("SELECT id, key_enc FROM trace_job_files WHERE job_id = :id", id=job["id"])
    (piece,) = service.rows("SELECT piece_enc FROM trace_job_pieces WHERE file_id = :id", id=file[0])
    folder = service.settings.data_dir
    held = stored(folder)
    assert file[1][-40:] in held and piece[0][-40:] in held
    assert word.encode() not in held and word[:20].encode() not in held, "neither value nor name in clear"
    if how == "cancelled":
        regulator.post(f"/v1/traces/jobs/{job['id']}/cancel")
        assert work_on(service) == 0
    else:
        assert work_on(service) == 1
    (line,) = flow_traces.job_files(regulator, job["id"])
    assert line["state"] == ("done" if how == "traced" else how)
    compact(service.ctx.db, [])  # pages that the write-ahead log still holds are written back, as a while later
    left = stored(folder)
    for secret in (file[1][-40:], piece[0][-40:], word.encode()):
        assert secret not in left
    assert count(service, "trace_job_pieces") == 0


def test_a_job_cancelled_in_between_gives_no_verdict(
    service: Service, regulator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = flow_traces.begin_job(regulator, strangers(2))
    before = count(service, "traces"), count(service, "receipts") + count(service, "prepared_receipts")
    judge = traces._judge

    def cancelling(*args: Any) -> Any:
        regulator.post(f"/v1/traces/jobs/{job['id']}/cancel")
        return judge(*args)

    monkeypatch.setattr(traces, "_judge", cancelling)
    work_on(service)
    after = count(service, "traces"), count(service, "receipts") + count(service, "prepared_receipts")
    assert after == before
    told = regulator.get(f"/v1/traces/jobs/{job['id']}")
    assert (told["state"], told["counts"]["cancelled"], told["counts"]["done"]) == ("cancelled", 2, 0)


def test_a_fault_of_ours_ends_one_file_and_no_other(
    service: Service, regulator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, failed = traces._judge, []

    def once_broken(*args: Any) -> Any:
        if not failed:
            failed.append(1)
            raise ValueError("a value that must not be told")
        return judge(*args)

    monkeypatch.setattr(traces, "_judge", once_broken)
    job = flow_traces.begin_job(regulator, strangers(2))
    assert work_on(service) == 2
    lines = flow_traces.job_files(regulator, job["id"])
    assert [one["state"] for one in lines] == ["refused", "done"]
    assert lines[0]["error"]["code"] == "trace_jobs.stopped"


def test_a_file_that_ends_its_worker_is_given_up(service: Service, regulator: Person) -> None:
    job = flow_traces.begin_job(regulator, strangers(2))
    service.execute(
        "UPDATE trace_job_files SET attempts = :n, state = 'running' WHERE job_id = :id AND seq = 1",
        n=work.MAX_ATTEMPTS,
        id=job["id"],
    )
    assert work_on(service) == 2
    lines = flow_traces.job_files(regulator, job["id"])
    assert [one["state"] for one in lines] == ["refused", "done"]
    assert lines[0]["error"]["code"] == "trace_jobs.given_up"


def test_what_nobody_starts_lapses_and_old_names_go(service: Service, regulator: Person) -> None:
    ctx = service._worker()[0]
    never = regulator.upload_many("/v1/traces/jobs", strangers(2))
    # An upload that broke off: pieces without a file.
    with unit_of_work(ctx.db) as session:
        lost = rows.Fresh.of("susp_lost", 3)
        rows.add_pieces(session, [rows.sealed_piece(lost, 0, b"abc", 1)])
    work.keep_house(ctx)
    assert count(service, "trace_job_pieces") == 2
    service.execute("UPDATE trace_jobs SET created_at_ms = 1 WHERE id = :id", id=never["id"])
    work.keep_house(ctx)
    assert regulator.get(f"/v1/traces/jobs/{never['id']}")["state"] == "cancelled"
    assert count(service, "trace_job_pieces") == 0
    kept = count(service, "traces")
    service.execute("UPDATE trace_jobs SET ended_at_ms = 1 WHERE ended_at_ms IS NOT NULL")
    work.keep_house(ctx)
    assert count(service, "trace_job_files") == count(service, "trace_jobs") == 0
    assert count(service, "traces") == kept, "verdicts stay"


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("UPDATE trace_job_files SET state = 'cancelled' WHERE job_id = :id", "trace_job_files"),
        ("UPDATE trace_job_files SET file_bytes = file_bytes + 1 WHERE job_id = :id", "trace_job_files"),
        ("UPDATE trace_jobs SET total = 7 WHERE id = :id", "trace_jobs"),
        (
            "UPDATE trace_jobs SET clues_enc = name_enc FROM trace_job_files AS f WHERE trace_jobs.id = :id",
            "trace_jobs",
        ),
        ("DELETE FROM trace_job_pieces WHERE :id = :id", "trace_job_files"),
    ],
)
def test_the_store_s_check_sees_what_was_changed(service: Service, regulator: Person, change: str, table: str) -> None:
    job = regulator.upload_many("/v1/traces/jobs", strangers(1))
    assert not damage(service)
    service.execute(change, id=job["id"])
    assert (table, "fsck.trace_job_edited") in damage(service)
    for name in ("trace_job_pieces", "trace_job_files", "trace_jobs"):
        service.execute(f"DELETE FROM {name}")


@pytest.mark.slow
def test_three_hundred_files_in_one_job(service: Service, leak: flow.Envelope, regulator: Person) -> None:
    """JSON, CSV, archives, a leak among them, and what nobody can read; handed in as six requests."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside.json", leak.file)
    files = list(strangers(300))
    for at in range(0, 300, 10):
        files[at] = (f"broken{at}.pdf", BROKEN)
        files[at + 1] = (f"garbage{at}", secrets.token_bytes(64))
    files[55] = ("packed.zip", packed.getvalue())
    files[255] = ("leak.json", leak.file)
    job = flow_traces.begin_job(regulator, files)
    assert job["counts"]["waiting"] == 300
    assert work_on(service) == 300
    told = flow_traces.wait_for_job(regulator, job["id"])
    lines = flow_traces.job_files(regulator, job["id"])
    assert [one["seq"] for one in lines] == list(range(1, 301))
    assert [one["name"] for one in lines] == [name for name, _ in files]
    outcomes = {at: one["outcome"] if one["state"] == "done" else one["state"] for at, one in enumerate(lines)}
    assert {at for at, what in outcomes.items() if what == "identified"} == {55, 255}
    assert {what for at, what in outcomes.items() if at % 10 == 0} == {"refused"}
    assert {what for at, what in outcomes.items() if at % 10 > 1 and at not in (55, 255)} == {"none"}
    assert told["outcomes"]["identified"] == 2 and told["counts"]["waiting"] == 0
    assert count(service, "trace_job_pieces") == 0
    assert not damage(service)
