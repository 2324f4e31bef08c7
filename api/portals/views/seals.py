"""Pages about seals: checking a sealed file, and a department's seals and joint sealings."""

from dataclasses import dataclass

from api.portals.views.common import Choice, FormError, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class SealLine:
    """One seal of a checked file. `timed`: a timestamp fixes when it was set."""

    name: str
    organ: str
    issuer: str
    serial: str
    sealed_at_ms: int | None
    timed: bool
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealStepLine:
    """One of the numbered steps of a check: whether it held."""

    number: int
    name: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealCheck:
    """Hand a sealed file in, read a verdict: None before. `origin` and `record` are as the service has them."""

    outcome: str | None
    origin: str
    record: str | None
    sha256: str
    reasons: tuple[str, ...]
    seals: tuple[SealLine, ...]
    steps: tuple[SealStepLine, ...]
    max_bytes: int
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A place in the order of a joint sealing."""

    position: int
    name: str
    state: str
    at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """A joint sealing; `my_turn` offers to seal or to decline."""

    number: str
    type_name: str
    issuer: str
    state: str
    needed: int
    sealed: int
    my_turn: bool
    signers: tuple[Signer, ...]
    sha256: str
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """Who seals a type beside the department, by name and the party's state."""

    type_code: str
    type_name: str
    cosigners: tuple[tuple[str, str], ...]
    needed: int
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartmentSeals:
    """A department's own seal, its joint sealings, and with whom it seals. `unfit` says why there is no seal."""

    serial: str | None
    ends_ms: int | None
    demo: bool
    unfit: FormError | None
    tasks: tuple[TaskLine, ...]
    pager: Pager
    plans: tuple[PlanLine, ...]
    types: tuple[Choice, ...]
    departments: tuple[Choice, ...]
    places: tuple[int, ...]
    error: FormError | None
