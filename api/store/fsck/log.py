"""The receipt log: receipts against promise, leaf, commitment and details; tree; checkpoints; the chain's head."""

import json
from collections.abc import Iterator
from itertools import groupby

from sqlalchemy import select

from api.errors import ApiError
from api.store.fsck.report import CHUNK, Check, Delivered, GrantReceipts
from api.store.queries.receipts import log_node
from api.store.receipts import OpenDetails, open_details_with
from api.store.tables import Checkpoint, LogNode, LogState, PreparedReceipt, Receipt
from chain.errors import ChainError
from chain.merkle import grow, tree_head
from chain.note import open_checkpoint
from chain.receipt import ReceiptKind, details_commitment, receipt_leaf_bytes, receipt_leaf_hash, verify_promise

# A log whose end was cut off is named row by row up to so many; a size that somebody raised names itself.
NAMED_MISSING = 1000


def check_log(check: Check) -> None:
    """All of the log; notes for later stages what receipts say of grants, copies and returns."""
    size = check.session.execute(select(LogState.size).where(LogState.id == 1)).scalar_one_or_none()
    if size is None:
        check.find("log_state", "1", "fsck.log_state")
        size = 0
    tree = _Tree(check)
    for leaf in _leaves(check, size):
        tree.add(leaf)
    tree.finish()
    _check_prepared(check)
    _check_checkpoints(check, tree)
    _check_head(check, tree)


def _leaves(check: Check, size: int) -> Iterator[bytes | None]:
    """The true leaf hash at each number in turn, None where nothing tells it."""
    expected = 0
    numbered = select(Receipt).where(Receipt.number.is_not(None)).order_by(Receipt.number)
    for receipt in check.each("receipts", numbered):
        number = receipt.number
        assert number is not None
        if number >= size:
            _beyond(check, receipt, number)
            continue
        while expected < number:
            check.find("receipts", f"#{expected}", "fsck.receipt_missing")
            yield None
            expected += 1
        yield _true_leaf(check, receipt, number)
        expected += 1
    if size - expected > NAMED_MISSING:
        check.find("log_state", "1", "fsck.log_state")
        size = expected + NAMED_MISSING
    for number in range(expected, size):
        check.find("receipts", f"#{number}", "fsck.receipt_missing")
        yield None


def _beyond(check: Check, receipt: Receipt, number: int) -> None:
    """A receipt past the log's size: promised by the log, then the size was lowered; else somebody put it there."""
    if receipt.leaf_hash is not None and _promised(check, receipt, number, receipt.leaf_hash):
        check.find("log_state", "1", "fsck.log_state")
    else:
        check.find("receipts", receipt.id, "fsck.receipt_inserted")


def _true_leaf(check: Check, receipt: Receipt, number: int) -> bytes | None:
    """Check a numbered receipt; the leaf hash that the log promised for its place, if that can still be told."""
    wanted = _leaf_of(check, receipt, number)
    if receipt.leaf_hash is None or receipt.leaf is None or wanted is None:
        check.find("receipts", receipt.id, "fsck.receipt_edited")
        return None
    if not _promised(check, receipt, number, receipt.leaf_hash):
        check.find("receipts", receipt.id, "fsck.receipt_edited")
        # Another column may have been edited while the promise still fits what the leaf should be.
        return wanted if _promised(check, receipt, number, wanted) else None
    if (
        receipt.leaf != wanted_bytes(check, receipt, number)
        or receipt_leaf_hash(receipt.leaf) != receipt.leaf_hash
        or _open(check, receipt) is None
    ):
        check.find("receipts", receipt.id, "fsck.receipt_edited")
    return receipt.leaf_hash


def wanted_bytes(check: Check, receipt: Receipt, number: int) -> bytes | None:
    """The leaf that a receipt's columns lead to, with the time that the stored leaf states."""
    try:
        time_s = json.loads(receipt.leaf or b"")["time"]
        kind = ReceiptKind(receipt.kind)
        return receipt_leaf_bytes(kind, check.log_id, number, time_s, receipt.commitment)
    except (ValueError, KeyError, TypeError, ChainError):
        return None


