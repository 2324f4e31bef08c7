"""Golden vectors of epochs of marking keys: the opening alone, and beside a copy that was marked under it."""

from dataclasses import replace
from typing import Any

from chain.bundle import Bundle
from chain.canonical import canonical
from chain.earlier import EarlierReceipt
from chain.epochs import Opening
from chain.merkle import BatchTree, leaf_hash
from chain.note import Checkpoint, sign_checkpoint
from chain.receipt import ReceiptKind, details_commitment, receipt_leaf_bytes, sign_promise
from tests.vectors.cases import DELIVERED, WORLD, Change, Vector, case, flip, invalid, put
from tests.vectors.rare import only_receipt
from tests.vectors.world import secret

OPENED_AT = DELIVERED - 86_400
OPENING = Opening("2025-10", 1, secret("epoch key"), OPENED_AT * 1000, None)
FIRST, RECEIPT = 2, 4


def under_epoch(
    details: dict[str, Any] | None = None, *, number: int = FIRST, time_s: int = OPENED_AT, logged: bool = True
) -> Bundle:
    """Evidence of a delivery with the opening of the epoch that marked it; each parameter is one thing to get wrong."""
    details = details if details is not None else OPENING.to_json()
    salt = secret("epoch salt")
    commitment = details_commitment(salt, details)
    leaf = leaf_hash(receipt_leaf_bytes(ReceiptKind.EPOCH, WORLD.log, number, time_s, commitment))
    promise = sign_promise(WORLD.log_key, WORLD.log, number, leaf)
    bundle = WORLD.bundle()
    assert bundle.receipt is not None and bundle.log is not None and bundle.mark is not None
    leaves = [leaf_hash(secret(f"receipt {n}")) for n in range(7)]
    leaves[RECEIPT] = leaf_hash(canonical(bundle.receipt.leaf()))
    if logged:
        leaves[number] = leaf
    tree = BatchTree(leaves)
    opened = EarlierReceipt(
        ReceiptKind.EPOCH, WORLD.log, number, time_s, commitment, details, salt, promise, tuple(tree.inclusion(number))
    )
    note = sign_checkpoint(Checkpoint(WORLD.log, 7, tree.root), WORLD.log_key)
    return replace(
        bundle,
        mark=replace(bundle.mark, epoch=opened),
        log=replace(bundle.log, checkpoint=note, proof=tuple(tree.inclusion(RECEIPT))),
    )


def epoch_cases() -> list[Vector]:
    """Openings as they should be, and every way in which they may be wrong."""

    def epoch(name: str, code: str | None = None, change: Change | None = None, **spoilt: Any) -> Vector:
        return case(f"epoch_{name}", {} if code is None else {17: invalid(code)}, change, under_epoch(**spoilt))

    member = ("mark", "epoch")
    other = replace(OPENING, epoch="2025-11").to_json()
    alone = only_receipt(OPENING.to_json(), ReceiptKind.EPOCH)
    return [
        epoch("valid"),
        epoch("of_another_mark", "epoch_of_another_mark", details=other),
        epoch("that_says_nothing", "details_malformed", details={"act": "opened"}),
        epoch("of_another_log", "epoch_other_log", put(*member, "leaf", "log", value="mydata/log/0000000000000000")),
        epoch("key_changed", "epoch_does_not_open", put(*member, "details", "key_sha256", edit=flip)),
        epoch("not_promised", "epoch_not_promised", put(*member, "promise", edit=flip)),
        epoch("opened_after_the_copy", "epoch_too_late", number=5),
        epoch("opened_after_the_copys_time", "epoch_too_late", time_s=DELIVERED + 301),
        epoch("not_logged", "epoch_not_in_log", logged=False),
        case("valid_epoch", {}, bundle=alone),
        case("epoch_changed", {14: invalid("details_do_not_open")}, put("receipt", "details", "seq", value=2), alone),
    ]
