"""Sealing a PDF: one PAdES signature (ETSI EN 319 142-1) that covers the whole file, revocation data included.

The revocation lists and certificates stand in the document security store, which is written into the same revision
as the signature: so they are covered by it, and nothing follows it. With a timestamp that is B-LT, without one B-B
with revocation data. No network is used unless the timestamp authority is elsewhere.
"""

import io
from dataclasses import dataclass

from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.content import RawContent
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import AxisAlignment, BoxConstraints, Margins, SimpleBoxLayoutRule
from pyhanko.sign import fields, signers
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.stamp import StaticStampStyle

from api.documents.pdf_writer import Form
from api.documents.seals.devices import DeviceSigner, SealDevice
from api.errors import ApiError, Kind

FIELD = "mydata-seal"
"""Names of seal fields begin with this; a document's number follows, then the seal's place in the order."""

# Hexadecimal digits kept free for the signature. pyHanko would else sign twice, the first time to measure.
_ROOM, _ROOM_TIMED = 8 * 1024, 24 * 1024


@dataclass(frozen=True, slots=True)
class SealKit:
    """All that a seal needs: its key, the certificates above it, current revocation lists, and a clock if any.

    `chain`: DER, the issuing authority first. `crls`: DER, one for each authority in the chain.
    """

    device: SealDevice
    chain: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    timestamper: TimeStamper | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a seal is seen: page from 0, the middle in points, and the drawing around (0, 0)."""

    drawing: Form
    x: float
    y: float
    page: int = 0


@dataclass(frozen=True, slots=True)
class SealOrder:
    """What to seal as: the document's number, which seal of how many this is (from 1), and why.

    A seal that stands alone says that nothing may follow. Where further seals are to follow (`more`) the first can't:
    under a certifying signature no new field may be added (ISO 32000-2, 12.8.2.2).
    """

    number: str
    reason: str
    place: Place | None = None
    position: int = 1
    more: bool = False

    @property
    def field(self) -> str:
        """The name of the signature's field."""
        return f"{FIELD}-{self.number}-{self.position}"


def seal(pdf: bytes, kit: SealKit, order: SealOrder) -> bytes:
    """`pdf` with one more seal. The bytes before stay as they are; what is seen on the page stays but for the seal.

    Raises ApiError `seals.no_timestamp` where the timestamp authority gives none.
    """
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    DocumentSecurityStore.supply_dss_in_writer(
        writer,
        None,
        certs=[asn1_x509.Certificate.load(one) for one in (kit.device.certificate, *kit.chain)],
        crls=[asn1_crl.CertificateList.load(one) for one in kit.crls],
    )
    alone = order.position == 1 and not order.more
    meta = signers.PdfSignatureMetadata(
        field_name=order.field,
        md_algorithm="sha256",
        subfilter=fields.SigSeedSubFilter.PADES,
        reason=order.reason,
        certify=alone,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES if alone else fields.MDPPerm.FILL_FORMS,
    )
    signer = signers.PdfSigner(
        meta,
        signer=DeviceSigner(kit.device, kit.chain),
        timestamper=kit.timestamper,
        stamp_style=_style(order.place),
        new_field_spec=_field(order),
    )
    out = io.BytesIO()
    try:
        signer.sign_pdf(writer, output=out, bytes_reserved=_ROOM_TIMED if kit.timestamper else _ROOM)
    except TimestampRequestError as error:
        raise ApiError("seals.no_timestamp", Kind.UNAVAILABLE) from error
    return out.getvalue()


def _field(order: SealOrder) -> fields.SigFieldSpec:
    place = order.place
    if place is None:
        return fields.SigFieldSpec(order.field)
    left, bottom, right, top = place.drawing.box
    box = (round(place.x + left), round(place.y + bottom), round(place.x + right), round(place.y + top))
    return fields.SigFieldSpec(order.field, on_page=place.page, box=box)


def _style(place: Place | None) -> StaticStampStyle | None:
    """The seal's picture as operators without fonts, so that no word of it enters the page's text."""
    if place is None:
        return None
    left, bottom, right, top = place.drawing.box
    moved = b"q 1 0 0 1 %.2f %.2f cm\n%b\nQ" % (-left, -bottom, place.drawing.content)
    picture = RawContent(moved, box=BoxConstraints(right - left, top - bottom))
    layout = SimpleBoxLayoutRule(AxisAlignment.ALIGN_MID, AxisAlignment.ALIGN_MID, margins=Margins(0, 0, 0, 0))
    return StaticStampStyle(border_width=0, background=picture, background_layout=layout, background_opacity=1.0)
