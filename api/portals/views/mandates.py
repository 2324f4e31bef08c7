"""Pages about acting for others: the citizen's, and the registering department's."""

from dataclasses import dataclass

from api.portals.views.common import Choice, FormError, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateCard:
    """A mandate as one of its sides sees it. `name` is the other side's; codes are those of `wording`.

    `can_end`: this reader may end it; `can_act`: this reader may choose to act under it now.
    """

    id: str
    kind: str
    state: str
    name: str
    tail: str = ""
    actions: tuple[str, ...] = ()
    types: tuple[str, ...] | None = None
    purposes: tuple[str, ...] | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    ended_at_ms: int | None = None
    reason: str | None = None
    can_end: bool = False
    can_act: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Switcher:
    """For whom the person may act: the part of the page 我. `current` is a mandate's id, None for oneself."""

    own_name: str
    current: str | None
    held: tuple[MandateCard, ...]
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentForm:
    """What was filled in, for a form that comes back with an error."""

    number: str = ""
    name: str = ""
    actions: frozenset[str] = frozenset({"look"})
    types: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    days: int = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandates:
    """谁可以代我办理. `proposed` wait for this person's yes; `appoint` is None where the reader may appoint nobody."""

    proposed: tuple[MandateCard, ...]
    held: tuple[MandateCard, ...]
    given: tuple[MandateCard, ...]
    ended: tuple[MandateCard, ...]
    appoint: AgentForm | None
    actions: tuple[str, ...]
    types: tuple[Choice, ...]
    purposes: tuple[Choice, ...]
    days_max: int
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredLine:
    """A mandate that the department registered, by its document; without names."""

    id: str
    kind: str
    state: str
    document: str
    document_no: str
    registered_at_ms: int
    until_ms: int | None
    reason: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """登记代理人. `chosen` is the kind that the form is for; None before one is chosen."""

    kinds: tuple[str, ...]
    chosen: str | None
    documents: tuple[str, ...]
    lines: tuple[RegisteredLine, ...]
    pager: Pager
    error: FormError | None
