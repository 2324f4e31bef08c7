"""Lives of delivered copies: what is due, what is overdue, and the chain of each copy's moves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from api.policy.copy_states import WITHDRAWN, CopyState
from api.policy.states import GrantState
from api.store.queries import paging
from api.store.tables import Copy, CopyEvent, Grant
from chain.canonical import canonical, tagged_hash

CHUNK = 2_000
_WITHDRAWN = [state.value for state in WITHDRAWN]
_FINAL = [state.value for state in GrantState if state.final]


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a copy: who made it, for what reason (a code), the new date, and what its receipt states."""

    state: CopyState
    actor: str
    reason: str
    due_at_ms: int | None = None
    stated_at_ms: int | None = None
    basis: str | None = None
    receipt_id: str | None = None


def lock_copy(session: Session, copy_id: str) -> Copy | None:
    """A copy, fresh from the database, its row locked until the transaction ends."""
    return session.execute(
        select(Copy).where(Copy.id == copy_id).with_for_update().execution_options(populate_existing=True)
    ).scalar_one_or_none()


def append_event(session: Session, copy: Copy, move: Move, at_ms: int) -> CopyEvent:
    """Record a move of a locked copy and make it. Whether it is allowed is the policy's to say, which was asked."""
    session.flush()
    last = session.execute(
        select(CopyEvent).where(CopyEvent.copy_id == copy.id).order_by(CopyEvent.seq.desc()).limit(1)
    ).scalar_one_or_none()
    event = CopyEvent(
        copy_id=copy.id,
        seq=0 if last is None else last.seq + 1,
        state=move.state.value,
        actor=move.actor,
        reason=move.reason,
        due_at_ms=move.due_at_ms,
        stated_at_ms=move.stated_at_ms,
        receipt_id=move.receipt_id,
        prev_hash=copy.file_sha256 if last is None else event_hash(last),
        at_ms=at_ms,
    )
    session.add(event)
    copy.state, copy.due_at_ms, copy.retained_basis = move.state.value, move.due_at_ms, move.basis
    session.flush()
    return event


def event_hash(event: CopyEvent) -> bytes:
    """What the next event names as its predecessor; 32 bytes."""
    return tagged_hash(
        "mydata/copy-event/1",
        event.prev_hash,
        canonical(
            {
                "copy": event.copy_id,
                "seq": event.seq,
                "state": event.state,
                "actor": event.actor,
                "reason": event.reason,
                "due_at_ms": event.due_at_ms,
                "stated_at_ms": event.stated_at_ms,
                "receipt": event.receipt_id,
                "at_ms": event.at_ms,
            }
        ),
    )


def events_of(session: Session, copy_id: str) -> list[CopyEvent]:
    """A copy's moves in order."""
    return list(
        session.execute(select(CopyEvent).where(CopyEvent.copy_id == copy_id).order_by(CopyEvent.seq)).scalars()
    )


def events_of_copies(session: Session, copy_ids: Collection[str]) -> dict[str, list[CopyEvent]]:
    """The moves of several copies, each in order; a copy that never moved is missing."""
    found: dict[str, list[CopyEvent]] = {}
    rows = session.execute(
        select(CopyEvent).where(CopyEvent.copy_id.in_(list(copy_ids))).order_by(CopyEvent.copy_id, CopyEvent.seq)
    ).scalars()
    for event in rows:
        found.setdefault(event.copy_id, []).append(event)
    return found


def held_to_order(session: Session, after: str, now_ms: int, notice_ms: int) -> tuple[list[str], str | None]:
    """Of the next `CHUNK` held copies after `after`, those that must be deleted; and where to go on, None at the end.

    That is where the grant has ended in any way (noted or not), or the agreed life ends within `notice_ms`.
    """
    # `due_at_ms IS NULL` holds for every held copy, and lets the one index over (state, due_at_ms, id) give the chunk.
    chunk = (
        select(Copy.id, Copy.grant_id, Copy.delete_by_ms)
        .where(Copy.state == CopyState.HELD.value, Copy.due_at_ms.is_(None), Copy.id > after)
        .order_by(Copy.id)
        .limit(CHUNK)
        .subquery()
    )
    last, size = session.execute(select(func.max(chunk.c.id), func.count()).select_from(chunk)).one()
    found = session.execute(
        select(chunk.c.id)
        .join(Grant, Grant.id == chunk.c.grant_id)
        .where(or_(ended(now_ms), chunk.c.delete_by_ms <= now_ms + notice_ms))
        .order_by(chunk.c.id)
    ).scalars()
    return list(found), last if size == CHUNK else None


