"""Accesses by statutory duty, each against its receipt or its authorisation; and grants laid out but not given."""

from sqlalchemy import select

from api.errors import ApiError
from api.store.crypto import Purpose
from api.store.fsck.report import Check
from api.store.queries import drafts
from api.store.receipts import open_details
from api.store.tables import Grant, GrantDraft, Receipt, StatutoryAccess
from chain.canonical import Json
from chain.receipt import ReceiptKind
from chain.terms import STATUTORY_DUTY

_UNANSWERED = {"asked"}  # nothing was given, and nothing says yet what came of it


def check_accesses(check: Check) -> None:
    """What was given stands in a signed authorisation, what was not in a receipt; no receipted access is gone."""
    receipted = _receipted(check)
    seen: set[str] = set()
    for row in check.each("statutory_accesses", select(StatutoryAccess).order_by(StatutoryAccess.id)):
        seen.add(row.id)
        if row.outcome in _UNANSWERED or row.holder_id in check.erased:
            continue
        holds = _granted(check, row) if row.outcome == "delivered" else _told(row, receipted.get(row.receipt_id or ""))
        if not holds:
            check.find("statutory_accesses", row.id, "fsck.access_edited")
    for details in receipted.values():
        if str(details["access"]) not in seen:
            check.find("statutory_accesses", str(details["access"]), "fsck.row_missing")


def check_drafts(check: Check) -> None:
    """Every draft opens as its row stands."""
    for row in check.each("grant_drafts", select(GrantDraft).order_by(GrantDraft.id)):
        key = check.key(row.holder_id)
        if key is None:
            continue  # erased, or named by the stage of holders
        try:
            key.open(Purpose.GRANT_DRAFT, row.id, row.body_enc, bound=drafts.bound(row))
        except (ApiError, ValueError, TypeError):
            check.find("grant_drafts", row.id, "fsck.draft_edited")


def _granted(check: Check, row: StatutoryAccess) -> bool:
    """Whether the authorisation, whose terms its department or its receipts fix, says the same as the access."""
    grant = None if row.grant_id is None else check.session.get(Grant, row.grant_id)
    if grant is None:
        return False
    terms, items = grant.terms, grant.terms["items"]
    assert isinstance(items, list)
    asked = {(str(item["type"]), str(item["field"])) for item in items}
    return (
        terms["legal_basis"] == STATUTORY_DUTY
        and terms["purpose"] == {"code": row.basis_code, "version": row.basis_version}
        and terms["case_no"] == row.case_no
        and (grant.entity_id, grant.holder_id) == (row.party_id, row.holder_id)
        and asked == {(str(item["type"]), str(item["field"])) for item in row.items}
        and row.reason is None
    )


def _told(row: StatutoryAccess, details: dict[str, Json] | None) -> bool:
    """Whether the receipt of a query that gave nothing says the same as the row."""
    stated = {
        "access": row.id,
        "entity": row.party_id,
        "basis": row.basis_code,
        "case_no": row.case_no,
        "outcome": row.outcome,
        "reason": row.reason,
    }
    return details is not None and all(details.get(name) == value for name, value in stated.items())


def _receipted(check: Check) -> dict[str, dict[str, Json]]:
    """Details of the receipts of queries, by receipt. Those that do not open are named by the stage of the log."""
    found: dict[str, dict[str, Json]] = {}
    kinds = (ReceiptKind.LOOK.value, ReceiptKind.REFUSAL.value)
    for receipt in check.session.execute(select(Receipt).where(Receipt.kind.in_(kinds))).scalars():
        try:
            details = dict(open_details(check.session, check.vault, receipt).details)
        except ApiError:
            continue
        if "access" in details:
            found[receipt.id] = details
    return found
