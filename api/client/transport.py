"""One signed call: sent again where that is safe and of use, with the same idempotency key and a new signature."""

import contextlib
import json
import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlencode

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import ContentDigest, HTTPMessageSignaturesException

from api.client.errors import MydataError, RefusedError, UnreachableError, UntrustedError
from api.client.operations import Operation
from api.client.reading import Document
from api.client.signing import SAFE, Message, sign

JSON = "application/json"
BUSY = frozenset({429, 502, 503, 504})
STILL_RUNNING = "idempotency.running"
LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call is sent, and how long to wait: doubling from `first_s`, as long as the service asks for."""

    attempts: int = 6
    first_s: float = 0.25
    sleep: Callable[[float], None] = time.sleep

    def pause_s(self, sent: int, asked_s: float | None) -> float:
        """The pause after `sent` attempts; never shorter than what `Retry-After` said, up to a limit."""
        doubled = min(self.first_s * 2.0 ** (sent - 1), LONGEST_PAUSE_S)
        # Spread, so that clients that were turned away together do not come back together.
        spread = doubled * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
        return spread if asked_s is None else max(spread, min(asked_s, LONGEST_PAUSE_S))


@dataclass(frozen=True, slots=True)
class Transport:
    """The connection to one service under one key. Safe to share between threads."""

    url: str
    key: Ed25519PrivateKey
    http: httpx.Client
    language: str = "zh-Hans"
    retries: Retries = field(default_factory=Retries)

    def json(self, operation: Operation, *, key: str | None = None, **parts: object) -> Document:
        """Call, and read the answer's JSON object. `parts`: what the path, the query and the body hold, by name."""
        response = self.call(operation, accept=JSON, key=key, **parts)
        try:
            return Document(response.json())
        except ValueError:
            raise UntrustedError("client.bad_answer", place="json") from None

    def call(
        self, operation: Operation, *, accept: str = JSON, key: str | None = None, **parts: object
    ) -> httpx.Response:
        """Call and give the whole answer; its digest is checked where it has one.

        Raises `RefusedError`, `UnreachableError`, `UntrustedError` (`client.bad_digest`).
        """
        key = key or secrets.token_urlsafe(18)
        sent = 0
        while True:
            sent += 1
            try:
                response = self.http.send(self._request(operation, accept, key, parts))
                check(response)
            except httpx.TransportError:
                if sent >= self.retries.attempts:
                    raise UnreachableError("client.unreachable", attempts=sent) from None
                self.retries.sleep(self.retries.pause_s(sent, None))
            except RefusedError as refused:
                again = refused.status in BUSY or refused.code == STILL_RUNNING
                if not again or sent >= self.retries.attempts:
                    raise
                self.retries.sleep(self.retries.pause_s(sent, _retry_after_s(response)))
            else:
                _check_digest(response)
                return response

    @contextlib.contextmanager
    def stream(self, operation: Operation, *, accept: str = "*/*", **parts: object) -> Iterator[httpx.Response]:
        """Call and give the answer before its body has come. Not sent again: what was read is the caller's.

        Raises as `call`; `client.unreachable` also where the body breaks off.
        """
        request = self._request(operation, accept, "", parts)
        try:
            response = self.http.send(request, stream=True)
            try:
                if not response.is_success:
                    response.read()
                check(response)
                yield response
            finally:
                response.close()
        except httpx.TransportError:
            raise UnreachableError("client.unreachable", attempts=1) from None

    def _request(self, operation: Operation, accept: str, key: str, parts: Mapping[str, object]) -> httpx.Request:
        given = {name: value for name, value in parts.items() if value is not None}
        path = operation.path
        for name in list(given):
            place = f"{{{name}}}"
            if place in path:
                path = path.replace(place, quote(str(given.pop(name)), safe=""))
        query = {name: str(given.pop(name)) for name in operation.query if name in given}
        body = {name: given.pop(name) for name in operation.body if name in given}
        assert not given, "every part belongs into the path, the query or the body"
        address = self.url + path + (f"?{urlencode(query)}" if query else "")
        headers = {"accept": accept}
        content = b""
        if operation.method not in SAFE:
            content = json.dumps(body, ensure_ascii=False).encode()
            headers |= {"idempotency-key": key, "content-type": "application/json"}
        # The URL is signed as it goes over the wire.
        url = httpx.URL(address)
        message = Message(operation.method, str(url), headers)
        sign(message, content, self.key)
        message.headers["accept-language"] = self.language
        return self.http.build_request(operation.method, url, content=content or None, headers=message.headers)


def check(response: httpx.Response) -> None:
    """Turn a refusal into `RefusedError`; an answer that is no problem document has code `http.<status>`."""
    if response.is_success:
        return
    code, facts, zh, en = f"http.{response.status_code}", {}, "", ""
    with contextlib.suppress(ValueError, MydataError):
        problem = Document(response.json())
        code, title = problem.text("code"), problem.text("title")
        zh = str(problem.members.get("title_zh", title))
        en = str(problem.members.get("title_en", title))
        facts = {name: value for name, value in problem.inner("facts").members.items() if isinstance(value, str | int)}
    raise RefusedError(response.status_code, code, facts, zh, en)


def _check_digest(response: httpx.Response) -> None:
    """RFC 9530: what came is what was sent."""
    digest = response.headers.get("content-digest")
    if digest is None:
        return
    try:
        ContentDigest.verify(digest, response.content)
    except HTTPMessageSignaturesException:
        raise UntrustedError("client.bad_digest") from None


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds, or a date (RFC 9110); None where the service asks for nothing."""
    text = response.headers.get("retry-after", "")
    if text.isascii() and text.isdigit() and len(text) < 8:
        return float(text)
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    return None
