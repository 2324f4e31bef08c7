"""The watch over the use of data by consent: the worker counts receipts as they get numbers, regulators look into it.

Incremental: each receipt is counted once, by its number, in one transaction with the alarms that it raises. A worker
that was killed, or away for an hour, goes on where it was; windows end at the time of the events, not of the counting.
What requests say is judged before that transaction, on a snapshot, so that nobody waits while they are counted.
An alarm is taken by an officer, closed with a reason, and looked at once more by another, who may open it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.catalogue.watch import WatchRules, watch_rules
from api.errors import ApiError, Kind
from api.policy import watch as policy
from api.policy.watch import DAY_MS, MINUTE_MS, CloseReason, Seen, Use, WatchKind, WatchState
from api.services import case_register, notifications
from api.services.case_register import Used
from api.services.context import Actor, Also, Context, Role
from api.services.notifications import Topic
from api.store import Session, clock, read_only, unit_of_work
from api.store.queries import case_registers, parties, watch
from api.store.queries.paging import Page
from api.store.queries.registrations import LegalBasis
from api.store.queries.requests import BY_ENTITY
from api.store.queries.watch import Event
from api.store.tables import Party, WatchAlarm

AT_ONCE = 25
"""Receipts in one transaction: all that writes waits for it, so it is to be over in some 20 ms."""
KEPT_MS = 2 * DAY_MS
REMARK_MAX = 200


@dataclass(frozen=True, slots=True)
class CaseView:
    """What an alarm about a case number is about.

    `case_no` is for regulators alone, as long as the query or request of that id is kept. `late`: the register was late
    when the number was used. `came_at_ms`: when it was registered after all.
    """

    case_no: str | None
    use: str | None
    late: bool
    came_at_ms: int | None


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm with its party, and what the reader may do next; `case` where it is about a case number."""

    row: WatchAlarm
    party: Party | None
    may_take: bool
    may_close: bool
    may_check: bool
    case: CaseView | None


def turn(ctx: Context, rules: WatchRules | None = None) -> int:
    """Count what was not counted yet and raise what is unusual; how many receipts were looked at.

    0 as well where another worker counted the same meanwhile.
    """
    chosen = rules or watch_rules()
    with read_only(ctx.db) as session:
        start = watch.mark(session)
        events, last = watch.events_after(session, start, AT_ONCE)
        if last is None:
            return 0
        judged = _newest_of_each(events)
        found = [one for event in judged if not event.pulls for one in _of_request(ctx, session, chosen, event)]
    with unit_of_work(ctx.db) as session:
        if watch.mark(session, lock=True) != start:
            return 0
        watch.add_pulls(session, (event for event in events if event.pulls))
        # Pulls are judged by the tallies, which are few and of this transaction.
        found += [one for event in judged if event.pulls for one in _of_pulls(session, chosen, event)]
        raised = sum(_raise(ctx, session, one) for one in _first_and_most(found))
        watch.move_mark(session, last)
        if events:
            watch.forget_tallies(session, events[-1].at_ms - KEPT_MS)
    if raised:
        ctx.log.wake()
    return last - start


def list_all(
    ctx: Context, actor: Actor, cursor: str | None = None, *, state: WatchState | None = None
) -> Page[AlarmView]:
    """The queue, newest first. Nothing in it is about a person, so that auditors read it as well."""
    actor.party(Role.REGULATOR, Role.AUDITOR)
    with read_only(ctx.db) as session:
        page = watch.list_all(session, state=None if state is None else state.value, cursor=cursor)
        return Page([_seen(session, actor, row) for row in page.items], page.next_cursor)


def take(ctx: Context, actor: Actor, alarm_id: str, *, also: Also[WatchAlarm] | None = None) -> None:
    """Take an open alarm: it is this officer's to look into. Raises `watch.not_found`, `watch.moved`."""
    actor.party(Role.REGULATOR)
    with unit_of_work(ctx.db) as session:
        now, row = clock.advance(session), watch.lock(session, alarm_id)
        if row.state != WatchState.OPEN:
            raise ApiError("watch.moved", Kind.CONFLICT)
        watch.move(session, ctx.vault, row, WatchState.TAKEN, actor.subject, now)
        if also is not None:
            also(session, row)
    ctx.log.wake()


