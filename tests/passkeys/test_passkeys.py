"""Passkeys over the interface, with an authenticator in software: what holds, and everything that must not."""

from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from api.http.auth import ROUND_COOKIE, SESSION_COOKIE
from tests.api.calls import Caller, caller, nothing_of, problem
from tests.passkeys.authenticator import PRESENT, VERIFIED, Authenticator
from tests.town import Service


def device(service: Service, **changes: Any) -> Authenticator:
    return Authenticator(service.settings.rp_origins[0], service.settings.rp_id, **changes)


def register(who: Caller, made: Authenticator, label: str = "手机") -> httpx.Response:
    options = who.call("POST", "/v1/passkeys/options").json()
    return who.call("POST", "/v1/passkeys", {"label": label, "credential": made.create(options)})


class Guest:
    """A browser without a session."""

    def __init__(self, service: Service) -> None:
        self.http = service.at_end.enter_context(httpx.Client(base_url=service.url, timeout=60, trust_env=False))

    def options(self) -> dict[str, Any]:
        document: dict[str, Any] = self.http.post("/v1/sessions/passkey/options", json={}).json()
        return document

    def answer(self, credential: dict[str, Any]) -> httpx.Response:
        return self.http.post("/v1/sessions/passkey", json={"credential": credential})


@pytest.fixture
def who(service: Service):
    made = caller(service, "citizen")
    yield made
    for item in made.call("GET", "/v1/passkeys").json()["items"]:
        made.call("DELETE", f"/v1/passkeys/{item['id']}")


@pytest.mark.parametrize("key", ["ES256", "EdDSA"])
def test_register_sign_in_and_remove(key: str, service: Service, who: Caller) -> None:
    made = device(service, **({"key": ed25519.Ed25519PrivateKey.generate()} if key == "EdDSA" else {}))
    answer = register(who, made)
    assert answer.status_code == 201, answer.text
    passkey = answer.json()
    assert who.call("GET", "/v1/passkeys").json() == {"items": [passkey]}
    assert (passkey["label"], passkey["used_at"]) == ("手机", None)

    guest = Guest(service)
    entered = guest.answer(made.get(guest.options()))
    assert entered.status_code == 201, entered.text
    assert entered.json()["name"] == service.driver().name
    assert guest.http.get("/v1/certificates").json() == who.call("GET", "/v1/certificates").json()
    (cookie,) = [line for line in entered.headers.get_list("set-cookie") if line.startswith(SESSION_COOKIE)]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert who.call("GET", "/v1/passkeys").json()["items"][0]["used_at"] is not None

    assert who.call("DELETE", f"/v1/passkeys/{passkey['id']}").status_code == 204
    problem(guest.answer(made.get(Guest(service).options())), 403, "auth.passkey_challenge")
    problem(guest.answer(made.get(guest.options())), 403, "auth.passkey_unknown")


def test_both_leave_a_receipt_that_names_nobody(service: Service, who: Caller) -> None:
    before = service.rows("SELECT count(*) FROM receipts WHERE kind = 'credential' AND number IS NOT NULL")[0][0]
    passkey = register(who, device(service)).json()
    who.call("DELETE", f"/v1/passkeys/{passkey['id']}")
    after = service.rows("SELECT count(*) FROM receipts WHERE kind = 'credential' AND number IS NOT NULL")[0][0]
    assert after == before + 2
    kinds = [line["kind"] for line in who.call("GET", "/v1/footprints").json()["items"]]
    assert kinds[:2] == ["credential", "credential"]


def test_what_is_asked_of_the_browser(service: Service, who: Caller) -> None:
    made = device(service)
    assert register(who, made).status_code == 201
    options = who.call("POST", "/v1/passkeys/options").json()
    assert options["rp"]["id"] == "localhost"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert [one["id"] for one in options["excludeCredentials"]] == [made.create(options)["id"]]
    assert {one["alg"] for one in options["pubKeyCredParams"]} == {-7, -8}
    assert service.driver().number not in str(options)
    asked = Guest(service).options()
    assert (asked["rpId"], asked["userVerification"], asked["allowCredentials"]) == ("localhost", "required", [])


def test_one_cannot_be_registered_twice(service: Service, who: Caller) -> None:
    made = device(service)
    assert register(who, made).status_code == 201
    problem(register(who, made), 409, "auth.passkey_exists")


def test_a_challenge_serves_once(service: Service, who: Caller) -> None:
    made = device(service)
    options = who.call("POST", "/v1/passkeys/options").json()
    body = {"label": "a", "credential": made.create(options)}
    assert who.call("POST", "/v1/passkeys", body).status_code == 201
    problem(who.call("POST", "/v1/passkeys", body), 403, "auth.passkey_challenge")
    guest = Guest(service)
    answer = made.get(guest.options())
    kept = guest.http.cookies.get(ROUND_COOKIE)
    assert guest.answer(answer).status_code == 201
    guest.http.cookies.set(ROUND_COOKIE, kept, path="/v1/sessions/passkey")
    problem(guest.answer(answer), 403, "auth.passkey_challenge")


