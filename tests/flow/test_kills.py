"""kill -9 of every process in the middle of work, then the same data directory again: nothing lost, nothing doubled."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from api.catalogue import load_catalogue
from api.demo import flow, up
from api.demo.city import generate_city
from api.demo.commands import check
from api.demo.files import ExpectedFile, write_department_files
from api.demo.flow import Town
from tests.town import CLAIM, HARBOUR, until

pytestmark = pytest.mark.slow


def _kill_all(running: up.Running) -> None:
    for child in running.stack.children:
        assert child.process is not None
        child.process.kill()
        child.process.wait(20)


def _stored(data_dir: Path) -> int:
    with closing(sqlite3.connect(data_dir / "mydata.sqlite3", timeout=30)) as connection:
        return int(connection.execute("SELECT count(*) FROM records").fetchone()[0])


def test_kill_everything_twice_and_go_on(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    city = generate_city(400, 6000)
    files: list[ExpectedFile] = write_department_files(city, tmp_path / "files", load_catalogue())
    running = up.start(data_dir, port=0, chain_port=0)
    try:
        town = Town(running.settings, running.url)
        sent = {f.type_code: flow.return_file(town.department(f.department), f.path, f.type_code) for f in files}
        until(lambda: _stored(data_dir) > 300, "the first slices are stored")
    finally:
        _kill_all(running)
    before = _stored(data_dir)
    assert before < 6000, "killed too late to show anything"

    running = up.start(data_dir, port=0, chain_port=0)
    try:
        town = Town(running.settings, running.url)
        for file in files:
            flow.wait_for_return(
                town.department(file.department), sent[file.type_code], ("checked", "sealed", "anchored"), 120
            )
        person = city.drivers[0]
        asked = flow.ask(town, HARBOUR, person.number, "insurance.motor.claims", CLAIM, case_no="CL-9", days=30, uses=5)
        grant = flow.approve(town.citizen(person.number, person.name), asked, days=30, uses=5)["grant"]
        pulled = flow.pull_envelope(town, HARBOUR, grant, "json")
    finally:
        _kill_all(running)

    running = up.start(data_dir, port=0, chain_port=0)
    try:
        town = Town(running.settings, running.url)
        for file in files:
            officer = town.department(file.department)
            item = flow.wait_for_return(officer, sent[file.type_code], ("anchored",), 120)
            assert (item["rows"]["good"], item["rows"]["bad"]) == (file.good, len(file.bad)), file.type_code
        assert _stored(data_dir) == 6000
        again = flow.pull_envelope(town, HARBOUR, grant, "json")
        assert (again.copy, again.file) == (pulled.copy, pulled.file)
        deadline = time.monotonic() + 60
        while not (report := check(running.settings)).ok and time.monotonic() < deadline:
            time.sleep(1)
        assert report.ok, [(f.table, f.id, f.code) for f in report.findings[:5]]
    finally:
        running.stack.stop()
