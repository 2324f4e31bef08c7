"""Strict reading of JSON from outside: no duplicate keys, no floats, no unknown members, exact types and lengths.

Whatever is wrong raises `FormatError` with a code and, as its detail, the JSON pointer (RFC 6901) of the place. A
pointer names members of our own schemas only; a name that comes from the document is written as its position, so that
an error never repeats what somebody put into a file.
"""

import base64
import json
import re
from collections.abc import Sequence
from typing import NoReturn

from chain.canonical import DEPTH_LIMIT, INT_LIMIT
from chain.errors import FormatError

_HEX = re.compile(r"0x(?:[0-9a-f]{2})*")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_MAX_DIGITS = 16

# A string of JSON, or one that the text ends in; possessive, so that hostile text costs linear time.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def refuse(reason: str, pointer: str) -> NoReturn:
    """Raise `FormatError` with code `chain.format.<reason>`."""
    raise FormatError(pointer or "/", code=f"chain.format.{reason}")


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        refuse("duplicate_key", "")
    return members


def _no_float(_text: str) -> NoReturn:
    refuse("number", "")


def _small_int(text: str) -> int:
    # The length is looked at first: turning a million digits into a number takes long.
    if len(text) > _MAX_DIGITS + 1 or abs(int(text)) > INT_LIMIT or text == "-0":
        refuse("number", "")
    return int(text)


def _check_depth(data: bytes) -> None:
    """Refuse deep nesting beforehand: `json.loads` recurses on the C stack and can take the whole process with it.

    Innermost pairs of brackets are struck out level by level. What is left is nested too deeply, or does not pair up;
    a short rest is harmless, and for the parser to name.
    """
    brackets = _STRING.sub(b"", data).translate(None, _NO_BRACKETS)
    for _ in range(DEPTH_LIMIT):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if len(brackets) > 2 * DEPTH_LIMIT:
        refuse("depth", "")


def parse_json(data: bytes, limit: int) -> object:
    """The JSON value in `data` (UTF-8, no byte order mark, at most `limit` bytes).

    Codes: `chain.format.too_large`, `.json` (no JSON, not UTF-8, unpaired surrogate), `.duplicate_key`, `.number` (a
    float, or beyond 2^53 - 1), `.depth`.
    """
    if len(data) > limit:
        refuse("too_large", "")
    _check_depth(data)
    try:
        text = data.decode()
        value: object = json.loads(
            text,
            object_pairs_hook=_no_duplicates,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_small_int,
        )
    except ValueError:
        refuse("json", "")
    _check_text(value, 0)
    return value


