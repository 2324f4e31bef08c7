"""这不是我授权的: a holder says of a line or a grant that it was not theirs.

The case and what it holds up stand in one transaction: a consent's grant is frozen at once, a party's queries by
statutory duty about this holder are suspended. A regulator reviews it with the line's evidence and decides; upheld, the
grant is void and its copies are due; dismissed or withdrawn, it serves again. A line that is still masked may be
contested as well, but holds nothing up: else a suspect could stop an inquiry that a law keeps from them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.policy.cases import TEXT_MAX, CaseState, Hold, check_case_transition, due_ms
from api.policy.mandates import Action
from api.policy.states import GRANT_TRANSITIONS, GrantState, InvalidReason
from api.services import evidence, looks, notifications
from api.services.authority import authority, by
from api.services.context import Actor, Also, Context, Role
from api.services.grants.changes import freeze_within, invalidate_within, unfreeze_within
from api.services.grants.events import author_of
from api.services.grants.reading import shown_state
from api.services.notifications import Topic
from api.store import Session, clock, ids, read_only, unit_of_work
from api.store.numbering import Numberer
from api.store.queries import cases, grants, holders, masks, parties, receipts
from api.store.queries.paging import Page
from api.store.queries.registrations import LegalBasis
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Case, CaseEvent, Grant, Party, Receipt, StatutoryAccess
from chain.bundle import Bundle
from chain.canonical import Json
from chain.receipt import ReceiptKind

OPEN_MAX = 20
CONCERNED = (Role.ENTITY, Role.DEPARTMENT)


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case as whoever asks may see it: `reason` and `decision` are None where they are not theirs to read.

    `masked`: the line is one of statutory duty that its holder does not see in full yet.
    """

    case: Case
    party: Party | None
    grant: Grant | None
    receipt: Receipt | None
    events: Sequence[CaseEvent]
    reason: str | None
    decision: str | None
    masked: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a regulator reviews: the line's receipt and, where a machine signed the request for it, that request."""

    receipt: Receipt | None
    signed_base: str | None
    bundle: Bundle | None


@dataclass(frozen=True, slots=True)
class _About:
    """What a case is about, locked where it will change."""

    receipt: Receipt | None
    grant: Grant | None
    access: StatutoryAccess | None
    party_id: str | None
    masked: bool


def open_case(
    ctx: Context,
    actor: Actor,
    reason: str,
    *,
    receipt_id: str | None = None,
    grant_id: str | None = None,
    access_id: str | None = None,
    also: Also[Case] | None = None,
) -> Case:
    """Contest a line by its receipt, a grant, or a masked line by the access it names; exactly one of them.

    Raises `cases.bad_text`, `cases.one_subject`, `cases.not_found` (nothing of one's own), `cases.open_already`,
    `cases.too_many`, `mandate.…`.
    """
    text = _text(reason)
    if sum(one is not None for one in (receipt_id, grant_id, access_id)) != 1:
        raise ApiError("cases.one_subject")

    def work(session: Session, numberer: Numberer) -> Case:
        now = numberer.now_ms
        holder_id = authority(ctx, session, actor, Action.END, lock=True).holder_id
        about = _about(ctx, session, actor, holder_id, receipt_id, grant_id, access_id, now)
        stands_for = None if about.grant is None else about.grant.id
        receipt = None if about.receipt is None else about.receipt.id
        if cases.open_about(session, holder_id, grant_id=stands_for, receipt_id=receipt) is not None:
            raise ApiError("cases.open_already", Kind.CONFLICT)
        if cases.count_open(session, holder_id) >= OPEN_MAX:
            raise ApiError("cases.too_many", Kind.CONFLICT, limit=OPEN_MAX)
        row = Case(
            id=ids.new_case_id(),
            number=cases.next_number(session),
            holder_id=holder_id,
            party_id=about.party_id,
            grant_id=stands_for,
            receipt_id=receipt,
            access_id=None if about.access is None else about.access.id,
            state=CaseState.OPENED.value,
            hold=_hold(about, now).value,
            opened_at_ms=now,
            due_at_ms=due_ms(now),
        )
        cases.seal_reason(holders.holder_key(session, ctx.vault, holder_id), row, text)
        session.add(row)
        session.flush()
        if row.hold == Hold.GRANT and about.grant is not None:
            freeze_within(session, about.grant, row.id, actor, now, numberer.add)
        if row.hold == Hold.ACCESS:
            cases.suspend(session, row, now)
        draft = _draft(ctx, actor, row, CaseState.OPENED, "holder", text, tells=not about.masked)
        numbered = numberer.add(draft)
        cases.append_event(session, row, CaseState.OPENED, "holder", numbered.id, now)
        _tell(session, row, now, party=not about.masked)
        if also is not None:
            also(session, row)
        return row

    return ctx.log.submit(work, first=True)


