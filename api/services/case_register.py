"""Registers of case numbers: bodies with duties by law bring them, queries and requests are held against them.

What is kept of a number is a keyed hash. A number that is not in its body's register, or whose case was closed before,
raises an alarm in the regulators' queue (`api.services.watch`); many in a day stop the body's queries
(`api.policy.statutory`). A body that never brought a register is a gap that regulators see; its queries are held
against the form of its numbers alone.

Whoever queries does not register (`may_be_one`): per account, both ways, for as long as `case_register.toml` says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from api.catalogue.case_register import case_rules
from api.errors import ApiError, Kind
from api.policy import case_register as policy
from api.policy.case_register import DAY_MS, STRANGE, Case, Standing
from api.policy.watch import Seen, WatchKind
from api.services import notifications
from api.services.context import Actor, Also, Context, Role
from api.services.days import city_day
from api.services.notifications import Topic
from api.store import Session, clock, read_only, unit_of_work
from api.store.queries import case_registers, registrations, statutory, watch
from api.store.queries.case_registers import Body, Held
from api.store.queries.registrations import LegalBasis
from api.store.tables import CaseFinding, CaseRegister


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a delivery did: numbers that are new, whose days changed, and that stood so already.

    `came`: alarms about numbers that were missing until now.
    """

    added: int
    changed: int
    unchanged: int
    came: int


@dataclass(frozen=True, slots=True)
class OwnRegister:
    """A body's own register. `register` is None before the first delivery; `may_bring`: whether this account may."""

    register: CaseRegister | None
    held: Held
    late: bool
    late_days: int
    may_bring: bool


@dataclass(frozen=True, slots=True)
class BodyView:
    """A body with duties by law, and whether its register is late; there is none where `body.register` is None."""

    body: Body
    late: bool


@dataclass(frozen=True, slots=True)
class Used:
    """A case number as it was used. `access_id` or `request_id`: in which query or request."""

    party_id: str
    number_bidx: bytes
    case_no: str
    standing: Standing | None
    access_id: str | None = None
    request_id: str | None = None


def deliver(ctx: Context, actor: Actor, cases: Sequence[Case], *, also: Also[Delivered] | None = None) -> Delivered:
    """Take a body's cases: all of them or none. Empty says that there is nothing new; the same again changes nothing.

    Raises `case_register.not_needed`, `case_register.too_many`, `case_register.bad_case_no` and
    `case_register.bad_days` and `case_register.twice` (with the line), `case_register.asks_itself`.
    """
    party_id = actor.party(Role.DEPARTMENT, Role.ENTITY)
    rules = case_rules()
    if len(cases) > rules.max_entries:
        raise ApiError("case_register.too_many", limit=rules.max_entries)
    with read_only(ctx.db) as session:
        codes = registrations.registered(session, party_id, LegalBasis.STATUTORY_DUTY)
        today = city_day(clock.now_ms(session))
    if not codes and actor.role is Role.DEPARTMENT:
        raise ApiError("case_register.not_needed", Kind.FORBIDDEN)
    # An entity may bring those of its requests under consent as well, which have no form of their own.
    bases = [] if actor.role is Role.ENTITY else [ctx.catalogue.statutory_basis(code) for code in codes]
    brought: dict[bytes, Case] = {}
    for line, one in enumerate(cases, start=1):
        code = policy.malformed(one, today, fits=not bases or any(basis.case_fits(one.case_no) for basis in bases))
        index = case_registers.number_index(ctx.vault, party_id, one.case_no)
        if code is None and index in brought:
            code = "case_register.twice"
        if code is not None:
            raise ApiError(code, line=line)
        brought[index] = one
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        statutory.lock_party(session, party_id)
        if _is_other_side(session, party_id, actor.subject, now, asked=True):
            raise ApiError("case_register.asks_itself", Kind.FORBIDDEN, days=rules.separation_days)
        done = _keep(session, party_id, brought, now)
        case_registers.touch(session, party_id, now)
        case_registers.note_account(session, party_id, actor.subject, now, asked=False)
        if also is not None:
            also(session, done)
    return done


def own(ctx: Context, actor: Actor) -> OwnRegister:
    """The register of the actor's own organisation, by counts: what it holds cannot be read."""
    party_id = actor.party(Role.DEPARTMENT, Role.ENTITY)
    rules = case_rules()
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        row = case_registers.register_of(session, party_id)
        late = row is not None and policy.is_late(rules, row.last_at_ms, now)
        asks = _is_other_side(session, party_id, actor.subject, now, asked=True)
        return OwnRegister(row, case_registers.held(session, party_id), late, rules.late_days, may_bring=not asks)


