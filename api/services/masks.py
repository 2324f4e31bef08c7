"""Lines that a law keeps back for a while: regulators see which there are, and may bring their release forward."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services.context import Actor, Also, Context, Role
from api.store import clock, read_only, unit_of_work
from api.store.queries import masks, parties
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Party, StatutoryAccess
from chain.canonical import Json
from chain.receipt import ReceiptKind


@dataclass(frozen=True, slots=True)
class MaskView:
    """A masked access as a regulator sees it: who queried, by which law, until when; not about whom."""

    access: StatutoryAccess
    party: Party | None


def list_all(ctx: Context, actor: Actor) -> Sequence[MaskView]:
    """What is masked now, what is released next first."""
    actor.party(Role.REGULATOR)
    with read_only(ctx.db) as session:
        rows = masks.masked(session, clock.now_ms(session))
        return [MaskView(row, parties.get_party(session, row.party_id)) for row in rows]


def shorten(
    ctx: Context,
    actor: Actor,
    access_id: str,
    until_ms: int | None = None,
    *,
    also: Also[StatutoryAccess] | None = None,
) -> None:
    """Release a line earlier, at once by default. Never later: raises `masks.only_shorter`, `masks.not_found`.

    The receipt is the regulator's; the holder sees the line itself from then on.
    """
    party_id = actor.party(Role.REGULATOR)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        row = masks.get_access(session, access_id, lock=True)
        if row is None or row.masked_until_ms is None or row.masked_until_ms <= now:
            raise ApiError("masks.not_found", Kind.NOT_FOUND)
        until = now if until_ms is None else max(until_ms, now)
        if until >= row.masked_until_ms:
            raise ApiError("masks.only_shorter", Kind.CONFLICT)
        masks.release_at(session, access_id, until)
        details: dict[str, Json] = {
            "act": "unmask",
            "access": access_id,
            "regulator": party_id,
            "before": row.masked_until_ms // 1000,
            "until": until // 1000,
        }
        prepare_receipt(session, ctx.vault, ReceiptDraft(ReceiptKind.LOOK, details, party_id=party_id))
        session.refresh(row)
        if also is not None:
            also(session, row)
    ctx.log.wake()
