"""What stands inside sealed columns: a record's body with the leaf that it leads to, and a grant's secret."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.errors import ApiError, Kind
from api.store.crypto import Purpose
from chain.canonical import canonical, certificate_leaf, field_commitment, field_salt, leaf_bytes
from chain.merkle import leaf_hash

SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class RecordBody:
    """A certificate version: its fields in the catalogue's canonical form, and the 32-byte seed of their salts."""

    fields: Mapping[str, str]
    seed: bytes

    def to_bytes(self) -> bytes:
        """The form that is sealed."""
        return canonical({"fields": dict(self.fields), "seed": self.seed.hex()})

    @classmethod
    def from_bytes(cls, data: bytes) -> "RecordBody":
        """Read back `to_bytes`; raises ApiError `store.ciphertext` where it is no such body."""
        document = _object(data, Purpose.RECORD_BODY)
        try:
            return cls(dict(document["fields"]), bytes.fromhex(document["seed"]))
        except (KeyError, TypeError, ValueError):
            raise ApiError("store.ciphertext", Kind.INTEGRITY, purpose=Purpose.RECORD_BODY.value) from None

    def commitments(self) -> dict[str, bytes]:
        """Field name to salted commitment, as in docs/formats.md."""
        return {name: field_commitment(field_salt(self.seed, name), name, value) for name, value in self.fields.items()}

    def leaf(self, type_code: str, rules: str, index: int) -> bytes:
        """The leaf document's bytes at position `index` of its batch."""
        return leaf_bytes(certificate_leaf(type_code, rules, index, self.commitments()))

    def leaf_hash(self, type_code: str, rules: str, index: int) -> bytes:
        """The RFC 6962 leaf hash at position `index` of its batch."""
        return leaf_hash(self.leaf(type_code, rules, index))


@dataclass(frozen=True, slots=True)
class GrantSecret:
    """What only the service may know of a grant.

    `key` is its one-off key (32 bytes, None where the citizen keeps it); then the salts of terms and binding (32 bytes
    each) and the identity provider's token, or the passkey's answer (see `api.services.passkey_evidence`) in its place.
    """

    key: bytes | None
    terms_salt: bytes
    binding_salt: bytes
    binding_token: str | None
    binding_passkey: Mapping[str, str] | None = None

    def to_bytes(self) -> bytes:
        """The form that is sealed."""
        return canonical(
            {
                "key": None if self.key is None else self.key.hex(),
                "terms_salt": self.terms_salt.hex(),
                "binding_salt": self.binding_salt.hex(),
                "binding_token": self.binding_token,
                **({} if self.binding_passkey is None else {"binding_passkey": dict(self.binding_passkey)}),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "GrantSecret":
        """Read back `to_bytes`; raises ApiError `store.ciphertext` where it is no such secret."""
        document = _object(data, Purpose.GRANT_SECRET)
        try:
            return cls(
                None if document["key"] is None else bytes.fromhex(document["key"]),
                bytes.fromhex(document["terms_salt"]),
                bytes.fromhex(document["binding_salt"]),
                document["binding_token"],
                document.get("binding_passkey"),
            )
        except (KeyError, TypeError, ValueError):
            raise ApiError("store.ciphertext", Kind.INTEGRITY, purpose=Purpose.GRANT_SECRET.value) from None


def _object(data: bytes, purpose: Purpose) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ApiError("store.ciphertext", Kind.INTEGRITY, purpose=purpose.value)
    return document
