"""Parties: departments, entities, regulators and operators. Organisations, so nothing here is personal.

That a party was admitted, and each change of what it may do, is a receipt of kind admission: the log tells later what
its row has to say.
"""

from enum import StrEnum

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from api.store.crypto import Vault
from api.store.database import connected
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Base, Party, PartyEvent
from chain.canonical import Json, canonical, tagged_hash
from chain.receipt import ReceiptKind

# Built once, as every signed request asks it.
_PARTIES = Base.metadata.tables[Party.__tablename__].c
_KEY_OF = select(_PARTIES.id, _PARTIES.role, _PARTIES.status, _PARTIES.http_key).where(
    _PARTIES.http_key_thumbprint == bindparam("thumbprint")
)


class PartyRole(StrEnum):
    """Roles as PartyRegistry has them."""

    DEPARTMENT = "department"
    ENTITY = "entity"
    REGULATOR = "regulator"
    OPERATOR = "operator"


class PartyStatus(StrEnum):
    """Whether a party may act."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


def get_party(session: Session, party_id: str) -> Party | None:
    """A party by id."""
    return session.get(Party, party_id)


def lock_party(session: Session, party_id: str) -> None:
    """One change of a party at a time."""
    session.execute(select(Party.id).where(Party.id == party_id).with_for_update())


def admit(session: Session, vault: Vault, party: Party) -> None:
    """Add the row of a party that was admitted, with the receipt that says what it is."""
    session.add(party)
    session.flush()
    prepare_receipt(session, vault, ReceiptDraft(ReceiptKind.ADMISSION, admitted_as(party), party_id=party.id))


def admitted_as(party: Party) -> dict[str, Json]:
    """What the receipt of a party's admission says: all of its row that only another admission may change."""
    return {
        "act": "admitted",
        "party": party.id,
        "role": party.role,
        "name_zh": party.name_zh,
        "name_en": party.name_en,
        "uscc": party.uscc,
        "account": None if party.address is None else "0x" + party.address.hex(),
        "key": party.http_key_thumbprint,
        "custody": party.custody,
        "department": party.department_code,
        "contact": party.contact,
        "at_ms": party.created_at_ms,
    }


def set_status(
    session: Session, vault: Vault, party: Party, status: PartyStatus, *, actor: str, at_ms: int
) -> PartyEvent:
    """Change what a party may do, with an event that names the one before it and a receipt that names the event.

    Decisions on grants say which of these events was the newest that they saw, so that they can be made again.
    """
    last = session.get(PartyEvent, (party.id, party.status_seq)) if party.status_seq else None
    event = PartyEvent(
        party_id=party.id,
        seq=party.status_seq + 1,
        status=status.value,
        actor=actor,
        prev_hash=bytes(32) if last is None else event_hash(last),
        at_ms=at_ms,
    )
    session.add(event)
    party.status, party.status_seq = status.value, event.seq
    session.flush()
    details: dict[str, Json] = {
        "act": "status",
        "party": party.id,
        "seq": event.seq,
        "status": event.status,
        "event_hash": "0x" + event_hash(event).hex(),
    }
    prepare_receipt(session, vault, ReceiptDraft(ReceiptKind.ADMISSION, details, party_id=party.id))
    return event


def events_of(session: Session, party_id: str) -> list[PartyEvent]:
    """A party's changes of status, in order."""
    return list(
        session.execute(select(PartyEvent).where(PartyEvent.party_id == party_id).order_by(PartyEvent.seq)).scalars()
    )


def event_hash(event: PartyEvent) -> bytes:
    """What the next event of the party names as its predecessor; 32 bytes."""
    stated: Json = {
        "party": event.party_id,
        "seq": event.seq,
        "status": event.status,
        "actor": event.actor,
        "at_ms": event.at_ms,
    }
    return tagged_hash("mydata/party-event/1", event.prev_hash, canonical(stated))


def machine_key(session: Session, thumbprint: str) -> Row[str, str, str, dict[str, str] | None] | None:
    """Id, role, status and public JWK of the party whose machine signs with the key of this RFC 7638 thumbprint."""
    return connected(session).execute(_KEY_OF, {"thumbprint": thumbprint}).one_or_none()


def party_by_address(session: Session, address: bytes) -> Party | None:
    """The party of a chain address (20 bytes)."""
    return session.execute(select(Party).where(Party.address == address).order_by(Party.id).limit(1)).scalar()


def party_by_uscc(session: Session, uscc: str) -> Party | None:
    """The party of a unified social credit code."""
    return session.execute(select(Party).where(Party.uscc == uscc).order_by(Party.id).limit(1)).scalar()


def list_parties(session: Session, role: PartyRole | None = None) -> list[Party]:
    """All parties, or those of a role, by Chinese name."""
    query = select(Party).order_by(Party.name_zh, Party.id)
    if role is not None:
        query = query.where(Party.role == role.value)
    return list(session.execute(query).scalars())
