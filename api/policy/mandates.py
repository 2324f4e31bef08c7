"""Acting for somebody else: kinds of mandates, their life, their scope, and what an end of one brings about. Pure.

Sources: Civil Code of the PRC, articles 17 (of age at 18), 26 to 39 (guardianship), 61 (legal representative) and
161 to 175 (agency); PIPL article 31 (consent for a child is its guardian's).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from api.errors import ApiError, Kind
from api.locale import CHINA_STANDARD_TIME

DAY_MS = 86_400_000
AGE_OF_MAJORITY = 18
AGE_OF_CONSENT = 14
"""Below it, consent is the guardian's (PIPL article 31)."""
AGENT_DAYS_MAX = 3 * 365
LIVE_MAX = 20
"""Mandates that one holder may have proposed or in force at a time."""


class MandateKind(StrEnum):
    """What somebody is to the holder for whom they act; the words of `Relation`."""

    LEGAL_REPRESENTATIVE = "legal_representative"
    AGENT = "agent"
    GUARDIAN = "guardian"


class MandateState(StrEnum):
    """Life of a mandate; ENDED by somebody, EXPIRED by time. Only ACTIVE lets anybody act."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    ENDED = "ended"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return not MANDATE_TRANSITIONS[self]


MANDATE_TRANSITIONS: Mapping[MandateState, frozenset[MandateState]] = {
    MandateState.PROPOSED: frozenset({MandateState.ACTIVE, MandateState.ENDED, MandateState.EXPIRED}),
    MandateState.ACTIVE: frozenset({MandateState.ENDED, MandateState.EXPIRED}),
    MandateState.ENDED: frozenset(),
    MandateState.EXPIRED: frozenset(),
}
"""From each state of a mandate, the states that may follow."""


class Action(StrEnum):
    """What a mandate may allow.

    APPOINT, naming further agents, comes with the office of a legal representative alone: an agent appoints nobody.
    """

    LOOK = "look"
    DECIDE = "decide"
    END = "end"
    EXPORT = "export"
    APPOINT = "appoint"


GRANTABLE = (Action.LOOK, Action.DECIDE, Action.END, Action.EXPORT)
"""What a holder may entrust to an agent."""

OFFICE: Mapping[MandateKind, tuple[Action, ...]] = {
    MandateKind.LEGAL_REPRESENTATIVE: (*GRANTABLE, Action.APPOINT),
    MandateKind.GUARDIAN: GRANTABLE,
}
"""What comes with an office that a department registers; it is not chosen piece by piece."""


class EndReason(StrEnum):
    """Why a mandate ended; stands in its receipt."""

    DECLINED = "declined"  # the agent did not accept
    WITHDRAWN = "withdrawn"  # by the holder
    RESIGNED = "resigned"  # by whom it was given to
    REPLACED = "replaced"  # another legal representative was registered
    REGISTER = "register"  # the register changed: no longer in office
    COURT = "court"  # a court took the guardianship away (Civil Code article 36)
    MISTAKE = "mistake"  # it was registered by mistake and never was
    TIME = "time"  # its last day passed
    MAJORITY = "majority"  # the child turned 18
    ERASED = "erased"  # one of the two had everything erased


REGISTRAR_REASONS = frozenset({EndReason.REGISTER, EndReason.COURT, EndReason.MISTAKE})
"""The reasons that a registering department may state."""

INVALIDATING = frozenset({EndReason.COURT, EndReason.MISTAKE})
"""Ends after which what was granted under the mandate is void.

