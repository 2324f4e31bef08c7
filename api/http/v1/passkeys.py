"""Passkeys: registering, listing and removing one's own, and signing in with them."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.errors import ApiError, Kind
from api.http.auth import ROUND_COOKIE, ContextDep, allow, keep_round, keep_session, public
from api.http.forms import Strict, moment
from api.http.strict_json import StrictJsonRoute
from api.http.v1.sessions import SessionOut
from api.services.context import Actor, Role
from api.services.identity import passkeys
from api.services.identity.passkeys import PasskeyView

router = APIRouter(tags=["passkeys"], route_class=StrictJsonRoute)
Citizen = Annotated[Actor, allow(Role.CITIZEN)]
SIGN_IN_PATH = "/v1/sessions/passkey"


class AnswerIn(Strict):
    """What `navigator.credentials` gave, in the JSON form of WebAuthn level 3."""

    credential: dict[str, Any]


class PasskeyIn(AnswerIn):
    """A new passkey and the holder's name for it."""

    label: str = Field(min_length=1, max_length=64)


def shown(item: PasskeyView) -> dict[str, Any]:
    """A passkey as JSON."""
    return {
        "id": item.id,
        "label": item.label,
        "created_at": moment(item.created_at_ms),
        "used_at": moment(item.used_at_ms),
    }


@router.get("/passkeys")
def list_passkeys(ctx: ContextDep, actor: Citizen) -> dict[str, Any]:
    """The person's own passkeys."""
    return {"items": [shown(item) for item in passkeys.list_own(ctx, actor)]}


@router.post("/passkeys/options")
def registration_options(ctx: ContextDep, request: Request, actor: Citizen) -> dict[str, Any]:
    """Options for `navigator.credentials.create`; their challenge serves once, for five minutes."""
    signed_in = getattr(request.state, "signed_in", None)
    if signed_in is None:
        raise ApiError("auth.required", Kind.UNAUTHENTICATED)
    return passkeys.registration_options(ctx, actor, signed_in.display)


@router.post("/passkeys", status_code=201)
def register(ctx: ContextDep, actor: Citizen, body: PasskeyIn) -> dict[str, Any]:
    """Keep what `navigator.credentials.create` gave."""
    return shown(passkeys.register(ctx, actor, body.label, body.credential))


@router.delete("/passkeys/{passkey_id}", status_code=204)
def remove(ctx: ContextDep, actor: Citizen, passkey_id: str) -> None:
    """Let a passkey serve no longer."""
    passkeys.remove(ctx, actor, passkey_id)


@router.post("/sessions/passkey/options")
def sign_in_options(ctx: ContextDep, response: Response, _: Annotated[None, public()]) -> dict[str, Any]:
    """Options for `navigator.credentials.get`; a cookie ties their challenge to this browser."""
    options, browser = passkeys.sign_in_options(ctx)
    keep_round(ctx, response, browser, path=SIGN_IN_PATH, cross_site=False)
    return options


@router.post("/sessions/passkey", status_code=201)
def sign_in(
    ctx: ContextDep, request: Request, response: Response, body: AnswerIn, _: Annotated[None, public()]
) -> SessionOut:
    """Sign in with what `navigator.credentials.get` gave."""
    token, signed_in = passkeys.sign_in_with(ctx, body.credential, request.cookies.get(ROUND_COOKIE, ""))
    keep_session(ctx, request, response, token)
    response.delete_cookie(ROUND_COOKIE, path=SIGN_IN_PATH)
    return SessionOut(role=signed_in.actor.role.value, name=signed_in.display, csrf=signed_in.csrf)
