"""Presence for exactly these terms: by a passkey, and by a round at a real identity provider."""

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.catalogue import load_catalogue
from api.demo.parties import demo_parties
from api.demo.provision import party_id
from chain.jose import parse_jwk
from chain.strict import base64url
from chain.trustfile import IdentityProvider, PasskeyParty, parse_trust_file
from chain.verdict import State
from tests import town
from tests.api.calls import Caller, problem
from tests.conftest import Places
from tests.drafts.test_own_keys import JSON, citizen, judged, prepare
from tests.oidc.rounds import CLIENT, SECRET, Browser, Idp, code_of, running_idp
from tests.passkeys.authenticator import Authenticator
from tests.town import HARBOUR, Service


def registered(service: Service, who: Caller, **changes: Any) -> Authenticator:
    made = Authenticator(service.settings.rp_origins[0], service.settings.rp_id, **changes)
    body = {"label": "a", "credential": made.create(who.call("POST", "/v1/passkeys/options").json())}
    assert who.call("POST", "/v1/passkeys", body).status_code == 201
    return made


def bind(who: Caller, draft: str, made: Authenticator, **answer: Any) -> httpx.Response:
    options = answer.pop("options", None) or who.call("POST", f"/v1/drafts/{draft}/passkey").json()
    return who.call("POST", f"/v1/drafts/{draft}/binding", {"credential": made.get(options, **answer)})


def trusting(service: Service, **changes: Any) -> None:
    """Publish a trust file that names more."""
    path = service.settings.data_dir / "trust.json"
    path.write_bytes(dataclasses.replace(parse_trust_file(path.read_bytes()), **changes).to_bytes())


def test_a_passkey_binds_a_grant(service: Service) -> None:
    who = citizen(service)
    made = registered(service, who)
    asked = service.ask(service.driver())
    draft = prepare(who, asked.id)
    options = who.call("POST", f"/v1/drafts/{draft['id']}/passkey").json()
    assert len(options["allowCredentials"]) == 1
    # The question is the terms themselves.
    digest = bytes.fromhex(draft["terms_digest"][2:])
    assert options["challenge"] == base64url(digest)
    bound = bind(who, draft["id"], made, options=options)
    assert bound.json()["binding"] == "webauthn", bound.text
    approve = {"decision": "approve", "draft": draft["id"]}
    answer = who.call("POST", f"/v1/requests/{asked.id}/decision", approve)
    assert answer.status_code == 200, answer.text
    pulled = service.town.machine(HARBOUR).pull(answer.json()["grant"], JSON)
    receipt = pulled.headers["Receipt-Id"]
    service.settle()
    # The trust file of the prepared directory names another port: its verifier believes none from here.
    verdict = judged(service, receipt)
    assert {f.code for f in verdict.findings if f.state is State.INVALID} == {"chain.verify.passkey_other_origin"}
    trusting(service, passkeys=(PasskeyParty(service.settings.rp_id, service.settings.rp_origins),))
    assert judged(service, receipt).state is State.VALID
    bundle = json.loads(service.town.machine(HARBOUR).send("GET", f"/v1/receipts/{receipt}/evidence").content)
    assert bundle["grant"]["binding"]["kind"] == "webauthn"
    assert bundle["grant"]["binding"]["registration"]["proof"]


def test_answers_for_other_terms_and_by_others(service: Service) -> None:
    who, other = citizen(service), citizen(service, 1)
    made, stranger = registered(service, who), registered(service, other)
    first = prepare(who, service.ask(service.driver()).id)["id"]
    second = prepare(who, service.ask(service.driver()).id)["id"]
    options = who.call("POST", f"/v1/drafts/{first}/passkey").json()
    problem(bind(who, second, made, options=options), 403, "auth.passkey_refused")
    problem(bind(who, first, made, kind="webauthn.create"), 403, "auth.passkey_refused")
    problem(bind(who, first, stranger), 403, "auth.passkey_unknown")
    problem(other.call("POST", f"/v1/drafts/{first}/passkey"), 404, "grants.draft_not_found")
    made.flags = 1
    problem(bind(who, first, made), 403, "auth.passkey_refused")
    made.flags = 5
    assert bind(who, first, made).status_code == 200


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Idp]:
    with running_idp(tmp_path_factory.mktemp("idp")) as running:
        yield running


