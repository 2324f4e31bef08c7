"""Keys and nonces of machines: entities' systems, and the agents of departments that sign by themselves."""

from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services.context import Context, Role
from api.store import Session, clock
from api.store.database import read_only, unit_of_work
from api.store.queries import parties, sessions


@dataclass(frozen=True, slots=True)
class MachineParty:
    """The party behind a registered HTTP key."""

    id: str
    role: Role
    http_key: dict[str, str]
    active: bool


def machine_party(ctx: Context, thumbprint: str) -> MachineParty | None:
    """The entity, or department with an agent of its own, whose registered key has this RFC 7638 thumbprint."""
    with read_only(ctx.db) as session:
        party = parties.machine_key(session, thumbprint)
    if party is None:
        return None
    party_id, role, status, key = party
    if key is None or role not in {Role.ENTITY.value, Role.DEPARTMENT.value}:
        return None
    return MachineParty(party_id, Role(role), dict(key), status == parties.PartyStatus.ACTIVE)


def spend_nonce(ctx: Context, thumbprint: str, nonce: str) -> None:
    """Note a nonce; `signature.replayed` if this key has used it within the life of a signature."""
    with unit_of_work(ctx.db) as session:
        use_nonce(ctx, session, thumbprint, nonce, clock.now_ms(session))


def use_nonce(ctx: Context, session: Session, thumbprint: str, nonce: str, now_ms: int) -> None:
    """`spend_nonce` inside a transaction of the caller's."""
    # Twice as long as any signature can be valid, for the clocks of database and service may differ.
    life_ms = (ctx.settings.signature_life_s + ctx.settings.signature_skew_s) * 2_000
    if not sessions.use_nonce(session, thumbprint, nonce, now_ms + life_ms):
        raise ApiError("signature.replayed", Kind.UNAUTHENTICATED)
