"""CertificateAnchors: who may anchor and revoke what, and that neither is ever undone."""

import hashlib
from typing import Any

import pytest

from chain.grantmsg import anchor_digest, revoke_digest
from tests.contracts.conftest import DEPARTMENT, NO_KEY, World, party_id
from tests.contracts.harness import CHAIN_ID, GENESIS_TIME_S, RevertedError, Signer, refused

UNKNOWN, VALID, REVOKED = 0, 1, 2
ALL_BITS = 2**256 - 1
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

ANCHOR = {
    "Anchor": [
        {"name": "issuer", "type": "address"},
        {"name": "roots", "type": "bytes32[]"},
        {"name": "sizes", "type": "uint64[]"},
    ]
}
REVOKE = {
    "Revoke": [
        {"name": "issuer", "type": "address"},
        {"name": "root", "type": "bytes32"},
        {"name": "word", "type": "uint256"},
        {"name": "mask", "type": "uint256"},
    ]
}


def root_of(label: object) -> bytes:
    return hashlib.sha256(f"root {label}".encode()).digest()


def anchor_signature(
    world: World, signer: Signer, issuer: bytes, roots: list[bytes], sizes: list[int], **domain: Any
) -> bytes:
    message = {"issuer": issuer, "roots": roots, "sizes": sizes}
    return signer.sign_typed(world.anchors.domain("mydata CertificateAnchors") | domain, ANCHOR, message)


def revoke_signature(world: World, signer: Signer, issuer: bytes, root: bytes, word: int, mask: int) -> bytes:
    message = {"issuer": issuer, "root": root, "word": word, "mask": mask}
    return signer.sign_typed(world.anchors.domain("mydata CertificateAnchors"), REVOKE, message)


