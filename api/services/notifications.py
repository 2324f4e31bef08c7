"""What people and organisations are told, in the portal and by a reminder that says no more than that there is news.

`tell_…` write a notice in the transaction of the fact that it is about. A notice holds identifiers, states and counts;
its words come from the locale when it is read. The worker adds what nobody does: consents that end soon, who looked.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from api.errors import ApiError, Kind
from api.locale import CHINA_STANDARD_TIME
from api.policy.mandates import Action
from api.services.authority import authority
from api.services.context import Actor, Also, Context, Relation, Role
from api.store import Session, clock, read_only, unit_of_work
from api.store.crypto import Sealer
from api.store.queries import holders, notifications, parties
from api.store.queries.looks import LOOKS
from api.store.queries.notifications import Audience
from api.store.queries.paging import Page
from api.store.queries.parties import PartyRole
from api.store.tables import Notification, NotificationSetting, Party

DAY_MS = 86_400_000
EXPIRING_MS = 7 * DAY_MS
DIGEST_HOUR = 18
"""Hour of the day (China Standard Time) at which a day's reminders go out as one."""
LOOKS_AT_ONCE = 100
"""Receipts in one transaction of the notices of who looked."""

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}")


class Topic(StrEnum):
    """What may be told."""

    REQUEST = "request"
    GRANTED = "granted"
    EXPIRING = "expiring"
    ENDED = "ended"
    CORRECTED = "corrected"
    LOOKED = "looked"
    CASE = "case"
    OVERDUE = "overdue"
    MANDATE = "mandate"
    DISPUTE = "dispute"
    ASK = "ask"
    ALARM = "alarm"


class Mode(StrEnum):
    """How one is told of a topic: in the list alone, with the bell, by a reminder a day, by one at once."""

    QUIET = "quiet"
    PORTAL = "portal"
    DIGEST = "digest"
    ONCE = "once"


