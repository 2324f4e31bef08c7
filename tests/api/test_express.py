"""The machines' short way to a pull says what the framework's way says, whatever is sent."""

import secrets
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.routing import iter_route_contexts
from starlette.routing import Match

from api.http import signatures
from api.http.v1 import grants
from tests.api.routes import dependencies
from tests.town import HARBOUR, Service

# Both name JSON; only the plain one takes the short way.
SHORT, LONG = "application/json", "application/json; charset=utf-8"
BODIES: dict[str, bytes] = {
    "all": b"{}",
    "one field": b'{"fields": ["person.driving_licence/name"]}',
    "nothing": b"",
    "no JSON": b"{",
    "twice": b'{"fields": null, "fields": null}',
    "a fraction": b'{"fields": [1.5]}',
    "no object": b"[]",
    "unknown member": b'{"more": 1}',
    "wrong type": b'{"fields": "name"}',
    "wrong inside": b'{"fields": ["person.driving_licence/name", 7]}',
    "none named": b'{"fields": []}',
    "no field": b'{"fields": ["name"]}',
    "not granted": b'{"fields": ["person.id_card/address"]}',
}


@pytest.fixture
def grant(service: Service) -> str:
    return service.grant(service.driver(), case_no="CL-express", uses=5)


def sent(
    service: Service,
    grant_id: str,
    media_type: str,
    body: bytes = b"{}",
    *,
    key: Ed25519PrivateKey | None = None,
    accept: str = "application/json",
    idempotency: str | None = "",
    times: int = 1,
) -> httpx.Response:
    """One signed pull with that content type, or the last of several equal ones."""
    machine = service.town.machine(HARBOUR)
    headers = {"accept": accept, "content-type": media_type}
    if idempotency is not None:
        headers["idempotency-key"] = idempotency or secrets.token_urlsafe(18)
    message = signatures.Message("POST", f"{service.url}/v1/grants/{grant_id}/pulls", headers)
    # Without the header, what is signed lacks it as well, and the signature covers too little.
    signatures.sign(message, body, key or machine.key, nonce=secrets.token_urlsafe(18))
    for _ in range(times):
        answer = machine.http.post(message.url, content=body, headers=message.headers)
    return answer


def told(answer: httpx.Response) -> tuple[Any, ...]:
    if answer.is_success:
        return answer.status_code, answer.headers["content-type"], answer.content
    document = answer.json()
    return answer.status_code, answer.headers["content-type"], document["code"], document["facts"]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_both_ways_say_the_same_of_a_body(body: bytes, service: Service, grant: str) -> None:
    assert told(sent(service, grant, SHORT, body)) == told(sent(service, grant, LONG, body))


@pytest.mark.parametrize(
    "how",
    [
        {"accept": "text/plain"},
        {"accept": grants.ENVELOPE + ";format=xml"},
        {"idempotency": "short"},
        {"idempotency": "x" * 129},
        {"key": Ed25519PrivateKey.generate()},
        {"times": 2},
    ],
    ids=["format", "envelope", "short key", "long key", "stranger", "replay"],
)
def test_both_ways_refuse_alike(how: dict[str, Any], service: Service, grant: str) -> None:
    short, long = told(sent(service, grant, SHORT, **how)), told(sent(service, grant, LONG, **how))
    assert short == long
    assert short[0] >= 400


def test_both_ways_find_the_same_grants(service: Service) -> None:
    for name in ("grant_none", "..", "%2e%2e", "a%2Fb"):
        assert told(sent(service, name, SHORT)) == told(sent(service, name, LONG))


def test_the_policy_is_the_route_s_own(service: Service) -> None:
    assert service.app.router.routes[0] is grants.EXPRESS
    context = next(c for c in iter_route_contexts(service.app.routes) if c.path == "/v1/grants/{grant_id}/pulls")
    assert grants.EXPRESS.policy in dependencies(context.dependant)


def test_only_what_is_plain_is_taken() -> None:
    def taken(**changes: Any) -> bool:
        headers = {"content-type": SHORT, "signature-input": "x", "idempotency-key": "12345678"} | changes
        path = headers.pop("path", "/v1/grants/grant_1/pulls")
        scope = {
            "type": "http",
            "method": headers.pop("method", "POST"),
            "path": path,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items() if value],
        }
        return grants.EXPRESS.matches(scope)[0] is Match.FULL

    assert taken()
    for change in (
        {"method": "GET"},
        {"path": "/v1/grants/grant_1/pulls/"},
        {"path": "/v1/grants/a/b/pulls"},
        {"path": "/v1/grants//pulls"},
        {"signature-input": ""},
        {"idempotency-key": ""},
        {"content-type": LONG},
    ):
        assert not taken(**change), change
