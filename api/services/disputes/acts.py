"""The moves that people make: object, answer, ask the regulator, decide, take back."""

from dataclasses import dataclass

from api.errors import ApiError, Kind
from api.policy.disputes import DisputeState, Mover, Subject, check_move
from api.policy.mandates import Action
from api.services.authority import authority, by
from api.services.context import Actor, Also, Context, Role
from api.services.disputes.record import checked_text, locked, moved
from api.store import Session, ids
from api.store.ids import ReceiptId
from api.store.numbering import Numberer
from api.store.queries import disputes, grants, holders, masks, parties, receipts, records
from api.store.queries.disputes import Words
from api.store.queries.looks import LOOKS
from api.store.queries.parties import PartyRole
from api.store.queries.returns import RecordStatus
from api.store.receipts import ReceiptDraft
from api.store.tables import Dispute

OPEN_MAX = 20
ANSWERERS = (Role.DEPARTMENT, Role.ENTITY)
_ANSWERING = frozenset({PartyRole.DEPARTMENT, PartyRole.ENTITY})


@dataclass(frozen=True, slots=True)
class _About:
    """What a dispute is about, and who must answer."""

    subject: Subject
    party_id: str
    type_code: str | None = None
    record_id: str | None = None
    field: str | None = None
    receipt_id: str | None = None


def open_dispute(
    ctx: Context,
    actor: Actor,
    statement: str,
    *,
    record_id: str | None = None,
    field: str | None = None,
    receipt_id: str | None = None,
    also: Also[Dispute] | None = None,
) -> Dispute:
    """Object to a certificate (`record_id`), one of its fields, or a line of who looked (`receipt_id`).

    Raises `disputes.bad_text`, `disputes.one_subject`, `disputes.not_found` (nothing of one's own),
    `disputes.superseded`, `disputes.nobody_answers`, `disputes.open_already`, `disputes.too_many`,
    `catalogue.unknown_field`, `mandate.…`.
    """
    text = checked_text(statement)
    if (record_id is None) == (receipt_id is None) or (field is not None and record_id is None):
        raise ApiError("disputes.one_subject")

    def work(session: Session, numberer: Numberer) -> Dispute:
        now = numberer.now_ms
        holder_id = authority(ctx, session, actor, Action.END, lock=True).holder_id
        if record_id is not None:
            about = _certificate(ctx, session, actor, holder_id, record_id, field)
        else:
            about = _line(ctx, session, actor, holder_id, receipt_id or "", now)
        known = disputes.open_about(
            session, holder_id, record_id=about.record_id, field=about.field, receipt_id=about.receipt_id
        )
        if known is not None:
            raise ApiError("disputes.open_already", Kind.CONFLICT)
        if disputes.count_open(session, holder_id=holder_id) >= OPEN_MAX:
            raise ApiError("disputes.too_many", Kind.CONFLICT, limit=OPEN_MAX)
        row = Dispute(
            id=ids.new_dispute_id(),
            number=disputes.next_number(session),
            holder_id=holder_id,
            party_id=about.party_id,
            subject=about.subject.value,
            type_code=about.type_code,
            record_id=about.record_id,
            field=about.field,
            receipt_id=about.receipt_id,
            state=DisputeState.OPENED.value,
            contested=False,
            ordered=False,
            opened_at_ms=now,
            plain=False,
        )
        disputes.seal_words(holders.holder_key(session, ctx.vault, holder_id), row, Words.STATEMENT, text)
        session.add(row)
        session.flush()
        _moved(ctx, session, numberer, actor, row, DisputeState.OPENED, Mover.HOLDER, text)
        if also is not None:
            also(session, row)
        return row

    return ctx.log.submit(work)


def answer(
    ctx: Context, actor: Actor, dispute_id: str, *, upheld: bool, text: str, also: Also[Dispute] | None = None
) -> Dispute:
    """Whoever must answer says that the holder is right, with nothing to be corrected, or refuses with the reason.

    Raises `disputes.not_found`, `disputes.transition`, `disputes.bad_text`.
    """
    party_id = actor.party(*ANSWERERS)
    state = DisputeState.UPHELD if upheld else DisputeState.REFUSED
    said = checked_text(text)

    def work(session: Session, numberer: Numberer) -> Dispute:
        row = locked(session, dispute_id)
        if row.party_id != party_id:
            raise ApiError("disputes.not_found", Kind.NOT_FOUND)
        return _move(ctx, session, numberer, actor, row, state, Mover.PARTY, (Words.ANSWER, said), also)

    return ctx.log.submit(work)


def contest(ctx: Context, actor: Actor, dispute_id: str, text: str, *, also: Also[Dispute] | None = None) -> Dispute:
    """The holder asks the regulator to decide, once, within the days after the answer.

    Raises `disputes.not_found`, `disputes.transition`, `disputes.too_late`, `disputes.bad_text`.
    """
    said = checked_text(text)

    def work(session: Session, numberer: Numberer) -> Dispute:
        row = _own(ctx, session, actor, dispute_id)
        check_move(DisputeState(row.state), DisputeState.CONTESTED, Mover.HOLDER, contested=row.contested)
        if row.contest_until_ms is None or numberer.now_ms >= row.contest_until_ms:
            raise ApiError("disputes.too_late", Kind.CONFLICT)
        row.contested = True
        key = holders.holder_key(session, ctx.vault, row.holder_id)
        disputes.seal_words(key, row, Words.CONTEST, said)
        _moved(ctx, session, numberer, actor, row, DisputeState.CONTESTED, Mover.HOLDER, said)
        if also is not None:
            also(session, row)
        return row

    return ctx.log.submit(work)