def withdraw(ctx: Context, actor: Actor, case_id: str, *, also: Also[Case] | None = None) -> Case:
    """The holder takes a case back; what it held up goes on. Raises `cases.not_found`, `cases.transition`."""

    def work(session: Session, numberer: Numberer) -> Case:
        holder_id = authority(ctx, session, actor, Action.END, lock=True).holder_id
        row = _locked(session, case_id)
        if row.holder_id != holder_id:
            raise ApiError("cases.not_found", Kind.NOT_FOUND)
        return _move(ctx, session, numberer, actor, row, CaseState.WITHDRAWN, "holder", None, also)

    return ctx.log.submit(work)


def review(ctx: Context, actor: Actor, case_id: str, *, also: Also[Case] | None = None) -> Case:
    """A regulator takes a case up. Raises `cases.not_found`, `cases.transition`."""
    actor.party(Role.REGULATOR)

    def work(session: Session, numberer: Numberer) -> Case:
        row = _locked(session, case_id)
        return _move(ctx, session, numberer, actor, row, CaseState.UNDER_REVIEW, "regulator", None, also)

    return ctx.log.submit(work)


def decide(
    ctx: Context, actor: Actor, case_id: str, *, upheld: bool, text: str, also: Also[Case] | None = None
) -> Case:
    """A regulator decides a case that is under review, and says why.

    Upheld, the grant is void and its copies must go; an access that was suspended stays so. Dismissed, both go on.
    Raises `cases.not_found`, `cases.transition`, `cases.bad_text`.
    """
    actor.party(Role.REGULATOR)
    said = _text(text)
    state = CaseState.UPHELD if upheld else CaseState.DISMISSED

    def work(session: Session, numberer: Numberer) -> Case:
        return _move(ctx, session, numberer, actor, _locked(session, case_id), state, "regulator", said, also)

    return ctx.log.submit(work)


def get(ctx: Context, actor: Actor, case_id: str) -> CaseView:
    """One case, for its holder, the party it is about, or a regulator. Raises `cases.not_found`.

    A regulator is shown what the holder wrote, which leaves a line among those who looked.
    """
    with read_only(ctx.db) as session:
        row = cases.get_case(session, case_id)
        if row is None:
            raise ApiError("cases.not_found", Kind.NOT_FOUND)
        found = _view(ctx, session, actor, row)
    looks.by_regulator(ctx, actor, "case", [(row.holder_id, None)], {"case": case_id})
    return found


def list_visible(ctx: Context, actor: Actor, cursor: str | None = None, *, open_only: bool = False) -> Page[CaseView]:
    """One's own cases, those about one's own organisation, or all for a regulator; newest first, without texts."""
    with read_only(ctx.db) as session:
        if actor.role is Role.CITIZEN:
            may = authority(ctx, session, actor, Action.LOOK)
            page = cases.list_cases(session, holder_id=may.holder_id, open_only=open_only, cursor=cursor)
        elif actor.role is Role.REGULATOR:
            page = cases.list_cases(session, open_only=open_only, cursor=cursor)
        else:
            party_id, now = actor.party(*CONCERNED), clock.now_ms(session)
            page = cases.list_cases(session, party_id=party_id, open_only=open_only, cursor=cursor)
            kept = [row for row in page.items if not _is_masked(session, row, now)]
            page = Page(kept, page.next_cursor)
        return Page([_seen(session, actor, row, None, None) for row in page.items], page.next_cursor)


def evidence_of(ctx: Context, actor: Actor, case_id: str) -> Evidence:
    """What a regulator decides on: the line, its signed request, its evidence bundle. Raises `cases.not_found`."""
    actor.party(Role.REGULATOR)
    with read_only(ctx.db) as session:
        row = cases.get_case(session, case_id)
        if row is None:
            raise ApiError("cases.not_found", Kind.NOT_FOUND)
        receipt = _line(session, row)
        kept = None if receipt is None else receipts.kept_request(session, ctx.vault, receipt.id)
        numbered = receipt is not None and receipt.number is not None
        bundle = evidence.receipt_bundle(ctx, session, receipt) if receipt is not None and numbered else None
        found = Evidence(receipt, None if kept is None else str(kept["base"]), bundle)
    looks.by_regulator(ctx, actor, "case", [(row.holder_id, None)], {"case": case_id})
    return found


