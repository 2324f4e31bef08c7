"""Grants and their chain of events. `lock_grant` is the lock that every pull and every change takes."""

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from api.policy.states import GrantState
from api.store.bodies import GrantSecret
from api.store.crypto import DataKey, Purpose, bound_columns
from api.store.queries import paging
from api.store.queries.registrations import LegalBasis
from api.store.tables import Grant, GrantEvent
from chain.canonical import canonical, tagged_hash

CHAIN = "chain"
"""The actor of changes that were seen on the chain and had not been made here."""

# Accesses by statutory duty are no grants that anybody gave; they are listed by themselves.
_AGREED = Grant.legal_basis == LegalBasis.CONSENT.value
_STANDING = (GrantState.ACTIVE.value, GrantState.PAUSED.value)

# Statements of the pull's path are built once: building one costs as much as running it.
# A lock that lets others refer to the grant meanwhile: receipts and copies point at it.
_LOCKED = select(Grant).where(Grant.id == bindparam("id")).with_for_update(key_share=True)
_TO_ENTITY = select(Grant).where(Grant.id == bindparam("id"), Grant.entity_id == bindparam("entity"))


def seal_secret(key: DataKey, grant: Grant, secret: GrantSecret) -> None:
    """Encrypt the grant's secret into `grant.secret_enc`; all columns that never change must be set before."""
    grant.secret_enc = key.seal(Purpose.GRANT_SECRET, grant.id, secret.to_bytes(), bound=_bound(grant))


def open_secret(key: DataKey, grant: Grant) -> GrantSecret:
    """Decrypt a grant's secret. Raises ApiError `store.ciphertext` where it or an unchanging column was altered."""
    return GrantSecret.from_bytes(key.open(Purpose.GRANT_SECRET, grant.id, grant.secret_enc, bound=_bound(grant)))


def lock_grant(session: Session, grant_id: str) -> Grant | None:
    """A grant, fresh from the database, its row locked until the transaction ends.

    Every pull re-checks and every change writes under this lock, therefore no pull commits after a revocation.
    """
    grant = session.execute(
        _LOCKED, {"id": grant_id}, execution_options={"populate_existing": True}
    ).scalar_one_or_none()
    if grant is not None:
        grant.lock_version += 1
    return grant


def grant_of_holder(session: Session, holder_id: str, grant_id: str) -> Grant | None:
    """A holder's own grant."""
    return session.execute(select(Grant).where(Grant.id == grant_id, Grant.holder_id == holder_id)).scalar_one_or_none()


def grant_to_entity(session: Session, entity_id: str, grant_id: str) -> Grant | None:
    """A grant that an entity received; None where it is another's, which nobody may tell from absent."""
    return session.execute(_TO_ENTITY, {"id": grant_id, "entity": entity_id}).scalar_one_or_none()


def find_grant(session: Session, grant_id: str) -> Grant | None:
    """Any grant, for those who need no grant of their own: regulators and the platform."""
    return session.get(Grant, grant_id)


def successor_of(session: Session, grant_id: str) -> str | None:
    """The id of the newest grant that extends this one."""
    return session.execute(
        select(Grant.id)
        .where(Grant.supersedes_id == grant_id)
        .order_by(Grant.created_at_ms.desc(), Grant.id.desc())
        .limit(1)
    ).scalar()


def types_of(grant: Grant) -> frozenset[str]:
    """The certificate types that a grant's terms name."""
    items = grant.terms["items"]
    assert isinstance(items, list)
    return frozenset(str(item["type"]) for item in items)


def purpose_of(grant: Grant) -> str:
    """The code of the purpose that a grant's terms name."""
    purpose = grant.terms["purpose"]
    assert isinstance(purpose, dict)
    return str(purpose["code"])


def grant_of_request(session: Session, request_id: str) -> Grant | None:
    """The grant that a request led to."""
    return session.execute(select(Grant).where(Grant.request_id == request_id)).scalar_one_or_none()


def grant_by_digest(session: Session, digest: bytes) -> Grant | None:
    """The grant of an id on chain."""
    return session.execute(select(Grant).where(Grant.digest == digest)).scalar_one_or_none()


