"""What the chain package needs of an engine, asked of every engine that is present."""

import hashlib
import itertools

import pytest

from chain import calls
from chain.deploy import REGISTRY, send_and_wait
from chain.errors import ChainError, NodeError, RpcReason
from chain.events import EventReader
from chain.grantmsg import GrantMessage, GrantStatus, anchor_digest, change_digest, grant_digest, revoke_digest
from chain.heads import all_heads, find_head
from chain.indexer import Indexer
from chain.merkle import EMPTY_ROOT, consistency_proof, root_of
from chain.ports import Head
from chain.refusals import refusal
from chain.relay import Relay
from chain.signer import LocalSigner
from tests.chain_effects.engines import CHAIN_ID, key
from tests.chain_effects.worlds import assert_each_once, prepare, root
from tests.engines.places import Place, eventually
from tests.fakes.chain_ports import MemoryJournal, MemoryLog, MemorySink


def send(place: Place, signer: LocalSigner, contract: str, data: bytes) -> int:
    """Mined and successful; the gas that it took."""
    address = place.world.address(contract)
    receipt = send_and_wait(place.node, signer, address, data, gas=calls.gas_limit(data), timeout_s=120.0)
    return receipt.gas_used


def signed(place: Place, signer: LocalSigner, nonce: int, *, chain_id: int = CHAIN_ID, gas: int = 60_000) -> bytes:
    """A transaction that does nothing, to nobody."""
    return signer.sign_transaction(chain_id=chain_id, nonce=nonce, to=b"\x77" * 20, data=b"", gas=gas, gas_price=0).raw


def test_blocks_are_linked_and_never_go_back_in_time(place: Place) -> None:
    node = place.node
    assert node.chain_id() == CHAIN_ID
    head = node.block_number()
    blocks = [node.block(number) for number in range(head + 1)]
    for parent, block in itertools.pairwise(blocks):
        assert block.parent_hash == parent.hash
        assert block.time_s >= parent.time_s
    with pytest.raises(NodeError) as caught:
        node.block(head + 1_000_000)
    assert caught.value.reason is RpcReason.NOT_FOUND
    place.world.identity.check(node)


def test_every_kind_of_call_takes_effect_within_its_gas(place: Place) -> None:
    node, world, chain_id = place.node, place.world, CHAIN_ID
    operator, department = place.party("suite operator", calls.Role.OPERATOR), world.department
    regulator = place.party("suite regulator", calls.Role.REGULATOR)
    anchors, grants = world.address("CertificateAnchors"), world.address("Grants")

    send(place, department, "CertificateAnchors", calls.anchor([root("s1"), root("s2")], [300, 1]))
    signature = department.sign_digest(anchor_digest(department.address, [root("s3")], [9], chain_id, anchors))
    data = calls.anchor_for(department.address, [root("s3")], [9], signature)
    send(place, operator, "CertificateAnchors", data)
    send(place, department, "CertificateAnchors", calls.revoke(root("s1"), 1, 0b101))
    signature = department.sign_digest(revoke_digest(department.address, root("s1"), 0, 1, chain_id, anchors))
    data = calls.revoke_for(department.address, root("s1"), 0, 1, signature)
    send(place, operator, "CertificateAnchors", data)
    for label, size in (("s1", 300), ("s2", 1), ("s3", 9)):
        size_there, time_s = calls.read_anchor(node.call(anchors, calls.anchor_of(department.address, root(label))))
        assert (size_there, time_s > 0) == (size, True)

    holder = key("suite grant")
    message = GrantMessage(holder.address, root("terms"), root("binding"), 1_000, 2**40 - 1)
    grant = grant_digest(message, chain_id, grants)
    send(place, operator, "Grants", calls.register_grant(message, holder.sign_digest(grant)))
    active = calls.is_active_at(grant, 2_000)
    assert calls.read_flag(node.call(grants, active))
    for seq, status in enumerate((GrantStatus.PAUSED, GrantStatus.ACTIVE)):
        signature = holder.sign_digest(change_digest(grant, status, seq, chain_id, grants))
        send(place, operator, "Grants", calls.change_grant(grant, status, seq, signature))
        assert calls.read_flag(node.call(grants, active)) is (status is GrantStatus.ACTIVE)
    send(place, regulator, "Grants", calls.suspend_grant(grant, True))
    assert not calls.read_flag(node.call(grants, active))
    send(place, operator, "Grants", calls.end_grant(grant))

    log, standing = MemoryLog(), calls.read_head(node.call(world.address("ReceiptLog"), calls.head())).head
    assert standing == Head(0, EMPTY_ROOT)
    log.leaves = [hashlib.sha256(b"%d" % number).digest() for number in range(300)]
    heads = [Head(size, root_of(log.leaves[:size])) for size in (1, 7, 256, 300)]
    for head in heads:
        proof = consistency_proof(log.node, standing.size, head.size)
        send(place, operator, "ReceiptLog", calls.append(standing, head, proof))
        standing = head
    contract, upto = world.address("ReceiptLog"), node.block_number()
    assert calls.read_head(node.call(contract, calls.head())).head == heads[-1]
    known = all_heads(node, contract, upto=upto)
    assert {past.head for past in known.values()} == set(heads)
    for head in heads:  # the present one and those before it, each found by its root alone
        past = find_head(node, contract, head.root, upto=upto)
        assert past is not None
        assert (past, past.head, past.epoch) == (known[head.root], head, 1)
    assert find_head(node, contract, root("never a head"), upto=upto) is None

    registry = world.address(REGISTRY)
    suspend = calls.suspend_party(hashlib.sha256(b"suite operator").digest())
    send(place, world.admins[0], REGISTRY, suspend)
    with pytest.raises(NodeError) as caught:
        node.call(grants, calls.end_grant(grant), sender=operator.address)
    assert refusal(caught.value.data).name == "NotOperator"
    assert calls.read_party(node.call(registry, calls.party(hashlib.sha256(b"suite operator").digest()))).status == 2


