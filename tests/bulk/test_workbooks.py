"""Workbooks over HTTP: delivered, the same again, readable elsewhere, traced from the file and from what it became."""

import io

import openpyxl

from api.demo import flow, leaks
from api.demo.provision import party_id
from api.services.pulls import XLSX
from tests.town import HARBOUR, Service


def test_a_workbook_is_delivered_and_traced_in_every_form(service: Service) -> None:
    grant = service.grant(service.driver())
    machine = service.town.machine(HARBOUR)
    first, again = machine.pull(grant, XLSX), machine.pull(grant, XLSX)
    assert first.headers["content-type"] == XLSX
    assert first.headers["content-disposition"].endswith('.xlsx"')
    assert first.content == again.content
    assert first.headers["copy-id"] == again.headers["copy-id"]
    lines = list(openpyxl.load_workbook(io.BytesIO(first.content)).active.iter_rows(values_only=True))
    named = dict(zip(lines[1], lines[0], strict=True))
    assert named["licence_class"] == "准驾车型"
    assert (named["type"], named["record"]) == ("证照类型", "序号")
    values = dict(zip(lines[1], lines[2], strict=True))
    as_json = machine.pull(grant, "application/json").json()["records"][0]
    assert {name: value for name, value in values.items() if name != leaks.LABEL} == as_json
    regulator = service.town.regulator()
    for name, leak in (("a.xlsx", first.content), ("b.csv", leaks.workbook_as_csv(first.content))):
        answer = regulator.upload("/v1/traces", name, leak)["items"][0]
        assert answer["outcome"] == "identified", (name, answer)
        assert [one["entity"] for one in answer["report"]["accused"]] == [party_id(HARBOUR)]
        assert answer["report"]["accused"][0]["copy"] == first.headers["copy-id"]


def test_the_envelope_carries_a_workbook(service: Service) -> None:
    grant = service.grant(service.driver(1))
    envelope = flow.pull_envelope(service.town, HARBOUR, grant, "xlsx")
    assert envelope.media_type == XLSX
    assert openpyxl.load_workbook(io.BytesIO(envelope.file)).active.max_row == 3
    assert len(envelope.certificates) == 1
