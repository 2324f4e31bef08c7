"""What people and organisations are told: written with its fact, read in the portal, sent as a reminder."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from api.policy.states import GrantState
from api.store.crypto import Purpose, Sealer, bound_columns
from api.store.ids import new_notification_id
from api.store.inserts import insert_if_new
from api.store.queries import paging
from api.store.queries.registrations import LegalBasis
from api.store.tables import Grant, LookMark, Notification, NotificationSetting, Receipt

_SET = update(Notification).execution_options(synchronize_session=False)
WAITING, SENT, DEAD, NONE = "waiting", "sent", "dead", "none"


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told: a holder or a party, one of the two."""

    holder_id: str | None = None
    party_id: str | None = None

    @property
    def id(self) -> str:
        """The id of either."""
        found = self.holder_id or self.party_id
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Due:
    """Reminders that wait for one audience: which notices, and how often it was tried."""

    audience: Audience
    ids: tuple[str, ...]
    attempts: int


def add(
    session: Session,
    audience: Audience,
    topic: str,
    key: str,
    facts: Mapping[str, object],
    at_ms: int,
    *,
    read: bool,
    send_at_ms: int | None,
) -> bool:
    """Write a notice once per audience, topic and key; False where it is there already."""
    row = {
        "id": new_notification_id(),
        "key": f"{audience.id}:{topic}:{key}",
        "holder_id": audience.holder_id,
        "party_id": audience.party_id,
        "topic": topic,
        "facts": dict(facts),
        "at_ms": at_ms,
        "read_at_ms": at_ms if read else None,
        "send_state": NONE if send_at_ms is None else WAITING,
        "next_at_ms": send_at_ms or 0,
        "attempts": 0,
        "error": None,
    }
    return insert_if_new(session, Notification, row)


def again(
    session: Session,
    audience: Audience,
    topic: str,
    key: str,
    more: int,
    at_ms: int,
    *,
    read: bool,
    send_at_ms: int | None,
) -> bool:
    """Count more on a notice that is there, which makes it new once more; False where it is not."""
    row = session.execute(
        select(Notification).where(Notification.key == f"{audience.id}:{topic}:{key}").with_for_update()
    ).scalar_one_or_none()
    if row is None:
        return False
    before = row.facts.get("count")
    row.facts = {**row.facts, "count": (before if isinstance(before, int) else 0) + more}
    row.at_ms, row.read_at_ms = at_ms, at_ms if read else None
    if send_at_ms is not None and row.send_state != WAITING:
        row.send_state, row.next_at_ms, row.attempts = WAITING, send_at_ms, 0
    session.flush()
    return True


def list_to(
    session: Session, audience: Audience, *, cursor: str | None = None, limit: int = paging.LIMIT
) -> paging.Page[Notification]:
    """An audience's notices, newest first."""
    limit = paging.clamp(limit)
    query = select(Notification).where(_to(audience), *paging.after(cursor, Notification.at_ms, Notification.id))
    rows = session.execute(query.order_by(Notification.at_ms.desc(), Notification.id.desc()).limit(limit + 1))
    return paging.page(list(rows.scalars()), limit, lambda row: (row.at_ms, row.id))


def count_unread(session: Session, audience: Audience) -> int:
    """How many notices nobody has read."""
    query = select(func.count()).select_from(Notification).where(_to(audience), Notification.read_at_ms.is_(None))
    return int(session.execute(query).scalar_one())


def mark_read(session: Session, audience: Audience, at_ms: int, note_id: str | None = None) -> int:
    """Mark one notice of an audience as read, or all; how many there were to mark or, of one, whether it exists."""
    if note_id is not None:
        known = select(Notification.id).where(_to(audience), Notification.id == note_id)
        if session.execute(known).first() is None:
            return 0
    query = _SET.where(_to(audience), Notification.read_at_ms.is_(None))
    if note_id is not None:
        query = query.where(Notification.id == note_id)
    changed = session.execute(query.values(read_at_ms=at_ms).returning(Notification.id)).all()
    return len(changed) if note_id is None else 1


