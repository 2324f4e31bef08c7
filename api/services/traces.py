"""Tracing for regulators: from a leaked file to the copy, and through its receipt to who, when and for what.

Candidates are chosen from the file alone, every copy of each content is scored, and the trace itself is receipted.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from api.errors import ApiError, Kind
from api.policy.copy_states import CopyState
from api.services import epochs, evidence, looks
from api.services.context import Actor, Also, Context, Role
from api.services.trace_candidates import LEFT_OUT, Search
from api.store import Session, clock, ids, read_only, unit_of_work
from api.store.queries import copies, deletions, grants, parties, receipts, traces
from api.store.queries.paging import Page
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Copy, CopyEvent, Trace
from chain.bundle import Bundle
from chain.receipt import ReceiptKind
from watermark.examine import examine
from watermark.forgetting import forget
from watermark.report import report_document, write_report
from watermark.seen_tables import shows_more
from watermark.trace import Outcome, Verdict, settled_files, trace, unexplained

MAX_FILES = 50
MAX_NAMED = 20
NAMED, LOOKED = "named", "looked"
"""Of a stored report: what the ledger says of the copies accused; how many originals were looked through, if a picture
alone had to find its content. Everything else is the tracer's, sealed."""
_GROUNDS = frozenset({"grounds", "seal", "report"})


@dataclass(frozen=True, slots=True)
class Suspect:
    """A file under suspicion: its name as uploaded (for its ending only) and its bytes."""

    name: str
    data: bytes


def file_sha256(data: bytes) -> bytes:
    """By which a file is known again."""
    return hashlib.sha256(data).digest()


def examine_file(ctx: Context, actor: Actor, suspect: Suspect, search: Search | None = None) -> Trace:
    """Trace one file; the verdict is stored and receipted. Raises `watermark.*` for a file that cannot be read."""
    return examine_files(ctx, actor, [suspect], search)[0]


def examine_files(
    ctx: Context,
    actor: Actor,
    suspects: Sequence[Suspect],
    search: Search | None = None,
    *,
    also: Also[Sequence[Trace]] | None = None,
) -> list[Trace]:
    """Trace files, each by itself; all verdicts are stored and receipted together, or none where one cannot be read.

    `search` holds what the regulator knows beside the files. Raises `watermark.*`.
    """
    party_id = actor.party(Role.REGULATOR)
    looking = search or Search(ctx)
    try:
        judged = [_judge(ctx, suspect, looking) for suspect in suspects]
    finally:
        forget()
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        rows = [_store(ctx, session, party_id, verdict, report, now) for verdict, report in judged]
        for row in rows:
            looks.by_regulator(ctx, actor, "trace", whose(session, row.report), {"trace": row.id}, session=session)
        if also is not None:
            also(session, rows)
    ctx.log.wake()
    return rows


