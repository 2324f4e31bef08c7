"""Carriers: how a copy's code enters a file of some kind, and what a leaked file shows of it."""

from typing import Protocol

from watermark.errors import WatermarkError
from watermark.evidence import Evidence
from watermark.keys import EpochKey
from watermark.payload import Mark
from watermark.provenance import Leak


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


def carrier_for(media_type: str) -> Carrier:
    """The carrier that marks originals of `media_type`. Errors: `watermark.unsupported_type`."""
    from watermark.carriers.pdf import PdfCarrier
    from watermark.carriers.table import TableCarrier
    from watermark.carriers.xlsx import XlsxCarrier

    wanted = media_type.partition(";")[0].strip().lower()
    carriers: tuple[Carrier, ...] = (TableCarrier(), XlsxCarrier(), PdfCarrier())
    for carrier in carriers:
        if wanted in carrier.media_types:
            return carrier
    raise WatermarkError("watermark.unsupported_type", media_type=wanted)


def carrier_evidence(leak: Leak, original: bytes, media_type: str, content_id: str) -> Evidence:
    """Evidence from a leak that was read already. Errors: `watermark.unsupported_type`."""
    from watermark.carriers.pdf_evidence import pdf_evidence
    from watermark.carriers.table_evidence import table_evidence

    compare = {"table": table_evidence, "xlsx": table_evidence, "pdf": pdf_evidence}[carrier_for(media_type).name]
    return compare(leak, original, content_id)
