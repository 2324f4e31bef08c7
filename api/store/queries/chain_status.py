"""What people and operators are told of the chain: one row, written by the worker."""

from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.store.inserts import insert_ignore
from api.store.tables import ChainStatus

_ROW = 1


class ChainState(StrEnum):
    """OK; DELAYED: the node does not answer, work waits; HALTED: wrong or reset chain, nothing is called verified."""

    OK = "ok"
    DELAYED = "delayed"
    HALTED = "halted"


def get_chain_status(session: Session) -> ChainStatus | None:
    """The chain's state as last seen; None before the worker's first look."""
    return session.get(ChainStatus, _ROW)


def set_chain_status(
    session: Session, state: ChainState, *, now_ms: int, head: int | None = None, reason: str | None = None
) -> ChainStatus:
    """Write what was seen. `since_ms` stays while state and reason stay; `last_ok_ms` moves with each OK."""
    insert_ignore(
        session,
        ChainStatus,
        [
            {
                "id": _ROW,
                "state": state.value,
                "reason": reason,
                "since_ms": now_ms,
                "head": head or 0,
                "last_ok_ms": now_ms if state is ChainState.OK else 0,
            }
        ],
    )
    row = session.execute(select(ChainStatus).where(ChainStatus.id == _ROW).with_for_update()).scalar_one()
    if (row.state, row.reason) != (state.value, reason):
        row.state, row.reason, row.since_ms = state.value, reason, now_ms
    if head is not None:
        row.head = head
    if state is ChainState.OK:
        row.last_ok_ms = now_ms
    session.flush()
    return row