def _judge(ctx: Context, suspect: Suspect, search: Search) -> tuple[Verdict, dict[str, object]]:
    # No transaction is held while files are read and compared: that takes seconds, and others' rows move on.
    examined = examine(suspect.data, suspect.name)
    with read_only(ctx.db) as session:
        keys = epochs.tracing_keys(ctx, session)
    found = search.candidates(examined, keys)
    verdict = trace(examined, suspect.name, found.contents, keys, set_aside=found.set_aside)
    if verdict.outcome is Outcome.NONE and search.may_look(examined, found):
        # What it says led astray and may be pasted in; it must not keep anybody from looking at its pictures.
        found = search.beside_by_look(examined, found)
        verdict = trace(examined, suspect.name, found.contents, keys, set_aside=found.set_aside)
    if unexplained(verdict) and shows_more(examined):
        # No certificate of ours: perhaps a picture of a table. A second try at all, counted as one.
        lettering, found = search.by_lettering(examined, settled_files(verdict), keys, found)
        said = lettering.codes
        if found.by_lettering:
            tried = -(-verdict.n // max(1, len(examined.parts)))
            verdict = trace(lettering.examined, suspect.name, found.contents, keys, set_aside=tried)
        verdict = replace(verdict, codes=tuple(dict.fromkeys([*verdict.codes, *said])))
    if found.erased and verdict.outcome in {Outcome.NONE, Outcome.INCONCLUSIVE}:
        # It was a copy of ours, and with what could tell whose it was, its holder's data were destroyed.
        verdict = replace(verdict, outcome=Outcome.ERASED, codes=("watermark.trace.erased",))
    if search.left_out(examined):
        verdict = replace(verdict, codes=(*verdict.codes, LEFT_OUT))
    with read_only(ctx.db) as session:
        report = {**report_document(verdict), NAMED: _named(session, verdict)}
    if found.looked is not None:
        report[LOOKED] = found.looked.to_dict()
    return verdict, report


def _store(
    ctx: Context, session: Session, party_id: str, verdict: Verdict, report: dict[str, object], now_ms: int
) -> Trace:
    trace_id = ids.new_trace_id()
    receipt_id = prepare_receipt(
        session,
        ctx.vault,
        ReceiptDraft(
            ReceiptKind.TRACE,
            {
                "trace": trace_id,
                "regulator": party_id,
                "file_sha256": "0x" + verdict.file_sha256.hex(),
                "outcome": verdict.outcome.value,
                "examined": verdict.n,
            },
            party_id=party_id,
        ),
    )
    row = Trace(
        id=trace_id,
        party_id=party_id,
        file_sha256=verdict.file_sha256,
        outcome=verdict.outcome.value,
        report=report,
        receipt_id=receipt_id,
        created_at_ms=now_ms,
    )
    session.add(row)
    return row


def get(ctx: Context, actor: Actor, trace_id: str) -> Trace:
    """A regulator's own trace; `traces.not_found` for another's."""
    with read_only(ctx.db) as session:
        return _own(session, actor, trace_id)


def list_own(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[Trace]:
    """A regulator's traces, newest first."""
    with read_only(ctx.db) as session:
        return traces.list_traces(session, actor.party(Role.REGULATOR), cursor=cursor)


def verdict_of(row: Trace) -> dict[str, object]:
    """The verdict and what the ledger says of the copies accused, without the grounds."""
    return {name: value for name, value in row.report.items() if name not in _GROUNDS}


def sealed_report(row: Trace) -> bytes:
    """The tracer's report, sealed, from which `python -m watermark rescore` computes all scores again."""
    return write_report(tracers_report(row))


def tracers_report(row: Trace) -> dict[str, object]:
    """What the tracer said, with its grounds and its seal, without what the ledger adds."""
    return {name: value for name, value in row.report.items() if name not in {NAMED, LOOKED}}


def bundle(ctx: Context, actor: Actor, trace_id: str, copy_id: str, kind: ReceiptKind = ReceiptKind.DELIVERY) -> Bundle:
    """The evidence bundle of a copy that a trace names: of its first delivery, or of its newest deletion.

    Raises `traces.not_found`, also where the copy's entity never stated that it destroyed it.
    """
    with read_only(ctx.db) as session:
        row = _own(session, actor, trace_id)
        named = row.report.get(NAMED)
        if not isinstance(named, list) or copy_id not in {item["copy"] for item in named}:
            raise ApiError("traces.not_found", Kind.NOT_FOUND)
        found = [receipt for receipt in receipts.receipts_of_copy(session, copy_id) if receipt.kind == kind]
        if kind is ReceiptKind.DELETION:
            stated = {event.receipt_id for event in _destroyed(session, copy_id)}
            found = [receipt for receipt in reversed(found) if receipt.id in stated]
        if not found:
            raise ApiError("traces.not_found", Kind.NOT_FOUND)
        made = evidence.receipt_bundle(ctx, session, found[0])
        about = [(one.holder_id, one.grant_id) for one in found[:1] if one.holder_id is not None]
    looks.by_regulator(ctx, actor, "evidence", about, {"trace": trace_id, "copy": copy_id})
    return made


def whose(session: Session, report: Mapping[str, object]) -> list[tuple[str, str | None]]:
    """Whose data stand in the copies that a verdict names."""
    named = report.get(NAMED)
    assert isinstance(named, list)
    found = [grants.find_grant(session, str(one["grant"])) for one in named]
    return [(grant.holder_id, grant.id) for grant in found if grant is not None]


def _own(session: Session, actor: Actor, trace_id: str) -> Trace:
    row = traces.get_trace(session, actor.party(Role.REGULATOR), trace_id)
    if row is None:
        raise ApiError("traces.not_found", Kind.NOT_FOUND)
    return row


def _named(session: Session, verdict: Verdict) -> list[dict[str, object]]:
    """For each copy accused: whose it was, under which grant, for what, and its deliveries in the log.

    Where only an entity is named, its copies of the contents that match stand for it.
    """
    wanted = [scored.copy_id for scored in verdict.accused if scored.copy_id is not None]
    entities = {scored.entity_id for scored in verdict.accused if scored.copy_id is None}
    entities -= {scored.entity_id for scored in verdict.accused if scored.copy_id is not None}
    if entities:
        made = copies.copies_of_contents(session, verdict.matched_contents)
        wanted += [copy.id for copy in made if copy.entity_id in entities]
    found = [copies.get_copy(session, copy_id) for copy_id in list(dict.fromkeys(wanted))[:MAX_NAMED]]
    return [_about(session, copy) for copy in found if copy is not None]


def _about(session: Session, copy: Copy) -> dict[str, object]:
    entity = parties.get_party(session, copy.entity_id)
    grant = grants.grant_to_entity(session, copy.entity_id, copy.grant_id)
    assert entity is not None and grant is not None
    purpose = grant.terms["purpose"]
    assert isinstance(purpose, Mapping)
    return {
        "copy": copy.id,
        "entity": entity.id,
        "entity_zh": entity.name_zh,
        "entity_en": entity.name_en,
        "grant": copy.grant_id,
        "grant_digest": "0x" + grant.digest.hex(),
        "purpose": purpose["code"],
        "case_no": grant.terms["case_no"],
        "media_type": copy.media_type,
        "deliveries": [
            {"receipt": receipt.id, "number": receipt.number, "at_ms": receipt.at_ms}
            for receipt in receipts.receipts_of_copy(session, copy.id)
            if receipt.kind == ReceiptKind.DELIVERY
        ],
        "state": copy.state,
        # What its entity stated of it, also where the same copy was delivered again afterwards: a leak of a copy
        # that somebody signed to have destroyed.
        "deletions": [
            {
                "receipt": event.receipt_id,
                "stated_at_ms": event.stated_at_ms,
                "at_ms": event.at_ms,
                "method": event.reason,
                "by": event.actor,
            }
            for event in _destroyed(session, copy.id)
        ],
    }


def _destroyed(session: Session, copy_id: str) -> list[CopyEvent]:
    return [event for event in deletions.events_of(session, copy_id) if event.state == CopyState.DELETED]
