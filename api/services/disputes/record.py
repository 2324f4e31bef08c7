"""What every move of a dispute leaves: its state and event, its receipt, its dates, and notices to all concerned."""

import hashlib
from collections.abc import Callable, Mapping

from api.catalogue.working_days import load_working_days
from api.errors import ApiError, Kind
from api.policy.disputes import (
    ANSWER_DAYS,
    ANSWERED,
    CONTEST_DAYS,
    DECIDE_DAYS,
    TEXT_MAX,
    DisputeState,
    Mover,
)
from api.services import notifications
from api.services.notifications import Topic
from api.store import Session
from api.store.ids import ReceiptId
from api.store.queries import disputes
from api.store.receipts import ReceiptDraft
from api.store.tables import Dispute
from chain.canonical import Json
from chain.receipt import ReceiptKind

AddReceipt = Callable[[ReceiptDraft], ReceiptId]
"""Takes a draft in: numbers it at once (a submission to the log writer), or prepares it (the worker)."""
LATE = "overdue"
"""Note of a dispute that stays with whoever has it, beyond the date."""


def moved(
    session: Session,
    row: Dispute,
    state: DisputeState,
    mover: Mover,
    now_ms: int,
    add: AddReceipt,
    *,
    said: str | None = None,
    note: str | None = None,
    more: Mapping[str, Json] | None = None,
) -> None:
    """Bring a locked dispute into `state`; whether `mover` may was asked before.

    `said` is what was written with it, of which the receipt holds the hash. `note` is a code beside the state.
    """
    _set_dates(row, state, now_ms, note)
    details: dict[str, Json] = {
        "act": "dispute",
        "dispute": row.id,
        "number": row.number,
        "subject": row.subject,
        "state": state.value,
        "actor": mover.value,
        "note": note,
        "statement_sha256": None if said is None else "0x" + hashlib.sha256(said.encode()).hexdigest(),
        **(more or {}),
    }
    draft = ReceiptDraft(ReceiptKind.CASE, details, holder_id=row.holder_id, party_id=row.party_id)
    disputes.append_event(session, row, state, mover.value, add(draft), now_ms, note)
    _tell(session, row, now_ms, note)


def locked(session: Session, dispute_id: str) -> Dispute:
    """A dispute, locked. Raises `disputes.not_found`."""
    row = disputes.get_dispute(session, dispute_id, lock=True)
    if row is None:
        raise ApiError("disputes.not_found", Kind.NOT_FOUND)
    return row


def checked_text(text: str) -> str:
    """A text as it is kept. Raises `disputes.bad_text`."""
    kept = text.strip()
    if not (0 < len(kept) <= TEXT_MAX) or any(ord(char) < 32 and char not in "\r\n\t" for char in kept):
        raise ApiError("disputes.bad_text", limit=TEXT_MAX)
    return kept


def _set_dates(row: Dispute, state: DisputeState, now_ms: int, note: str | None) -> None:
    """By when whoever has it next must act, and until when an answer may be contested."""
    calendar = load_working_days()
    if note is not None:
        # Late where it is, or back where it was before; either way with the date that it had.
        row.escalated_at_ms = now_ms if note == LATE else row.escalated_at_ms
        return
    if state is DisputeState.OVERDUE:
        row.escalated_at_ms = now_ms
    days = {
        DisputeState.OPENED: ANSWER_DAYS,
        DisputeState.ORDERED: ANSWER_DAYS,
        DisputeState.OVERDUE: DECIDE_DAYS,
        DisputeState.CONTESTED: DECIDE_DAYS,
    }.get(state)
    if days is not None:
        term = calendar.term(now_ms, days)
        row.due_at_ms, row.plain = term.due_at_ms, term.plain
        row.closed_at_ms = row.contest_until_ms = None
        if state is DisputeState.ORDERED:
            row.ordered, row.escalated_at_ms = True, None
    if state in ANSWERED:
        row.due_at_ms, row.closed_at_ms = None, now_ms
        if not row.contested:
            term = calendar.term(now_ms, CONTEST_DAYS)
            row.contest_until_ms, row.plain = term.due_at_ms, term.plain
    if state in {DisputeState.DISMISSED, DisputeState.WITHDRAWN}:
        row.due_at_ms, row.closed_at_ms, row.contest_until_ms = None, now_ms, None


def _tell(session: Session, row: Dispute, now_ms: int, note: str | None) -> None:
    """The holder, whoever must answer, and, where it is theirs to know, the regulators learn how it stands."""
    state = note if note == LATE else row.state
    facts: dict[str, object] = {"dispute": row.id, "number": row.number, "state": state}
    # Once a move: a correction that failed may bring a dispute back to where it was.
    seq = len(disputes.events_of(session, row.id))
    key = f"dispute:{row.id}:{seq}"
    notifications.tell_holder(session, row.holder_id, Topic.DISPUTE, key, facts, now_ms)
    notifications.tell_party(session, row.party_id, Topic.DISPUTE, key, facts, now_ms)
    theirs = row.state in {DisputeState.OVERDUE, DisputeState.CONTESTED} or note == LATE
    if theirs or (row.state == DisputeState.WITHDRAWN and row.contested):
        notifications.tell_regulators(session, Topic.DISPUTE, key, facts, now_ms)
