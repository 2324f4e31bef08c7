"""Keys of one's own on pages: what is signed is shown, taken along and brought back; without and with a provider.

eth-account plays the holder's software. In the browser it stands behind an injected provider (EIP-1193), as the real
one does; the key itself never enters the page.
"""

import html
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account

from tests.api.calls import Caller
from tests.drafts.test_own_keys import citizen, signed
from tests.portals.preview import ARGUMENTS, CHROMIUM
from tests.portals.test_consent_pages import TOMORROW
from tests.town import HARBOUR, Service

PATIENCE_MS = 60_000
JSON = "application/json"


@pytest.fixture
def holder(service: Service) -> Caller:
    return citizen(service)


def send(who: Caller, path: str, **fields: object) -> httpx.Response:
    return who.http.post(path, data={"csrf": who.csrf, **fields}, follow_redirects=True)


def lay_out(who: Caller, request: str, key: str, **more: object) -> httpx.Response:
    fields = {"key": key, "until": TOMORROW, "uses": "5", "items": ["person.driving_licence/name"], **more}
    return send(who, f"/citizen/requests/{request}/own-key", **fields)


def shown_data(page: str) -> Any:
    found = re.search(r'<pre class="sample" id="typed-data">(.*?)</pre>', page, re.DOTALL)
    assert found, page
    return json.loads(html.unescape(found[1]))


def own_grant(service: Service, who: Caller, key: Any) -> str:
    laid = lay_out(who, service.ask(service.driver()).id, key.address)
    given = send(who, laid.url.path, signature=signed(shown_data(laid.text), key))
    assert "/citizen/grants/grant_" in str(given.url), given.text
    return str(given.url).rsplit("/", 1)[1]


def test_a_consent_is_signed_and_sent_back(service: Service, holder: Caller) -> None:
    key, asked = Account.create(), service.ask(service.driver())
    usual = holder.http.get(f"/citizen/requests/{asked.id}").text
    assert f'href="/citizen/requests/{asked.id}?own_key=1"' in usual
    form = holder.http.get(f"/citizen/requests/{asked.id}?own_key=1").text
    assert 'value="approve"' not in form, "nothing on this page gives anything"
    wrong = lay_out(holder, asked.id, "0x12")
    assert (wrong.status_code, "portal.bad_form" in wrong.text, 'value="0x12"' in wrong.text) == (422, True, True)
    laid = lay_out(holder, asked.id, key.address)
    draft, data = laid.url.path, shown_data(laid.text)
    assert data["message"]["key"] == key.address.lower()
    # Taken along as a file or as a code; both hold the data and nothing personal.
    file = holder.http.get(f"{draft}/signing.json")
    assert file.json() == data
    code = holder.http.get(f"{draft}/signing.svg")
    assert (code.headers["content-type"], code.text[:4]) == ("image/svg+xml", "<svg")
    assert service.driver().name not in file.text
    for bad in ("", "0x00", signed(data, Account.create())):
        refused = send(holder, draft, signature=bad)
        assert (refused.status_code, "grants.bad_signature" in refused.text) == (422, True)
    # As software may print it: without 0x, broken into lines, the last byte counted from 0.
    raw = bytes.fromhex(signed(data, key)[2:])
    text = (raw[:-1] + bytes([raw[-1] - 27])).hex()
    given = send(holder, draft, signature=f"{text[:64]}\n{text[64:]}")
    grant = str(given.url).rsplit("/", 1)[1]
    found = holder.http.get(f"/v1/grants/{grant}").json()
    assert (found["custody"], found["state"], found["max_uses"]) == ("own_key", "active", 5)
    assert service.town.machine(HARBOUR).pull(grant, JSON).status_code == 200
    again = lay_out(holder, service.ask(service.driver()).id, key.address)
    assert "grants.key_used" in again.text


def test_its_changes_are_signed_too_and_its_end_may_go_without(service: Service, holder: Caller) -> None:
    key = Account.create()
    grant = own_grant(service, holder, key)
    page = holder.http.get(f"/citizen/grants/{grant}").text
    assert f"/citizen/grants/{grant}/pause" not in page, "a button that could only fail is not offered"
    path = f"/citizen/grants/{grant}/change"
    for to, state in (("paused", "paused"), ("active", "active")):
        data = shown_data(holder.http.get(path, params={"to": to}).text)
        assert holder.http.get(f"{path}/signing.json", params={"to": to}).json() == data
        assert "grants.bad_signature" in send(holder, path, to=to, signature=signed(data, Account.create())).text
        assert send(holder, path, to=to, signature=signed(data, key)).status_code == 200
        assert holder.http.get(f"/v1/grants/{grant}").json()["state"] == state
    asked = holder.http.get(path, params={"to": "revoked"}).text
    assert "由运营方签名" in asked, "who signs the end in the public record is said beforehand"
    assert "由您本人签名" in asked
    ended = send(holder, path, to="revoked", signature=signed(shown_data(asked), key))
    assert "已收回" in ended.text
    assert "现在无法办理" in holder.http.get(path, params={"to": "paused"}).text
    second = own_grant(service, holder, Account.create())
    assert "已收回" in send(holder, f"/citizen/grants/{second}/change", to="revoked", unsigned="yes").text
    refused = service.town.machine(HARBOUR).send("POST", f"/v1/grants/{second}/pulls", {})
    assert refused.json()["code"] == "pull.grant_revoked", "at once, whoever signs the end elsewhere"


