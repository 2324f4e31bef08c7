"""The flow map of a regulator, and one certificate's life."""

from dataclasses import dataclass

from markupsafe import Markup

from api.portals.views.common import Choice, FormError


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """One certificate's data in one delivery, in words; `url` leads to the certificate's life."""

    at_ms: int
    department: str
    holder: str
    holder_url: str
    entity: str
    purpose: str
    type_name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLine:
    """How often data went on a day for a purpose."""

    day: str
    purpose: str
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPage:
    """The map with its alternative as a table. `picture` is the server's SVG; None where nothing went."""

    first: str
    last: str
    chosen: dict[str, str]
    departments: tuple[Choice, ...]
    entities: tuple[Choice, ...]
    purposes: tuple[Choice, ...]
    types: tuple[Choice, ...]
    holder: str | None
    everybody_url: str
    picture: Markup | None
    times: int
    holders: int
    steps: tuple[StepLine, ...]
    days: tuple[DayLine, ...]
    more: bool
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentLine:
    """Something that happened to a certificate; `detail` is in words."""

    kind: str
    at_ms: int | None
    party: str | None
    detail: str
    number: int | None
    proof_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LifePage:
    """One certificate's life."""

    id: str
    type_name: str
    version: int
    department: str
    root: str
    recorded: bool
    moments: tuple[MomentLine, ...]
