"""Accesses by statutory duty, against receipts or authorisations; grants laid out but not given; counts of looks."""

from sqlalchemy import select

from api.errors import ApiError
from api.store.crypto import Purpose
from api.store.fsck.report import Check, Said
from api.store.queries import drafts, looks
from api.store.tables import Grant, GrantDraft, LookCount, Receipt, StatutoryAccess
from chain.receipt import ReceiptKind
from chain.terms import STATUTORY_DUTY

ANSWERED_MS = 86_400_000  # a query may be answered, and receipted, some time after it was asked
_UNANSWERED = {"asked"}  # nothing was given, and nothing says yet what came of it


def check_accesses(check: Check) -> None:
    """What was given stands in a signed authorisation, what was not in a receipt; no access behind either is gone."""
    seen: set[str] = set()
    granted: set[str | None] = set()
    for row in check.each("statutory_accesses", select(StatutoryAccess).order_by(StatutoryAccess.id)):
        seen.add(row.id)
        granted.add(row.grant_id)
        if row.outcome in _UNANSWERED or row.holder_id in check.erased:
            continue
        holds = _granted(check, row) if row.outcome == "delivered" else _told(check, row)
        if not holds:
            check.find("statutory_accesses", row.id, "fsck.access_edited")
    purged = max((int(str(said.details["before_ms"])) for said in check.counts if _purge(said)), default=0)
    for details, at_ms in check.accesses.values():
        if str(details["access"]) not in seen and at_ms >= purged + ANSWERED_MS:
            check.find("statutory_accesses", str(details["access"]), "fsck.row_missing")
    made = select(Grant.id, Grant.created_at_ms).where(Grant.legal_basis == STATUTORY_DUTY)
    for grant_id, created_at_ms in check.session.execute(made).all():
        if grant_id not in granted and created_at_ms >= purged + ANSWERED_MS:
            check.find("statutory_accesses", grant_id, "fsck.row_missing")


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


def _told(check: Check, row: StatutoryAccess) -> bool:
    """Whether the receipt of a query that gave nothing says the same as the row."""
    details, _ = check.accesses.get(row.receipt_id or "", (None, 0))
    stated = {
        "access": row.id,
        "entity": row.party_id,
        "basis": row.basis_code,
        "case_no": row.case_no,
        "outcome": row.outcome,
        "reason": row.reason,
    }
    return details is not None and all(details.get(name) == value for name, value in stated.items())


def check_counts(check: Check) -> None:
    """Each count of repeated looks is on a look, and, once it is receipted, what its receipt says; none is gone."""
    said = {one.receipt_id: one for one in check.counts if one.details.get("act") == "repeated"}
    query = select(LookCount, Receipt.kind).outerjoin(Receipt, Receipt.id == LookCount.receipt_id)
    kinds = {row.receipt_id: kind for row, kind in check.session.execute(query).all()}
    for row in check.each("look_counts", select(LookCount).order_by(LookCount.receipt_id)):
        holds = kinds[row.receipt_id] == ReceiptKind.LOOK and row.repeats > 0
        if row.counted_in is not None and row.counted_in not in check.unread:
            counted = said.pop(row.counted_in, None)
            of_erased = counted is None and _holder_of(check, row.counted_in) in check.erased
            holds = holds and (of_erased or (counted is not None and counted.details == looks.counted(row)))
        if not holds:
            check.find("look_counts", row.receipt_id, "fsck.count_edited")
    for one in said.values():
        check.find("look_counts", str(one.details.get("receipt")), "fsck.row_missing")


def _holder_of(check: Check, receipt_id: str) -> str | None:
    receipt = check.session.get(Receipt, receipt_id)
    return None if receipt is None else receipt.holder_id


def _purge(said: Said) -> bool:
    """Whether it is the platform's own receipt that old queries were purged."""
    wanted = ("purged", StatutoryAccess.__tablename__)
    return said.holder_id is None and (said.details.get("act"), said.details.get("register")) == wanted
