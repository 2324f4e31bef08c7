"""Contents and copies: bytes against hashes, marks against what delivery receipts commit to."""

import hashlib

from sqlalchemy import select

from api.errors import ApiError
from api.policy.copy_states import CopyState
from api.store.crypto import DataKey
from api.store.fsck.report import Check
from api.store.queries import copies, receipts
from api.store.tables import Content, Copy, RequestEvidence
from chain.canonical import Json
from chain.errors import ChainError
from chain.receipt import mark_commitment
from watermark.payload import Mark, code_sha256


def check_copies(check: Check) -> None:
    """Every content and copy; then deliveries whose copy is gone."""
    holders: dict[str, str] = {}
    for content in check.each("contents", select(Content).order_by(Content.id)):
        if content.holder_id in check.erased:
            continue  # the stage of erasures has looked
        if check.locked(content.holder_id):
            check.leave("contents")
            continue
        holders[content.id] = content.holder_id
        if not _content_holds(check, content):
            check.find("contents", content.id, "fsck.content_edited")
    seen: set[str] = set()
    for copy in check.each("copies", select(Copy).order_by(Copy.id)):
        seen.add(copy.id)
        holder_id = holders.get(copy.content_id)
        if holder_id is not None:
            _check_copy(check, copy, holder_id)
    for copy_id in sorted(check.deliveries.keys() - seen):
        check.find("copies", copy_id, "fsck.row_missing")
    _check_requests(check)


def _content_holds(check: Check, content: Content) -> bool:
    key = check.key(content.holder_id)
    if key is None:
        return False
    try:
        original = copies.open_original(key, content)
    except (ApiError, ChainError):
        return False
    return hashlib.sha256(original).digest() == content.original_sha256


def _check_copy(check: Check, copy: Copy, holder_id: str) -> None:
    key = check.key(holder_id)
    try:
        if key is None or not _file_holds(key, copy):
            raise ValueError
        document: dict[str, Json] = dict(copy.mark_document)  # type: ignore[arg-type]  # canonical() refuses what is no JSON
        mark = mark_commitment(copies.open_mark_salt(key, copy), document)
    except (ApiError, ChainError, ValueError):
        check.find("copies", copy.id, "fsck.copy_edited")
        return
    if copy.epoch not in check.epochs and not _older_than_epochs(check, copy, document):
        check.unreceipted("copies", copy.id, "fsck.copy_epoch")
    deliveries = check.deliveries.get(copy.id, [])
    if not deliveries:
        check.unreceipted("copies", copy.id, "fsck.copy_unreceipted")
    for said in deliveries:
        if (said.file_sha256, said.mark, said.entity, said.media_type) != (
            "0x" + copy.file_sha256.hex(),
            "0x" + mark.hex(),
            copy.entity_id,
            copy.media_type,
        ):
            check.find("copies", copy.id, "fsck.copy_edited")


def _older_than_epochs(check: Check, copy: Copy, document: dict[str, Json]) -> bool:
    """Whether it was marked before there were epochs: its code, to which its receipt commits, follows from that key."""
    key = check.before_epochs
    if key is None or copy.epoch != key.epoch:
        return False
    mark = Mark(copy.id, copy.entity_id, copy.content_id, "")
    return document.get("code_sha256") == "0x" + code_sha256(mark, key).hex()


def _file_holds(key: DataKey, copy: Copy) -> bool:
    """Whether the marked bytes are those that were delivered; of a deleted copy they may be gone."""
    if not copy.file_enc and copy.state == CopyState.DELETED:
        return True
    return hashlib.sha256(copies.open_file(key, copy)).digest() == copy.file_sha256


def _check_requests(check: Check) -> None:
    """The kept request of each signed delivery or statement is the one that its receipt commits to."""
    wanted = {
        said.receipt_id: said.request
        for deliveries in check.deliveries.values()
        for said in deliveries
        if said.request is not None
    }
    said_by_machines = [*check.deletions.items(), *check.disputed.items()]
    stated = {receipt_id: details.get("request") for receipt_id, details in said_by_machines}
    wanted |= {receipt_id: request for receipt_id, request in stated.items() if request is not None}
    for row in check.each("request_evidence", select(RequestEvidence).order_by(RequestEvidence.receipt_id)):
        try:
            kept = receipts.kept_request(check.session, check.vault, row.receipt_id) or {}
        except (ApiError, ValueError):
            kept = {}
        wanted_of_base = "0x" + hashlib.sha256(str(kept.get("base")).encode()).hexdigest()
        stated_base = wanted.pop(row.receipt_id, None)
        if stated_base is None:
            check.unreceipted("request_evidence", row.receipt_id, "fsck.request_edited")
        elif stated_base != wanted_of_base:
            check.find("request_evidence", row.receipt_id, "fsck.request_edited")
    for receipt_id in sorted(wanted):
        check.find("request_evidence", receipt_id, "fsck.row_missing")
