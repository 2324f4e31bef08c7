"""Signed requests as the service wants them: RFC 9421 with Ed25519, and keys as JWK (RFC 8037).

A signature covers method, target, Accept and, where there is a body, its digest and the idempotency key. It is
authentication and evidence in one: what an entity signed it cannot deny, and nobody can sign for it.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

TAG = "mydata-v1"
LABEL = "sig1"
COVERED = ("@method", "@target-uri", "content-digest", "accept", "idempotency-key")
COVERED_WITHOUT_BODY = ("@method", "@target-uri", "accept")
SAFE = frozenset({"GET", "HEAD"})


@dataclass(slots=True)
class Message:
    """A request as the signature library wants it: method, absolute URL, headers."""

    method: str
    url: str
    headers: dict[str, str]


def base64url(data: bytes) -> str:
    """Without padding, as JWK and thumbprints are written."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64url(text: str) -> bytes:
    """The bytes of base64url without padding; ValueError for anything else."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """What an entity registers with the operator."""
    return {"crv": "Ed25519", "kty": "OKP", "x": base64url(key.public_bytes_raw())}


def thumbprint(key: Ed25519PublicKey) -> str:
    """RFC 7638 SHA-256 thumbprint, base64url: the `keyid` of every signature."""
    jwk = public_jwk(key)
    members = f'{{"crv":"{jwk["crv"]}","kty":"{jwk["kty"]}","x":"{jwk["x"]}"}}'
    return base64url(hashlib.sha256(members.encode()).digest())


def sign(message: Message, body: bytes, key: Ed25519PrivateKey) -> None:
    """Sign a request in place: adds Content-Digest (unless it is a GET), Signature-Input and Signature.

    Each signature has a nonce of its own and is good once, for a minute: a retry is signed anew.
    """
    keyid = thumbprint(key.public_key())
    safe = message.method in SAFE
    signer = HTTPMessageSigner(
        signature_algorithm=ED25519, key_resolver=MappingKeyResolver(public_keys={}, private_keys={keyid: key})
    )
    signer.sign(
        message,
        key_id=keyid,
        created=datetime.now(UTC),
        nonce=secrets.token_urlsafe(18),
        label=LABEL,
        tag=TAG,
        include_alg=True,
        covered_component_ids=COVERED_WITHOUT_BODY if safe else COVERED,
        body=None if safe else body,
    )
    message.headers = {name.lower(): value for name, value in message.headers.items()}
