"""The queue of alarms."""

from dataclasses import dataclass

from api.portals.views.common import Choice, FormError, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """What an alarm about a case number is about.

    `case_no` is blank for auditors, and once the query or request (`use`) is no longer kept. `late`: the register was
    late when the number was used. `came_after_h`: after how many hours it was registered after all.
    """

    case_no: str | None
    use: str | None
    late: bool
    came_after_h: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterLine:
    """A body that may query by law since `since_ms`, and when it last brought case numbers; None: never."""

    organisation: str
    since_ms: int
    last_at_ms: int | None
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCard:
    """An alarm; `what` is a sentence with its figures. The `may_…` say what this reader may do next."""

    id: str
    organisation: str
    party_id: str
    what: str
    state: str
    raised_at_ms: int
    last_at_ms: int
    taken_at_ms: int | None
    closed_at_ms: int | None
    checked_at_ms: int | None
    reason: str | None
    remark: str | None
    mine: bool
    may_take: bool
    may_close: bool
    may_check: bool
    may_suspend: bool
    case: CaseFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The queue, newest first. `registers`: bodies with duties by law and their registers of case numbers."""

    base: str
    alarms: tuple[AlarmCard, ...]
    reasons: tuple[Choice, ...]
    error: FormError | None
    pager: Pager
    registers: tuple[RegisterLine, ...] = ()
