"""Sealed documents, their steps, agreements, revocations: each row against its receipt, each file against its hash."""

import hashlib

from sqlalchemy import select

from api.errors import ApiError
from api.store.fsck.report import Check
from api.store.queries import seals
from api.store.tables import SealCertificate, SealedDocument, SealPlan, SealStep
from chain.canonical import Json


def check_seals(check: Check) -> None:
    """Every sealed document with its steps, every plan, every revocation; then receipts whose row is gone."""
    known: set[str] = set()
    for row in check.each("sealed_documents", select(SealedDocument).order_by(SealedDocument.id)):
        known.add(row.id)
        if row.holder_id in check.erased:
            continue
        if check.locked(row.holder_id):
            check.leave("sealed_documents")
            continue
        if not _file_holds(check, row):
            check.find("sealed_documents", row.id, "fsck.seal_edited")
        _check_steps(check, row)
    plans = {row.id: row for row in check.each("seal_plans", select(SealPlan).order_by(SealPlan.id))}
    _check_plans(check, plans)
    revoked = set()
    for own in check.each("seal_certificates", select(SealCertificate).order_by(SealCertificate.serial)):
        if own.revoked_at_ms is not None:
            revoked.add(own.serial)
            said = check.seals.get(own.receipt_id or "")
            if said is None:
                check.unreceipted("seal_certificates", own.serial, "fsck.seal_unreceipted")
            elif (said.get("certificate"), said.get("at")) != (own.serial, own.revoked_at_ms // 1000):
                check.find("seal_certificates", own.serial, "fsck.seal_edited")
    for details in check.seals.values():
        if details.get("act") == "revoked" and str(details["certificate"]) not in revoked:
            check.find("seal_certificates", str(details["certificate"]), "fsck.seal_edited")
        if details.get("act") in {"sealed", "declined"} and str(details["document"]) not in known:
            check.find("sealed_documents", str(details["document"]), "fsck.row_missing")


def _file_holds(check: Check, row: SealedDocument) -> bool:
    key = check.key(row.holder_id)
    if key is None:
        return False
    try:
        return hashlib.sha256(seals.open_document(key, row)).digest() == row.file_sha256
    except ApiError:
        return False


def _check_steps(check: Check, row: SealedDocument) -> None:
    """Each seal and each refusal of one is receipted as it stands, and the last seal's file is the document's."""
    steps = list(
        check.session.execute(
            select(SealStep).where(SealStep.document_id == row.id).order_by(SealStep.position)
        ).scalars()
    )
    last: bytes | None = None
    for step in steps:
        if step.state == seals.WAITING:
            continue
        said = check.seals.get(step.receipt_id or "")
        if said is None:
            check.unreceipted("seal_steps", row.id, "fsck.seal_unreceipted")
            continue
        expected: dict[str, Json] = {"document": row.id, "position": step.position, "by": step.party_id}
        if step.state == seals.SEALED:
            last = step.file_sha256
            assert last is not None
            expected |= {"act": "sealed", "certificate": step.serial, "file_sha256": "0x" + last.hex()}
        else:
            expected["act"] = "declined"
        if any(said.get(name) != value for name, value in expected.items()):
            check.find("seal_steps", row.id, "fsck.seal_edited")
    sealed = sum(1 for step in steps if step.state == seals.SEALED)
    if last != row.file_sha256 or (row.state == seals.SEALED and sealed != row.needed + 1):
        check.find("sealed_documents", row.id, "fsck.seal_edited")


def _check_plans(check: Check, plans: dict[str, SealPlan]) -> None:
    agreed = {str(said["plan"]): said for said in check.seals.values() if said.get("act") == "agreed"}
    for row in plans.values():
        said = agreed.get(row.id)
        if said is None:
            check.unreceipted("seal_plans", row.id, "fsck.seal_unreceipted")
            continue
        stated = (said.get("by"), said.get("type"), said.get("cosigners"), said.get("needed"))
        if stated != (row.party_id, row.type_code, list(row.cosigners), row.needed):
            check.find("seal_plans", row.id, "fsck.seal_edited")
    for missing in sorted(agreed.keys() - plans.keys()):
        check.find("seal_plans", missing, "fsck.row_missing")
