"""Every call against the real contracts, with its gas; damaged arguments, refusals and events."""

import hashlib

import pytest
from eth_utils.crypto import keccak

from chain import calls
from chain.abi import CONTRACTS, load
from chain.deploy import admit_party, send_and_wait
from chain.errors import ChainError, FormatError
from chain.events import EventReader
from chain.grantmsg import (
    GrantMessage,
    GrantStatus,
    anchor_digest,
    change_digest,
    grant_digest,
    revoke_digest,
)
from chain.merkle import consistency_proof, root_of
from chain.ports import BlockRef, Head, LogEntry
from chain.refusals import ALREADY_DONE, refusal
from tests.chain_effects.engines import key, proposal
from tests.chain_effects.worlds import root
from tests.fakes.chain_ports import MemoryLog

HEADROOM = 1.25


class Gas:
    """Sends calls and keeps what each used against what it was allowed."""

    def __init__(self, world):
        self.world = world
        self.use = {}

    def send(self, name, signer, contract, data):
        limit = calls.gas_limit(data)
        receipt = send_and_wait(self.world.node, signer, self.world.address(contract), data, gas=limit)
        self.use[name] = (receipt.gas_used, limit)
        return receipt


@pytest.mark.slow
def test_every_call_does_what_it_says_within_its_gas(own_world):
    world, gas = own_world, Gas(own_world)
    node, chain_id = world.node, world.deployment.chain_id
    # PartyRegistry
    regulator = key("regulator")
    party = proposal("regulator", calls.Role.REGULATOR, regulator.address)
    gas.send("propose", world.admins[0], "PartyRegistry", calls.propose(party))
    gas.send("admit", world.admins[1], "PartyRegistry", calls.admit(party))
    state = calls.read_party(node.call(world.address("PartyRegistry"), calls.party(party.party_id)))
    assert (state.account, state.role, state.status) == (
        regulator.address,
        calls.Role.REGULATOR,
        calls.PartyStatus.ACTIVE,
    )
    assert (state.metadata_hash, state.key_thumbprint) == (party.metadata_hash, bytes(32))
    entity = calls.PartyProposal(root("entity"), calls.Role.ENTITY, bytes(20), root("jwk"), root("published"))
    gas.send("propose entity", world.admins[0], "PartyRegistry", calls.propose(entity))
    gas.send("admit entity", world.admins[1], "PartyRegistry", calls.admit(entity))
    gas.send("suspend party", world.admins[1], "PartyRegistry", calls.suspend_party(entity.party_id))
    state = calls.read_party(node.call(world.address("PartyRegistry"), calls.party(entity.party_id)))
    assert (state.status, state.key_thumbprint) == (calls.PartyStatus.SUSPENDED, root("jwk"))
    # CertificateAnchors
    department, anchors = world.department, world.address("CertificateAnchors")
    many, sizes = [root(number) for number in range(50)], list(range(1, 51))
    gas.send("anchor 1", department, "CertificateAnchors", calls.anchor([root("one")], [300]))
    gas.send("anchor 50", department, "CertificateAnchors", calls.anchor(many, sizes))
    relayed = [root(f"relayed {number}") for number in range(50)]
    for name, roots, counts in (("anchorFor 1", [root("single")], [1024]), ("anchorFor 50", relayed, sizes)):
        signature = department.sign_digest(anchor_digest(department.address, roots, counts, chain_id, anchors))
        data = calls.anchor_for(department.address, roots, counts, signature)
        gas.send(name, world.operator, "CertificateAnchors", data)
    size, time_s = calls.read_anchor(node.call(anchors, calls.anchor_of(department.address, root("single"))))
    assert (size, time_s > 0) == (1024, True)
    assert calls.read_anchor(node.call(anchors, calls.anchor_of(department.address, root("absent")))) == (0, 0)
    gas.send("revoke", department, "CertificateAnchors", calls.revoke(root("one"), 1, 0b101))
    mask = 2**256 - 1
    signature = department.sign_digest(revoke_digest(department.address, root("single"), 3, mask, chain_id, anchors))
    data = calls.revoke_for(department.address, root("single"), 3, mask, signature)
    gas.send("revokeFor", world.operator, "CertificateAnchors", data)
    # Grants
    grants, holder = world.address("Grants"), key("grant key")
    message = GrantMessage(holder.address, root("terms"), root("binding"), 1_000, 2**40 - 1)
    grant = grant_digest(message, chain_id, grants)
    data = calls.register_grant(message, holder.sign_digest(grant))
    gas.send("register", world.operator, "Grants", data)
    now = node.block(node.block_number()).time_s
    assert calls.read_flag(node.call(grants, calls.is_active_at(grant, now)))
    assert not calls.read_flag(node.call(grants, calls.is_active_at(grant, 999)))
    for seq, status in enumerate((GrantStatus.PAUSED, GrantStatus.ACTIVE, GrantStatus.REVOKED)):
        signature = holder.sign_digest(change_digest(grant, status, seq, chain_id, grants))
        gas.send(f"change {status.name}", world.operator, "Grants", calls.change_grant(grant, status, seq, signature))
    assert not calls.read_flag(node.call(grants, calls.is_active_at(grant, now)))
    other = key("other grant key")
    message = GrantMessage(other.address, root("terms"), root("binding"), 1_000, 2**40 - 1)
    grant = grant_digest(message, chain_id, grants)
    data = calls.register_grant(message, other.sign_digest(grant))
    gas.send("register again", world.operator, "Grants", data)
    gas.send("suspend grant", regulator, "Grants", calls.suspend_grant(grant, True))
    assert not calls.read_flag(node.call(grants, calls.is_active_at(grant, now)))
    gas.send("end grant", world.operator, "Grants", calls.end_grant(grant))
    # ReceiptLog, with proofs of many lengths
    log, standing = MemoryLog(), Head(0, root_of([]))
    log.leaves = [hashlib.sha256(b"%d" % number).digest() for number in range(4100)]
    for size in (1, 2, 3, 63, 64, 1000, 1023, 2047, 4095, 4100):
        head = Head(size, root_of(log.leaves[:size]))
        proof = consistency_proof(log.node, standing.size, size)
        gas.send(f"append {len(proof)}", world.operator, "ReceiptLog", calls.append(standing, head, proof))
        standing = head
    assert calls.read_head(node.call(world.address("ReceiptLog"), calls.head())).head == standing
    short = {name: values for name, values in gas.use.items() if values[1] < HEADROOM * values[0]}
    assert not short


