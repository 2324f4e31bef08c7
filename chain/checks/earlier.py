"""Part of steps 10 and 17: what another receipt fixed beforehand stands in the same log, at a lower number."""

from chain.canonical import canonical
from chain.checks.case import CLOCK_TOLERANCE_S, Case, invalid
from chain.earlier import EarlierReceipt
from chain.errors import ProofError, SignatureError
from chain.merkle import leaf_hash, verify_inclusion
from chain.receipt import details_commitment, verify_promise


def stood_before(case: Case, earlier: EarlierReceipt, what: str, time_s: int) -> None:
    """End the step unless the trusted log holds it before the bundle's receipt, not later than `time_s`.

    `what` begins the codes.
    """
    receipt = case.bundle.receipt
    if earlier.log != case.trust.log_id:
        raise invalid(f"{what}_other_log")
    if details_commitment(earlier.salt, earlier.details) != earlier.commitment:
        raise invalid(f"{what}_does_not_open")
    leaf = leaf_hash(canonical(earlier.leaf()))
    try:
        verify_promise(case.trust.log_public_key, earlier.log, earlier.number, leaf, earlier.promise)
    except SignatureError:
        raise invalid(f"{what}_not_promised") from None
    late = receipt is not None and earlier.number >= receipt.number
    if late or earlier.time_s > time_s + CLOCK_TOLERANCE_S:
        raise invalid(f"{what}_too_late")
    if case.bundle.log is None:
        return
    checkpoint = case.checkpoint
    try:
        verify_inclusion(leaf, earlier.number, checkpoint.size, earlier.proof, checkpoint.root)
    except ProofError:
        raise invalid(f"{what}_not_in_log") from None
