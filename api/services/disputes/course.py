"""What time does to disputes: whoever has not acted by the date loses it to the regulator, who is told."""

from api.policy.disputes import DisputeState, Mover, check_move
from api.services.context import Context
from api.services.disputes.record import LATE, locked, moved
from api.store import clock, read_only, unit_of_work
from api.store.ids import ReceiptId
from api.store.queries import disputes
from api.store.receipts import ReceiptDraft, prepare_receipt


def escalate_overdue(ctx: Context) -> int:
    """The worker's share: report disputes past their date to every regulator, once; how many.

    What nobody answered is theirs from then on. What is being corrected or was ordered stays where it is, and the
    regulator knows that it is late.
    """
    with read_only(ctx.db) as session:
        late = disputes.overdue(session, clock.now_ms(session))
    told = 0
    for dispute_id in late:
        with unit_of_work(ctx.db) as session:
            now = clock.advance(session)
            row = locked(session, dispute_id)
            state = DisputeState(row.state)
            if row.due_at_ms is None or row.due_at_ms > now or row.escalated_at_ms is not None:
                continue

            def add(draft: ReceiptDraft) -> ReceiptId:
                return prepare_receipt(session, ctx.vault, draft)

            if state is DisputeState.OPENED:
                check_move(state, DisputeState.OVERDUE, Mover.PLATFORM, contested=row.contested)
                moved(session, row, DisputeState.OVERDUE, Mover.PLATFORM, now, add)
            else:
                moved(session, row, state, Mover.PLATFORM, now, add, note=LATE)
            told += 1
        ctx.log.wake()
    return told