def _leaf_of(check: Check, receipt: Receipt, number: int) -> bytes | None:
    leaf = wanted_bytes(check, receipt, number)
    return None if leaf is None else receipt_leaf_hash(leaf)


def _promised(check: Check, receipt: Receipt, number: int, leaf_hash: bytes) -> bool:
    try:
        verify_promise(check.log_public_key, check.log_id, number, leaf_hash, receipt.promise or b"")
    except ChainError:
        return False
    return True


def _open(check: Check, receipt: Receipt) -> OpenDetails | None:
    """The details of a receipt, None where they do not open its commitment; what they say is noted."""
    if receipt.holder_id in check.erased:
        # The leaf stands; what it committed to went with its holder.
        return OpenDetails({}, b"") if not receipt.details_enc else None
    sealer = check.sealer(receipt.holder_id)
    if sealer is None:
        return None
    try:
        opened = open_details_with(sealer, receipt)
        if details_commitment(opened.salt, opened.details) != receipt.commitment:
            return None
    except (ApiError, ChainError):
        return None
    _note(check, receipt, opened)
    return opened


def _note(check: Check, receipt: Receipt, opened: OpenDetails) -> None:
    details = opened.details
    if receipt.kind == ReceiptKind.RETURN and receipt.return_id is not None:
        batches = details.get("batches")
        if isinstance(batches, list):
            check.batches_of_returns[receipt.return_id] = batches
    if receipt.grant_id is None:
        return
    said = check.grants.setdefault(receipt.grant_id, GrantReceipts())
    if receipt.kind in {ReceiptKind.GRANT, ReceiptKind.CHANGE}:
        event = details.get("event")
        if isinstance(event, int):
            said.events[event] = str(details.get("event_hash"))
    if receipt.kind == ReceiptKind.GRANT:
        said.begun.add(str(details.get("grant")))
    elif receipt.kind == ReceiptKind.DELETION:
        check.deletions[receipt.id] = details
    elif receipt.kind == ReceiptKind.DELIVERY:
        said.uses += receipt.repeats
        if receipt.copy_id is not None:
            check.deliveries.setdefault(receipt.copy_id, []).append(
                Delivered(
                    receipt.id,
                    details.get("file_sha256"),
                    details.get("mark"),
                    details.get("entity"),
                    details.get("format"),
                    details.get("request"),
                )
            )


def _check_prepared(check: Check) -> None:
    queued = set(check.session.execute(select(PreparedReceipt.receipt_id)).scalars())
    for receipt in check.each("receipts", select(Receipt).where(Receipt.number.is_(None)).order_by(Receipt.id)):
        if receipt.id not in queued:
            check.find("receipts", receipt.id, "fsck.receipt_unqueued")
        elif _open(check, receipt) is None:
            check.find("receipts", receipt.id, "fsck.receipt_edited")
        queued.discard(receipt.id)
    for receipt_id in sorted(queued):
        check.find("prepared_receipts", receipt_id, "fsck.prepared_receipt")


def _check_checkpoints(check: Check, tree: "_Tree") -> None:
    for row in check.each("checkpoints", select(Checkpoint).order_by(Checkpoint.size)):
        if row.size > tree.size:
            check.find("receipts", f"#{tree.size}..#{row.size - 1}", "fsck.log_cut_off")
            continue
        if tree.head(row.size) != row.root or not _note_holds(check, row):
            check.find("checkpoints", str(row.size), "fsck.checkpoint_edited")
        elif (
            check.chain is not None
            and row.anchor_state == "anchored"
            and not check.chain.is_checkpoint(row.size, row.root)
        ):
            check.find("checkpoints", str(row.size), "fsck.checkpoint_not_on_chain")


