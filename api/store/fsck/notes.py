"""What receipts say, noted for the later stages: of grants, copies, returns, parties, credentials, requests."""

from api.store.fsck.report import Check, Delivered, GrantReceipts, Said
from api.store.receipts import OpenDetails
from api.store.tables import Receipt
from chain.canonical import Json
from chain.receipt import ReceiptKind


def note(check: Check, receipt: Receipt, opened: OpenDetails) -> None:
    """Keep what a receipt, whose details open its commitment, says."""
    details = opened.details
    _note_people(check, receipt, details)
    if receipt.kind == ReceiptKind.RETURN and receipt.return_id is not None:
        batches = details.get("batches")
        if isinstance(batches, list):
            check.batches_of_returns[receipt.return_id] = batches
    if receipt.kind == ReceiptKind.RETURN and details.get("act") == "reviewed":
        check.reviewed.add(str(details.get("return")))
    if receipt.grant_id is None:
        return
    said = check.grants.setdefault(receipt.grant_id, GrantReceipts())
    if receipt.kind in {ReceiptKind.GRANT, ReceiptKind.CHANGE}:
        event = details.get("event")
        if isinstance(event, int):
            said.events[event] = str(details.get("event_hash"))
    if receipt.kind == ReceiptKind.GRANT:
        said.begun.add(str(details.get("grant")))
    elif receipt.kind == ReceiptKind.DELETION:
        check.deletions[receipt.id] = details
    elif receipt.kind == ReceiptKind.DELIVERY:
        said.uses += receipt.repeats
        if receipt.copy_id is not None:
            check.deliveries.setdefault(receipt.copy_id, []).append(
                Delivered(
                    receipt.id,
                    details.get("file_sha256"),
                    details.get("mark"),
                    details.get("entity"),
                    details.get("format"),
                    details.get("request"),
                )
            )


def _note_people(check: Check, receipt: Receipt, details: dict[str, Json]) -> None:
    """What concerns parties, people's credentials and requests, rather than a grant."""
    said = Said(receipt.id, receipt.holder_id, details)
    if receipt.kind == ReceiptKind.ADMISSION:
        check.admissions.append(said)
    elif receipt.kind == ReceiptKind.CREDENTIAL:
        check.credentials.append(said)
    elif receipt.kind == ReceiptKind.SEAL:
        check.seals[receipt.id] = details
    elif receipt.kind == ReceiptKind.COUNT:
        check.counts.append(said)
    elif receipt.kind == ReceiptKind.EPOCH:
        check.epochs[str(details.get("epoch"))] = said
    elif receipt.kind in {ReceiptKind.LOOK, ReceiptKind.REFUSAL}:
        if "access" in details:
            check.accesses[receipt.id] = details, receipt.at_ms
    elif receipt.kind == ReceiptKind.CASE:
        if "dispute" in details or "correction" in details:
            check.disputed[receipt.id] = details
    elif receipt.kind == ReceiptKind.REQUEST:
        check.asked[receipt.id] = said
    elif receipt.kind == ReceiptKind.CHANGE and "request" in details and "state" in details:
        check.answers.setdefault(str(details["request"]), set()).add(str(details["state"]))
