"""What time and the ends of grants do to delivered copies: orders to delete, missed dates, escalation.

Everything here is idempotent and finds its work in the tables, so a worker killed at any point goes on where it stood:
`grant_ended` acts at once, in the transaction of the end; `turn` finds whatever that has missed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from api.catalogue.retention import load_retention
from api.policy.copy_states import DAY_MS, WITHDRAWN, CopyState, after_delivery, check_copy_transition, deletion_due_ms
from api.policy.states import GrantState
from api.services.context import Context
from api.services.notices import NoticeKind, tell
from api.services.notifications import Topic, tell_holder, tell_party, tell_regulators
from api.store import Session, clock, read_only, unit_of_work
from api.store.queries import deletions, deliveries, grants
from api.store.queries.deletions import Move
from api.store.queries.deliveries import PulledGrant
from api.store.queries.registrations import LegalBasis
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Copy, Grant
from chain.canonical import Json
from chain.receipt import ReceiptKind

WORKER = "worker"
BATCH = 50


@dataclass(slots=True)
class Rounds:
    """How far the walk over all held copies has come; it starts anew with the process and at the end."""

    after: str = field(default="")


def grant_ended(session: Session, grant: Grant, at_ms: int) -> None:
    """A locked grant has just ended, in whatever way: its copies become due and its recipient's systems are told.

    To be called in the transaction of the end, after `grant.state` and `ended_at_ms` are set. A grant that ran out may
    be withdrawn later, which is another end.
    """
    state = GrantState(grant.state)
    kind = NoticeKind.REVOKED if state is GrantState.REVOKED else NoticeKind.ENDED
    tell(session, grant, kind, f"grant:{grant.id}:end:{grant.events}", {"state": state.value}, at_ms)
    _tell_people(session, grant, Topic.ENDED, {"state": state.value}, at_ms, key=f"{grant.id}:{grant.events}")
    for copy_id in deletions.copies_of_grant_in(session, grant.id, {CopyState.HELD, CopyState.DELETE_DUE}):
        _order(session, grant, copy_id, at_ms)


def grant_began(session: Session, grant: Grant, at_ms: int) -> None:
    """A new grant was just written: its recipient's systems are told."""
    facts = {"request": grant.request_id, "not_after": grant.not_after_ms // 1000, "uses": grant.max_uses}
    tell(session, grant, NoticeKind.GRANTED, f"grant:{grant.id}:begin", facts, at_ms)
    _tell_people(session, grant, Topic.GRANTED, {}, at_ms)


def grant_moved(session: Session, grant: Grant, before: GrantState, at_ms: int) -> None:
    """A locked grant has just left the state `before`, or stayed in it: what follows from that for its recipient."""
    state = GrantState(grant.state)
    withdrawn = state is not before and state in WITHDRAWN
    if state.final and (not before.final or withdrawn):
        grant_ended(session, grant, at_ms)
    elif state is not before:
        kind = NoticeKind.PAUSED if state is GrantState.PAUSED else NoticeKind.RESUMED
        tell(session, grant, kind, f"grant:{grant.id}:event:{grant.events}", {"state": state.value}, at_ms)


def delivered(copy: Copy, grant: Grant | PulledGrant, now_ms: int) -> None:
    """A copy leaves for the first time: from now on its agreed life runs."""
    copy.delete_by_ms = _life_end(grant, now_ms)


def delivered_again(session: Session, grant: Grant | PulledGrant, copy_id: str, now_ms: int, *, counted: bool) -> None:
    """A copy that was delivered before leaves once more, under its grant's lock and in the delivery's transaction.

    What the entity stated of earlier deliveries does not cover this one. A delivery that counts as a use starts the
    agreed life anew.
    """
    if counted and deliveries.hold_longer(session, copy_id, _life_end(grant, now_ms)):
        return
    copy = deletions.lock_copy(session, copy_id)
    assert copy is not None
    before = CopyState(copy.state)
    after = after_delivery(before, counted=counted)
    if counted:
        copy.delete_by_ms = _life_end(grant, now_ms)
    if after is not before:
        check_copy_transition(before, after)
        deletions.append_event(session, copy, Move(after, "delivery", "delivered_again"), now_ms)


def turn(ctx: Context, rounds: Rounds) -> int:
    """The worker's share: order what must be deleted, note what is overdue, escalate; how many copies moved."""
    retention = load_retention()
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        notice_ms = retention.deletion_days * DAY_MS
        held, following = deletions.held_to_order(session, rounds.after, now, notice_ms)
        nearer = deletions.to_bring_forward(session, notice_ms)
        kept = deletions.past_due(session, CopyState.RETAINED, now)
        missed = deletions.past_due(session, CopyState.DELETE_DUE, now)
        late = deletions.past_due(session, CopyState.OVERDUE, now - retention.escalation_days * DAY_MS)
        forget = deletions.past_due(session, CopyState.DELETED, now)
    rounds.after = following or ""
    moved = _each(ctx, [*held, *nearer], _order)
    moved += _each(ctx, kept, _retention_over)
    moved += _each(ctx, missed, _overdue)
    moved += _each(ctx, late, lambda *given: _escalate(ctx, *given))
    return moved + _each(ctx, forget, _forget)


def _each(ctx: Context, copy_ids: list[str], act: Callable[[Session, Grant, str, int], bool]) -> int:
    """Act on copies, some in each transaction, each under its grant's lock."""
    moved = 0
    for start in range(0, len(copy_ids), BATCH):
        with unit_of_work(ctx.db) as session:
            now = clock.advance(session)
            for copy_id in copy_ids[start : start + BATCH]:
                found = session.get(Copy, copy_id)
                grant = None if found is None else grants.lock_grant(session, found.grant_id)
                if grant is not None:
                    moved += act(session, grant, copy_id, now)
        ctx.log.wake()
    return moved


def _order(session: Session, grant: Grant, copy_id: str, now_ms: int) -> bool:
    copy = deletions.lock_copy(session, copy_id)
    assert copy is not None
    ended, ended_at_ms = _end_of(grant, now_ms)
    due = deletion_due_ms(
        ended=ended,
        ended_at_ms=ended_at_ms,
        delete_by_ms=copy.delete_by_ms,
        now_ms=now_ms,
        days=load_retention().deletion_days,
    )
    before = CopyState(copy.state)
    later = before is CopyState.DELETE_DUE and copy.due_at_ms is not None and due is not None and due >= copy.due_at_ms
    if due is None or later or before not in {CopyState.HELD, CopyState.DELETE_DUE}:
        return False
    reason = "data_life" if ended is None else f"grant_{ended.value}"
    _move(session, grant, copy, Move(CopyState.DELETE_DUE, WORKER, reason, due), now_ms)
    return True


def _retention_over(session: Session, grant: Grant, copy_id: str, now_ms: int) -> bool:
    copy = deletions.lock_copy(session, copy_id)
    assert copy is not None
    if copy.state != CopyState.RETAINED or copy.due_at_ms is None or copy.due_at_ms > now_ms:
        return False
    due = now_ms + load_retention().deletion_days * DAY_MS
    _move(session, grant, copy, Move(CopyState.DELETE_DUE, WORKER, "retention_over", due), now_ms)
    return True


def _overdue(session: Session, grant: Grant, copy_id: str, now_ms: int) -> bool:
    copy = deletions.lock_copy(session, copy_id)
    assert copy is not None
    if copy.state != CopyState.DELETE_DUE or copy.due_at_ms is None or copy.due_at_ms > now_ms:
        return False
    _move(session, grant, copy, Move(CopyState.OVERDUE, WORKER, "date_passed", copy.due_at_ms), now_ms)
    _tell_people(session, grant, Topic.OVERDUE, {"copy": copy.id}, now_ms, key=f"{copy.id}:{copy.due_at_ms}")
    return True


def _escalate(ctx: Context, session: Session, grant: Grant, copy_id: str, now_ms: int) -> bool:
    copy = deletions.lock_copy(session, copy_id)
    assert copy is not None
    allowed_ms = load_retention().escalation_days * DAY_MS
    if copy.state != CopyState.OVERDUE or copy.due_at_ms is None or copy.due_at_ms + allowed_ms > now_ms:
        return False
    details: dict[str, Json] = {
        "act": "escalated",
        "grant": "0x" + grant.digest.hex(),
        "entity": copy.entity_id,
        "copy": copy.id,
        "file_sha256": "0x" + copy.file_sha256.hex(),
        "due": copy.due_at_ms // 1000,
        "request": None,
    }
    receipt_id = prepare_receipt(session, ctx.vault, receipt_draft(grant, copy, details))
    move = Move(CopyState.ESCALATED, WORKER, "regulator_told", copy.due_at_ms, receipt_id=receipt_id)
    _move(session, grant, copy, move, now_ms)
    facts = {"grant": grant.id, "party": grant.entity_id, "copy": copy.id}
    tell_regulators(session, Topic.OVERDUE, f"{copy.id}:{copy.due_at_ms}", facts, now_ms)
    return True


def _forget(session: Session, _grant: Grant, copy_id: str, now_ms: int) -> bool:
    copy = deletions.lock_copy(session, copy_id)
    assert copy is not None
    if copy.state != CopyState.DELETED or copy.due_at_ms is None or copy.due_at_ms > now_ms:
        return False
    return deletions.drop_file(session, copy_id)


def _move(session: Session, grant: Grant, copy: Copy, move: Move, now_ms: int) -> None:
    check_copy_transition(CopyState(copy.state), move.state)
    event = deletions.append_event(session, copy, move, now_ms)
    facts: dict[str, object] = {"copy": copy.id, "state": move.state.value}
    facts["due_at"] = None if move.due_at_ms is None else move.due_at_ms // 1000
    tell(session, grant, NoticeKind.DELETION_DUE, f"copy:{copy.id}:{event.seq}", facts, now_ms)


def _tell_people(
    session: Session,
    grant: Grant,
    topic: Topic,
    facts: Mapping[str, object],
    at_ms: int,
    *,
    key: str | None = None,
) -> None:
    """Both sides of a consent. An access by statutory duty is told to its holder by the day's count of looks alone."""
    told: dict[str, object] = {"grant": grant.id, "party": grant.entity_id, **facts}
    if grant.legal_basis == LegalBasis.CONSENT:
        tell_holder(session, grant.holder_id, topic, key or grant.id, told, at_ms)
    tell_party(session, grant.entity_id, topic, key or grant.id, told, at_ms)


def receipt_draft(grant: Grant, copy: Copy, details: dict[str, Json]) -> ReceiptDraft:
    """A receipt about a copy's end; docs/formats.md has its details."""
    return ReceiptDraft(
        ReceiptKind.DELETION,
        details,
        holder_id=grant.holder_id,
        party_id=copy.entity_id,
        grant_id=grant.id,
        copy_id=copy.id,
    )


def _end_of(grant: Grant, now_ms: int) -> tuple[GrantState | None, int]:
    """In which state a grant ended and when, whether or not anybody has noted it; None while it may serve."""
    state = GrantState(grant.state)
    if state.final:
        return state, grant.ended_at_ms or now_ms
    if now_ms >= grant.not_after_ms:
        return GrantState.EXPIRED, grant.not_after_ms
    used_up = state is GrantState.ACTIVE and grant.use_count >= grant.max_uses
    return (GrantState.EXHAUSTED if used_up else None), now_ms


def _life_end(grant: Grant | PulledGrant, from_ms: int) -> int | None:
    days = grant.terms.get("data_life_days")
    return from_ms + days * DAY_MS if isinstance(days, int) else None
