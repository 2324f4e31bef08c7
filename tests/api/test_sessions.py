"""People's sessions: cookie, CSRF token, end; and the fence around the development identity provider."""

from http.cookies import SimpleCookie

import httpx
import pytest

from api import wiring
from api.catalogue.identifiers import id_check_character
from api.demo.provision import party_id
from api.errors import ApiError
from api.http.auth import SESSION_COOKIE
from api.services.identity import DevelopmentProvider
from api.settings import Environment, Settings
from tests.api.calls import FromElsewhere, caller, nothing_of, problem
from tests.town import HARBOUR, Service

FIRST_17 = "37109919900307001"
WRONG_DIGIT = FIRST_17 + ("0" if id_check_character(FIRST_17) != "0" else "1")
STAFF = {"role": "entity", "party": party_id(HARBOUR), "name": "演示人员"}


def holder(kind: str, number: str) -> dict[str, str]:
    return {"role": "citizen", "kind": kind, "number": number, "name": "x"}


def sign_in(service: Service, claims: dict[str, str] | None = None) -> httpx.Response:
    return httpx.post(f"{service.url}/v1/sessions", json=claims or STAFF, trust_env=False)


def test_the_cookie_is_out_of_reach(service: Service) -> None:
    answer = sign_in(service)
    assert answer.status_code == 201
    (header,) = answer.headers.get_list("set-cookie")
    cookie = SimpleCookie(header)[SESSION_COOKIE]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "strict"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert int(cookie["max-age"]) == service.settings.session_hours * 3600
    assert cookie["secure"] == "", "this service is reached by plain HTTP on loopback"
    assert len(cookie.value) >= 43, "256 bits"
    assert cookie.value not in answer.text
    assert set(answer.json()) == {"role", "name", "csrf", "acting"}
    # Only its hash is kept.
    kept = service.rows("SELECT token_hash FROM user_sessions")
    assert all(cookie.value.encode() not in row[0] for row in kept)


def test_behind_tls_the_cookie_is_secure(service: Service) -> None:
    from api.http.app import build
    from api.services.context import Context

    changed = service.settings.model_copy(update={"public_url": "https://my.example"})
    fields = {name: getattr(service.ctx, name) for name in Context.__dataclass_fields__} | {"settings": changed}
    app = build(Context(**fields))
    client = FromElsewhere(app, "https://my.example", "127.0.0.1")
    answer = client.post("/v1/sessions", json=STAFF)
    assert answer.status_code == 201
    assert "; Secure" in answer.headers["set-cookie"]
    # By plain HTTP behind the proxy as well: what counts is how people reach the service.
    plain = FromElsewhere(app, "http://my.example", "127.0.0.1")
    assert "; Secure" in plain.post("/v1/sessions", json=STAFF).headers["set-cookie"]


@pytest.mark.parametrize("token", [None, "", "x", "é"])
def test_changes_need_the_token(token: str | None, service: Service) -> None:
    who = caller(service, "regulator")
    headers = {"Idempotency-Key": "k" * 16}
    if token is not None:
        headers["X-CSRF-Token"] = token.encode()
    files = {"file": ("a.txt", b"x", "text/plain")}
    problem(who.http.post("/v1/traces", files=files, headers=headers), 403, "auth.csrf")
    problem(who.http.delete("/v1/sessions/current", headers=headers), 403, "auth.csrf")


def test_another_session_s_token_does_not_do(service: Service) -> None:
    first, second = caller(service, "regulator"), caller(service, "regulator")
    assert first.csrf != second.csrf
    first.csrf = second.csrf
    problem(first.call("DELETE", "/v1/sessions/current"), 403, "auth.csrf")


def test_reading_needs_no_token(service: Service) -> None:
    who = caller(service, "regulator")
    assert who.http.get("/v1/traces").status_code == 200


def test_forms_carry_the_token_as_a_field(service: Service) -> None:
    who = caller(service, "entity")
    refused = who.http.post("/signout", data={"csrf": "wrong"}, headers={"Accept": "application/json"})
    problem(refused, 403, "auth.csrf")
    assert who.http.post("/signout", data={"csrf": who.csrf}).status_code == 303


def test_a_session_ends(service: Service) -> None:
    who = caller(service, "entity")
    stolen = dict(who.http.cookies)
    assert who.call("GET", "/v1/sessions/current").status_code == 200
    assert who.call("DELETE", "/v1/sessions/current").status_code == 204
    with httpx.Client(base_url=service.url, cookies=stolen, trust_env=False) as thief:
        problem(thief.get("/v1/sessions/current"), 401, "auth.required")


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "a" * 5000, "é"])
def test_a_made_up_cookie_is_nobody(cookie: str, service: Service) -> None:
    headers = {"Cookie": f"{SESSION_COOKIE}={cookie}".encode("latin-1")}
    problem(httpx.get(f"{service.url}/v1/sessions/current", headers=headers, trust_env=False), 401, "auth.required")