@pytest.fixture(scope="module")
def by_oidc(store: str, places: Places, idp: Idp) -> Iterator[Service]:
    folder, url = places.prepared(store)
    chosen = {"identity_provider": "oidc", "oidc_issuer": idp.issuer, "oidc_client_id": CLIENT}
    with town.running(folder, database_url=url, oidc_client_secret=SECRET, **chosen) as service:
        people = {}
        for at, name in enumerate(("first", "second")):
            person = service.driver(at)
            people[name] = {"sub": name, "name": person.name, "id_number": person.number}
        office = next(one for one in demo_parties(load_catalogue()) if one.department_code == "civil_affairs")
        people["officer"] = {"sub": "officer", "name": "x", "role": "department", "party": party_id(office)}
        people["officer"] |= {"staff_number": "0001", "duty": "counter"}
        people["clerk"] = {"sub": "clerk", "name": "x", "role": "entity", "party": party_id(HARBOUR)}
        redirect = f"{service.url}/oidc/callback"
        idp.control(client={"id": CLIENT, "secret": SECRET, "redirect_uri": redirect}, people=people)
        yield service


@dataclasses.dataclass
class Signed:
    """Somebody who signed in at the provider."""

    browser: Browser
    csrf: str

    def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"X-CSRF-Token": self.csrf, "Idempotency-Key": f"k-{len(self.browser.seen)}-{path[-20:]}"}
        return self.browser.http.request(method, self.browser.service + path, json=body or {}, headers=headers)


@pytest.fixture
def who(by_oidc: Service, idp: Idp) -> Iterator[Signed]:
    idp.control(forget=True, fault="", algorithm="ES256")
    with httpx.Client(trust_env=False, timeout=60) as http:
        browser = Browser(by_oidc.url, http)
        assert browser.sign_in("second").status_code == 200
        http.cookies.clear()
        assert browser.sign_in("first").status_code == 200
        yield Signed(browser, browser.session().json()["csrf"])


def ready(by_oidc: Service, who: Signed) -> tuple[str, str]:
    asked = by_oidc.ask(by_oidc.driver())
    body = {"ticked": ["person.driving_licence/name"], "days": 30, "uses": 5}
    draft = who.call("POST", f"/v1/requests/{asked.id}/drafts", body)
    assert draft.status_code == 201, draft.text
    return asked.id, draft.json()["id"]


def round_of(who: Signed, draft: str, account: str = "first") -> httpx.Response:
    """Confirm the draft's terms at the provider; the service's answer."""
    begun = who.call("POST", f"/v1/drafts/{draft}/round")
    assert begun.status_code == 200, begun.text
    who.browser.seen.append(begun.json()["url"])
    return who.browser.get(who.browser.confirm(begun.json()["url"], account))


def test_a_round_binds_a_grant(by_oidc: Service, idp: Idp, who: Signed) -> None:
    request, draft = ready(by_oidc, who)
    approve = {"decision": "approve", "draft": draft}
    # One step is not enough here, with the draft or without.
    plain = {"decision": "approve", "ticked": [], "days": 1, "uses": 1}
    problem(who.call("POST", f"/v1/requests/{request}/decision", plain), 409, "grants.draft_needed")
    problem(who.call("POST", f"/v1/requests/{request}/decision", approve), 409, "grants.draft_unconfirmed")
    came = round_of(who, draft)
    assert came.status_code == 200, code_of(came)
    assert f"/citizen/drafts/{draft}" in came.text
    answer = who.call("POST", f"/v1/requests/{request}/decision", approve)
    assert answer.status_code == 200, answer.text
    pulled = by_oidc.town.machine(HARBOUR).pull(answer.json()["grant"], JSON)
    by_oidc.settle()
    (jwk,) = by_oidc.ctx.provider.public_jwks()
    trusting(by_oidc, identity_providers=(IdentityProvider(idp.issuer, parse_jwk(jwk, "")),))
    assert judged(by_oidc, pulled.headers["Receipt-Id"]).state is State.VALID


