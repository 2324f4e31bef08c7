"""Tracing for regulators: from a leaked file to the copy, and through its receipt to who, when and for what.

Candidates are chosen from the file alone, every copy of each content is scored, and the trace itself is receipted.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from api.errors import ApiError, Kind
from api.policy.copy_states import CopyState
from api.services import evidence, looks
from api.services.context import Actor, Also, Context, Role
from api.services.pulls import EPOCH
from api.store import Session, clock, ids, read_only, unit_of_work
from api.store.queries import copies, deletions, erasures, grants, parties, provenance, receipts, traces
from api.store.queries.paging import Page
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Copy, CopyEvent, Trace
from chain.bundle import Bundle
from chain.receipt import ReceiptKind
from watermark.examine import Examined, examine
from watermark.lookup import candidate_tags
from watermark.trace import ContentCandidates, IssuedCopy, Outcome, Verdict, trace

MAX_FILES = 50
MAX_CONTENTS = 2_000
MAX_NAMED = 20


@dataclass(frozen=True, slots=True)
class Suspect:
    """A file under suspicion: its name as uploaded (for its ending only) and its bytes."""

    name: str
    data: bytes


def file_sha256(data: bytes) -> bytes:
    """By which a file is known again."""
    return hashlib.sha256(data).digest()


def examine_file(ctx: Context, actor: Actor, suspect: Suspect) -> Trace:
    """Trace one file; the verdict is stored and receipted. Raises `watermark.*` for a file that cannot be read."""
    return examine_files(ctx, actor, [suspect])[0]


def examine_files(
    ctx: Context, actor: Actor, suspects: Sequence[Suspect], *, also: Also[Sequence[Trace]] | None = None
) -> list[Trace]:
    """Trace files, each by itself; all verdicts are stored and receipted together, or none where one cannot be read.

    Raises `watermark.*`.
    """
    party_id = actor.party(Role.REGULATOR)
    judged = [_judge(ctx, suspect) for suspect in suspects]
    with unit_of_work(ctx.db) as session:
        now = clock.advance(session)
        rows = [_store(ctx, session, party_id, verdict, report, now) for verdict, report in judged]
        for row in rows:
            looks.by_regulator(ctx, actor, "trace", _whose(session, row.report), {"trace": row.id}, session=session)
        if also is not None:
            also(session, rows)
    ctx.log.wake()
    return rows


def _judge(ctx: Context, suspect: Suspect) -> tuple[Verdict, dict[str, object]]:
    examined = examine(suspect.data, suspect.name)
    key = ctx.epoch_key(EPOCH)
    with read_only(ctx.db) as session:
        found, erased = _candidates(ctx, session, examined, candidate_tags(examined, suspect.name, key))
        verdict = trace(examined, suspect.name, found, {EPOCH: key})
        if erased and verdict.outcome in {Outcome.NONE, Outcome.INCONCLUSIVE}:
            # It was a copy of ours, and with what could tell whose it was, its holder's data were destroyed.
            verdict = replace(verdict, outcome=Outcome.ERASED, codes=("watermark.trace.erased",))
        return verdict, {**verdict.to_dict(), "named": _named(session, verdict)}


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


def bundle(ctx: Context, actor: Actor, trace_id: str, copy_id: str, kind: ReceiptKind = ReceiptKind.DELIVERY) -> Bundle:
    """The evidence bundle of a copy that a trace names: of its first delivery, or of its newest deletion.

    Raises `traces.not_found`, also where the copy's entity never stated that it destroyed it.
    """
    with read_only(ctx.db) as session:
        row = _own(session, actor, trace_id)
        named = row.report.get("named")
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


def _whose(session: Session, report: Mapping[str, object]) -> list[tuple[str, str | None]]:
    """Whose data stand in the copies that a verdict names."""
    named = report.get("named")
    assert isinstance(named, list)
    found = [grants.find_grant(session, str(one["grant"])) for one in named]
    return [(grant.holder_id, grant.id) for grant in found if grant is not None]


def _own(session: Session, actor: Actor, trace_id: str) -> Trace:
    row = traces.get_trace(session, actor.party(Role.REGULATOR), trace_id)
    if row is None:
        raise ApiError("traces.not_found", Kind.NOT_FOUND)
    return row


def _candidates(
    ctx: Context, session: Session, examined: Examined, tags: Sequence[bytes]
) -> tuple[list[ContentCandidates], bool]:
    """Every content that shares a tag with the file, or whose copy the file names, each with all copies ever made.

    Also whether there is one among them that was erased, so that nothing can be compared any more.
    """
    wanted = dict.fromkeys(
        content_id for content_id, _ in provenance.contents_with(session, tags).most_common(MAX_CONTENTS)
    )
    exact = copies.copies_by_file(session, examined.sha256)
    named = [copy for copy_id in examined.copy_ids if (copy := copies.get_copy(session, copy_id)) is not None]
    wanted |= dict.fromkeys(copy.content_id for copy in (*exact, *named))
    issued: dict[str, list[IssuedCopy]] = {}
    for copy in copies.copies_of_contents(session, list(wanted)):
        issued.setdefault(copy.content_id, []).append(IssuedCopy(copy.id, copy.entity_id, copy.epoch, copy.file_sha256))
    found, erased = [], False
    for content_id, made in issued.items():
        content = copies.get_content(session, content_id)
        assert content is not None
        if not content.original_enc:
            erased = True
            continue
        original = copies.open_original(erasures.content_key(session, ctx.vault, content), content)
        found.append(ContentCandidates(content_id, original, content.media_type, tuple(made)))
    return found, erased


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
