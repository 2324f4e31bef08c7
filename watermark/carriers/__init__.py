"""Carriers: how a copy's code enters a file of some kind, and what a leaked file shows of it."""

from collections.abc import Mapping
from typing import Protocol

from watermark.errors import WatermarkError
from watermark.evidence import Evidence
from watermark.keys import EpochKey
from watermark.payload import Mark
from watermark.provenance import Leak
from watermark.variants import Spelling, Spellings

_NO_SPELLINGS: Mapping[str, Spelling] = {}


class Carrier(Protocol):
    """One kind of file. Carriers hold no state and no key."""

    @property
    def name(self) -> str:
        """Short name, such as `table` or `pdf`."""
        ...

    @property
    def media_types(self) -> frozenset[str]:
        """Media types of the originals that it marks."""
        ...

    def embed(self, original: bytes, mark: Mark, key: EpochKey) -> bytes:
        """The marked copy: deterministic, no value altered. Raises `WatermarkError` on an unfit original."""
        ...

    def evidence(self, suspect: bytes, original: bytes, content_id: str) -> Evidence:
        """What `suspect` shows when held against `original`. Needs no key, so it cannot be bent towards a candidate.

        Opens `suspect` in this process: for untrusted files call `watermark.trace`, which reads them in a sandbox.
        """
        ...


def carrier_for(media_type: str, spellings: Spellings = _NO_SPELLINGS) -> Carrier:
    """The carrier that marks originals of `media_type`. Errors: `watermark.unsupported_type`.

    `spellings`: what may vary in a table's fields (`watermark.variants`); other originals have none.
    """
    from watermark.carriers.image import ImageCarrier
    from watermark.carriers.pdf import PdfCarrier
    from watermark.carriers.prose import DocxCarrier, TextCarrier
    from watermark.carriers.table import TableCarrier
    from watermark.carriers.xlsx import XlsxCarrier

    wanted = media_type.partition(";")[0].strip().lower()
    carriers: tuple[Carrier, ...] = (
        TableCarrier(spellings),
        XlsxCarrier(spellings),
        PdfCarrier(),
        ImageCarrier(),
        TextCarrier(),
        DocxCarrier(),
    )
    for carrier in carriers:
        if wanted in carrier.media_types:
            return carrier
    raise WatermarkError("watermark.unsupported_type", media_type=wanted)


def carrier_evidence(
    leak: Leak, original: bytes, media_type: str, content_id: str, spellings: Spellings = _NO_SPELLINGS
) -> Evidence:
    """Evidence from a leak that was read already. Errors: `watermark.unsupported_type`.

    `spellings`: what may vary in a table's fields, as its copies were made with.
    """
    from watermark.carriers.pdf_evidence import pdf_evidence
    from watermark.carriers.prose_evidence import docx_evidence, text_evidence
    from watermark.carriers.table_evidence import table_evidence

    name = carrier_for(media_type).name
    if name == "image":  # the picture libraries are loaded where pictures are compared
        from watermark.carriers.image_evidence import image_evidence

        return image_evidence(leak, original, content_id)
    if name in {"table", "xlsx"}:
        return table_evidence(leak, original, content_id, spellings)
    compare = {
        "pdf": pdf_evidence,
        "text": text_evidence,
        "docx": docx_evidence,
    }[name]
    return compare(leak, original, content_id)
