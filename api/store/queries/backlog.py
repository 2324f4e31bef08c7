"""What waits: outbox, returns, notices, messages to systems, deletions, alarms; and signs of life. Figures alone."""

from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api.policy.copy_states import CopyState
from api.policy.watch import WatchState
from api.store.database import database_time_ms
from api.store.queries.returns import ReturnState
from api.store.tables import (
    ChainBlock,
    Copy,
    Lease,
    NoticeDelivery,
    Notification,
    Outbox,
    PreparedReceipt,
    Return,
    StatutoryAlarm,
    WatchAlarm,
)

RETURNS = (ReturnState.MAPPING, ReturnState.RECEIVED, ReturnState.CHECKING, ReturnState.CHECKED, ReturnState.SEALED)
DELETIONS = (CopyState.DELETE_DUE, CopyState.OVERDUE, CopyState.ESCALATED)


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs of life: until when the worker's lease runs (None: never held), its holder, and the newest block's time."""

    worker_until_ms: int | None
    block_time_s: int | None
    database_ms: int


def signs(session: Session, worker: str) -> Signs:
    """When the worker and the chain last gave one."""
    until = session.execute(select(Lease.expires_at_ms).where(Lease.name == worker)).scalar_one_or_none()
    block = session.execute(select(func.max(ChainBlock.time_s))).scalar_one_or_none()
    return Signs(until or None, block, database_time_ms(session))


def outbox_open(session: Session) -> dict[str, int]:
    """Open rows by topic."""
    query = select(Outbox.topic, func.count()).where(Outbox.done_at_ms.is_(None)).group_by(Outbox.topic)
    return {str(topic): int(count) for topic, count in session.execute(query)}


def returns_open(session: Session) -> dict[str, int]:
    """Returns that are not done, by state."""
    states = [state.value for state in RETURNS]
    query = select(Return.state, func.count()).where(Return.state.in_(states)).group_by(Return.state)
    return {str(state): int(count) for state, count in session.execute(query)}


def deletions_open(session: Session) -> dict[str, int]:
    """Copies that wait for their deletion, by state."""
    states = [state.value for state in DELETIONS]
    query = select(Copy.state, func.count()).where(Copy.state.in_(states)).group_by(Copy.state)
    return {str(state): int(count) for state, count in session.execute(query)}


def others(session: Session) -> dict[str, int]:
    """Receipts without a number, messages to entities' systems, reminders, and alarms that nobody has closed."""

    def count(query: Select[int]) -> int:
        return int(session.execute(query).scalar_one())

    live = (WatchState.OPEN.value, WatchState.TAKEN.value)
    return {
        "receipts": count(select(func.count()).select_from(PreparedReceipt)),
        "webhooks": count(select(func.count()).select_from(NoticeDelivery).where(NoticeDelivery.state == "waiting")),
        "notices": count(select(func.count()).select_from(Notification).where(Notification.send_state == "waiting")),
        "alarms": count(select(func.count()).select_from(WatchAlarm).where(WatchAlarm.state.in_(live)))
        + count(select(func.count()).select_from(StatutoryAlarm).where(StatutoryAlarm.state == "open")),
    }
