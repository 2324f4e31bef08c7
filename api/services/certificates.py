"""The holder's certificates: see them, prove them, save them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from api.catalogue.model import TypeSchema
from api.documents.certificate import CertificateView, render_certificate
from api.errors import ApiError, Kind
from api.policy.claims import outdated
from api.policy.mandates import Action
from api.services import evidence, looks
from api.services.authority import authority, by
from api.services.context import Actor, Context
from api.services.days import city_day
from api.services.seals import documents
from api.services.seals.office import is_demo
from api.store import Session, clock, read_only, unit_of_work
from api.store.crypto import DataKey
from api.store.queries import holders, masks, parties, receipts, records
from api.store.queries.paging import Page
from api.store.queries.records import RecordView
from api.store.receipts import ReceiptDraft, open_details, prepare_receipt
from api.store.tables import Party, Receipt
from chain.bundle import Bundle
from chain.canonical import Json
from chain.receipt import ReceiptKind


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """A claim that the department committed with a certificate.

    `value` is None where it was overtaken by time: unknown until the department returns the certificate again.
    """

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as its holder sees it: schema, canonical values, where it came from and how it is anchored.

    `values` are the columns, `claims` what the department derived from them on the day of return.
    """

    id: str
    schema: TypeSchema
    values: dict[str, str]
    claims: Sequence[HeldClaim]
    issuer: Party | None
    version: int
    status: str
    anchor_state: str
    return_id: str
    created_at_ms: int
    sealed_at_ms: int
    origin: str = "current"
    shareable: bool = True

    @property
    def elc(self) -> str | None:
        """Its e-certificate identifier; None where the issuer has no credit code."""
        if self.issuer is None or self.issuer.uscc is None:
            return None
        return self.schema.elc(self.issuer.uscc, self.id, self.version)


@dataclass(frozen=True, slots=True)
class Use:
    """Somebody who took fields of a certificate: the delivery's receipt and the recipient."""

    receipt: Receipt
    entity: Party | None


@dataclass(frozen=True, slots=True)
class CertificatePage:
    """A certificate, its versions, and who used it."""

    certificate: Certificate
    versions: Sequence[RecordView]
    uses: Sequence[Use]


def list_own(ctx: Context, actor: Actor, cursor: str | None = None) -> Page[Certificate]:
    """A holder's certificates, newest first; to a representative those that the mandate covers."""
    with read_only(ctx.db) as session:
        may = authority(ctx, session, actor, Action.LOOK)
        key = holders.holder_key(session, ctx.vault, may.holder_id)
        page = records.list_records(session, may.holder_id, cursor=cursor)
        today = city_day(clock.now_ms(session))
        seen = [view for view in page.items if may.covers(Action.LOOK, [view.record.type_code])]
        shown = [_certificate(ctx, session, key, view, today) for view in seen]
    looks.by_representative(ctx, actor, may.holder_id, "read", [one.schema.code for one in shown])
    return Page(shown, page.next_cursor)


def get_own(ctx: Context, actor: Actor, record_id: str) -> CertificatePage:
    """One certificate with its history. Raises `certificates.not_found`, also for somebody else's, and `mandate.…`."""
    with read_only(ctx.db) as session:
        view = _own(ctx, session, actor, record_id, Action.LOOK)
        holder_id = view.record.holder_id
        key = holders.holder_key(session, ctx.vault, holder_id)
        place, now = ("0x" + view.root.hex(), view.record.leaf_index), clock.now_ms(session)
        uses = [
            Use(receipt, parties.get_party(session, receipt.party_id or ""))
            for receipt in receipts.receipts_of_holder(
                session, holder_id, kinds=[ReceiptKind.DELIVERY], limit=200
            ).items
            if place in _places(open_details(session, ctx.vault, receipt).details.get("records"))
            and not masks.receipt_is_hidden(session, receipt, now)
        ]
        certificate = _certificate(ctx, session, key, view, city_day(now))
        found = CertificatePage(certificate, records.history(session, holder_id, record_id), uses)
    looks.by_representative(ctx, actor, holder_id, "read", [certificate.schema.code])
    return found


