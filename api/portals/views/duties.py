"""Pages of the operator's three offices."""

from dataclasses import dataclass

from api.portals.views.common import Choice, FormError, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class ActLine:
    """An act about a party. `by` and `second` are words for persons; `facts` label and value of what is admitted.

    `trouble` says that the chain refuses what was confirmed, and what to do.
    """

    id: str
    kind: str
    organisation: str
    state: str
    by: str
    at_ms: int
    second: str | None
    second_at_ms: int | None
    reason: str | None
    trouble: str | None
    facts: tuple[tuple[str, str], ...]
    may_decide: bool
    may_withdraw: bool
    waits_for_other: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewParty:
    """What was filled in, for a form that comes back with an error."""

    role: str = "entity"
    zh: str = ""
    en: str = ""
    uscc: str = ""
    contact: str = ""
    department: str = ""
    key: str = ""
    purposes: frozenset[str] = frozenset()
    bases: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """What was proposed and done about parties; `form` is None for whoever proposes none."""

    acts: tuple[ActLine, ...]
    base: str
    form: NewParty | None
    departments: tuple[Choice, ...]
    purposes: tuple[Choice, ...]
    bases: tuple[Choice, ...]
    pager: Pager
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyLine:
    """A party that can be stopped or let back; `waits`: its return is proposed."""

    id: str
    name: str
    role: str
    uscc: str
    status: str
    waits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Parties and whether they may act."""

    parties: tuple[PartyLine, ...]
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficeLine:
    """Somebody's office, by pseudonym."""

    id: str
    office: str
    person: str
    state: str
    by: str
    at_ms: int
    second: str | None
    ended_at_ms: int | None
    may_decide: bool
    may_end: bool
    waits_for_other: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Offices:
    """Who holds which office; `gives`: the reader may propose one."""

    lines: tuple[OfficeLine, ...]
    gives: bool
    error: FormError | None