def list_bodies(ctx: Context, actor: Actor) -> list[BodyView]:
    """Every body that may query by law with the state of its register; gaps first. Auditors read it as well."""
    actor.party(Role.REGULATOR, Role.AUDITOR)
    rules = case_rules()
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        return [
            BodyView(one, one.register is not None and policy.is_late(rules, one.register.last_at_ms, now))
            for one in case_registers.bodies(session)
        ]


def used(ctx: Context, session: Session, party_id: str, case_no: str, at_ms: int) -> Used:
    """How a body's case number stood at a moment. One that was registered after it was unknown then."""
    number = case_registers.number_index(ctx.vault, party_id, case_no)
    register = case_registers.register_of(session, party_id)
    row = case_registers.find(session, party_id, [number]).get(number)
    known = row is not None and row.registered_at_ms <= at_ms
    stood = policy.standing(
        case_rules(),
        None if register is None or register.first_at_ms > at_ms else register.last_at_ms,
        None if row is None else row.closed_on,
        at_ms,
        city_day(at_ms),
        known=known,
    )
    return Used(party_id, number, case_no, stood)


def brings(session: Session, party_id: str, subject: str, now_ms: int) -> bool:
    """Whether an account that would query may be one that brings case numbers."""
    return _is_other_side(session, party_id, subject, now_ms, asked=False)


def subject(one: Used) -> str:
    """What an alarm about a number is about: the beginning of its keyed hash."""
    return case_registers.subject_of(one.number_bidx)


def seen(session: Session, one: Used, at_ms: int) -> Seen | None:
    """What is unusual about a number's use: how often it was used in a day; None for one that is in order."""
    if one.standing not in STRANGE:
        return None
    kind = WatchKind.CASE_CLOSED if one.standing is Standing.CLOSED else WatchKind.CASE_UNKNOWN
    since = max(at_ms - DAY_MS, watch.closed_at(session, one.party_id, kind.value, subject(one)))
    count = case_registers.uses_of(session, one.party_id, one.case_no, since, at_ms)
    return Seen(kind, max(1, count), 1)


def raise_alarm(ctx: Context, session: Session, one: Used, at_ms: int, what: Seen) -> bool:
    """Raise, or let grow, the regulators' alarm about a strange number; whether there is a new one."""
    # Locked, as a delivery is: it either marks what is raised here, or its number is found here.
    statutory.lock_party(session, one.party_id)
    held = case_registers.find(session, one.party_id, [one.number_bidx]).get(one.number_bidx)
    came = None if held is None or one.standing is Standing.CLOSED else held.registered_at_ms
    row = watch.raise_alarm(session, ctx.vault, one.party_id, subject(one), what, at_ms)
    if row is None:
        return False
    case_registers.note_finding(
        session,
        CaseFinding(
            alarm_id=row.id,
            party_id=one.party_id,
            number_bidx=one.number_bidx,
            access_id=one.access_id,
            request_id=one.request_id,
            late=one.standing is Standing.LATE,
            came_at_ms=came,
        ),
    )
    facts = {"alarm": row.id, "party": row.party_id, "kind": row.kind}
    notifications.tell_regulators(session, Topic.ALARM, row.id, facts, at_ms)
    return True


def closed_before(now_ms: int, days: int) -> date:
    """Numbers of cases closed before this day are kept no longer."""
    return city_day(now_ms) - timedelta(days=days)


def _keep(session: Session, party_id: str, brought: dict[bytes, Case], now_ms: int) -> Delivered:
    known = case_registers.find(session, party_id, list(brought))
    changed = 0
    for index, one in brought.items():
        row = known.get(index)
        if row is None:
            case_registers.add(session, party_id, index, one.opened_on, one.closed_on, now_ms)
        elif (row.opened_on, row.closed_on) != (one.opened_on, one.closed_on):
            row.opened_on, row.closed_on = one.opened_on, one.closed_on
            changed += 1
    fresh = [index for index in brought if index not in known]
    came = case_registers.mark_come(session, party_id, fresh, now_ms)
    return Delivered(len(fresh), changed, len(known) - changed, came)


def _is_other_side(session: Session, party_id: str, subject: str, now_ms: int, *, asked: bool) -> bool:
    since = now_ms - case_rules().separation_days * DAY_MS
    others = case_registers.accounts(session, party_id, since, asked=asked)
    return any(policy.may_be_one(subject, other) for other in others)
