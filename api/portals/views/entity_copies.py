"""Pages of an entity's copies and of what its systems are told."""

from dataclasses import dataclass

from api.portals.views.common import Choice, CopyLine, CopyMove, FormError, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """An entity's copies; `only` is duties or all, `duties` counts those that wait for it."""

    copies: tuple[CopyLine, ...]
    only: str
    duties: int
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One copy with what may be stated of it. `methods` and `bases` are empty where nothing may."""

    copy: CopyLine
    moves: tuple[CopyMove, ...]
    grant_url: str
    methods: tuple[Choice, ...]
    bases: tuple[Choice, ...]
    until_min: str
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address that is told; `kinds` in words."""

    id: str
    url: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """All addresses, and the form for one more as it was filled in."""

    addresses: tuple[Address, ...]
    kinds: tuple[Choice, ...]
    url: str
    ticked: frozenset[str]
    full: bool
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to an address; `error` is words."""

    number: int
    kind: str
    grant_id: str
    seq: int
    at_ms: int
    state: str
    attempts: int
    status: int | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """An address with what it was told, newest first."""

    address: Address
    messages: tuple[Message, ...]
    pager: Pager
