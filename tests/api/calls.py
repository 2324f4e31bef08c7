"""Callers of the interface, and what an answer must look like whatever it says."""

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx

from api.demo.provision import party_id
from api.http.middleware import CSP, HEADERS
from tests.town import HARBOUR, LICENCE, PINE, Service

ROLES = ("stranger", "citizen", "department", "entity", "machine", "regulator", "operator", "security", "auditor")


@dataclass
class Caller:
    """Somebody with a session, a machine that signs, or a stranger, over one raw call."""

    role: str
    service: Service
    claims: dict[str, str] = field(default_factory=dict)
    http: httpx.Client = field(init=False)
    csrf: str = ""

    def __post_init__(self) -> None:
        self.http = self.service.at_end.enter_context(
            httpx.Client(base_url=self.service.url, timeout=60, trust_env=False)
        )
        if self.claims:
            answer = self.http.post("/v1/sessions", json=self.claims)
            assert answer.status_code == 201, answer.text
            self.csrf = answer.json()["csrf"]

    def call(self, method: str, path: str, body: object = None, **options: Any) -> httpx.Response:
        """One call as this caller makes it: signed, or with cookie and CSRF token, under a fresh idempotency key."""
        if self.role == "machine":
            return self.service.town.machine(HARBOUR).send(method, path, body, **options)  # type: ignore[arg-type]
        headers = {"Accept": "application/json", **options.pop("headers", {})}
        if method != "GET":
            headers |= {"Idempotency-Key": options.pop("idempotency_key", None) or secrets.token_urlsafe(18)}
            if self.csrf:
                headers["X-CSRF-Token"] = self.csrf
        if body is not None:
            options["json"] = body
        return self.http.request(method, path, headers=headers, **options)


def caller(service: Service, role: str) -> Caller:
    """A caller of a role, with a session of its own."""
    person = service.driver()
    claims: dict[str, dict[str, str]] = {
        "stranger": {},
        "machine": {},
        "citizen": {"role": "citizen", "kind": "person", "number": person.number, "name": person.name},
        "department": {"role": "department", "party": department_id(service)},
        "entity": {"role": "entity", "party": party_id(HARBOUR)},
        "regulator": {"role": "regulator", "party": one(service, "regulator")},
        "operator": {"role": "operator", "party": one(service, "operator")},
        "security": {"role": "security", "party": one(service, "operator"), "staff": "S-01"},
        "auditor": {"role": "auditor", "party": one(service, "operator"), "staff": "J-01"},
    }
    return Caller(role, service, claims[role])


@dataclass
class FromElsewhere:
    """A caller whose connection comes from another address, without a socket in between."""

    app: Any
    url: str
    address: str

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(self.address, 4242))
            async with httpx.AsyncClient(transport=transport, base_url=self.url) as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.call("POST", path, **options)


def other_citizen(service: Service) -> Caller:
    person = service.driver(1)
    return Caller(
        "citizen", service, {"role": "citizen", "kind": "person", "number": person.number, "name": person.name}
    )


def other_entity(service: Service) -> Caller:
    return Caller("entity", service, {"role": "entity", "party": party_id(PINE)})


def department_id(service: Service, type_code: str = LICENCE) -> str:
    """The party of the department that issues a type."""
    wanted = service.ctx.catalogue.ready_type(type_code).department
    return str(service.rows("SELECT id FROM parties WHERE department_code = :code", code=wanted)[0][0])


def one(service: Service, role: str) -> str:
    return str(service.rows("SELECT id FROM parties WHERE role = :role", role=role)[0][0])


def problem(response: httpx.Response, status: int | None, code: str) -> dict[str, Any]:
    """Assert that an answer is a problem document of that code, with headers as every answer has them."""
    assert response.headers["content-type"].startswith("application/problem+json"), response.text
    document: dict[str, Any] = response.json()
    assert document["code"] == code, document
    if status is not None:
        assert response.status_code == status, document
    assert document["status"] == response.status_code
    assert document["title"]
    protected(response)
    return document


def protected(response: httpx.Response) -> None:
    """Assert the security headers."""
    for name, value in HEADERS.items():
        assert response.headers.get(name) == value, name
    assert response.headers["content-security-policy"] == CSP
    assert response.headers.get("cache-control"), "nothing is cached by accident"
    assert "server" not in response.headers


def nothing_of(secret: str, response: httpx.Response) -> None:
    """Assert that an answer does not repeat something."""
    text = response.text + json.dumps(dict(response.headers))
    assert secret not in text
    assert secret.encode().hex() not in text
