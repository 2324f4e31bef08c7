"""Signed requests of entities' machines: RFC 9421 over method, target, Content-Digest, Accept and Idempotency-Key.

One mechanism for authentication and evidence: the signature base and the signature are kept with the receipt, so
an entity cannot deny a pull, and nobody else can claim one for it. There is no bearer token to steal.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    MappingKeyResolver,
)
from http_message_signatures.algorithms import ED25519

from api.errors import ApiError, Kind

TAG = "mydata-v1"
LABEL = "sig1"
COVERED = ("@method", "@target-uri", "content-digest", "accept", "idempotency-key")
COVERED_WITHOUT_BODY = ("@method", "@target-uri", "accept")


@dataclass(slots=True)
class Message:
    """A request as the signature library wants it: method, absolute URL, headers in lower case."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a verified signature proves, and the bytes to keep as evidence of it."""

    thumbprint: str
    nonce: str
    base: str
    signature: bytes
    jwk: Mapping[str, str]


class _Verifier(HTTPMessageVerifier):
    require_created = True

    def __init__(self, key: Ed25519PublicKey, keyid: str, skew_s: int) -> None:
        super().__init__(
            signature_algorithm=ED25519, key_resolver=MappingKeyResolver(public_keys={keyid: key}, private_keys={})
        )
        self.max_clock_skew = timedelta(seconds=skew_s)


def public_key(jwk: Mapping[str, str]) -> Ed25519PublicKey:
    """The key of an OKP JWK (RFC 8037); `signature.bad_key` if it is none."""
    try:
        if jwk["kty"] != "OKP" or jwk["crv"] != "Ed25519":
            raise ValueError
        return Ed25519PublicKey.from_public_bytes(_unb64(jwk["x"]))
    except (KeyError, ValueError, TypeError) as error:
        raise ApiError("signature.bad_key") from error


def jwk_of(key: Ed25519PublicKey) -> dict[str, str]:
    """The public JWK of a key."""
    return {"crv": "Ed25519", "kty": "OKP", "x": _b64(key.public_bytes_raw())}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """RFC 7638 SHA-256 thumbprint, base64url: the `keyid` of every signature."""
    return _b64(hashlib.sha256(f'{{"crv":"{jwk["crv"]}","kty":"{jwk["kty"]}","x":"{jwk["x"]}"}}'.encode()).digest())


def thumbprint_bytes(jwk: Mapping[str, str]) -> bytes:
    """The thumbprint as 32 bytes, the form in which PartyRegistry has it."""
    return _unb64(thumbprint(jwk))


def key_id(headers: Mapping[str, str]) -> str:
    """The `keyid` that a request claims; raises `signature.missing`."""
    for part in headers.get("signature-input", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == "keyid":
            return value.strip('"')[:128]
    raise ApiError("signature.missing", Kind.UNAUTHENTICATED)


def verify(message: Message, body: bytes | None, jwk: Mapping[str, str], *, skew_s: int, life_s: int) -> SignedRequest:
    """Check one signature over a request and its body; without `body` its head alone, for bodies yet to be read.

    Raises `signature.bad` (wrong key, uncovered component, changed body or target, clock too far off, more than one
    signature of ours). The caller checks that the key belongs to an active party and that the nonce is new.
    """
    keyid = thumbprint(jwk)
    required = COVERED if message.method not in {"GET", "HEAD"} else COVERED_WITHOUT_BODY
    try:
        results = _Verifier(public_key(jwk), keyid, skew_s).verify(
            message,
            # The library allows its skew on both ends; a request is to be refused `life_s` after its creation.
            max_age=timedelta(seconds=life_s - skew_s),
            expect_tag=TAG,
            require_components=required,
            body=body if message.method not in {"GET", "HEAD"} else None,
        )
    except HTTPMessageSignaturesException as error:
        raise ApiError("signature.bad", Kind.UNAUTHENTICATED) from error
    result = results[0]
    if len(results) != 1 or not result.nonce or len(result.nonce) > 128 or result.parameters.get("keyid") != keyid:
        raise ApiError("signature.bad", Kind.UNAUTHENTICATED)
    base = "\n".join(f"{name}: {value}" for name, value in result.covered_components.items())
    signature = _signature_bytes(message.headers["signature"], result.label)
    try:
        # What is kept as evidence must verify on its own.
        public_key(jwk).verify(signature, base.encode())
    except InvalidSignature as error:
        raise ApiError("signature.bad", Kind.UNAUTHENTICATED) from error
    return SignedRequest(keyid, result.nonce, base, signature, dict(jwk))


def sign(message: Message, body: bytes, key: Ed25519PrivateKey, *, nonce: str, created: int | None = None) -> None:
    """Sign a request in place: adds Content-Digest, Signature-Input and Signature. For clients and tests."""
    keyid = thumbprint(jwk_of(key.public_key()))
    covered: tuple[str, ...] = COVERED_WITHOUT_BODY
    if message.method not in {"GET", "HEAD"}:
        covered = COVERED
    resolver = MappingKeyResolver(public_keys={}, private_keys={keyid: key})
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=resolver)
    signer.sign(
        message,
        key_id=keyid,
        created=datetime.now(UTC) if created is None else datetime.fromtimestamp(created, UTC),
        nonce=nonce,
        label=LABEL,
        tag=TAG,
        include_alg=True,
        covered_component_ids=covered,
        body=body if message.method not in {"GET", "HEAD"} else None,
    )
    message.headers = {name.lower(): value for name, value in message.headers.items()}


def _signature_bytes(header: str, label: str) -> bytes:
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == label:
            try:
                return base64.b64decode(value.strip().strip(":"), validate=True)
            except ValueError:
                break
    raise ApiError("signature.bad", Kind.UNAUTHENTICATED)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
