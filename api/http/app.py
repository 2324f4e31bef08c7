"""The ASGI application: routers, errors, middleware. Wired with its ports by `api.main`."""

from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from api.http import errors
from api.http.auth import SESSION_COOKIE
from api.http.middleware import AllowedHosts, BodyLimit, LastResort, SecurityHeaders
from api.http.v1 import (
    cases,
    certificates,
    copies,
    counter,
    drafts,
    erasures,
    footprints,
    grants,
    mandates,
    notifications,
    passkeys,
    pull_jobs,
    receipts,
    reference,
    requests,
    returns,
    sessions,
    statutory,
    traces,
    webhooks,
)
from api.services import identity
from api.services.context import Context, Role
from api.settings import Settings

UPLOADS = {
    "/v1/returns": Role.DEPARTMENT,
    "/department/returns": Role.DEPARTMENT,
    "/v1/traces": Role.REGULATOR,
    "/regulator/traces": Role.REGULATOR,
}
# The framework tries routers in this order: pulls, which machines make by the hundred, come first.
V1 = (
    grants,
    pull_jobs,
    requests,
    sessions,
    certificates,
    footprints,
    cases,
    notifications,
    returns,
    copies,
    webhooks,
    mandates,
    counter,
    passkeys,
    drafts,
    receipts,
    traces,
    statutory,
    erasures,
    reference,
)


def build(ctx: Context, *, page: errors.PageForError | None = None) -> FastAPI:
    """The application over its ports. Interactive docs are off: they need scripts that the CSP forbids."""
    app = FastAPI(title="mydata", version="1", docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json")
    app.state.ctx = ctx
    v1 = APIRouter(prefix="/v1")
    for module in V1:
        v1.include_router(module.router)
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
    return app


def hosts(settings: Settings) -> set[str]:
    """Host headers that name this service."""
    names = {urlsplit(settings.base_url).netloc}
    if not settings.public_url:
        names |= {f"127.0.0.1:{settings.port}", f"localhost:{settings.port}"}
    return names


def may_upload(ctx: Context, scope: Scope) -> bool:
    """Whether a large body is acceptable, judged by path and session before any of it is read."""
    role = UPLOADS.get(scope["path"])
    if role is None or scope["method"] != "POST":
        return False
    cookies = cookie_parser(Headers(scope=scope).get("cookie", ""))
    signed_in = identity.session_of(ctx, cookies.get(SESSION_COOKIE, ""))
    return signed_in is not None and signed_in.actor.role is role
