"""Refusals leave a trace as well: the holder sees who was turned away, and why.

Repeats by the same client, for the same target and reason, within a minute become one receipt with a count, so that
nobody can flood a person's footprints; the count is written when the minute is over.
"""

from api.errors import ApiError, Kind
from api.policy.decide import Deny
from api.policy.replay import Seen
from api.services.context import Context
from api.services.folding import Refusal
from api.store import unit_of_work
from api.store.queries.deliveries import PulledGrant
from api.store.receipts import ReceiptDraft, prepare_receipt
from chain.receipt import ReceiptKind


def refuse(ctx: Context, grant: PulledGrant, deny: Deny, seen: Seen) -> ApiError:
    """Write the refusal (or count it) and give the error to raise: the recipient of a grant is told the reason.

    What the decision saw goes into the receipt, so that it can be made again.
    """
    refusal = Refusal(grant.entity_id, grant.id, "0x" + grant.digest.hex(), grant.holder_id, deny.reason)
    if ctx.refusals.first(refusal, seen):
        try:
            write(ctx, refusal, 1, seen)
        except ApiError:
            ctx.refusals.forget(refusal)
            raise
    return ApiError(deny.reason, Kind.FORBIDDEN)


def write_ended(ctx: Context, *, everything: bool = False) -> int:
    """Write the counts of windows that are over; gives how many. The service calls this every few seconds.

    What cannot be written goes back and is counted on: raises what the store raises.
    """
    ended = ctx.refusals.ended(everything=everything)
    for place, (refusal, repeats, seen) in enumerate(ended):
        try:
            write(ctx, refusal, repeats, seen)
        except ApiError:
            for left in ended[place:]:
                ctx.refusals.put_back(*left)
            raise
    return len(ended)


def write(ctx: Context, refusal: Refusal, repeats: int, seen: Seen) -> None:
    """Prepare the receipt; the log writer numbers it."""
    with unit_of_work(ctx.db) as session:
        prepare_receipt(
            session,
            ctx.vault,
            ReceiptDraft(
                ReceiptKind.REFUSAL,
                {
                    "grant": refusal.grant_digest,
                    "entity": refusal.entity_id,
                    "reason": refusal.reason,
                    "repeats": repeats,
                    "decision": seen.to_json(),
                },
                holder_id=refusal.holder_id,
                party_id=refusal.entity_id,
                grant_id=refusal.grant_id,
                reason=refusal.reason,
                repeats=repeats,
            ),
        )
    ctx.log.wake()