def escalate_overdue(ctx: Context) -> int:
    """The worker's share: cases that nobody decided in time are reported to every regulator; how many."""
    with read_only(ctx.db) as session:
        late = cases.overdue(session, clock.now_ms(session))
    for case_id in late:
        with unit_of_work(ctx.db) as session:
            now = clock.advance(session)
            row = _locked(session, case_id)
            state = CaseState(row.state)
            if state.final or row.escalated_at_ms is not None:
                continue
            row.escalated_at_ms = now
            details = _details(row, state, "platform", None) | {"act": "overdue"}
            draft = ReceiptDraft(ReceiptKind.CASE, details, holder_id=row.holder_id, grant_id=row.grant_id)
            cases.append_event(
                session, row, state, "platform", prepare_receipt(session, ctx.vault, draft), now, "overdue"
            )
            _tell(session, row, now, party=False, overdue=True)
        ctx.log.wake()
    return len(late)


def _about(
    ctx: Context,
    session: Session,
    actor: Actor,
    holder_id: str,
    receipt_id: str | None,
    grant_id: str | None,
    access_id: str | None,
    now_ms: int,
) -> _About:
    receipt = None if receipt_id is None else receipts.receipt_of_holder(session, holder_id, receipt_id)
    access = None if access_id is None else masks.get_access(session, access_id)
    if receipt is not None:
        if masks.receipt_is_hidden(session, receipt, now_ms):
            raise ApiError("cases.not_found", Kind.NOT_FOUND)
        grant_id, access = receipt.grant_id, masks.access_behind(session, receipt.id, receipt.grant_id)
    if access is not None:
        if access.holder_id != holder_id:
            raise ApiError("cases.not_found", Kind.NOT_FOUND)
        receipt = receipt or receipts.get_receipt(session, access.receipt_id or "")
        grant_id = access.grant_id
    grant = None if grant_id is None else grants.lock_grant(session, grant_id)
    if grant is not None:
        if grant.holder_id != holder_id:
            raise ApiError("cases.not_found", Kind.NOT_FOUND)
        authority(ctx, session, actor, Action.END, types=grants.types_of(grant), purpose=grants.purpose_of(grant))
        if access is None and grant.legal_basis == LegalBasis.STATUTORY_DUTY:
            access = masks.access_behind(session, "", grant.id)
    if receipt is None and grant is None and access is None:
        raise ApiError("cases.not_found", Kind.NOT_FOUND)
    masked = access is not None and access.masked_until_ms is not None and access.masked_until_ms > now_ms
    if masked and access_id is None:
        raise ApiError("cases.not_found", Kind.NOT_FOUND)
    party_id = (access and access.party_id) or (grant and grant.entity_id) or (receipt and receipt.party_id) or None
    return _About(receipt, grant, access, party_id, masked)


def _hold(about: _About, now_ms: int) -> Hold:
    if about.masked:
        return Hold.NONE
    if about.access is not None:
        return Hold.ACCESS
    grant = about.grant
    if grant is None or shown_state(grant, now_ms).final or grant.frozen:
        return Hold.NONE
    return Hold.GRANT


def _move(
    ctx: Context,
    session: Session,
    numberer: Numberer,
    actor: Actor,
    row: Case,
    state: CaseState,
    word: str,
    text: str | None,
    also: Also[Case] | None,
) -> Case:
    """One move of a locked case, with what follows from it."""
    now = numberer.now_ms
    check_case_transition(CaseState(row.state), state)
    if text is not None:
        cases.seal_decision(holders.holder_key(session, ctx.vault, row.holder_id), row, text)
        row.decided_by = actor.party_id
    if state.final:
        row.closed_at_ms = now
        _settle(session, numberer, actor, row, state)
    masked = _is_masked(session, row, now)
    numbered = numberer.add(_draft(ctx, actor, row, state, word, text, tells=not masked))
    cases.append_event(session, row, state, word, numbered.id, now)
    _tell(session, row, now, party=not masked)
    if also is not None:
        also(session, row)
    return row


def _settle(session: Session, numberer: Numberer, actor: Actor, row: Case, state: CaseState) -> None:
    """What the end of a case does to what it held up."""
    now = numberer.now_ms
    if state is not CaseState.UPHELD:
        cases.lift(session, row.id, now)
    if row.grant_id is None or row.access_id is not None:
        return
    grant = grants.lock_grant(session, row.grant_id)
    assert grant is not None, "a case's grant is never deleted"
    if state is CaseState.UPHELD:
        if GrantState.INVALIDATED not in GRANT_TRANSITIONS[shown_state(grant, now)]:
            return  # it ended in another way meanwhile, and its copies are due by that
        invalidate_within(
            session,
            grant,
            InvalidReason.REGULATOR,
            author_of(actor),
            now,
            numberer.add,
            reference=shown_number(row),
        )
    elif (
        not GrantState(grant.state).final
        and grant.frozen
        and grant.case_id == row.id
        and (actor.role is Role.REGULATOR or not grant.suspended)
    ):
        unfreeze_within(session, grant, row.id, actor, now, numberer.add)


