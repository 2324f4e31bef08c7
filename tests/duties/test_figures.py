"""Indicators over HTTP: who reads them, what the files hold, and that they are what happened."""

import csv
import io
import json

import openpyxl

from api.demo import flow
from tests.api.calls import caller, problem
from tests.town import HARBOUR, Service


def test_figures_follow_what_happens_and_files_hold_the_same(service: Service) -> None:
    regulator = caller(service, "regulator")
    before = {one["code"]: one for one in regulator.call("GET", "/v1/indicators").json()["items"]}
    grant = service.grant(service.driver(), uses=1)
    flow.pull_envelope(service.town, HARBOUR, grant, "json")
    assert service.town.machine(HARBOUR).send("POST", f"/v1/grants/{grant}/pulls", {}).status_code == 403
    read = regulator.call("GET", "/v1/indicators").json()
    after = {one["code"]: one for one in read["items"]}
    moved = {
        code: (one["numerator"] - before[code]["numerator"], one["denominator"] - before[code]["denominator"])
        for code, one in after.items()
        if one["denominator"] is not None
    }
    # Four fields of one kind were asked for and given (two optional ones as well), delivered once, refused once.
    assert moved["form_fields"] == (4, 4)
    assert moved["replacement"] == (1, 1)
    assert moved["refusals"] == (1, 2)
    assert after["quality"]["denominator"] > 0
    assert read == caller(service, "auditor").call("GET", "/v1/indicators").json()

    path = "/v1/indicators/export?format="
    assert json.loads(regulator.call("GET", path + "json").content) == read
    told = regulator.call("GET", path + "csv").content.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(told)))
    book = openpyxl.load_workbook(io.BytesIO(regulator.call("GET", path + "xlsx").content))
    heads, *rows = [[cell.value or "" for cell in row] for row in book.worksheets[0].iter_rows()]
    assert [dict(zip(heads, row, strict=True)) for row in rows] == lines
    assert [(one["code"], one["numerator"]) for one in lines] == [
        (code, str(o["numerator"])) for code, o in after.items()
    ]


def test_a_period_is_a_period(service: Service) -> None:
    regulator = caller(service, "regulator")
    problem(regulator.call("GET", "/v1/indicators?from=2026-02-02&until=2026-02-01"), 422, "indicators.period")
    problem(regulator.call("GET", "/v1/indicators?from=0001-01-01&until=2026-02-01"), 422, "indicators.period")
    old = regulator.call("GET", "/v1/indicators?from=2020-01-01&until=2020-01-31").json()
    assert {one["numerator"] for one in old["items"]} == {0}
    page = regulator.call("GET", "/regulator/indicators?from=nonsense", headers={"Accept": "text/html"})
    assert page.status_code == 422
    assert "indicators.period" in page.text
    problem(caller(service, "operator").call("GET", "/v1/indicators"), 403, "auth.forbidden")
