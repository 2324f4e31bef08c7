"""Old records entered by hand (历史数据电子化): marked at return, not shared before a second officer's review.

Their holder sees them at once, with that mark. Who reviews holds the entries against the papers and states how many
rows they found right; another number than the return has is no review. Whoever handed the file in cannot review it.
"""

from collections.abc import Sequence

from api.errors import ApiError, Kind
from api.services.context import Actor, Also, Context, Role, staff_subject
from api.store import Session, clock
from api.store.database import read_only, unit_of_work
from api.store.queries import records, returns
from api.store.queries.returns import Origin
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Return
from chain.receipt import ReceiptKind


def numbered(ctx: Context, actor: Actor) -> bool:
    """Whether an officer signed in with a number of their own; without one nobody is told from another.

    A department's machine is nobody at all: it bears the party's name and no officer's.
    """
    return actor.subject.startswith(staff_subject(ctx.keys, actor.party(Role.DEPARTMENT), "") + ":")


def review(ctx: Context, actor: Actor, return_id: str, rows: int, *, also: Also[Return] | None = None) -> Return:
    """Review one's department's sealed back-filled return; its records can be shared from here on.

    `rows`: how many entries the officer held against the papers and found right, which must be all of them. Doing it
    twice is no error. Raises `returns.not_found`, `returns.not_backfill`, `returns.not_sealed`, `returns.same_officer`,
    `returns.review_differs`.
    """
    party_id = actor.party(Role.DEPARTMENT)
    with unit_of_work(ctx.db) as session:
        row = returns.lock_return(session, return_id)
        if row is None or row.party_id != party_id:
            raise ApiError("returns.not_found", Kind.NOT_FOUND)
        if row.origin != Origin.BACKFILL:
            raise ApiError("returns.not_backfill", Kind.CONFLICT)
        if row.sealed_at_ms is None:
            raise ApiError("returns.not_sealed", Kind.CONFLICT)
        if row.reviewed_at_ms is None:
            if row.handed_in_by in {None, actor.subject} or not numbered(ctx, actor):
                raise ApiError("returns.same_officer", Kind.FORBIDDEN)
            if rows != row.rows_good:
                raise ApiError("returns.review_differs", found=rows)
            row.reviewed_by, row.reviewed_at_ms = actor.subject, clock.advance(session)
            prepare_receipt(
                session,
                ctx.vault,
                ReceiptDraft(
                    ReceiptKind.RETURN,
                    {
                        "act": "reviewed",
                        "return": row.id,
                        "department": party_id,
                        "rows": rows,
                        "handed_in_by": row.handed_in_by,
                        "reviewed_by": actor.subject,
                        "at_ms": row.reviewed_at_ms,
                    },
                    party_id=party_id,
                ),
            )
        session.flush()
        if also is not None:
            also(session, row)
    ctx.log.wake()
    return row


def only_unreviewed(session: Session, holder_id: str, type_codes: Sequence[str]) -> bool:
    """Whether of one of these types the holder has nothing but back-filled records that nobody reviewed."""
    views = records.current_records(session, holder_id, type_codes)
    reviewed = {view.record.type_code for view in views if view.shareable}
    return any(view.record.type_code not in reviewed for view in views)


def require_reviewed(ctx: Context, holder_id: str, type_codes: Sequence[str]) -> None:
    """Raise `requests.not_reviewed` where something that is asked for may not be shared yet."""
    with read_only(ctx.db) as session:
        if only_unreviewed(session, holder_id, type_codes):
            raise ApiError("requests.not_reviewed", Kind.CONFLICT)
