"""Public keys as JWK (RFC 7517), their thumbprints (RFC 7638) and signatures by them; just what evidence needs.

A key has exactly the members that its thumbprint covers, so that nothing in it can be changed unseen: Ed25519
(RFC 8037) for entities' requests and tokens, P-256 (RFC 7518) for identity providers that sign with ES256.
"""

import hashlib
from dataclasses import dataclass
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256

from chain.canonical import Json, canonical
from chain.errors import SignatureError
from chain.strict import Fields, base64url, base64url_bytes, parse_json, refuse

TOKEN_LIMIT = 16 * 1024
SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class PublicJwk:
    """A public key: `kty`/`crv` is OKP/Ed25519 with `x`, or EC/P-256 with `x` and `y`; coordinates of 32 bytes."""

    kty: str
    crv: str
    x: bytes
    y: bytes | None = None

    def to_json(self) -> dict[str, str]:
        """The members that RFC 7638 hashes, and no others."""
        members = {"crv": self.crv, "kty": self.kty, "x": base64url(self.x)}
        return members if self.y is None else members | {"y": base64url(self.y)}

    @property
    def thumbprint(self) -> bytes:
        """The RFC 7638 SHA-256 thumbprint; 32 bytes."""
        return hashlib.sha256(canonical(self.to_json())).digest()

    @property
    def algorithm(self) -> str:
        """The JWS algorithm (RFC 7518, RFC 8037) of signatures by this key."""
        return "EdDSA" if self.kty == "OKP" else "ES256"

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise `SignatureError` (`chain.signature.jwk`) unless `signature` (64 bytes) over `data` is by this key."""
        if len(signature) != SIGNATURE_BYTES:
            raise SignatureError("a signature has 64 bytes", code="chain.signature.jwk")
        try:
            if self.y is None:
                ed25519.Ed25519PublicKey.from_public_bytes(self.x).verify(signature, data)
                return
            x, y = int.from_bytes(self.x, "big"), int.from_bytes(self.y, "big")
            key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            key.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            raise SignatureError("not signed by this key", code="chain.signature.jwk") from None


def parse_jwk(value: object, pointer: str) -> PublicJwk:
    """Read a public JWK strictly. Raises `FormatError`."""
    fields = Fields(value, pointer)
    kty = fields.text("kty", choices=("OKP", "EC"))
    crv = fields.text("crv", choices=("Ed25519",) if kty == "OKP" else ("P-256",))
    x = fields.base64url("x", 32)
    y = fields.base64url("y", 32) if kty == "EC" else None
    fields.done()
    return PublicJwk(kty, crv, x, y)


def verify_token(token: str, key: PublicJwk, pointer: str) -> dict[str, Json]:
    """The claims of a compact JWS (RFC 7515) signed by `key`; the algorithm is the key's, whatever the header says.

    Raises `FormatError` for what is no such token and `SignatureError` (`chain.signature.jwk`) for a wrong signature.
    Times are not judged here: a token that has run out by now may have been good when it was used.
    """
    if len(token) > TOKEN_LIMIT or token.count(".") != 2:
        refuse("token", pointer)
    header_text, payload_text, signature_text = token.split(".")
    header = parse_json(base64url_bytes(header_text, None, pointer), TOKEN_LIMIT)
    if not isinstance(header, dict) or header.get("alg") != key.algorithm or "crit" in header:
        refuse("token", pointer)
    key.verify(base64url_bytes(signature_text, None, pointer), f"{header_text}.{payload_text}".encode())
    claims = parse_json(base64url_bytes(payload_text, None, pointer), TOKEN_LIMIT)
    if not isinstance(claims, dict):
        refuse("token", pointer)
    return cast("dict[str, Json]", claims)
