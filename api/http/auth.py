"""Who may call a route: each one names its roles with `allow(...)` or says `public()`; a test finds routes that do not.

People come with a session cookie and, for anything that changes something, its CSRF token (header or form field).
Entities' machines come with a signed request. Nothing else authenticates.
"""

import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from api.errors import ApiError, Kind
from api.http import signatures
from api.services import identity
from api.services.context import Actor, Context, Role

SESSION_COOKIE = "mydata_session"
# What ties a round at the identity provider, or a passkey's challenge, to the browser that began it.
ROUND_COOKIE = "mydata_round"
CSRF_HEADER = "x-csrf-token"
MACHINES = "/v1/"
AGENTS = "/v1/returns"
# Case numbers come from a register that no officer types; a department's machine queries nothing.
CASES = "/v1/case-register"
# Of a return, what an officer decides: whether a file's columns are right, that it is sealed, that it was reviewed.
OFFICERS_ACTS = ("/columns", "/review", "/seal")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def context(request: Request) -> Context:
    """The service's ports, put there by the composition root."""
    ctx = request.app.state.ctx
    if not isinstance(ctx, Context):
        raise ApiError("http.not_ready", Kind.UNAVAILABLE)
    return ctx


async def _context(request: Request) -> Context:
    # Awaited, for it waits for nothing: a plain function would be sent to a thread and back for each request.
    return context(request)


ContextDep = Annotated[Context, Depends(_context)]


async def _first(request: Request) -> AsyncIterator[None]:
    with context(request).precedence.first():
        yield


FIRST = [Depends(_first, scope="function")]
"""`dependencies` of a route by which somebody takes something back: it goes before those who take."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What of a request speaks for its sender: the CSRF token that it brings, or the body that its signature covers."""

    csrf: str
    body: bytes


def signed(request: Request) -> bool:
    """Whether a machine asks. Pages are for people alone: a signature does not open them."""
    return "signature-input" in request.headers and request.url.path.startswith(MACHINES)


async def credentials(request: Request) -> Credentials:
    """Read what must be awaited; the framework has parsed the body by now, and keeps it."""
    if signed(request):
        try:
            return Credentials("", await request.body())
        except RuntimeError:
            # A form, which the framework has read and thrown away by now: no route for machines takes one.
            raise ApiError("signature.bad", Kind.UNAUTHENTICATED) from None
    token = request.headers.get(CSRF_HEADER, "")
    if not token and request.method not in SAFE and request.headers.get("content-type", "").startswith(FORMS):
        field = (await request.form()).get("csrf")
        token = field if isinstance(field, str) else ""
    return Credentials(token, b"")


class Allow:
    """A route's policy: the roles that may call it. Gives the `Actor`.

    Raises `auth.required`, `auth.forbidden`, `auth.csrf`, `auth.suspended`, `signature.…`. With `nonce_later` the route
    itself spends a signed request's nonce, in the transaction of what it does.
    """

    def __init__(self, *roles: Role, nonce_later: bool = False) -> None:
        self.roles = frozenset(roles)
        self.nonce_later = nonce_later

    def __call__(self, request: Request, given: Annotated[Credentials, Depends(credentials)]) -> Actor:
        """Authenticate, then compare roles. The order matters: a stranger learns nothing of what a route is for."""
        ctx = context(request)
        if signed(request):
            actor, request.state.evidence = machine(ctx, request, given.body, spend=not self.nonce_later)
        else:
            actor = person(ctx, request, given.csrf)
            request.state.evidence = None
        if actor.role not in self.roles:
            raise ApiError("auth.forbidden", Kind.FORBIDDEN)
        return actor


class Public:
    """The policy of a route that anybody may call."""

    async def __call__(self) -> None:
        """Nothing to check."""


def allow(*roles: Role, nonce_later: bool = False) -> Any:  # noqa: ANN401 - FastAPI's Depends has no better type
    """The dependency that every route for somebody carries."""
    return Depends(Allow(*roles, nonce_later=nonce_later))