DEFAULTS: Mapping[Topic, Mode] = dict.fromkeys(Topic, Mode.ONCE) | {Topic.LOOKED: Mode.DIGEST}
TOPICS_OF: Mapping[Role, tuple[Topic, ...]] = {
    Role.CITIZEN: tuple(topic for topic in Topic if topic not in {Topic.ALARM, Topic.ASK}),
    Role.ENTITY: (Topic.GRANTED, Topic.ENDED, Topic.CORRECTED, Topic.OVERDUE, Topic.CASE, Topic.DISPUTE, Topic.ASK),
    Role.DEPARTMENT: (Topic.CASE, Topic.DISPUTE, Topic.CORRECTED, Topic.ASK),
    Role.REGULATOR: (Topic.CASE, Topic.DISPUTE, Topic.OVERDUE, Topic.ALARM, Topic.ASK),
    Role.OPERATOR: (),
    Role.SECURITY: (),
    Role.AUDITOR: (),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A notice, and the party that it names."""

    note: Notification
    party: Party | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """An audience's settings: a mode for each of its topics, and where reminders go (None: nowhere)."""

    topics: Mapping[Topic, Mode]
    address: str | None
    language: str


def tell_holder(
    session: Session, holder_id: str, topic: Topic, key: str, facts: Mapping[str, object], at_ms: int
) -> bool:
    """Tell a holder something once per topic and key; False where it was told before."""
    return _tell(session, Audience(holder_id=holder_id), topic, key, facts, at_ms)


def tell_party(
    session: Session, party_id: str, topic: Topic, key: str, facts: Mapping[str, object], at_ms: int
) -> bool:
    """Tell an organisation's staff."""
    return _tell(session, Audience(party_id=party_id), topic, key, facts, at_ms)


def tell_regulators(session: Session, topic: Topic, key: str, facts: Mapping[str, object], at_ms: int) -> None:
    """Tell the staff of every regulator."""
    for party in parties.list_parties(session, PartyRole.REGULATOR):
        tell_party(session, party.id, topic, key, facts, at_ms)


def list_own(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[Told]:
    """What the actor was told, newest first."""
    with read_only(ctx.db) as session:
        to = _audience(ctx, session, actor)
        page = Page[Notification]([], None) if to is None else notifications.list_to(session, to, cursor=cursor)
        return Page([_told(session, row) for row in page.items], page.next_cursor)


def unread(ctx: Context, actor: Actor) -> int:
    """How many notices nobody has read; 0 also for whoever has none to read."""
    with read_only(ctx.db) as session:
        try:
            to = _audience(ctx, session, actor)
        except ApiError as error:
            if error.kind is not Kind.FORBIDDEN:
                raise
            return 0  # a page of a representative whose mandate has just ended still has its frame
        return 0 if to is None else notifications.count_unread(session, to)


def mark_read(ctx: Context, actor: Actor, note_id: str | None = None, *, also: Also[int] | None = None) -> int:
    """Mark one notice as read, or all; how many. Raises `notifications.not_found`."""
    with unit_of_work(ctx.db) as session:
        to = _audience(ctx, session, actor)
        marked = 0 if to is None else notifications.mark_read(session, to, clock.advance(session), note_id)
        if note_id is not None and not marked:
            raise ApiError("notifications.not_found", Kind.NOT_FOUND)
        if also is not None:
            also(session, marked)
    return marked


def settings_of(ctx: Context, actor: Actor) -> Chosen:
    """The actor's own settings."""
    with read_only(ctx.db) as session:
        to = _own(actor)
        row = notifications.setting_of(session, to)
        topics = {topic: _mode(row, topic) for topic in TOPICS_OF[actor.role]}
        address = None if row is None else notifications.open_address(_sealer(ctx, session, to), row)
        return Chosen(topics, address, "zh-Hans" if row is None else row.language)


def choose(
    ctx: Context,
    actor: Actor,
    topics: Mapping[Topic, Mode],
    address: str | None,
    language: str,
    *,
    also: Also[NotificationSetting] | None = None,
) -> None:
    """Set the actor's own settings; `address` None forgets it. Raises `notifications.bad_address`."""
    kept = (address or "").strip() or None
    if kept is not None and (len(kept) > 254 or _ADDRESS.fullmatch(kept) is None):
        raise ApiError("notifications.bad_address")
    to = _own(actor)
    with unit_of_work(ctx.db) as session:
        row = notifications.setting_of(session, to)
        if row is None:
            row = NotificationSetting(audience=to.id, holder_id=to.holder_id, party_id=to.party_id, topics={})
            session.add(row)
        chosen = {topic.value: mode.value for topic, mode in topics.items() if topic in TOPICS_OF[actor.role]}
        row.topics = {**row.topics, **chosen}
        row.language = "en" if language == "en" else "zh-Hans"
        row.changed_at_ms = clock.advance(session)
        notifications.seal_address(_sealer(ctx, session, to), row, kept)
        session.flush()
        if also is not None:
            also(session, row)


def note_what_comes(ctx: Context) -> int:
    """The worker's share: consents that end within seven days, and who looked; 0 when nothing waited."""
    return _expiring(ctx) + _looked(ctx)


def _expiring(ctx: Context) -> int:
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        if not notifications.grants_ending(session, now, now + EXPIRING_MS, limit=1):
            return 0
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        due = notifications.grants_ending(session, now, now + EXPIRING_MS)
        for grant in due:
            facts = {"grant": grant.id, "party": grant.entity_id, "until": grant.not_after_ms}
            tell_holder(session, grant.holder_id, Topic.EXPIRING, grant.id, facts, now)
    return len(due)


def _looked(ctx: Context) -> int:
    """One notice a holder and day, which counts on; by the log's numbers, so that nothing is missed or told twice.

    Some receipts at a time: on SQLite whoever pulls or takes back waits for this transaction. Returns how many were
    looked at.
    """
    with read_only(ctx.db) as session:
        if not notifications.numbered_after(session, notifications.look_mark(session), limit=1):
            return 0
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        rows = notifications.numbered_after(session, notifications.look_mark(session), limit=LOOKS_AT_ONCE)
        if not rows:
            return 0
        counts = Counter(
            (Audience(holder_id=holder), _day(at_ms)) for _, kind, holder, at_ms in rows if holder and kind in LOOKS
        )
        chosen = notifications.settings_of(session, {to for to, _ in counts})
        told = []
        for (to, day), count in counts.items():
            row = chosen.get(to)
            mode = _mode(row, Topic.LOOKED)
            told.append(notifications.More(to, day, count, mode is Mode.QUIET, _send_at(row, mode, now)))
        notifications.count_on(session, Topic.LOOKED, told, now)
        notifications.move_mark(session, rows[-1][0])
    return len(rows)


def _tell(session: Session, to: Audience, topic: Topic, key: str, facts: Mapping[str, object], at_ms: int) -> bool:
    row = notifications.setting_of(session, to)
    mode = _mode(row, topic)
    return notifications.add(
        session, to, topic.value, key, facts, at_ms, read=mode is Mode.QUIET, send_at_ms=_send_at(row, mode, at_ms)
    )


def _mode(row: NotificationSetting | None, topic: Topic) -> Mode:
    return Mode(row.topics[topic]) if row is not None and topic in row.topics else DEFAULTS[topic]


def _send_at(row: NotificationSetting | None, mode: Mode, now_ms: int) -> int | None:
    if row is None or row.address_enc is None or mode in {Mode.QUIET, Mode.PORTAL}:
        return None
    return now_ms if mode is Mode.ONCE else _next_digest(now_ms)


def _next_digest(now_ms: int) -> int:
    now = datetime.fromtimestamp(now_ms / 1000, CHINA_STANDARD_TIME)
    at = now.replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    return int((at if at > now else at + timedelta(days=1)).timestamp()) * 1000


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, CHINA_STANDARD_TIME).date().isoformat()


def _audience(ctx: Context, session: Session, actor: Actor) -> Audience | None:
    """Whose notices the actor reads; a representative those of its holder if the mandate leaves nothing out."""
    if actor.role is not Role.CITIZEN:
        return Audience(party_id=actor.party_id) if actor.party_id is not None else None
    may = authority(ctx, session, actor, Action.LOOK)
    return Audience(holder_id=may.holder_id) if may.whole else None


def _own(actor: Actor) -> Audience:
    """Whose settings the actor changes: its own, whomever it acts for."""
    if actor.role is Role.CITIZEN:
        return Audience(holder_id=actor.holder if actor.relation is Relation.SELF else actor.self_id)
    return Audience(party_id=actor.party(*Role))


def _sealer(ctx: Context, session: Session, to: Audience) -> Sealer:
    return ctx.vault.platform if to.holder_id is None else holders.holder_key(session, ctx.vault, to.holder_id)


def _told(session: Session, row: Notification) -> Told:
    named = row.facts.get("party")
    return Told(row, parties.get_party(session, named) if isinstance(named, str) else None)


def address_of(ctx: Context, session: Session, to: Audience) -> tuple[str, str] | None:
    """Where reminders go and in which language; None where nowhere (any more)."""
    row = notifications.setting_of(session, to)
    if row is None:
        return None
    try:
        address = notifications.open_address(_sealer(ctx, session, to), row)
    except ApiError as error:
        if error.code != "store.erased":
            raise
        return None
    return None if address is None else (address, row.language)
