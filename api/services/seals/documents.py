"""Certificates as sealed PDFs: made once, kept under the holder's key, and the same bytes at every download.

A certificate of one seal is sealed when its holder first asks. Where its department has agreed with others that they
seal beside it (`plans`), asking opens a task: the department's seal is set at once, the others' one after the other
(`tasks`), and nothing is issued before enough of them have.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pikepdf

from api.documents.certificate import seal_spots
from api.documents.ornament import demo_seal, seal_plate
from api.documents.pdf_writer import Form
from api.documents.seals.authority import serial_of
from api.documents.seals.sealing import Place, SealKit, SealOrder, seal
from api.errors import ApiError, Kind
from api.services.context import Context
from api.services.seals import office
from api.store import Session, clock, locks, read_only, unit_of_work
from api.store.ids import new_sealed_id
from api.store.queries import holders, parties, records, seals
from api.store.queries.returns import RecordStatus
from api.store.receipts import ReceiptDraft, prepare_receipt
from api.store.tables import Party, SealedDocument, SealStep
from chain.canonical import Json
from chain.receipt import ReceiptKind

REASON = "签发证照 Certificate issued"
REASON_JOINT = "联合签章 Joint seal"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be sealed: whose record, by whom, where it stands in its tree, and how to draw the page.

    `render` is given the names of those who seal beside the issuer.
    """

    holder_id: str
    record_id: str
    type_code: str
    issuer: Party
    place: dict[str, Json]
    render: Callable[[Sequence[str]], bytes]


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A sealed PDF, the number that its seals name, and its hash."""

    number: str
    file: bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the sealing of a record is: its state, and how many of the co-signers that are needed have sealed."""

    state: str
    sealed: int
    needed: int


def obtain(ctx: Context, wanted: Wanted) -> SealedFile:
    """The sealed certificate.

    One that was sealed while it was current goes out ever after. One that waited under an agreement that ended, or that
    a newer one took the place of, is replaced. Raises `seals.waiting` while co-signers have yet to seal,
    `seals.refused` where too many declined, `seals.not_current` where it is to be sealed and is no longer in force,
    `seals.no_seal` where its issuer is suspended, and what `office.kit` raises.
    """
    found = _kept(ctx, wanted)
    if found is not None:
        return found
    with read_only(ctx.db) as session:
        _require_sealable(session, wanted)
    kit = office.kit(ctx, wanted.issuer.id, wanted.issuer.name_zh)
    with read_only(ctx.db) as session:
        plan = seals.open_plan(session, wanted.issuer.id, wanted.type_code)
        others = [] if plan is None else [parties.get_party(session, one) for one in plan.cosigners]
        needed = 0 if plan is None else plan.needed
    cosigners = [one for one in others if one is not None]
    number = new_sealed_id()
    plain = wanted.render([one.name_zh for one in cosigners])
    order = SealOrder(number, REASON, _place(ctx, plain, len(cosigners), 1, wanted.issuer.name_zh), more=bool(needed))
    file = seal(plain, kit, order)
    with unit_of_work(ctx.db) as session:
        locks.exclusive(session, "sealed-document", wanted.record_id)
        before = _newest(session, wanted.record_id)
        if before is None or state(session, before) in (seals.REFUSED, seals.REPLACED):
            _require_sealable(session, wanted)
            if before is not None and before.state == seals.WAITING:
                _replace(ctx, session, before)
            made = _Made(number, file, serial(kit), cosigners, needed)
            _keep(ctx, session, wanted, made, 1 if before is None else before.version + 1)
    ctx.log.wake()
    # Somebody may have been quicker: what stands is what goes out.
    found = _kept(ctx, wanted)
    if found is None:
        raise ApiError("seals.refused", Kind.CONFLICT)
    return found


def state(session: Session, row: SealedDocument) -> str:
    """A document's state as of now: what waits is replaced once the agreement that it waits under stands no more."""
    if row.state != seals.WAITING:
        return row.state
    return seals.WAITING if _agreed(session, row) else seals.REPLACED


def standing(ctx: Context, record_id: str) -> Standing | None:
    """How far a record's sealing is; None where nobody has asked for it."""
    with read_only(ctx.db) as session:
        row = seals.document_of(session, record_id)
        return None if row is None else _standing(session, row)


def add_seal(ctx: Context, number: str, file: bytes, party: Party, position: int, cosigners: int) -> tuple[bytes, str]:
    """`file` with one more co-signer's seal, and the serial of the certificate that set it. Writes nothing."""
    kit = office.kit(ctx, party.id, party.name_zh)
    place = _place(ctx, file, cosigners, position, party.name_zh)
    return seal(file, kit, SealOrder(number, REASON_JOINT, place, position, more=True)), serial(kit)


