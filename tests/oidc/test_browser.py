"""The same in a real browser, where cookies, policies and redirects are what they are."""

from pathlib import Path

import pytest

from api.http.auth import SESSION_COOKIE
from tests.oidc.rounds import Idp
from tests.portals.preview import ARGUMENTS, CHROMIUM
from tests.town import LICENCE, Service

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
]
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_from_a_page_that_asks_to_sign_in_and_back_to_it(scripts: bool, by_oidc: Service, idp: Idp, browser) -> None:
    idp.control(forget=True, fault="")
    context = browser.new_context(viewport={"width": 360, "height": 780}, java_script_enabled=scripts)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(f"{by_oidc.url}/citizen/grants")
    page.click("a.main-action")
    page.wait_for_url(f"{idp.issuer}/**")
    page.fill("[name=account]", "first")
    page.click("button[value=yes]")
    page.wait_for_url(f"{by_oidc.url}/citizen/grants")
    (cookie,) = [one for one in context.cookies() if one["name"] == SESSION_COOKIE]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    assert [text for text in said if "favicon" not in text] == []
    context.close()


def test_a_consent_confirmed_at_the_provider(by_oidc: Service, idp: Idp, browser) -> None:
    idp.control(forget=True, fault="")
    context = browser.new_context(viewport={"width": 360, "height": 780})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    asked = by_oidc.ask(by_oidc.driver(), items=((LICENCE, "licence_class", True),))
    page.goto(f"{by_oidc.url}/citizen/requests/{asked.id}")
    page.click("a.main-action")
    page.fill("[name=account]", "first")
    page.click("button[value=yes]")
    page.wait_for_url(f"{by_oidc.url}/citizen/requests/*")
    page.click("button[value=approve]")
    page.wait_for_url("**/citizen/drafts/draft_*")
    page.click("main form button")
    page.wait_for_selector("text=grants.draft_unconfirmed")
    page.click("a[href$='/confirm']")
    # Signed in there as one is, one is asked again.
    page.wait_for_selector("text=Please confirm once more.")
    page.fill("[name=account]", "first")
    page.click("button[value=yes]")
    page.wait_for_url(f"{by_oidc.url}/citizen/drafts/draft_*")
    page.wait_for_selector(".note.good")
    page.click("main form button")
    page.wait_for_url("**/citizen/grants/grant_*")
    context.close()
