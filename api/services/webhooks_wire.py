"""One signed message over the wire: where it may go, how it is signed, and what counts as received.

The service calls addresses that strangers name, so it looks before it calls: HTTPS alone outside development, every
address that the name resolves to must be a public one, and the connection goes to the very address that was looked at,
whatever the name says a moment later. No redirect is followed, no proxy used, no answer read beyond a little.
"""

import contextlib
import http.client
import ipaddress
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

from api.errors import ApiError
from chain.jose import PublicJwk
from chain.strict import base64url

TAG = "mydata-notice-v1"
LABEL = "sig1"
COVERED = ("@method", "@target-uri", "content-digest", "content-type", "idempotency-key")
MAX_URL = 512
_READ_AT_MOST = 4096
# Addresses inside which others hide: what they lead to is not what they look like.
_WRAPPED = [ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")]

Resolve = Callable[[str, int], list[str]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """An address that was found acceptable in form."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header: without the port that the scheme implies."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(slots=True)
class _Message:
    """A request as the signature library wants it."""

    method: str
    url: str
    headers: dict[str, str]


_PORTS = {"https": 443, "http": 80}


def parse_target(url: str, *, production: bool) -> Target:
    """The parts of an address. Raises `webhooks.bad_url`, `webhooks.not_https`, `webhooks.private_address`."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise ApiError("webhooks.bad_url") from None
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= MAX_URL
    if not plain or not parts.hostname or parts.username or parts.password or parts.fragment or "\\" in url:
        raise ApiError("webhooks.bad_url")
    if parts.scheme != "https" and (production or parts.scheme != "http"):
        raise ApiError("webhooks.not_https")
    with contextlib.suppress(ValueError):
        _require_public(parts.hostname, production=production)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port, path)


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, as the system resolves it. Raises `webhooks.unresolved`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ApiError("webhooks.unresolved") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def pinned(target: Target, *, production: bool, resolver: Resolve = resolve) -> str:
    """The address to connect to. One bad address among several is a refusal: the name is not to be trusted.

    Raises `webhooks.unresolved`, `webhooks.private_address`.
    """
    addresses = resolver(target.host, target.port)
    if not addresses:
        raise ApiError("webhooks.unresolved")
    for address in addresses:
        try:
            _require_public(address, production=production)
        except ValueError:
            raise ApiError("webhooks.unresolved") from None
    return addresses[0]


def _require_public(text: str, *, production: bool) -> None:
    """ValueError for what is no address; `webhooks.private_address` for one that must not be called."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    never = address.is_link_local or address.is_multicast or address.is_unspecified
    if production:
        never = never or not address.is_global or address.is_reserved or address.is_private
    elif address.is_loopback:
        never = False
    if never or any(address in net for net in _WRAPPED if net.version == address.version and not address.is_loopback):
        raise ApiError("webhooks.private_address")


def jwk_of(key: Ed25519PrivateKey) -> PublicJwk:
    """The public key by which receivers verify; published as JWKS."""
    return PublicJwk("OKP", "Ed25519", key.public_key().public_bytes_raw())


def signed_headers(url: str, body: bytes, notice_id: str, key: Ed25519PrivateKey) -> dict[str, str]:
    """All headers of a message, RFC 9421 signature included; `notice_id` is the Idempotency-Key."""
    keyid = base64url(jwk_of(key).thumbprint)
    message = _Message("POST", url, {"content-type": "application/json", "idempotency-key": notice_id})
    signer = HTTPMessageSigner(
        signature_algorithm=ED25519, key_resolver=MappingKeyResolver(public_keys={}, private_keys={keyid: key})
    )
    signer.sign(
        message,
        key_id=keyid,
        nonce=secrets.token_urlsafe(18),
        label=LABEL,
        tag=TAG,
        include_alg=True,
        covered_component_ids=COVERED,
        body=body,
    )
    return {name.lower(): value for name, value in message.headers.items()}


def post(target: Target, address: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> int:
    """Send to the pinned `address` and give the status of the answer; `timeout_s` is for all of it together.

    Raises `webhooks.timeout`, `webhooks.tls`, `webhooks.connection`, `webhooks.bad_answer`.
    """
    connection = _Pinned(target, address, timeout_s)
    late = threading.Event()

    def cut() -> None:
        late.set()
        connection.cut()

    watch = threading.Timer(timeout_s, cut)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", target.path, body, {**headers, "host": target.authority, "connection": "close"})
        answer = connection.getresponse()
        answer.read(_READ_AT_MOST)
        # What a cut left of a status line reads as a whole answer: a late one is late, whatever it says.
        if late.is_set():
            raise TimeoutError
    except (OSError, http.client.HTTPException) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise ApiError("webhooks.timeout") from None
        if isinstance(error, ssl.SSLError):
            raise ApiError("webhooks.tls") from None
        if isinstance(error, http.client.HTTPException) and not isinstance(error, ConnectionError):
            raise ApiError("webhooks.bad_answer") from None
        raise ApiError("webhooks.connection") from None
    else:
        return answer.status
    finally:
        watch.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was looked at, under the name for which its certificate must stand."""

    def __init__(self, target: Target, address: str, timeout_s: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout_s)
        self._target = target
        self._address = address

    def connect(self) -> None:
        """Connect to the pinned address; over TLS where the scheme says so."""
        raw = socket.create_connection((self._address, self._target.port), self.timeout)
        self.sock = raw
        if self._target.scheme == "https":
            self.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=self._target.host)

    def cut(self) -> None:
        """End whatever goes on, from another thread."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
