"""Pulls: the one way by which data leave.

Prepare first, outside any transaction; then one short transaction in the log writer: grant re-checked under its lock,
copy and receipt written, committed; only then are bytes handed out.

What a crash means: before the commit nothing was released and nothing stands; after it the receipt says that a copy was
made, and the same request gives the same bytes again.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from api.documents.copies import CopyRecord, original_csv, original_json, spellings
from api.documents.copy_sheet import CopySheetView, render_copy_sheet
from api.documents.xlsx import original_xlsx
from api.errors import ApiError, Kind
from api.policy.decide import Deny, GrantView, PullAsk, decide
from api.policy.replay import Seen
from api.policy.states import GrantState
from api.services import copies_life, epochs
from api.services.context import Actor, Context, Role
from api.services.days import city_day
from api.services.identity import use_nonce
from api.services.refusals import refuse
from api.services.seals.copies import seal_copy
from api.services.taking import Taken, frequency, take, unfair
from api.store import Session, outbox, read_only
from api.store.crypto import DataKey
from api.store.numbering import NumberedReceipt, Numberer
from api.store.queries import copies, deliveries, holders, idempotency, parties, provenance, receipts, records
from api.store.queries.deliveries import Look, PulledGrant, log_position
from api.store.queries.records import RecordView
from api.store.receipts import ReceiptDraft
from api.store.tables import Content, Copy, Grant
from chain.bundle import Delivery, RecordRef
from chain.canonical import Json, canonical, field_salt
from chain.points import reached
from chain.receipt import ReceiptKind, mark_commitment
from watermark.carriers import carrier_for
from watermark.keys import EpochKey
from watermark.lookup import provenance_tags
from watermark.payload import Mark, mark_document, notice_en, notice_zh
from watermark.variants import Spelling

JSON, CSV, PDF = "application/json", "text/csv", "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMATS = (JSON, CSV, XLSX, PDF)
TABLES = frozenset({JSON, CSV, XLSX})
EXTENSION = {JSON: "json", CSV: "csv", XLSX: "xlsx", PDF: "pdf"}


@dataclass(frozen=True, slots=True)
class SignedPull:
    """The signed request that asks, kept as evidence: RFC 9421 base, signature, public key.

    Its nonce is spent in the delivery's own transaction, so that a replay can have no delivery of its own; it is None
    for the request of a job, whose nonce was spent when it was taken in.
    """

    base: str
    signature: bytes
    key: Mapping[str, str]
    thumbprint: str
    nonce: str | None


@dataclass(frozen=True, slots=True)
class Pulled:
    """What leaves: the marked file, the signed receipt, and for each record the salts of the granted fields.

    `unknown` names the claims (`type/field`) that were left out because no department vouches for them today.
    """

    file: bytes
    file_name: str
    media_type: str
    copy_id: str
    receipt: NumberedReceipt
    salts: Sequence[Mapping[str, Json]]
    unknown: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A copy that is ready to leave, should the grant still stand; `content` is None where it was made before.

    `records` are the versions that it holds.
    """

    content: Content | None
    records: tuple[str, ...]
    copy: Copy
    file: bytes
    mark: bytes
    tags: Sequence[bytes]
    refs: tuple[RecordRef, ...]
    salts: Sequence[Mapping[str, Json]]
    unknown: Sequence[str]


class _OvertakenError(Exception):
    """What was prepared may not leave any more, and the same request is prepared anew.

    An equal request made the same copy meanwhile (of a sealed one the bytes differ, and those that stand count), or a
    newer version of what it holds was sealed: a value that is told to be wrong leaves nobody after that.
    """


@dataclass(frozen=True, slots=True)
class Once:
    """An idempotency key with the request that it belongs to."""

    actor: str
    key: str
    request_sha256: bytes


