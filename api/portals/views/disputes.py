"""Pages of objections and of corrections that follow."""

from dataclasses import dataclass

from api.portals.views.common import FormError, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeCard:
    """An objection in a list. `due` is the sentence with its date; `late`: the date has passed."""

    url: str
    number: str
    who: str
    what: str
    state: str
    opened_at_ms: int
    due: str | None
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRecipient:
    """Somebody who did not confirm a correction in time, for regulators."""

    url: str
    who: str
    what: str
    due_day_ms: int
    told: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputes:
    """Objections; `late` and `every` are for regulators, `to_confirm` for organisations."""

    disputes: tuple[DisputeCard, ...]
    pager: Pager
    late: tuple[LateRecipient, ...] = ()
    every: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Objecting:
    """The form: what it is about (`certificate` and maybe `field`, or `receipt`), and who must answer in how long."""

    what: str
    who: str
    days: int
    certificate: str = ""
    field: str = ""
    receipt: str = ""
    back_url: str
    text: str
    error: FormError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeMove:
    """One move, in words."""

    at_ms: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Somebody who has to put a value right."""

    who: str
    state: str
    copies: int
    told_at_ms: int | None
    confirmed_at_ms: int | None
    by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """How a correction stands. `next_url` leads to more recipients; `back_url` to where the reader came from."""

    id: str
    url: str
    type_name: str
    fields: tuple[str, ...]
    state: str
    total: int
    confirmed: int
    due_day_ms: int | None
    plain: bool
    withdrawn: bool
    recipients: tuple[Recipient, ...]
    next_url: str | None
    back_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Editable:
    """A field that the department may correct, with what stands there."""

    name: str
    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """One objection. What follows `moves` says what this reader can do; `editable` is for the issuing department."""

    id: str
    number: str
    who: str
    subject: str
    what: str
    state: str
    late: bool
    plain: bool
    opened_at_ms: int
    next: str
    statement: str | None
    answer: str | None
    contest: str | None
    decision: str | None
    corrections: tuple[Correction, ...]
    moves: tuple[DisputeMove, ...]
    error: FormError | None
    can_withdraw: bool = False
    contest_day_ms: int | None = None
    can_answer: bool = False
    can_refuse: bool = False
    can_decide: bool = False
    editable: tuple[Editable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCard:
    """A correction that an organisation was told of."""

    id: str
    issuer: str
    type_name: str
    fields: tuple[str, ...]
    copies: tuple[str, ...]
    state: str
    due_day_ms: int
    plain: bool
    told: int
    confirmed_at_ms: int | None
    can_confirm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToConfirm:
    """What an organisation has to put right. `base` is the portal's path of the page."""

    base: str
    parts: tuple[PartCard, ...]
    owing: int
    error: FormError | None
