"""Canonical bytes (RFC 8785) and the salted commitments made over them; formats in docs/formats.md.

What may be written: `None`, `bool`, `int` of at most 2^53 - 1 in size, `str`, `list` and `dict` with `str` keys, of
exactly these types. There are no floats, no subclasses (an enum's value must be taken out first) and no tuples, so that
a document read back from its bytes equals the one that was written.

Strings are taken as they are. RFC 8785 section 3.1 forbids changing them, so nothing here applies NFC or any other
Unicode normal form: that a value is in its one canonical form is the catalogue's rule, applied before a value comes
here. A string with an unpaired surrogate has no UTF-8 form and is refused.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import rfc8785

from chain.errors import CanonicalError

Json: TypeAlias = bool | int | str | Sequence["Json"] | Mapping[str, "Json"] | None
"""What has a canonical form; at run time lists and dicts only, see the module's docstring."""

INT_LIMIT = 2**53 - 1
DEPTH_LIMIT = 32
SALT_BYTES = 32
CERTIFICATE_SCHEMA = "mydata/certificate/1"

_SALT_PREFIX = b"mydata/salt/1\x00"
_HMAC_BLOCK = 64
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_FIELD_PREFIX = b"mydata/field/1\x00"

# The C encoder of the standard library writes the bytes that RFC 8785 asks for, save for the order of keys that are not
# ASCII (code points there, UTF-16 units here); a property test compares it with the library on both sides of that line.
_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, check_circular=False, allow_nan=False
).encode
_encode_string = json.encoder.encode_basestring


def _all_keys_ascii(value: object, depth: int = 0) -> bool:
    """Check types, sizes and depth of `value`; tell whether every key in it is ASCII."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if isinstance(value, int) and kind is int:
        if not -INT_LIMIT <= value <= INT_LIMIT:
            raise CanonicalError("integer beyond 2^53 - 1")
        return True
    if depth >= DEPTH_LIMIT:
        raise CanonicalError("nested too deeply")
    ascii_only = True
    if isinstance(value, dict) and kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise CanonicalError("a key that is no string")
            ascii_only &= key.isascii()
            ascii_only &= _all_keys_ascii(item, depth + 1)
        return ascii_only
    if isinstance(value, list) and kind is list:
        for item in value:
            ascii_only &= _all_keys_ascii(item, depth + 1)
        return ascii_only
    raise CanonicalError(f"no canonical form for {kind.__name__}")


def canonical(value: Json) -> bytes:
    """The RFC 8785 form of `value` in UTF-8. Raises `CanonicalError` for what the module's docstring rules out."""
    ascii_keys = _all_keys_ascii(value)
    try:
        return _encode(value).encode() if ascii_keys else rfc8785.dumps(value)
    except (UnicodeEncodeError, rfc8785.CanonicalizationError):
        # The library's own message would repeat the text, which may be personal.
        raise CanonicalError("text with an unpaired surrogate") from None


def tagged_hash(tag: str, *parts: bytes) -> bytes:
    """`H(tag, parts...)`: SHA-256 over the ASCII tag, one zero byte and the parts; 32 bytes."""
    digest = hashlib.sha256(tag.encode("ascii") + b"\x00")
    for part in parts:
        digest.update(part)
    return digest.digest()


def check_salt(salt: bytes) -> None:
    """Raise `CanonicalError` unless `salt` has 32 bytes; shorter ones would let parts run into one another."""
    if len(salt) != SALT_BYTES:
        raise CanonicalError("a salt has 32 bytes")


def field_salt(seed: bytes, name: str) -> bytes:
    """The salt of field `name` of the record whose 32-byte random seed is `seed` (HMAC-SHA256, RFC 2104); 32 bytes."""
    check_salt(seed)
    return hmac.digest(seed, _SALT_PREFIX + name.encode(), "sha256")


def field_commitment(salt: bytes, name: str, value: str) -> bytes:
    """Commit to one field: `H("mydata/field/1", salt, JSON([name, value]))`; 32 bytes.

    `value` is the catalogue's canonical form of the value, a string. Raises `CanonicalError`.
    """
    check_salt(salt)
    if type(name) is not str or type(value) is not str:
        raise CanonicalError("a field's name and value are strings")
    try:
        # The same bytes as canonical([name, value]), at a third of the time: returns commit to every cell.
        pair = f"[{_encode_string(name)},{_encode_string(value)}]".encode()
    except UnicodeEncodeError:
        raise CanonicalError("text with an unpaired surrogate") from None
    return hashlib.sha256(_FIELD_PREFIX + salt + pair).digest()


