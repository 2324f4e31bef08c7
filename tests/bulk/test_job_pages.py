"""Bulk pulls as staff make them: a form, progress that can be left, an archive, reasons in words."""

import io
import json
import zipfile

import httpx
import pytest

from api.demo.client import Person
from api.demo.provision import party_id
from api.services.pulls import XLSX
from tests.town import HARBOUR, PINE, Service, until


@pytest.fixture
def staff(service: Service) -> Person:
    found = Person(service.url).sign_in(role="entity", party=party_id(HARBOUR), name="理赔员")
    service.at_end.callback(found.close)
    return found


def post(staff: Person, path: str, **fields: str) -> httpx.Response:
    headers = {"Accept": "text/html", "Accept-Language": "zh-CN"}
    return staff.http.post(path, data={**fields, "csrf": staff.csrf}, headers=headers)


def test_staff_take_many_copies_in_one_archive(service: Service, staff: Person) -> None:
    grants = [service.grant(service.driver(at), case_no=f"PAGE-{at}") for at in range(3)]
    service.citizen(service.driver(2)).post(f"/v1/grants/{grants[2]}/pause")
    fields = {"format": XLSX, "purpose": "insurance.motor.claims", "case_prefix": "PAGE-"}
    begun = post(staff, "/entity/jobs", **fields)
    assert begun.status_code == 303
    page = begun.headers["location"]
    until(lambda: staff.get(f"{page}/progress")["state"] == "ready", "the consents are looked at")
    told = staff.get(f"{page}/progress")
    assert (told["done"], told["total"]) == (2, 2)  # a paused consent is not in force
    post(staff, f"{page}/cancel")
    assert "已取消" in staff.http.get(page, headers={"Accept-Language": "zh-CN"}).text
    assert post(staff, f"{page}/result").status_code == 409
    post(staff, f"{page}/resume")
    until(lambda: staff.get(f"{page}/progress")["state"] == "ready", "they are looked at again")
    shown = staff.http.get(page, headers={"Accept-Language": "zh-CN"}).text
    assert "PAGE-0" in shown
    assert "保存压缩包" in shown
    answer = post(staff, f"{page}/result")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        items = json.loads(archive.read("manifest.json"))["items"]
    assert [(one["grant"], one["state"]) for one in items] == [(grant, "delivered") for grant in grants[:2]]
    listed = staff.http.get("/entity/jobs", headers={"Accept-Language": "en"}).text
    assert "cases beginning with PAGE-" in listed


def test_a_form_that_matches_nothing_comes_back_with_its_reason(service: Service, staff: Person) -> None:
    answer = post(staff, "/entity/jobs", format=XLSX, case_prefix="no-such-case")
    assert answer.status_code == 409
    assert "pull_jobs.nothing_matches" in answer.text
    assert 'value="no-such-case"' in answer.text
    assert post(staff, "/entity/jobs", format=XLSX).status_code == 422
    assert staff.http.post("/entity/jobs", data={"format": XLSX, "csrf": "wrong"}).status_code == 403


def test_another_s_job_is_nobody_s(service: Service, staff: Person) -> None:
    job = service.town.client(PINE).jobs.start(grants=["grant_of_nobody"]).id
    for path in ("", "/progress"):
        assert staff.http.get(f"/entity/jobs/{job}{path}").status_code == 404
    for path in ("/result", "/cancel", "/resume"):
        assert post(staff, f"/entity/jobs/{job}{path}").status_code == 404
