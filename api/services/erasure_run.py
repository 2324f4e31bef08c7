"""Carrying erasures out, step by step. Each finds its work in the tables: a killed worker goes on where it stood.

    cooling    the time to think again is over and no regulator holds a consent up    -> running
    running    consents and mandates end, requests are closed, each in a transaction of its own; then the holder's name
               goes to the list outside the database; then, in one transaction, the keys are shredded and the receipt
               is written                                                             -> shredded
    shredded   the database's files are brought to hold none of the old ciphertexts   -> done

What is kept by law has a key of its own, which is shredded the same way when its time is over.
"""

import logging
from dataclasses import replace
from functools import partial

from api.errors import ApiError
from api.policy.states import GrantState, InvalidReason, RequestState
from api.services import evidence, mandates
from api.services.context import Context
from api.services.erasures import COOLING, DONE, RUNNING, SHREDDED, to_retain
from api.services.grants.changes import invalidate_within
from api.services.grants.events import PLATFORM, changed
from api.services.grants.reading import shown_state
from api.store import Session, backup_keys, clock, compaction, erasure_list, read_only, unit_of_work
from api.store.queries import erasures, grants, requests
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Erasure, RetentionKey
from chain.canonical import Json
from chain.receipt import ReceiptKind

log = logging.getLogger("mydata.erasure")


def turn(ctx: Context) -> int:
    """The worker's share: begin what is due, go on with what was begun, end retention, destroy old backup keys."""
    with read_only(ctx.db) as session:
        now = clock.now_ms(session)
        due = erasures.in_states(session, [COOLING], now)
        begun = erasures.in_states(session, [RUNNING, SHREDDED])
        over = erasures.due_retention(session, now)
    done = 0
    for erasure_id in due:
        done += begin(ctx, erasure_id)
    for erasure_id in [*due, *begun]:
        done += _try(ctx, erasure_id)
    for key_id in over:
        end_retention(ctx, key_id)
        done += 1
    backup_keys.destroy_expired(ctx.settings.data_dir, now)
    return done


def begin(ctx: Context, erasure_id: str) -> bool:
    """Leave the time to think again, after which nobody can take it back; not while evidence is held up."""
    with unit_of_work(ctx.db) as session:
        row, now = erasures.lock_erasure(session, erasure_id), clock.advance(session)
        if row is None or row.state != COOLING or row.due_at_ms is None or row.due_at_ms > now:
            return False
        if erasures.held_up(session, row.holder_id):
            return False
        row.state = RUNNING
    return True


def execute(ctx: Context, erasure_id: str) -> None:
    """Take an erasure from wherever it stands to its end.

    Raises `erasure.busy` (the files still hold old pages: again later), `erasure.list`, `store.unavailable`.
    """
    with read_only(ctx.db) as session:
        row = session.get_one(Erasure, erasure_id)
        state, holder_id = row.state, row.holder_id
    while state == RUNNING:
        end_relations(ctx, holder_id)
        with read_only(ctx.db) as session:
            entry = erasure_list.Entry(erasure_id, holder_id, clock.now_ms(session))
        erasure_list.append(ctx.settings.data_dir, entry)
        # Somebody may have given a consent meanwhile; then once more.
        state = SHREDDED if shred(ctx, erasure_id) else RUNNING
    if state == SHREDDED:
        finish(ctx, erasure_id)


def end_relations(ctx: Context, holder_id: str) -> None:
    """End every consent, mandate and open request of a holder, with their receipts and what recipients are told."""
    with read_only(ctx.db) as session:
        open_ = erasures.open_grants(session, holder_id)
    for grant_id in open_:
        with unit_of_work(ctx.db) as session:
            now, grant = clock.advance(session), grants.lock_grant(session, grant_id)
            if grant is None or GrantState(grant.state).final:
                continue
            add = partial(prepare_receipt, session, ctx.vault)
            shown = shown_state(grant, now)
            if shown.final:
                changed(session, grant, shown, PLATFORM, now, add)
            else:
                invalidate_within(session, grant, InvalidReason.HOLDER_ERASED, PLATFORM, now, add)
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        mandates.end_all_of(ctx, session, holder_id, now)
        for request in erasures.open_requests(session, holder_id):
            request.state, request.decided_at_ms = RequestState.LAPSED.value, now
            requests.answered(session, ctx.vault, request, {})
    ctx.log.wake()