def mirrored(signature: bytes) -> bytes:
    """The other valid signature over the same digest, with a high s."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    assert s > HALF_ORDER
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def test_a_department_anchors_many_roots_in_one_call(world: World) -> None:
    roots, sizes = [root_of(n) for n in range(3)], [1, 1024, 2**64 - 1]
    outcome = world.anchors.send(world.department, "anchor", roots, sizes)
    assert [event.name for event in outcome.events] == ["Anchored"] * 3
    for event, root, size in zip(outcome.events, roots, sizes, strict=True):
        issuer = world.department.address
        assert event.args == {"issuer": issuer, "root": root, "size": size}
        assert world.anchors.call("anchorOf", issuer, root) == (size, GENESIS_TIME_S)
        assert world.anchors.call("statusOf", issuer, root, size - 1) == VALID
    assert world.anchors.call("statusOf", world.department.address, roots[0], 1) == UNKNOWN
    assert world.anchors.call("anchorOf", world.department.address, root_of("x")) == (0, 0)
    assert world.anchors.call("statusOf", world.department.address, root_of("x"), 0) == UNKNOWN


def test_only_active_departments_anchor_and_revoke(world: World) -> None:
    root = root_of(0)
    world.anchors.send(world.department, "anchor", [root], [8])
    for caller in (world.operator, world.regulator, world.admins[0], world.stranger):
        with refused("NotDepartment", caller.address):
            world.anchors.send(caller, "anchor", [root_of(1)], [1])
        with refused("NotDepartment", caller.address):
            world.anchors.send(caller, "revoke", root, 0, 1)
    world.registry.send(world.admins[0], "suspend", party_id("department"))
    signature = anchor_signature(world, world.department, world.department.address, [root_of(1)], [1])
    revocation = revoke_signature(world, world.department, world.department.address, root, 0, 1)
    for function, *args in (
        ("anchor", [root_of(1)], [1]),
        ("anchorFor", world.department.address, [root_of(1)], [1], signature),
        ("revoke", root, 0, 1),
        ("revokeFor", world.department.address, root, 0, 1, revocation),
    ):
        with refused("NotDepartment", world.department.address):
            world.anchors.send(world.department, function, *args)
    assert world.anchors.call("statusOf", world.department.address, root, 0) == VALID


def test_a_squatted_root_harms_nobody(world: World) -> None:
    root = root_of("victim's")
    world.anchors.send(world.other_department, "anchor", [root], [5])
    world.anchors.send(world.other_department, "revoke", root, 0, 0b11111)
    world.anchors.send(world.department, "anchor", [root], [7])
    assert world.anchors.call("anchorOf", world.department.address, root) == (7, GENESIS_TIME_S)
    assert world.anchors.call("statusOf", world.department.address, root, 0) == VALID
    assert world.anchors.call("statusOf", world.other_department.address, root, 0) == REVOKED
    with refused("UnknownRoot"):
        world.anchors.send(world.other_department, "revoke", root_of("mine alone"), 0, 1)


def test_an_anchor_is_made_once_and_all_or_nothing(world: World) -> None:
    issuer = world.department.address
    world.anchors.send(world.department, "anchor", [root_of(1)], [4])
    world.evm.at(GENESIS_TIME_S + 9)
    with refused("AlreadyAnchored", issuer, root_of(1)):
        world.anchors.send(world.department, "anchor", [root_of(0), root_of(1)], [4, 5])
    assert world.anchors.call("anchorOf", issuer, root_of(0)) == (0, 0)
    assert world.anchors.call("anchorOf", issuer, root_of(1)) == (4, GENESIS_TIME_S)
    with refused("AlreadyAnchored", issuer, root_of(2)):
        world.anchors.send(world.department, "anchor", [root_of(2), root_of(2)], [4, 4])
    with refused("LengthMismatch", 1, 2):
        world.anchors.send(world.department, "anchor", [root_of(3)], [4, 4])
    with refused("NoRoots"):
        world.anchors.send(world.department, "anchor", [], [])
    with refused("EmptyBatch", root_of(3)):
        world.anchors.send(world.department, "anchor", [root_of(3)], [0])


def test_anybody_relays_a_signed_anchor_once(world: World) -> None:
    issuer, roots, sizes = world.department.address, [root_of(0), root_of(1)], [3, 1024]
    signature = anchor_signature(world, world.department, issuer, roots, sizes)
    digest = anchor_digest(issuer, roots, sizes, CHAIN_ID, world.anchors.address)
    assert signature == world.department.sign_digest(digest)  # our own encoder and a general one agree
    outcome = world.anchors.send(world.stranger, "anchorFor", issuer, roots, sizes, signature)
    assert [event.args["root"] for event in outcome.events] == roots
    assert {event.args["issuer"] for event in outcome.events} == {issuer}
    with refused("AlreadyAnchored", issuer, roots[0]):
        world.anchors.send(world.stranger, "anchorFor", issuer, roots, sizes, signature)
    overlap = anchor_signature(world, world.department, issuer, [root_of(2), root_of(1)], sizes)
    with refused("AlreadyAnchored", issuer, root_of(1)):
        world.anchors.send(world.stranger, "anchorFor", issuer, [root_of(2), root_of(1)], sizes, overlap)


def test_a_signed_anchor_fits_only_itself(world: World) -> None:
    issuer, roots, sizes = world.department.address, [root_of(0), root_of(1)], [3, 4]
    good = anchor_signature(world, world.department, issuer, roots, sizes)
    other_contract = {"verifyingContract": "0x" + world.grants.address.hex()}
    bad = {
        "another signer": (issuer, roots, sizes, anchor_signature(world, world.stranger, issuer, roots, sizes)),
        "another department": (world.other_department.address, roots, sizes, good),
        "another root": (issuer, [roots[0], root_of(9)], sizes, good),
        "another size": (issuer, roots, [3, 5], good),
        "another order": (issuer, roots[::-1], sizes[::-1], good),
        "fewer": (issuer, roots[:1], sizes[:1], good),
        "high s": (issuer, roots, sizes, mirrored(good)),
        "short": (issuer, roots, sizes, good[:64]),
        "empty": (issuer, roots, sizes, b""),
        "bad v": (issuer, roots, sizes, good[:64] + b"\x00"),
    }
    for domain in ({"chainId": CHAIN_ID + 1}, other_contract, {"version": "2"}, {"name": "mydata Grants"}):
        signature = anchor_signature(world, world.department, issuer, roots, sizes, **domain)
        bad[f"domain {domain}"] = (issuer, roots, sizes, signature)
    for why, args in bad.items():
        with pytest.raises(RevertedError) as error:
            world.anchors.send(world.stranger, "anchorFor", *args)
        assert error.value.name == "BadSignature", why
    world.anchors.send(world.stranger, "anchorFor", issuer, roots, sizes, good)


def test_a_signer_who_is_no_department_anchors_nothing_by_signature(world: World) -> None:
    signature = anchor_signature(world, world.stranger, world.stranger.address, [root_of(0)], [1])
    with refused("NotDepartment", world.stranger.address):
        world.anchors.send(world.operator, "anchorFor", world.stranger.address, [root_of(0)], [1], signature)


def test_revocation_by_bits(world: World) -> None:
    issuer, root = world.department.address, root_of(0)
    world.anchors.send(world.department, "anchor", [root, root_of(1)], [600, 600])
    outcome = world.anchors.send(world.department, "revoke", root, 1, 1 << 255 | 1)
    (event,) = outcome.events
    assert event.name == "Revoked"
    assert event.args == {"issuer": issuer, "root": root, "word": 1, "mask": 1 << 255 | 1}
    expected = {255: VALID, 256: REVOKED, 257: VALID, 510: VALID, 511: REVOKED, 512: VALID, 599: VALID, 600: UNKNOWN}
    for index, status in expected.items():
        assert world.anchors.call("statusOf", issuer, root, index) == status, index
        assert world.anchors.call("statusOf", issuer, root_of(1), index) != REVOKED
    world.anchors.send(world.department, "revoke", root, 1, 0b11)  # one of the two anew: bits only add up
    assert world.anchors.call("revokedWord", issuer, root, 1) == 1 << 255 | 0b11
    world.anchors.send(world.department, "revoke", root, 0, ALL_BITS)
    assert world.anchors.call("statusOf", issuer, root, 0) == REVOKED


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 1024])
def test_revocation_is_bounded_by_the_size(world: World, size: int) -> None:
    issuer, root = world.department.address, root_of(size)
    world.anchors.send(world.department, "anchor", [root], [size])
    last_word, last_bit = (size - 1) >> 8, (size - 1) & 255
    outside = [(size >> 8, 1 << (size & 255)), (last_word + 1, 1), (2**255, 1), (2**256 - 1, ALL_BITS)]
    if last_bit < 255:
        outside += [(last_word, 1 << 255), (last_word, ALL_BITS)]
    for word, mask in outside:
        with refused("OutOfRange", size):
            world.anchors.send(world.department, "revoke", root, word, mask)
    world.anchors.send(world.department, "revoke", root, last_word, 1 << last_bit)
    assert world.anchors.call("statusOf", issuer, root, size - 1) == REVOKED
    assert world.anchors.call("statusOf", issuer, root, size) == UNKNOWN


def test_revoking_nothing_new_is_refused(world: World) -> None:
    root = root_of(0)
    world.anchors.send(world.department, "anchor", [root], [8])
    with refused("NothingToRevoke"):
        world.anchors.send(world.department, "revoke", root, 0, 0)
    world.anchors.send(world.department, "revoke", root, 0, 0b110)
    with refused("NothingToRevoke"):
        world.anchors.send(world.department, "revoke", root, 0, 0b100)


def test_anybody_relays_a_signed_revocation_once(world: World) -> None:
    issuer, root = world.department.address, root_of(0)
    world.anchors.send(world.department, "anchor", [root, root_of(1)], [300, 300])
    signature = revoke_signature(world, world.department, issuer, root, 1, 0b101)
    digest = revoke_digest(issuer, root, 1, 0b101, CHAIN_ID, world.anchors.address)
    assert signature == world.department.sign_digest(digest)
    for args in (
        (world.other_department.address, root, 1, 0b101, signature),
        (issuer, root_of(1), 1, 0b101, signature),
        (issuer, root, 0, 0b101, signature),
        (issuer, root, 1, 0b111, signature),
        (issuer, root, 1, 0b101, mirrored(signature)),
        (issuer, root, 1, 0b101, revoke_signature(world, world.other_department, issuer, root, 1, 0b101)),
        (issuer, root, 1, 0b101, revoke_signature(world, world.stranger, issuer, root, 1, 0b101)),
    ):
        with refused("BadSignature"):
            world.anchors.send(world.stranger, "revokeFor", *args)
    (event,) = world.anchors.send(world.stranger, "revokeFor", issuer, root, 1, 0b101, signature).events
    assert event.args == {"issuer": issuer, "root": root, "word": 1, "mask": 0b101}
    assert world.anchors.call("statusOf", issuer, root, 258) == REVOKED
    with refused("NothingToRevoke"):
        world.anchors.send(world.stranger, "revokeFor", issuer, root, 1, 0b101, signature)


def test_a_rotated_department_still_revokes_what_it_issued(world: World) -> None:
    issuer, root, successor = world.department.address, root_of(0), Signer("successor")
    world.anchors.send(world.department, "anchor", [root], [4])
    world.rotate("department", successor.address, NO_KEY)
    old = revoke_signature(world, world.department, issuer, root, 0, 1)
    with refused("NotDepartment", issuer):
        world.anchors.send(world.stranger, "revokeFor", issuer, root, 0, 1, old)
    with refused("NotDepartment", issuer):
        world.anchors.send(world.department, "anchor", [root_of(1)], [1])
    foreign = revoke_signature(world, world.other_department, issuer, root, 0, 1)
    with refused("BadSignature"):
        world.anchors.send(world.stranger, "revokeFor", issuer, root, 0, 1, foreign)
    signature = revoke_signature(world, successor, issuer, root, 0, 1)
    world.anchors.send(world.stranger, "revokeFor", issuer, root, 0, 1, signature)
    assert world.anchors.call("statusOf", issuer, root, 0) == REVOKED
    assert world.registry.call("partyOf", issuer) == party_id("department")
    assert world.registry.call("isActive", successor.address, DEPARTMENT)


def test_strangers_share_no_party(world: World) -> None:
    """Two accounts that belong to nobody both have the party zero, which must not make them one party."""
    one, two = Signer("one"), Signer("two")
    signature = revoke_signature(world, one, two.address, root_of(0), 0, 1)
    with refused("NotDepartment", one.address):
        world.anchors.send(world.stranger, "revokeFor", two.address, root_of(0), 0, 1, signature)