def _note_holds(check: Check, row: Checkpoint) -> bool:
    if not row.note:
        return True  # taken over from the chain, its note is still to be made
    try:
        stated = open_checkpoint(row.note, check.log_id, check.log_public_key)
    except ChainError:
        return False
    return (stated.size, stated.root) == (row.size, row.root)


def _check_head(check: Check, tree: "_Tree") -> None:
    if check.chain is None:
        return
    head = check.chain.log_head()
    if head.size > tree.size:
        check.find("receipts", f"#{tree.size}..#{head.size - 1}", "fsck.log_cut_off")
    elif head.size and tree.head(head.size) != head.root:
        check.find("log_nodes", f"size {head.size}", "fsck.log_rewritten")


class _Tree:
    """Builds the tree anew from true leaf hashes and compares the stored nodes, some hundred leaves at a time."""

    def __init__(self, check: Check) -> None:
        self.size = 0
        self._check = check
        self._waiting: list[bytes | None] = []
        self._right: dict[tuple[int, int], bytes] = {}
        self._wrong: dict[tuple[int, int], bytes] = {}

    def add(self, leaf_hash: bytes | None) -> None:
        """The next leaf; where it is not known the stored node stands in, so that the rest can still be compared."""
        self._waiting.append(leaf_hash)
        if len(self._waiting) == CHUNK:
            self._compare()

    def finish(self) -> None:
        """Compare what is left, and look for nodes that no leaf leads to."""
        self._compare()
        levels = self._check.session.execute(select(LogNode.level).distinct().order_by(LogNode.level)).scalars().all()
        for level in levels:
            surplus = select(LogNode.index).where(LogNode.level == level, LogNode.index >= self.size >> level)
            for index in self._check.session.execute(surplus.limit(NAMED_MISSING)).scalars():
                self._check.find("log_nodes", f"{level}/{index}", "fsck.log_node_extra")

    def head(self, size: int) -> bytes:
        """The root over the first `size` leaves, by corrected nodes; b"" where a node is missing."""
        try:
            return tree_head(self._node, size)
        except KeyError:
            return b""

    def _node(self, level: int, index: int) -> bytes:
        corrected = self._wrong.get((level, index))
        return log_node(self._check.session, level, index) if corrected is None else corrected

    def _compare(self) -> None:
        if not self._waiting:
            return
        stored_leaves = self._stored(0, self.size, self.size + len(self._waiting) - 1)
        leaves = [
            stored_leaves.get(self.size + offset, bytes(32)) if leaf is None else leaf
            for offset, leaf in enumerate(self._waiting)
        ]
        fresh = grow(lambda level, index: self._right[level, index], self.size, leaves)
        self.size += len(leaves)
        for level, group in groupby(sorted(fresh), key=lambda node: node[0]):
            nodes = list(group)
            stored = self._stored(level, nodes[0][1], nodes[-1][1])
            for _, index, value in nodes:
                self._judge(level, index, value, stored.get(index))
        known = self._right | {(level, index): value for level, index, value in fresh}
        edge = [(bit, (self.size >> bit) - 1) for bit in range(self.size.bit_length()) if self.size >> bit & 1]
        self._right = {position: known[position] for position in edge}
        self._waiting.clear()

    def _judge(self, level: int, index: int, value: bytes, stored: bytes | None) -> None:
        if stored == value:
            return
        self._wrong[level, index] = value
        code = "fsck.log_node_missing" if stored is None else "fsck.log_node_edited"
        self._check.find("log_nodes", f"{level}/{index}", code)

    def _stored(self, level: int, first: int, last: int) -> dict[int, bytes]:
        rows = self._check.session.execute(
            select(LogNode.index, LogNode.hash).where(LogNode.level == level, LogNode.index.between(first, last))
        )
        # all(): a result has keys(), which dict() would take for a mapping's.
        return dict(rows.all())