def pull(
    ctx: Context,
    actor: Actor,
    grant_id: str,
    media_type: str,
    *,
    fields: Sequence[tuple[str, str]] | None = None,
    signed: SignedPull | None = None,
    idempotency_key: str | None = None,
) -> Pulled:
    """Deliver a grant's data in one of `FORMATS`; `fields` narrows what the grant allows, by (type, field).

    A repeat under the same idempotency key is a delivery with a receipt of its own and passes every check again, but
    does not count as another use: an answer that was lost on the way must not cost the entity its only one. It is a
    repeat only while it gives the same copy; newer versions of the records are a use of their own.

    Raises `pull.not_found` (also for somebody else's grant), `pull.<reason>` with kind FORBIDDEN for its recipient, and
    `pull.unsupported_format`, `pull.nothing_there`, `pull.claim_outdated`, `pull.out_of_range`,
    `pull.chain_grace_over`. Each refusal becomes a receipt, too.
    """
    entity_id = actor.party(Role.ENTITY, Role.DEPARTMENT)
    if media_type not in FORMATS:
        raise ApiError("pull.unsupported_format")
    with ctx.precedence.place(), read_only(ctx.db) as session:
        seen = deliveries.look(session, entity_id, grant_id)
        if seen is None:
            raise ApiError("pull.not_found", Kind.NOT_FOUND)
        grant, now = seen.grant, seen.now_ms
        ask = PullAsk(entity_id, frozenset(fields) if fields is not None else frozenset(granted(grant)))
        once = Once(entity_id, idempotency_key, _request_hash(grant_id, media_type, ask)) if idempotency_key else None
        answered = _answered(ctx, session, once)
        repeat = answered is not None
        verdict = decide(view_of(grant, repeat=repeat), ask, now)
        if not isinstance(verdict, Deny) and not repeat:
            verdict = unfair(ctx, session, grant, ask, now) or verdict
        prepared = None
        if isinstance(verdict, Deny):
            saw = _seen(ctx, grant, ask, now, log_position(session), repeat=repeat)
        else:
            _check_grace(ctx, session, seen)
            prepared = _prepare(ctx, session, seen, media_type, ask, answered, city_day(now))
    if isinstance(verdict, Deny):
        raise refuse(ctx, grant, verdict, saw)
    if prepared is None:
        raise ApiError("pull.nothing_there", Kind.CONFLICT)
    reached("pull/prepared")
    try:
        outcome = ctx.log.submit(_release(ctx, grant, prepared, ask, signed, once))
    except _OvertakenError:
        return pull(ctx, actor, grant_id, media_type, fields=fields, signed=signed, idempotency_key=idempotency_key)
    reached("pull/released")
    if isinstance(outcome, tuple):
        raise refuse(ctx, grant, *outcome)
    name = f"{prepared.copy.id}.{EXTENSION[media_type]}"
    return Pulled(prepared.file, name, media_type, prepared.copy.id, outcome, prepared.salts, prepared.unknown)


def denial(
    ctx: Context, session: Session, entity_id: str, grant_id: str, fields: Sequence[tuple[str, str]] | None
) -> tuple[PulledGrant, Deny, Seen] | None:
    """Why a pull would be refused now, with what `refuse` wants to know; None where it would go on. Nothing is written.

    Raises `pull.not_found`.
    """
    seen = deliveries.look(session, entity_id, grant_id)
    if seen is None:
        raise ApiError("pull.not_found", Kind.NOT_FOUND)
    grant, now = seen.grant, seen.now_ms
    ask = PullAsk(entity_id, frozenset(fields) if fields is not None else frozenset(granted(grant)))
    verdict = decide(view_of(grant), ask, now)
    if not isinstance(verdict, Deny):
        verdict = unfair(ctx, session, grant, ask, now) or verdict
    if not isinstance(verdict, Deny):
        return None
    return grant, verdict, _seen(ctx, grant, ask, now, log_position(session), repeat=False)


def _seen(
    ctx: Context,
    grant: PulledGrant,
    ask: PullAsk,
    now_ms: int,
    position: int,
    *,
    repeat: bool,
) -> Seen:
    """What a decision was made on, for its receipt."""
    asked = tuple(sorted(f"{type_code}/{name}" for type_code, name in ask.items))
    caps = frequency(ctx, grant, ask)
    return Seen(now_ms, grant.events - 1, grant.entity_status_seq, position, asked, repeat, caps)