def test_admission_is_idempotent_and_needs_two(world):
    party = proposal("late", calls.Role.DEPARTMENT, key("late").address)
    admit_party(world.node, world.deployment, world.admins, party)
    height = world.node.block_number()
    admit_party(world.node, world.deployment, world.admins, party)
    assert world.node.block_number() == height
    alone = (world.admins[0], world.admins[0])
    other = proposal("alone", calls.Role.DEPARTMENT, key("alone").address)
    with pytest.raises(ChainError) as caught:
        admit_party(world.node, world.deployment, alone, other)
    assert caught.value.detail == "SecondPersonRequired"


@pytest.mark.parametrize(
    "make",
    [
        lambda: calls.anchor([b"short"], [1]),
        lambda: calls.anchor([bytes(31)], [1]),
        lambda: calls.anchor([bytes(32)], [-1]),
        lambda: calls.anchor([bytes(32)], [2**64]),
        lambda: calls.anchor_for(bytes(19), [bytes(32)], [1], b""),
        lambda: calls.end_grant(bytes(33)),
        lambda: calls.append(Head(0, b""), Head(1, bytes(32)), []),
        lambda: calls.append(Head(0, bytes(32)), Head(1, bytes(32)), [b"x"]),
        lambda: calls.propose(calls.PartyProposal(b"id", calls.Role.ENTITY, bytes(20), bytes(32), bytes(32))),
    ],
)
def test_arguments_that_would_be_padded_or_cut_are_refused(make):
    with pytest.raises(FormatError):
        make()


@pytest.mark.parametrize("read", [calls.read_head, calls.read_anchor, calls.read_party, calls.read_flag])
def test_an_answer_of_another_form_is_refused(read):
    with pytest.raises(FormatError):
        read(b"")


def test_no_gas_is_given_to_calls_of_others():
    with pytest.raises(ChainError):
        calls.gas_limit(b"\x00" * 36)


def test_creation_code_of_every_contract_takes_its_arguments():
    books = [bytes([n]) * 20 for n in (1, 2, 3)]
    code = calls.creation("PartyRegistry", [bytes(20), b"\x01" * 20], *books)
    assert code.startswith(load("PartyRegistry").bytecode)
    for name in CONTRACTS[1:]:
        assert calls.creation(name, b"\x01" * 20).endswith(bytes(12) + b"\x01" * 20)


def test_refusals_of_unknown_or_damaged_bytes_have_no_name():
    for data in (b"", b"\x01", b"\xde\xad\xbe\xef" * 9, keccak(b"UnknownGrant(bytes32)")[:4] + b"short"):
        refused = refusal(data)
        assert (refused.name, refused.arguments, refused.already_done) == ("", (), False)


def test_every_name_that_counts_as_done_is_an_error_of_ours():
    names = {item["name"] for name in CONTRACTS for item in load(name).abi if item["type"] == "error"}
    assert names > ALREADY_DONE


def entry(address, topics, data):
    return LogEntry(address, tuple(topics), data, 1, bytes(32), bytes(32), 0)


def test_events_of_others_are_passed_over_and_damaged_ones_refused():
    block = BlockRef(1, bytes(32), bytes(32), 5)
    reader = EventReader({b"\x01" * 20: "Grants"})
    topic = keccak(b"GrantSuspended(bytes32,bool,address)")
    good = (1).to_bytes(32, "big") + bytes(12) + b"\x02" * 20
    event = reader.read(entry(b"\x01" * 20, [topic, root("id")], good), block)
    assert event is not None
    assert event.args == {"id": root("id"), "suspended": True, "regulator": b"\x02" * 20}
    assert reader.read(entry(b"\x03" * 20, [topic, root("id")], good), block) is None
    assert reader.read(entry(b"\x01" * 20, [root("other")], good), block) is None
    assert reader.read(entry(b"\x01" * 20, [], good), block) is None
    for topics, data in (([topic, root("id")], b"short"), ([topic], good), ([topic, root("a"), root("b")], good)):
        with pytest.raises(FormatError) as caught:
            reader.read(entry(b"\x01" * 20, topics, data), block)
        assert caught.value.code == "chain.event"
