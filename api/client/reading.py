"""Members of the service's JSON answers, each of the type that the interface promises, else `client.bad_answer`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.client.errors import UntrustedError


class Document:
    """A JSON object of an answer."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise UntrustedError("client.bad_answer", place="object")
        self.members: Mapping[str, Any] = value

    def text(self, name: str) -> str:
        """A text."""
        value = self._member(name)
        if not isinstance(value, str):
            raise UntrustedError("client.bad_answer", place=name)
        return value

    def maybe_text(self, name: str) -> str | None:
        """A text, or null."""
        return None if self._member(name) is None else self.text(name)

    def whole(self, name: str) -> int:
        """A whole number."""
        value = self._member(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise UntrustedError("client.bad_answer", place=name)
        return value

    def maybe_whole(self, name: str) -> int | None:
        """A whole number, or null."""
        return None if self._member(name) is None else self.whole(name)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._member(name)
        if not isinstance(value, bool):
            raise UntrustedError("client.bad_answer", place=name)
        return value

    def moment(self, name: str) -> datetime:
        """A time with its offset (RFC 3339)."""
        try:
            found = datetime.fromisoformat(self.text(name))
        except ValueError:
            raise UntrustedError("client.bad_answer", place=name) from None
        if found.tzinfo is None:
            raise UntrustedError("client.bad_answer", place=name)
        return found

    def maybe_moment(self, name: str) -> datetime | None:
        """A time, or null."""
        return None if self._member(name) is None else self.moment(name)

    def binary(self, name: str) -> bytes:
        """Bytes, written as 0x and hexadecimal digits."""
        return unhex(self.text(name))

    def maybe_binary(self, name: str) -> bytes | None:
        """Bytes, or null."""
        return None if self._member(name) is None else self.binary(name)

    def inner(self, name: str) -> "Document":
        """An object."""
        return Document(self._member(name))

    def raw(self, name: str) -> Any:  # noqa: ANN401 - JSON that the client hands on as it is
        """A member as it came."""
        return self._member(name)

    def list(self, name: str) -> "list[Document]":
        """A list of objects."""
        value = self._member(name)
        if not isinstance(value, list):
            raise UntrustedError("client.bad_answer", place=name)
        return [Document(one) for one in value]

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._member(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise UntrustedError("client.bad_answer", place=name)
        return tuple(value)

    def _member(self, name: str) -> Any:  # noqa: ANN401 - JSON
        if name not in self.members:
            raise UntrustedError("client.bad_answer", place=name)
        return self.members[name]


def unhex(text: str) -> bytes:
    """Bytes from 0x and hexadecimal digits. Raises `client.bad_answer`."""
    try:
        if not text.startswith("0x"):
            raise ValueError
        return bytes.fromhex(text[2:])
    except ValueError:
        raise UntrustedError("client.bad_answer", place="0x") from None
