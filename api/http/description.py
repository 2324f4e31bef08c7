"""The interface's description (OpenAPI 3.1) as the service really behaves.

The framework's own says less, and of a refused input something that is not so. Added to each operation: how callers
prove who they are, by the route's own policy; the statuses that it can answer with, every refusal as a problem
document; that a call to be made once must bring its key; what its answer holds; and the media types of files.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from api.http.answers import ANSWERS, ASKED_INSTEAD
from api.http.auth import CSRF_HEADER, SAFE, SESSION_COOKIE, Allow
from api.http.shapes import SHAPES
from api.http.v1.grants import ENVELOPE
from api.http.v1.receipts import BUNDLE
from api.services.context import Role
from api.services.pulls import CSV, FORMATS, JSON, PDF, XLSX

PROBLEM = "application/problem+json"
DELIVERY = (*FORMATS, ENVELOPE)

FILES: Mapping[str, tuple[str, ...]] = {
    "POST /v1/grants/{grant_id}/pulls": DELIVERY,
    "POST /v1/statutory-accesses": DELIVERY,
    "GET /v1/pull-jobs/{job_id}/result": ("application/zip",),
    "GET /v1/certificates/{record_id}/proof": (BUNDLE,),
    "GET /v1/certificates/{record_id}/original": (PDF,),
    "GET /v1/receipts/{receipt_id}/evidence": (BUNDLE,),
    "GET /v1/cases/{case_id}/evidence": (BUNDLE,),
    "GET /v1/traces/{trace_id}/evidence/{copy_id}": (BUNDLE,),
    "GET /v1/traces/{trace_id}/report": (JSON, "text/html", PDF),
    "GET /v1/counter/visits/{visit_id}/slip.pdf": (PDF,),
    "GET /v1/footprints/export": (JSON, CSV),
    "GET /v1/indicators/export": (JSON, CSV, XLSX),
    "GET /v1/log/epochs/{epoch_id}/evidence": (BUNDLE,),
    "GET /v1/supervision/certificates/{record_id}/evidence/{receipt_id}": (BUNDLE,),
    "GET /v1/returns/{return_id}/events": ("text/event-stream",),
    "GET /v1/seals/roots.pem": ("application/x-pem-file",),
    "GET /v1/seals/lists/{name}": ("application/pkix-crl",),
    "GET /v1/log/checkpoint": ("text/plain",),
    "GET /v1/log/witnessed": ("text/plain",),
    "GET /v1/log/tile/{tile}": ("application/octet-stream",),
}
"""Operations whose answer is a file or a stream, with its media types; every other one answers with JSON."""

NOT_YET = frozenset({"GET /v1/log/checkpoint", "GET /v1/log/witnessed"})
"""Operations about one thing that has no name and need not be there yet."""

READINESS = "GET /readyz"
"""Says what is missing, in the same form, with 503."""

RECEIPT_HEADERS = ("Receipt-Id", "Receipt-Number", "Receipt-Leaf", "Receipt-Promise", "Copy-Id", "Content-Digest")
"""What comes with every delivery: the log's signed promise, and the digest of the bytes."""

SCHEMES: Mapping[str, Mapping[str, str]] = {
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE, "description": "People, signed in."},
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "The session's token, with everything that changes something.",
    },
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "signature",
        "description": "Entities' machines: RFC 9421 with Signature-Input and Content-Digest; each nonce is good once.",
    },
}

SCHEMA: Mapping[str, Any] = {
    "title": "Problem",
    "description": "RFC 9457. `title` is in the language asked for, the other one beside it; `code` is what to act on.",
    "type": "object",
    "required": ["type", "title", "status", "code", "facts"],
    "properties": {
        "type": {"type": "string", "pattern": "^/help/errors#"},
        "title": {"type": "string", "minLength": 1},
        "title_zh": {"type": "string", "minLength": 1},
        "title_en": {"type": "string", "minLength": 1},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "pattern": "^[a-z_]+([.][a-z_]+)+$"},
        "facts": {"type": "object"},
    },
    "additionalProperties": False,
    "oneOf": [{"required": ["title_zh"]}, {"required": ["title_en"]}],
}


