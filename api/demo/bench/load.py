"""A load generator that costs little: requests are signed before the clock starts, connections are kept."""

import http.client
import json
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.errors import ApiError, Kind
from api.http import signatures

# A signature lives for 60 s by default; a round is signed, then sent, well within that.
ROUND = 200
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull to be made: grant, fields (all granted ones if None), format, idempotency key."""

    grant: str
    accept: str
    fields: tuple[str, ...] | None = None
    key: str = field(default_factory=lambda: secrets.token_urlsafe(18))


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it goes over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Outcome:
    """What a load did: seconds by the clock, each request's milliseconds from send to last byte, and what came."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Requests answered per second."""
        return len(self.latencies_ms) / self.seconds


def sign_pull(url: str, key: Ed25519PrivateKey, pull: Pull) -> Signed:
    """Sign a pull as the entity's machine does (RFC 9421)."""
    path = f"/v1/grants/{pull.grant}/pulls"
    body = json.dumps({} if pull.fields is None else {"fields": list(pull.fields)}).encode()
    headers = {"accept": pull.accept, "idempotency-key": pull.key, "content-type": "application/json"}
    message = signatures.Message("POST", url + path, headers)
    signatures.sign(message, body, key, nonce=secrets.token_urlsafe(18))
    return Signed("POST", path, message.headers, body)


def run_pulls(url: str, key: Ed25519PrivateKey, pulls: Sequence[Pull], clients: int) -> Outcome:
    """Make all pulls with `clients` at once; signing is not counted. Raises `http.internal` if one is refused."""
    outcome = Outcome()
    for start in range(0, len(pulls), ROUND):
        signed = [sign_pull(url, key, pull) for pull in pulls[start : start + ROUND]]
        run(url, signed, clients, outcome)
    return outcome


def run(url: str, requests: Sequence[Signed], clients: int, outcome: Outcome) -> None:
    """Send all requests with `clients` at once and add to `outcome`."""
    shares = [requests[at::clients] for at in range(clients)]
    begun = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        parts = list(pool.map(lambda share: _send_all(url, share), shares))
    outcome.seconds += time.perf_counter() - begun
    for part in parts:
        outcome.latencies_ms += part.latencies_ms
        outcome.receipts += part.receipts
        outcome.bodies += part.bodies


def _send_all(url: str, requests: Sequence[Signed]) -> Outcome:
    """One client on one connection."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
    outcome = Outcome()
    try:
        for request in requests:
            begun = time.perf_counter()
            connection.request(request.method, request.path, request.body or None, request.headers)
            response = connection.getresponse()
            outcome.bodies.append(response.read())
            outcome.latencies_ms.append((time.perf_counter() - begun) * 1000)
            if response.status != http.client.OK:
                raise ApiError("http.internal", Kind.INTERNAL, status=response.status)
            outcome.receipts.append(response.headers.get("Receipt-Id", ""))
    finally:
        connection.close()
    return outcome