def shred(ctx: Context, erasure_id: str) -> bool:
    """The one transaction after which nothing opens; False where a consent or mandate came up meanwhile."""
    with unit_of_work(ctx.db) as session:
        row, now = erasures.lock_erasure(session, erasure_id), clock.advance(session)
        if row is None or row.state != RUNNING:
            return True
        holder = erasures.lock_holder(session, row.holder_id)
        assert holder is not None
        if erasures.open_grants(session, holder.id) or erasures.live_mandates(session, holder.id):
            return False
        kept = [
            replace(one, proofs=_proofs(ctx, session, one.content_id)) for one in to_retain(session, holder.id, now)
        ]
        subject = f"citizen:{ctx.pairwise(holder.id, 'session')}"
        row.traces = erasures.shred(session, ctx.vault, holder, subject, kept, now)
        details: dict[str, Json] = {
            "act": "erased",
            "erasure": row.id,
            "holder": holder.id,
            "by": row.relation,
            "at": now // 1000,
            "tombstones": erasures.tombstones(session, holder.id),
            "retained": [
                {
                    "key": key.id,
                    "basis": key.basis,
                    "until": key.ends_ms // 1000,
                    "proofs": erasures.proofs_under(session, key.id),
                }
                for key in erasures.retention_of(session, holder.id)
            ],
        }
        row.receipt_id = prepare_receipt(session, ctx.vault, ReceiptDraft(ReceiptKind.ERASURE, details))
        row.state, row.erased_at_ms = SHREDDED, now
    ctx.log.wake()
    return True


def _proofs(ctx: Context, session: Session, content_id: str) -> dict[str, bytes]:
    """The evidence bundles by which a kept copy's delivery can be shown to whoever doubts it; no values are in them."""
    found: dict[str, bytes] = {}
    for receipt in erasures.first_deliveries(session, content_id):
        try:
            found[receipt.id] = evidence.receipt_bundle(ctx, session, receipt).to_bytes()
        except ApiError as error:
            # Whoever altered a row of the person's must not thereby keep the person from being forgotten.
            log.warning("no proof is kept of delivery %s: %s", receipt.id, error.code)
    return found


def finish(ctx: Context, erasure_id: str) -> None:
    """Clear the database's files of old pages, then forget what was looked for. Raises `erasure.busy`."""
    with read_only(ctx.db) as session:
        traces = [bytes.fromhex(one) for one in session.get_one(Erasure, erasure_id).traces]
    compaction.compact(ctx.db, traces)
    with unit_of_work(ctx.db) as session:
        row, now = erasures.lock_erasure(session, erasure_id), clock.advance(session)
        assert row is not None
        row.traces, row.state, row.closed_at_ms = [], DONE, now


def end_retention(ctx: Context, key_id: str) -> None:
    """Shred what one law kept; from now on tracing those copies answers *erased*."""
    with unit_of_work(ctx.db) as session:
        key, now = session.get_one(RetentionKey, key_id, with_for_update=True), clock.advance(session)
        if key.shredded_at_ms is not None:
            return
        details: dict[str, Json] = {
            "act": "retention_over",
            "key": key.id,
            "holder": key.holder_id,
            "basis": key.basis,
            "at": now // 1000,
        }
        traces = erasures.end_retention(session, ctx.vault, key, now)
        prepare_receipt(session, ctx.vault, ReceiptDraft(ReceiptKind.ERASURE, details))
        row = erasures.newest(session, key.holder_id)
        assert row is not None
        row.traces, row.state = [*row.traces, *traces], SHREDDED
    ctx.log.wake()


def reapply(ctx: Context) -> int:
    """Carry out again what the list names and a restored database does not know; how many.

    To be called before anything is served. Raises `erasure.list`, `store.unavailable`; a list that names nobody here
    is no fault, for a restored database may be older than the holder.
    """
    again = 0
    for entry in erasure_list.entries(ctx.settings.data_dir):
        with unit_of_work(ctx.db) as session:
            holder = erasures.lock_holder(session, entry.holder)
            if holder is None or erasures.is_erased(holder):
                continue
            row, now = erasures.lock_erasure(session, entry.erasure), clock.advance(session)
            if row is None:
                row = Erasure(
                    id=entry.erasure,
                    holder_id=entry.holder,
                    relation="self",
                    plan_digest=bytes(32),
                    traces=[],
                    asked_at_ms=entry.at_ms,
                )
                session.add(row)
            row.state, row.due_at_ms = RUNNING, entry.at_ms
            row.confirmed_at_ms = row.confirmed_at_ms or now
        try:
            execute(ctx, entry.erasure)
        except ApiError as error:
            # Shredded it is; that old pages wait for a reader to go must not keep the service from starting.
            if error.code != "erasure.busy":
                raise
        again += 1
    return again


def _try(ctx: Context, erasure_id: str) -> bool:
    try:
        execute(ctx, erasure_id)
    except ApiError as error:
        log.warning("erasure %s waits: %s", erasure_id, error.code)
        return False
    return True
