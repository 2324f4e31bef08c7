"""Copies as people see them: each with its state, date and reason; and what the entity states of them.

A statement is a receipt of kind *deletion*: that a copy was destroyed, how and when; or that a law makes the entity
keep it, and until when. A machine signs it (RFC 9421) and its request is kept as evidence; staff may confirm in the
portal, which the receipt says.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

from api.catalogue.retention import RetentionBasis, load_retention
from api.errors import ApiError, Kind
from api.policy.copy_states import DUTIES, CopyState, check_copy_transition
from api.policy.mandates import Action
from api.policy.states import GrantState
from api.services import looks
from api.services.authority import Authority, authority
from api.services.context import Actor, Also, Context, Role
from api.services.copies_life import receipt_draft
from api.services.pulls import SignedPull
from api.store import Session, clock, read_only
from api.store.numbering import NumberedReceipt, Numberer
from api.store.queries import copies, deletions, grants, masks, parties, receipts
from api.store.queries.deletions import Move
from api.store.queries.paging import Page
from api.store.tables import Copy, CopyEvent, Grant, Party
from chain.canonical import Json
from chain.receipt import ReceiptKind

CITY_TIME = timezone(timedelta(hours=8))
LATE = frozenset({CopyState.OVERDUE, CopyState.ESCALATED})


@dataclass(frozen=True, slots=True)
class Statement:
    """What an entity says of a copy: the words as they came (`text`), and the machine's signed request around them."""

    text: str
    signed: SignedPull | None = None


@dataclass(frozen=True, slots=True)
class CopyView:
    """A copy with whose it is, under which grant, and its moves in order."""

    copy: Copy
    grant: Grant
    entity: Party
    events: Sequence[CopyEvent]

    @property
    def deleted(self) -> CopyEvent | None:
        """The newest statement that the copy was destroyed, also where it was delivered again afterwards."""
        return next((event for event in reversed(self.events) if event.state == CopyState.DELETED), None)


def confirm_deletion(
    ctx: Context,
    actor: Actor,
    copy_id: str,
    method: str,
    deleted_at_s: int,
    statement: Statement,
    *,
    also: Also[NumberedReceipt] | None = None,
) -> NumberedReceipt:
    """The entity states that it destroyed a copy by `method` at `deleted_at_s` (seconds since 1970).

    The statement covers every delivery with a lower number in the log, and must not be older than the last of them.
    Raises `copies.not_found`, `catalogue.unknown_method`, `copies.transition`, `copies.stated_in_future`,
    `copies.stated_before_delivery`.
    """
    entity_id = actor.party(Role.ENTITY)
    load_retention().method(method)

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        grant, copy = _locked(session, entity_id, copy_id)
        check_copy_transition(CopyState(copy.state), CopyState.DELETED)
        last = _last_delivery(session, copy)
        if deleted_at_s > numberer.now_ms // 1000 + ctx.settings.signature_skew_s:
            raise ApiError("copies.stated_in_future")
        if deleted_at_s < last.time_s:
            raise ApiError("copies.stated_before_delivery", Kind.CONFLICT)
        details = _details(grant, copy, "deleted", statement)
        details |= {"method": method, "deleted_at": deleted_at_s, "through": last.number}
        receipt = numberer.add(receipt_draft(grant, copy, details))
        _keep(ctx, session, receipt, statement)
        move = Move(
            CopyState.DELETED,
            _who(statement),
            method,
            # When the platform forgets its own marked bytes: a grant that may still serve may ask for them again.
            due_at_ms=numberer.now_ms if _over(grant) else grant.not_after_ms,
            stated_at_ms=deleted_at_s * 1000,
            receipt_id=receipt.id,
        )
        deletions.append_event(session, copy, move, numberer.now_ms)
        if also is not None:
            also(session, receipt)
        return receipt

    return ctx.log.submit(work)


