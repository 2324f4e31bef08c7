"""Passkeys in a real Chromium, whose DevTools put a virtual authenticator at its side."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.http.auth import SESSION_COOKIE
from tests.portals.preview import ARGUMENTS, CHROMIUM
from tests.town import HARBOUR, LICENCE, Service

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed"),
]
PATIENCE_MS = 60_000
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser) -> Iterator[object]:
    context = browser.new_context(viewport={"width": 360, "height": 780}, locale="zh-CN")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.said = []
    page.on("console", lambda message: page.said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.said.append(str(error)))
    yield page
    context.close()


def by_name(service: Service) -> str:
    """The service under a host name: bare addresses have no passkeys."""
    return f"http://localhost:{service.settings.port}"


def enter(page, service: Service, base: str) -> None:
    """Sign in through the development provider."""
    person = service.driver()
    page.goto(f"{base}/signin/citizen?next=/citizen/me")
    page.fill("#number", person.number)
    page.fill("#name", person.name)
    page.click("form:has(#number) button")
    page.wait_for_url("**/citizen/me")


def device(page, **changes: object) -> tuple[object, str]:
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    made = tools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE | changes})
    return tools, made["authenticatorId"]


def test_from_the_first_passkey_to_the_last(service: Service, page) -> None:
    base = by_name(service)
    enter(page, service, base)
    tools, authenticator = device(page)
    page.click("a[href='/citizen/passkeys']")
    page.click("button[data-act=register]")
    page.wait_for_selector("form[action$='/remove']")
    held = tools.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    assert [(one["rpId"], one["isResidentCredential"]) for one in held] == [("localhost", True)]

    page.context.clear_cookies(name=SESSION_COOKIE)
    page.goto(f"{base}/signin/citizen?next=/citizen/passkeys")
    page.click("button[data-act=signin]")
    page.wait_for_url(f"{base}/citizen/passkeys")
    assert page.is_visible("text=上次使用")

    page.click("form[action$='/remove'] button")
    page.wait_for_selector("text=还没有通行密钥")
    page.context.clear_cookies(name=SESSION_COOKIE)
    page.goto(f"{base}/signin/citizen")
    assert page.said == []
    page.click("button[data-act=signin]")
    page.wait_for_selector("[data-passkey] [role=alert]:visible")
    assert "没有登记这把通行密钥" in page.inner_text("[data-passkey] [role=alert]")


def test_a_device_that_checks_nobody_is_refused(service: Service, page) -> None:
    base = by_name(service)
    enter(page, service, base)
    device(page, hasUserVerification=True, isUserVerified=False)
    page.goto(f"{base}/citizen/passkeys")
    page.click("button[data-act=register]")
    page.wait_for_selector("[data-passkey] [role=alert]:visible")
    assert "设备没有确认" in page.inner_text("[data-passkey] [role=alert]")
    assert page.is_visible("text=还没有通行密钥")


def test_under_a_bare_address_pages_say_where_passkeys_work(service: Service, page) -> None:
    page.goto(f"{service.url}/signin/citizen")
    page.wait_for_selector(f"text={by_name(service)}")
    assert not page.is_visible("button[data-act=signin]")
    assert page.is_visible("#number"), "everything else is as before"


def test_without_scripts_nothing_is_missing(service: Service, browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    enter(page, service, by_name(service))
    page.goto(f"{by_name(service)}/citizen/passkeys")
    assert not page.is_visible("button[data-act=register]")
    assert page.is_visible("noscript, h1")
    context.close()


def test_a_consent_confirmed_by_passkey(service: Service, page) -> None:
    base = by_name(service)
    enter(page, service, base)
    device(page)
    page.goto(f"{base}/citizen/passkeys")
    page.click("button[data-act=register]")
    page.wait_for_selector("form[action$='/remove']")
    asked = service.ask(service.driver(), items=((LICENCE, "licence_class", True),))
    page.goto(f"{base}/citizen/requests/{asked.id}")
    page.click("button[value=confirm]")
    page.wait_for_url("**/citizen/drafts/draft_*")
    page.click("button[data-act=confirm]")
    page.wait_for_selector(".note.good")
    page.click("main form button")
    page.wait_for_url("**/citizen/grants/grant_*")
    grant = page.url.rsplit("/", 1)[1]
    pulled = service.town.machine(HARBOUR).pull(grant, "application/json")
    evidence = service.town.machine(HARBOUR).get(f"/v1/receipts/{pulled.headers['Receipt-Id']}/evidence")
    assert evidence["grant"]["binding"]["kind"] == "webauthn"
    assert page.said == []
