"""An entity's system that is told: a real HTTP server that verifies signatures, and misbehaves as it is bidden."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageVerifier, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

from api.http.signatures import public_key
from api.services.webhooks_wire import COVERED, TAG


@dataclass
class Got:
    """A message as it came in, verified."""

    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes

    @property
    def id(self) -> str:
        return str(self.body["id"])


@dataclass
class Message:
    method: str
    url: str
    headers: dict[str, str]


@dataclass
class Receiver:
    """Answers 204, or what `manners` has for the next messages: a status, "slow", "close", "drip" or "redirect"."""

    key_url: str
    got: list[Got] = field(default_factory=list)
    manners: list[int | str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    hold: threading.Event = field(default_factory=threading.Event)

    def start(self) -> "Receiver":
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self)

            def log_message(self, *args: Any) -> None:
                pass

        self.hold.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/told"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()

    def keys(self) -> dict[str, Ed25519PublicKey]:
        """The platform's keys, as it publishes them."""
        published = httpx.get(self.key_url, trust_env=False).json()["keys"]
        return {jwk["kid"]: public_key(jwk) for jwk in published}

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers["content-length"]))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        message = Message("POST", f"http://{headers['host']}{handler.path}", headers)
        try:
            verifier = HTTPMessageVerifier(
                signature_algorithm=ED25519,
                key_resolver=MappingKeyResolver(public_keys=self.keys(), private_keys={}),
            )
            (result,) = verifier.verify(message, body=raw, expect_tag=TAG, require_components=COVERED)
            assert result.nonce
            body = json.loads(raw)
            assert headers["idempotency-key"] == body["id"]
        except Exception as error:
            self.refused.append(repr(error))
            handler.send_error(401)
            return
        self.got.append(Got(headers, body, raw))
        self.arrived.set()
        self.hold.wait(60)
        manner = self.manners.pop(0) if self.manners else 204
        MANNERS.get(str(manner), status_of(manner))(handler)

    def seen(self) -> dict[str, int]:
        """How often each message came."""
        counts: dict[str, int] = {}
        for got in self.got:
            counts[got.id] = counts.get(got.id, 0) + 1
        return counts


def status_of(manner: int | str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(int(manner))
        handler.send_header("content-length", "0")
        handler.end_headers()

    return answer


def slow(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(5)


def close(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


def nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"what?\r\n\r\n")


def drip(handler: BaseHTTPRequestHandler) -> None:
    """One byte now and then: each alone is in time, all together are not."""
    for byte in b"HTTP/1.1 204 No Content\r\nX: " + b"x" * 60:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.2)


def redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(307)
    handler.send_header("location", "http://127.0.0.1:1/elsewhere")
    handler.send_header("content-length", "0")
    handler.end_headers()


MANNERS = {"slow": slow, "close": close, "drip": drip, "redirect": redirect, "nonsense": nonsense}
