"""Who looked at my data: every delivery, every refusal, one's own downloads, newest first, each with its proof."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.policy.mandates import Action
from api.services.authority import Authority, authority
from api.services.context import Actor, Context
from api.store import read_only
from api.store.queries import grants, parties, receipts
from api.store.queries.paging import Page
from api.store.receipts import open_details
from api.store.tables import Grant, Party, Receipt
from chain.canonical import Json
from chain.receipt import ReceiptKind

KINDS = (
    ReceiptKind.DELIVERY,
    ReceiptKind.REFUSAL,
    ReceiptKind.ORIGINAL,
    ReceiptKind.GRANT,
    ReceiptKind.CHANGE,
    ReceiptKind.LOOK,
    ReceiptKind.MANDATE,
    ReceiptKind.CREDENTIAL,
)


@dataclass(frozen=True, slots=True)
class Footprint:
    """One line: the receipt, what it says, who it was and under which grant."""

    receipt: Receipt
    details: Mapping[str, Json]
    party: Party | None
    grant: Grant | None


def list_own(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[Footprint]:
    """A holder's footprints, newest first; to a representative those of grants that the mandate covers."""
    with read_only(ctx.db) as session:
        may = authority(ctx, session, actor, Action.LOOK)
        page = receipts.receipts_of_holder(session, may.holder_id, kinds=KINDS, cursor=cursor)
        lines = [
            Footprint(
                receipt,
                open_details(session, ctx.vault, receipt).details,
                parties.get_party(session, receipt.party_id) if receipt.party_id else None,
                grants.grant_of_holder(session, may.holder_id, receipt.grant_id) if receipt.grant_id else None,
            )
            for receipt in page.items
        ]
        return Page([line for line in lines if _covered(may, line)], page.next_cursor)


def _covered(may: Authority, line: Footprint) -> bool:
    """Whether a line lies within; one that belongs to no grant may concern any type."""
    if line.grant is None:
        return may.whole
    return may.covers(Action.LOOK, grants.types_of(line.grant), grants.purpose_of(line.grant))