def close(
    ctx: Context,
    actor: Actor,
    alarm_id: str,
    reason: CloseReason,
    remark: str,
    *,
    also: Also[WatchAlarm] | None = None,
) -> None:
    """Close an alarm that was taken, with a reason and a remark. What it saw raises no further one.

    Raises `watch.not_found`, `watch.moved`, `watch.remark_missing`.
    """
    actor.party(Role.REGULATOR)
    kept = remark.strip()
    if not kept or len(kept) > REMARK_MAX or not kept.isprintable():
        raise ApiError("watch.remark_missing", limit=REMARK_MAX)
    with unit_of_work(ctx.db) as session:
        now, row = clock.advance(session), watch.lock(session, alarm_id)
        if row.state != WatchState.TAKEN:
            raise ApiError("watch.moved", Kind.CONFLICT)
        row.reason, row.remark = reason.value, kept
        watch.move(session, ctx.vault, row, WatchState.CLOSED, actor.subject, now)
        if also is not None:
            also(session, row)
    ctx.log.wake()


def look_again(
    ctx: Context, actor: Actor, alarm_id: str, *, agrees: bool, also: Also[WatchAlarm] | None = None
) -> None:
    """The second look, by another officer than the one who closed: agree, or open the alarm again.

    Raises `watch.not_found`, `watch.moved`, `watch.same_officer`, and `watch.newer_open` for one that would be opened
    beside a newer one for the same, where what is to be looked into stands already.
    """
    actor.party(Role.REGULATOR)
    with unit_of_work(ctx.db) as session:
        now, row = clock.advance(session), watch.lock(session, alarm_id)
        if row.state != WatchState.CLOSED:
            raise ApiError("watch.moved", Kind.CONFLICT)
        if row.closed_by == actor.subject:
            raise ApiError("watch.same_officer", Kind.FORBIDDEN)
        if not agrees and watch.is_another_live(session, row):
            raise ApiError("watch.newer_open", Kind.CONFLICT)
        watch.move(session, ctx.vault, row, WatchState.CHECKED if agrees else WatchState.OPEN, actor.subject, now)
        if also is not None:
            also(session, row)
    ctx.log.wake()


def case_of(session: Session, actor: Actor, row: WatchAlarm) -> CaseView | None:
    """What an alarm about a case number is about; None for other alarms."""
    found = case_registers.finding_of(session, row.id)
    if found is None:
        return None
    number = case_registers.number_of(session, found) if actor.role is Role.REGULATOR else None
    return CaseView(number, found.access_id or found.request_id, found.late, found.came_at_ms)


def _newest_of_each(events: Sequence[Event]) -> list[Event]:
    """One event to judge at for each party, kind and minute: the last; each request by itself, for its own case."""
    chosen: dict[tuple[str, int, str], Event] = {}
    for one in events:
        chosen[one.party_id, one.at_ms // MINUTE_MS, "" if one.pulls else one.receipt_id] = one
    return sorted(chosen.values(), key=lambda one: one.number)


@dataclass(frozen=True, slots=True)
class _Found:
    """Something unusual by the time of an event. `subject` is what the alarm is about beside the party.

    `case` is the case number where the alarm is that it is in no register, or closed.
    """

    event: Event
    subject: str
    seen: Seen
    case: Used | None = None


_WITH_SUBJECT = frozenset({WatchKind.DRIFT})


def _first_and_most(found: Sequence[_Found]) -> list[_Found]:
    """In order, of each alarm what raises it and the most that was seen; each step between would write a receipt."""
    in_order = sorted(found, key=lambda one: one.event.number)
    first: dict[tuple[str, WatchKind, str], _Found] = {}
    most: dict[tuple[str, WatchKind, str], _Found] = {}
    for one in in_order:
        key = (one.event.party_id, one.seen.kind, one.subject)
        first.setdefault(key, one)
        if key not in most or one.seen.seen > most[key].seen.seen:
            most[key] = one
    kept = {id(one) for one in (*first.values(), *most.values())}
    return [one for one in in_order if id(one) in kept]


def _since(session: Session, event: Event, window_ms: int, kind: WatchKind, subject: str = "") -> int:
    """When a window begins that ends at an event: not before a regulator last closed such an alarm."""
    return max(event.at_ms - window_ms, watch.closed_at(session, event.party_id, kind.value, subject))


def _of_pulls(session: Session, rules: WatchRules, event: Event) -> list[_Found]:
    """What is unusual in the pulls of an event's party, by the tallies."""
    party_id, now = event.party_id, event.at_ms
    begun = _since(session, event, (rules.burst.minutes - 1) * MINUTE_MS, WatchKind.BURST)
    use = Use(burst=watch.pulls_between(session, party_id, begun // MINUTE_MS * MINUTE_MS, now))
    night = policy.night_since(rules, now)
    if night is not None:
        start = _since(session, event, now - night, WatchKind.HOURS)
        use = replace(use, night=watch.pulls_between(session, party_id, start, now))
    return [_Found(event, "", seen) for seen in policy.judge(rules, use)]


def _of_request(ctx: Context, session: Session, rules: WatchRules, event: Event) -> list[_Found]:
    """What is unusual in the requests of an event's party."""
    request = watch.request_of(session, event.receipt_id)
    if request is None:
        return []
    party_id, now, purpose = event.party_id, event.at_ms, request.purpose_code
    drifting = _since(session, event, DAY_MS, WatchKind.DRIFT, purpose)
    guessing = _since(session, event, DAY_MS, WatchKind.ENUMERATION)
    use = Use(
        purpose_today=watch.requests_between(session, party_id, drifting, now, purpose=purpose),
        unknown=watch.requests_between(session, party_id, guessing, now, unknown=True),
        asked=watch.requests_between(session, party_id, guessing, now),
    )
    if use.purpose_today >= rules.drift.requests:
        day = now - DAY_MS
        known = day - rules.drift.known_days * DAY_MS
        use = replace(
            use,
            purpose_before=watch.requests_between(session, party_id, known, day, purpose=purpose),
            before=watch.requests_between(session, party_id, known, day),
        )
    if request.case_no:
        started = _since(session, event, rules.case.days * DAY_MS, WatchKind.CASE)
        use = replace(use, of_case=watch.holders_of_case(session, party_id, request.case_no, started, now))
    found = [_Found(event, purpose if seen.kind in _WITH_SUBJECT else "", seen) for seen in policy.judge(rules, use)]
    if request.case_no and request.legal_basis == LegalBasis.CONSENT and request.origin == BY_ENTITY:
        case = replace(case_register.used(ctx, session, party_id, request.case_no, now), request_id=request.id)
        seen = case_register.seen(session, case, now)
        found += [] if seen is None else [_Found(event, case_register.subject(case), seen, case)]
    return found


def _raise(ctx: Context, session: Session, found: _Found) -> int:
    at_ms = found.event.at_ms
    if found.case is not None:
        return int(case_register.raise_alarm(ctx, session, found.case, at_ms, found.seen))
    row = watch.raise_alarm(session, ctx.vault, found.event.party_id, found.subject, found.seen, at_ms)
    if row is None:
        return 0
    facts = {"alarm": row.id, "party": row.party_id, "kind": row.kind}
    notifications.tell_regulators(session, Topic.ALARM, row.id, facts, at_ms)
    return 1


def _seen(session: Session, actor: Actor, row: WatchAlarm) -> AlarmView:
    regulator = actor.role is Role.REGULATOR
    return AlarmView(
        row,
        parties.get_party(session, row.party_id),
        may_take=regulator and row.state == WatchState.OPEN,
        may_close=regulator and row.state == WatchState.TAKEN,
        may_check=regulator and row.state == WatchState.CLOSED and row.closed_by != actor.subject,
        case=case_of(session, actor, row),
    )