def claim_retention(
    ctx: Context,
    actor: Actor,
    copy_id: str,
    basis_code: str,
    until: date,
    statement: Statement,
    *,
    also: Also[NumberedReceipt] | None = None,
) -> NumberedReceipt:
    """The entity names a law that makes it keep a copy until the end of the day `until` (China Standard Time).

    Raises `copies.not_found`, `catalogue.unknown_retention_basis`, `copies.transition`, `copies.basis_other_purpose`,
    `copies.until_past`, `copies.until_too_late`.
    """
    entity_id = actor.party(Role.ENTITY)
    basis = load_retention().basis(basis_code)

    def work(session: Session, numberer: Numberer) -> NumberedReceipt:
        grant, copy = _locked(session, entity_id, copy_id)
        check_copy_transition(CopyState(copy.state), CopyState.RETAINED)
        until_ms = _until(grant, basis, until, numberer.now_ms)
        last = _last_delivery(session, copy)
        details = _details(grant, copy, "retained", statement)
        details |= {"basis": basis.code, "until": until.isoformat(), "through": last.number}
        receipt = numberer.add(receipt_draft(grant, copy, details))
        _keep(ctx, session, receipt, statement)
        move = Move(
            CopyState.RETAINED,
            _who(statement),
            basis.code,
            due_at_ms=until_ms,
            basis=basis.code,
            stated_at_ms=numberer.now_ms,
            receipt_id=receipt.id,
        )
        deletions.append_event(session, copy, move, numberer.now_ms)
        if also is not None:
            also(session, receipt)
        return receipt

    return ctx.log.submit(work)


def get(ctx: Context, actor: Actor, copy_id: str) -> CopyView:
    """One copy, for its entity, its holder, or a regulator once it is late; else `copies.not_found`."""
    with read_only(ctx.db) as session:
        copy = copies.get_copy(session, copy_id)
        if copy is None or not _visible(ctx, session, actor, copy):
            raise ApiError("copies.not_found", Kind.NOT_FOUND)
        found = _views(session, [copy])[0]
    looks.by_regulator(ctx, actor, "copy", [(found.grant.holder_id, found.grant.id)], {"copy": copy_id})
    return found


def list_visible(
    ctx: Context, actor: Actor, cursor: str | None = None, *, states: Collection[CopyState] | None = None
) -> Page[CopyView]:
    """Newest first: an entity's copies, a holder's, or for a regulator everybody's that are late."""
    with read_only(ctx.db) as session:
        if actor.role is Role.CITIZEN:
            may = authority(ctx, session, actor, Action.LOOK)
            page = copies.copies_of_holder(session, may.holder_id, states=states, cursor=cursor)
            now = clock.now_ms(session)
            covered = [
                view
                for view in _views(session, page.items)
                if _covers(may, view.grant) and not masks.grant_is_hidden(session, view.grant.id, now)
            ]
            return Page(covered, page.next_cursor)
        if actor.role is Role.REGULATOR:
            page = deletions.copies_overdue(session, LATE if states is None else LATE & set(states), cursor=cursor)
        else:
            entity_id = actor.party(Role.ENTITY)
            page = deletions.copies_to_entity(session, entity_id, states=states, cursor=cursor)
        return Page(_views(session, page.items), page.next_cursor)


def of_grant(ctx: Context, grant_id: str, actor: Actor) -> list[CopyView]:
    """A grant's copies, oldest first, for its holder or its recipient; empty for everybody else."""
    with read_only(ctx.db) as session:
        found = copies.copies_of_grant(session, grant_id)
        return _views(session, [copy for copy in found if _visible(ctx, session, actor, copy)])


def counts(ctx: Context, actor: Actor) -> dict[CopyState, int]:
    """How many copies stand in each state: an entity's own, or everybody's for a regulator."""
    entity_id = None if actor.role is Role.REGULATOR else actor.party(Role.ENTITY)
    with read_only(ctx.db) as session:
        found = deletions.count_by_state(session, entity_id=entity_id)
    return {state: found.get(state.value, 0) for state in CopyState}


def duties(ctx: Context, actor: Actor) -> int:
    """How many of an entity's copies wait for it to do something."""
    found = counts(ctx, actor)
    return sum(found[state] for state in DUTIES)


def bases_for(grant: Grant) -> list[RetentionBasis]:
    """The laws that can be named for what was taken under a grant."""
    return [basis for basis in load_retention().bases.values() if basis.covers(grants.purpose_of(grant))]


def view_of(session: Session, copy: Copy) -> CopyView:
    """A copy with its moves, inside a transaction of the caller's, who may see it."""
    return _views(session, [copy])[0]


