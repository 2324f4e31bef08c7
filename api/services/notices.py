"""What an entity's systems are told of its grants: written in the transaction of the fact, sent by the worker.

A notice holds identifiers, states and times, never a value or a name. Within a grant notices are numbered; whoever
receives them out of order keeps what carries the highest number.
"""

from collections.abc import Mapping
from enum import StrEnum

from api.store import Session, ids
from api.store.queries import webhooks
from api.store.tables import Grant, Notice


class NoticeKind(StrEnum):
    """What may be told."""

    GRANTED = "granted"
    PAUSED = "paused"
    RESUMED = "resumed"
    REVOKED = "revoked"
    ENDED = "ended"
    CORRECTED = "corrected"
    DELETION_DUE = "deletion_due"


def tell(session: Session, grant: Grant, kind: NoticeKind, key: str, facts: Mapping[str, object], at_ms: int) -> bool:
    """Write a notice for the recipient of a locked grant, once per `key`; False where nobody wants it or it is there.

    The grant's lock keeps the numbers of its notices apart. An entity without an address for this kind costs one look.
    """
    wanted = [one for one in webhooks.webhooks_of(session, grant.entity_id) if kind.value in one.kinds]
    if not wanted:
        return False
    notice = Notice(
        id=ids.new_notice_id(),
        key=key,
        party_id=grant.entity_id,
        grant_id=grant.id,
        kind=kind.value,
        facts=dict(facts),
        at_ms=at_ms,
    )
    return webhooks.add_notice(session, notice, wanted)
