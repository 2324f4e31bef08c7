"""Traces: examined files and their verdicts. The subject is the regulator that asked."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.store.queries import paging
from api.store.tables import Trace


def get_trace(session: Session, party_id: str, trace_id: str) -> Trace | None:
    """A regulator's own trace."""
    return session.execute(select(Trace).where(Trace.id == trace_id, Trace.party_id == party_id)).scalar_one_or_none()


def list_traces(
    session: Session, party_id: str, *, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[Trace]:
    """A regulator's traces, newest first."""
    limit = paging.clamp(limit)
    rows = session.execute(
        select(Trace)
        .where(Trace.party_id == party_id, *paging.after(cursor, Trace.created_at_ms, Trace.id))
        .order_by(Trace.created_at_ms.desc(), Trace.id.desc())
        .limit(limit + 1)
    ).scalars()
    return paging.page(list(rows), limit, lambda row: (row.created_at_ms, row.id))
