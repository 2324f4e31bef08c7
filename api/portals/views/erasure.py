"""What the pages about erasure show."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedLine:
    """Something that will be destroyed, in the reader's language, and how much of it there is."""

    text: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLine:
    """Something that stays, with its law and its end, None where nothing personal is in it."""

    text: str
    basis: str
    count: int | None
    until_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """The page of one's own wish. `state` none, asked, cooling, running; `plan` names what the lists say."""

    state: str
    id: str
    plan: str
    erased: tuple[ErasedLine, ...]
    kept: tuple[KeptLine, ...]
    held_up: bool
    cooling_days: int
    due_at_ms: int | None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureStatus:
    """What anybody with the number sees."""

    id: str
    state: str
    due_at_ms: int | None
    erased_at_ms: int | None
    receipt_number: int | None
