"""Steps 14 to 17 and 20 to 22: the receipt, its place in the log, what it says, the order of times, witnesses."""

import hashlib
from collections.abc import Mapping

from chain.bundle import RecordRef, parse_records
from chain.canonical import Json, canonical
from chain.checks.case import CLOCK_TOLERANCE_S, Case, StepOutcome, invalid, not_claimed, pending, unknown
from chain.checks.earlier import stood_before
from chain.checks.grants import created_at
from chain.cosign import read_cosignatures
from chain.earlier import EarlierReceipt
from chain.epochs import parse_opening
from chain.errors import FormatError, ProofError, SignatureError
from chain.merkle import leaf_hash, verify_inclusion
from chain.receipt import details_commitment, mark_commitment, verify_promise
from chain.strict import hex0x
from chain.verdict import State

DAY_S = 86_400


def receipt_promised(case: Case) -> None:
    """Step 14. The receipt commits to its details, and the log's key promised to hold it."""
    receipt = case.bundle.receipt
    if receipt is None:
        raise not_claimed()
    if receipt.log != case.trust.log_id:
        raise invalid("receipt_other_log")
    if details_commitment(receipt.salt, receipt.details) != receipt.commitment:
        raise invalid("details_do_not_open")
    leaf = leaf_hash(canonical(receipt.leaf()))
    try:
        verify_promise(case.trust.log_public_key, receipt.log, receipt.number, leaf, receipt.promise)
    except SignatureError:
        raise invalid("promise_not_signed") from None


def receipt_logged(case: Case) -> None:
    """Step 15. The receipt is in the log, at its number, under a checkpoint signed by the log's key."""
    receipt, log = case.bundle.receipt, case.bundle.log
    if receipt is None:
        if log is not None:
            raise invalid("log_without_receipt")
        raise not_claimed()
    checkpoint = case.checkpoint
    assert log is not None
    leaf = leaf_hash(canonical(receipt.leaf()))
    try:
        verify_inclusion(leaf, receipt.number, checkpoint.size, log.proof, checkpoint.root)
    except ProofError:
        raise invalid("receipt_not_in_log") from None


def checkpoint_on_chain(case: Case) -> None:
    """Step 16. That checkpoint stands on chain."""
    if case.bundle.receipt is None:
        raise not_claimed()
    checkpoint, head = case.checkpoint, case.view.log_head()
    record = case.view.checkpoint(checkpoint.size, checkpoint.root)
    if record is not None:
        if record.epoch < head.epoch:
            case.note("log_restarted", epoch=record.epoch, head_epoch=head.epoch)
        return
    if checkpoint.size > head.size:
        raise pending("checkpoint_not_on_chain", size=checkpoint.size, head=head.size)
    # The log only grows: this head will not be taken any more. The log's key has signed two histories.
    raise invalid("checkpoint_forked", size=checkpoint.size, head=head.size)


def details_agree(case: Case) -> None:
    """Step 17. The receipt's details agree with the grant, the certificates, the mark and the file."""
    bundle, delivery = case.bundle, case.delivery
    if bundle.receipt is None:
        if bundle.mark is not None or bundle.request is not None or case.file is not None:
            raise invalid("without_receipt")
        raise not_claimed()
    if bundle.grant is not None and case.named_hash("grant") != case.grant_id:
        raise invalid("receipt_other_grant")
    _records_agree(case, bundle.receipt.details)
    if case.file is not None and hashlib.sha256(case.file).digest() != case.named_hash("file_sha256"):
        raise invalid("other_file")
    if delivery is None:
        if bundle.mark is not None:
            raise invalid("receipt_of_other_kind")
        return
    if bundle.grant is None:
        raise invalid("delivery_without_grant")
    if bundle.mark is not None:
        if mark_commitment(bundle.mark.salt, bundle.mark.document) != delivery.mark:
            raise invalid("mark_does_not_open")
        named = tuple(bundle.mark.document[name] for name in ("copy", "entity", "file_sha256"))
        if named != (delivery.copy, delivery.entity, hex0x(delivery.file_sha256)):
            raise invalid("mark_of_other_copy")
        if bundle.mark.epoch is not None:
            _epoch_opened(case, bundle.mark.document, bundle.mark.epoch)


