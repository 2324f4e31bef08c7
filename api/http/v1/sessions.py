"""Signing in and out. The development provider believes what it is told, and therefore answers on loopback only."""

import ipaddress
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.errors import ApiError, Kind
from api.http.auth import SESSION_COOKIE, ContextDep, allow, keep_session, public
from api.http.forms import Strict
from api.http.strict_json import StrictJsonRoute
from api.services import identity
from api.services.context import Actor, Context, Role
from api.store.queries.holders import HolderKind

router = APIRouter(tags=["sessions"], route_class=StrictJsonRoute)


class HolderClaims(Strict):
    """A holder, as a real provider would assert it after its own checks."""

    role: Literal["citizen"]
    kind: Literal["person", "enterprise"]
    number: str = Field(min_length=15, max_length=18)
    name: str = Field(min_length=1, max_length=64)


class StaffClaims(Strict):
    """Staff of a party."""

    role: Literal["department", "entity", "regulator", "operator", "security", "auditor"]
    party: str = Field(min_length=1, max_length=48)
    name: str = Field(default="", max_length=64)
    staff: str = Field(default="", max_length=32)
    duty: Literal["counter"] | None = None


class ActingIn(Strict):
    """Under which mandate to act from now on; null: for oneself."""

    mandate: str | None = Field(min_length=1, max_length=48)


class ActingOut(Strict):
    """For whom the session acts, as what, and under which mandate."""

    name: str
    relation: str
    mandate: str


class SessionOut(Strict):
    """What a page needs of a session; the cookie itself is not readable by scripts."""

    role: str
    name: str
    csrf: str
    acting: ActingOut | None = None


def loopback_only(request: Request) -> None:
    """The development provider's fence: `auth.dev_loopback_only` for callers from elsewhere."""
    host = request.client.host if request.client else ""
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise ApiError("auth.dev_loopback_only", Kind.FORBIDDEN)


def sign_in(ctx: Context, request: Request, response: Response, claims: identity.Claims) -> SessionOut:
    """Open a session by the development provider and set its cookie."""
    if ctx.settings.identity_provider != "development":
        raise ApiError("auth.dev_provider_refused", Kind.FORBIDDEN)
    loopback_only(request)
    token, signed_in = identity.sign_in(ctx, claims)
    keep_session(ctx, request, response, token)
    return shown(signed_in)


def shown(signed_in: identity.SignedIn) -> SessionOut:
    """A session as JSON."""
    actor = signed_in.actor
    acting = None
    if signed_in.acting_for is not None and actor.mandate_id is not None:
        acting = ActingOut(name=signed_in.acting_for, relation=actor.relation.value, mandate=actor.mandate_id)
    return SessionOut(role=actor.role.value, name=signed_in.display, csrf=signed_in.csrf, acting=acting)


@router.post("/sessions", status_code=201)
def open_session(
    ctx: ContextDep,
    request: Request,
    response: Response,
    body: Annotated[HolderClaims | StaffClaims, Field(discriminator="role")],
    _: Annotated[None, public()],
) -> SessionOut:
    """Sign in through the development identity provider (loopback only, refused in production)."""
    if isinstance(body, HolderClaims):
        claims = identity.Claims(Role.CITIZEN, body.name, HolderKind(body.kind), body.number)
    else:
        claims = identity.Claims(Role(body.role), body.name, party_id=body.party, staff=body.staff, duty=body.duty)
    return sign_in(ctx, request, response, claims)


@router.get("/sessions/current")
def current_session(
    request: Request,
    _: Annotated[Actor, allow(*Role)],
) -> SessionOut:
    """The session that the cookie belongs to."""
    signed_in = getattr(request.state, "signed_in", None)
    if signed_in is None:
        raise ApiError("auth.required", Kind.UNAUTHENTICATED)
    return shown(signed_in)


@router.post("/sessions/current/acting")
def act_for(
    ctx: ContextDep, request: Request, actor: Annotated[Actor, allow(Role.CITIZEN)], body: ActingIn
) -> SessionOut:
    """Choose for whom to act from now on; each later request asks again whether that is still allowed."""
    return shown(identity.act_for(ctx, actor, request.cookies.get(SESSION_COOKIE, ""), body.mandate))


@router.delete("/sessions/current", status_code=204)
def close_session(
    ctx: ContextDep,
    request: Request,
    response: Response,
    _: Annotated[Actor, allow(*Role)],
) -> None:
    """Sign out."""
    identity.sign_out(ctx, request.cookies.get(SESSION_COOKIE, ""))
    response.delete_cookie(SESSION_COOKIE, path="/")
