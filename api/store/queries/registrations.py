"""Which purposes and bases of statutory duty a party is registered for. Organisations' data, nothing personal.

Each registration is a receipt of kind admission.
"""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.store.crypto import Vault
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Party, Registration
from chain.canonical import Json
from chain.receipt import ReceiptKind


class LegalBasis(StrEnum):
    """Why data may be given at all (ISO/IEC TS 27560; PIPL article 13)."""

    CONSENT = "consent"
    STATUTORY_DUTY = "statutory_duty"


def register(
    session: Session, vault: Vault, party_id: str, legal_basis: LegalBasis, codes: Iterable[str], at_ms: int
) -> None:
    """Register a party for purposes (consent) or bases (statutory duty); what it is registered for already stays."""
    session.execute(select(Party.id).where(Party.id == party_id).with_for_update())  # one at a time
    new = sorted(set(codes) - set(registered(session, party_id, legal_basis)))
    if not new:
        return
    session.add_all(
        Registration(party_id=party_id, legal_basis=legal_basis.value, code=code, registered_at_ms=at_ms)
        for code in new
    )
    session.flush()
    details: dict[str, Json] = {
        "act": "registered",
        "party": party_id,
        "legal_basis": legal_basis.value,
        "codes": list(new),
        "at_ms": at_ms,
    }
    prepare_receipt(session, vault, ReceiptDraft(ReceiptKind.ADMISSION, details, party_id=party_id))


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
