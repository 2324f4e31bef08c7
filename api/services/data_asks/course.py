"""What time does to asks: whoever has not answered by the date loses it to the regulator, who is told."""

from api.policy.data_asks import AskMover, AskState, check_move
from api.services.context import Context
from api.services.data_asks.record import LATE, locked, moved
from api.store import clock, read_only, unit_of_work
from api.store.queries import data_asks


def escalate_overdue(ctx: Context) -> int:
    """The worker's share: report asks past their date to every regulator, once; how many.

    What nobody answered is theirs from then on; what was ordered stays where it is, and the regulator knows that it is
    late.
    """
    with read_only(ctx.db) as session:
        late = data_asks.overdue(session, clock.now_ms(session))
    told = 0
    for ask_id in late:
        with unit_of_work(ctx.db) as session:
            now = clock.advance(session)
            row = locked(session, ask_id)
            state = AskState(row.state)
            if not state.open or row.due_at_ms is None or row.due_at_ms > now or row.escalated_at_ms is not None:
                continue
            if state is AskState.ORDERED:
                moved(ctx, session, row, state, AskMover.PLATFORM, now, by=None, note=LATE)
            else:
                check_move(state, AskState.OVERDUE, AskMover.PLATFORM)
                moved(ctx, session, row, AskState.OVERDUE, AskMover.PLATFORM, now, by=None)
            told += 1
    if told:
        ctx.log.wake()
    return told