def test_a_challenge_is_one_person_s_and_one_browser_s(service: Service, who: Caller) -> None:
    other = service.driver(1)
    claims = {"role": "citizen", "kind": "person", "number": other.number, "name": other.name}
    someone = Caller("citizen", service, claims)
    made = device(service)
    stolen = {"label": "a", "credential": made.create(who.call("POST", "/v1/passkeys/options").json())}
    problem(someone.call("POST", "/v1/passkeys", stolen), 403, "auth.passkey_challenge")
    assert register(who, made).status_code == 201
    # Login CSRF: an answer of the attacker's own, sent from somebody else's browser.
    attacker, victim = Guest(service), Guest(service)
    answer = made.get(attacker.options())
    problem(victim.answer(answer), 403, "auth.passkey_challenge")
    victim.options()
    problem(victim.answer(answer), 403, "auth.passkey_challenge")
    # Nor does a challenge for registering serve to sign in.
    problem(attacker.answer(made.get(who.call("POST", "/v1/passkeys/options").json())), 403, "auth.passkey_challenge")


@pytest.mark.parametrize(
    "changes",
    [
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"origin": "http://evil.example"},
        {"origin": "https://localhost"},
        {"rp_id": "evil.example"},
    ],
)
def test_answers_that_do_not_hold(changes: dict[str, Any], service: Service, who: Caller) -> None:
    spoilt = device(service)
    vars(spoilt).update(changes)
    problem(register(who, spoilt), 403, "auth.passkey_refused")
    made = device(service)
    assert register(who, made).status_code == 201
    vars(made).update(changes)
    guest = Guest(service)
    problem(guest.answer(made.get(guest.options())), 403, "auth.passkey_refused")
    assert guest.http.get("/v1/sessions/current").status_code == 401


def test_other_ceremonies_and_frames(service: Service, who: Caller) -> None:
    made = device(service)
    options = who.call("POST", "/v1/passkeys/options").json()
    body = {"label": "a", "credential": made.create(options, "webauthn.get")}
    problem(who.call("POST", "/v1/passkeys", body), 403, "auth.passkey_refused")
    assert register(who, made).status_code == 201
    guest = Guest(service)
    problem(guest.answer(made.get(guest.options(), "webauthn.create")), 403, "auth.passkey_refused")
    made.framed = True
    problem(guest.answer(made.get(guest.options())), 403, "auth.passkey_refused")


def test_another_key_and_another_person(service: Service, who: Caller) -> None:
    made = device(service)
    assert register(who, made).status_code == 201
    guest = Guest(service)
    forged = device(service, credential_id=made.credential_id, handle=made.handle)
    problem(guest.answer(forged.get(guest.options())), 403, "auth.passkey_refused")
    made.handle = bytes(16)
    problem(guest.answer(made.get(guest.options())), 403, "auth.passkey_refused")


def test_a_counter_that_goes_back(service: Service, who: Caller) -> None:
    made = device(service)
    assert register(who, made).status_code == 201
    guest = Guest(service)
    assert guest.answer(made.get(guest.options())).status_code == 201
    made.count = 0
    problem(guest.answer(made.get(guest.options())), 403, "auth.passkey_counter")


def test_only_keys_that_evidence_can_carry(service: Service, who: Caller) -> None:
    made = device(service, key=rsa.generate_private_key(65537, 2048))
    problem(register(who, made), 403, "auth.passkey_refused")


def test_one_s_own_are_nobody_else_s(service: Service, who: Caller) -> None:
    passkey = register(who, device(service)).json()
    other = service.driver(1)
    claims = {"role": "citizen", "kind": "person", "number": other.number, "name": other.name}
    someone = Caller("citizen", service, claims)
    assert someone.call("GET", "/v1/passkeys").json() == {"items": []}
    problem(someone.call("DELETE", f"/v1/passkeys/{passkey['id']}"), 404, "auth.passkey_not_found")


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"rawId": 7, "response": {}},
        {"response": {"clientDataJSON": "AAAA"}},
        {"response": {"clientDataJSON": "e30"}},
        {"response": {"clientDataJSON": "!"}},
        {"response": []},
    ],
)
def test_hostile_answers(credential: dict[str, Any], service: Service, who: Caller) -> None:
    guest = Guest(service)
    guest.options()
    problem(guest.answer(credential), 403, "auth.passkey_refused")
    problem(who.call("POST", "/v1/passkeys", {"label": "a", "credential": credential}), 403, "auth.passkey_refused")


def test_a_row_that_was_exchanged_is_noticed(service: Service, who: Caller) -> None:
    """A database administrator puts a key of their own under somebody's name."""
    made = device(service)
    register(who, made)
    other = service.driver(1)
    claims = {"role": "citizen", "kind": "person", "number": other.number, "name": other.name}
    someone = Caller("citizen", service, claims)
    register(someone, device(service))
    victim = service.rows("SELECT holder_id FROM passkeys ORDER BY created_at_ms DESC")[0][0]
    mine = service.rows("SELECT id, holder_id FROM passkeys WHERE holder_id <> :v", v=victim)[0]
    service.execute("UPDATE passkeys SET holder_id = :v WHERE id = :id", v=victim, id=mine[0])
    guest = Guest(service)
    made.handle = None
    answer = guest.answer(made.get(guest.options()))
    problem(answer, 409, "store.ciphertext")
    nothing_of(other.number, answer)
    service.execute("UPDATE passkeys SET holder_id = :v WHERE id = :id", v=mine[1], id=mine[0])


def test_challenges_run_out(service: Service, who: Caller) -> None:
    # Last in this file: the clock of its database goes on for everybody.
    made = device(service)
    assert register(who, made).status_code == 201
    guest = Guest(service)
    answer = made.get(guest.options())
    options = who.call("POST", "/v1/passkeys/options").json()
    service.wind_clock(6 * 60_000)
    problem(guest.answer(answer), 403, "auth.passkey_challenge")
    body = {"label": "a", "credential": device(service).create(options)}
    problem(who.call("POST", "/v1/passkeys", body), 403, "auth.passkey_challenge")
