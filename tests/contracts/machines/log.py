"""ReceiptLog beside a model: its head is always one that the true log had, or that two administrators stated."""

import hashlib
from collections.abc import Callable
from functools import cache

from hypothesis import strategies as st
from hypothesis.stateful import rule

from chain.merkle import consistency_proof, node_hash, root_of
from tests.contracts.conftest import PROPOSAL_LIFE_S
from tests.contracts.machines.base import Machine

LONGEST = 300


def leaves(history: int) -> list[bytes]:
    """A history of receipts; histories part at leaf 20."""
    return [hashlib.sha256(b"%d %d" % (history if n >= 20 else 0, n)).digest() for n in range(LONGEST)]


def node_of(history: list[bytes]) -> Callable[[int, int], bytes]:
    @cache
    def node(level: int, index: int) -> bytes:
        if not level:
            return history[index]
        return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


HISTORIES = [leaves(0), leaves(1)]
NODES = [node_of(history) for history in HISTORIES]
ROOTS = [[root_of(history[:size]) for size in range(LONGEST + 1)] for history in HISTORIES]


class LogMachine(Machine):
    """An operator with two histories to offer, who also lies about proofs and heads; two administrators."""

    def __init__(self) -> None:
        super().__init__()
        self.history, self.size, self.epoch, self.time = 0, 0, 1, self.now
        self.proposals: dict[tuple[int, int, bytes], tuple[int, int]] = {}

    @property
    def root(self) -> bytes:
        return ROOTS[self.history][self.size]

    @rule(
        sender=st.sampled_from(["operator", "operator", "operator", "department", "stranger"]),
        history=st.integers(0, 1),
        claimed=st.sampled_from(["head", "head", "head", "size", "root"]),
        new=st.integers(0, LONGEST),
        spoil=st.sampled_from(["", "", "", "drop", "flip", "add", "swap"]),
        at=st.integers(0, 20),
    )
    def append(self, sender: str, history: int, claimed: str, new: int, spoil: str, at: int) -> None:
        old_size = self.size + 1 if claimed == "size" else self.size
        old_root = ROOTS[1 - self.history][max(self.size, 21)] if claimed == "root" else self.root
        proof = consistency_proof(NODES[history], self.size, new) if self.size < new else []
        honest = proof
        if proof and spoil:
            n = at % len(proof)
            changed = bytes([proof[n][0] ^ 1]) + proof[n][1:]
            proof = {
                "drop": proof[:n] + proof[n + 1 :],
                "flip": [*proof[:n], changed, *proof[n + 1 :]],
                "add": [*proof[:n], changed, *proof[n:]],
                "swap": proof[::-1],
            }[spoil]
        refusal: str | None = None
        if sender != "operator":
            refusal = "NotOperator"
        elif claimed != "head":
            refusal = "StaleHead"
        elif new <= self.size:
            refusal = "NotAdvancing"
        elif proof != honest or (self.size > 20 and history != self.history):
            refusal = "InconsistentProof"
        args = (old_size, old_root, new, ROOTS[history][new], proof)
        outcome = self.expect(refusal, self.world.log, getattr(self.world, sender), "append", *args)
        if outcome is not None:
            self.history, self.size, self.time = history, new, self.now
            (event,) = outcome.events
            assert event.args == {"root": self.root, "size": new, "epoch": self.epoch}

    @rule(admin=st.integers(0, 3), history=st.integers(0, 1), size=st.sampled_from([0, 1, 21, 40]), wrong=st.booleans())
    def start_epoch(self, admin: int, history: int, size: int, wrong: bool) -> None:
        root = ROOTS[history][1 - min(size, 1)] if wrong else ROOTS[history][size]
        caller = [*self.world.admins, self.world.stranger][admin]
        key = (self.epoch + 1, size, root)
        proposer, until = self.proposals.get(key, (-1, 0))
        still_open = proposer >= 0 and self.now <= until
        refusal: str | None = None
        if admin == 3:
            refusal = "NotAdmin"
        elif wrong and size <= 1:
            refusal = "InvalidHead"
        elif wrong:
            return  # some head of nowhere: two administrators may state it, and nothing here could go on from it
        elif still_open and proposer == admin:
            refusal = "SecondPersonRequired"
        if self.expect(refusal, self.world.log, caller, "startEpoch", size, root) is None:
            return
        if not still_open:
            self.proposals[key] = (admin, self.now + PROPOSAL_LIFE_S)
            return
        del self.proposals[key]
        self.history, self.size, self.time = history, size, self.now
        self.epoch += 1

    def check(self) -> None:
        assert self.world.log.call("head") == (self.size, self.root, self.epoch, self.time)