def withdraw(ctx: Context, actor: Actor, dispute_id: str, *, also: Also[Dispute] | None = None) -> Dispute:
    """The holder takes a dispute back. Raises `disputes.not_found`, `disputes.transition`."""

    def work(session: Session, numberer: Numberer) -> Dispute:
        row = _own(ctx, session, actor, dispute_id)
        return _move(ctx, session, numberer, actor, row, DisputeState.WITHDRAWN, Mover.HOLDER, None, also)

    return ctx.log.submit(work)


def decide(
    ctx: Context, actor: Actor, dispute_id: str, *, in_favour: bool, text: str, also: Also[Dispute] | None = None
) -> Dispute:
    """A regulator decides what nobody answered in time or what its holder contested.

    In favour of the holder: whoever must answer has to act, by a new date. Raises `disputes.not_found`,
    `disputes.transition`, `disputes.bad_text`.
    """
    actor.party(Role.REGULATOR)
    said = checked_text(text)
    state = DisputeState.ORDERED if in_favour else DisputeState.DISMISSED

    def work(session: Session, numberer: Numberer) -> Dispute:
        row = locked(session, dispute_id)
        return _move(ctx, session, numberer, actor, row, state, Mover.REGULATOR, (Words.DECISION, said), also)

    return ctx.log.submit(work)


def _move(
    ctx: Context,
    session: Session,
    numberer: Numberer,
    actor: Actor,
    row: Dispute,
    state: DisputeState,
    mover: Mover,
    words: tuple[Words, str] | None,
    also: Also[Dispute] | None,
) -> Dispute:
    check_move(DisputeState(row.state), state, mover, contested=row.contested)
    if words is not None:
        disputes.seal_words(holders.holder_key(session, ctx.vault, row.holder_id), row, *words)
    _moved(ctx, session, numberer, actor, row, state, mover, None if words is None else words[1])
    if also is not None:
        also(session, row)
    return row


def _moved(
    ctx: Context,
    session: Session,
    numberer: Numberer,
    actor: Actor,
    row: Dispute,
    state: DisputeState,
    mover: Mover,
    said: str | None,
) -> None:
    def add(draft: ReceiptDraft) -> ReceiptId:
        return numberer.add(draft).id

    moved(session, row, state, mover, numberer.now_ms, add, said=said, more=by(ctx, actor))


def _own(ctx: Context, session: Session, actor: Actor, dispute_id: str) -> Dispute:
    may = authority(ctx, session, actor, Action.END, lock=True)
    row = locked(session, dispute_id)
    types = () if row.type_code is None else (row.type_code,)
    if row.holder_id != may.holder_id or not (may.covers(Action.END, types) and (types or may.whole)):
        raise ApiError("disputes.not_found", Kind.NOT_FOUND)
    return row


def _certificate(
    ctx: Context, session: Session, actor: Actor, holder_id: str, record_id: str, field: str | None
) -> _About:
    view = records.get_record(session, holder_id, record_id)
    if view is None:
        raise ApiError("disputes.not_found", Kind.NOT_FOUND)
    authority(ctx, session, actor, Action.END, types=[view.record.type_code])
    if view.status == RecordStatus.SUPERSEDED:
        raise ApiError("disputes.superseded", Kind.CONFLICT)
    if field is not None:
        ctx.catalogue.type(view.record.type_code).field(field)
    return _About(
        Subject.CERTIFICATE if field is None else Subject.FIELD,
        disputes.issuer_of(session, view.record),
        view.record.type_code,
        record_id,
        field,
    )


def _line(ctx: Context, session: Session, actor: Actor, holder_id: str, receipt_id: str, now_ms: int) -> _About:
    receipt = receipts.receipt_of_holder(session, holder_id, receipt_id)
    if receipt is None or masks.receipt_is_hidden(session, receipt, now_ms) or receipt.kind not in LOOKS:
        raise ApiError("disputes.not_found", Kind.NOT_FOUND)
    grant = None if receipt.grant_id is None else grants.grant_of_holder(session, holder_id, receipt.grant_id)
    if grant is not None:
        authority(ctx, session, actor, Action.END, types=grants.types_of(grant), purpose=grants.purpose_of(grant))
    elif not authority(ctx, session, actor, Action.END).whole:
        raise ApiError("disputes.not_found", Kind.NOT_FOUND)
    party = None if receipt.party_id is None else parties.get_party(session, receipt.party_id)
    if party is None or party.role not in _ANSWERING:
        raise ApiError("disputes.nobody_answers", Kind.CONFLICT)
    return _About(Subject.LINE, party.id, receipt_id=receipt_id)