def granted(grant: Grant | PulledGrant) -> list[tuple[str, str]]:
    """(type, field) pairs that a grant's terms name."""
    items = grant.terms["items"]
    assert isinstance(items, list)
    return [(str(item["type"]), str(item["field"])) for item in items]


def view_of(grant: PulledGrant, *, repeat: bool = False) -> GrantView:
    """What the policy needs to know of a grant and its recipient; a `repeat` has its use counted already."""
    # The worker may have noted meanwhile that the use which is repeated was the last.
    last_again = repeat and grant.state == GrantState.EXHAUSTED
    return GrantView(
        entity_id=grant.entity_id,
        entity_active=grant.entity_status == parties.PartyStatus.ACTIVE,
        state=GrantState.ACTIVE.value if last_again else grant.state,
        frozen=grant.frozen,
        not_before_ms=grant.not_before_ms,
        not_after_ms=grant.not_after_ms,
        max_uses=grant.max_uses,
        use_count=grant.use_count - 1 if repeat else grant.use_count,
        items=frozenset(granted(grant)),
    )


def _prepare(
    ctx: Context, session: Session, seen: Look, media_type: str, ask: PullAsk, answered: str | None, today: date
) -> Prepared | None:
    grant = seen.grant
    key = holders.holder_key(session, ctx.vault, grant.holder_id)
    taken, unknown = take(ctx, session, key, grant, ask, today)
    if not taken:
        return None
    refs = tuple(RecordRef(one.view.issuer, one.view.root, one.view.record.leaf_index) for one in taken)
    salts: list[Mapping[str, Json]] = [
        {
            "root": "0x" + one.view.root.hex(),
            "index": one.view.record.leaf_index,
            "salts": {name: "0x" + field_salt(one.body.seed, name).hex() for name in one.values},
        }
        for one in taken
    ]
    copied = [CopyRecord(one.view.record.type_code, f"{number:03d}", one.values) for number, one in enumerate(taken, 1)]
    spelt = spellings(copied, ctx.catalogue) if media_type in TABLES else {}
    epoch_key = epochs.current(ctx, session, seen.epoch)
    # An answer that was lost on the way must not cost another use because an epoch opened meanwhile.
    made = None if answered is None else copies.get_copy(session, answered)
    content_id, fingerprint, views = "", b"", [one.view for one in taken]
    for epoch in dict.fromkeys([epoch_key.epoch] if made is None else [made.epoch, epoch_key.epoch]):
        content_id = _content_id(ctx, grant.holder_id, taken, media_type, epoch, spelt)
        fingerprint = _keyed(ctx, "mydata/copy/1", grant.id, content_id)
        known = copies.find_copy(session, grant.id, fingerprint)
        if known is not None:
            salt = copies.open_mark_salt(key, known)
            mark = mark_commitment(salt, _strings(known.mark_document))
            return Prepared(None, _ids(views), known, copies.open_file(key, known), mark, (), refs, salts, unknown)
    draft = _Draft(content_id, media_type, fingerprint, epoch_key, spelt, views, copied, refs, salts, unknown)
    return _mark(ctx, key, seen, draft)


@dataclass(frozen=True, slots=True)
class _Draft:
    content_id: str
    media_type: str
    fingerprint: bytes
    epoch_key: EpochKey
    spelt: Mapping[str, str]
    views: Sequence[RecordView]
    copied: Sequence[CopyRecord]
    refs: tuple[RecordRef, ...]
    salts: Sequence[Mapping[str, Json]]
    unknown: Sequence[str]


