"""Asks for data as those who ask, those who answer and regulators see them."""

from dataclasses import dataclass, field

from api.portals.views.common import Choice, FormError, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCard:
    """An ask in a list. `due` is a finished phrase, None where nothing is due; `who` the other side, or both."""

    url: str
    number: str
    state: str
    late: bool
    what: str
    who: str
    filed_at_ms: int
    due: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """A list of asks. `tabs`: its sides, the present one is `side`. `counts` pair label and number."""

    base: str
    asks: tuple[AskCard, ...]
    late: tuple[AskCard, ...]
    counts: tuple[tuple[str, int], ...]
    tabs: tuple[Choice, ...]
    side: str
    may_ask: bool
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class AskMove:
    """One thing that happened, with what was said at it."""

    at_ms: int
    text: str
    said: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """An ask with all of it; the `can_…` say what this reader may do next. `how`: how what is matched is had."""

    base: str
    id: str
    number: str
    state: str
    late: bool
    plain: bool
    next: str
    how: str | None
    type_name: str | None
    fields: tuple[str, ...]
    words: str | None
    purpose: str
    purpose_name: str | None
    basis: str
    basis_name: str | None
    frequency: str
    asker: str
    department: str | None
    attribute: str | None
    offered: str | None
    law: str | None
    contact: str | None
    answer: str | None
    filed_at_ms: int
    moves: tuple[AskMove, ...]
    departments: tuple[Choice, ...]
    error: FormError | None
    can_withdraw: bool
    can_answer: bool
    can_refuse: bool
    can_hand_over: bool
    can_order: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskForm:
    """What somebody is filling in: `type_code` "" for what the catalogue does not have."""

    type_code: str = ""
    fields: tuple[str, ...] = ()
    words: str = ""
    purpose_code: str = ""
    purpose: str = ""
    basis_code: str = ""
    basis: str = ""
    frequency: str = "once"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAskPage:
    """The form of an ask. `fields` are those of the chosen type, with their sharing attribute as hint."""

    base: str
    form: AskForm
    types: tuple[Choice, ...]
    type_name: str | None
    attribute: str | None
    department: str | None
    law: str | None
    fields: tuple[Choice, ...]
    purposes: tuple[Choice, ...]
    bases: tuple[Choice, ...]
    frequencies: tuple[Choice, ...]
    error: FormError | None = field(default=None)