def test_refusals_come_with_their_bytes(place: Place) -> None:
    node, anchors = place.node, place.world.address("CertificateAnchors")
    with pytest.raises(NodeError) as caught:
        node.call(anchors, calls.anchor([root("no")], [1]), sender=key("nobody").address)
    assert caught.value.reason is RpcReason.REVERTED
    refused = refusal(caught.value.data)
    assert (refused.name, refused.arguments) == ("NotDepartment", (key("nobody").address,))
    # And a transaction that fails all the same is mined, and says so.
    with pytest.raises(ChainError) as failed:
        send(place, key("nobody"), "CertificateAnchors", calls.anchor([root("no")], [1]))
    assert failed.value.code == "chain.deploy"


def test_events_by_range_and_topic(place: Place) -> None:
    node, world = place.node, place.world
    anchors = world.address("CertificateAnchors")
    first = node.block_number() + 1
    for label in ("t1", "t2", "t3"):
        send(place, world.department, "CertificateAnchors", calls.anchor([root(label)], [5]))
    last = node.block_number()
    entries = node.logs(first, last, [anchors])
    reader = EventReader({anchors: "CertificateAnchors"})
    events = [reader.read(entry, node.block(entry.block_number)) for entry in entries]
    assert [event and event.args["root"] for event in events] == [root(label) for label in ("t1", "t2", "t3")]
    (entry,) = node.logs(first, last, [anchors], [[entries[0].topics[0]], [], [root("t2"), root("t9")]])
    assert entry == entries[1]
    assert node.block(entry.block_number).hash == entry.block_hash
    assert not node.logs(0, first - 1, [anchors], [[], [], [root("t2")]])
    assert not node.logs(first, last, [world.address("Grants")])


def test_state_of_an_earlier_block(place: Place) -> None:
    node, world = place.node, place.world
    anchors = world.address("CertificateAnchors")
    before = node.block_number()
    send(place, world.department, "CertificateAnchors", calls.anchor([root("then")], [5]))
    question = calls.anchor_of(world.department.address, root("then"))
    assert calls.read_anchor(node.call(anchors, question))[0] == 5
    assert calls.read_anchor(node.call(anchors, question, block=before))[0] == 0
    assert node.code(anchors, world.deployment.block - 1) == b""


def test_the_pool_keeps_the_order_of_nonces(place: Place) -> None:
    node, signer = place.node, key("nonces")
    raws = [signed(place, signer, nonce) for nonce in range(4)]
    hashes = [node.send_raw(raws[2]), node.send_raw(raws[1])]  # a gap: both wait
    assert node.receipts(hashes) == [None, None]
    node.send_raw(raws[0])
    eventually(lambda: node.nonce(signer.address) == 3, "the gap is filled and all three are mined")
    assert all(receipt is not None and receipt.succeeded for receipt in node.receipts(hashes))
    with pytest.raises(NodeError) as caught:
        node.send_raw(signed(place, signer, 0, gas=70_000))
    assert caught.value.reason is RpcReason.NONCE_TOO_LOW
    answers = node.send_raw_many([raws[3], signed(place, signer, 1, gas=70_000)])
    assert isinstance(answers[0], bytes)
    assert isinstance(answers[1], NodeError)
    eventually(lambda: node.nonce(signer.address) == 4, "the last one is mined")


def test_a_transaction_for_another_chain_changes_nothing(place: Place) -> None:
    node, signer = place.node, key("elsewhere")
    (answer,) = node.send_raw_many([signed(place, signer, 0, chain_id=CHAIN_ID + 1)])
    if isinstance(answer, NodeError):
        assert answer.reason not in {RpcReason.ALREADY_KNOWN, RpcReason.NONCE_TOO_LOW}
    else:
        assert place.name == "anvil"  # takes, answers and drops it, a moment later
    eventually(lambda: bool(node.send_raw(signed(place, signer, 0))), "the right one is taken")
    eventually(lambda: node.nonce(signer.address) == 1, "the right one is mined")


def test_relay_and_indexer_bring_everything_once(place: Place) -> None:
    world, journal, sink = place.world, MemoryJournal(), MemorySink()
    relay = Relay(
        place.node, world.department, journal, CHAIN_ID, identity=world.identity, confirmations=place.confirmations
    )
    labels = [f"relayed {number}" for number in range(40)]
    prepare(relay, world.address("CertificateAnchors"), labels, simulate=False)
    eventually(lambda: relay.step().open == 0, "all are confirmed")
    assert_each_once(place.node, world.identity, world.department, journal, labels)
    indexer = Indexer(place.node, sink, world.identity, confirmations=place.confirmations)

    def caught_up() -> bool:
        return not indexer.step().behind and {event.args.get("root") for event in sink.events} >= set(map(root, labels))

    eventually(caught_up, "every anchor is told")
    told = [event.args["root"] for event in sink.events if event.name == "Anchored"]
    assert len(told) == len(set(told))
