"""Receipts in storage: drafts, the sealed details that open their commitment, and prepared receipts.

A receipt's details and salt stand encrypted under its holder's data key (or the platform's, without a holder). The
row's other columns are bound into the ciphertext: a receipt that was re-assigned to another holder, entity or grant
behind the service's back no longer opens.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import insert
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store import clock
from api.store.crypto import Purpose, Sealer, Vault, bound_columns
from api.store.ids import ReceiptId, new_receipt_id
from api.store.queries.holders import holder_key
from api.store.tables import PreparedReceipt, Receipt
from chain.canonical import SALT_BYTES, Json, canonical
from chain.receipt import ReceiptKind, details_commitment


@dataclass(frozen=True, slots=True)
class ReceiptDraft:
    """What a receipt shall say. `details` as docs/formats.md has them for the kind: strings, integers, lists, objects.

    The identifiers serve look-ups (`holder_id`: who looked at my data); `reason` is a refusal's code. `repeats` counts
    equal refusals within a minute; of a delivery it is 1, or 0 where it repeats one whose use was counted already.
    """

    kind: ReceiptKind
    details: Mapping[str, Json]
    holder_id: str | None = None
    party_id: str | None = None
    grant_id: str | None = None
    copy_id: str | None = None
    return_id: str | None = None
    reason: str | None = None
    repeats: int = 1
    id: ReceiptId = field(default_factory=new_receipt_id)


@dataclass(frozen=True, slots=True)
class OpenDetails:
    """A receipt's details and the salt of its commitment."""

    details: dict[str, Json]
    salt: bytes


def prepare_receipt(session: Session, vault: Vault, draft: ReceiptDraft) -> ReceiptId:
    """Write a receipt without a number, in the transaction of the fact that it is about; the log writer numbers it.

    Numbers follow the order of preparation. Any process may prepare; call `LogWriter.wake` after the commit where the
    writer is in the same process, else it looks by itself within a tenth of a second.
    """
    session.execute(insert(Receipt), [receipt_row(session, vault, draft, clock.now_ms(session))])
    session.execute(insert(PreparedReceipt), [{"receipt_id": draft.id}])
    return draft.id


def open_details(session: Session, vault: Vault, receipt: Receipt) -> OpenDetails:
    """Decrypt a receipt's details. Raises ApiError `store.ciphertext`, `store.key_commitment` or `store.erased`."""
    sealer = details_sealer(session, vault, receipt.holder_id)
    return open_details_with(sealer, receipt)


def open_details_with(sealer: Sealer, receipt: Receipt) -> OpenDetails:
    """`open_details` with a key that the caller has open already."""
    bound = _bound(receipt_columns(receipt))
    plain = sealer.open(Purpose.RECEIPT_DETAILS, receipt.id, receipt.details_enc, bound=bound)
    try:
        document = json.loads(plain)
        return OpenDetails(document["details"], bytes.fromhex(document["salt"]))
    except (ValueError, KeyError, TypeError):
        raise ApiError("store.ciphertext", Kind.INTEGRITY, purpose=Purpose.RECEIPT_DETAILS.value) from None


def details_sealer(session: Session, vault: Vault, holder_id: str | None) -> Sealer:
    """The key that a receipt's details stand under."""
    return vault.platform if holder_id is None else holder_key(session, vault, holder_id)


def receipt_row(
    session: Session, vault: Vault, draft: ReceiptDraft, at_ms: int, sealer: Sealer | None = None
) -> dict[str, object]:
    """Column values of a new receipt without a number: salted, committed, sealed by `sealer` if it is open already."""
    if sealer is None:
        draft, sealer = _sealer_for(session, vault, draft)
    salt = os.urandom(SALT_BYTES)
    details = dict(draft.details)
    commitment = details_commitment(salt, details)
    columns: dict[str, str | int | bytes | None] = {
        "kind": draft.kind.value,
        "holder_id": draft.holder_id,
        "party_id": draft.party_id,
        "grant_id": draft.grant_id,
        "copy_id": draft.copy_id,
        "return_id": draft.return_id,
        "reason": draft.reason,
        "repeats": draft.repeats,
        "commitment": commitment,
        "at_ms": at_ms,
    }
    plain = canonical({"details": details, "salt": salt.hex()})
    sealed = sealer.seal(Purpose.RECEIPT_DETAILS, draft.id, plain, bound=_bound(columns))
    return {**columns, "id": draft.id, "details_enc": sealed}


def _sealer_for(session: Session, vault: Vault, draft: ReceiptDraft) -> tuple[ReceiptDraft, Sealer]:
    """The key of a new receipt. What happens with an erased holder's tombstones is about nobody any more."""
    try:
        return draft, details_sealer(session, vault, draft.holder_id)
    except ApiError as error:
        if error.code != "store.erased":
            raise
        return replace(draft, holder_id=None), vault.platform


def receipt_columns(receipt: Receipt) -> dict[str, str | int | bytes | None]:
    """The columns of a stored receipt that its ciphertext is bound to."""
    return {
        "kind": receipt.kind,
        "holder_id": receipt.holder_id,
        "party_id": receipt.party_id,
        "grant_id": receipt.grant_id,
        "copy_id": receipt.copy_id,
        "return_id": receipt.return_id,
        "reason": receipt.reason,
        "repeats": receipt.repeats,
        "commitment": receipt.commitment,
        "at_ms": receipt.at_ms,
    }


def _bound(columns: Mapping[str, str | int | bytes | None]) -> bytes:
    return bound_columns(*columns.values())
