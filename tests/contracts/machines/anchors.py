"""CertificateAnchors beside a model: an anchor is made once, a revocation never undone, and neither by another."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from chain.grantmsg import anchor_digest, revoke_digest
from tests.contracts.conftest import party_id
from tests.contracts.harness import CHAIN_ID, Signer
from tests.contracts.machines.base import Machine
from tests.contracts.test_certificate_anchors import (
    REVOKED,
    UNKNOWN,
    VALID,
    root_of,
)

ROOTS = [root_of(f"machine {number}") for number in range(4)]
SIZES = [0, 1, 255, 256, 257, 600, 2**64 - 1]
MASKS = [0, 1, 2, 1 << 255, 2**256 - 1, (1 << 88) - 1]
DEPARTMENTS = ("department", "other department")

roots = st.sampled_from(ROOTS)
senders = st.sampled_from(["department", "department", "other_department", "operator", "stranger"])


class AnchorsMachine(Machine):
    """Two departments, an operator and a stranger; a department may be suspended and come back."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[tuple[bytes, bytes], int] = {}
        self.bits: dict[tuple[bytes, bytes, int], int] = {}
        self.suspended: set[str] = set()

    def signer(self, name: str) -> Signer:
        found: Signer = getattr(self.world, name)
        return found

    def may(self, name: str) -> bool:
        label = name.replace("_", " ")
        return label in DEPARTMENTS and label not in self.suspended

    def anchorable(self, issuer: bytes, chosen: list[bytes], sizes: list[int]) -> str | None:
        if len(chosen) != len(sizes):
            return "LengthMismatch"
        if not chosen:
            return "NoRoots"
        seen: set[bytes] = set()
        for root, size in zip(chosen, sizes, strict=True):
            if size == 0:
                return "EmptyBatch"
            if (issuer, root) in self.sizes or root in seen:
                return "AlreadyAnchored"
            seen.add(root)
        return None

    def revocable(self, issuer: bytes, root: bytes, word: int, mask: int) -> str | None:
        size = self.sizes.get((issuer, root), 0)
        if not size:
            return "UnknownRoot"
        if any(mask >> bit & 1 and word * 256 + bit >= size for bit in (0, 1, 87, 254, 255)) or word > size >> 8:
            return "OutOfRange"
        before = self.bits.get((issuer, root, word), 0)
        return "NothingToRevoke" if before | mask == before else None

    def anchored(self, issuer: bytes, chosen: list[bytes], sizes: list[int]) -> None:
        self.sizes |= {(issuer, root): size for root, size in zip(chosen, sizes, strict=True)}

    @rule(
        sender=senders,
        chosen=st.lists(roots, max_size=3),
        sizes=st.lists(st.sampled_from(SIZES), max_size=3),
        even=st.sampled_from([True, True, True, False]),
    )
    def anchor(self, sender: str, chosen: list[bytes], sizes: list[int], even: bool) -> None:
        if even:
            sizes = (sizes + [300] * 3)[: len(chosen)]
        issuer = self.signer(sender).address
        refusal = self.anchorable(issuer, chosen, sizes) if self.may(sender) else "NotDepartment"
        if self.expect(refusal, self.world.anchors, self.signer(sender), "anchor", chosen, sizes):
            self.anchored(issuer, chosen, sizes)

    @rule(issuer=senders, by=senders, root=roots, size=st.sampled_from(SIZES), other=st.booleans())
    def anchor_for(self, issuer: str, by: str, root: bytes, size: int, other: bool) -> None:
        address = self.signer(issuer).address
        signed_size = size - 1 if other and size else size + other  # what was signed is another size
        signature = self.signer(by).sign_digest(
            anchor_digest(address, [root], [signed_size], CHAIN_ID, self.world.anchors.address)
        )
        refusal: str | None = "BadSignature"
        if by == issuer and not other:
            refusal = self.anchorable(address, [root], [size]) if self.may(issuer) else "NotDepartment"
        args = (address, [root], [size], signature)
        if self.expect(refusal, self.world.anchors, self.world.stranger, "anchorFor", *args):
            self.anchored(address, [root], [size])

    @rule(sender=senders, root=roots, word=st.sampled_from([0, 0, 1, 2, 3, 2**56, 2**255]), mask=st.sampled_from(MASKS))
    def revoke(self, sender: str, root: bytes, word: int, mask: int) -> None:
        issuer = self.signer(sender).address
        refusal = self.revocable(issuer, root, word, mask) if self.may(sender) else "NotDepartment"
        if self.expect(refusal, self.world.anchors, self.signer(sender), "revoke", root, word, mask):
            self.bits[issuer, root, word] = self.bits.get((issuer, root, word), 0) | mask

    @precondition(lambda self: bool(self.sizes))
    @rule(at=st.integers(0, 7), word=st.sampled_from([0, 0, 1]), mask=st.sampled_from(MASKS), again=st.booleans())
    def revoke_known(self, at: int, word: int, mask: int, again: bool) -> None:
        """Of what is anchored, by whose it is, and beside what is revoked already: chance alone seldom gets there."""
        issuer, root = sorted(self.sizes)[at % len(self.sizes)]
        sender = next(name for name in ("department", "other_department") if self.signer(name).address == issuer)
        before = self.bits.get((issuer, root, word), 0) if again else 0
        self.revoke(sender, root, word, before | mask)

    @rule(issuer=senders, by=senders, root=roots, word=st.sampled_from([0, 1]), mask=st.sampled_from(MASKS))
    def revoke_for(self, issuer: str, by: str, root: bytes, word: int, mask: int) -> None:
        address = self.signer(issuer).address
        signature = self.signer(by).sign_digest(
            revoke_digest(address, root, word, mask, CHAIN_ID, self.world.anchors.address)
        )
        refusal: str | None = "BadSignature"
        if by == issuer:
            refusal = self.revocable(address, root, word, mask) if self.may(by) else "NotDepartment"
        args = (address, root, word, mask, signature)
        if self.expect(refusal, self.world.anchors, self.world.stranger, "revokeFor", *args):
            self.bits[address, root, word] = self.bits.get((address, root, word), 0) | mask

    @initialize()
    def something_stands(self) -> None:
        self.anchor("department", ROOTS[:2], [300, 300], even=False)

    @rule(label=st.sampled_from(DEPARTMENTS), seldom=st.sampled_from([True, False, False, False]))
    def suspend_or_reinstate(self, label: str, seldom: bool) -> None:
        first, second, _ = self.world.admins
        if label not in self.suspended and not seldom:
            return
        if label in self.suspended:
            self.world.registry.send(first, "proposeReinstatement", party_id(label))
            self.world.registry.send(second, "reinstate", party_id(label))
            self.suspended.remove(label)
        else:
            self.world.registry.send(first, "suspend", party_id(label))
            self.suspended.add(label)

    def check(self) -> None:
        for name in ("department", "other_department", "operator"):
            issuer = self.signer(name).address
            for root in ROOTS:
                size = self.sizes.get((issuer, root), 0)
                assert self.world.anchors.call("anchorOf", issuer, root)[0] == size
                for index in (0, 255, 256, 599):
                    bit = self.bits.get((issuer, root, index >> 8), 0) >> (index & 255) & 1
                    status = UNKNOWN if index >= size else REVOKED if bit else VALID
                    if index in (0, 255) or size > 256:
                        assert self.world.anchors.call("statusOf", issuer, root, index) == status
