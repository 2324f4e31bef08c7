"""What stands inside sealed columns: a record's body with the leaf that it leads to, and a grant's secret."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.errors import ApiError, Kind
from api.store.crypto import Purpose
from chain.canonical import LeafForm, canonical, certificate_leaf, field_commitment, field_salt, leaf_bytes, quoted
from chain.errors import CanonicalError
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


class BodyForm:
    """Makes the bodies and leaf hashes of many certificates of one type; byte for byte those of `RecordBody`."""

    __slots__ = ("_leaf", "_names", "_template")

    def __init__(self, type_code: str, rules: str, names: Sequence[str]) -> None:
        """For certificates of `type_code` under catalogue `rules` that have the fields `names`."""
        self._leaf = LeafForm(type_code, rules, names)
        self._names = frozenset(names)
        fields = ",".join(quoted(name).replace("%", "%%") + ":%s" for name in self._leaf.names)
        self._template = f'{{"fields":{{{fields}}},"seed":"%s"}}'

    def make(self, fields: Mapping[str, str], seed: bytes, index: int) -> tuple[bytes, bytes]:
        """`RecordBody(fields, seed)` as `to_bytes` and as `leaf_hash` at position `index`. Raises `CanonicalError`."""
        if fields.keys() != self._names:
            raise CanonicalError("a certificate has the fields of its type")
        values = [quoted(fields[name]) for name in self._leaf.names]
        leaf = self._leaf.leaf(values, seed, index)
        return (self._template % (*values, seed.hex())).encode(), leaf_hash(leaf)


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
