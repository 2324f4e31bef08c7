"""Parties: departments, entities, regulators and operators. Organisations, so nothing here is personal."""

from enum import StrEnum

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from api.store.tables import Party

# Built once, as every signed request asks it.
_BY_THUMBPRINT = select(Party).where(Party.http_key_thumbprint == bindparam("thumbprint"))


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


def party_by_thumbprint(session: Session, thumbprint: str) -> Party | None:
    """The party whose machine signs requests with the key of this RFC 7638 thumbprint."""
    return session.execute(_BY_THUMBPRINT, {"thumbprint": thumbprint}).scalar_one_or_none()


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
