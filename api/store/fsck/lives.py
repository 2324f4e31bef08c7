"""Lives of copies: the chain of moves, the state that it leads to, and the receipts of what was stated."""

from itertools import groupby

from sqlalchemy import select

from api.policy.copy_states import CopyState
from api.store.fsck.report import Check
from api.store.queries.deletions import event_hash
from api.store.tables import Copy, CopyEvent, Receipt
from chain.receipt import ReceiptKind

# By state, what its receipt says was done, and the member that stands as the move's reason.
_RECEIPTED = {
    CopyState.DELETED: ("deleted", "method"),
    CopyState.RETAINED: ("retained", "basis"),
    CopyState.ESCALATED: ("escalated", None),
}


def check_lives(check: Check) -> None:
    """Every copy's moves; then what is stated in the log and stands in no move."""
    found: dict[str, tuple[str, int | None]] = {}
    stated: set[str] = set()
    hashes = dict(check.session.execute(select(Copy.id, Copy.file_sha256)).all())
    events = check.each("copy_events", select(CopyEvent).order_by(CopyEvent.copy_id, CopyEvent.seq))
    silent = _of_erased(check)
    for copy_id, group in groupby(events, key=lambda event: event.copy_id):
        moves = list(group)
        if not _chained(moves, hashes.get(copy_id, b"")) or not all(
            _receipted(check, move) or move.receipt_id in silent for move in moves
        ):
            check.find("copy_events", copy_id, "fsck.copy_life")
        found[copy_id] = moves[-1].state, moves[-1].due_at_ms
        stated |= {move.receipt_id for move in moves if move.receipt_id is not None}
    columns = select(Copy.id, Copy.state, Copy.due_at_ms).order_by(Copy.id)
    for copy_id, state, due_at_ms in check.session.execute(columns).all():
        last_state, last_due_ms = found.get(copy_id, (CopyState.HELD.value, None))
        # Of a deleted copy the date is the platform's own and goes when its bytes go.
        if state != last_state or (state != CopyState.DELETED and due_at_ms != last_due_ms):
            check.find("copies", copy_id, "fsck.copy_life")
    for receipt_id in sorted(check.deletions.keys() - stated):
        check.find("copy_events", str(check.deletions[receipt_id].get("copy")), "fsck.copy_life")


def _of_erased(check: Check) -> set[str]:
    """Statements whose receipts stand as leaves alone, since what they were about was erased."""
    query = select(Receipt.id, Receipt.holder_id).where(Receipt.kind == ReceiptKind.DELETION.value)
    return {receipt_id for receipt_id, holder_id in check.session.execute(query).all() if holder_id in check.erased}


def _chained(moves: list[CopyEvent], file_sha256: bytes) -> bool:
    before = file_sha256
    for at, move in enumerate(moves):
        if move.seq != at or move.prev_hash != before:
            return False
        before = event_hash(move)
    return True


def _receipted(check: Check, move: CopyEvent) -> bool:
    known = _RECEIPTED.get(CopyState(move.state))
    if known is None:
        return move.receipt_id is None
    act, reason = known
    details = check.deletions.get(move.receipt_id or "", {})
    if (details.get("copy"), details.get("act")) != (move.copy_id, act):
        return False
    return reason is None or details.get(reason) == move.reason
