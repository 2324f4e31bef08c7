"""How a mandate begins and ends, by whoever's act or by time; each with its receipt and what follows from it."""

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from api.errors import ApiError, Kind
from api.policy.mandates import (
    INVALIDATING,
    EndReason,
    MandateKind,
    MandateState,
    check_mandate_transition,
    shown_state,
)
from api.policy.states import InvalidReason
from api.services.authority import open_mandate
from api.services.context import Context
from api.services.grants.changes import invalidate_within
from api.services.grants.events import Author
from api.services.grants.reading import shown_state as shown_grant_state
from api.services.mandates.views import body_of
from api.store import Session, clock, savepoint, unit_of_work
from api.store.queries import erasures, grants, holders, mandates
from api.store.queries.mandates import MandateBody
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Mandate
from chain.canonical import Json
from chain.receipt import ReceiptKind

R = TypeVar("R")
log = logging.getLogger("mydata.mandates")
Add = Callable[[ReceiptDraft], R]
"""How a receipt is written: numbered by the log writer, or prepared by another process."""


def expire_due(ctx: Context) -> int:
    """Note the ends that came by time, each with its receipt; count of them. The worker calls it when keeping house.

    A row that was altered behind the service's back lets nobody act and holds the others up no longer than its own try.
    """
    noted = 0
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        for row in mandates.run_out(session, now):
            reason = EndReason.MAJORITY if row.majority else EndReason.TIME
            try:
                with savepoint(session):
                    finish(ctx, session, row, reason, now, "time", partial(prepare_receipt, session, ctx.vault))
                noted += 1
            except ApiError as error:
                if error.kind is not Kind.INTEGRITY:
                    raise
                log.error("mandate %s cannot be ended: %s", row.id, error.code)  # noqa: TRY400 - a trace may not say more
    return noted


def end_all_of(ctx: Context, session: Session, holder_id: str, now_ms: int) -> int:
    """End every mandate of a holder who is being erased, on either side, with receipts; count of them."""
    live = erasures.live_mandates(session, holder_id)
    for row in live:
        over = shown_state(MandateState(row.state), row.ends_ms, now_ms).final
        reason = (EndReason.MAJORITY if row.majority else EndReason.TIME) if over else EndReason.ERASED
        who = "time" if over else "holder"
        finish(ctx, session, row, reason, now_ms, who, partial(prepare_receipt, session, ctx.vault))
    return len(live)


def begin(ctx: Context, session: Session, row: Mandate, now_ms: int, add: Add[R]) -> R:
    """A mandate comes into force, with its receipt. Raises `mandate.transition`."""
    check_mandate_transition(MandateState(row.state), MandateState.ACTIVE)
    body = open_mandate(ctx, session, row)
    row.state, row.begun_at_ms = MandateState.ACTIVE.value, now_ms
    seal(ctx, session, row, body)
    return add(_draft(row, "begun", "agent" if row.registrar_id is None else "office"))


def finish(
    ctx: Context, session: Session, row: Mandate, reason: EndReason, now_ms: int, who: str, add: Add[R]
) -> R | None:
    """End a locked mandate, with the grants under it where the law takes them along; the receipt, if it ever began."""
    before = shown_state(MandateState(row.state), row.ends_ms, now_ms)
    by_time = reason in {EndReason.TIME, EndReason.MAJORITY}
    after = MandateState.EXPIRED if by_time else MandateState.ENDED
    check_mandate_transition(MandateState(row.state) if by_time else before, after)
    had_begun = row.state == MandateState.ACTIVE
    body = body_of(ctx, session, row)
    row.state, row.reason, row.ended_at_ms = after.value, reason.value, now_ms
    if body is not None:
        seal(ctx, session, row, body)
    if body is None or not had_begun:  # of an erased holder nothing can be written any more
        return None
    receipt = add(_draft(row, "ended", who))
    if reason in INVALIDATING:
        _invalidate(session, row, now_ms, add)
    return receipt


def _invalidate(session: Session, row: Mandate, now_ms: int, add: Add[R]) -> None:
    """Void what was granted under a mandate that the law undoes; what has ended by itself stays as it ended."""
    author = Author("department", row.registrar_id)
    guardian = row.kind == MandateKind.GUARDIAN
    reason = InvalidReason.GUARDIANSHIP_ENDED if guardian else InvalidReason.MANDATE_ENDED
    for grant_id in mandates.grants_under(session, row.id):
        grant = grants.lock_grant(session, grant_id)
        if grant is not None and not shown_grant_state(grant, now_ms).final:
            invalidate_within(session, grant, reason, author, now_ms, add)


def _draft(row: Mandate, event: str, who: str) -> ReceiptDraft:
    """The receipt of a beginning or an end. It names nobody: the holder's page adds the names that it may show."""
    details: dict[str, Json] = {
        "mandate": row.id,
        "kind": row.kind,
        "event": event,
        "by": who,
        "reason": row.reason,
        "evidence": "0x" + row.commitment.hex(),
        "ends": None if row.ends_ms is None else row.ends_ms // 1000,
    }
    return ReceiptDraft(ReceiptKind.MANDATE, details, holder_id=row.principal_id, party_id=row.registrar_id)


def seal(ctx: Context, session: Session, row: Mandate, body: MandateBody) -> None:
    """Seal a mandate's row as it stands now under its principal's key."""
    mandates.seal_body(holders.holder_key(session, ctx.vault, row.principal_id), row, body)
    session.flush()
