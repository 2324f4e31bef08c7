"""What anybody may read of the log: tiles of its tree, and checkpoints with what witnesses signed under them."""

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.store.inserts import insert_ignore
from api.store.tables import Checkpoint, Cosignature, LogNode

_ANCHORED = "anchored"


def node_hashes(session: Session, level: int, first: int, count: int) -> list[bytes]:
    """The hashes of the tree's nodes first … first + count - 1 of a level, as many of them as there are yet."""
    rows = session.execute(
        select(LogNode.hash)
        .where(LogNode.level == level, LogNode.index >= first, LogNode.index < first + count)
        .order_by(LogNode.index)
    ).scalars()
    return list(rows)


def signed_checkpoint(session: Session, size: int, *, lock: bool = False) -> Checkpoint | None:
    """The checkpoint that this log signed over `size` leaves; `lock` holds it until the transaction's end."""
    found = session.get(Checkpoint, size, with_for_update=lock)
    # One that was found on the chain alone has no note.
    return found if found is not None and found.note else None


def cosignatures(session: Session, size: int) -> list[Cosignature]:
    """What witnesses signed under the checkpoint over `size` leaves, the earliest first."""
    return list(
        session.execute(
            select(Cosignature).where(Cosignature.size == size).order_by(Cosignature.signed_at_s, Cosignature.witness)
        ).scalars()
    )


def newest_of(session: Session, witness: str) -> Cosignature | None:
    """What a witness signed last, by the size of the checkpoint."""
    return session.execute(
        select(Cosignature).where(Cosignature.witness == witness).order_by(Cosignature.size.desc()).limit(1)
    ).scalar()


def keep_cosignatures(session: Session, rows: Sequence[Cosignature]) -> None:
    """Keep what witnesses signed; of each witness the first line under a checkpoint stays."""
    insert_ignore(
        session,
        Cosignature,
        [{"size": row.size, "witness": row.witness, "line": row.line, "signed_at_s": row.signed_at_s} for row in rows],
    )


def witnessed_over(session: Session, number: int, witnesses: Iterable[str], quorum: int) -> Checkpoint | None:
    """The smallest checkpoint on the chain that covers a number and that `quorum` of the witnesses signed."""
    return _witnessed(session, number, witnesses, quorum, newest=False)


def newest_witnessed(session: Session, witnesses: Iterable[str], quorum: int) -> Checkpoint | None:
    """The newest checkpoint on the chain that `quorum` of the witnesses signed."""
    return _witnessed(session, -1, witnesses, quorum, newest=True)


def _witnessed(
    session: Session, number: int, witnesses: Iterable[str], quorum: int, *, newest: bool
) -> Checkpoint | None:
    signed = (
        select(Cosignature.size)
        .where(Cosignature.size > number, Cosignature.witness.in_(list(witnesses)))
        .group_by(Cosignature.size)
        .having(func.count() >= quorum)
    )
    query = select(Checkpoint).where(Checkpoint.size.in_(signed), Checkpoint.anchor_state == _ANCHORED)
    order = Checkpoint.size.desc() if newest else Checkpoint.size
    return session.execute(query.order_by(order).limit(1)).scalar()