def shown_number(row: Case) -> str:
    """A case's number as people write it."""
    return shown_number_of(row.number)


def shown_number_of(number: int) -> str:
    """The same for a number by itself."""
    return f"MD-{number:06d}"


def _line(session: Session, row: Case) -> Receipt | None:
    """The line that a case is about; of a grant, the receipt with which it began."""
    if row.receipt_id is not None:
        return receipts.get_receipt(session, row.receipt_id)
    if row.grant_id is None:
        return None
    return next(iter(receipts.receipts_of_grant(session, row.grant_id, ReceiptKind.GRANT)), None)


def _is_masked(session: Session, row: Case, now_ms: int) -> bool:
    access = None if row.access_id is None else masks.get_access(session, row.access_id)
    return access is not None and access.masked_until_ms is not None and access.masked_until_ms > now_ms


def _view(ctx: Context, session: Session, actor: Actor, row: Case) -> CaseView:
    if actor.role is Role.CITIZEN:
        may = authority(ctx, session, actor, Action.LOOK)
        grant = None if row.grant_id is None else grants.find_grant(session, row.grant_id)
        within = (
            may.whole if grant is None else may.covers(Action.LOOK, grants.types_of(grant), grants.purpose_of(grant))
        )
        if row.holder_id != may.holder_id or not within:
            raise ApiError("cases.not_found", Kind.NOT_FOUND)
    elif actor.role is not Role.REGULATOR:
        masked = _is_masked(session, row, clock.now_ms(session))
        if row.party_id != actor.party(*CONCERNED) or masked:
            raise ApiError("cases.not_found", Kind.NOT_FOUND)
        # What the holder wrote is for the regulator; the party learns what was decided about it, and why.
        key = holders.holder_key(session, ctx.vault, row.holder_id)
        return _seen(session, actor, row, None, cases.open_decision(key, row))
    key = holders.holder_key(session, ctx.vault, row.holder_id)
    return _seen(session, actor, row, cases.open_reason(key, row), cases.open_decision(key, row))


def _seen(session: Session, actor: Actor, row: Case, reason: str | None, decision: str | None) -> CaseView:
    masked = _is_masked(session, row, clock.now_ms(session))
    veiled = masked and actor.role is Role.CITIZEN
    party = None if veiled or row.party_id is None else parties.get_party(session, row.party_id)
    grant = None if veiled or row.grant_id is None else grants.find_grant(session, row.grant_id)
    receipt = None if veiled else _line(session, row)
    return CaseView(row, party, grant, receipt, cases.events_of(session, row.id), reason, decision, masked)


def _locked(session: Session, case_id: str) -> Case:
    row = cases.get_case(session, case_id, lock=True)
    if row is None:
        raise ApiError("cases.not_found", Kind.NOT_FOUND)
    return row


def _details(row: Case, state: CaseState, word: str, text: str | None) -> dict[str, Json]:
    said = None if text is None else "0x" + hashlib.sha256(text.encode()).hexdigest()
    return {
        "case": row.id,
        "number": row.number,
        "state": state.value,
        "hold": row.hold,
        "actor": word,
        "statement_sha256": said,
    }


def _draft(
    ctx: Context, actor: Actor, row: Case, state: CaseState, word: str, text: str | None, *, tells: bool
) -> ReceiptDraft:
    """The receipt of a move; without party and grant while these are masked, for both would tell the holder."""
    return ReceiptDraft(
        ReceiptKind.CASE,
        {**_details(row, state, word, text), **by(ctx, actor)},
        holder_id=row.holder_id,
        party_id=row.party_id if tells else None,
        grant_id=row.grant_id if tells else None,
    )


def _tell(session: Session, row: Case, now_ms: int, *, party: bool, overdue: bool = False) -> None:
    """The holder, the party concerned and the regulators learn how it stands."""
    facts: dict[str, object] = {"case": row.id, "number": row.number, "state": "overdue" if overdue else row.state}
    key = f"case:{row.id}:{facts['state']}"
    notifications.tell_holder(session, row.holder_id, Topic.CASE, key, facts, now_ms)
    if party and row.party_id is not None:
        notifications.tell_party(session, row.party_id, Topic.CASE, key, facts, now_ms)
    if overdue or row.state in {CaseState.OPENED, CaseState.WITHDRAWN}:
        notifications.tell_regulators(session, Topic.CASE, key, facts, now_ms)


def _text(text: str) -> str:
    kept = text.strip()
    if not (0 < len(kept) <= TEXT_MAX) or any(ord(char) < 32 and char not in "\r\n\t" for char in kept):
        raise ApiError("cases.bad_text", limit=TEXT_MAX)
    return kept