def public() -> Any:  # noqa: ANN401 - as above
    """The dependency that every route for everybody carries."""
    return Depends(Public())


def person(ctx: Context, request: Request, csrf: str) -> Actor:
    """The signed-in person behind a cookie."""
    signed_in = identity.session_of(ctx, request.cookies.get(SESSION_COOKIE, ""))
    if signed_in is None:
        raise ApiError("auth.required", Kind.UNAUTHENTICATED)
    if request.method not in SAFE and not hmac.compare_digest(csrf.encode(), signed_in.csrf.encode()):
        raise ApiError("auth.csrf", Kind.FORBIDDEN)
    request.state.signed_in = signed_in
    return signed_in.actor


def keep_session(ctx: Context, request: Request, response: Response, token: str) -> None:
    """Put a new session into the browser's cookie; whatever session it held before ends."""
    before = request.cookies.get(SESSION_COOKIE, "")
    if before and before != token:
        identity.sign_out(ctx, before)
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=ctx.settings.session_hours * 3600,
        path="/",
        # By the published address, not by this connection: a proxy may have ended TLS before it.
        secure=ctx.settings.base_url.startswith("https:"),
        httponly=True,
        samesite="strict",
    )


def keep_round(ctx: Context, response: Response, browser: str, *, path: str, cross_site: bool) -> None:
    """Tie what begins now to this browser. `cross_site`: the answer comes back by a link of another site's."""
    response.set_cookie(
        ROUND_COOKIE,
        browser,
        max_age=600,
        path=path,
        secure=ctx.settings.base_url.startswith("https:"),
        httponly=True,
        samesite="lax" if cross_site else "strict",
    )


def agents_act(method: str, path: str) -> bool:
    """Whether a department's machine may do this: it returns files, brings case numbers, and decides nothing."""
    if path == CASES:
        return True
    if path != AGENTS and not path.startswith(AGENTS + "/"):
        return False
    return method in SAFE or not path.rstrip("/").endswith(OFFICERS_ACTS)


def agent_sends(ctx: Context, request: Request) -> bool:
    """Whether a department's agent has signed this request, by its head: nothing of the body is read or believed."""
    try:
        party, _ = _signed(ctx, request, None)
    except ApiError as error:
        if error.kind is Kind.UNAVAILABLE:
            raise
        return False
    return party.active and party.role is Role.DEPARTMENT


def _signed(
    ctx: Context, request: Request, body: bytes | None
) -> tuple[identity.MachineParty, signatures.SignedRequest]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    # The target as it came: in the framework's own the path's escapes are undone, and no signer signed that.
    came = request.scope.get("raw_path") or request.url.path.encode()
    message = signatures.Message(request.method, str(request.url.replace(path=came.decode("latin-1"))), headers)
    party = identity.machine_party(ctx, signatures.key_id(headers))
    if party is None:
        raise ApiError("signature.bad", Kind.UNAUTHENTICATED)
    settings = ctx.settings
    return party, signatures.verify(
        message, body, party.http_key, skew_s=settings.signature_skew_s, life_s=settings.signature_life_s
    )


def machine(
    ctx: Context, request: Request, body: bytes, *, spend: bool = True
) -> tuple[Actor, signatures.SignedRequest]:
    """The entity or department behind a signed request.

    Its nonce is spent in the same step, unless the route does that itself.
    """
    party, signed = _signed(ctx, request, body)
    if spend or not party.active:
        identity.spend_nonce(ctx, signed.thumbprint, signed.nonce)
    if not party.active:
        raise ApiError("auth.suspended", Kind.FORBIDDEN)
    if party.role is Role.DEPARTMENT and not agents_act(request.method, request.url.path):
        # A department's agent returns files; whatever an officer decides, it does not.
        raise ApiError("auth.forbidden", Kind.FORBIDDEN)
    return Actor(party.role, subject=party.id, party_id=party.id), signed
