"""What every move of an ask leaves: its state, its dates, its event with a receipt, and notices to all concerned."""

import re
import unicodedata

from api.catalogue.working_days import load_working_days
from api.errors import ApiError, Kind
from api.policy.data_asks import ANSWER_DAYS, ANSWERS, TEXT_MAX, AskMover, AskState
from api.services import notifications
from api.services.context import Context
from api.services.notifications import Topic
from api.store import Session
from api.store.queries import data_asks
from api.store.tables import DataAsk

HANDED = "handed"
"""Note of an ask that another department has from then on."""
LATE = "overdue"
"""Note of an ask that stays with whoever has it, beyond the date."""

# Numbers of identity, mobiles and bank cards, addresses of mail: an ask is about kinds of data, never about somebody.
_SOMEBODY = re.compile(
    r"(?<![0-9A-Za-z])[1-9]\d{16}[0-9Xx](?![0-9A-Za-z])"
    r"|(?<!\d)1[3-9]\d{9}(?!\d)"
    r"|(?<!\d)\d{15,19}(?!\d)"
    r"|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}"
)
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s-](?=\d)")


def checked_text(text: str, *, what: str) -> str:
    """A text as it is kept; `what` names its place in the answer that refuses it.

    Raises `data_asks.bad_text` for one that is empty, too long or holds control characters, `data_asks.personal` for
    one in which a number or address of somebody stands.
    """
    kept = text.strip()
    if not (0 < len(kept) <= TEXT_MAX) or any(ord(char) < 32 and char not in "\r\n\t" for char in kept):
        raise ApiError("data_asks.bad_text", limit=TEXT_MAX, what=what)
    if _SOMEBODY.search(_BETWEEN_DIGITS.sub("", unicodedata.normalize("NFKC", kept))):
        raise ApiError("data_asks.personal", what=what)
    return kept


def locked(session: Session, ask_id: str) -> DataAsk:
    """An ask, locked. Raises `data_asks.not_found`."""
    row = data_asks.get_ask(session, ask_id, lock=True)
    if row is None:
        raise ApiError("data_asks.not_found", Kind.NOT_FOUND)
    return row


def moved(
    ctx: Context,
    session: Session,
    row: DataAsk,
    state: AskState,
    mover: AskMover,
    now_ms: int,
    *,
    by: str | None,
    text: str | None = None,
    note: str | None = None,
) -> None:
    """Bring a locked ask into `state`; whether `mover` may was asked before. `party_id` is set by the caller."""
    late = row.due_at_ms is not None and row.due_at_ms <= now_ms
    if late and row.late_at_ms is None:
        row.late_at_ms = row.due_at_ms
        _settle(row, row.due_at_ms or now_ms, in_time=False)
    row.state = state.value
    _set_dates(row, state, now_ms, note)
    if state in ANSWERS:
        _settle(row, now_ms, in_time=True)
    if mover is not AskMover.ASKER and text is not None:
        row.answer = text
    event = data_asks.append_event(session, ctx.vault, row, mover.value, now_ms, by=by, note=note, text=text)
    _tell(session, row, mover, event.seq, now_ms, note)


def _settle(row: DataAsk, at_ms: int, *, in_time: bool) -> None:
    """It turned out whether the ask was answered in time; what comes later changes nothing of that."""
    if row.settled_at_ms is None:
        row.settled_at_ms, row.in_time = at_ms, in_time


def _set_dates(row: DataAsk, state: AskState, now_ms: int, note: str | None) -> None:
    """By when whoever has it next must act: one working day, which begins anew at the first handing on alone."""
    if note == LATE:
        row.escalated_at_ms = now_ms
        return
    if not state.open:
        row.due_at_ms, row.closed_at_ms = None, now_ms
        return
    if note == HANDED:
        if row.restarted:
            return
        row.restarted = True
    term = load_working_days().term(now_ms, ANSWER_DAYS)
    row.due_at_ms, row.plain = term.due_at_ms, term.plain
    if state is AskState.OVERDUE:
        row.escalated_at_ms = now_ms
    if state is AskState.ORDERED:
        row.escalated_at_ms = None


def _tell(session: Session, row: DataAsk, mover: AskMover, seq: int, now_ms: int, note: str | None) -> None:
    """Whoever asked, whoever has it now, and, where it is theirs to know, the regulators learn how it stands."""
    state = note if note == LATE else row.state
    facts: dict[str, object] = {"ask": row.id, "number": row.number, "state": state}
    key = f"data_ask:{row.id}:{seq}"
    if mover is not AskMover.ASKER and seq:
        notifications.tell_party(session, row.asker_id, Topic.ASK, key, facts, now_ms)
    if row.party_id is not None and (mover is not AskMover.DEPARTMENT or note == HANDED):
        notifications.tell_party(session, row.party_id, Topic.ASK, key, facts, now_ms)
    if row.state in {AskState.DESK, AskState.OVERDUE} or note == LATE:
        notifications.tell_regulators(session, Topic.ASK, key, facts, now_ms)