A guardian whom a court removes has harmed the child, and a mandate registered by mistake never was; in both cases the
consent was not the holder's. A child that comes of age, an agent who resigns or a representative who leaves the office
take nothing back: what was agreed stands, and the holder may end it like any other consent.
"""

REGISTRARS: Mapping[MandateKind, frozenset[str]] = {
    MandateKind.LEGAL_REPRESENTATIVE: frozenset({"market_regulation"}),
    MandateKind.GUARDIAN: frozenset({"civil_affairs", "public_security"}),
}
"""Departments (codes of the catalogue) whose officers register a kind of mandate; agents are appointed instead."""


class Document(StrEnum):
    """On what a registering officer relies."""

    ENTERPRISE_REGISTER = "enterprise_register"
    HOUSEHOLD_REGISTER = "household_register"
    BIRTH_CERTIFICATE = "birth_certificate"
    COURT_RULING = "court_ruling"
    DESIGNATION = "designation"


DOCUMENTS: Mapping[MandateKind, tuple[Document, ...]] = {
    MandateKind.LEGAL_REPRESENTATIVE: (Document.ENTERPRISE_REGISTER, Document.COURT_RULING),
    MandateKind.GUARDIAN: (
        Document.HOUSEHOLD_REGISTER,
        Document.BIRTH_CERTIFICATE,
        Document.DESIGNATION,
        Document.COURT_RULING,
    ),
}
"""Documents that serve as evidence of a kind."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be done; `types` and `purposes` None: all certificate types, all purposes."""

    actions: frozenset[Action]
    types: frozenset[str] | None = None
    purposes: frozenset[str] | None = None

    def covers(self, action: Action, types: Collection[str] = (), purpose: str | None = None) -> bool:
        """Whether an action on data of these types, for this purpose, lies within."""
        return (
            action in self.actions
            and (self.types is None or self.types.issuperset(types))
            and (self.purposes is None or purpose is None or purpose in self.purposes)
        )


def refusal(
    state: MandateState,
    ends_ms: int | None,
    scope: Scope,
    now_ms: int,
    action: Action,
    types: Collection[str] = (),
    purpose: str | None = None,
) -> str | None:
    """The code of why a mandate does not allow something now, or None where it does.

    `mandate.not_accepted`, `mandate.ended`, `mandate.expired`, `mandate.out_of_scope`; the first that holds.
    """
    if state is MandateState.ENDED:
        return "mandate.ended"
    if state is MandateState.EXPIRED or (ends_ms is not None and now_ms >= ends_ms):
        return "mandate.expired"
    if state is MandateState.PROPOSED:
        return "mandate.not_accepted"
    return None if scope.covers(action, types, purpose) else "mandate.out_of_scope"


def shown_state(state: MandateState, ends_ms: int | None, now_ms: int) -> MandateState:
    """The state that people see: an end that has come by time, whether or not anybody noted it yet."""
    if not state.final and ends_ms is not None and now_ms >= ends_ms:
        return MandateState.EXPIRED
    return state


def check_mandate_transition(before: MandateState, after: MandateState) -> None:
    """Raise ApiError `mandate.transition` (conflict) unless `after` may follow `before`."""
    if after not in MANDATE_TRANSITIONS[before]:
        raise ApiError("mandate.transition", Kind.CONFLICT, before=before.value, after=after.value)


def majority_ms(id_number: str) -> int:
    """When the person of a resident identity number turns 18: the midnight that begins that day, in UTC ms."""
    return birthday_ms(id_number, AGE_OF_MAJORITY)


def own_consent_ms(id_number: str) -> int:
    """From when a person consents without its guardian (PIPL article 31), in UTC milliseconds."""
    return birthday_ms(id_number, AGE_OF_CONSENT)


def birthday_ms(id_number: str, years: int) -> int:
    """The midnight that begins the birthday on which the number's person completes `years`, in UTC milliseconds.

    Born on 29 February, of age on 1 March: the earlier day would not be a birthday.
    """
    born = date(int(id_number[6:10]), int(id_number[10:12]), int(id_number[12:14]))
    year = born.year + years
    try:
        day = born.replace(year=year)
    except ValueError:
        day = date(year, 3, 1)
    return midnight_ms(day)


def midnight_ms(day: date) -> int:
    """The beginning of a day in China Standard Time, in UTC milliseconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=CHINA_STANDARD_TIME).timestamp()) * 1000