def bundle(ctx: Context, actor: Actor, record_id: str) -> Bundle:
    """The holder's proof of a certificate, every field disclosed; for whomever the holder hands it to."""
    with read_only(ctx.db) as session:
        view = _own(ctx, session, actor, record_id, Action.EXPORT)
        made = evidence.certificate_bundle(ctx, session, view.record.holder_id, record_id)
    looks.by_representative(ctx, actor, view.record.holder_id, "export", [view.record.type_code])
    return made


def original_pdf(ctx: Context, actor: Actor, record_id: str) -> bytes:
    """The certificate as an unmarked PDF under its department's seal, for its holder alone.

    Sealed once, and the same bytes ever after; each download's receipt, which names their hash, stands before they
    leave. Raises `certificates.not_found`, `mandate.…`, and what `seals.documents.obtain` raises: `seals.waiting` while
    departments that seal together have not all done so.
    """
    with read_only(ctx.db) as session:
        view = _own(ctx, session, actor, record_id, Action.EXPORT)
        key = holders.holder_key(session, ctx.vault, view.record.holder_id)
        certificate = _certificate(ctx, session, key, view, city_day(clock.now_ms(session)))
    issuer = certificate.issuer
    assert issuer is not None
    place: dict[str, Json] = {
        "issuer": "0x" + view.issuer.hex(),
        "root": "0x" + view.root.hex(),
        "index": view.record.leaf_index,
    }
    wanted = documents.Wanted(
        holder_id=view.record.holder_id,
        record_id=view.record.id,
        type_code=certificate.schema.code,
        issuer=issuer,
        place=place,
        render=lambda cosigners: _page(ctx, certificate, issuer, cosigners),
    )
    sealed = documents.obtain(ctx, wanted)
    with unit_of_work(ctx.db) as session:
        prepare_receipt(
            session,
            ctx.vault,
            ReceiptDraft(
                ReceiptKind.ORIGINAL,
                {
                    "records": [place],
                    "format": "application/pdf",
                    "document": sealed.number,
                    "file_sha256": "0x" + sealed.sha256.hex(),
                    **by(ctx, actor),
                },
                holder_id=view.record.holder_id,
            ),
        )
    ctx.log.wake()
    return sealed.file


def _page(ctx: Context, certificate: Certificate, issuer: Party, cosigners: Sequence[str]) -> bytes:
    """The page before any seal."""
    return render_certificate(
        CertificateView(
            schema=certificate.schema,
            values=certificate.values,
            organ_zh=issuer.name_zh,
            organ_en=issuer.name_en,
            record_id=certificate.id,
            elc=certificate.elc,
            verify_url=f"{ctx.settings.base_url}/v/{certificate.id}",
            demo=is_demo(ctx.settings),
            sealed=True,
            cosigners=tuple(cosigners),
        )
    )


def _own(ctx: Context, session: Session, actor: Actor, record_id: str, action: Action) -> RecordView:
    may = authority(ctx, session, actor, action)
    view = records.get_record(session, may.holder_id, record_id)
    if view is None:
        raise ApiError("certificates.not_found", Kind.NOT_FOUND)
    authority(ctx, session, actor, action, types=[view.record.type_code])
    return view


def _certificate(ctx: Context, session: Session, key: DataKey, view: RecordView, today: date) -> Certificate:
    record = view.record
    schema, fields = ctx.catalogue.ready_type(record.type_code), records.open_body(key, record).fields
    stale = outdated(schema, fields, today)
    return Certificate(
        id=record.id,
        schema=schema,
        values={name: value for name, value in fields.items() if schema.claim(name) is None},
        claims=[
            HeldClaim(claim.name, None if claim.name in stale else fields[claim.name])
            for claim in schema.claims
            if fields.get(claim.name)
        ],
        issuer=parties.party_by_address(session, view.issuer),
        version=record.version,
        status=view.status,
        anchor_state=view.anchor_state,
        return_id=view.return_id,
        created_at_ms=record.created_at_ms,
        sealed_at_ms=view.sealed_at_ms,
        origin=view.origin,
        shareable=view.shareable,
    )


def _places(listed: object) -> set[tuple[str, int]]:
    if not isinstance(listed, list):
        return set()
    return {(str(item["root"]), int(item["index"])) for item in listed if isinstance(item, dict)}
