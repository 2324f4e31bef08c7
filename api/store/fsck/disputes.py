"""Disputes and corrections: every move against its receipt, texts that open, confirmations against what was stated."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import select

from api.errors import ApiError
from api.policy.disputes import RecipientState
from api.store.fsck.report import Check
from api.store.queries import disputes
from api.store.queries.disputes import Words
from api.store.tables import Amendment, AmendmentRecipient, Dispute, DisputeEvent
from chain.canonical import Json


def check_disputes(check: Check) -> None:
    """The moves of each dispute, in order, as their receipts have them; its texts; and no move that is gone."""
    moves: dict[str, list[DisputeEvent]] = defaultdict(list)
    order = select(DisputeEvent).order_by(DisputeEvent.dispute_id, DisputeEvent.seq)
    for event in check.each("dispute_events", order):
        moves[event.dispute_id].append(event)
    receipted: set[str] = set()
    for row in check.each("disputes", select(Dispute).order_by(Dispute.id)):
        mine = moves.get(row.id, [])
        receipted |= {event.receipt_id for event in mine}
        if row.holder_id in check.erased:
            continue
        if not _reads(check, row):
            check.find("disputes", row.id, "fsck.dispute_edited")
        if [event.seq for event in mine] != list(range(len(mine))) or not mine or mine[-1].state != row.state:
            check.find("disputes", row.id, "fsck.dispute_edited")
        for event in mine:
            said = check.disputed.get(event.receipt_id)
            if said is None:
                check.unreceipted("dispute_events", row.id, "fsck.dispute_edited")
            elif _told(said) != (row.id, event.state, event.actor, event.note):
                check.find("dispute_events", row.id, "fsck.dispute_edited")
    for receipt_id, said in check.disputed.items():
        if "dispute" in said and receipt_id not in receipted:
            check.find("dispute_events", str(said["dispute"]), "fsck.row_missing")


def check_amendments(check: Check) -> None:
    """Who confirmed a correction stands in a receipt, and nobody's confirmation is gone."""
    confirmed = {
        receipt_id: (said.get("correction"), said.get("entity"))
        for receipt_id, said in check.disputed.items()
        if said.get("act") == "correction_confirmed"
    }
    for row in check.each("amendment_recipients", select(AmendmentRecipient).order_by(AmendmentRecipient.amendment_id)):
        stands = None if row.receipt_id is None else confirmed.pop(row.receipt_id, None)
        if row.state != RecipientState.CONFIRMED:
            if row.receipt_id is not None:
                check.find("amendment_recipients", row.amendment_id, "fsck.dispute_edited")
        elif stands is None:
            check.unreceipted("amendment_recipients", row.amendment_id, "fsck.dispute_edited")
        elif stands != (row.amendment_id, row.party_id):
            check.find("amendment_recipients", row.amendment_id, "fsck.dispute_edited")
    for correction, _ in confirmed.values():
        check.find("amendment_recipients", str(correction), "fsck.row_missing")
    for amendment in check.each("amendments", select(Amendment).order_by(Amendment.id)):
        if amendment.old_record_id == amendment.new_record_id:
            check.find("amendments", amendment.id, "fsck.dispute_edited")


def _told(said: Mapping[str, Json]) -> tuple[object, ...]:
    return said.get("dispute"), said.get("state"), said.get("actor"), said.get("note")


def _reads(check: Check, row: Dispute) -> bool:
    """Whether all that was written opens under the holder's key, as the row stands."""
    key = check.key(row.holder_id)
    if key is None:
        return True  # named by the stage of holders
    try:
        return all(disputes.open_words(key, row, which) != "" for which in Words)
    except (ApiError, ValueError):
        return False
