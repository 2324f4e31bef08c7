"""Registers of case numbers: what bodies brought, which accounts did, and what alarms about numbers rest on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from api.store.crypto import Vault
from api.store.queries.parties import PartyStatus
from api.store.queries.registrations import LegalBasis
from api.store.tables import (
    CaseAccount,
    CaseFinding,
    CaseNumber,
    CaseRegister,
    Party,
    Registration,
    Request,
    StatutoryAccess,
)

AT_ONCE = 500
SUBJECT_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Held:
    """How many numbers of open and of closed cases a body's register holds."""

    open: int
    closed: int


@dataclass(frozen=True, slots=True)
class Body:
    """A body with duties by law: since when, and what it brought (`register` is None for a gap)."""

    party: Party
    since_ms: int
    register: CaseRegister | None


def number_index(vault: Vault, party_id: str, case_no: str) -> bytes:
    """A case number's keyed hash; that of another body's case of the same number is another."""
    return vault.blind_index("case-register/number", party_id, case_no)


def subject_of(number_bidx: bytes) -> str:
    """What an alarm is about: the beginning of the keyed hash, by which nobody reads the number."""
    return number_bidx.hex()[:SUBJECT_DIGITS]


def register_of(session: Session, party_id: str) -> CaseRegister | None:
    """A body's register; None before its first delivery."""
    return session.get(CaseRegister, party_id)


def touch(session: Session, party_id: str, now_ms: int) -> None:
    """Something was delivered, be it nothing new."""
    row = session.get(CaseRegister, party_id)
    if row is None:
        session.add(CaseRegister(party_id=party_id, first_at_ms=now_ms, last_at_ms=now_ms))
    else:
        row.last_at_ms = now_ms


def find(session: Session, party_id: str, numbers: Sequence[bytes]) -> Mapping[bytes, CaseNumber]:
    """Those of the numbers that the register holds."""
    found: dict[bytes, CaseNumber] = {}
    for start in range(0, len(numbers), AT_ONCE):
        query = select(CaseNumber).where(
            CaseNumber.party_id == party_id, CaseNumber.number_bidx.in_(numbers[start : start + AT_ONCE])
        )
        found |= {row.number_bidx: row for row in session.execute(query).scalars()}
    return found


def add(session: Session, party_id: str, number: bytes, opened_on: date, closed_on: date | None, now_ms: int) -> None:
    """A number that the register did not hold."""
    row = CaseNumber(
        party_id=party_id, number_bidx=number, opened_on=opened_on, closed_on=closed_on, registered_at_ms=now_ms
    )
    session.add(row)


def held(session: Session, party_id: str) -> Held:
    """How many of each the register holds."""
    query = select(func.count(), func.count(CaseNumber.closed_on)).where(CaseNumber.party_id == party_id)
    total, closed = session.execute(query).one()
    return Held(total - closed, closed)


def bodies(session: Session) -> list[Body]:
    """All active parties that may query by law, those without a register first, then by their last delivery."""
    since = func.min(Registration.registered_at_ms)
    query = (
        select(Party, since, CaseRegister)
        .join(Registration, Registration.party_id == Party.id)
        .outerjoin(CaseRegister, CaseRegister.party_id == Party.id)
        .where(Registration.legal_basis == LegalBasis.STATUTORY_DUTY.value, Party.status == PartyStatus.ACTIVE.value)
        .group_by(Party.id, CaseRegister.party_id)
    )
    found = [Body(party, since_ms, register) for party, since_ms, register in session.execute(query).all()]
    return sorted(found, key=lambda one: (0 if one.register is None else one.register.last_at_ms, one.party.id))


def accounts(session: Session, party_id: str, since_ms: int, *, asked: bool) -> list[str]:
    """The body's accounts that queried (`asked`), or brought numbers, since then."""
    column = CaseAccount.asked_at_ms if asked else CaseAccount.brought_at_ms
    query = select(CaseAccount.subject).where(CaseAccount.party_id == party_id, column > since_ms)
    return list(session.execute(query).scalars())


