"""Erased holders: what is absent is absent by a receipt of erasure, and exactly what that receipt says is left.

An absent body whose holder has no such receipt was deleted by somebody else; each stage names it. The receipt states
how many rows of each sort stayed, with a hash over them: a row that a tamperer hung onto an erased holder shows.
"""

import json

from sqlalchemy import select

from api.errors import ApiError
from api.store.fsck.report import Check
from api.store.queries import erasures
from api.store.receipts import open_details_with
from api.store.tables import Content, Copy, Holder, Receipt, RetainedContent, RetainedProof, RetentionKey
from chain.bundle import parse_bundle
from chain.canonical import Json
from chain.errors import ChainError
from chain.receipt import ReceiptKind, details_commitment, receipt_leaf_bytes, receipt_leaf_hash, verify_promise


def check_erasures(check: Check) -> None:
    """Learn who was erased, hold the tables against it; before all stages that read bodies."""
    ended: set[str] = set()
    said: dict[str, dict[str, Json]] = {}
    query = select(Receipt).where(Receipt.kind == ReceiptKind.ERASURE.value).order_by(Receipt.id)
    for receipt in check.each("erasures", query):
        details = _stated(check, receipt)
        if details is None:
            continue  # the stage of the log names it
        if details.get("act") == "erased":
            check.erased.add(str(details.get("holder")))
            said[str(details.get("holder"))] = details
        else:
            ended.add(str(details.get("key")))
    _check_holders(check, said)
    _check_retention(check, said, ended)


def _check_holders(check: Check, said: dict[str, dict[str, Json]]) -> None:
    shredded = set(check.session.execute(select(Holder.id).where(Holder.wrapped_key == b"")).scalars())
    for holder_id in sorted(shredded - check.erased):
        check.find("holders", holder_id, "fsck.erased_unreceipted")
    for holder_id in sorted(check.erased - shredded):
        check.find("holders", holder_id, "fsck.erasure_undone")
    for holder_id, details in sorted(said.items()):
        if details.get("tombstones") != erasures.tombstones(check.session, holder_id):
            check.find("holders", holder_id, "fsck.tombstones")


def _check_retention(check: Check, said: dict[str, dict[str, Json]], ended: set[str]) -> None:
    """What is kept opens under its key until the end that was stated; then both are gone, with a receipt."""
    keys = {row.id: row for row in check.each("retention_keys", select(RetentionKey).order_by(RetentionKey.id))}
    stated = {
        (str(item["key"]), holder_id, item["basis"], item["until"])
        for holder_id, details in said.items()
        for item in _listed(details.get("retained"))
    }
    proofs = {
        str(item["key"]): item.get("proofs") for details in said.values() for item in _listed(details.get("retained"))
    }
    present = {(row.id, row.holder_id, row.basis, row.ends_ms // 1000) for row in keys.values()}
    for key_id in sorted({one[0] for one in stated ^ present}):
        check.find("retention_keys", key_id, "fsck.retention_edited")
    for row in keys.values():
        if bool(row.wrapped_key) == (row.id in ended):
            check.find("retention_keys", row.id, "fsck.retention_edited")
        elif row.wrapped_key and proofs.get(row.id) != erasures.proofs_under(check.session, row.id):
            check.find("retained_proofs", row.id, "fsck.retention_edited")
    for proof in check.each("retained_proofs", select(RetainedProof).order_by(RetainedProof.receipt_id)):
        key = keys.get(proof.key_id)
        if key is None or not key.wrapped_key or not _proves(check, proof):
            check.find("retained_proofs", proof.receipt_id, "fsck.retention_edited")
    for item in check.each("retained_contents", select(RetainedContent).order_by(RetainedContent.content_id)):
        key, content = keys.get(item.key_id), check.session.get(Content, item.content_id)
        if key is None or content is None:
            continue  # named as a missing row
        if key.wrapped_key and not _opens(check, content):
            check.find("contents", content.id, "fsck.content_edited")
    left = (
        select(Content.id)
        .join(Holder, Holder.id == Content.holder_id)
        .outerjoin(RetainedContent, RetainedContent.content_id == Content.id)
        .where(Holder.wrapped_key == b"", RetainedContent.content_id.is_(None), Content.original_enc != b"")
    )
    for content_id in check.session.execute(left).scalars():
        check.find("contents", content_id, "fsck.content_edited")
    files = (
        select(Copy.id)
        .join(Content, Content.id == Copy.content_id)
        .join(Holder, Holder.id == Content.holder_id)
        .where(Holder.wrapped_key == b"", Copy.file_enc != b"")
    )
    for copy_id in check.session.execute(files).scalars():
        check.find("copies", copy_id, "fsck.copy_edited")


def _opens(check: Check, content: Content) -> bool:
    try:
        erasures.open_retained(check.session, check.vault, content)
    except ApiError:
        return False
    return True


def _proves(check: Check, proof: RetainedProof) -> bool:
    """Whether a kept bundle opens and is of its own receipt."""
    receipt = check.session.get(Receipt, proof.receipt_id)
    try:
        kept = erasures.retained_proof(check.session, check.vault, proof.receipt_id)
        bundle = None if kept is None else parse_bundle(kept)
    except (ApiError, ChainError):
        return False
    return (
        bundle is not None
        and bundle.receipt is not None
        and receipt is not None
        and (
            bundle.receipt.commitment == receipt.commitment
            and details_commitment(bundle.receipt.salt, dict(bundle.receipt.details)) == receipt.commitment
        )
    )


def _listed(value: Json) -> list[dict[str, Json]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _stated(check: Check, receipt: Receipt) -> dict[str, Json] | None:
    """What a receipt of erasure says, if it opens, and, once it is numbered, the log's key promised it."""
    try:
        opened = open_details_with(check.vault.platform, receipt)
        if details_commitment(opened.salt, opened.details) != receipt.commitment:
            return None
        if receipt.number is not None:
            time_s = json.loads(receipt.leaf or b"")["time"]
            kind, number = ReceiptKind(receipt.kind), receipt.number
            leaf = receipt_leaf_bytes(kind, check.log_id, number, time_s, receipt.commitment)
            leaf_hash = receipt_leaf_hash(leaf)
            verify_promise(check.log_public_key, check.log_id, number, leaf_hash, receipt.promise or b"")
    except (ApiError, ChainError, ValueError, KeyError, TypeError):
        return None
    return opened.details