def test_an_extension_is_confirmed_like_a_grant(by_oidc: Service, idp: Idp, who: Signed) -> None:
    request, draft = ready(by_oidc, who)
    assert round_of(who, draft).status_code == 200
    older = who.call("POST", f"/v1/requests/{request}/decision", {"decision": "approve", "draft": draft}).json()[
        "grant"
    ]
    wish = {"days": 60, "uses": 9}
    problem(who.call("POST", f"/v1/grants/{older}/extension", wish), 409, "grants.draft_needed")
    laid = who.call("POST", f"/v1/grants/{older}/extension/drafts", wish)
    assert laid.status_code == 201, laid.text
    terms = laid.json()["terms"]
    assert terms["extends"] == older
    own = laid.json()["request"]
    # Nobody is asked anything meanwhile: the recipient sees nothing of it.
    assert own not in {one["id"] for one in by_oidc.town.machine(HARBOUR).get("/v1/requests")["items"]}
    given = {"decision": "approve", "draft": laid.json()["id"]}
    problem(who.call("POST", f"/v1/requests/{own}/decision", given), 409, "grants.draft_unconfirmed")
    assert round_of(who, laid.json()["id"]).status_code == 200
    newer = who.call("POST", f"/v1/requests/{own}/decision", given)
    assert newer.status_code == 200, newer.text
    assert who.call("GET", f"/v1/grants/{older}").json()["state"] == "superseded"
    assert who.call("GET", f"/v1/grants/{newer.json()['grant']}").json()["extends"] == older
    # The page leads the same way.
    grant = newer.json()["grant"]
    form = {"until": "", "uses": "3"}
    page = who.browser.get(f"{by_oidc.url}/citizen/grants/{grant}").text
    form["until"] = re.search(r'name="until"[^>]*max="([0-9-]+)"', page)[1]  # type: ignore[index]  # or the test fails
    headers = {"Origin": by_oidc.url, "Sec-Fetch-Site": "same-origin"}
    sent = who.browser.http.post(
        f"{by_oidc.url}/citizen/grants/{grant}/extension", data={**form, "csrf": who.csrf}, headers=headers
    )
    assert "/citizen/drafts/" in sent.headers["location"], sent.text


def test_somebody_without_a_phone_agrees_at_a_counter(by_oidc: Service, idp: Idp) -> None:
    """No provider sees who stands there: the department's account signs the terms as the witness."""
    idp.control(forget=True, fault="", algorithm="ES256")
    asked, person = by_oidc.ask(by_oidc.driver()), by_oidc.driver()
    with httpx.Client(trust_env=False, timeout=60) as http:
        browser = Browser(by_oidc.url, http)
        assert browser.sign_in("officer", role="department").status_code == 200
        officer = Signed(browser, browser.session().json()["csrf"])
        who = {"number": person.number, "name": person.name, "document": "id_card"}
        visit = officer.call("POST", "/v1/counter/visits", who)
        assert visit.status_code == 201, visit.text
        path = f"/v1/counter/visits/{visit.json()['id']}/requests/{asked.id}/decision"
        body = {"decision": "approve", "ticked": ["person.driving_licence/name"], "days": 30, "uses": 5}
        answer = officer.call("POST", path, body)
    assert answer.status_code == 200, answer.text
    pulled = by_oidc.town.machine(HARBOUR).pull(answer.json()["grant"], JSON)
    by_oidc.settle()
    verdict = judged(by_oidc, pulled.headers["Receipt-Id"])
    assert verdict.state is State.VALID, verdict
    assert "chain.note.said_at_counter" in {note.code for note in verdict.notes}


def test_the_provider_asks_again(by_oidc: Service, who: Signed) -> None:
    """Somebody who is signed in at the provider is not waved through: the address asks for a fresh sign-in."""
    begun = who.call("POST", f"/v1/drafts/{ready(by_oidc, who)[1]}/round").json()["url"]
    assert "prompt=login" in begun and "max_age=0" in begun and "scope=openid&" in begun + "&"
    assert who.browser.get(begun).status_code == 200, "a page that asks, not a redirect"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("stale", "auth.oidc_stale"),
        ("personal", "auth.oidc_personal"),
        ("nonce", "auth.oidc_token"),
        ("borrowed_kid", "auth.oidc_signature"),
    ],
)
def test_tokens_that_bind_nothing(fault: str, code: str, by_oidc: Service, idp: Idp, who: Signed) -> None:
    request, draft = ready(by_oidc, who)
    with idp.fault(fault):
        assert code_of(round_of(who, draft)) == code
    approve = {"decision": "approve", "draft": draft}
    problem(who.call("POST", f"/v1/requests/{request}/decision", approve), 409, "grants.draft_unconfirmed")


def test_a_token_that_verifiers_cannot_read(by_oidc: Service, idp: Idp, who: Signed) -> None:
    idp.control(algorithm="RS256")
    assert code_of(round_of(who, ready(by_oidc, who)[1])) == "auth.oidc_algorithm"


def test_somebody_else_confirms(by_oidc: Service, who: Signed) -> None:
    assert code_of(round_of(who, ready(by_oidc, who)[1], "second")) == "auth.other_person"
