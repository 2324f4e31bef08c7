"""Receipts at their places in the log: each against promise, leaf, commitment and details, and whose place it is.

The log's key is not in the database, so a promise ties a leaf to one number. A receipt that stands whole at another
number than its leaf's was *moved* (re-ordered); one that holds another receipt's leaf was *swapped* with it, or
*inserted* as a copy where that other one still stands in its place; one at its own place that differs from what was
promised was *edited*. A place without a receipt is one *deleted*, at the log's end one *cut off*.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select

from api.errors import ApiError
from api.store.fsck.notes import note
from api.store.fsck.report import Check
from api.store.receipts import OpenDetails, open_details_with
from api.store.tables import Checkpoint, LogNode, PreparedReceipt, Receipt
from chain.errors import ChainError
from chain.receipt import ReceiptKind, details_commitment, promise_bytes, receipt_leaf_bytes, receipt_leaf_hash

# A log whose end was cut off is told by its size alone up to so many; a size that somebody raised names itself.
NAMED_MISSING = 1000


@dataclass(frozen=True, slots=True)
class _Foreign:
    """A receipt at place `at` (None: at none) whose leaf was promised for `home`; `whole`: all of it is of there."""

    receipt_id: str
    at: int | None
    home: int
    whole: bool
    opens: bool


class Places:
    """The receipts of one log, read once in the order of their numbers.

    `stated` is what the log's row states, `covered` how many leaves checkpoints or chain speak of. After `leaves`,
    `count` is the number of leaves that the log had by all that stands in the store, and `cut` the places at its end
    that are empty. `homes` are leaf hashes by the numbers that receipts standing elsewhere were promised for.
    """

    def __init__(self, check: Check, stated: int, covered: int) -> None:
        self.count = 0
        self.cut = 0
        self.homes: dict[int, bytes] = {}
        self.stated = stated
        self._check = check
        self._covered = covered
        self._key = Ed25519PublicKey.from_public_bytes(check.log_public_key)
        self._foreign: list[_Foreign] = []
        self._missing: list[int] = []
        self._damaged: set[int] = set()
        self._usurped: set[int] = set()

    def leaves(self) -> Iterator[bytes | None]:
        """The true leaf hash at each number in turn, None where nothing tells it."""
        check, expected = self._check, 0
        numbered = select(Receipt).where(Receipt.number.is_not(None)).order_by(Receipt.number)
        for receipt in check.each("receipts", numbered):
            number = receipt.number
            assert number is not None
            if number < 0 or (number >= self.stated and not self._own(receipt, number)):
                self._outside(receipt)
                continue
            while expected < number:
                self._missing.append(expected)
                yield None
                expected += 1
            yield self._leaf_at(receipt, number)
            expected += 1
        self.count = self._end(expected)
        for _ in range(expected, self.count):
            yield None
        self.cut = self.count - expected

    def settle(self) -> None:
        """Name what could not be judged before all was read: who stands where, and which places are empty."""
        check, first = self._check, self.count - self.cut
        empty = {*self._missing, *range(first, self.count)}
        for foreign in self._foreign:
            # Where the receipt whose leaf it is stands in its own place, this is a copy of it.
            copied = foreign.home < self.count and foreign.home not in self._damaged | empty
            if copied and not foreign.opens:
                code = "fsck.receipt_inserted"
            elif copied:
                code = "fsck.receipt_edited"
            else:
                code = "fsck.receipt_moved" if foreign.whole else "fsck.receipt_swapped"
            check.find("receipts", foreign.receipt_id, code)
            if foreign.at is not None and code in {"fsck.receipt_inserted", "fsck.receipt_moved"}:
                self._usurped.add(foreign.at)
        homes = {foreign.home for foreign in self._foreign}
        moved = {foreign.home for foreign in self._foreign if foreign.whole}
        missing = {number for number in self._missing if number not in moved} | (self._usurped - homes)
        for number in sorted(missing):
            check.find("receipts", f"#{number}", "fsck.receipt_missing")
        gone = [number for number in range(first, self.count) if number not in moved]
        if gone:
            check.find("receipts", f"#{gone[0]}..#{self.count - 1}", "fsck.log_cut_off")
        check.lost += len(missing) + len(gone)
        if self.stated != self.count:
            check.find("log_state", "1", "fsck.log_state")

    def prepared(self) -> None:
        """Receipts without a number: each waits in the queue, opens, and was not taken out of a place."""
        check = self._check
        queued = set(check.session.execute(select(PreparedReceipt.receipt_id)).scalars())
        waiting = (
            select(Receipt)
            .outerjoin(PreparedReceipt, PreparedReceipt.receipt_id == Receipt.id)
            .where(Receipt.number.is_(None))
            .order_by(PreparedReceipt.seq, Receipt.id)
        )
        for receipt in check.each("receipts", waiting):
            if receipt.leaf is not None and self._home(receipt) is not None:
                self._outside(receipt)
            elif receipt.id not in queued:
                check.find("receipts", receipt.id, "fsck.receipt_unqueued")
            elif self._open(receipt) is None:
                check.find("receipts", receipt.id, "fsck.receipt_edited")
            queued.discard(receipt.id)
        for receipt_id in sorted(queued):
            check.find("prepared_receipts", receipt_id, "fsck.prepared_receipt")

    def _end(self, expected: int) -> int:
        """How many leaves the log had: what the row states, where something else or a short distance bears it out."""
        session = self._check.session
        nodes = session.execute(select(func.max(LogNode.index)).where(LogNode.level == 0)).scalar_one()
        signed = session.execute(select(func.max(Checkpoint.size))).scalar_one()
        known = max(expected, min(self.stated, max((-1 if nodes is None else nodes) + 1, signed or 0, self._covered)))
        return self.stated if known < self.stated <= known + NAMED_MISSING else known

    def _leaf_at(self, receipt: Receipt, number: int) -> bytes | None:
        """Check a numbered receipt; the leaf hash that the log promised for its place, if that can still be told."""
        wanted = self._wanted(receipt, number)
        if wanted is not None and receipt.leaf == wanted:
            leaf_hash = receipt_leaf_hash(wanted)
            if receipt.leaf_hash == leaf_hash and self._promised(receipt, number, leaf_hash):
                if self._open(receipt) is None:
                    self._edited(receipt, number)
                return leaf_hash
        opens = self._open(receipt) is not None
        stored = self._stored(number)
        stated = [None if leaf is None else receipt_leaf_hash(leaf) for leaf in (wanted, receipt.leaf)]
        for candidate in (*stated, receipt.leaf_hash, stored):
            if candidate is not None and self._promised(receipt, number, candidate):
                self._edited(receipt, number, lost=False)
                return candidate
        self._damaged.add(number)
        if self._home(receipt) is not None:
            self._outside(receipt, number, opens=opens)
        elif opens or stored in (*stated, receipt.leaf_hash):
            self._edited(receipt, number, lost=False)
        else:
            self._check.find("receipts", receipt.id, "fsck.receipt_inserted")
            self._usurped.add(number)
        return None

    def _outside(self, receipt: Receipt, at: int | None = None, *, opens: bool | None = None) -> None:
        """A receipt that does not stand at its own place; which of the ways that is, is settled in the end."""
        if opens is None:
            opens = self._open(receipt) is not None
        home = self._home(receipt)
        if home is None:
            self._check.find("receipts", receipt.id, "fsck.receipt_inserted")
            return
        whole = opens and self._wanted(receipt, home) == receipt.leaf
        if receipt.leaf is not None:
            self.homes[home] = receipt_leaf_hash(receipt.leaf)
        self._foreign.append(_Foreign(receipt.id, at, home, whole, opens))

    def _edited(self, receipt: Receipt, number: int, *, lost: bool = True) -> None:
        self._check.find("receipts", receipt.id, "fsck.receipt_edited")
        if lost:
            self._damaged.add(number)

    def _own(self, receipt: Receipt, number: int) -> bool:
        return receipt.leaf is not None and self._promised(receipt, number, receipt_leaf_hash(receipt.leaf))

    def _home(self, receipt: Receipt) -> int | None:
        """The number that a receipt's leaf states, if the log promised that leaf for it."""
        try:
            number = json.loads(receipt.leaf or b"")["number"]
        except (ValueError, KeyError, TypeError):
            return None
        if type(number) is not int or number < 0 or receipt.leaf is None:
            return None
        return number if self._promised(receipt, number, receipt_leaf_hash(receipt.leaf)) else None

    def _wanted(self, receipt: Receipt, number: int) -> bytes | None:
        """The leaf that a receipt's columns lead to, with the time that the stored leaf states."""
        try:
            time_s = json.loads(receipt.leaf or b"")["time"]
            kind = ReceiptKind(receipt.kind)
            return receipt_leaf_bytes(kind, self._check.log_id, number, time_s, receipt.commitment)
        except (ValueError, KeyError, TypeError, ChainError):
            return None

    def _promised(self, receipt: Receipt, number: int, leaf_hash: bytes) -> bool:
        try:
            self._key.verify(receipt.promise or b"", promise_bytes(self._check.log_id, number, leaf_hash))
        except (InvalidSignature, ChainError):
            return False
        return True

    def _stored(self, number: int) -> bytes | None:
        query = select(LogNode.hash).where(LogNode.level == 0, LogNode.index == number)
        return self._check.session.execute(query).scalar_one_or_none()

    def _open(self, receipt: Receipt) -> OpenDetails | None:
        """The details of a receipt, None where they do not open its commitment; what they say is noted."""
        check = self._check
        if receipt.holder_id in check.erased:
            # The leaf stands; what it committed to went with its holder.
            if not receipt.details_enc:
                return OpenDetails({}, b"")
            self._unread(receipt)
            return None
        sealer = check.sealer(receipt.holder_id)
        if sealer is None:
            self._unread(receipt)
            if check.locked(receipt.holder_id):
                check.leave("receipts")
                return OpenDetails({}, b"")
            return None
        try:
            opened = open_details_with(sealer, receipt)
            holds = details_commitment(opened.salt, opened.details) == receipt.commitment
        except (ApiError, ChainError):
            holds = False
        if not holds:
            self._unread(receipt)
            return None
        note(check, receipt, opened)
        return opened

    def _unread(self, receipt: Receipt) -> None:
        self._check.unread.add(receipt.id)
        self._check.lost += 1