def _mark(ctx: Context, key: DataKey, seen: Look, draft: _Draft) -> Prepared:
    grant = seen.grant
    original = _original(ctx, draft)
    epoch_key = draft.epoch_key
    # Derived, not drawn: two pulls at once that make the same copy make the same bytes.
    copy_id = f"copy_{draft.fingerprint[:16].hex()}"
    code = str(_object(grant.terms["purpose"])["code"])
    purpose = ctx.catalogue.statutory_bases.get(code) or ctx.catalogue.purpose(code)
    mark = Mark(
        copy_id=copy_id,
        entity_id=grant.entity_id,
        content_id=draft.content_id,
        notice_zh=notice_zh(seen.entity_zh, purpose.zh, copy_id[-8:]),
        notice_en=notice_en(seen.entity_en, purpose.en, copy_id[-8:]),
    )
    spelling = {name: Spelling(kind) for name, kind in draft.spelt.items()}
    file = carrier_for(draft.media_type, spelling).embed(original, mark, epoch_key)
    if draft.media_type == PDF:
        file = seal_copy(ctx, file, copy_id)
    document = mark_document(mark, epoch_key, original, file)
    salt = _keyed(ctx, "mydata/mark-salt/1", copy_id)
    content = Content(
        id=draft.content_id,
        holder_id=grant.holder_id,
        media_type=draft.media_type,
        epoch=epoch_key.epoch,
        original_sha256=hashlib.sha256(original).digest(),
        records=[{"record": view.record.id, "version": view.record.version} for view in draft.views],
        spellings=dict(draft.spelt),
        created_at_ms=grant.created_at_ms,
    )
    copies.seal_original(key, content, original)
    copy = Copy(
        id=copy_id,
        content_id=draft.content_id,
        grant_id=grant.id,
        entity_id=grant.entity_id,
        fingerprint=draft.fingerprint,
        media_type=draft.media_type,
        epoch=epoch_key.epoch,
        file_sha256=hashlib.sha256(file).digest(),
        mark_document=dict(document),
        created_at_ms=grant.created_at_ms,
        state="held",
    )
    copies.seal_copy(key, copy, file, salt)
    tags = provenance_tags(original, draft.media_type, epoch_key)
    commitment = mark_commitment(salt, _strings(document))
    return Prepared(content, _ids(draft.views), copy, file, commitment, tags, draft.refs, draft.salts, draft.unknown)


def _ids(views: Sequence[RecordView]) -> tuple[str, ...]:
    return tuple(view.record.id for view in views)


def _original(ctx: Context, draft: _Draft) -> bytes:
    """The unmarked original: the same for every entity that is granted these fields of these records."""
    if draft.media_type == JSON:
        return original_json(draft.copied, ctx.catalogue)
    if draft.media_type == CSV:
        return original_csv(draft.copied, ctx.catalogue)
    if draft.media_type == XLSX:
        return original_xlsx(draft.copied, ctx.catalogue)
    return render_copy_sheet(CopySheetView(draft.copied, ctx.catalogue))