def install(app: FastAPI) -> None:
    """Let the application describe itself so; made once, when first asked for."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # the framework's own way to replace it


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    document: dict[str, Any] = get_openapi(title=app.title, version=app.version, routes=app.routes)
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = dict(SCHEMA)
    schemas |= {name: {"title": name, **shape} for name, shape in SHAPES.items()}
    document["components"]["securitySchemes"] = {name: dict(scheme) for name, scheme in SCHEMES.items()}
    roles = policies(app)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method.upper()} {path}"
            _describe(name, operation, roles.get(name))
    return document


def policies(app: FastAPI) -> dict[str, frozenset[Role] | None]:
    """Who may call each operation, by its route's policy; None for everybody."""
    found: dict[str, frozenset[Role] | None] = {}
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            policy = _policy(context.original_route.dependant)
            for method in context.methods or ():
                found[f"{method} {context.path}"] = None if policy is None else policy.roles
    return found


def _policy(dependant: Dependant) -> Allow | None:
    for inner in dependant.dependencies:
        found = inner.call if isinstance(inner.call, Allow) else _policy(inner)
        if found is not None:
            return found
    return None


def _describe(name: str, operation: dict[str, Any], roles: frozenset[Role] | None) -> None:
    method = name.partition(" ")[0]
    if roles is not None:
        person: dict[str, list[str]] = {"session": []} if method in SAFE else {"session": [], "csrf": []}
        operation["security"] = [person, {"signature": []}] if Role.ENTITY in roles else [person]
        operation["x-roles"] = sorted(role.value for role in roles)
    for parameter in operation.get("parameters", ()):
        _settle(parameter)
    responses = operation["responses"]
    responses.pop("422", None)
    for status, answer in responses.items():
        answer["description"] = HTTPStatus(int(status)).phrase
        if name in FILES:
            answer["content"] = {media: {} for media in FILES[name]}
        elif name in ANSWERS:
            answer["content"] = {JSON: {"schema": dict(ANSWERS[name])}}
        elif answer.get("content", {}).get(JSON) == {"schema": {}}:
            answer["content"] = {JSON: {"schema": {"type": "object"}}}
        if FILES.get(name) == DELIVERY:
            answer["headers"] = {header: {"required": True, "schema": {"type": "string"}} for header in RECEIPT_HEADERS}
    if name in ASKED_INSTEAD:
        other, shape = ASKED_INSTEAD[name]
        content = {JSON: {"schema": dict(shape)}}
        responses[str(other)] = {"description": HTTPStatus(other).phrase, "content": content}
    for status in statuses(name, operation, roles):
        responses[str(int(status))] = {
            "description": status.phrase,
            "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    if name == READINESS:
        responses["503"]["content"] = responses["200"]["content"]


def _settle(parameter: dict[str, Any]) -> None:
    """A parameter that may be left out is simply not required: `null` cannot be said in a query or a header."""
    variants = parameter["schema"].get("anyOf", [])
    real = [variant for variant in variants if variant != {"type": "null"}]
    if len(real) == 1 and len(variants) == 2:
        rest = {key: value for key, value in parameter["schema"].items() if key != "anyOf"}
        parameter["schema"] = real[0] | rest
    if parameter["name"] == "Idempotency-Key":
        parameter["required"] = True


def statuses(name: str, operation: Mapping[str, Any], roles: frozenset[Role] | None) -> list[HTTPStatus]:
    """Every status that says no, by what the operation is: for somebody, about a thing, changing something."""
    method = name.partition(" ")[0]
    named = any(parameter["in"] == "path" for parameter in operation.get("parameters", ()))
    found = [HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE]
    if roles is not None:
        found.append(HTTPStatus.UNAUTHORIZED)
    if roles is not None or method not in SAFE:
        found.append(HTTPStatus.FORBIDDEN)
    if named or method not in SAFE:
        found += [HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT]
    if name in NOT_YET:
        found.append(HTTPStatus.NOT_FOUND)
    if method not in SAFE:
        # 400: a form, wherever one comes, that cannot be read.
        found += [HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.TOO_MANY_REQUESTS]
    return sorted(found)
