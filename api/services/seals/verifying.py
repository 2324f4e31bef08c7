"""Checking a sealed file for anybody: nothing of it is kept, and it is read in a process without rights."""

from dataclasses import dataclass
from enum import StrEnum

from api.documents.seals.apart import check_apart
from api.documents.seals.verdict import SealVerdict
from api.services.context import Context
from api.services.seals import office
from api.store import Session, read_only
from api.store.queries import copies, records, seals


class Origin(StrEnum):
    """What our own register says of a file: which kind of document its seals' number names."""

    CERTIFICATE = "certificate"
    COPY = "copy"
    UNKNOWN = "unknown"  # sealed elsewhere, or its register entry is gone


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, step 11 included where this service sealed the file; and what became of the certificate since.

    `record` is current, superseded or revoked; None for anything but the very file of a certificate that we know.
    """

    verdict: SealVerdict
    origin: Origin
    record: str | None = None


def verify(ctx: Context, pdf: bytes) -> Answer:
    """Check a file against today's lists. Raises `seals.too_large`, `seals.checker_unavailable`, `…not_configured`."""
    trust, moment = office.trust(ctx)
    verdict = check_apart(pdf, trust, moment)
    if not verdict.number:
        return Answer(verdict, Origin.UNKNOWN)
    with read_only(ctx.db) as session:
        return _compared(session, verdict)


def _compared(session: Session, verdict: SealVerdict) -> Answer:
    document = seals.get_document(session, verdict.number)
    if document is not None:
        # One that is not issued yet, or was given up: whatever is shown is not what the departments issued.
        issued = document.file_sha256 if document.state == seals.SEALED else bytes(32)
        # A number alone is soon written into a file: what became of the certificate is told to who has it.
        ours = verdict.sha256 == issued.hex()
        record = records.status_of(session, document.record_id) if ours else None
        return Answer(verdict.compare(issued), Origin.CERTIFICATE, record)
    copy = copies.get_copy(session, verdict.number)
    if copy is not None:
        return Answer(verdict.compare(copy.file_sha256), Origin.COPY)
    return Answer(verdict, Origin.UNKNOWN)
