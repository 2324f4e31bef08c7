"""What people and organisations are told: written with its fact, read in the portal, sent as a reminder."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlalchemy.orm import Session

from api.policy.states import GrantState
from api.store.crypto import Purpose, Sealer, bound_columns
from api.store.ids import new_notification_id
from api.store.inserts import insert_if_new, insert_many
from api.store.queries import paging
from api.store.queries.registrations import LegalBasis
from api.store.tables import Base, Grant, LookMark, Notification, NotificationSetting, Receipt

_NOTICES = Base.metadata.tables[Notification.__tablename__]
_COUNTED = select(
    _NOTICES.c.key, _NOTICES.c.facts, _NOTICES.c.send_state, _NOTICES.c.next_at_ms, _NOTICES.c.attempts
).with_for_update()
_COUNT = (
    update(_NOTICES)
    .where(_NOTICES.c.key == bindparam("of"))
    .values(
        {name: bindparam(name) for name in ("facts", "at_ms", "read_at_ms", "send_state", "next_at_ms", "attempts")}
    )
)
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
class More:
    """What an audience is told of one day: how much came, whether that counts as read, when a reminder goes out."""

    audience: Audience
    day: str
    count: int
    read: bool
    send_at_ms: int | None


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
    row = _row(audience, topic, key, facts, at_ms, read=read, send_at_ms=send_at_ms)
    return insert_if_new(session, Notification, row)


def count_on(session: Session, topic: str, counts: Sequence[More], at_ms: int) -> None:
    """Count more on the notices that are there, which makes them new once more, and write those that are not.

    Three statements for however many people: on SQLite nobody else writes meanwhile.
    """
    wanted = {f"{one.audience.id}:{topic}:{one.day}": one for one in counts}
    there = session.execute(_COUNTED.where(_NOTICES.c.key.in_(wanted)).order_by(_NOTICES.c.key)).all()
    changed = []
    for row in there:
        one = wanted.pop(row.key)
        before = row.facts.get("count")
        waits = one.send_at_ms is None or row.send_state == WAITING
        changed.append(
            {
                "of": row.key,
                "facts": {**row.facts, "count": (before if isinstance(before, int) else 0) + one.count},
                "at_ms": at_ms,
                "read_at_ms": at_ms if one.read else None,
                "send_state": row.send_state if waits else WAITING,
                "next_at_ms": row.next_at_ms if waits else one.send_at_ms,
                "attempts": row.attempts if waits else 0,
            }
        )
    if changed:
        session.connection().execute(_COUNT, changed)
    insert_many(
        session,
        Notification,
        [
            _row(
                one.audience,
                topic,
                one.day,
                {"count": one.count, "day": one.day},
                at_ms,
                read=one.read,
                send_at_ms=one.send_at_ms,
            )
            for one in wanted.values()
        ],
    )


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


def settings_of(session: Session, audiences: Collection[Audience]) -> dict[Audience, NotificationSetting]:
    """What several audiences chose; those that chose nothing are missing."""
    by_id = {one.id: one for one in audiences}
    query = select(NotificationSetting).where(NotificationSetting.audience.in_(by_id))
    return {by_id[row.audience]: row for row in session.execute(query).scalars()}


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


def numbered_after(session: Session, number: int, limit: int) -> list[tuple[int, str, str | None, int]]:
    """Receipts after a number, in order: number, kind, holder and time."""
    query = select(Receipt.number, Receipt.kind, Receipt.holder_id, Receipt.at_ms).where(Receipt.number > number)
    rows = session.execute(query.order_by(Receipt.number).limit(limit))
    return [(row[0], row[1], row[2], row[3]) for row in rows if row[0] is not None]


def _row(
    audience: Audience,
    topic: str,
    key: str,
    facts: Mapping[str, object],
    at_ms: int,
    *,
    read: bool,
    send_at_ms: int | None,
) -> dict[str, object]:
    return {
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


def _to(audience: Audience) -> ColumnElement[bool]:
    if audience.holder_id is not None:
        return Notification.holder_id == audience.holder_id
    return Notification.party_id == audience.party_id