def note_account(session: Session, party_id: str, subject: str, now_ms: int, *, asked: bool) -> None:
    """The account queried (`asked`), or brought numbers, now."""
    row = session.get(CaseAccount, (party_id, subject))
    if row is None:
        row = CaseAccount(party_id=party_id, subject=subject)
        session.add(row)
    if asked:
        row.asked_at_ms = now_ms
    else:
        row.brought_at_ms = now_ms


def uses_of(session: Session, party_id: str, case_no: str, since_ms: int, until_ms: int) -> int:
    """How often the body used a case number after one moment, up to another: queries by law and requests."""
    queries = select(func.count()).where(
        StatutoryAccess.party_id == party_id,
        StatutoryAccess.case_no == case_no,
        StatutoryAccess.at_ms > since_ms,
        StatutoryAccess.at_ms <= until_ms,
    )
    asked = select(func.count()).where(
        Request.entity_id == party_id,
        Request.case_no == case_no,
        Request.legal_basis == LegalBasis.CONSENT.value,
        Request.created_at_ms > since_ms,
        Request.created_at_ms <= until_ms,
    )
    return int(session.execute(queries).scalar_one()) + int(session.execute(asked).scalar_one())


def note_finding(session: Session, finding: CaseFinding) -> None:
    """Keep what a new alarm is about."""
    session.add(finding)


def finding_of(session: Session, alarm_id: str) -> CaseFinding | None:
    """What an alarm about a case number is about; None for other alarms."""
    return session.get(CaseFinding, alarm_id)


def number_of(session: Session, finding: CaseFinding) -> str | None:
    """The case number in clear, from the query or request that used it first, as long as that is kept."""
    if finding.access_id is not None:
        access = session.get(StatutoryAccess, finding.access_id)
        return None if access is None else access.case_no
    request = None if finding.request_id is None else session.get(Request, finding.request_id)
    return None if request is None else request.case_no


def mark_come(session: Session, party_id: str, numbers: Sequence[bytes], now_ms: int) -> int:
    """Alarms about numbers that were registered after all say so from now on, and stay as they are; how many."""
    marked = 0
    for start in range(0, len(numbers), AT_ONCE):
        query = select(CaseFinding).where(
            CaseFinding.party_id == party_id,
            CaseFinding.number_bidx.in_(numbers[start : start + AT_ONCE]),
            CaseFinding.came_at_ms.is_(None),
        )
        for row in session.execute(query).scalars():
            row.came_at_ms = now_ms
            marked += 1
    return marked


def purge(session: Session, closed_before: date, accounts_before_ms: int, limit: int = 500) -> int:
    """Delete some hundred numbers of cases closed before that day; accounts that did nothing since go as well."""
    due = session.execute(
        select(CaseNumber.party_id, CaseNumber.number_bidx).where(CaseNumber.closed_on < closed_before).limit(limit)
    ).all()
    for party_id, number in due:
        session.execute(
            delete(CaseNumber)
            .where(CaseNumber.party_id == party_id, CaseNumber.number_bidx == number)
            .execution_options(synchronize_session=False)
        )
    old = delete(CaseAccount).where(*_idle(accounts_before_ms))
    session.execute(old.execution_options(synchronize_session=False))
    return len(due)


def _idle(before_ms: int) -> tuple[ColumnElement[bool], ...]:
    """Accounts that have done nothing since."""
    return (
        or_(CaseAccount.asked_at_ms.is_(None), CaseAccount.asked_at_ms < before_ms),
        or_(CaseAccount.brought_at_ms.is_(None), CaseAccount.brought_at_ms < before_ms),
    )


def is_purgeable(session: Session, closed_before: date, accounts_before_ms: int) -> bool:
    """Whether `purge` would delete anything."""
    numbers = select(CaseNumber.party_id).where(CaseNumber.closed_on < closed_before).limit(1)
    accounts = select(CaseAccount.party_id).where(*_idle(accounts_before_ms)).limit(1)
    return any(session.execute(query).first() is not None for query in (numbers, accounts))
