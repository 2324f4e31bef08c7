"""A holder asks for erasure: what it will mean, two confirmations, a time to think again, and the answer afterwards.

Only the holder itself may ask, and for an enterprise its legal representative: an agent or guardian may not destroy
what they hold for somebody else. Carrying it out is `erasure_run`'s.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from api.catalogue.erasure import Erased, Kept, load_erasure
from api.catalogue.retention import load_retention
from api.errors import ApiError, Kind
from api.policy.copy_states import DAY_MS, CopyState
from api.policy.mandates import Action
from api.services.authority import authority
from api.services.context import Actor, Also, Context, Relation, Role
from api.store import Session, backup_keys, clock, ids, read_only, unit_of_work
from api.store.queries import erasures, receipts
from api.store.queries.erasures import Retained
from api.store.queries.registrations import LegalBasis
from api.store.tables import Copy, Erasure
from chain.canonical import Json, canonical

ASKED, COOLING, RUNNING, SHREDDED, DONE, CANCELLED = "asked", "cooling", "running", "shredded", "done", "cancelled"
UNEXPIRED = "unexpired_copy"
"""The basis of copies given by consent that nobody stated a law for; others name the duty by which they were given."""
_DECISIVE = frozenset({"certificates", "grants", "mandates", "copies"})
# A receipt or a request that came in between the two confirmations changes nothing that was decided.


@dataclass(frozen=True, slots=True)
class ErasedLine:
    """Something that will be destroyed, and how much of it there is."""

    rule: Erased
    count: int


@dataclass(frozen=True, slots=True)
class KeptLine:
    """Something that stays, how much of it and until when; no end where nothing personal is in it."""

    rule: Kept
    count: int | None
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What erasure would mean now; `digest` (32 bytes) names it, and both confirmations repeat it."""

    erased: tuple[ErasedLine, ...]
    kept: tuple[KeptLine, ...]
    held_up: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Status:
    """What anybody who has its number may know of an erasure: nothing about whom it concerned."""

    id: str
    state: str
    due_at_ms: int | None
    erased_at_ms: int | None
    receipt_number: int | None


def plan(ctx: Context, actor: Actor) -> Plan:
    """What would be erased and what kept. Raises `auth.forbidden`, `erasure.not_yours`, `mandate.…`."""
    with read_only(ctx.db) as session:
        return _plan(ctx, session, _holder(ctx, session, actor))


def newest(ctx: Context, actor: Actor) -> Erasure | None:
    """The holder's latest wish. Raises as `plan`."""
    with read_only(ctx.db) as session:
        return erasures.newest(session, _holder(ctx, session, actor))


def ask(ctx: Context, actor: Actor, digest: bytes, *, also: Also[Erasure] | None = None) -> Erasure:
    """The first confirmation, of the plan with this digest. Nothing happens yet.

    Raises as `plan`, and `erasure.plan_changed` (something came or went meanwhile: look again), `erasure.running`.
    """
    with unit_of_work(ctx.db) as session:
        holder_id = _holder(ctx, session, actor)
        _check_plan(ctx, session, holder_id, digest)
        now = clock.advance(session)
        last = erasures.newest(session, holder_id)
        if last is not None and last.state not in {ASKED, CANCELLED}:
            raise ApiError("erasure.running", Kind.CONFLICT)
        if last is None or last.state == CANCELLED:
            last = Erasure(
                id=ids.new_erasure_id(),
                holder_id=holder_id,
                relation=actor.relation.value,
                state=ASKED,
                traces=[],
                plan_digest=digest,
                asked_at_ms=now,
            )
            session.add(last)
        last.plan_digest, last.asked_at_ms = digest, now
        session.flush()
        if also is not None:
            also(session, last)
    return last


def confirm(
    ctx: Context, actor: Actor, erasure_id: str, digest: bytes, *, also: Also[Erasure] | None = None
) -> Erasure:
    """The second confirmation: the time to think again begins. A repeat changes nothing.

    Raises as `ask`, `erasure.not_found`, and `erasure.held_up` while a regulator holds a consent up as evidence.
    """
    with unit_of_work(ctx.db) as session:
        row = _own(ctx, session, actor, erasure_id)
        if row.state == ASKED:
            _check_plan(ctx, session, row.holder_id, digest)
            if erasures.held_up(session, row.holder_id):
                raise ApiError("erasure.held_up", Kind.CONFLICT)
            now = clock.advance(session)
            row.state, row.confirmed_at_ms = COOLING, now
            row.due_at_ms = now + ctx.settings.erasure_cooling_s * 1000
        elif row.state != COOLING:
            raise ApiError("erasure.running", Kind.CONFLICT)
        session.flush()
        if also is not None:
            also(session, row)
    return row


