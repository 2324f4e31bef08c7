"""A passkey's device in software: one ES256 credential (WebAuthn level 3), for where no browser is."""

import hashlib
import json
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes

from chain.strict import base64url

PRESENT_AND_VERIFIED, ATTESTED = 0x05, 0x40


class Authenticator:
    """One device with one credential, used by somebody who is present and verified each time."""

    def __init__(self, origin: str, rp_id: str) -> None:
        self._origin = origin
        self._rp = hashlib.sha256(rp_id.encode()).digest()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = secrets.token_bytes(32)
        self._handle = b""
        self._count = 0

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.create`."""
        self._handle = base64url_to_bytes(options["user"]["id"])
        point = self._key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
        data = self._data(PRESENT_AND_VERIFIED | ATTESTED)
        data += bytes(16) + len(self._id).to_bytes(2, "big") + self._id + cose
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        said = self._client_data("webauthn.create", options["challenge"])
        return self._answer({"clientDataJSON": base64url(said), "attestationObject": base64url(attested)})

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.get`."""
        self._count += 1
        data = self._data(PRESENT_AND_VERIFIED)
        said = self._client_data("webauthn.get", options["challenge"])
        signature = self._key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            {
                "clientDataJSON": base64url(said),
                "authenticatorData": base64url(data),
                "signature": base64url(signature),
                "userHandle": base64url(self._handle),
            }
        )

    def _data(self, flags: int) -> bytes:
        return self._rp + bytes([flags]) + self._count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self._origin, "crossOrigin": False}
        return json.dumps(said, separators=(",", ":")).encode()

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        return {
            "id": base64url(self._id),
            "rawId": base64url(self._id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }
