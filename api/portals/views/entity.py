"""Pages of an entity (insurer, employer, bank)."""

from dataclasses import dataclass

from api.portals.views.common import Choice, Delivery, FormError, Item, Pager
from api.portals.views.consents import Life


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A ready-made request: what is asked for, and under which purpose.

    `item_no` and `item_name` are the service item that it is for, where one was chosen; `filled`: the item itself says
    which details it needs.
    """

    code: str
    name: str
    purpose: str
    necessary: tuple[str, ...]
    optional: tuple[str, ...]
    item_no: str = ""
    item_name: str = ""
    filled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The scenarios to choose from; each for the service item that was chosen before, where one was.

    `queries`: the organisation has a duty by law, and queries on a page of its own.
    """

    scenarios: tuple[Scenario, ...]
    item_no: str = ""
    item_name: str = ""
    queries: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLine:
    """A service item that was found. `needed` are the details that it needs; `url` goes on with it.

    `ready`: the catalogue fills in what it needs, and the organisation may ask for it; `barred`: it may not.
    """

    number: int
    name: str
    office: str
    scenario: str | None
    needed: tuple[str, ...]
    ready: bool
    barred: bool
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPicker:
    """办事事项: the search and what it found."""

    query: str
    items: tuple[ItemLine, ...]
    total: int
    more_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoStep:
    """Step 1: whom to ask. The number is sent in the form's body and never stands in an address."""

    scenario: Scenario
    kind: str
    number: str
    error: FormError | None
    place: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatStep:
    """Step 2: which fields. `number` is carried along."""

    scenario: Scenario
    number: str
    items: tuple[Item, ...]
    ticked: frozenset[str]
    error: FormError | None
    place: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsStep:
    """Step 3: terms, as they were filled in. Limits come from the purpose's fair-use rule."""

    scenario: Scenario
    number: str
    items: tuple[Item, ...]
    case_no: str
    case_required: bool
    days: str
    days_max: int
    uses: str
    uses_max: int
    error: FormError | None
    place: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """A request of this entity. Whom it asked is not shown again; the case number is the entity's own handle.

    `notes` say what was changed of it before the person saw it.
    """

    id: str
    purpose: str
    case_no: str | None
    state: str
    asked_at_ms: int
    lapses_at_ms: int
    fields: int
    grant_url: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """All requests, newest first."""

    requests: tuple[RequestLine, ...]
    just_sent: bool
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantLine:
    """A grant to this entity."""

    id: str
    purpose: str
    case_no: str | None
    state: str
    fields: int
    until_ms: int
    uses: int
    max_uses: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """All grants, newest first."""

    grants: tuple[GrantLine, ...]
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One grant: its fields, until when, and what was taken. `formats` are offered while `can_pull` holds."""

    id: str
    purpose: str
    case_no: str | None
    state: str
    items: tuple[Item, ...]
    from_ms: int
    until_ms: int
    ended_at_ms: int | None
    uses: int
    max_uses: int
    keep_days: int
    formats: tuple[Choice, ...]
    deliveries: tuple[Delivery, ...]
    can_pull: bool
    sample: str
    error: FormError | None
    life: Life


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The entity's registered key and how a signed request looks."""

    name: str
    uscc: str | None
    party_id: str
    thumbprint: str | None
    algorithm: str | None
    sample: str