def grants_of_holder(
    session: Session, holder_id: str, *, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[Grant]:
    """What a holder granted, newest first."""
    limit = paging.clamp(limit)
    rows = session.execute(
        select(Grant)
        .where(Grant.holder_id == holder_id, _AGREED, *paging.after(cursor, Grant.created_at_ms, Grant.id))
        .order_by(Grant.created_at_ms.desc(), Grant.id.desc())
        .limit(limit + 1)
    ).scalars()
    return paging.page(list(rows), limit, lambda row: (row.created_at_ms, row.id))


def grants_to_entity(
    session: Session, entity_id: str, *, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[Grant]:
    """What an entity was granted, newest first."""
    limit = paging.clamp(limit)
    rows = session.execute(
        select(Grant)
        .where(Grant.entity_id == entity_id, _AGREED, *paging.after(cursor, Grant.created_at_ms, Grant.id))
        .order_by(Grant.created_at_ms.desc(), Grant.id.desc())
        .limit(limit + 1)
    ).scalars()
    return paging.page(list(rows), limit, lambda row: (row.created_at_ms, row.id))


def grants_stopped(session: Session, *, cursor: str | None = None, limit: int = paging.LIMIT) -> paging.Page[Grant]:
    """Everybody's grants that are held up, or were declared void, newest first; for regulators."""
    limit = paging.clamp(limit)
    rows = session.execute(
        select(Grant)
        .where(
            or_(Grant.frozen, Grant.state == GrantState.INVALIDATED.value),
            *paging.after(cursor, Grant.created_at_ms, Grant.id),
        )
        .order_by(Grant.created_at_ms.desc(), Grant.id.desc())
        .limit(limit + 1)
    ).scalars()
    return paging.page(list(rows), limit, lambda row: (row.created_at_ms, row.id))


def run_out(session: Session, now_ms: int, limit: int = 200) -> list[str]:
    """Ids of grants that have come to their end by time or by use and are in no final state yet, for the worker."""
    over = select(Grant.id).where(Grant.state.in_(_STANDING), Grant.not_after_ms <= now_ms).limit(limit)
    used_up = select(Grant.id).where(
        Grant.state == GrantState.ACTIVE.value, Grant.not_after_ms > now_ms, Grant.use_count >= Grant.max_uses
    )
    return [*session.execute(over).scalars(), *session.execute(used_up.limit(limit)).scalars()]


def unreceipted(session: Session, limit: int = 200) -> list[GrantEvent]:
    """Events that came by way of the chain and have no receipt yet, for the worker."""
    return list(
        session.execute(
            select(GrantEvent)
            .where(GrantEvent.receipt_id.is_(None), GrantEvent.actor == CHAIN)
            .order_by(GrantEvent.at_ms, GrantEvent.grant_id, GrantEvent.seq)
            .limit(limit)
        ).scalars()
    )


def append_event(
    session: Session,
    grant: Grant,
    state: GrantState,
    *,
    actor: str,
    at_ms: int,
    reason: str | None = None,
    signature: bytes | None = None,
    by_id: str | None = None,
    frozen: bool | None = None,
    case_ref: str | None = None,
    number: int | None = None,
) -> GrantEvent:
    """Record a change of a locked grant and move it to `state`. The first event is the grant itself, number 0.

    `frozen` None leaves the hold as it is. Whether the move is allowed is `api.policy.states.check_transition`'s to
    say, which the caller asks first. `grant.seq`, the number in signed changes on chain, is the caller's to move; a
    signed change carries it as `number`.
    """
    session.flush()
    last = session.get(GrantEvent, (grant.id, grant.events - 1)) if grant.events else None
    event = GrantEvent(
        grant_id=grant.id,
        seq=grant.events,
        state=state.value,
        frozen=grant.frozen if frozen is None else frozen,
        actor=actor,
        by_id=by_id,
        reason=reason,
        case_ref=case_ref,
        number=number,
        signature=signature,
        prev_hash=grant.digest if last is None else event_hash(last),
        at_ms=at_ms,
    )
    session.add(event)
    grant.events += 1
    grant.frozen = event.frozen
    if state.final and grant.state != state.value:
        grant.ended_at_ms = at_ms
    grant.state = state.value
    session.flush()
    return event


def events_of(session: Session, grant_id: str) -> list[GrantEvent]:
    """A grant's events in order."""
    return list(
        session.execute(select(GrantEvent).where(GrantEvent.grant_id == grant_id).order_by(GrantEvent.seq)).scalars()
    )


def count_active(session: Session, holder_id: str) -> int:
    """How many of a holder's grants serve now."""
    return session.execute(
        select(func.count())
        .select_from(Grant)
        .where(Grant.holder_id == holder_id, Grant.state == GrantState.ACTIVE.value)
    ).scalar_one()


def event_hash(event: GrantEvent) -> bytes:
    """What the next event names as its predecessor; 32 bytes."""
    return tagged_hash(
        "mydata/grant-event/1",
        event.prev_hash,
        canonical(
            {
                "grant": event.grant_id,
                "seq": event.seq,
                "state": event.state,
                "frozen": event.frozen,
                "actor": event.actor,
                "by": event.by_id,
                "reason": event.reason,
                "case": event.case_ref,
                "number": event.number,
                "signature": None if event.signature is None else event.signature.hex(),
                "at_ms": event.at_ms,
            }
        ),
    )


def _bound(grant: Grant) -> bytes:
    return bound_columns(
        grant.request_id,
        grant.holder_id,
        grant.entity_id,
        grant.digest,
        grant.key_address,
        grant.signature,
        grant.custody,
        grant.not_before_ms,
        grant.not_after_ms,
        grant.max_uses,
        grant.created_at_ms,
    )
