"""Many files in one run: one that cannot be read is a line with its reason and keeps nobody from the rest."""

import io
import re
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from api import cli
from api.demo import flow
from api.demo.trace_command import trace_files
from api.errors import ApiError
from api.locale import error_text
from api.services import trace_jobs
from tests.town import CLAIM, HARBOUR, Service
from watermark import WatermarkError
from watermark.report import read_report
from watermark.rescore import rescore

BROKEN = b"%PDF-1.7 broken"


@pytest.fixture(scope="module")
def leak(service: Service) -> flow.Envelope:
    return flow.pull_envelope(service.town, HARBOUR, service.grant(service.driver(), items=CLAIM), "json")


@pytest.fixture
def found(tmp_path: Path, leak: flow.Envelope) -> list[Path]:
    """A broken file first, one that is not there, then the leak."""
    files = [tmp_path / name for name in ("[b]broken.pdf", "absent.pdf", "leak.json")]
    files[0].write_bytes(BROKEN)
    files[2].write_bytes(leak.file)
    return files


def test_the_command_has_a_line_for_each_file(service: Service, leak: flow.Envelope, found: list[Path]) -> None:
    text = io.StringIO()
    assert not trace_files(service.town.regulator(), found, Console(file=text, width=300))
    said = text.getvalue()
    assert "100%" in said
    (line,) = re.findall(r"leak\.json .*", said)
    assert "identified" in line and leak.copy in line
    # Each file that failed: in the table, then with its reason in both languages.
    assert said.count("[b]broken.pdf") == said.count("absent.pdf") == 2
    for lang in ("zh-Hans", "en"):
        assert error_text("traces.no_such_file", lang, {}) in said
    assert len(re.findall(r"watermark\.\S+", said)) >= 2


def test_reports_are_kept_and_computed_again(
    service: Service, leak: flow.Envelope, found: list[Path], tmp_path: Path
) -> None:
    into = tmp_path / "reports" / "of a case"
    assert trace_files(service.town.regulator(), found[2:], Console(file=io.StringIO()), into)
    assert sorted(one.suffix for one in into.iterdir()) == [".html", ".json", ".pdf"]
    (report,) = into.glob("*.json")
    data = report.read_bytes()
    assert not rescore(read_report(data)).differences
    with pytest.raises(WatermarkError):
        read_report(data.replace(b"identified", b"suspect"))
    # A folder that cannot be made is said before anything is traced.
    with pytest.raises(ApiError, match=r"traces\.no_folder"):
        trace_files(service.town.regulator(), found[2:], Console(file=io.StringIO()), found[0] / "below")


def test_its_exit_code_tells_that_one_failed(service: Service, found: list[Path]) -> None:
    run = CliRunner().invoke
    failed = run(cli.app, ["trace", *map(str, found), "--url", service.url])
    assert failed.exit_code == 3, failed.output
    assert run(cli.app, ["trace", str(found[2]), "--url", service.url]).exit_code == 0


def test_the_page_makes_a_run_of_several_files(service: Service, leak: flow.Envelope) -> None:
    regulator = service.town.regulator()

    def post(*files: tuple[str, bytes], to: str = "") -> httpx.Response:
        parts = [("files", (name, data, "application/octet-stream")) for name, data in files]
        headers = {"X-CSRF-Token": regulator.csrf}
        return regulator.http.post(f"/regulator/traces{to}", files=parts, headers=headers)

    # One file has its verdict at once.
    assert post(("broken.pdf", BROKEN)).status_code == 422
    assert post(("leak.json", leak.file)).status_code == 303
    before = service.rows("SELECT count(*) FROM traces")[0][0]
    begun = post(("<b>broken.pdf", BROKEN), ("leak.json", leak.file))
    assert begun.status_code == 303
    page = begun.headers["location"]
    job = page.removeprefix("/regulator/traces")
    told = regulator.get(f"{page}/progress")
    assert (told["state"], told["done"], told["total"]) == ("running", 0, 2)
    assert post(("again.pdf", BROKEN), to=f"{job}/files").headers["location"] == page
    shown = regulator.http.get(page, headers={"Accept-Language": "en"}).text
    # Without a script the page comes again by itself.
    assert 'http-equiv="refresh"' in shown and f'data-progress="{page}/progress"' in shown
    rounds = trace_jobs.Rounds()
    while trace_jobs.turn(service._worker()[0], rounds):
        pass
    told = regulator.get(f"{page}/progress")
    assert (told["state"], told["done"], told["total"]) == ("done", 3, 3)
    for lang, word in (("en", "Could not be read"), ("zh-CN", "未能读取")):
        shown = regulator.http.get(page, headers={"Accept-Language": lang}).text
        assert word in shown and "&lt;b&gt;broken.pdf" in shown and "refresh" not in shown
        assert shown.count("<code") == 2, "a reason for each that could not be read"
        assert len(re.findall(r'href="/regulator/traces/trace_', shown)) == 1
        assert page in regulator.http.get("/regulator", headers={"Accept-Language": lang}).text
    assert service.rows("SELECT count(*) FROM traces")[0][0] == before + 1
    late = post(("late.pdf", BROKEN), to=f"{job}/files")
    assert late.status_code == 409 and "trace_jobs.over" in late.text
    assert post(to=f"{job}/cancel").headers["location"] == page
    assert regulator.http.get("/regulator/traces/jobs/tjob_of_nobody").status_code == 404