def certificate_leaf(
    type_code: str, rules: str, index: int, commitments: Mapping[str, bytes]
) -> dict[str, str | int | dict[str, str]]:
    """The leaf document of a certificate: its type, the catalogue version, its position and its fields' commitments.

    `commitments` maps field names to 32-byte commitments; at least one. Raises `CanonicalError`.
    """
    if not commitments or any(len(commitment) != 32 for commitment in commitments.values()):
        raise CanonicalError("a certificate has fields, each with a commitment of 32 bytes")
    if index < 0:
        raise CanonicalError("an index is not negative")
    return {
        "schema": CERTIFICATE_SCHEMA,
        "type": type_code,
        "rules": rules,
        "index": index,
        "fields": {name: "0x" + commitment.hex() for name, commitment in commitments.items()},
    }


def leaf_bytes(leaf: Json) -> bytes:
    """The bytes of a leaf document (certificate or receipt), over which its RFC 6962 leaf hash is taken."""
    return canonical(leaf)


def check_integer(value: int) -> None:
    """Raise `CanonicalError` for an integer that canonical JSON cannot hold."""
    if type(value) is not int or not -INT_LIMIT <= value <= INT_LIMIT:
        raise CanonicalError("integer beyond 2^53 - 1")


def quoted(text: str) -> str:
    """A string as it stands in canonical JSON. Raises `CanonicalError` for what is no string."""
    if type(text) is not str:
        raise CanonicalError("a field's name and value are strings")
    return _encode_string(text)


class LeafForm:
    """What all certificates of one type have in common, worked out once: each then costs its own values alone.

    `leaf` gives the bytes of `leaf_bytes(certificate_leaf(...))` over `field_commitment` and `field_salt`, and `names`
    are the fields in the order of canonical JSON, in which values are given. Returns make every leaf this way; single
    ones are made by those functions, and a property test holds the two against each other.
    """

    __slots__ = ("_labels", "_opening", "_template", "names")

    def __init__(self, type_code: str, rules: str, names: Sequence[str]) -> None:
        """For the certificates of `type_code` under catalogue `rules` with the fields `names`, at least one."""
        if not names or len(set(names)) != len(names):
            raise CanonicalError("a certificate has fields, each with a commitment of 32 bytes")
        # RFC 8785 section 3.2.3: by UTF-16 units.
        self.names = tuple(sorted(names, key=lambda name: name.encode("utf-16-be")))
        self._labels = [_SALT_PREFIX + name.encode() for name in self.names]
        self._opening = [f"[{quoted(name)},".encode() for name in self.names]
        fields = ",".join(quoted(name).replace("%", "%%") + ':"0x%s"' for name in self.names)
        tail = canonical({"rules": rules, "schema": CERTIFICATE_SCHEMA, "type": type_code}).decode()
        self._template = f'{{"fields":{{{fields}}},"index":%d,' + tail[1:].replace("%", "%%")

    def leaf(self, values: Sequence[str], seed: bytes, index: int) -> bytes:
        """The leaf document's bytes. `values` are `quoted`, one for each of `names`; `seed` has 32 bytes.

        Raises `CanonicalError`.
        """
        check_salt(seed)
        if index < 0:
            raise CanonicalError("an index is not negative")
        # HMAC-SHA256 written out (RFC 2104): the key's blocks serve all fields, which takes half of its time away.
        block, sha256 = seed.ljust(_HMAC_BLOCK, b"\x00"), hashlib.sha256
        inner, outer = block.translate(_INNER), block.translate(_OUTER)
        try:
            hexes = [
                sha256(
                    b"%b%b%b%b]"
                    % (
                        _FIELD_PREFIX,
                        sha256(outer + sha256(inner + label).digest()).digest(),
                        opening,
                        value.encode(),
                    )
                ).hexdigest()
                for label, opening, value in zip(self._labels, self._opening, values, strict=True)
            ]
        except UnicodeEncodeError:
            raise CanonicalError("text with an unpaired surrogate") from None
        return (self._template % (*hexes, index)).encode()
