"""Signing in through a real provider, and every way in which that must fail."""

import urllib.parse

import httpx
import pytest

from api.http.auth import ROUND_COOKIE, SESSION_COOKIE
from tests.oidc.rounds import Browser, Idp, code_of
from tests.town import Service


@pytest.fixture
def browser(by_oidc: Service, idp: Idp):
    idp.control(forget=True, fault="", in_token=True, algorithm="ES256")
    with httpx.Client(trust_env=False, timeout=60) as http:
        yield Browser(by_oidc.url, http)


def refused(answer: httpx.Response, status: int, code: str, browser: Browser) -> None:
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert browser.session().status_code == 401
    assert SESSION_COOKIE not in answer.headers.get("set-cookie", "")


def test_a_citizen_signs_in(by_oidc: Service, browser: Browser) -> None:
    answer = browser.sign_in("first", next="/citizen/grants")
    assert answer.status_code == 200, code_of(answer)
    assert 'content="0;url=/citizen/grants"' in answer.text
    assert browser.session().json()["role"] == "citizen"
    assert browser.session().json()["name"] == by_oidc.driver().name
    page = browser.get(f"{by_oidc.url}/citizen")
    assert page.status_code == 200
    # The same person as the one whom departments know by that number.
    assert "/citizen/certificates/cert_" in page.text


def test_cookies_and_addresses_keep_what_is_personal(by_oidc: Service, browser: Browser) -> None:
    answer = browser.sign_in("first")
    cookies = answer.headers.get_list("set-cookie")
    (session,) = [line for line in cookies if line.startswith(SESSION_COOKIE)]
    assert "HttpOnly" in session and "SameSite=strict" in session
    person = by_oidc.driver()
    for address in [*browser.seen, *(line for line in cookies)]:
        said = urllib.parse.unquote(address)
        assert person.number not in said and person.name not in said
    # Nor does the service keep the provider's name for anybody.
    assert by_oidc.rows("SELECT count(*) FROM sign_ins")[0][0] == 0
    assert all(b"Sub-1" not in row[0] for row in by_oidc.rows("SELECT subject_bidx FROM provider_subjects"))


def test_the_round_asks_for_what_protects_it(by_oidc: Service, browser: Browser) -> None:
    first, second = (urllib.parse.parse_qs(urllib.parse.urlsplit(browser.start()).query) for _ in range(2))
    assert first["response_type"] == ["code"] and first["code_challenge_method"] == ["S256"]
    assert first["redirect_uri"] == [f"{by_oidc.url}/oidc/callback"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43
        assert first[name] != second[name]


def test_staff_come_by_their_party(browser: Browser) -> None:
    answer = browser.sign_in("clerk", "entity")
    assert 'content="0;url=/entity"' in answer.text
    assert browser.session().json()["role"] == "entity"


def test_who_is_something_else_lands_at_their_own_door(browser: Browser) -> None:
    assert 'content="0;url=/entity"' in browser.sign_in("clerk", "citizen", next="/citizen/grants").text


def test_claims_from_the_user_info(by_oidc: Service, idp: Idp, browser: Browser) -> None:
    idp.control(in_token=False)
    assert browser.sign_in("first").status_code == 200
    assert browser.session().json()["name"] == by_oidc.driver().name


def test_user_info_of_somebody_else(idp: Idp, browser: Browser) -> None:
    idp.control(in_token=False)
    with idp.fault("user_info"):
        refused(browser.sign_in("first"), 403, "auth.oidc_token", browser)


def test_rsa_keys_do_for_signing_in(idp: Idp, browser: Browser) -> None:
    idp.control(algorithm="RS256")
    assert browser.sign_in("first").status_code == 200


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("nonce", "auth.oidc_token"),
        ("no_nonce", "auth.oidc_token"),
        ("expired", "auth.oidc_token"),
        ("from_the_future", "auth.oidc_token"),
        ("audience", "auth.oidc_token"),
        ("audiences", "auth.oidc_token"),
        ("azp", "auth.oidc_token"),
        ("issuer", "auth.oidc_token"),
        ("access_token", "auth.oidc_token"),
        ("unknown_key", "auth.oidc_signature"),
        ("borrowed_kid", "auth.oidc_signature"),
        ("none", "auth.oidc_signature"),
        ("hs256", "auth.oidc_signature"),
    ],
)
def test_tokens_that_must_be_refused(fault: str, code: str, idp: Idp, browser: Browser) -> None:
    with idp.fault(fault):
        refused(browser.sign_in("first"), 403, code, browser)
    assert browser.sign_in("first").status_code == 200


def test_clocks_may_differ_a_little(idp: Idp, browser: Browser) -> None:
    with idp.fault("little_late"):
        assert browser.sign_in("first").status_code == 200


def test_rotated_keys_are_fetched(idp: Idp, browser: Browser) -> None:
    assert browser.sign_in("first").status_code == 200
    idp.control(rotate=True)
    assert browser.sign_in("first").status_code == 200


def test_another_issuer_s_document_is_not_believed(by_oidc: Service, idp: Idp, browser: Browser) -> None:
    provider = by_oidc.ctx.provider
    kept, provider._metadata = provider._metadata, None
    with idp.fault("discovery"):
        answer = browser.get(f"{by_oidc.url}/oidc/start?role=citizen")
        assert (answer.status_code, code_of(answer)) == (503, "auth.oidc_metadata")
    provider._metadata = kept