def _check_text(value: object, depth: int) -> None:
    """Refuse what `json.loads` lets through: escaped surrogates without their pair, and depth beyond ours."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            refuse("json", "")
        return
    if isinstance(value, dict | list):
        if depth >= DEPTH_LIMIT:
            refuse("depth", "")
        if isinstance(value, dict):
            for key in value:
                _check_text(key, depth)
        for item in value.values() if isinstance(value, dict) else value:
            _check_text(item, depth + 1)


def hex_bytes(value: object, length: int, pointer: str) -> bytes:
    """`0x` and `length` bytes in lower-case hexadecimal."""
    if not isinstance(value, str):
        refuse("type", pointer)
    if not _HEX.fullmatch(value):
        refuse("value", pointer)
    if len(value) != 2 + 2 * length:
        refuse("length", pointer)
    return bytes.fromhex(value[2:])


def base64url_bytes(value: object, length: int | None, pointer: str) -> bytes:
    """Base64url without padding, in its one canonical spelling; `length` bytes if given."""
    if not isinstance(value, str):
        refuse("type", pointer)
    if not _BASE64URL.fullmatch(value):
        refuse("value", pointer)
    try:
        data = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        refuse("value", pointer)
    if base64url(data) != value:  # bits past the last byte were set: a second spelling of the same bytes
        refuse("value", pointer)
    if length is not None and len(data) != length:
        refuse("length", pointer)
    return data


def base64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hex0x(data: bytes) -> str:
    """`0x` and lower-case hexadecimal."""
    return "0x" + data.hex()


class Fields:
    """A JSON object being read: every member is taken once by name, and `done` refuses what was not asked for."""

    def __init__(self, value: object, pointer: str) -> None:
        """Raise `chain.format.type` unless `value` is an object."""
        if not isinstance(value, dict):
            refuse("type", pointer)
        self._left: dict[str, object] = dict(value)
        self.pointer = pointer

    def at(self, name: str) -> str:
        """Pointer of member `name`."""
        return f"{self.pointer}/{name}"

    def take(self, name: str) -> object:
        """The member as it is; `chain.format.missing` where there is none."""
        if name not in self._left:
            refuse("missing", self.at(name))
        return self._left.pop(name)

    def done(self) -> None:
        """Raise `chain.format.unknown_key` if a member was not taken."""
        if self._left:
            refuse("unknown_key", self.pointer)

    def text(self, name: str, *, limit: int = 4096, choices: Sequence[str] = ()) -> str:
        """A string of 1 to `limit` characters, one of `choices` if given."""
        value = self.take(name)
        if not isinstance(value, str):
            refuse("type", self.at(name))
        if not 0 < len(value) <= limit:
            refuse("length", self.at(name))
        if choices and value not in choices:
            refuse("value", self.at(name))
        return value

    def text_or_none(self, name: str, *, limit: int = 4096) -> str | None:
        """A string as `text` reads it, or null."""
        if self._left.get(name, "") is None:
            del self._left[name]
            return None
        return self.text(name, limit=limit)

    def integer_or_absent(self, name: str, minimum: int, maximum: int) -> int | None:
        """An integer as `integer` reads it, or None where there is no such member."""
        return self.integer(name, minimum, maximum) if name in self._left else None

    def schema(self, name: str) -> None:
        """The member `schema` must be `name`; `chain.format.schema` otherwise."""
        if self.take("schema") != name:
            refuse("schema", self.at("schema"))

    def integer(self, name: str, low: int = 0, high: int = INT_LIMIT) -> int:
        """An integer between `low` and `high`, both included."""
        value = self.take(name)
        if type(value) is not int:
            refuse("type", self.at(name))
        if not low <= value <= high:
            refuse("value", self.at(name))
        return value

    def boolean(self, name: str) -> bool:
        """True or false."""
        value = self.take(name)
        if not isinstance(value, bool):
            refuse("type", self.at(name))
        return value

    def hex(self, name: str, length: int) -> bytes:
        """`length` bytes as `0x` + hexadecimal."""
        return hex_bytes(self.take(name), length, self.at(name))

    def base64url(self, name: str, length: int | None = None) -> bytes:
        """Bytes as base64url."""
        return base64url_bytes(self.take(name), length, self.at(name))

    def fields(self, name: str) -> "Fields":
        """An object, to be read in turn."""
        return Fields(self.take(name), self.at(name))

    def fields_or_absent(self, name: str) -> "Fields | None":
        """An object, or None where there is no such member."""
        return self.fields(name) if name in self._left else None

    def fields_or_none(self, name: str) -> "Fields | None":
        """An object or null."""
        value = self.take(name)
        return None if value is None else Fields(value, self.at(name))

    def mapping(self, name: str, limit: int) -> dict[str, object]:
        """An object whose names are data: at most `limit` members."""
        value = self.take(name)
        if not isinstance(value, dict):
            refuse("type", self.at(name))
        if len(value) > limit:
            refuse("length", self.at(name))
        return value

    def array(self, name: str, limit: int) -> list[object]:
        """An array of at most `limit` elements."""
        value = self.take(name)
        if not isinstance(value, list):
            refuse("type", self.at(name))
        if len(value) > limit:
            refuse("length", self.at(name))
        return value

    def array_or_absent(self, name: str, limit: int) -> list[object]:
        """An array of 1 to `limit` elements; empty where there is no such member, so that absence has one spelling."""
        if name not in self._left:
            return []
        found = self.array(name, limit)
        if not found:
            refuse("length", self.at(name))
        return found

    def hex_array(self, name: str, length: int, limit: int) -> tuple[bytes, ...]:
        """An array of byte strings of `length`."""
        pointer = self.at(name)
        return tuple(hex_bytes(item, length, f"{pointer}/{at}") for at, item in enumerate(self.array(name, limit)))
