"""Requests: as they were asked, by receipts; answered as grants and receipts say."""

from sqlalchemy import select

from api.policy.states import RequestState
from api.store.fsck.report import Check
from api.store.queries import requests
from api.store.queries.registrations import LegalBasis
from api.store.tables import Grant, Receipt, Request
from chain.receipt import ReceiptKind


def check_requests(check: Check) -> None:
    """No request was altered, invented, taken away, or answered other than its grant or a receipt says."""
    receipts = select(Receipt.id, Receipt.holder_id).where(Receipt.kind == ReceiptKind.REQUEST.value)
    owners = dict(check.session.execute(receipts).all())
    granted = dict(check.session.execute(select(Grant.request_id, Grant.id)).all())
    for row in check.each("requests", select(Request).order_by(Request.id)):
        owner = owners.pop(row.receipt_id or "", None)
        grant_id = granted.get(row.id)
        if row.receipt_id in check.unread:
            continue
        if row.legal_basis != LegalBasis.CONSENT or row.origin == requests.BY_HOLDER:
            holds = _unasked(check, row, grant_id)
        else:
            holds = _as_asked(check, row, owner) and _answered(check, row, grant_id, owner)
        if not holds:
            check.find("requests", row.id, "fsck.request_altered")
    for receipt_id in sorted(owners.keys() - check.unread):
        said = check.asked.get(receipt_id)
        # Of an erased holder the receipt stands as a leaf alone, and names the missing row by itself.
        check.find("requests", receipt_id if said is None else str(said.details.get("request")), "fsck.row_missing")


def _as_asked(check: Check, row: Request, owner: str | None) -> bool:
    if owner in check.erased:
        return row.holder_id is None  # what it held went with its holder
    said = check.asked.get(row.receipt_id or "")
    if said is None or said.holder_id != row.holder_id:
        return False
    asked = "0x" + requests.asked_sha256(row).hex()
    return (said.details.get("request"), said.details.get("asked_sha256")) == (row.id, asked)


def _answered(check: Check, row: Request, grant_id: str | None, owner: str | None) -> bool:
    """Whether its state is what grant or receipts lead to. One that ran out is open until the worker notes it."""
    if grant_id is not None:
        return row.state == RequestState.APPROVED
    answers = check.answers.get(row.id, set())
    if answers:
        return answers == {row.state}
    if owner in check.erased:
        return row.state in {RequestState.DENIED, RequestState.LAPSED}
    return row.state == RequestState.REQUESTED


def _unasked(check: Check, row: Request, grant_id: str | None) -> bool:
    """What no entity asked: a holder's own offer until it is given, or the form of an access by statutory duty.

    Given, it says what the grant's terms say, which are signed or receipted. Not given, nobody is shown it.
    """
    if row.receipt_id is not None:
        return False
    if grant_id is None:
        return row.origin == requests.BY_HOLDER and row.state != RequestState.APPROVED
    grant = check.session.get_one(Grant, grant_id)
    terms, items, purpose = grant.terms, grant.terms.get("items"), grant.terms.get("purpose")
    if row.state != RequestState.APPROVED or not isinstance(items, list):
        return False
    granted = {(str(item["type"]), str(item["field"])) for item in items}
    return (
        terms["request"] == row.id
        and terms["legal_basis"] == row.legal_basis
        and isinstance(purpose, dict)
        and purpose.get("code") == row.purpose_code
        and terms["case_no"] == row.case_no
        and grant.entity_id == row.entity_id
        and (grant.holder_id == row.holder_id or (row.holder_id is None and grant.holder_id in check.erased))
        and granted <= {(str(item["type"]), str(item["field"])) for item in row.items}
    )
