"""Parties: departments, entities, regulators and operators. Organisations, so nothing here is personal."""

from enum import StrEnum

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from api.store.tables import Base, Party, PartyEvent
from chain.canonical import Json, canonical, tagged_hash

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


def set_status(session: Session, party: Party, status: PartyStatus, *, actor: str, at_ms: int) -> PartyEvent:
    """Change what a party may do, with an event that names the one before it.

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
    return session.connection().execute(_KEY_OF, {"thumbprint": thumbprint}).one_or_none()


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
