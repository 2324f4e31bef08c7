"""Pages of the service window."""

from dataclasses import dataclass

from api.portals.views.common import Choice, FormError, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenVisit:
    """A visit that the officer has open."""

    id: str
    name: str
    closes_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """窗口代办: find the person; how many look-ups are left today."""

    used: int
    limit: int
    documents: tuple[Choice, ...]
    open: tuple[OpenVisit, ...]
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRequest:
    """A request that waits for the person's answer."""

    id: str
    entity: str
    purpose: str
    fields: int
    lapses_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingGrant:
    """A consent in force."""

    id: str
    entity: str
    purpose: str
    until_ms: int
    fields: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """The person at the window: what waits, what stands, what was done. `acts` holds how many of each kind."""

    id: str
    name: str
    document: str
    closes_at_ms: int
    waiting: tuple[WaitingRequest, ...]
    grants: tuple[StandingGrant, ...]
    certificates: tuple[str, ...]
    done: int
    error: FormError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request, to be read out and answered."""

    visit: str
    id: str
    name: str
    entity: str
    entity_uscc: str
    purpose: str
    purpose_text: str
    case_no: str | None
    necessary: tuple[Item, ...]
    optional: tuple[Item, ...]
    sensitive: tuple[Item, ...]
    ticked: frozenset[str]
    until: str
    until_min: str
    until_max: str
    uses: int
    uses_max: int
    keep_days: int
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """What the code on a printed receipt leads to; None in `office` where no receipt has that number."""

    office: str | None
    opened_at_ms: int = 0
    approved: int = 0
    denied: int = 0
    revoked: int = 0
    in_force: int = 0
