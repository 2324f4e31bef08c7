"""Journeys of those who act through others, in a real browser: a daughter for her mother, a parent for a child, and an
officer at a window for somebody without a phone. Any console error or policy violation on the way fails.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from api.demo import flow
from api.demo.people import Person, identity_number
from tests.portals.preview import ARGUMENTS, CHROMIUM
from tests.town import CLAIM, HARBOUR, Service, small_city

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
]
PATIENCE_MS = 30_000


@dataclass
class World:
    """A service, a browser, and what its console said."""

    service: Service
    browser: Any
    said: list[str] = field(default_factory=list)

    def page(self, lang: str, width: int = 360) -> Any:
        context = self.browser.new_context(viewport={"width": width, "height": 800}, accept_downloads=True)
        context.add_cookies([{"name": "mydata_lang", "value": lang, "url": self.service.url}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        return page

    def citizen(self, number: str, name: str, lang: str = "zh-Hans") -> Any:
        page = self.page(lang)
        page.goto(f"{self.service.url}/citizen")
        page.fill("#number", number)
        page.fill("#name", name)
        page.click("form:has(#number) button")
        page.wait_for_url("**/citizen")
        return page

    def officer(self, name: str, lang: str = "zh-Hans", *, duty: bool = False) -> Any:
        page = self.page(lang, 1280)
        page.goto(f"{self.service.url}/signin/department")
        if duty:
            page.check("input[name=duty]")
            page.fill("#staff", "0417")
        page.click(f"button.identity:has-text('{name}')")
        page.wait_for_url("**/department")
        return page


@pytest.fixture(scope="module")
def world(service: Service) -> Iterator[World]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield World(service, browser)
        browser.close()


def relative(years: int, order: int) -> str:
    """The number of somebody of that age of whom nothing was returned."""
    today = small_city().today
    return identity_number(today.replace(year=today.year - years, day=min(today.day, 28)), order)


def ask(world: World, number: str) -> flow.Asked:
    return flow.ask(
        world.service.town, HARBOUR, number, "insurance.motor.claims", CLAIM, case_no="CL-2026-77", days=30, uses=5
    )


def elder(world: World) -> Person:
    return world.service.driver(0)


def test_a_daughter_is_appointed_accepts_acts_and_stops(world: World) -> None:
    mother, daughter = elder(world), relative(40, 801)
    theirs = world.citizen(mother.number, mother.name)
    theirs.click("nav >> text=我")
    theirs.click("a:has-text('谁可以代谁办理')")
    theirs.click("summary:has-text('委托别人代我办理')")
    theirs.fill("#name", "演示女儿")
    theirs.fill("#number", daughter[:-1] + ("1" if daughter[-1] != "1" else "2"))
    theirs.check("input[name=actions][value=decide]")
    theirs.click("button:has-text('委托')")
    theirs.wait_for_selector("[role=alert]")
    theirs.fill("#number", daughter)
    theirs.click("button:has-text('委托')")
    theirs.wait_for_selector(".badge:has-text('等待接受')")
    assert daughter not in theirs.url
    assert daughter not in theirs.content()
    hers = world.citizen(daughter, "演示女儿")
    hers.goto(f"{world.service.url}/citizen/me")
    hers.click("a:has-text('1 项等您答复')")
    hers.click("button:has-text('接受') >> nth=0")
    hers.wait_for_selector("h2:has-text('您可以代谁办理') ~ .card .badge:has-text('生效中')")
    ask(world, mother.number)
    hers.click("nav >> text=我")
    hers.click(f"button.identity:has-text('{mother.name}')")
    hers.wait_for_selector(".acting")
    assert mother.name in hers.inner_text(".acting")
    hers.click("a.tinted")
    hers.click("button:has-text('同意') >> nth=0")
    hers.wait_for_selector(".badge:has-text('生效中')")
    # What the scope leaves out is refused with a way back.
    hers.goto(f"{world.service.url}/citizen")
    hers.click("a.cert")
    hers.wait_for_selector("text=存证凭证")
    original = hers.context.request.get(f"{hers.url}/original.pdf")
    assert original.status == 403
    # The mother sees who agreed for her, and ends it; the daughter stops at once.
    theirs.click("nav >> text=足迹")
    theirs.wait_for_selector("text=代您办理：代理人")
    theirs.wait_for_selector("text=代您办理的人有变动")
    theirs.goto(f"{world.service.url}/citizen/mandates")
    theirs.click("summary.button.stop:has-text('立即结束')")
    theirs.click("button:has-text('确认，立即结束')")
    theirs.wait_for_selector("text=被代理人结束")
    hers.goto(f"{world.service.url}/citizen")
    hers.wait_for_selector("text=这项代理已经结束")
    hers.click("a:has-text('选择为谁办理')")
    hers.wait_for_selector("text=现在不能代此人查看或办理")
    hers.click("button.identity:has-text('演示女儿')")
    hers.wait_for_selector(".acting", state="detached")
    theirs.context.close()
    hers.context.close()


def test_police_registers_a_guardian_who_acts_for_the_child(world: World) -> None:
    child, parent = relative(8, 803), relative(36, 805)
    desk = world.officer("Public Security", "en")
    assert not desk.is_visible("nav >> text=Service window"), "this officer is not on duty at one"
    desk.click("nav >> text=Representatives")
    desk.fill("#principal_name", "演示孩子")
    desk.fill("#principal_number", child)
    desk.fill("#person_name", "演示家长")
    desk.fill("#person_number", parent)
    desk.select_option("#document", "household_register")
    desk.fill("#document_no", "371099-0417")
    desk.click("button:has-text('Register')")
    desk.wait_for_selector("td:has-text('371099-0417')")
    assert child not in desk.content()
    page = world.citizen(parent, "演示家长", "en")
    page.goto(f"{world.service.url}/citizen/me")
    page.click("button.identity:has-text('演示孩子')")
    page.wait_for_selector("text=You act for 演示孩子 as guardian")
    desk.select_option("select[name=reason]", "court")
    desk.click("button:has-text('End now')")
    desk.wait_for_selector("text=taken away by a court")
    page.reload()
    page.wait_for_selector("text=This mandate has ended")
    desk.context.close()
    page.context.close()


def test_a_window_serves_somebody_without_a_phone(world: World) -> None:
    person = elder(world)
    ask(world, person.number)
    page = world.officer("民政局", duty=True)
    page.click("nav >> text=窗口代办")
    page.select_option("#document", "id_card")
    page.fill("#name", person.name)
    page.fill("#number", person.number)
    page.click("button:has-text('查找')")
    page.wait_for_selector("h1")
    assert person.number not in page.url
    assert person.number not in page.content()
    page.click("a.card:has-text('演示海港财产保险公司') >> nth=0")
    page.wait_for_selector("text=请念给本人听")
    assert not [box for box in page.query_selector_all("input[type=checkbox]") if box.is_checked()]
    page.click("button:has-text('本人同意')")
    page.wait_for_selector("text=已办理 1 项")
    with page.expect_download() as slip:
        page.click("a:has-text('打印回执')")
    assert Path(slip.value.path()).read_bytes().startswith(b"%PDF")
    code = slip.value.suggested_filename.removesuffix(".pdf")
    anybody = world.page("zh-Hans")
    anybody.goto(f"{world.service.url}/v/{code}")
    anybody.wait_for_selector("text=这张回执是真的")
    assert person.name not in anybody.content()
    page.click("summary.button.stop >> nth=0")
    page.click("button:has-text('收回') >> visible=true")
    page.wait_for_selector("text=已办理 2 项")
    page.click("button:has-text('办理完毕')")
    page.wait_for_url("**/department/counter")
    theirs = world.citizen(person.number, person.name)
    theirs.click("nav >> text=足迹")
    theirs.wait_for_selector("text=在服务窗口，凭您的证件：居民身份证")
    theirs.wait_for_selector("text=代您办理：服务窗口")
    for one in (page, anybody, theirs):
        one.context.close()


def test_nothing_was_said_on_any_console(world: World) -> None:
    expected = ("403 (Forbidden)", "422 (Unprocessable")
    assert [text for text in world.said if not any(part in text for part in expected)] == []
