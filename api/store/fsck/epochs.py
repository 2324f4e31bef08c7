"""Epochs of marking keys: each key against its hash, each row against what the log fixed when it opened."""

from sqlalchemy import select

from api.errors import ApiError
from api.store.fsck.report import Check
from api.store.queries.epochs import open_epoch_key
from api.store.tables import Epoch
from chain.epochs import Opening


def check_epochs(check: Check) -> None:
    """Every epoch: its key opens and is the one whose hash its receipt states; then openings whose row is gone."""
    rows = list(check.each("epochs", select(Epoch).order_by(Epoch.seq)))
    for place, row in enumerate(rows):
        said = check.epochs.get(row.id)
        if said is None or said.receipt_id != row.receipt_id:
            check.unreceipted("epochs", row.id, "fsck.epoch_unreceipted")
            continue
        before = rows[place - 1].id if place else None
        after = rows[place + 1].opened_at_ms if place + 1 < len(rows) else None
        stated = Opening(row.id, row.seq, row.key_sha256, row.opened_at_ms, before)
        if said.details != stated.to_json() or row.closed_at_ms != after or not _opens(check, row):
            check.find("epochs", row.id, "fsck.epoch_edited")
    for missing in sorted(check.epochs.keys() - {row.id for row in rows}):
        check.find("epochs", missing, "fsck.row_missing")


def _opens(check: Check, row: Epoch) -> bool:
    try:
        open_epoch_key(check.vault, row)
    except ApiError:
        return False
    return True
