"""Grants: only the grant's own key begins or changes it, ends are final, and nothing can be replayed."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chain.grantmsg import GrantMessage, GrantStatus, change_digest, grant_digest
from tests.contracts.conftest import NO_ACCOUNT, World, party_id
from tests.contracts.harness import CHAIN_ID, GENESIS_TIME_S, RevertedError, Signer, refused

NONE, ACTIVE, PAUSED, REVOKED, ENDED = range(5)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

GRANT = {
    "Grant": [
        {"name": "key", "type": "address"},
        {"name": "terms", "type": "bytes32"},
        {"name": "binding", "type": "bytes32"},
        {"name": "notBefore", "type": "uint40"},
        {"name": "notAfter", "type": "uint40"},
    ]
}
CHANGE = {
    "Change": [
        {"name": "grant", "type": "bytes32"},
        {"name": "status", "type": "uint8"},
        {"name": "seq", "type": "uint8"},
    ]
}


@dataclass(frozen=True)
class Draft:
    """A grant to be signed."""

    key: Signer = field(default_factory=lambda: Signer("grant 1"))
    terms: bytes = hashlib.sha256(b"terms").digest()
    binding: bytes = hashlib.sha256(b"binding").digest()
    not_before: int = GENESIS_TIME_S
    not_after: int = GENESIS_TIME_S + 1000

    @property
    def message(self) -> tuple[Any, ...]:
        return (self.key.address, self.terms, self.binding, self.not_before, self.not_after)

    def sign(self, world: World, signer: Signer | None = None, **domain: Any) -> bytes:
        message = dict(zip(("key", "terms", "binding", "notBefore", "notAfter"), self.message, strict=True))
        return (signer or self.key).sign_typed(world.grants.domain("mydata Grants") | domain, GRANT, message)


def register(world: World, draft: Draft | None = None) -> bytes:
    draft = draft or Draft()
    return world.grants.send(world.stranger, "register", draft.message, draft.sign(world)).value


def signed_change(world: World, grant: bytes, status: int, seq: int, signer: Signer | None = None) -> bytes:
    message = {"grant": grant, "status": status, "seq": seq}
    return (signer or Draft().key).sign_typed(world.grants.domain("mydata Grants"), CHANGE, message)


def change(world: World, grant: bytes, status: int, seq: int) -> Any:
    signature = signed_change(world, grant, status, seq)
    return world.grants.send(world.stranger, "change", grant, status, seq, signature)


def state(world: World, grant: bytes) -> tuple[int, bool, int]:
    """Status, suspension, next sequence number."""
    return tuple(world.grants.call("stateOf", grant)[3:])


def test_the_digest_is_the_id_in_three_implementations(world: World) -> None:
    draft = Draft()
    ours = grant_digest(GrantMessage(*draft.message), CHAIN_ID, world.grants.address)
    assert world.grants.call("grantDigest", draft.message) == ours
    assert draft.sign(world) == draft.key.sign_digest(ours)
    for status in (GrantStatus.ACTIVE, GrantStatus.PAUSED, GrantStatus.REVOKED):
        digest = change_digest(ours, status, 7, CHAIN_ID, world.grants.address)
        assert world.grants.call("changeDigest", ours, int(status), 7) == digest
        assert signed_change(world, ours, int(status), 7) == draft.key.sign_digest(digest)


def test_a_signed_grant_is_registered_by_anybody(world: World) -> None:
    draft = Draft()
    outcome = world.grants.send(world.stranger, "register", draft.message, draft.sign(world))
    (event,) = outcome.events
    assert event.name == "GrantRegistered"
    assert event.args == {
        "id": outcome.value,
        "terms": draft.terms,
        "binding": draft.binding,
    }
    expected = (draft.key.address, draft.not_before, draft.not_after, ACTIVE, False, 0)
    assert world.grants.call("stateOf", outcome.value) == expected
    assert world.grants.call("isActive", outcome.value)


def test_an_unknown_grant_is_nothing(world: World) -> None:
    unknown = bytes(range(32))
    assert world.grants.call("stateOf", unknown) == (NO_ACCOUNT, 0, 0, NONE, False, 0)
    assert not world.grants.call("isActive", unknown)
    assert not world.grants.call("isActiveAt", unknown, 0)
    with refused("UnknownGrant", unknown):
        change(world, unknown, PAUSED, 0)
    with refused("UnknownGrant", unknown):
        world.grants.send(world.regulator, "suspend", unknown, True)
    with refused("UnknownGrant", unknown):
        world.grants.send(world.operator, "end", unknown)


def test_a_signature_fits_only_its_own_grant(world: World) -> None:
    draft, good = Draft(), Draft().sign(world)
    s = ORDER - int.from_bytes(good[32:64], "big")
    attempts = {
        "signed by another key": (draft, draft.sign(world, Signer("thief"))),
        "another key put in": (replace(draft, key=Signer("thief")), good),
        "other terms": (replace(draft, terms=bytes(32)), good),
        "other binding": (replace(draft, binding=bytes(32)), good),
        "widened backwards": (replace(draft, not_before=draft.not_before - 1), good),
        "widened forwards": (replace(draft, not_after=draft.not_after + 1), good),
        "high s": (draft, good[:32] + s.to_bytes(32, "big") + bytes([55 - good[64]])),
        "short": (draft, good[:64]),
        "long": (draft, good + b"\x00"),
        "other chain": (draft, draft.sign(world, chainId=CHAIN_ID + 1)),
        "other contract": (draft, draft.sign(world, verifyingContract="0x" + world.anchors.address.hex())),
        "other version": (draft, draft.sign(world, version="2")),
        "a change, not a grant": (draft, signed_change(world, bytes(32), ACTIVE, 0)),
        "nothing": (draft, bytes(65)),
    }
    for why, (attempt, signature) in attempts.items():
        with pytest.raises(RevertedError) as error:
            world.grants.send(world.operator, "register", attempt.message, signature)
        assert error.value.name == "BadSignature", why
    zero_key = (NO_ACCOUNT, *draft.message[1:])  # what a failed recovery would seem to have signed
    with refused("BadSignature"):
        world.grants.send(world.operator, "register", zero_key, bytes(65))
    world.grants.send(world.operator, "register", draft.message, good)


def test_a_grant_is_registered_once_in_any_status(world: World) -> None:
    draft, signature = Draft(), Draft().sign(world)
    grant = register(world)
    for status, seq in ((None, 0), (PAUSED, 0), (ACTIVE, 1), (REVOKED, 2)):
        if status is not None:
            change(world, grant, status, seq)
        with refused("AlreadyRegistered", grant):
            world.grants.send(world.stranger, "register", draft.message, signature)
    assert state(world, grant)[0] == REVOKED


@pytest.mark.parametrize(("not_before", "not_after"), [(100, 100), (101, 100), (2**40 - 1, 0)])
def test_a_window_must_be_open(world: World, not_before: int, not_after: int) -> None:
    draft = Draft(not_before=not_before, not_after=not_after)
    with refused("InvalidWindow", not_before, not_after):
        register(world, draft)


def test_times_bound_a_grant_to_the_second(world: World) -> None:
    draft = Draft(not_before=GENESIS_TIME_S + 10, not_after=GENESIS_TIME_S + 20)
    grant = register(world, draft)
    for offset, active in ((0, False), (9, False), (10, True), (19, True), (20, False), (10**6, False)):
        time_s = GENESIS_TIME_S + offset
        assert world.grants.call("isActiveAt", grant, time_s) is active
        world.evm.at(time_s)
        assert world.grants.call("isActive", grant) is active
    past = register(world, Draft(key=Signer("grant 2"), not_before=1, not_after=2))  # kept, though it never acts
    assert state(world, past) == (ACTIVE, False, 0)
    assert not world.grants.call("isActive", past)


def test_pause_resume_revoke(world: World) -> None:
    grant = register(world)
    for seq, status in enumerate((PAUSED, ACTIVE, PAUSED, ACTIVE, REVOKED)):
        (event,) = change(world, grant, status, seq).events
        assert (event.name, event.args) == ("GrantChanged", {"id": grant, "status": status, "seq": seq})
        assert world.grants.call("isActive", grant) is (status == ACTIVE)
        assert state(world, grant)[0] == status


@pytest.mark.parametrize("before", [(), (PAUSED,)])
def test_revocation_before_the_start_and_out_of_a_pause(world: World, before: tuple[int, ...]) -> None:
    draft = Draft(not_before=GENESIS_TIME_S + 500)
    grant = register(world, draft)
    for seq, status in enumerate((*before, REVOKED)):
        change(world, grant, status, seq)
    assert not world.grants.call("isActiveAt", grant, GENESIS_TIME_S + 600)


def test_transitions_that_do_not_exist(world: World) -> None:
    grant = register(world)
    for status in (NONE, ACTIVE, ENDED):  # the holder's key cannot even sign for the platform
        with refused("InvalidTransition", ACTIVE, status):
            change(world, grant, status, 0)
    with pytest.raises(RevertedError):
        change(world, grant, 5, 0)
    change(world, grant, PAUSED, 0)
    for status in (NONE, PAUSED, ENDED):
        with refused("InvalidTransition", PAUSED, status):
            change(world, grant, status, 1)
    change(world, grant, REVOKED, 1)
    for status in (NONE, ACTIVE, PAUSED, REVOKED, ENDED):
        with refused("InvalidTransition", REVOKED, status):
            change(world, grant, status, 1)


def test_a_change_is_signed_by_the_grants_key_and_for_this_grant(world: World) -> None:
    grant, other = register(world), register(world, Draft(terms=bytes(32)))  # two grants under one key
    for signature in (
        signed_change(world, grant, PAUSED, 0, Signer("thief")),
        signed_change(world, other, PAUSED, 0),
        signed_change(world, grant, REVOKED, 0),
        signed_change(world, grant, PAUSED, 1),
        Draft().sign(world),
        b"",
    ):
        with refused("BadSignature"):
            world.grants.send(world.operator, "change", grant, PAUSED, 0, signature)
    assert state(world, grant) == (ACTIVE, False, 0)


def test_an_old_resume_cannot_be_replayed(world: World) -> None:
    grant = register(world)
    change(world, grant, PAUSED, 0)
    resume = signed_change(world, grant, ACTIVE, 1)
    world.grants.send(world.stranger, "change", grant, ACTIVE, 1, resume)
    change(world, grant, PAUSED, 2)
    with refused("WrongSequence", 3):
        world.grants.send(world.stranger, "change", grant, ACTIVE, 1, resume)
    with refused("BadSignature"):
        world.grants.send(world.stranger, "change", grant, ACTIVE, 3, resume)
    for seq in (0, 2, 4, 255):
        with refused("WrongSequence", 3):
            change(world, grant, ACTIVE, seq)
    assert state(world, grant) == (PAUSED, False, 3)


def test_after_the_last_number_only_a_revocation_remains(world: World) -> None:
    grant = register(world)
    for seq in range(255):
        change(world, grant, ACTIVE if seq % 2 else PAUSED, seq)
    assert state(world, grant) == (PAUSED, False, 255)
    with refused("SequenceExhausted"):
        change(world, grant, ACTIVE, 255)
    change(world, grant, REVOKED, 255)
    assert state(world, grant)[0] == REVOKED


def test_a_regulator_suspends_beside_the_holders_status(world: World) -> None:
    grant = register(world)
    (event,) = world.grants.send(world.regulator, "suspend", grant, True).events
    assert event.name == "GrantSuspended"
    assert event.args == {"id": grant, "suspended": True, "regulator": world.regulator.address}
    assert not world.grants.call("isActive", grant)
    assert state(world, grant) == (ACTIVE, True, 0)
    with refused("AlreadySuspended", True):
        world.grants.send(world.regulator, "suspend", grant, True)
    change(world, grant, PAUSED, 0)
    change(world, grant, ACTIVE, 1)  # the holder's resume does not lift the suspension
    assert not world.grants.call("isActive", grant)
    assert state(world, grant) == (ACTIVE, True, 2)
    (event,) = world.grants.send(world.regulator, "suspend", grant, False).events
    assert event.args["suspended"] is False
    assert world.grants.call("isActive", grant)
    with refused("AlreadySuspended", False):
        world.grants.send(world.regulator, "suspend", grant, False)


def test_lifting_a_suspension_revives_nothing(world: World) -> None:
    grant = register(world)
    world.grants.send(world.regulator, "suspend", grant, True)
    change(world, grant, REVOKED, 0)
    assert state(world, grant) == (REVOKED, True, 0)
    world.grants.send(world.regulator, "suspend", grant, False)
    assert state(world, grant) == (REVOKED, False, 0)
    assert not world.grants.call("isActive", grant)


@pytest.mark.parametrize("paused", [False, True])
def test_the_platform_ends_for_good(world: World, paused: bool) -> None:
    grant = register(world)
    if paused:
        change(world, grant, PAUSED, 0)
    seq = int(paused)
    (event,) = world.grants.send(world.operator, "end", grant).events
    assert (event.name, event.args) == ("GrantEnded", {"id": grant, "operator": world.operator.address})
    assert not world.grants.call("isActive", grant)
    assert state(world, grant) == (ENDED, False, seq)
    for status in (ACTIVE, PAUSED, REVOKED):
        with refused("InvalidTransition", ENDED, status):
            change(world, grant, status, seq)
    with refused("InvalidTransition", ENDED, ENDED):
        world.grants.send(world.operator, "end", grant)
    with refused("AlreadyRegistered", grant):
        world.grants.send(world.operator, "register", Draft().message, Draft().sign(world))


def test_an_end_keeps_the_suspension_and_a_revoked_grant_is_not_ended(world: World) -> None:
    grant, other = register(world), register(world, Draft(terms=bytes(32)))
    world.grants.send(world.regulator, "suspend", grant, True)
    world.grants.send(world.operator, "end", grant)
    assert state(world, grant) == (ENDED, True, 0)
    change(world, other, REVOKED, 0)
    with refused("InvalidTransition", REVOKED, ENDED):
        world.grants.send(world.operator, "end", other)


def test_only_active_regulators_suspend_and_only_active_operators_end(world: World) -> None:
    grant = register(world)
    everyone = (world.admins[0], world.department, world.stranger, Draft().key)
    for caller in (*everyone, world.operator):
        with refused("NotRegulator", caller.address):
            world.grants.send(caller, "suspend", grant, True)
    for caller in (*everyone, world.regulator):
        with refused("NotOperator", caller.address):
            world.grants.send(caller, "end", grant)
    for label in ("regulator", "operator"):
        world.registry.send(world.admins[0], "suspend", party_id(label))
    with refused("NotRegulator", world.regulator.address):
        world.grants.send(world.regulator, "suspend", grant, True)
    with refused("NotOperator", world.operator.address):
        world.grants.send(world.operator, "end", grant)
