"""Epochs of the keys that copies are marked with.

An epoch's key is drawn when it opens; its hash goes into the log in a receipt of kind epoch, and only once that has its
number the key marks anything. So every code in a copy follows from a key that the log fixed before. Rotation opens
the next epoch; keys of old ones stay, for what they marked is traced by them.
"""

from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.services import evidence
from api.services.context import Context
from api.services.days import city_day
from api.store import Session, clock, read_only, unit_of_work
from api.store.numbering import Numberer
from api.store.queries import epochs, receipts
from api.store.tables import Epoch
from chain.bundle import Bundle
from watermark.keys import EpochKey


@dataclass(frozen=True, slots=True)
class EpochState:
    """An epoch as anybody sees it.

    `number` is that of its receipt in the log, `recorded` whether a checkpoint over it stands on chain, `marks`
    whether new copies are marked with its key.
    """

    id: str
    seq: int
    key_sha256: bytes
    receipt_id: str
    opened_at_ms: int
    closed_at_ms: int | None
    number: int | None
    recorded: bool
    marks: bool


def ensure_first(ctx: Context) -> None:
    """Open the first epoch where there is none yet. At a start, before anybody pulls."""
    with read_only(ctx.db) as session:
        if epochs.newest_epoch(session) is not None:
            return
    with unit_of_work(ctx.db) as session:
        if epochs.newest_epoch(session, lock=True) is None:
            _open(ctx, session)
    ctx.log.wake()


def rotate(ctx: Context) -> Epoch:
    """Open the next epoch; it marks as soon as its receipt has its number, until then the one before does."""
    with unit_of_work(ctx.db) as session:
        opened = _open(ctx, session)
    ctx.log.wake()
    return opened


def current(ctx: Context, session: Session, epoch_id: str | None) -> EpochKey:
    """The key that marks now, of the epoch that a look named. Where none had its number, the writer gives it one."""
    if epoch_id is None:
        return ctx.log.submit(lambda s, n: _first(ctx, s, n))
    return epochs.key_of(session, ctx.vault, epoch_id)


def tracing_keys(ctx: Context, session: Session) -> dict[str, EpochKey]:
    """The keys that copies are traced by: of all epochs, and of what was marked before there were any.

    That older key has no epoch's row and no receipt; the key ring holds it. It counts only where a copy names it.
    Raises as `store.queries.epochs.all_keys`.
    """
    keys = epochs.all_keys(session, ctx.vault)
    older = epochs.key_before_epochs(ctx.keys)
    if older is not None and epochs.has_copies_of(session, older.epoch):
        keys[older.epoch] = older
    return keys


def list_all(ctx: Context) -> list[EpochState]:
    """All epochs, newest first; anybody may know them, as the log."""
    with read_only(ctx.db) as session:
        return _states(session)


def _states(session: Session) -> list[EpochState]:
    listed = epochs.list_epochs(session)
    anchored = receipts.log_size(session).anchored
    marking = next((one.epoch.id for one in listed if one.number is not None), None)
    return [
        EpochState(
            one.epoch.id,
            one.epoch.seq,
            one.epoch.key_sha256,
            one.epoch.receipt_id,
            one.epoch.opened_at_ms,
            one.epoch.closed_at_ms,
            one.number,
            one.number is not None and one.number < anchored,
            one.epoch.id == marking,
        )
        for one in listed
    ]


def bundle(ctx: Context, epoch_id: str) -> Bundle:
    """The evidence of an epoch's opening. Raises `epochs.not_found`, `receipts.not_numbered`."""
    with read_only(ctx.db) as session:
        row = epochs.get_epoch(session, epoch_id)
        receipt = None if row is None else receipts.get_receipt(session, row.receipt_id)
        if receipt is None:
            raise ApiError("epochs.not_found", Kind.NOT_FOUND)
        return evidence.receipt_bundle(ctx, session, receipt)


def _open(ctx: Context, session: Session) -> Epoch:
    now = clock.advance(session)
    return epochs.open_next(session, ctx.vault, str(city_day(now).year), now)


def _first(ctx: Context, session: Session, numberer: Numberer) -> EpochKey:
    if epochs.newest_epoch(session, lock=True) is None:
        _open(ctx, session)
    key = epochs.current_key(session, ctx.vault)
    while key is None and numberer.number_prepared(limit=128):  # the oldest first: the opening's turn comes
        key = epochs.current_key(session, ctx.vault)
    assert key is not None, "an opening waits for its number until it has it"
    return key
