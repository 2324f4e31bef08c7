"""Mandates and visits at a counter: each opens under its holder's key as its row stands, and is receipted."""

from sqlalchemy import select

from api.errors import ApiError
from api.store.fsck.report import Check
from api.store.queries import counter, mandates
from api.store.receipts import open_details_with
from api.store.tables import CounterVisit, Mandate, Receipt
from chain.receipt import ReceiptKind


def check_mandates(check: Check) -> None:
    """No row was edited, none is gone whose beginning was receipted, none began or ended without a receipt."""
    receipted = _receipted(check)
    seen: set[str] = set()
    for row in check.each("mandates", select(Mandate).order_by(Mandate.id)):
        seen.add(row.id)
        key = check.key(row.principal_id)
        if row.person_id in check.erased and not row.body_enc:
            continue  # it named somebody who was erased
        if key is None:
            continue  # erased, or named by the stage of holders
        try:
            body = mandates.open_body(key, row)
            whole = mandates.commitment(row, body) == row.commitment
        except (ApiError, ValueError, TypeError):
            whole = False
        if not whole:
            check.find("mandates", row.id, "fsck.mandate_edited")
            continue
        events = receipted.get(row.id, set())
        expected = {"begun"} if row.begun_at_ms is not None else set()
        if row.begun_at_ms is not None and row.ended_at_ms is not None:
            expected.add("ended")
        if events != expected:
            check.find("mandates", row.id, "fsck.mandate_receipts")
    for mandate_id in sorted(receipted.keys() - seen):
        check.find("mandates", mandate_id, "fsck.row_missing")


def check_visits(check: Check) -> None:
    """Every visit of somebody who is known opens as its row stands."""
    known = select(CounterVisit).where(CounterVisit.holder_id.is_not(None)).order_by(CounterVisit.id)
    for row in check.each("counter_visits", known):
        key = check.key(row.holder_id or "")
        if key is None:
            continue
        try:
            counter.open_body(key, row)
        except (ApiError, ValueError, TypeError):
            check.find("counter_visits", row.id, "fsck.mandate_edited")


def _receipted(check: Check) -> dict[str, set[str]]:
    """What receipts say of each mandate: begun, ended. Those that do not open are named by the stage of the log."""
    found: dict[str, set[str]] = {}
    query = select(Receipt).where(Receipt.kind == ReceiptKind.MANDATE.value).order_by(Receipt.id)
    for receipt in check.session.execute(query).scalars():
        key = None if receipt.holder_id is None else check.key(receipt.holder_id)
        if key is None:
            continue
        try:
            details = open_details_with(key, receipt).details
        except ApiError:
            continue
        found.setdefault(str(details["mandate"]), set()).add(str(details["event"]))
    return found