def test_a_session_turned_into_another_s_is_noticed(service: Service) -> None:
    who = caller(service, "entity")
    changed = "UPDATE user_sessions SET role = 'operator' WHERE csrf = :csrf"
    service.execute(changed, csrf=who.csrf)
    problem(who.call("GET", "/v1/sessions/current"), 409, "store.ciphertext")


@pytest.mark.parametrize("address", ["203.0.113.9", "10.0.0.7", "2001:db8::1", "testclient", "::ffff:203.0.113.9"])
def test_the_development_provider_answers_on_loopback_alone(address: str, service: Service) -> None:
    outside = FromElsewhere(service.app, service.url, address)
    problem(outside.post("/v1/sessions", json=STAFF), 403, "auth.dev_loopback_only")
    page = outside.post("/signin", data={"role": "entity", "subject": party_id(HARBOUR)})
    assert page.status_code == 403
    assert SESSION_COOKIE not in page.headers.get("set-cookie", "")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_loopback(address: str, service: Service) -> None:
    inside = FromElsewhere(service.app, service.url, address)
    assert inside.post("/v1/sessions", json=STAFF).status_code == 201


def test_a_forwarded_header_does_not_make_a_caller_local(service: Service) -> None:
    outside = FromElsewhere(service.app, service.url, "203.0.113.9")
    headers = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1", "X-Real-IP": "127.0.0.1"}
    problem(outside.post("/v1/sessions", json=STAFF, headers=headers), 403, "auth.dev_loopback_only")


def test_production_refuses_the_development_provider(service: Service) -> None:
    sound = {
        "environment": "production",
        "identity_provider": "oidc",
        "oidc_issuer": "https://idp.example",
        "oidc_client_id": "mydata",
        "engine": "rpc",
        "public_url": "https://my.example",
        "data_dir": service.settings.data_dir,
    }
    production = Settings(**sound)
    with pytest.raises(ApiError) as refused:
        DevelopmentProvider(production, bytes(31) + b"\1")
    assert refused.value.code == "auth.dev_provider_refused"
    for name, value, reason in (
        ("identity_provider", "development", "settings.dev_identity_in_production"),
        ("engine", "embedded", "settings.embedded_engine_in_production"),
        ("public_url", "http://my.example", "settings.public_url_must_be_https"),
        ("oidc_issuer", "http://idp.example", "settings.oidc_issuer_must_be_https"),
        ("oidc_client_id", "", "settings.oidc_incomplete"),
    ):
        with pytest.raises(ValueError, match=reason):
            Settings(**{**sound, name: value})
    with pytest.raises(ApiError) as keys:
        wiring.wire(production)
    assert keys.value.code == "keys.development_in_production"
    assert production.environment is Environment.PRODUCTION


@pytest.mark.parametrize(
    ("claims", "status", "code"),
    [
        ({"role": "entity", "party": "party_" + "0" * 32}, 403, "auth.unknown_party"),
        ({"role": "operator", "party": party_id(HARBOUR)}, 403, "auth.unknown_party"),
        (holder("person", WRONG_DIGIT), 422, "catalogue.id_check_digit"),
        (holder("person", "371099199013450014"), 422, None),
        (holder("enterprise", "91371099MA3DEM0A05"), 422, "catalogue.uscc_check_digit"),
        (holder("robot", "1" * 18), 422, "http.invalid_input"),
        ({"role": "king", "party": "x"}, 422, "http.invalid_input"),
        ({}, 422, "http.invalid_input"),
    ],
)
def test_claims_that_cannot_be_true(claims: dict[str, str], status: int, code: str | None, service: Service) -> None:
    before = service.rows("SELECT count(*) FROM holders")[0][0]
    answer = sign_in(service, claims) if claims else httpx.post(f"{service.url}/v1/sessions", json={}, trust_env=False)
    assert answer.status_code == status
    if code is not None:
        problem(answer, status, code)
    if "number" in claims:
        nothing_of(claims["number"], answer)
    assert service.rows("SELECT count(*) FROM holders")[0][0] == before, "nobody was made up"


def test_one_person_however_the_number_is_typed(service: Service) -> None:
    person = service.driver()
    before = service.rows("SELECT count(*) FROM holders")[0][0]
    for number in (person.number, person.number.lower()):
        assert sign_in(service, holder("person", number)).status_code == 201
    assert service.rows("SELECT count(*) FROM holders")[0][0] == before


def test_sessions_run_out(service: Service) -> None:
    # Last in this file: the clock of its database goes on for everybody.
    who = caller(service, "entity")
    service.wind_clock((service.settings.session_hours * 3600 - 60) * 1000)
    assert who.call("GET", "/v1/sessions/current").status_code == 200
    service.wind_clock(120_000)
    problem(who.call("GET", "/v1/sessions/current"), 401, "auth.required")
    # The clock of the machine set back does not bring it to life again: time is the database's and never falls.
    problem(who.call("GET", "/v1/sessions/current"), 401, "auth.required")
