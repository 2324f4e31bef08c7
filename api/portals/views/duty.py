"""Pages about queries by statutory duty."""

from dataclasses import dataclass

from api.portals.views.common import Choice, FormError, Item, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A query's form as it was filled in."""

    case_no: str = ""
    number: str = ""
    kind: str = "person"
    ticked: frozenset[str] = frozenset()
    hidden_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The duty that was chosen: what it rests on, how its case numbers look, what may be read, what is left today.

    For up to `hidden_days_max` days the person concerned may be told only that an authority looked; 0 where the law
    keeps nothing back.
    """

    code: str
    name: str
    text: str
    law: str
    case_example: str
    kinds: tuple[str, ...]
    quota_per_day: int
    quota_per_case: int
    used: int
    left: int
    hidden_days_max: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query of the past; whom it was about is not shown again. `outcome` as in the store, `reason` in words.

    Until `hidden_until_ms` the person concerned sees no more than that an authority looked.
    """

    at_ms: int
    basis: str
    case_no: str
    fields: tuple[str, ...]
    outcome: str
    reason: str | None
    hidden_until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnAlarm:
    """An open alarm about the reader's own organisation. `what` is a sentence with its figures."""

    what: str
    blocks: bool
    raised_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """依法查询: the form and what was queried before. `once` makes a form that is sent twice one query.

    `base` is the page's path, `register` that of the case numbers. `blocked`: nothing is served until a regulator has
    closed an alarm.
    """

    base: str
    register: str
    blocked: bool
    alarms: tuple[OwnAlarm, ...]
    bases: tuple[Choice, ...]
    basis: Basis | None
    filled: Filled
    formats: tuple[Choice, ...]
    once: str
    error: FormError | None
    asked: tuple[Asked, ...]
    pager: Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What looked like enumeration. `what` is a sentence with its figures."""

    id: str
    organisation: str
    basis: str
    what: str
    blocks: bool
    state: str
    raised_at_ms: int
    last_at_ms: int
    closed_at_ms: int | None
    remark: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarms:
    """All alarms, newest first."""

    alarms: tuple[Alarm, ...]
    error: FormError | None
    pager: Pager