def test_a_state_serves_once(by_oidc: Service, browser: Browser) -> None:
    back = browser.confirm(browser.start(), "first")
    kept = browser.http.cookies.get(ROUND_COOKIE)
    assert browser.get(back).status_code == 200
    thief = Browser(by_oidc.url)
    thief.http.cookies.set(ROUND_COOKIE, kept)
    refused(thief.get(back), 403, "auth.oidc_state", thief)
    thief.http.close()


def test_nobody_is_signed_in_behind_their_back(by_oidc: Service, browser: Browser) -> None:
    """Login CSRF: the attacker's own answer, opened in somebody else's browser."""
    back = browser.confirm(browser.start(), "first")
    with httpx.Client(trust_env=False) as http:
        victim = Browser(by_oidc.url, http)
        refused(victim.get(back), 403, "auth.oidc_state", victim)
        victim.start()
        refused(victim.get(back), 403, "auth.oidc_state", victim)
    # That cost the attacker's own round nothing.
    assert browser.get(back).status_code == 200


def test_a_round_runs_out(by_oidc: Service, browser: Browser) -> None:
    back = browser.confirm(browser.start(), "first")
    by_oidc.wind_clock(11 * 60_000)
    refused(browser.get(back), 403, "auth.oidc_state", browser)


def test_a_code_of_another_round(browser: Browser, by_oidc: Service) -> None:
    """Code injection: PKCE ties a code to the round that it was asked for in."""
    with httpx.Client(trust_env=False) as http:
        other = Browser(by_oidc.url, http)
        stolen = urllib.parse.parse_qs(urllib.parse.urlsplit(other.confirm(other.start(), "second")).query)["code"][0]
    back = browser.confirm(browser.start(), "first")
    parts = urllib.parse.urlsplit(back)
    query = dict(urllib.parse.parse_qsl(parts.query)) | {"code": stolen}
    refused(browser.get(parts._replace(query=urllib.parse.urlencode(query)).geturl()), 403, "auth.oidc_code", browser)


def test_another_provider_s_answer(browser: Browser, idp: Idp) -> None:
    """Mix-up (RFC 9207): the answer must name the provider that was asked."""
    back = browser.confirm(browser.start(), "first")
    refused(browser.get(back.replace(f"iss={idp.issuer}", "iss=https://x.example")), 403, "auth.oidc_issuer", browser)
    back = browser.confirm(browser.start(), "first")
    refused(browser.get(back.replace(f"&iss={idp.issuer}", "")), 403, "auth.oidc_issuer", browser)


def test_who_declines_is_not_signed_in(browser: Browser) -> None:
    refused(browser.get(browser.confirm(browser.start(), "first", "no")), 403, "auth.oidc_declined", browser)


@pytest.mark.parametrize(("account", "code"), [("nobody", "auth.claims"), ("robot", "auth.claims")])
def test_claims_that_name_nobody(account: str, code: str, browser: Browser) -> None:
    refused(browser.sign_in(account), 403, code, browser)


def test_one_account_is_one_person(idp: Idp, browser: Browser, by_oidc: Service) -> None:
    assert browser.sign_in("first").status_code == 200
    browser.http.cookies.clear()
    person = by_oidc.driver(2)
    idp.control(people={"moved": {"sub": "Sub-1", "name": person.name, "id_number": person.number}})
    refused(browser.sign_in("moved"), 403, "auth.subject_changed", browser)
    browser.http.cookies.clear()
    # Names that differ in case are two: the provider says so.
    assert browser.sign_in("second").status_code == 200


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example"]
)
def test_nobody_is_led_elsewhere(elsewhere: str, browser: Browser) -> None:
    answer = browser.sign_in("first", next=elsewhere)
    assert 'content="0;url=/"' in answer.text
    assert "evil" not in answer.text


def test_the_session_is_a_new_one(by_oidc: Service, browser: Browser) -> None:
    """Session fixation: what the browser held before does not live on, nor become somebody's."""
    browser.http.cookies.set(SESSION_COOKIE, "a" * 43)
    assert browser.sign_in("first").status_code == 200
    first = [c.value for c in browser.http.cookies.jar if c.name == SESSION_COOKIE]
    assert "a" * 43 not in first[-1:]
    held = first[-1]
    browser.http.cookies.clear()
    browser.http.cookies.set(SESSION_COOKIE, held)
    assert browser.sign_in("second").status_code == 200
    with httpx.Client(base_url=by_oidc.url, cookies={SESSION_COOKIE: held}, trust_env=False) as old:
        assert old.get("/v1/sessions/current").status_code == 401


def test_the_development_provider_is_off(by_oidc: Service) -> None:
    person = by_oidc.driver()
    claims = {"role": "citizen", "kind": "person", "number": person.number, "name": person.name}
    answer = httpx.post(f"{by_oidc.url}/v1/sessions", json=claims, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.dev_provider_refused")
    page = httpx.get(f"{by_oidc.url}/signin/citizen", trust_env=False)
    assert "/oidc/start?role=citizen" in page.text
    assert 'name="number"' not in page.text and person.name not in page.text


def test_a_provider_that_is_away(by_oidc: Service, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    back = browser.confirm(browser.start(), "first")
    provider = by_oidc.ctx.provider
    kept = provider._metadata
    away = kept[1].__class__(**{**_fields(kept[1]), "token_endpoint": "http://127.0.0.1:9/token"})
    monkeypatch.setattr(provider, "_metadata", (kept[0], away))
    refused(browser.get(back), 503, "auth.oidc_unreachable", browser)


def _fields(metadata: object) -> dict[str, object]:
    return {name: getattr(metadata, name) for name in metadata.__slots__}
