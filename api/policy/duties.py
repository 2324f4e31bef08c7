"""Separation of duties on the operator's side (三权分立): who does which work, and which acts need two persons.

System administrator (role `operator`), security officer and auditor are three offices. One person holds at most one;
nobody gives one to itself; each is given by two security officers, neither of whom it is for. Parties are proposed by
a system administrator and admitted by a security officer. Persons are compared by their pseudonyms, so that somebody
who changed office in between cannot be the second person of its own act.
"""

from collections.abc import Mapping
from enum import StrEnum


class Office(StrEnum):
    """The three offices; the values are those of the service's roles."""

    OPERATOR = "operator"  # system administrator
    SECURITY = "security"
    AUDITOR = "auditor"


class Work(StrEnum):
    """What is done on the operator's side, beside reading."""

    PROPOSE_PARTY = "propose_party"
    WITHDRAW_PROPOSAL = "withdraw_proposal"
    DECIDE_PROPOSAL = "decide_proposal"
    SUSPEND_PARTY = "suspend_party"
    PROPOSE_RETURN = "propose_return"
    GIVE_OFFICE = "give_office"
    END_OFFICE = "end_office"


WORK: Mapping[Work, Office] = {
    Work.PROPOSE_PARTY: Office.OPERATOR,
    Work.WITHDRAW_PROPOSAL: Office.OPERATOR,
    Work.DECIDE_PROPOSAL: Office.SECURITY,
    Work.SUSPEND_PARTY: Office.SECURITY,
    Work.PROPOSE_RETURN: Office.SECURITY,
    Work.GIVE_OFFICE: Office.SECURITY,
    Work.END_OFFICE: Office.SECURITY,
}
"""Each work has one office. The auditor has none: it reads."""
LEAST_OFFICERS = 2
"""Security officers that must remain: with fewer, nobody could ever be given an office again."""


def may_do(office: str, work: Work) -> bool:
    """Whether an office does a work."""
    return WORK[work] == office


def refuse_giving(giver: str, receiver: str, *, holds_one: bool) -> str | None:
    """Why `giver` may not propose an office for `receiver`; None where it may."""
    if giver == receiver:
        return "duties.own_office"
    return "duties.second_office" if holds_one else None


def refuse_second(first: str, second: str, subject: str | None = None) -> str | None:
    """Why `second` may not complete what `first` began, about `subject`; None where it may."""
    if second == first:
        return "duties.same_person"
    return "duties.own_office" if second == subject else None


def refuse_ending(office: str, officers_left: int) -> str | None:
    """Why an office may not be ended; `officers_left` are the security officers without the one that ends."""
    too_few = office == Office.SECURITY and officers_left < LEAST_OFFICERS
    return "duties.last_officers" if too_few else None
