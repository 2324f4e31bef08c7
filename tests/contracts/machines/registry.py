"""PartyRegistry beside a model: who may act is always what two different administrators agreed on."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.contracts.conftest import ENTITY, META, NO_ACCOUNT, NO_KEY, OPERATOR, PROPOSAL_LIFE_S, party_id, thumbprint
from tests.contracts.harness import Signer
from tests.contracts.machines.base import Machine

LABELS = ["one", "two", "three"]
ACCOUNTS = [Signer(f"machine account {number}") for number in range(4)]
KEYS = [NO_KEY, thumbprint("machine 1"), thumbprint("machine 2")]
NAMES = {1: ("anchors",), 2: (), 3: ("grants",), 4: ("grants", "log")}

labels, callers, roles = st.sampled_from(LABELS), st.integers(0, 3), st.integers(1, 4)
accounts = st.sampled_from([NO_ACCOUNT, *(signer.address for signer in ACCOUNTS)])
keys = st.sampled_from(KEYS)


@dataclass
class Party:
    role: int
    account: bytes
    key: bytes
    active: bool = True
    revision: int = 1


class RegistryMachine(Machine):
    """Three administrators and a stranger act on three parties, four accounts and two keys."""

    def __init__(self) -> None:
        super().__init__()
        self.callers = [*self.world.admins, self.world.stranger]
        self.parties: dict[str, Party] = {}
        self.account_of: dict[bytes, str] = {}  # for ever, retired ones too
        self.key_of: dict[bytes, str] = {}
        self.proposals: dict[tuple[Any, ...], tuple[int, int]] = {}  # content to (proposer, last second)

    # What must happen

    def free(self, account: bytes, key: bytes) -> str | None:
        if account in self.account_of:
            return "AccountTaken"
        return "KeyTaken" if key in self.key_of else None

    def admissible(self, label: str, role: int, account: bytes, key: bytes) -> str | None:
        if label in self.parties:
            return "AlreadyAdmitted"
        if account == NO_ACCOUNT and role != ENTITY:
            return "AccountRequired"
        return self.free(account, key)

    def rotatable(self, label: str, account: bytes, key: bytes) -> str | None:
        party = self.parties.get(label)
        if party is None:
            return "WrongStatus"
        if (account, key) == (party.account, party.key):
            return "NothingToRotate"
        if account == NO_ACCOUNT and party.role != ENTITY:
            return "AccountRequired"
        return self.free(NO_ACCOUNT if account == party.account else account, NO_KEY if key == party.key else key)

    def openable(self, content: tuple[Any, ...]) -> str | None:
        return "AlreadyProposed" if content in self.proposals and self.now <= self.proposals[content][1] else None

    def confirmable(self, content: tuple[Any, ...], caller: int) -> str | None:
        if content not in self.proposals:
            return "NotProposed"
        proposer, until = self.proposals[content]
        if self.now > until:
            return "ProposalExpired"
        return "SecondPersonRequired" if proposer == caller else None

    def act(self, caller: int, refusal: str | None, function: str, *args: Any) -> bool:
        """Whether it succeeded, as the model said it must."""
        refusal = "NotAdmin" if caller == 3 else refusal
        return self.expect(refusal, self.world.registry, self.callers[caller], function, *args) is not None

    def proposed(self, content: tuple[Any, ...], caller: int) -> None:
        self.proposals[content] = (caller, self.now + PROPOSAL_LIFE_S)

    # Rules

    @rule(caller=callers, label=labels, role=roles, account=accounts, key=keys)
    def propose(self, caller: int, label: str, role: int, account: bytes, key: bytes) -> None:
        content = ("admission", label, role, account, key)
        refusal = self.admissible(label, role, account, key) or self.openable(content)
        if self.act(caller, refusal, "propose", party_id(label), role, account, key, META):
            self.proposed(content, caller)

    def admit_as(self, caller: int, label: str, role: int, account: bytes, key: bytes) -> None:
        content = ("admission", label, role, account, key)
        refusal = self.confirmable(content, caller) or self.admissible(label, role, account, key)
        if self.act(caller, refusal, "admit", party_id(label), role, account, key, META):
            del self.proposals[content]
            self.parties[label] = Party(role, account, key)
            self.hold(label, account, key)

    @rule(caller=callers, label=labels, role=roles, account=accounts, key=keys)
    def admit(self, caller: int, label: str, role: int, account: bytes, key: bytes) -> None:
        self.admit_as(caller, label, role, account, key)

    @rule(caller=callers, number=st.integers(0, 9))
    def confirm_what_is_open(self, caller: int, number: int) -> None:
        """Otherwise two random contents would hardly ever be the same."""
        if not self.proposals:
            return
        kind, label, *rest = sorted(self.proposals, key=repr)[number % len(self.proposals)]
        if kind == "admission":
            self.admit_as(caller, label, *rest)
        elif kind == "rotation":
            self.rotate_as(caller, label, *rest[1:])
        else:
            self.reinstate(caller, label)

    @rule(caller=callers, label=labels)
    def suspend(self, caller: int, label: str) -> None:
        party = self.parties.get(label)
        refusal = None if party is not None and party.active else "WrongStatus"
        if self.act(caller, refusal, "suspend", party_id(label)):
            assert party is not None
            party.active, party.revision = False, party.revision + 1

    @rule(caller=callers, label=labels)
    def propose_reinstatement(self, caller: int, label: str) -> None:
        party = self.parties.get(label)
        content = ("reinstatement", label, party.revision if party else 0)
        refusal = "WrongStatus" if party is None or party.active else self.openable(content)
        if self.act(caller, refusal, "proposeReinstatement", party_id(label)):
            self.proposed(content, caller)

    @rule(caller=callers, label=labels)
    def reinstate(self, caller: int, label: str) -> None:
        party = self.parties.get(label)
        content = ("reinstatement", label, party.revision if party else 0)
        refusal = "WrongStatus" if party is None or party.active else self.confirmable(content, caller)
        if self.act(caller, refusal, "reinstate", party_id(label)):
            assert party is not None
            del self.proposals[content]
            party.active, party.revision = True, party.revision + 1

    @rule(caller=callers, label=labels, account=accounts, key=keys)
    def propose_rotation(self, caller: int, label: str, account: bytes, key: bytes) -> None:
        party = self.parties.get(label)
        content = ("rotation", label, party.revision if party else 0, account, key)
        refusal = self.rotatable(label, account, key) or self.openable(content)
        if self.act(caller, refusal, "proposeRotation", party_id(label), account, key):
            self.proposed(content, caller)

    def rotate_as(self, caller: int, label: str, account: bytes, key: bytes) -> None:
        party = self.parties.get(label)
        content = ("rotation", label, party.revision if party else 0, account, key)
        refusal = self.confirmable(content, caller) or self.rotatable(label, account, key)
        if self.act(caller, refusal, "rotate", party_id(label), account, key):
            assert party is not None
            del self.proposals[content]
            party.account, party.key, party.revision = account, key, party.revision + 1
            self.hold(label, account, key)

    @rule(caller=callers, label=labels, account=accounts, key=keys)
    def rotate(self, caller: int, label: str, account: bytes, key: bytes) -> None:
        self.rotate_as(caller, label, account, key)

    def hold(self, label: str, account: bytes, key: bytes) -> None:
        if account != NO_ACCOUNT:
            self.account_of[account] = label
        if key != NO_KEY:
            self.key_of[key] = label

    # What always holds

    def check(self) -> None:
        self.check_parties()
        self.check_accounts()

    def check_parties(self) -> None:
        registry = self.world.registry
        for label in LABELS:
            account, role, status, _, revision, key, _ = registry.call("party", party_id(label))
            party = self.parties.get(label)
            if party is None:
                assert (role, status, revision) == (0, 0, 0)
            else:
                status_foretold = 1 if party.active else 2
                assert (account, role, status, revision, key) == (
                    party.account,
                    party.role,
                    status_foretold,
                    party.revision,
                    party.key,
                )

    def check_accounts(self) -> None:
        """Who may act is told to every contract that asks, and to no other."""
        for signer in ACCOUNTS:
            label = self.account_of.get(signer.address)
            party = self.parties[label] if label else None
            role = party.role if party and party.active and party.account == signer.address else 0
            for name in ("anchors", "grants", "log"):
                told = role if role and name in NAMES[role] else 0
                assert getattr(self.world, name).call("roleOf", signer.address) == told
            assert self.world.registry.call("isActive", signer.address, role or OPERATOR) is bool(role)
            assert self.world.registry.call("partyOf", signer.address) == (party_id(label) if label else bytes(32))
