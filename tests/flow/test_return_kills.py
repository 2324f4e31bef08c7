"""kill -9 of a worker at each step of a return: its successor goes on, nothing is lost or doubled, none half seen."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from api.store import unit_of_work
from api.store.fsck import Finding, fsck
from api.store.queries import records
from api.wiring import log_key
from tests.flow.dying_worker import POINTS
from tests.flow.files import SCHEMA, Row, licences, table
from tests.town import LICENCE, Service

ROOT = Path(__file__).parents[2]
PEOPLE, LEAVES = 11, 4
LATE = {"a batch is settled, not committed", "a batch is settled"}


def run_worker(service: Service, point: str, nth: int) -> int:
    """A worker in a process of its own until nothing is left to do, or its death; how it ended."""
    known = service.settings
    settings = {
        "MYDATA_DATA_DIR": str(known.data_dir),
        "MYDATA_DATABASE_URL": known.database_url,
        "MYDATA_RPC_URL": known.rpc_url,
        "MYDATA_PORT": str(known.port),
        "MYDATA_BATCH_LEAVES": str(LEAVES),
    }
    line = [sys.executable, "-m", "tests.flow.dying_worker", point, str(nth)]
    return subprocess.run(line, cwd=ROOT, env={**os.environ, **settings}, timeout=300, check=False).returncode


def hand_in(service: Service, rows: list[Row]) -> str:
    who = service.town.department(SCHEMA.department)
    return str(who.upload("/v1/returns", "file.csv", table(rows), type=LICENCE, seal="true")["id"])


def seen(service: Service, rows: list[Row]) -> list[list[str]]:
    """What each holder is shown: the address on each current certificate, and no certificate twice."""
    shown = []
    for row in rows:
        items = service.town.citizen(row["id_number"], row["name"]).get("/v1/certificates")["items"]
        shown.append([item["values"]["address"] for item in items])
    return shown


@pytest.mark.slow
def test_killed_at_each_step(service: Service) -> None:
    rows = licences(80, PEOPLE)
    first = hand_in(service, rows)
    service.work()
    assert seen(service, rows) == [[row["address"]] for row in rows]
    for at, point in enumerate(POINTS):
        before, rows = rows, [{**row, "address": f"文化中路{at + 1}号"} for row in rows]
        returned = hand_in(service, rows)
        nth = 2 if point in LATE else 1
        assert run_worker(service, point, nth) == -signal.SIGKILL, f"{point}: was not come by"
        shows = service.rows("SELECT sealed_at_ms IS NOT NULL FROM returns WHERE id = :id", id=returned)[0][0]
        wanted = rows if shows else before
        assert seen(service, wanted) == [[row["address"]] for row in wanted], f"{point}: half of it is seen"
        assert not damage(service), point
        service.work()
        assert seen(service, rows) == [[row["address"]] for row in rows], f"{point}: not gone on with"
        once(service, returned)
    assert first != returned
    versions = service.rows(
        "SELECT version, status, count(*) FROM records JOIN batches ON batches.id = batch_id WHERE return_id IN "
        "(SELECT id FROM returns WHERE created_at_ms >= (SELECT created_at_ms FROM returns WHERE id = :id)) "
        "GROUP BY version, status ORDER BY version",
        id=first,
    )
    last = len(POINTS) + 1
    assert versions == [(v, "current" if v == last else "superseded", PEOPLE) for v in range(1, last + 1)]


def damage(service: Service) -> list[Finding]:
    """What the store's own check finds."""
    ctx = service.ctx
    public = log_key(ctx.keys).public_key().public_bytes_raw()
    return list(fsck(ctx.db, ctx.vault, public, identity=ctx.chain).findings)


def once(service: Service, returned: str) -> None:
    """All that the return leads to is there once."""
    counts = "rows_total, rows_good, rows_bad, rows_duplicate, settle_next, state"
    assert service.rows(f"SELECT {counts} FROM returns WHERE id = :id", id=returned) == [
        (PEOPLE, PEOPLE, 0, 0, None, "sealed")
    ]
    (stored,) = service.rows(
        "SELECT count(*), count(DISTINCT number_bidx) FROM records JOIN batches ON batches.id = batch_id "
        "WHERE return_id = :id",
        id=returned,
    )
    assert tuple(stored) == (PEOPLE, PEOPLE)
    batches = service.rows(
        "SELECT seq, size, anchor_state FROM batches WHERE return_id = :id ORDER BY seq", id=returned
    )
    assert [batch.seq for batch in batches] == list(range(len(batches)))
    assert {batch.anchor_state for batch in batches} == {"pending"}
    for table_name, column, value in (
        ("receipts", "return_id", returned),
        ("corrections", "return_id", returned),
        ("outbox", "key", f"anchor:{returned}:0"),
    ):
        assert service.rows(f"SELECT count(*) FROM {table_name} WHERE {column} = :v", v=value) == [(1,)], table_name


def test_a_forgotten_settlement_is_found(service: Service) -> None:
    """The check of the store is not blind to it: settled by its word, and an older version still called current."""
    rows = licences(92, 2)
    hand_in(service, rows)
    service.work()
    returned = hand_in(service, [{**row, "address": "文化东路9号"} for row in rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "supersede_older", lambda *_: None)
        service.work()
    assert {(found.table, found.code) for found in damage(service)} == {("records", "fsck.record_status")}
    (batch,) = service.rows("SELECT id FROM batches WHERE return_id = :id", id=returned)
    with unit_of_work(service.ctx.db) as session:
        records.supersede_older(session, batch[0])
    assert not damage(service)
