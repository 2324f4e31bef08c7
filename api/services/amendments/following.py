"""The worker's share of corrections: once the new version is sealed, withdraw the wrong ones and follow its recipients.

Everything finds its work in the tables and is done in short transactions, so a worker killed at any point goes on where
it stood. Whoever holds a copy with a wrong value is told, told again each day, reported to the regulator once the date
has passed, and told on until it confirms or has destroyed its copies.
"""

from collections import defaultdict
from collections.abc import Mapping

from api.catalogue.working_days import load_working_days
from api.errors import ApiError, Kind
from api.policy.copy_states import CopyState
from api.policy.disputes import (
    CONFIRM_DAYS,
    REMIND_MS,
    SETTLED,
    AmendmentState,
    DisputeState,
    Mover,
    RecipientState,
    check_move,
    check_recipient_move,
)
from api.services import revocations
from api.services.context import Context
from api.services.disputes.record import locked, moved
from api.services.notices import NoticeKind, tell
from api.services.notifications import Topic, tell_holder, tell_party, tell_regulators
from api.store import Session, clock, read_only, unit_of_work
from api.store.ids import ReceiptId
from api.store.log_writer import wait_for_round
from api.store.queries import amendments, copies, grants, holders, records
from api.store.queries.returns import ReturnState
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Amendment, AmendmentRecipient, Record
from chain.canonical import Json
from chain.receipt import ReceiptKind

AT_ONCE = 25
"""Recipients looked at in one transaction: on SQLite whoever pulls waits for it."""
NOTHING_CAME = "returned_nothing"
SEALED = frozenset({ReturnState.SEALED, ReturnState.ANCHORED})


def turn(ctx: Context) -> int:
    """Do what waits; how many corrections and recipients moved."""
    with read_only(ctx.db) as session:
        ended = amendments.returned(session)
    done = 0
    if ended:
        # A pull that was decided before the seal may not have been committed yet, and its copy is to be found.
        wait_for_round(ctx.db)
    for amendment_id, state in ended:
        with unit_of_work(ctx.db) as session:
            done += _returned(ctx, session, amendment_id, ReturnState(state) in SEALED)
    with read_only(ctx.db) as session:
        due = amendments.due(session, clock.now_ms(session), AT_ONCE)
    if due:
        with unit_of_work(ctx.db) as session:
            now = clock.advance(session)
            done += sum(_look_at(ctx, session, amendment_id, party_id, now) for amendment_id, party_id in due)
    with read_only(ctx.db) as session:
        finished = amendments.finished(session)
    for amendment_id in finished:
        with unit_of_work(ctx.db) as session:
            done += _finish(session, amendment_id)
    if done:
        ctx.log.wake()
    return done


def _returned(ctx: Context, session: Session, amendment_id: str, sealed: bool) -> int:
    """The return of a correction has come to its end: its new version shows, or there is none."""
    row = amendments.get_amendment(session, amendment_id, lock=True)
    if row is None or row.state != AmendmentState.RETURNING:
        return 0
    now = clock.advance(session)
    newer = amendments.new_version(session, row) if sealed else None

    def add(draft: ReceiptDraft) -> ReceiptId:
        return prepare_receipt(session, ctx.vault, draft)

    dispute = locked(session, row.dispute_id)
    if newer is None:
        row.state, row.done_at_ms = AmendmentState.FAILED.value, now
        late = DisputeState.OVERDUE if dispute.escalated_at_ms is not None else DisputeState.OPENED
        back = DisputeState.ORDERED if dispute.ordered else late
        check_move(DisputeState(dispute.state), back, Mover.PLATFORM, contested=dispute.contested)
        moved(session, dispute, back, Mover.PLATFORM, now, add, note=NOTHING_CAME)
        return 1
    wrong = _wrong_versions(ctx, session, row, newer)
    revoked = [
        record_id
        for record_id, names in wrong.items()
        if names & set(row.fields) and revocations.announce(ctx, session, row.id, session.get_one(Record, record_id))
    ]
    _recipients(session, row, wrong)
    term = load_working_days().term(now, CONFIRM_DAYS)
    row.state, row.new_record_id, row.sealed_at_ms = AmendmentState.TELLING.value, newer.id, now
    row.due_at_ms, row.plain = term.due_at_ms, term.plain
    check_move(DisputeState(dispute.state), DisputeState.CORRECTED, Mover.PLATFORM, contested=dispute.contested)
    more: dict[str, Json] = {
        "correction": row.id,
        "old": row.old_record_id,
        "new": newer.id,
        "revoked": [*revoked],
    }  # how many are to be told is not in it: some of them a law may keep from the holder, who reads this
    moved(session, dispute, DisputeState.CORRECTED, Mover.PLATFORM, now, add, more=more)
    tell_holder(session, row.holder_id, Topic.CORRECTED, row.old_record_id, {"type": row.type_code}, now)
    return 1


def _wrong_versions(ctx: Context, session: Session, row: Amendment, newer: Record) -> dict[str, frozenset[str]]:
    """Earlier versions that say what was wrong, each with the names of those fields; claims that follow are among them.

    A version that said something else at its time was not wrong, and whoever holds it has nothing to put right.
    """
    try:
        key = holders.holder_key(session, ctx.vault, row.holder_id)
        old = records.open_body(key, session.get_one(Record, row.old_record_id)).fields
        new = records.open_body(key, newer).fields
        changed = {name: value for name, value in old.items() if new.get(name) != value}
        found = {}
        for version in amendments.older_versions(session, newer):
            fields = records.open_body(key, version).fields
            names = frozenset(name for name, value in changed.items() if fields.get(name) == value)
            if names:
                found[version.id] = names
    except ApiError as error:
        if error.kind is Kind.UNAVAILABLE or error.code != "store.erased":
            raise
        return {}  # of somebody erased nobody has anything to put right
    return found


