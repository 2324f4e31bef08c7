"""What ties somebody to a grant's terms: an identity provider's token, a department's signature, or a passkey.

A passkey's answer (WebAuthn level 2, section 7.2) is to the terms themselves: its challenge is their digest. That its
key is the holder's is the operator's word, given beforehand: the log holds a receipt of the key's registration, older
than what is shown, so that no key can be made up afterwards.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from chain.canonical import SALT_BYTES, Json, canonical, check_salt, tagged_hash
from chain.earlier import EarlierReceipt, parse_earlier
from chain.jose import SIGNATURE_BYTES, PublicJwk, parse_jwk
from chain.receipt import ReceiptKind
from chain.strict import Fields, base64url, hex0x, refuse
from chain.terms import AUTHORITY

BY_PROVIDER = "idp_token"
BY_PASSKEY = "webauthn"
BY_COUNTER = "counter"
KEPT_BY = ("demo", "signer", "agent")
TOKEN_LIMIT = 64 * 1024
DEVICE_MIN, DEVICE_LIMIT, CLIENT_LIMIT = 37, 4096, 4096


@dataclass(frozen=True, slots=True)
class Binding:
    """What ties somebody to the terms, and the salt of its commitment.

    `token` is the identity provider's (compact JWS) where the holder agreed. Of kind `authority`, where a duty by law
    takes the place of consent, it is the asking department's signature: 65 bytes as 0x-hexadecimal. Of kind `counter`
    it is the signature of the department at whose window the holder agreed: `office` is that party's id, and `custody`
    the operator's statement of who keeps its key.
    """

    token: str
    salt: bytes
    kind: str = BY_PROVIDER
    office: str | None = None
    custody: str | None = None

    def to_json(self) -> dict[str, Json]:
        """The member `binding`."""
        said: dict[str, Json] = {"kind": self.kind, "token": self.token, "salt": hex0x(self.salt)}
        return said | ({} if self.office is None else {"office": self.office, "custody": self.custody})


@dataclass(frozen=True, slots=True)
class PasskeyBinding:
    """A passkey's answer: key, what device and browser said (as it came), signature (64 bytes), and the salt."""

    key: PublicJwk
    authenticator_data: bytes
    client_data: bytes
    signature: bytes
    salt: bytes
    registration: EarlierReceipt
    kind: str = BY_PASSKEY

    @property
    def signed(self) -> bytes:
        """What the passkey signed (WebAuthn section 6.3.3)."""
        return self.authenticator_data + hashlib.sha256(self.client_data).digest()

    def committed(self) -> dict[str, Json]:
        """What the grant's commitment covers."""
        return {
            "key": self.key.to_json(),
            "authenticator_data": base64url(self.authenticator_data),
            "client_data": base64url(self.client_data),
            "signature": base64url(self.signature),
        }

    def to_json(self) -> dict[str, Json]:
        """The member `binding`."""
        rest: dict[str, Json] = {"salt": hex0x(self.salt), "registration": self.registration.to_json()}
        return {"kind": self.kind, **self.committed(), **rest}


def passkey_commitment(salt: bytes, committed: Mapping[str, Json]) -> bytes:
    """`H("mydata/binding-webauthn/1", salt, JSON({key, authenticator_data, client_data, signature}))`; 32 bytes."""
    check_salt(salt)
    return tagged_hash("mydata/binding-webauthn/1", salt, canonical(committed))


def parse_binding(fields: Fields) -> Binding | PasskeyBinding:
    """Read the member `binding` strictly. Raises `FormatError`."""
    kind = fields.text("kind", choices=(BY_PROVIDER, AUTHORITY, BY_COUNTER, BY_PASSKEY))
    salt = fields.hex("salt", SALT_BYTES)
    if kind != BY_PASSKEY:
        binding = Binding(fields.text("token", limit=TOKEN_LIMIT), salt, kind)
        if kind == BY_COUNTER:
            office, custody = fields.text("office", limit=64), fields.text("custody", choices=KEPT_BY)
            binding = replace(binding, office=office, custody=custody)
        fields.done()
        return binding
    device, client = fields.base64url("authenticator_data"), fields.base64url("client_data")
    if not DEVICE_MIN <= len(device) <= DEVICE_LIMIT:
        refuse("length", fields.at("authenticator_data"))
    if len(client) > CLIENT_LIMIT:
        refuse("length", fields.at("client_data"))
    passkey = PasskeyBinding(
        parse_jwk(fields.take("key"), fields.at("key")),
        device,
        client,
        fields.base64url("signature", SIGNATURE_BYTES),
        salt,
        parse_earlier(fields.fields("registration"), ReceiptKind.CREDENTIAL),
    )
    fields.done()
    return passkey
