"""Epochs of marking keys: their rows, and their keys, sealed by the platform with the rows' columns bound in."""

import secrets
from dataclasses import dataclass
from typing import cast
from weakref import WeakKeyDictionary

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from api.errors import ApiError, Kind
from api.store.crypto import Purpose, Vault, bound_columns
from api.store.database import connected
from api.store.keyring import KeyRing
from api.store.locks import exclusive
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Copy, Epoch, Receipt
from chain.epochs import Opening
from chain.receipt import ReceiptKind
from watermark.keys import SECRET_BYTES, EpochKey

BEFORE_EPOCHS = "2026"
"""What copies name as their epoch that were marked before the store knew epochs: by one key of the key ring."""
_KEY_BEFORE_EPOCHS = "watermark-epoch-2026"

# Built once: every pull asks for the epoch that marks.
_EPOCHS, _RECEIPTS = (cast("Table", table.__table__) for table in (Epoch, Receipt))
_ROW = (_EPOCHS.c.id, _EPOCHS.c.seq, _EPOCHS.c.key_enc, _EPOCHS.c.key_sha256, _EPOCHS.c.opened_at_ms)
CURRENT_EPOCH = (
    select(_EPOCHS.c.id)
    .join(_RECEIPTS, _RECEIPTS.c.id == _EPOCHS.c.receipt_id)
    .where(_RECEIPTS.c.number.is_not(None))
    .order_by(_EPOCHS.c.seq.desc())
    .limit(1)
    .scalar_subquery()
)
"""Id of the epoch whose key marks now: the newest whose opening has its number in the log."""
_BY_ID = select(*_ROW).where(_EPOCHS.c.id == bindparam("epoch"))
# Opened keys by the vault that opened them: opening one costs more than anything else that a pull asks of an epoch.
_KEYS: WeakKeyDictionary[Vault, dict[str, EpochKey]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Listed:
    """An epoch and the number of its receipt, None while it has none."""

    epoch: Epoch
    number: int | None


def open_next(session: Session, vault: Vault, name: str, now_ms: int) -> Epoch:
    """Open the next epoch, `<name>-<seq>`: draw its key, prepare its receipt, close the one before. Takes the lock."""
    before = newest_epoch(session, lock=True)
    seq = 1 if before is None else before.seq + 1
    epoch_id = f"{name}-{seq}"
    key = EpochKey(epoch_id, secrets.token_bytes(SECRET_BYTES))
    opening = Opening(epoch_id, seq, key.key_hash, now_ms, None if before is None else before.id)
    receipt_id = prepare_receipt(session, vault, ReceiptDraft(ReceiptKind.EPOCH, opening.to_json()))
    bound = _bound(seq, key.key_hash, now_ms)
    row = Epoch(
        id=epoch_id,
        seq=seq,
        key_enc=vault.platform.seal(Purpose.EPOCH_KEY, epoch_id, key.secret, bound=bound),
        key_sha256=key.key_hash,
        receipt_id=receipt_id,
        opened_at_ms=now_ms,
    )
    session.add(row)
    if before is not None:
        before.closed_at_ms = now_ms
    session.flush()
    return row


def open_epoch_key(vault: Vault, row: Epoch) -> EpochKey:
    """The key of an epoch. Raises ApiError `store.ciphertext` where it or its row was altered, `store.key_commitment`.

    The key must have the hash that the row states, and the log with it.
    """
    return _opened(vault, row.id, row.seq, row.key_enc, row.key_sha256, row.opened_at_ms)


def key_of(session: Session, vault: Vault, epoch_id: str) -> EpochKey:
    """The key of an epoch that is there; opened once in a process. Errors as above."""
    known = _KEYS.setdefault(vault, {})
    if epoch_id not in known:
        known[epoch_id] = _opened(vault, *connected(session).execute(_BY_ID, {"epoch": epoch_id}).one())
    return known[epoch_id]


def current_key(session: Session, vault: Vault) -> EpochKey | None:
    """The key that marks now; None before the first epoch has its number. Errors as above."""
    epoch_id = session.execute(select(CURRENT_EPOCH)).scalar_one()
    return None if epoch_id is None else key_of(session, vault, epoch_id)


def all_keys(session: Session, vault: Vault) -> dict[str, EpochKey]:
    """The keys of all epochs by id, oldest first. Errors as above."""
    rows = session.execute(select(*_ROW).order_by(_EPOCHS.c.seq)).all()
    return {row.id: _opened(vault, *row) for row in rows}


def key_before_epochs(keys: KeyRing) -> EpochKey | None:
    """The key of copies that name `BEFORE_EPOCHS`; None where the ring holds none, as in every newer installation."""
    secret = keys.held(_KEY_BEFORE_EPOCHS)
    return None if secret is None else EpochKey(BEFORE_EPOCHS, secret)


def has_copies_of(session: Session, epoch_id: str) -> bool:
    """Whether any copy names that epoch."""
    return session.execute(select(Copy.id).where(Copy.epoch == epoch_id).limit(1)).first() is not None


def newest_epoch(session: Session, *, lock: bool = False) -> Epoch | None:
    """The epoch with the highest number; with `lock`, nobody opens another before this transaction ends."""
    if lock:
        exclusive(session, "epochs")
    return session.execute(select(Epoch).order_by(Epoch.seq.desc()).limit(1)).scalar_one_or_none()


def get_epoch(session: Session, epoch_id: str) -> Epoch | None:
    """An epoch by id."""
    return session.get(Epoch, epoch_id)


def list_epochs(session: Session) -> list[Listed]:
    """All epochs, newest first."""
    query = select(Epoch, Receipt.number).join(Receipt, Receipt.id == Epoch.receipt_id).order_by(Epoch.seq.desc())
    return [Listed(epoch, number) for epoch, number in session.execute(query)]


def _opened(vault: Vault, epoch_id: str, seq: int, sealed: bytes, key_sha256: bytes, opened_at_ms: int) -> EpochKey:
    secret = vault.platform.open(Purpose.EPOCH_KEY, epoch_id, sealed, bound=_bound(seq, key_sha256, opened_at_ms))
    key = EpochKey(epoch_id, secret)
    if key.key_hash != key_sha256:
        raise ApiError("store.key_commitment", Kind.INTEGRITY)
    return key


def _bound(seq: int, key_sha256: bytes, opened_at_ms: int) -> bytes:
    return bound_columns(seq, key_sha256, opened_at_ms)