def setting_of(session: Session, audience: Audience) -> NotificationSetting | None:
    """What an audience chose; None where it chose nothing."""
    return session.get(NotificationSetting, audience.id)


def seal_address(sealer: Sealer, row: NotificationSetting, address: str | None) -> None:
    """Encrypt where reminders go, or forget it."""
    bound = bound_columns(row.holder_id, row.party_id)
    row.address_enc = (
        None if address is None else sealer.seal(Purpose.CONTACT, row.audience, address.encode(), bound=bound)
    )


def open_address(sealer: Sealer, row: NotificationSetting) -> str | None:
    """Where reminders go. Raises ApiError `store.ciphertext`, `store.erased`."""
    if row.address_enc is None:
        return None
    bound = bound_columns(row.holder_id, row.party_id)
    return sealer.open(Purpose.CONTACT, row.audience, row.address_enc, bound=bound).decode()


def lease(session: Session, now_ms: int, lease_ms: int, limit: int = 200) -> list[Due]:
    """Take what is due, by audience; a worker that is killed meanwhile leaves a lease that runs out."""
    rows = session.execute(
        select(Notification)
        .where(Notification.send_state == WAITING, Notification.next_at_ms <= now_ms)
        .order_by(Notification.next_at_ms, Notification.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).scalars()
    grouped: dict[Audience, list[Notification]] = {}
    for row in rows:
        row.next_at_ms, row.attempts = now_ms + lease_ms, row.attempts + 1
        grouped.setdefault(Audience(row.holder_id, row.party_id), []).append(row)
    session.flush()
    return [Due(to, tuple(row.id for row in rows), max(row.attempts for row in rows)) for to, rows in grouped.items()]


def is_due(session: Session, now_ms: int) -> bool:
    """Whether a reminder waits, without a writing transaction."""
    query = select(Notification.id).where(Notification.send_state == WAITING, Notification.next_at_ms <= now_ms)
    return session.execute(query.limit(1)).first() is not None


def settle(session: Session, ids: Collection[str], state: str, next_at_ms: int = 0, error: str | None = None) -> None:
    """Say what came of reminders."""
    session.execute(_SET.where(Notification.id.in_(ids)).values(send_state=state, next_at_ms=next_at_ms, error=error))


def grants_ending(session: Session, now_ms: int, until_ms: int, limit: int = 200) -> list[Grant]:
    """Grants in force that end before `until_ms` and of which their holder was not told yet."""
    told = select(Notification.id).where(Notification.key == Grant.holder_id + ":expiring:" + Grant.id)
    query = select(Grant).where(
        Grant.state == GrantState.ACTIVE.value,
        Grant.legal_basis == LegalBasis.CONSENT.value,
        Grant.not_after_ms > now_ms,
        Grant.not_after_ms <= until_ms,
        ~told.exists(),
    )
    return list(session.execute(query.order_by(Grant.not_after_ms, Grant.id).limit(limit)).scalars())


def look_mark(session: Session) -> int:
    """The number of the last receipt of which holders were told; -1 before the first."""
    row = session.get(LookMark, 1)
    return -1 if row is None else row.number


def move_mark(session: Session, number: int) -> None:
    """Holders were told up to this number."""
    row = session.get(LookMark, 1)
    if row is None:
        session.add(LookMark(id=1, number=number))
    else:
        row.number = number
    session.flush()


def numbered_after(session: Session, number: int, limit: int = 500) -> list[tuple[int, str, str | None, int]]:
    """Receipts after a number, in order: number, kind, holder and time."""
    query = select(Receipt.number, Receipt.kind, Receipt.holder_id, Receipt.at_ms).where(Receipt.number > number)
    rows = session.execute(query.order_by(Receipt.number).limit(limit))
    return [(row[0], row[1], row[2], row[3]) for row in rows if row[0] is not None]


def _to(audience: Audience) -> ColumnElement[bool]:
    if audience.holder_id is not None:
        return Notification.holder_id == audience.holder_id
    return Notification.party_id == audience.party_id