def ended(now_ms: int) -> ColumnElement[bool]:
    """The condition that a grant serves no more, whether or not anybody noted it."""
    used_up = and_(Grant.state == GrantState.ACTIVE.value, Grant.use_count >= Grant.max_uses)
    return or_(Grant.state.in_(_FINAL), Grant.not_after_ms <= now_ms, used_up)


def to_bring_forward(session: Session, days_ms: int, limit: int = 200) -> list[str]:
    """Copies that are due, but later than their withdrawn grant allows."""
    return list(
        session.execute(
            select(Copy.id)
            .join(Grant, Grant.id == Copy.grant_id)
            .where(
                Copy.state == CopyState.DELETE_DUE.value,
                Grant.state.in_(_WITHDRAWN),
                Copy.due_at_ms > Grant.ended_at_ms + days_ms,
            )
            .order_by(Copy.due_at_ms, Copy.id)
            .limit(limit)
        ).scalars()
    )


def past_due(session: Session, state: CopyState, before_ms: int, limit: int = 200) -> list[str]:
    """Copies in `state` whose date is at or before `before_ms`, the oldest first."""
    return list(
        session.execute(
            select(Copy.id)
            .where(Copy.state == state.value, Copy.due_at_ms <= before_ms)
            .order_by(Copy.due_at_ms, Copy.id)
            .limit(limit)
        ).scalars()
    )


def copies_of_grant_in(session: Session, grant_id: str, states: Collection[CopyState]) -> list[str]:
    """Ids of a grant's copies in any of these states."""
    wanted = [state.value for state in states]
    return list(
        session.execute(
            select(Copy.id).where(Copy.grant_id == grant_id, Copy.state.in_(wanted)).order_by(Copy.id)
        ).scalars()
    )


def drop_file(session: Session, copy_id: str) -> bool:
    """Forget the marked bytes of a deleted copy; its hash, mark and original stay, so that it can still be traced.

    `due_at_ms` of a deleted copy says when that is to happen, and is empty afterwards.
    """
    found = session.execute(
        update(Copy)
        .where(Copy.id == copy_id, Copy.state == CopyState.DELETED.value)
        .values(file_enc=b"", due_at_ms=None)
        .execution_options(synchronize_session=False)
        .returning(Copy.id)
    ).first()
    return found is not None


def copies_to_entity(
    session: Session,
    entity_id: str,
    *,
    states: Collection[CopyState] | None = None,
    cursor: str | None = None,
    limit: int = paging.LIMIT,
) -> paging.Page[Copy]:
    """An entity's copies, newest first."""
    where: list[ColumnElement[bool]] = [Copy.entity_id == entity_id]
    if states is not None:
        where.append(Copy.state.in_([state.value for state in states]))
    return _page(session, where, cursor, limit)


def copies_overdue(
    session: Session,
    states: Collection[CopyState],
    *,
    cursor: str | None = None,
    limit: int = paging.LIMIT,
) -> paging.Page[Copy]:
    """Everybody's copies in these states, newest first: the regulator's list."""
    return _page(session, [Copy.state.in_([state.value for state in states])], cursor, limit)


def count_by_state(session: Session, *, entity_id: str | None = None) -> dict[str, int]:
    """How many copies stand in each state, of one entity or of all."""
    query = select(Copy.state, func.count()).group_by(Copy.state)
    if entity_id is not None:
        query = query.where(Copy.entity_id == entity_id)
    return dict(session.execute(query).all())


def _page(session: Session, where: Sequence[ColumnElement[bool]], cursor: str | None, limit: int) -> paging.Page[Copy]:
    limit = paging.clamp(limit)
    rows = session.execute(
        select(Copy)
        .where(and_(*where), *paging.after(cursor, Copy.created_at_ms, Copy.id))
        .order_by(Copy.created_at_ms.desc(), Copy.id.desc())
        .limit(limit + 1)
    ).scalars()
    return paging.page(list(rows), limit, lambda row: (row.created_at_ms, row.id))