@dataclass(frozen=True, slots=True)
class _Last:
    number: int
    time_s: int


def _last_delivery(session: Session, copy: Copy) -> _Last:
    found = [one for one in receipts.receipts_of_copy(session, copy.id) if one.kind == ReceiptKind.DELIVERY]
    newest = max(found, key=lambda one: one.number or 0)
    assert newest.number is not None, "a delivery has its number before the bytes leave"
    return _Last(newest.number, newest.at_ms // 1000)


def _locked(session: Session, entity_id: str, copy_id: str) -> tuple[Grant, Copy]:
    found = copies.copy_of_entity(session, entity_id, copy_id)
    if found is None:
        raise ApiError("copies.not_found", Kind.NOT_FOUND)
    grant = grants.lock_grant(session, found.grant_id)
    copy = deletions.lock_copy(session, copy_id)
    assert grant is not None and copy is not None
    return grant, copy


def _details(grant: Grant, copy: Copy, act: str, statement: Statement) -> dict[str, Json]:
    signed = statement.signed
    return {
        "act": act,
        "grant": "0x" + grant.digest.hex(),
        "entity": copy.entity_id,
        "copy": copy.id,
        "file_sha256": "0x" + copy.file_sha256.hex(),
        "by": _who(statement),
        "statement": statement.text,
        "request": None if signed is None else "0x" + hashlib.sha256(signed.base.encode()).hexdigest(),
    }


def _who(statement: Statement) -> str:
    return "staff" if statement.signed is None else "machine"


def _keep(ctx: Context, session: Session, receipt: NumberedReceipt, statement: Statement) -> None:
    signed = statement.signed
    if signed is not None:
        kept: dict[str, Json] = {"base": signed.base, "signature": signed.signature.hex(), "key": dict(signed.key)}
        receipts.keep_request(session, ctx.vault, receipt.id, kept)


def _over(grant: Grant) -> bool:
    """Whether no pull can ever ask for this grant's copies again; one that is used up still answers a repeat."""
    return GrantState(grant.state).final and grant.state != GrantState.EXHAUSTED


def _until(grant: Grant, basis: RetentionBasis, until: date, now_ms: int) -> int:
    if not basis.covers(grants.purpose_of(grant)):
        raise ApiError("copies.basis_other_purpose", Kind.CONFLICT, basis=basis.code)
    begin = datetime.fromtimestamp(min(grant.ended_at_ms or now_ms, now_ms) / 1000, UTC).astimezone(CITY_TIME).date()
    if until > _years_later(begin, basis.max_years):
        # Asked first: the last day of the year 9999 has no day after it.
        raise ApiError("copies.until_too_late", years=basis.max_years)
    end = datetime.combine(until + timedelta(days=1), datetime.min.time(), CITY_TIME)
    until_ms = int(end.timestamp()) * 1000
    if until_ms <= now_ms:
        raise ApiError("copies.until_past")
    return until_ms


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, day=28)


def _covers(may: Authority, grant: Grant) -> bool:
    return may.covers(Action.LOOK, grants.types_of(grant), grants.purpose_of(grant))


def _visible(ctx: Context, session: Session, actor: Actor, copy: Copy) -> bool:
    if actor.role is Role.CITIZEN:
        may = authority(ctx, session, actor, Action.LOOK)
        grant = grants.grant_of_holder(session, may.holder_id, copy.grant_id)
        hidden = masks.grant_is_hidden(session, copy.grant_id, clock.now_ms(session))
        return grant is not None and _covers(may, grant) and not hidden
    if actor.role is Role.REGULATOR:
        return CopyState(copy.state) in LATE
    return copy.entity_id == actor.party(Role.ENTITY)


def _views(session: Session, found: Sequence[Copy]) -> list[CopyView]:
    events = deletions.events_of_copies(session, [copy.id for copy in found])
    seen: list[CopyView] = []
    for copy in found:
        grant, entity = session.get(Grant, copy.grant_id), parties.get_party(session, copy.entity_id)
        assert grant is not None and entity is not None
        seen.append(CopyView(copy, grant, entity, events.get(copy.id, [])))
    return seen
