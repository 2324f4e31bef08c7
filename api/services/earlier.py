"""Receipts that evidence carries beside another, since they stood before it: a passkey's registration, an epoch."""

import json
from dataclasses import replace

from api.errors import ApiError, Kind
from api.services.context import Context
from api.store import Session
from api.store.queries import receipts
from api.store.receipts import open_details
from api.store.tables import Checkpoint, Receipt
from chain.earlier import EarlierReceipt
from chain.merkle import inclusion_proof
from chain.receipt import ReceiptKind


def earlier(ctx: Context, session: Session, receipt: Receipt, checkpoint: Checkpoint | None) -> EarlierReceipt:
    """A receipt opened, with its proof under `checkpoint`. Raises `receipts.not_numbered`, and as `open_details`."""
    if receipt.number is None or receipt.leaf is None or receipt.promise is None:
        raise ApiError("receipts.not_numbered", Kind.CONFLICT)
    details = open_details(session, ctx.vault, receipt)
    found = EarlierReceipt(
        ReceiptKind(receipt.kind),
        ctx.log.log_id,
        receipt.number,
        int(json.loads(receipt.leaf)["time"]),
        receipt.commitment,
        details.details,
        details.salt,
        receipt.promise,
    )
    return placed(session, found, checkpoint)


def placed(session: Session, found: EarlierReceipt, checkpoint: Checkpoint | None) -> EarlierReceipt:
    """The receipt with its proof under `checkpoint`; without one, while it waits for its first."""
    if checkpoint is None:
        return replace(found, proof=())
    proof = inclusion_proof(
        lambda level, index: receipts.log_node(session, level, index), found.number, checkpoint.size
    )
    return replace(found, proof=tuple(proof))
