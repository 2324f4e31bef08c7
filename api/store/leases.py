"""Leases: one holder of a role at a time, by database time, with a token that grows at every change of holder.

A holder that was stopped for longer than its lease may believe that it still holds it. Its token is then below the new
one's, and whoever checks tokens where the effect happens (the log writer's row, a relay's journal) refuses it.
"""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from api.store.database import database_time_ms
from api.store.inserts import insert_ignore
from api.store.tables import Lease


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that was got or renewed: its fencing token, and until when (database time, milliseconds)."""

    name: str
    token: int
    expires_at_ms: int


def acquire(session: Session, name: str, holder: str, seconds: float) -> Held | None:
    """Get or renew the lease `name`; None while another holder's has not run out.

    A renewal in time keeps its token. Any other acquisition, of a free or run-out lease, gives the next token, also to
    a holder that had it before: its work in between may have been overtaken.
    """
    insert_ignore(session, Lease, [{"name": name, "holder": "", "token": 0, "expires_at_ms": 0}])
    row = session.execute(
        select(Lease.holder, Lease.token, Lease.expires_at_ms).where(Lease.name == name).with_for_update()
    ).one()
    # Asked once the row is locked: waiting for it may have taken a while.
    now = database_time_ms(session)
    expires = now + round(seconds * 1000)
    alive = row.expires_at_ms > now
    if alive and row.holder != holder:
        return None
    token = row.token if alive else row.token + 1
    session.execute(
        update(Lease)
        .where(Lease.name == name)
        .values(holder=holder, token=token, expires_at_ms=expires)
        .execution_options(synchronize_session=False)
    )
    return Held(name, token, expires)


def release(session: Session, held: Held) -> None:
    """Give the lease up, so that a successor need not wait; nothing happens where another holds it by now."""
    session.execute(
        update(Lease)
        .where(Lease.name == held.name, Lease.token == held.token)
        .values(expires_at_ms=0)
        .execution_options(synchronize_session=False)
    )
