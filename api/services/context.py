"""What services are given: their ports, wired once by a composition root; and who is asking."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from api.catalogue import Catalogue
from api.errors import ApiError, Kind
from api.services.folding import RefusalFolder
from api.services.precedence import Precedence
from api.services.seals.box import SealBox
from api.settings import Settings
from api.store import Session
from api.store.crypto import Vault
from api.store.database import Database
from api.store.keyring import KeyRing
from api.store.log_writer import LogWriter
from chain.identity import ChainIdentity
from chain.ports import Signer

T = TypeVar("T")
Also = Callable[[Session, T], None]
"""Run on a service's result in the transaction that makes it true, such as keeping the answer for repeats."""


class Role(StrEnum):
    """Roles of the service; one actor has exactly one."""

    CITIZEN = "citizen"  # a holder, person or enterprise, acting for itself
    DEPARTMENT = "department"
    ENTITY = "entity"
    REGULATOR = "regulator"
    OPERATOR = "operator"  # system administrator; these three are offices of the operator's (`api.policy.duties`)
    SECURITY = "security"  # security officer
    AUDITOR = "auditor"


OPERATORS_SIDE = frozenset({Role.OPERATOR, Role.SECURITY, Role.AUDITOR})
"""Roles whose holders belong to the operator; what they may be is written down by two persons."""


class Relation(StrEnum):
    """How whoever acts stands to the holder for whom it acts; stands in a grant's terms (ISO/IEC TS 27560)."""

    SELF = "self"
    LEGAL_REPRESENTATIVE = "legal_representative"
    AGENT = "agent"
    GUARDIAN = "guardian"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking. A citizen has `holder_id`, everybody else `party_id`; `subject` is a pseudonym, never a name.

    `holder_id` is the holder whose data are meant. Where somebody acts for that holder, `relation` says as what,
    `mandate_id` under which authority (a mandate, or a visit at a counter), and `person_id` is the holder row of the
    person who acts. `duty` is what staff is there for. What a representative may do, `api.services.authority` says.
    """

    role: Role
    subject: str
    holder_id: str | None = None
    party_id: str | None = None
    relation: Relation = Relation.SELF
    mandate_id: str | None = None
    person_id: str | None = None
    duty: str | None = None

    @property
    def holder(self) -> str:
        """The holder who asks for itself.

        `auth.forbidden` for other roles, `mandate.out_of_scope` for a representative. What representatives may do as
        well asks `authority`, which says for whom; so that whatever forgets to ask is closed to them.
        """
        if self.role is not Role.CITIZEN or self.holder_id is None:
            raise ApiError("auth.forbidden", Kind.FORBIDDEN)
        if self.relation is not Relation.SELF:
            raise ApiError("mandate.out_of_scope", Kind.FORBIDDEN)
        return self.holder_id

    @property
    def self_id(self) -> str:
        """The holder row of the person at the screen, whomever they act for; `auth.forbidden` for other roles."""
        if self.role is not Role.CITIZEN or self.relation is Relation.COUNTER:
            raise ApiError("auth.forbidden", Kind.FORBIDDEN)
        return self.person_id if self.person_id is not None else self.holder

    @property
    def present(self) -> str | None:
        """The id of whoever is present: the person who acts, or the visit in which an officer serves somebody."""
        return self.mandate_id if self.relation is Relation.COUNTER else self.person_id or self.holder_id

    def party(self, *roles: Role) -> str:
        """The party for whom staff or a machine acts, if the role is one of `roles`; else `auth.forbidden`."""
        if self.role not in roles or self.party_id is None:
            raise ApiError("auth.forbidden", Kind.FORBIDDEN)
        return self.party_id


class IdentityProvider(Protocol):
    """Vouches for people: the development provider in one step, an OpenID Connect one in a round of its own."""

    issuer: str
    mints: bool

    def public_jwks(self) -> list[dict[str, str]]:
        """The keys that verify its tokens in evidence, as they belong into the trust file."""
        ...

    def token(self, subject: str, nonce: str, /) -> str:
        """A signed statement that `subject` was present and saw what `nonce` is the digest of.

        Raises `grants.draft_needed` where the provider asks the person itself (`mints` is False).
        """
        ...


def pairwise(keys: KeyRing, subject: str, audience: str) -> str:
    """A pseudonym of a holder, or of an officer's own number, towards one audience; 32 hexadecimal digits."""
    message = f"mydata/pairwise/1\0{audience}\0{subject}".encode()
    return hmac.digest(keys.session, message, "sha256").hex()[:32]


def staff_subject(keys: KeyRing, party_id: str, staff: str) -> str:
    """A pseudonym of an officer, steady over sessions; without a number of their own, officers of a party share one."""
    if not staff:
        return f"staff:{party_id}"
    return f"staff:{party_id}:{pairwise(keys, staff, party_id)[:16]}"


@dataclass(frozen=True, slots=True)
class Context:
    """The service's ports."""

    settings: Settings
    db: Database
    vault: Vault
    keys: KeyRing
    catalogue: Catalogue
    log: LogWriter
    chain: ChainIdentity
    provider: IdentityProvider
    refusals: RefusalFolder
    signer: Callable[[bytes], Signer]
    precedence: Precedence
    seals: SealBox = field(default_factory=SealBox)

    def department_signer(self, party_id: str) -> Signer:
        """The key of a department in demo custody; departments with a signer or agent of their own keep theirs."""
        return self.signer(self.keys.department(party_id.replace("_", "-").lower()))

    def party_signer(self, party_id: str) -> Signer:
        """The account of an entity or regulator in demo custody."""
        return self.signer(self.keys.account(party_id))

    def pairwise(self, holder_id: str, audience: str) -> str:
        """A pseudonym of a holder towards one audience; two audiences cannot join theirs."""
        return pairwise(self.keys, holder_id, audience)
