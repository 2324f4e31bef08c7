"""The worker's share: ends that came by time or use, requests nobody answered, changes that were seen on the chain.

All of them hold before anybody notes them, since states are computed when asked. Noting gives each an event and a
receipt, so that history says so for itself. Each grant is its own short transaction.
"""

from api.policy.states import GrantState
from api.services import copies_life
from api.services.context import Context
from api.services.grants.events import PLATFORM, Add, changed, receipted
from api.services.grants.reading import shown_state
from api.store import Session, clock, read_only, unit_of_work
from api.store.queries import grants, requests
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import GrantEvent


def note_ends(ctx: Context) -> int:
    """Note every grant that expired or was used up; gives how many.

    Neither goes to the chain: the end date is part of what the grant's key signed and the contract keeps it by itself,
    and uses are no business of the chain. Were a used-up grant ended there, each proof of a delivery would turn to
    "ended" the moment after its one use.
    """
    with read_only(ctx.db) as session:
        due = grants.run_out(session, clock.now_ms(session))
    noted = 0
    for grant_id in due:
        with unit_of_work(ctx.db) as session:
            now = clock.advance(session)
            grant = grants.lock_grant(session, grant_id)
            state = None if grant is None else shown_state(grant, now)
            # Looked at again under its lock: somebody may have ended it meanwhile.
            if grant is None or state not in {GrantState.EXPIRED, GrantState.EXHAUSTED} or grant.state == state:
                continue
            changed(session, grant, state, PLATFORM, now, _preparing(ctx, session))
            noted += 1
    return noted


def note_lapses(ctx: Context) -> int:
    """Turn requests that were not answered in time to LAPSED, each with a receipt; gives how many."""
    with unit_of_work(ctx.db) as session:
        lapsed = requests.lapse_requests(session, clock.advance(session))
        for row in lapsed:
            # One that nobody here could answer has its receipt like any other.
            requests.answered(session, ctx.vault, row, {})
    return len(lapsed)


def receipt_taken_over(ctx: Context) -> int:
    """Give changes that came by way of the chain their receipts; how many."""
    with read_only(ctx.db) as session:
        waiting = [(event.grant_id, event.seq) for event in grants.unreceipted(session)]
    for key in waiting:
        with unit_of_work(ctx.db) as session:
            event, grant = session.get(GrantEvent, key), grants.lock_grant(session, key[0])
            if event is not None and grant is not None and event.receipt_id is None:
                receipted(grant, event, _preparing(ctx, session))
                if GrantState(grant.state).final:
                    copies_life.grant_ended(session, grant, clock.advance(session))
    return len(waiting)


def _preparing(ctx: Context, session: Session) -> Add[str]:
    def add(draft: ReceiptDraft) -> str:
        return prepare_receipt(session, ctx.vault, draft)

    return add


def keep_house(ctx: Context) -> int:
    """All of the above. Raises ApiError of the store."""
    return note_ends(ctx) + note_lapses(ctx) + receipt_taken_over(ctx)