def receipt(
    session: Session, ctx: Context, row: SealedDocument, step: SealStep, place: dict[str, Json] | None = None
) -> str:
    """The receipt of one seal: who set it by which certificate, and the hash of the file with it."""
    assert step.file_sha256 is not None
    details: dict[str, Json] = {
        "act": "sealed",
        "document": row.id,
        "position": step.position,
        "by": step.party_id,
        "certificate": step.serial,
        "file_sha256": "0x" + step.file_sha256.hex(),
    }
    if place is not None:
        details["records"] = [place]
    draft = ReceiptDraft(ReceiptKind.SEAL, details, holder_id=row.holder_id, party_id=step.party_id)
    return prepare_receipt(session, ctx.vault, draft)


def serial(kit: SealKit) -> str:
    """The serial of a kit's certificate, in hexadecimal."""
    return f"{serial_of(kit.device.certificate):x}"


def _kept(ctx: Context, wanted: Wanted) -> SealedFile | None:
    with read_only(ctx.db) as session:
        row = seals.document_of(session, wanted.record_id)
        stands = None if row is None else state(session, row)
        if row is None or stands == seals.REPLACED:
            return None
        if stands == seals.WAITING:
            far = _standing(session, row)
            raise ApiError("seals.waiting", Kind.CONFLICT, sealed=far.sealed, needed=far.needed)
        if stands == seals.REFUSED:
            if _agreed(session, row):
                raise ApiError("seals.refused", Kind.CONFLICT)
            return None  # the departments have agreed anew since
        file = seals.open_document(holders.holder_key(session, ctx.vault, wanted.holder_id), row)
        return SealedFile(row.id, file, row.file_sha256)


def _require_sealable(session: Session, wanted: Wanted) -> None:
    """A new seal says that the certificate is in force and its department stands behind it today."""
    issuer = parties.get_party(session, wanted.issuer.id)
    if issuer is None or issuer.status != parties.PartyStatus.ACTIVE:
        raise ApiError("seals.no_seal", Kind.UNAVAILABLE)
    if records.status_of(session, wanted.record_id) != RecordStatus.CURRENT:
        raise ApiError("seals.not_current", Kind.CONFLICT)


def _newest(session: Session, record_id: str) -> SealedDocument | None:
    """The newest sealing of a record, locked, so that nobody seals what is being replaced."""
    row = seals.document_of(session, record_id)
    return None if row is None else seals.get_document(session, row.id, lock=True)


def _agreed(session: Session, row: SealedDocument) -> bool:
    """Whether the departments still seal as they had agreed when the document was begun."""
    plan = seals.open_plan(session, row.issuer_id, row.type_code)
    if plan is None or plan.created_at_ms > row.created_at_ms:
        return False
    # An agreement and a document may be of one moment: who seals tells them apart.
    begun = [step.party_id for step in seals.steps_of(session, row.id) if step.position > 1]
    return (begun, row.needed) == (list(plan.cosigners), plan.needed)


def _replace(ctx: Context, session: Session, row: SealedDocument) -> None:
    key = holders.holder_key(session, ctx.vault, row.holder_id)
    file = seals.open_document(key, row)
    row.state = seals.REPLACED
    seals.seal_document(key, row, file)
    session.flush()


def _standing(session: Session, row: SealedDocument) -> Standing:
    sealed = sum(1 for step in seals.steps_of(session, row.id) if step.position > 1 and step.state == seals.SEALED)
    return Standing(state(session, row), sealed, row.needed)


@dataclass(frozen=True, slots=True)
class _Made:
    number: str
    file: bytes
    serial: str
    cosigners: Sequence[Party]
    needed: int


def _keep(ctx: Context, session: Session, wanted: Wanted, made: _Made, version: int) -> None:
    now = clock.advance(session)
    row = SealedDocument(
        id=made.number,
        holder_id=wanted.holder_id,
        record_id=wanted.record_id,
        version=version,
        issuer_id=wanted.issuer.id,
        type_code=wanted.type_code,
        needed=made.needed,
        state=seals.WAITING if made.needed else seals.SEALED,
        file_sha256=hashlib.sha256(made.file).digest(),
        created_at_ms=now,
        sealed_at_ms=None if made.needed else now,
    )
    seals.seal_document(holders.holder_key(session, ctx.vault, wanted.holder_id), row, made.file)
    session.add(row)
    session.flush()
    first = SealStep(
        document_id=row.id,
        position=1,
        party_id=wanted.issuer.id,
        state=seals.SEALED,
        serial=made.serial,
        file_sha256=row.file_sha256,
        at_ms=now,
    )
    first.receipt_id = receipt(session, ctx, row, first, wanted.place)
    session.add(first)
    for position, party in enumerate(made.cosigners, 2):
        session.add(SealStep(document_id=row.id, position=position, party_id=party.id, state=seals.WAITING))


def _place(ctx: Context, pdf: bytes, cosigners: int, position: int, organ: str) -> Place:
    spot = seal_spots(cosigners)[position - 1]
    with pikepdf.open(io.BytesIO(pdf)) as document:
        page = len(document.pages) - 1 - spot.from_end
    return Place(drawing(ctx, organ), spot.x, spot.y, page)


def drawing(ctx: Context, organ: str) -> Form:
    """What is seen of a seal: the demo's fictitious one, or a plain frame with the organ's name."""
    return demo_seal(organ) if office.is_demo(ctx.settings) else seal_plate(organ)
