"""One journey per portal on the real thing: devnet, worker and service as processes, a real browser as its users.

A department returns a file, an insurer asks, the citizen agrees, the insurer takes a copy, a regulator traces it,
anybody checks the proof, the citizen takes the consent back and the next pull is refused. Any console error or policy
violation on the way fails.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from api.demo.city import generate_city
from api.demo.people import DemoCertificate
from api.demo.up import Running, start
from tests.portals.preview import ARGUMENTS, CHROMIUM

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
]
LICENCE = "person.driving_licence"
PATIENCE_MS = 30_000


@dataclass
class World:
    """The running stack, and what one journey leaves for the next."""

    running: Running
    licences: list[DemoCertificate]
    names: dict[str, str]
    browser: object
    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.running.url

    def page(self, lang: str, width: int = 360):
        context = self.browser.new_context(
            viewport={"width": width, "height": 800},
            locale="zh-CN" if lang == "zh-Hans" else "en-GB",
            accept_downloads=True,
        )
        context.add_cookies([{"name": "mydata_lang", "value": lang, "url": self.url}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        return page

    def staff(self, role: str, name: str, lang: str, width: int = 1280):
        page = self.page(lang, width)
        page.goto(f"{self.url}/signin/{role}")
        page.click(f"button.identity:has-text('{name}')")
        # Until it has loaded: before, its scripts do not hear that a file was chosen.
        page.wait_for_url(lambda url: "/signin/" not in url)
        return page

    def citizen(self, lang: str):
        page = self.page(lang)
        number = self.licences[0].holder
        page.goto(f"{self.url}/citizen")
        page.fill("#number", number)
        page.fill("#name", self.names[number])
        page.click("form:has(#number) button")
        page.wait_for_url("**/citizen")
        return page


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    from playwright.sync_api import sync_playwright

    folder = tmp_path_factory.mktemp("journeys")
    city = generate_city(20, 120)
    licences = [one for one in city.certificates if one.type_code == LICENCE]
    running = start(folder / "data", port=0, chain_port=0)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            names = {person.number: person.name for person in city.persons}
            yield World(running, licences, names, browser, folder)
            browser.close()
    finally:
        running.stack.stop()


def department_file(licences: list[DemoCertificate]) -> bytes:
    """Good rows, and one with a wrong check digit."""
    out = io.StringIO()
    names = list(licences[0].values)
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    for one in licences:
        writer.writerow(one.values)
    wrong = dict(licences[0].values)
    last = wrong["id_number"][-1]
    wrong["id_number"] = wrong["id_number"][:-1] + ("1" if last != "1" else "2")
    writer.writerow(wrong)
    return out.getvalue().encode("utf-8-sig")


def test_department_returns_and_seals(world: World) -> None:
    page = world.staff("department", "公安", "zh-Hans")
    page.select_option("#type", LICENCE)
    page.click("button:has-text('选定')")
    data = department_file(world.licences)
    page.set_input_files("#file", {"name": "licences.csv", "mimeType": "text/csv", "buffer": data})
    page.click("button:has-text('检查文件')")
    page.wait_for_selector("text=已检查 · 待签章")
    assert page.inner_text(".figures .good dd") == str(len(world.licences))
    assert page.inner_text(".figures .stop dd") == "1"
    with page.expect_download() as report:
        page.click("text=下载清单")
    listed = Path(report.value.path()).read_text("utf-8-sig")
    assert str(len(world.licences) + 2) in listed
    assert world.licences[0].holder[:17] not in listed
    page.click("button:has-text('签章')")
    page.wait_for_selector(".page-head .badge:has-text('已存证')")
    page.context.close()


def test_entity_asks(world: World) -> None:
    page = world.staff("entity", "Demo Harbour Insurance", "en")
    page.click("text=Motor claim")
    page.fill("#number", world.licences[0].holder[:-1] + ("1" if world.licences[0].holder[-1] != "1" else "2"))
    page.click("text=Next: which details")
    page.wait_for_selector("[role=alert]")
    page.fill("#number", world.licences[0].holder)
    page.click("text=Next: which details")
    page.click("text=Next: terms")
    page.fill("#case_no", "CL-2026-0815")
    page.click("text=Send the request")
    page.wait_for_selector("text=The request was sent")
    assert world.licences[0].holder not in page.content()
    assert world.licences[0].holder not in page.url
    page.context.close()


def test_citizen_sees_and_agrees(world: World) -> None:
    page = world.citizen("zh-Hans")
    page.click("a.cert")
    page.wait_for_selector("text=存证凭证")
    number = world.licences[0].holder
    assert number not in page.content()
    page.click("form:has(input[value='id_number']) button")
    page.wait_for_selector(f"text={number}")
    with page.expect_download() as original:
        page.click("text=下载原件")
    assert Path(original.value.path()).read_bytes().startswith(b"%PDF")
    page.click("text=存证凭证")
    with page.expect_download() as proof:
        page.click("text=保存凭证文件")
    (world.folder / "bundle.json").write_bytes(Path(proof.value.path()).read_bytes())
    page.goto(f"{world.url}/citizen")
    page.click("a.tinted")
    boxes = page.query_selector_all("input[type=checkbox]")
    assert boxes
    assert not [box for box in boxes if box.is_checked()]
    page.click("button:has-text('同意')")
    page.wait_for_selector(".badge:has-text('生效中')")
    page.context.close()


def test_entity_takes_a_marked_copy(world: World) -> None:
    page = world.staff("entity", "Demo Harbour Insurance", "en")
    page.click("nav >> text=Consents received")
    page.click("text=CL-2026-0815")
    page.check("input[value='application/pdf']")
    with page.expect_download() as copy:
        page.click("text=Take a marked copy")
    data = Path(copy.value.path()).read_bytes()
    assert data.startswith(b"%PDF")
    (world.folder / "copy.pdf").write_bytes(data)
    page.reload()
    assert page.is_visible("td:has-text('PDF')")
    page.context.close()


def test_regulator_traces_the_leak(world: World) -> None:
    page = world.staff("regulator", "Data Supervision", "en")
    page.set_input_files("#files", str(world.folder / "copy.pdf"))
    page.click("button:has-text('Examine')")
    page.wait_for_selector(".verdict")
    assert "Demo Harbour Insurance" in page.inner_text(".verdict h1")
    assert page.is_visible("text=Source identified")
    page.click("nav >> text=Health of the log")
    page.wait_for_selector("text=Last checkpoint")
    page.context.close()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_many_files_are_a_run_that_can_be_left(world: World, script: bool) -> None:
    """The page comes to its end by itself, with a script or by its own reload, and is found again from the list."""
    page = world.staff("regulator", "Data Supervision", "en")
    if not script:
        plain = world.browser.new_context(storage_state=page.context.storage_state(), java_script_enabled=False)
        page.context.close()
        page = plain.new_page()
        page.set_default_timeout(PATIENCE_MS * 2)
        page.goto(f"{world.url}/regulator")
    leak = {"name": "copy.pdf", "mimeType": "application/pdf", "buffer": (world.folder / "copy.pdf").read_bytes()}
    files = [{"name": f"{at}.csv", "mimeType": "text/csv", "buffer": f"a,b\n{at},x{at}\n".encode()} for at in range(24)]
    files.append({"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 broken"})
    page.set_input_files("#files", [*files, leak])
    if script:
        # So many names would push the button out of sight: the first ones, and how many more.
        page.wait_for_selector("[data-chosen] li:nth-child(13)")
        assert page.locator("[data-chosen] li").count() == 13
        assert page.inner_text("[data-chosen] li:last-child") == "+ 14"
    page.click("button:has-text('Examine')")
    page.wait_for_url("**/regulator/traces/jobs/*")
    address = page.url
    page.goto(f"{world.url}/regulator")
    page.click(f"a[href='{address.removeprefix(world.url)}']")
    page.wait_for_selector(".page-head .badge:has-text('Finished')")
    page.wait_for_selector("text=Source identified")
    lines = page.locator("section[aria-labelledby=lines] tbody tr")
    assert lines.count() == 26
    assert "watermark." in lines.nth(24).inner_text()
    page.click("section[aria-labelledby=lines] >> text=Source identified")
    page.wait_for_selector(".verdict")
    page.context.close()


def test_anybody_checks_the_proof(world: World) -> None:
    page = world.page("en")
    page.goto(f"{world.url}/verify")
    page.set_input_files("#bundle", str(world.folder / "bundle.json"))
    page.click("form:has(#bundle) button")
    page.wait_for_selector("text=Genuine and unchanged.")
    # A certificate's own proof says nothing of a consent, and the page does not pretend that it does.
    assert "Not part of this file" in page.inner_text(".facts > div:has-text('The holder agreed')")
    document = json.loads((world.folder / "bundle.json").read_bytes())
    disclosed = next(iter(document["certificates"][0]["disclosed"].values()))
    disclosed["value"] += "9"
    changed = {"name": "b.json", "mimeType": "application/json", "buffer": json.dumps(document).encode()}
    page.set_input_files("#bundle", changed)
    page.click("form:has(#bundle) button")
    page.wait_for_selector("text=Do not rely on it: a check does not hold.")
    page.set_input_files("#bundle", {"name": "b.json", "mimeType": "application/json", "buffer": b"{}"})
    page.click("form:has(#bundle) button")
    page.wait_for_selector("[role=alert]:has-text('This is not a proof file')")
    page.context.close()


def test_citizen_takes_back_and_sees_who_looked(world: World) -> None:
    page = world.citizen("en")
    page.click("nav >> text=Footprints")
    page.wait_for_selector("text=Took data")
    page.click("nav >> text=Consents")
    page.click("a.card:has-text('In force')")
    page.click("summary.button.stop")
    page.click("text=Yes, take back")
    page.wait_for_selector(".badge:has-text('Taken back')")
    clerk = world.staff("entity", "Demo Harbour Insurance", "en")
    clerk.goto(f"{world.url}/entity/grants")
    clerk.click("text=CL-2026-0815")
    clerk.wait_for_selector("text=This consent has ended")
    assert not clerk.is_visible("text=Take a marked copy")
    clerk.context.close()
    # Larger text is one tap, and stays.
    page.click("text=Large text")
    page.wait_for_selector("html[data-elder]")
    page.goto(f"{world.url}/citizen")
    page.wait_for_selector("html[data-elder]")
    page.context.close()


def test_errors_are_pages(world: World) -> None:
    page = world.page("en")
    assert page.goto(f"{world.url}/nowhere").status == 404
    assert page.is_visible("text=There is nothing here")
    page.context.close()


def test_operator_sees_parts_and_nobody(world: World) -> None:
    page = world.staff("operator", "Operations Centre", "en")
    page.wait_for_selector("text=Proof network")
    assert page.goto(f"{world.url}/citizen").status == 403
    page.context.close()


def test_nothing_was_said_on_any_console(world: World) -> None:
    expected = ("404 (Not Found)", "403 (Forbidden)", "422 (Unprocessable")
    assert [text for text in world.said if not any(part in text for part in expected)] == []
