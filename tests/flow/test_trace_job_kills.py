"""kill -9 of a worker at each commit of a tracing job: no file is lost, none is traced twice, none is kept beyond."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from api.demo import flow_traces
from api.store.queries import trace_jobs as rows
from tests.flow.test_trace_jobs import BROKEN, count, damage, strangers
from tests.town import Service

ROOT = Path(__file__).parents[2]
POINTS = [
    f"{when}:{place}"
    for place in ("work/_begin", "traces/examine_files", "work/_refuse", "filing/forget_left")
    for when in ("commit", "committed")
]


def settings_of(service: Service) -> dict[str, str]:
    known = service.settings
    return {
        "MYDATA_DATA_DIR": str(known.data_dir),
        "MYDATA_DATABASE_URL": known.database_url,
        "MYDATA_RPC_URL": known.rpc_url,
        "MYDATA_PORT": str(known.port),
    }


@pytest.mark.slow
def test_killed_at_each_commit(service: Service) -> None:
    regulator = service.town.regulator()
    # Every other file is refused: each kind of end comes by after each kill.
    files = [pair for stranger in strangers(9) for pair in (stranger, ("broken.pdf", BROKEN))]
    job = flow_traces.begin_job(regulator, files)["id"]
    line = [sys.executable, "-m", "tests.flow.dying_tracer"]
    with subprocess.Popen(
        line, cwd=ROOT, env={**os.environ, **settings_of(service)}, stdin=-1, stdout=-1, text=True
    ) as tracer:
        assert tracer.stdin is not None and tracer.stdout is not None

        def die_at(point: str) -> int:
            tracer.stdin.write(f"{point}\n")
            tracer.stdin.flush()
            return int(tracer.stdout.readline())

        over = 0
        for point in POINTS:
            assert die_at(point) == -signal.SIGKILL, f"{point}: was not come by"
            whole(service, job, point)
            counts = regulator.get(f"/v1/traces/jobs/{job}")["counts"]
            assert counts["done"] + counts["refused"] >= over and counts["cancelled"] == 0
            over = counts["done"] + counts["refused"]
        assert 0 < over < len(files), "the kills came while the job ran"
        assert die_at("") == 0
        tracer.stdin.close()
        assert tracer.wait(60) == 0
    told = regulator.get(f"/v1/traces/jobs/{job}")
    assert (told["state"], told["counts"]["done"], told["counts"]["refused"]) == ("done", 9, 9)
    whole(service, job, "at the end")
    assert count(service, "trace_job_pieces") == 0
    lines = flow_traces.job_files(regulator, job)
    assert [one["state"] for one in lines] == ["done", "refused"] * 9
    assert {one["error"]["code"] for one in lines if one["error"]} == {lines[1]["error"]["code"]}


def whole(service: Service, job: str, point: str) -> None:
    """Each file is still to be traced, whole and once, or over with one verdict and one receipt, its key gone."""
    held = service.rows(
        "SELECT id, key_enc, file_bytes FROM trace_job_files WHERE job_id = :id AND state IN ('waiting', 'running')",
        id=job,
    )
    for file_id, key, size in held:
        pieces = service.rows("SELECT count(*) FROM trace_job_pieces WHERE file_id = :id", id=file_id)[0][0]
        assert key is not None and pieces == -(-size // rows.PIECE_BYTES), point
    over = "SELECT count(*) FROM trace_job_files WHERE job_id = :id AND state IN ('done', 'refused')"
    assert service.rows(f"{over} AND key_enc IS NOT NULL", id=job) == [(0,)], point
    done = service.rows(
        "SELECT count(trace_id), count(DISTINCT trace_id) FROM trace_job_files WHERE job_id = :id", id=job
    )
    assert done == [(count(service, "traces"),) * 2], f"{point}: a file was traced twice, or a verdict lost its file"
    receipted = "SELECT count(*) FROM receipts WHERE kind = 'trace'"
    assert service.rows(receipted) == [(count(service, "traces"),)], point
    assert not damage(service), point