def test_an_extension_under_a_new_key(service: Service, holder: Caller) -> None:
    grant, key = own_grant(service, holder, Account.create()), Account.create()
    laid = send(holder, f"/citizen/grants/{grant}/extension", until=TOMORROW, uses="3", key=key.address)
    given = send(holder, laid.url.path, signature=signed(shown_data(laid.text), key))
    newer = str(given.url).rsplit("/", 1)[1]
    found = holder.http.get(f"/v1/grants/{newer}").json()
    assert (found["custody"], found["extends"], found["max_uses"]) == ("own_key", grant, 3)


def test_it_is_nobody_else_s(service: Service, holder: Caller) -> None:
    other, key = citizen(service, 1), Account.create()
    laid = lay_out(holder, service.ask(service.driver()).id, key.address)
    grant = own_grant(service, holder, Account.create())
    for path in (
        f"{laid.url.path}/signing.json",
        f"{laid.url.path}/signing.svg",
        f"/citizen/grants/{grant}/change?to=revoked",
    ):
        assert other.http.get(path).status_code == 404
    assert send(other, f"/citizen/grants/{grant}/change", to="revoked", unsigned="yes").status_code == 404
    kept = service.grant(service.driver())
    in_custody = holder.http.get(f"/citizen/grants/{kept}/change", params={"to": "paused"})
    assert (in_custody.status_code, "grants.not_own_key" in in_custody.text) == (409, True)


PROVIDER = "window.ethereum = { request: (ask) => window.keySoftware(ask.method, ask.params ?? []) };"


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Debian's chromium is not installed")
@pytest.mark.parametrize("lang", ["zh-Hans", "en"])
def test_key_software_in_the_browser(service: Service, lang: str) -> None:
    from playwright.sync_api import sync_playwright

    key, person, said, methods = Account.create(), service.driver(), [], []
    asked = service.ask(person)

    def software(method: str, params: list[Any]) -> Any:
        methods.append(method)
        if method == "eth_requestAccounts":
            return [key.address]
        address, text = params
        assert address == key.address.lower()
        return signed(json.loads(text), key)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 360, "height": 800})
        context.add_cookies([{"name": "mydata_lang", "value": lang, "url": service.url}])
        context.add_init_script(PROVIDER)
        page = context.new_page()
        page.expose_function("keySoftware", software)
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{service.url}/citizen")
        page.fill("#number", person.number)
        page.fill("#name", person.name)
        page.click("form:has(#number) button")
        page.wait_for_url("**/citizen")
        page.goto(f"{service.url}/citizen/requests/{asked.id}")
        page.click("a[href$='own_key=1']")
        page.click("[data-ownkey=address] button")
        page.wait_for_function("() => document.getElementById('key').value.length === 42")
        page.click("form[action$='/own-key'] .main-action")
        page.wait_for_url("**/citizen/drafts/**")
        page.click("summary:has-text('二维码'), summary:has-text('camera')")
        page.wait_for_function("() => document.querySelector('.code-picture').naturalWidth > 100")
        page.click("[data-ownkey=sign] button")
        page.wait_for_function("() => document.getElementById('signature').value.length === 132")
        # By keyboard from the field on: the next stop is the answer.
        page.focus("#signature")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/citizen/grants/grant_**")
        page.click("a[href$='change?to=revoked']")
        page.click("[data-ownkey=sign] button")
        page.wait_for_function("() => document.getElementById('signature').value.length === 132")
        page.click("form:has(#signature) button.stop")
        page.wait_for_url("**/citizen/grants/grant_*")
        grant = page.url.rsplit("/", 1)[1]
        browser.close()
    assert said == []
    assert methods.count("eth_signTypedData_v4") == 2
    ((state, seq),) = service.rows("SELECT state, seq FROM grants WHERE id = :id", id=grant)
    assert (state, seq) == ("revoked", 1), "the key's own signature ended it"
