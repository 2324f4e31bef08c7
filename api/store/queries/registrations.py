"""Which purposes and bases of statutory duty a party is registered for. Organisations' data, nothing personal."""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.store.inserts import insert_ignore
from api.store.tables import Registration


class LegalBasis(StrEnum):
    """Why data may be given at all (ISO/IEC TS 27560; PIPL article 13)."""

    CONSENT = "consent"
    STATUTORY_DUTY = "statutory_duty"


def register(session: Session, party_id: str, legal_basis: LegalBasis, codes: Iterable[str], at_ms: int) -> None:
    """Register a party for purposes (consent) or bases (statutory duty); what it is registered for already stays."""
    rows: list[dict[str, object]] = [
        {"party_id": party_id, "legal_basis": legal_basis.value, "code": code, "registered_at_ms": at_ms}
        for code in sorted(set(codes))
    ]
    if rows:
        insert_ignore(session, Registration, rows)


def is_registered(session: Session, party_id: str, legal_basis: LegalBasis, code: str) -> bool:
    """Whether a party may ask under this purpose or basis."""
    return session.get(Registration, (party_id, legal_basis.value, code)) is not None


def registered(session: Session, party_id: str, legal_basis: LegalBasis) -> list[str]:
    """The codes of all purposes or bases that a party is registered for."""
    query = select(Registration.code).where(
        Registration.party_id == party_id, Registration.legal_basis == legal_basis.value
    )
    return list(session.execute(query.order_by(Registration.code)).scalars())


def everybody_s(session: Session) -> list[Registration]:
    """All registrations, by party: what the operator sees."""
    query = select(Registration).order_by(Registration.party_id, Registration.legal_basis, Registration.code)
    return list(session.execute(query).scalars())


def registered_at(session: Session, party_id: str, code: str) -> int | None:
    """When a party's purpose was registered by consent, with the assessment of its impact; None where it is not."""
    row = session.get(Registration, (party_id, LegalBasis.CONSENT.value, code))
    return None if row is None else row.registered_at_ms
