"""Plain ASGI middleware: size cap before anything is parsed, allowed hosts, security headers.

Why here and not in dependencies: the framework reads and parses a body before it runs dependencies, so an
unauthenticated 200 MB upload would be in memory before its 401.
"""

from collections.abc import Callable, Iterable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ApiError, Kind
from api.http.errors import PageForError, answer, as_api_error, log_unexpected, problem

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class TooLargeError(Exception):
    """Raised inside `receive` when a body without an honest Content-Length runs over its cap."""


class SecurityHeaders:
    """Adds the headers to every answer, and `no-store` wherever nothing else was said."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class LastResort:
    """Turns what nobody expected into a 500 without letting it on: the server would log its message and traceback.

    It stands outside the other middleware, whose errors (the database is away while a session is looked up) no handler
    of the framework's sees.
    """

    def __init__(self, app: ASGIApp, page: PageForError | None = None) -> None:
        self.app = app
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def noting_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noting_send)
        except ClientDisconnect:
            return  # nobody is left to be told, and nothing went wrong here
        except Exception as error:
            known = as_api_error(error)
            if known.kind is Kind.INTERNAL:
                log_unexpected(error)
            if not started:
                await answer(Request(scope), known, self.page)(scope, receive, send)


class AllowedHosts:
    """Refuses a Host header that is not ours: it goes into @target-uri, links and cookies."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "http" and Headers(scope=scope).get("host", "") not in self.hosts:
            await problem(Request(scope), ApiError("http.unknown_host", Kind.INVALID))(scope, receive, send)
            return
        await self.app(scope, receive, send)


class BodyLimit:
    """Caps bodies: the small cap for everybody, the large one for uploads by somebody who is signed in.

    `may_upload` says how many times the large cap (0: the small one), by path and credentials only; it is given the
    scope before any byte of the body is read, in a thread of its own, for it asks the database.
    Bodies of GET are capped as well: a signed request's is read whole.
    """

    def __init__(self, app: ASGIApp, *, small: int, large: int, may_upload: Callable[[Scope], int]) -> None:
        self.app = app
        self.small = small
        self.large = large
        self.may_upload = may_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        size = int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 16 else None
        cap = self.small
        if size is None or size > self.small:
            cap = max(cap, self.large * await run_in_threadpool(self.may_upload, scope))

        async def refuse() -> None:
            error = ApiError("http.too_large", Kind.TOO_LARGE, limit_mb=max(1, cap // 1024 // 1024))
            await problem(Request(scope), error)(scope, receive, send)

        if size is not None and size > cap:
            await refuse()
            return
        seen = 0
        exceeded = False
        answered = False

        async def capped_receive() -> Message:
            nonlocal seen, exceeded
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > cap:
                exceeded = True
                raise TooLargeError
            return message

        async def send_or_refuse(message: Message) -> None:
            # The framework turns an error while reading a body into an answer of its own; ours replaces it.
            nonlocal answered
            if not exceeded:
                answered = True
                await send(message)
            elif not answered:
                answered = True
                await refuse()

        try:
            await self.app(scope, capped_receive, send_or_refuse)
        except TooLargeError:
            if not answered:
                await refuse()
