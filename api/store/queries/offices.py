"""Who holds which office on the operator's side. Each step is a receipt of kind admission."""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.policy.duties import Office
from api.store.crypto import Vault
from api.store.ids import new_office_id
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import OfficeHolding, Party
from chain.canonical import Json
from chain.receipt import ReceiptKind

FOUNDED = "founding"
"""Who gave the first offices: whoever set the deployment up, as it set the registry's administrators."""


class HoldingState(StrEnum):
    """How far the giving of an office came."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    DECLINED = "declined"
    ENDED = "ended"


def holds(session: Session, staff: str) -> str | None:
    """The office that somebody holds at present."""
    query = select(OfficeHolding.office).where(
        OfficeHolding.staff == staff, OfficeHolding.live == 1, OfficeHolding.state == HoldingState.ACTIVE.value
    )
    return session.execute(query).scalar_one_or_none()


def is_spoken_for(session: Session, staff: str) -> bool:
    """Whether somebody holds an office, or one is proposed for it."""
    query = select(OfficeHolding.id).where(OfficeHolding.staff == staff, OfficeHolding.live == 1)
    return session.execute(query).first() is not None


def found(session: Session, vault: Vault, party_id: str, offices: Mapping[str, Office], now_ms: int) -> bool:
    """Give a party's first offices, by staff pseudonym; False, and nothing done, where it ever had any."""
    lock_party(session, party_id)
    if list_all(session, party_id):
        return False
    for staff, office in offices.items():
        row = propose(session, vault, party_id, staff, office, FOUNDED, now_ms)
        decide(session, vault, row, HoldingState.ACTIVE, FOUNDED, now_ms)
    return True


def lock_party(session: Session, party_id: str) -> None:
    """One change of a party's offices at a time: what is counted must not change before it is acted on."""
    session.execute(select(Party.id).where(Party.id == party_id).with_for_update())


def propose(
    session: Session, vault: Vault, party_id: str, staff: str, office: Office, by: str, now_ms: int
) -> OfficeHolding:
    """Write that an office is proposed for somebody."""
    row = OfficeHolding(
        id=new_office_id(),
        party_id=party_id,
        staff=staff,
        office=office.value,
        state=HoldingState.PROPOSED.value,
        live=1,
        proposed_by=by,
        proposed_at_ms=now_ms,
    )
    session.add(row)
    _receipt(session, vault, row)
    return row


def decide(session: Session, vault: Vault, row: OfficeHolding, state: HoldingState, by: str, now_ms: int) -> None:
    """Confirm (ACTIVE) or decline what was proposed."""
    row.state, row.decided_by, row.decided_at_ms = state.value, by, now_ms
    row.live = 1 if state is HoldingState.ACTIVE else None
    _receipt(session, vault, row)


def end(session: Session, vault: Vault, row: OfficeHolding, by: str, now_ms: int) -> None:
    """End an office that somebody holds."""
    row.state, row.live, row.ended_by, row.ended_at_ms = HoldingState.ENDED.value, None, by, now_ms
    _receipt(session, vault, row)


def lock(session: Session, party_id: str, holding_id: str) -> OfficeHolding:
    """One of a party's own, locked. Raises `duties.not_found`."""
    row = session.execute(
        select(OfficeHolding)
        .where(OfficeHolding.id == holding_id, OfficeHolding.party_id == party_id)
        .with_for_update()
    ).scalar_one_or_none()
    if row is None:
        raise ApiError("duties.not_found", Kind.NOT_FOUND)
    return row


def count_officers(session: Session, party_id: str, *, without: str = "") -> int:
    """How many security officers a party has, one holding left out."""
    query = select(func.count()).where(
        OfficeHolding.party_id == party_id,
        OfficeHolding.office == Office.SECURITY.value,
        OfficeHolding.state == HoldingState.ACTIVE.value,
        OfficeHolding.id != without,
    )
    return session.execute(query).scalar_one()


def list_all(session: Session, party_id: str) -> list[OfficeHolding]:
    """A party's offices with their past, newest first."""
    query = select(OfficeHolding).where(OfficeHolding.party_id == party_id)
    return list(session.execute(query.order_by(OfficeHolding.proposed_at_ms.desc(), OfficeHolding.id)).scalars())


def stated(row: OfficeHolding) -> dict[str, Json]:
    """What the receipt of an office's newest step says: its row as it stands."""
    return {
        "act": "office",
        "office_holding": row.id,
        "party": row.party_id,
        "staff": row.staff,
        "office": row.office,
        "state": row.state,
        "proposed_by": row.proposed_by,
        "proposed_at_ms": row.proposed_at_ms,
        "decided_by": row.decided_by,
        "decided_at_ms": row.decided_at_ms,
        "ended_by": row.ended_by,
        "ended_at_ms": row.ended_at_ms,
    }


def _receipt(session: Session, vault: Vault, row: OfficeHolding) -> None:
    session.flush()
    prepare_receipt(session, vault, ReceiptDraft(ReceiptKind.ADMISSION, stated(row), party_id=row.party_id))
