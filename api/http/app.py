"""The ASGI application: routers, errors, middleware. Wired with its ports by `api.main`."""

import re
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.types import Scope

from api.http import description, errors, uploads
from api.http.auth import SESSION_COOKIE, agent_sends
from api.http.metrics import Counting, Metrics
from api.http.middleware import AllowedHosts, BodyLimit, LastResort, SecurityHeaders
from api.http.v1 import (
    agents,
    case_register,
    cases,
    certificates,
    copies,
    counter,
    data_asks,
    disputes,
    drafts,
    duties,
    erasures,
    flows,
    footprints,
    grants,
    indicators,
    log,
    mandates,
    notifications,
    offers,
    passkeys,
    pull_jobs,
    quality,
    receipts,
    reference,
    requests,
    returns,
    seals,
    sessions,
    statutory,
    supervision,
    trace_jobs,
    traces,
    watch,
    webhooks,
)
from api.services import identity
from api.services.context import Context, Role
from api.settings import Settings

AGENT_UPLOAD = "/v1/returns/agent"
UPLOADS = {
    "/v1/returns": Role.DEPARTMENT,
    "/department/returns": Role.DEPARTMENT,
    "/v1/traces": Role.REGULATOR,
    "/regulator/traces": Role.REGULATOR,
}
MANY = 16
"""How many times the size of a file a request may have that brings many."""
MANY_FILES = re.compile(r"/v1/traces/jobs(/[^/]+/files)?|/regulator/traces(/jobs/[^/]+/files)?")
# The framework tries routers in this order: pulls, which machines make by the hundred, come first.
V1 = (
    grants,
    pull_jobs,
    requests,
    sessions,
    certificates,
    footprints,
    case_register,
    cases,
    disputes,
    notifications,
    agents,
    returns,
    quality,
    copies,
    webhooks,
    mandates,
    counter,
    passkeys,
    drafts,
    receipts,
    log,
    trace_jobs,  # before `traces`, whose ids would swallow it
    traces,
    statutory,
    supervision,
    duties,
    indicators,
    flows,
    watch,
    erasures,
    seals,
    offers,
    data_asks,
    reference,
)


def build(ctx: Context, *, page: errors.PageForError | None = None) -> FastAPI:
    """The application over its ports. Interactive docs are off: they need scripts that the CSP forbids."""
    uploads.install()
    app = FastAPI(title="mydata", version="1", docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json")
    app.state.ctx = ctx
    description.install(app)
    v1 = APIRouter(prefix="/v1")
    for module in V1:
        v1.include_router(module.router)
    app.router.routes.insert(0, grants.EXPRESS)
    app.include_router(v1)
    app.include_router(reference.operations)
    errors.install(app, page)
    settings = ctx.settings
    app.add_middleware(
        BodyLimit,
        small=settings.max_body_bytes,
        # A form around the file takes a little room of its own.
        large=settings.max_upload_bytes + settings.max_body_bytes,
        may_upload=lambda scope: may_upload(ctx, scope),
    )
    app.add_middleware(AllowedHosts, hosts=hosts(settings))
    app.add_middleware(LastResort, page=page)
    app.add_middleware(SecurityHeaders)
    app.state.metrics = Metrics(ctx)
    app.add_middleware(Counting, metrics=app.state.metrics)
    return app


def hosts(settings: Settings) -> set[str]:
    """Host headers that name this service."""
    names = {urlsplit(settings.base_url).netloc}
    if not settings.public_url:
        names |= {f"127.0.0.1:{settings.port}", f"localhost:{settings.port}"}
    return names


def may_upload(ctx: Context, scope: Scope) -> int:
    """Of how many files' size a body may be, judged by path and session before any of it is read; 0: small alone.

    A department's agent is told by its signature, which covers the body by a digest in the head.
    """
    if scope["path"] == AGENT_UPLOAD and scope["method"] == "POST":
        return agent_sends(ctx, Request(scope))
    many = MANY_FILES.fullmatch(scope["path"]) is not None
    role = Role.REGULATOR if many else UPLOADS.get(scope["path"])
    if role is None or scope["method"] != "POST":
        return 0
    cookies = cookie_parser(Headers(scope=scope).get("cookie", ""))
    signed_in = identity.session_of(ctx, cookies.get(SESSION_COOKIE, ""))
    return (MANY if many else 1) if signed_in is not None and signed_in.actor.role is role else 0