def _recipients(session: Session, row: Amendment, wrong: Mapping[str, frozenset[str]]) -> None:
    """Note everybody who holds a copy with a wrong value."""
    held: dict[str, dict[str, str]] = defaultdict(dict)
    for one in amendments.holdings(session, row.holder_id, row.type_code, frozenset(wrong)):
        if one.fields & wrong[one.record_id]:
            held[one.party_id][one.copy_id] = one.grant_id
    amendments.add_recipients(
        session,
        [
            {
                "amendment_id": row.id,
                "party_id": party_id,
                "copies": [{"copy": copy_id, "grant": grant_id} for copy_id, grant_id in sorted(found.items())],
                "state": RecipientState.WAITING.value,
                "told": 0,
                "told_at_ms": None,
                "next_at_ms": 0,
                "confirmed_at_ms": None,
                "confirmed_by": None,
                "receipt_id": None,
            }
            for party_id, found in sorted(held.items())
        ],
    )


def _look_at(ctx: Context, session: Session, amendment_id: str, party_id: str, now_ms: int) -> int:
    """Tell one recipient, first or again; report it where the date has passed; let it go where its copies are gone."""
    recipient = amendments.recipient_of(session, amendment_id, party_id, lock=True)
    row = amendments.get_amendment(session, amendment_id)
    if recipient is None or row is None or row.due_at_ms is None or recipient.next_at_ms > now_ms:
        return 0
    state = RecipientState(recipient.state)
    if state in SETTLED:
        return 0  # it has confirmed since this was looked up
    if not amendments.copies_left(session, [one["copy"] for one in recipient.copies]):
        check_recipient_move(state, RecipientState.RELEASED)
        recipient.state = RecipientState.RELEASED.value
        session.flush()
        return 1
    recipient.told += 1
    facts: dict[str, object] = {"correction": row.id, "party": party_id, "type": row.type_code}
    if state is RecipientState.WAITING:
        check_recipient_move(state, RecipientState.TOLD)
        recipient.state, recipient.told_at_ms = RecipientState.TOLD.value, now_ms
        tell_party(session, party_id, Topic.CORRECTED, f"{row.id}:{party_id}", facts, now_ms)
    elif state is RecipientState.TOLD and now_ms >= row.due_at_ms:
        _report(ctx, session, row, recipient, now_ms)
        tell_party(session, party_id, Topic.CORRECTED, f"{row.id}:{party_id}:late", facts, now_ms)
    soon = now_ms + REMIND_MS
    recipient.next_at_ms = min(soon, row.due_at_ms) if row.due_at_ms > now_ms else soon
    _tell_systems(session, row, recipient, now_ms)
    session.flush()
    return 1


def _report(ctx: Context, session: Session, row: Amendment, recipient: AmendmentRecipient, now_ms: int) -> None:
    check_recipient_move(RecipientState(recipient.state), RecipientState.ESCALATED)
    recipient.state = RecipientState.ESCALATED.value
    assert row.due_at_ms is not None
    details: dict[str, Json] = {
        "act": "correction_overdue",
        "correction": row.id,
        "entity": recipient.party_id,
        "copies": [one["copy"] for one in recipient.copies],
        "due": row.due_at_ms // 1000,
        "request": None,
    }
    prepare_receipt(session, ctx.vault, ReceiptDraft(ReceiptKind.CASE, details, party_id=recipient.party_id))
    facts: dict[str, object] = {"correction": row.id, "party": recipient.party_id}
    tell_regulators(session, Topic.OVERDUE, f"{row.id}:{recipient.party_id}", facts, now_ms)


def _tell_systems(session: Session, row: Amendment, recipient: AmendmentRecipient, now_ms: int) -> None:
    """One message a grant, so that its numbers stay in order; each names the copies that are left under it."""
    by_grant: dict[str, list[str]] = defaultdict(list)
    for one in recipient.copies:
        by_grant[one["grant"]].append(one["copy"])
    assert row.due_at_ms is not None
    for grant_id, copy_ids in by_grant.items():
        grant = grants.lock_grant(session, grant_id)
        assert grant is not None, "a copy's grant is never deleted"
        found = [copy for copy in (copies.get_copy(session, one) for one in copy_ids) if copy is not None]
        facts: dict[str, object] = {
            "copies": [
                {"copy": copy.id, "type": row.type_code, "state": copy.state}
                for copy in found
                if copy.state != CopyState.DELETED
            ],
            "correction": row.id,
            "fields": [*row.fields],
            "confirm_by": row.due_at_ms // 1000,
            "told": recipient.told,
        }
        key = f"grant:{grant_id}:amended:{row.id}:{recipient.told}"
        tell(session, grant, NoticeKind.CORRECTED, key, facts, now_ms)


def _finish(session: Session, amendment_id: str) -> int:
    row = amendments.get_amendment(session, amendment_id, lock=True)
    if row is None or row.state != AmendmentState.TELLING:
        return 0
    now = clock.advance(session)
    row.state, row.done_at_ms = AmendmentState.DONE.value, now
    facts: dict[str, object] = {"correction": row.id, "dispute": row.dispute_id, "type": row.type_code}
    tell_holder(session, row.holder_id, Topic.CORRECTED, f"{row.id}:done", facts, now)
    return 1
