"""Grants beside a model: only its own key begins or changes a grant, and no end is ever undone."""

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import rule

from chain.grantmsg import GrantStatus, change_digest
from tests.contracts.harness import CHAIN_ID, GENESIS_TIME_S, Signer
from tests.contracts.machines.base import Machine
from tests.contracts.test_grants import ACTIVE, ENDED, NONE, PAUSED, REVOKED, Draft

DRAFTS = [
    Draft(key=Signer("machine grant 1")),
    Draft(key=Signer("machine grant 1"), terms=bytes(32)),  # the same key, other terms: another grant
    Draft(key=Signer("machine grant 2"), not_before=GENESIS_TIME_S + 3600, not_after=GENESIS_TIME_S + 9 * 86_400),
    Draft(key=Signer("machine grant 3"), not_before=5, not_after=5),  # a window that never opens
]
MOVES = {ACTIVE: {PAUSED, REVOKED}, PAUSED: {ACTIVE, REVOKED}}

numbers = st.integers(0, len(DRAFTS) - 1)


@dataclass
class Grant:
    status: int = ACTIVE
    suspended: bool = False
    seq: int = 0


class GrantsMachine(Machine):
    """Holders, a thief, a regulator and an operator act on four grants."""

    def __init__(self) -> None:
        super().__init__()
        self.grants: dict[int, Grant] = {}
        self.ids = [self.world.grants.call("grantDigest", draft.message) for draft in DRAFTS]

    @rule(number=numbers, thief=st.booleans())
    def register(self, number: int, thief: bool) -> None:
        draft = DRAFTS[number]
        refusal = None
        if number in self.grants:
            refusal = "AlreadyRegistered"
        elif draft.not_after <= draft.not_before:
            refusal = "InvalidWindow"
        elif thief:
            refusal = "BadSignature"
        signer = Signer("thief") if thief else draft.key
        signature = signer.sign_digest(self.ids[number])
        if self.expect(refusal, self.world.grants, self.world.stranger, "register", draft.message, signature):
            self.grants[number] = Grant()

    @rule(
        number=numbers,
        status=st.sampled_from([NONE, ACTIVE, PAUSED, PAUSED, REVOKED, ENDED]),
        ahead=st.sampled_from([0, 0, 0, 0, 1, -1]),
        forged=st.sampled_from(["", "", "", "thief", "other status", "other number", "other grant"]),
    )
    def change(self, number: int, status: int, ahead: int, forged: str) -> None:
        grant = self.grants.get(number)
        seq = (grant.seq if grant else 0) + ahead
        if seq < 0:
            return
        refusal = None
        if grant is None:
            refusal = "UnknownGrant"
        elif ahead:
            refusal = "WrongSequence"
        elif status not in MOVES.get(grant.status, set()):
            refusal = "InvalidTransition"
        elif forged:
            refusal = "BadSignature"
        digest = change_digest(
            self.ids[(number + 1) % 2] if forged == "other grant" else self.ids[number],
            GrantStatus((status + 1) % 5 if forged == "other status" else status),
            seq + 1 if forged == "other number" else seq,
            CHAIN_ID,
            self.world.grants.address,
        )
        signature = (Signer("thief") if forged == "thief" else DRAFTS[number].key).sign_digest(digest)
        args = (self.ids[number], status, seq, signature)
        if self.expect(refusal, self.world.grants, self.world.stranger, "change", *args):
            assert grant is not None
            grant.status = status
            grant.seq += status != REVOKED

    @rule(number=numbers, by=st.sampled_from(["regulator", "regulator", "operator", "stranger"]), on=st.booleans())
    def suspend(self, number: int, by: str, on: bool) -> None:
        grant = self.grants.get(number)
        refusal = None
        if by != "regulator":
            refusal = "NotRegulator"
        elif grant is None:
            refusal = "UnknownGrant"
        elif grant.suspended is on:
            refusal = "AlreadySuspended"
        if self.expect(refusal, self.world.grants, getattr(self.world, by), "suspend", self.ids[number], on):
            assert grant is not None
            grant.suspended = on

    @rule(number=numbers)
    def hold_and_lift(self, number: int) -> None:
        """Both at once: chance alone seldom meets the same grant twice in a row in the state where it would matter."""
        for on in (True, False):
            self.suspend(number, "regulator", on)

    @rule(number=numbers, back=st.sampled_from([ACTIVE, PAUSED]))
    def end_and_return(self, number: int, back: int) -> None:
        """The platform's end, then the key's own word with the right number: an end that could be undone shows here."""
        self.end(number, "operator")
        self.change(number, back, 0, "")

    @rule(number=numbers, by=st.sampled_from(["operator", "regulator", "stranger", "department"]))
    def end(self, number: int, by: str) -> None:
        grant = self.grants.get(number)
        refusal = None
        if by != "operator":
            refusal = "NotOperator"
        elif grant is None:
            refusal = "UnknownGrant"
        elif grant.status not in MOVES:
            refusal = "InvalidTransition"
        if self.expect(refusal, self.world.grants, getattr(self.world, by), "end", self.ids[number]):
            assert grant is not None
            grant.status = ENDED

    def check(self) -> None:
        for number, (draft, identifier) in enumerate(zip(DRAFTS, self.ids, strict=True)):
            grant = self.grants.get(number)
            status, suspended, seq = self.world.grants.call("stateOf", identifier)[3:]
            if grant is None:
                assert (status, suspended, seq) == (NONE, False, 0)
            else:
                assert (status, suspended, seq) == (grant.status, grant.suspended, grant.seq)
            within = draft.not_before <= self.now < draft.not_after
            active = grant is not None and grant.status == ACTIVE and not grant.suspended and within
            assert self.world.grants.call("isActive", identifier) is active
