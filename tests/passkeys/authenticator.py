"""An authenticator in software: what a device does, with every part open to be made wrong by a test."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes

from chain.strict import base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One device with one credential. `flags` are those that it reports of the person."""

    origin: str
    rp_id: str
    flags: int = PRESENT | VERIFIED
    count: int = 0
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes | None = None
    framed: bool = False

    def cose(self) -> bytes:
        """The public key as COSE (RFC 9052)."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: self.key.public_key().public_bytes_raw()})
        if not isinstance(self.key, ec.EllipticCurvePrivateKey):
            numbers = self.key.public_key().public_numbers()
            return cbor2.dumps({1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: b"\x01\x00\x01"})
        numbers = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})

    def sign(self, data: bytes) -> bytes:
        """A signature in the form that WebAuthn gives (section 6.5.5)."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        return bytes(self.key.sign(data, ec.ECDSA(SHA256())))

    def client_data(self, kind: str, challenge: str) -> bytes:
        """What the browser says of the ceremony."""
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.framed}
        return json.dumps(said, separators=(",", ":")).encode()

    def authenticator_data(self, flags: int, more: bytes = b"") -> bytes:
        """What the device says (section 6.1)."""
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big") + more

    def create(self, options: dict[str, Any], kind: str = "webauthn.create") -> dict[str, Any]:
        """Answer `navigator.credentials.create`."""
        self.handle = base64url_to_bytes(options["user"]["id"])
        more = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self.cose()
        data = self.authenticator_data(self.flags | ATTESTED, more)
        response = {
            "clientDataJSON": base64url(self.client_data(kind, options["challenge"])),
            "attestationObject": base64url(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return self._answer(response)

    def get(self, options: dict[str, Any], kind: str = "webauthn.get") -> dict[str, Any]:
        """Answer `navigator.credentials.get`."""
        self.count += 1
        client, data = self.client_data(kind, options["challenge"]), self.authenticator_data(self.flags)
        response = {
            "clientDataJSON": base64url(client),
            "authenticatorData": base64url(data),
            "signature": base64url(self.sign(data + hashlib.sha256(client).digest())),
        }
        if self.handle is not None:
            response["userHandle"] = base64url(self.handle)
        return self._answer(response)

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        identifier = base64url(self.credential_id)
        return {"id": identifier, "rawId": identifier, "type": "public-key", "response": response}