def _release(
    ctx: Context, looked: PulledGrant, prepared: Prepared, ask: PullAsk, signed: SignedPull | None, once: Once | None
) -> Callable[[Session, Numberer], NumberedReceipt | tuple[Deny, Seen]]:
    """The work for the log writer: everything that must be true together; or the refusal with what it was made on."""

    def work(session: Session, numberer: Numberer) -> NumberedReceipt | tuple[Deny, Seen]:
        standing = deliveries.standing_copy(session, prepared.copy.id)
        if standing is not None and standing != prepared.copy.file_sha256:
            raise _OvertakenError  # before anything is written: the same signed request comes again at once
        if not records.in_force(session, prepared.records):
            raise _OvertakenError
        if signed is not None and signed.nonce is not None:
            use_nonce(ctx, session, signed.thumbprint, signed.nonce, numberer.now_ms)
        grant = deliveries.lock(session, looked)
        repeat = _answered(ctx, session, once) == prepared.copy.id
        verdict = decide(view_of(grant, repeat=repeat), ask, numberer.now_ms)
        if not isinstance(verdict, Deny) and not repeat:
            verdict = unfair(ctx, session, grant, ask, numberer.now_ms) or verdict
        saw = _seen(ctx, grant, ask, numberer.now_ms, numberer.size, repeat=repeat)
        if isinstance(verdict, Deny):
            return verdict, saw
        # A person who was erased since the look has no key any more; a cached one answers only for the row as it is.
        key = holders.holder_key(session, ctx.vault, grant.holder_id)
        if once is not None and not repeat:
            _claim(ctx, session, once, prepared.copy.id, numberer.now_ms)
        deliveries.use(session, grant.id, 0 if repeat else 1)
        if prepared.content is not None and deliveries.add_content(session, prepared.content):
            provenance.add_tags(session, prepared.content.id, prepared.tags)
        if standing is not None:
            copies_life.delivered_again(session, grant, prepared.copy.id, numberer.now_ms, counted=not repeat)
        else:
            copies_life.delivered(prepared.copy, grant, numberer.now_ms)
            deliveries.add_copy(session, prepared.copy)
        delivery = Delivery(
            grant.digest,
            grant.entity_id,
            prepared.copy.id,
            prepared.copy.media_type,
            prepared.copy.file_sha256,
            prepared.mark,
            None if signed is None else hashlib.sha256(signed.base.encode()).digest(),
            prepared.refs,
        )
        receipt = numberer.add(
            ReceiptDraft(
                ReceiptKind.DELIVERY,
                {**delivery.to_json(), "decision": saw.to_json()},
                holder_id=grant.holder_id,
                party_id=grant.entity_id,
                grant_id=grant.id,
                copy_id=prepared.copy.id,
                repeats=0 if repeat else 1,  # what it adds to the grant's uses: the check of the store adds them up
            ),
            key,
        )
        if signed is not None:
            kept: dict[str, Json] = {"base": signed.base, "signature": signed.signature.hex(), "key": dict(signed.key)}
            receipts.keep_request(session, ctx.vault, receipt.id, kept)
        return receipt

    return work


def _answered(ctx: Context, session: Session, once: Once | None) -> str | None:
    """The copy that this very request was answered with under its key before."""
    if once is None:
        return None
    known = idempotency.answer_of(session, ctx.vault, once.actor, once.key, once.request_sha256)
    return None if known is None else known.body.decode()


def _claim(ctx: Context, session: Session, once: Once, copy_id: str, now_ms: int) -> None:
    """Take the key in the delivery's own transaction, so that it is used up exactly where the use is."""
    answer = idempotency.StoredAnswer(200, copy_id.encode())
    idempotency.record(session, ctx.vault, once.actor, once.key, once.request_sha256, answer, now_ms)


def _check_grace(ctx: Context, session: Session, seen: Look) -> None:
    """Pulls go on without the chain for a while, on signed receipts alone; past the grace they are closed."""
    last_ok_ms = seen.chain_ok_ms or outbox.oldest_open_ms(session)
    if last_ok_ms is not None and seen.now_ms - last_ok_ms > ctx.settings.chain_grace_s * 1000:
        raise ApiError("pull.chain_grace_over", Kind.UNAVAILABLE, hours=ctx.settings.chain_grace_s // 3600)


def _request_hash(grant_id: str, media_type: str, ask: PullAsk) -> bytes:
    items = [f"{type_code}/{name}" for type_code, name in sorted(ask.items)]
    return hashlib.sha256(canonical([grant_id, media_type, *items])).digest()


def _content_id(
    ctx: Context, holder_id: str, taken: Sequence[Taken], media_type: str, epoch: str, spelt: Mapping[str, str]
) -> str:
    parts = [[one.view.record.id, one.view.record.version, sorted(one.names)] for one in taken]
    described = json.dumps([holder_id, media_type, epoch, parts, sorted(spelt.items())], separators=(",", ":"))
    return f"cont_{_keyed(ctx, 'mydata/content/1', described)[:16].hex()}"


def _keyed(ctx: Context, tag: str, *parts: str) -> bytes:
    return hmac.digest(ctx.keys.session, canonical([tag, *parts]), "sha256")


def _object(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def _strings(document: Mapping[str, object]) -> dict[str, Json]:
    return {name: str(value) for name, value in document.items()}
