"""Carriers: how a copy's code enters a file of some kind, and what a leaked file shows of it."""

from typing import Protocol

from watermark.errors import WatermarkError
from watermark.evidence import Evidence
from watermark.keys import EpochKey
from watermark.payload import Mark


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
        """The marked copy of `original`; deterministic, no value altered. Raises `WatermarkError` on an unfit original."""
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

    wanted = media_type.partition(";")[0].strip().lower()
    carriers: tuple[Carrier, ...] = (TableCarrier(), PdfCarrier())
    for carrier in carriers:
        if wanted in carrier.media_types:
            return carrier
    raise WatermarkError("watermark.unsupported_type", media_type=wanted)