def _epoch_opened(case: Case, mark: Mapping[str, Json], opened: EarlierReceipt) -> None:
    """The key of the epoch that marked the copy was fixed in the log before the copy was."""
    receipt = case.bundle.receipt
    assert receipt is not None
    stood_before(case, opened, "epoch", receipt.time_s)
    try:
        opening = parse_opening(opened.details, "/mark/epoch/details")
    except FormatError:
        raise invalid("details_malformed") from None
    if opening.epoch != mark["epoch"]:
        raise invalid("epoch_of_another_mark")
    case.note("epoch_opened", epoch=opening.epoch, key=hex0x(opening.key_sha256), number=opened.number)


def _records_agree(case: Case, details: Mapping[str, Json]) -> None:
    """Every certificate shown is one that the receipt names; the receipt may name more."""
    if not case.bundle.certificates:
        return
    try:
        named = set(parse_records(details.get("records"), "/receipt/details/records"))
    except FormatError:
        raise invalid("details_malformed") from None
    for at, certificate in enumerate(case.bundle.certificates, 1):
        if RecordRef(certificate.issuer, certificate.root, certificate.leaf.index) not in named:
            raise invalid("certificate_not_in_receipt", certificate=at)


def times_ordered(case: Case) -> None:
    """Step 20. Request, approval, signed request, receipt and checkpoint follow one another."""
    grant, receipt = case.bundle.grant, case.bundle.receipt
    if grant is None and receipt is None:
        raise not_claimed()
    if grant is not None and grant.terms.approved_at < grant.terms.requested_at:
        raise invalid("approved_before_request")
    if receipt is None:
        return
    if receipt.time_s > case.now_s + CLOCK_TOLERANCE_S:
        raise invalid("receipt_in_future")
    if grant is not None and case.delivery is not None:
        if not grant.message.not_before <= receipt.time_s < grant.message.not_after:
            raise invalid("delivered_outside_grant")
        if receipt.time_s < grant.terms.approved_at:
            raise invalid("delivered_before_approval")
        keep_until = receipt.time_s + grant.terms.data_life_days * DAY_S
        if case.now_s >= keep_until:
            case.note("data_life_over", time=keep_until)
    if case.bundle.request is not None and created_at(case.bundle.request.base) > receipt.time_s + CLOCK_TOLERANCE_S:
        raise invalid("delivered_before_request")


def checkpoint_after_receipt(case: Case) -> None:
    """Step 21. The checkpoint was appended to the chain after the receipt was made."""
    receipt = case.bundle.receipt
    if receipt is None:
        raise not_claimed()
    record = case.view.checkpoint(case.checkpoint.size, case.checkpoint.root)
    if record is None:
        raise pending("checkpoint_not_on_chain", size=case.checkpoint.size)
    if record.time_s + CLOCK_TOLERANCE_S < receipt.time_s:
        raise invalid("anchored_before_receipt")


def checkpoint_witnessed(case: Case) -> None:
    """Step 22. As many of the trust file's witnesses as it asks for co-signed the checkpoint."""
    trusted, log = case.trust.witnesses, case.bundle.log
    if case.bundle.receipt is None:
        raise not_claimed()
    if trusted is None:
        raise StepOutcome("no_witnesses", State.VALID)
    size = case.checkpoint.size
    assert log is not None
    try:
        found = read_cosignatures(log.checkpoint, trusted.keys)
    except SignatureError:
        raise invalid("cosignature_wrong") from None
    # A cosignature from the future says nothing about what its witness has seen.
    found = tuple(one for one in found if one.time_s <= case.now_s + CLOCK_TOLERANCE_S)
    for one in found:
        case.note("witnessed", witness=one.witness.name, size=size, time=one.time_s)
    if len(found) < trusted.quorum:
        raise unknown("not_witnessed", count=len(found), quorum=trusted.quorum)