def cancel(ctx: Context, actor: Actor, erasure_id: str, *, also: Also[Erasure] | None = None) -> Erasure:
    """Take the wish back, until it is being carried out. Raises `erasure.not_found`, `erasure.running`."""
    with unit_of_work(ctx.db) as session:
        row = _own(ctx, session, actor, erasure_id)
        if row.state in {ASKED, COOLING}:
            row.state, row.closed_at_ms = CANCELLED, clock.advance(session)
        elif row.state != CANCELLED:
            raise ApiError("erasure.running", Kind.CONFLICT)
        session.flush()
        if also is not None:
            also(session, row)
    return row


def status(ctx: Context, erasure_id: str) -> Status:
    """How far an erasure is; for whoever was given its number. Raises `erasure.not_found`."""
    with read_only(ctx.db) as session:
        row = session.get(Erasure, erasure_id)
        if row is None:
            raise ApiError("erasure.not_found", Kind.NOT_FOUND)
        receipt = None if row.receipt_id is None else receipts.get_receipt(session, row.receipt_id)
        number = None if receipt is None else receipt.number
        return Status(row.id, row.state, row.due_at_ms, row.erased_at_ms, number)


def to_retain(session: Session, holder_id: str, now_ms: int) -> list[Retained]:
    """The contents that must stay traceable, each under the basis that keeps it longest."""
    found: dict[str, Retained] = {}
    for copy, given in erasures.unexpired_copies(session, holder_id):
        default = UNEXPIRED if given is LegalBasis.CONSENT else given.value
        one = Retained(copy.content_id, copy.retained_basis or default, _traceable_until(copy, now_ms))
        known = found.get(one.content_id)
        if known is None or known.ends_ms < one.ends_ms:
            found[one.content_id] = one
    return sorted(found.values(), key=lambda one: one.content_id)


def _traceable_until(copy: Copy, now_ms: int) -> int:
    must_be_gone = max(copy.due_at_ms or 0, now_ms + load_retention().deletion_days * DAY_MS)
    return must_be_gone + load_erasure().trace_days * DAY_MS


def _plan(ctx: Context, session: Session, holder_id: str) -> Plan:
    now = clock.now_ms(session)
    rules, counted = load_erasure(), erasures.counts(session, holder_id)
    live = [copy for copy, _ in erasures.unexpired_copies(session, holder_id)]
    kept = []
    for rule in rules.kept:
        count: int | None = None
        until: int | None = None
        if rule.until == "copies":
            count = len(live)
            until = max((_traceable_until(copy, now) for copy in live), default=None)
        elif rule.until == "recipients":
            theirs = [copy for copy in live if copy.state == CopyState.RETAINED]
            count, until = len(theirs), max((copy.due_at_ms or now for copy in theirs), default=None)
        elif rule.until == "days":
            count, until = counted["accesses"], now + rule.days * DAY_MS
        elif rule.until == "backups":
            until = backup_keys.expiry_ms(now, ctx.settings.backup_key_days)
        if count != 0:
            kept.append(KeptLine(rule, count, until))
    erased = tuple(ErasedLine(rule, counted[rule.counted]) for rule in rules.erased)
    # Of times only the day: the plan that somebody reads must be the one that is confirmed a minute later.
    stated: Json = {
        "erased": {line.rule.code: line.count for line in erased if line.rule.code in _DECISIVE},
        "kept": {line.rule.code: [line.count, _day(line.until_ms)] for line in kept},
    }
    digest = hashlib.sha256(canonical(stated)).digest()
    return Plan(erased, tuple(kept), erasures.held_up(session, holder_id), digest)


def _day(at_ms: int | None) -> str | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def _check_plan(ctx: Context, session: Session, holder_id: str, digest: bytes) -> None:
    if _plan(ctx, session, holder_id).digest != digest:
        raise ApiError("erasure.plan_changed", Kind.CONFLICT)


def _holder(ctx: Context, session: Session, actor: Actor) -> str:
    """Whose data are meant, if the actor may destroy them."""
    if actor.role is not Role.CITIZEN:
        raise ApiError("auth.forbidden", Kind.FORBIDDEN)
    if actor.relation not in {Relation.SELF, Relation.LEGAL_REPRESENTATIVE}:
        raise ApiError("erasure.not_yours", Kind.FORBIDDEN)
    return authority(ctx, session, actor, Action.APPOINT, lock=False).holder_id


def _own(ctx: Context, session: Session, actor: Actor, erasure_id: str) -> Erasure:
    row = erasures.lock_erasure(session, erasure_id)
    if row is None or row.holder_id != _holder(ctx, session, actor):
        raise ApiError("erasure.not_found", Kind.NOT_FOUND)
    return row
