"""Addresses of entities' systems, what they are told, and the outbox of messages on their way."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.store.database import Database, database_time_ms, unit_of_work
from api.store.inserts import insert_if_new
from api.store.queries import paging
from api.store.tables import Notice, NoticeDelivery, Webhook


class WebhookState(StrEnum):
    """Whether an address is told anything."""

    ACTIVE = "active"
    REMOVED = "removed"


class DeliveryState(StrEnum):
    """Where a message stands. DEAD: given up after the last attempt, until somebody sends it again."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Leased:
    """A message to send. `attempts` counts this one; `leased_until_ms` names the lease that closing must still hold."""

    id: int
    webhook: Webhook
    notice: Notice
    attempts: int
    leased_until_ms: int


@dataclass(frozen=True, slots=True)
class Line:
    """A message of one address as its entity sees it."""

    delivery: NoticeDelivery
    notice: Notice


def webhooks_of(session: Session, party_id: str) -> list[Webhook]:
    """A party's active addresses, oldest first."""
    return list(
        session.execute(
            select(Webhook)
            .where(Webhook.party_id == party_id, Webhook.state == WebhookState.ACTIVE.value)
            .order_by(Webhook.created_at_ms, Webhook.id)
        ).scalars()
    )


def webhook_of(session: Session, party_id: str, webhook_id: str) -> Webhook | None:
    """A party's own address, removed ones included."""
    return session.execute(
        select(Webhook).where(Webhook.id == webhook_id, Webhook.party_id == party_id)
    ).scalar_one_or_none()


def add_notice(session: Session, notice: Notice, webhooks: Collection[Webhook]) -> bool:
    """Write a notice under the next number of its grant, with one message for each address; False where it is there.

    The caller holds the grant's lock, which keeps the numbers apart. `notice.seq` is set here.
    """
    last = session.execute(select(func.max(Notice.seq)).where(Notice.grant_id == notice.grant_id)).scalar_one_or_none()
    row = {
        "id": notice.id,
        "key": notice.key,
        "party_id": notice.party_id,
        "grant_id": notice.grant_id,
        "seq": 0 if last is None else last + 1,
        "kind": notice.kind,
        "facts": notice.facts,
        "at_ms": notice.at_ms,
    }
    if not insert_if_new(session, Notice, row):
        return False
    for webhook in webhooks:
        session.add(
            NoticeDelivery(
                webhook_id=webhook.id,
                notice_id=notice.id,
                state=DeliveryState.WAITING.value,
                attempts=0,
                next_at_ms=0,
            )
        )
    session.flush()
    return True


def is_due(session: Session, now_ms: int) -> bool:
    """Whether any message's time has come."""
    query = (
        select(NoticeDelivery.id)
        .join(Webhook, Webhook.id == NoticeDelivery.webhook_id)
        .where(
            NoticeDelivery.state == DeliveryState.WAITING.value,
            NoticeDelivery.next_at_ms <= now_ms,
            Webhook.state == WebhookState.ACTIVE.value,
        )
    )
    return session.execute(query.limit(1)).first() is not None


def lease(db: Database, addresses: int, each: int, seconds: float) -> list[Leased]:
    """Take messages whose time has come, up to `each` of up to `addresses` addresses, for `seconds`.

    An address with a long queue takes no other's turn: of each only its oldest few are looked at.
    """
    with unit_of_work(db) as session:
        now = database_time_ms(session)
        until = now + round(seconds * 1000)
        place = func.row_number().over(
            partition_by=NoticeDelivery.webhook_id, order_by=(NoticeDelivery.next_at_ms, NoticeDelivery.id)
        )
        due = (
            select(NoticeDelivery.id, place.label("place"))
            .join(Webhook, Webhook.id == NoticeDelivery.webhook_id)
            .where(
                NoticeDelivery.state == DeliveryState.WAITING.value,
                NoticeDelivery.next_at_ms <= now,
                Webhook.state == WebhookState.ACTIVE.value,
            )
            .subquery()
        )
        chosen = select(due.c.id).where(due.c.place <= each).order_by(due.c.place, due.c.id).limit(addresses * each)
        found = session.execute(
            select(NoticeDelivery, Webhook, Notice)
            .join(Webhook, Webhook.id == NoticeDelivery.webhook_id)
            .join(Notice, Notice.id == NoticeDelivery.notice_id)
            .where(NoticeDelivery.id.in_(list(session.execute(chosen).scalars())))
            .order_by(NoticeDelivery.id)
            .with_for_update(skip_locked=True, of=NoticeDelivery)
        ).all()
        leased = []
        for delivery, webhook, notice in found:
            delivery.next_at_ms = until
            delivery.attempts += 1
            leased.append(Leased(delivery.id, webhook, notice, delivery.attempts, until))
        return leased


def close(session: Session, row: Leased, values: Mapping[str, object]) -> bool:
    """Write how an attempt ended; False where the lease ran out meanwhile and another worker has the message."""
    changed = session.execute(
        update(NoticeDelivery)
        .where(
            NoticeDelivery.id == row.id,
            NoticeDelivery.state == DeliveryState.WAITING.value,
            NoticeDelivery.next_at_ms == row.leased_until_ms,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
        .returning(NoticeDelivery.id)
    ).first()
    return changed is not None


def lines_of(
    session: Session, webhook_id: str, *, before: int | None = None, limit: int = paging.LIMIT
) -> tuple[list[Line], int | None]:
    """An address's messages, newest first; and the number before which the next page begins."""
    query = select(NoticeDelivery, Notice).join(Notice, Notice.id == NoticeDelivery.notice_id)
    query = query.where(NoticeDelivery.webhook_id == webhook_id)
    if before is not None:
        query = query.where(NoticeDelivery.id < before)
    rows = session.execute(query.order_by(NoticeDelivery.id.desc()).limit(limit + 1)).all()
    lines = [Line(delivery, notice) for delivery, notice in rows[:limit]]
    return lines, lines[-1].delivery.id if len(rows) > limit else None


def delivery_of(session: Session, party_id: str, delivery_id: int, *, lock: bool = False) -> NoticeDelivery | None:
    """A message to one of a party's own addresses."""
    query = (
        select(NoticeDelivery)
        .join(Webhook, Webhook.id == NoticeDelivery.webhook_id)
        .where(NoticeDelivery.id == delivery_id, Webhook.party_id == party_id)
    )
    if lock:
        query = query.with_for_update(of=NoticeDelivery)
    return session.execute(query).scalar_one_or_none()


def notice_of(session: Session, notice_id: str) -> Notice:
    """A notice by id."""
    return session.execute(select(Notice).where(Notice.id == notice_id)).scalar_one()


def count_waiting(session: Session) -> int:
    """How many messages wait for an attempt at an address that is still told."""
    return session.execute(
        select(func.count())
        .select_from(NoticeDelivery)
        .join(Webhook, Webhook.id == NoticeDelivery.webhook_id)
        .where(NoticeDelivery.state == DeliveryState.WAITING.value, Webhook.state == WebhookState.ACTIVE.value)
    ).scalar_one()
