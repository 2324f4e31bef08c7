"""Whoever was told of a correction states that its own data are right now: signed by its machine, or by staff."""

import hashlib

from api.errors import ApiError, Kind
from api.policy.disputes import RecipientState, check_recipient_move
from api.services.context import Actor, Also, Context, Role
from api.services.copies import Statement
from api.store import Session
from api.store.numbering import NumberedReceipt, Numberer
from api.store.queries import amendments, receipts
from api.store.receipts import ReceiptDraft
from chain.canonical import Json
from chain.receipt import ReceiptKind

RECIPIENTS = (Role.ENTITY, Role.DEPARTMENT)


def confirm(
    ctx: Context, actor: Actor, amendment_id: str, statement: Statement, *, also: Also[NumberedReceipt] | None = None
) -> NumberedReceipt:
    """State that the corrected value took the old one's place wherever one's organisation keeps it.

    The receipt names the copies that this covers and is the organisation's own; a machine's signed request is kept
    beside it. Raises `corrections.not_found`, `corrections.transition`.
    """
    party_id = actor.party(*RECIPIENTS)
    signed = statement.signed
    by = "staff" if signed is None else "machine"

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        recipient = amendments.recipient_of(session, amendment_id, party_id, lock=True)
        if recipient is None or not recipient.told:
            raise ApiError("corrections.not_found", Kind.NOT_FOUND)
        check_recipient_move(RecipientState(recipient.state), RecipientState.CONFIRMED)
        details: dict[str, Json] = {
            "act": "correction_confirmed",
            "correction": amendment_id,
            "entity": party_id,
            "copies": [one["copy"] for one in recipient.copies],
            "by": by,
            "statement": statement.text,
            "request": None if signed is None else "0x" + hashlib.sha256(signed.base.encode()).hexdigest(),
        }
        receipt = numberer.add(ReceiptDraft(ReceiptKind.CASE, details, party_id=party_id))
        if signed is not None:
            kept: dict[str, Json] = {"base": signed.base, "signature": signed.signature.hex(), "key": dict(signed.key)}
            receipts.keep_request(session, ctx.vault, receipt.id, kept)
        recipient.state, recipient.confirmed_by = RecipientState.CONFIRMED.value, by
        recipient.confirmed_at_ms, recipient.receipt_id = numberer.now_ms, receipt.id
        session.flush()
        if also is not None:
            also(session, receipt)
        return receipt

    return ctx.log.submit(work)
