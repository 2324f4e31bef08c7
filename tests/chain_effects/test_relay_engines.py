"""The relay on real engines: lost replies, killed nodes, hundreds at a time."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from chain import calls
from chain.errors import NodeError
from chain.indexer import Indexer
from chain.node import Web3Node
from chain.relay import RefusedError, Relay
from tests.chain_effects.engines import LossyProxy
from tests.chain_effects.worlds import anchored, assert_each_once, drain, prepare, root
from tests.fakes.chain_ports import MemoryJournal, MemorySink


def relay_on(world, journal, node=None, **options):
    options = {"resend_s": 0.2, "identity": world.identity} | options
    return Relay(node or world.node, world.department, journal, world.deployment.chain_id, **options)


def nap():
    time.sleep(0.01)


def test_the_main_path(world):
    labels, journal = [f"main {number}" for number in range(20)], MemoryJournal()
    relay = relay_on(world, journal)
    prepare(relay, world.address("CertificateAnchors"), labels)
    drain(relay, between=nap)
    assert_each_once(world.node, world.identity, world.department, journal, labels)
    with pytest.raises(RefusedError) as caught:
        relay.prepare("again", world.address("CertificateAnchors"), calls.anchor([root("main 0")], [1]))
    assert caught.value.name == "AlreadyAnchored"


def test_a_failed_row_carries_the_contracts_own_word(world):
    journal = MemoryJournal()
    relay = relay_on(world, journal)
    contract = world.address("CertificateAnchors")
    relay.prepare("unknown", contract, calls.revoke(root("never anchored"), 0, 1), simulate=False)
    drain(relay, between=nap)
    assert journal.rows["unknown"].error == "chain.reverted:UnknownRoot"


def test_replies_lost_on_the_wire_double_nothing(world):
    """The requests arrive, every answer is swallowed: the relay knows nothing, the chain has it all."""
    labels, journal = [f"lost {number}" for number in range(30)], MemoryJournal()
    proxy = LossyProxy(world.engine.port)
    try:
        node = Web3Node(proxy.url, timeout_s=2.0)
        relay = relay_on(world, journal, node)
        prepare(relay, world.address("CertificateAnchors"), labels[:15])
        relay.step()
        prepare(relay, world.address("CertificateAnchors"), labels[15:])
        proxy.swallow.set()
        for _ in range(3):
            with pytest.raises(NodeError):
                relay_on(world, journal, node, identity=None).step()
        proxy.swallow.clear()
        assert proxy.swallowed >= 3
        # A new process, with the journal alone.
        drain(relay_on(world, journal, node), between=nap)
    finally:
        proxy.close()
    assert_each_once(world.node, world.identity, world.department, journal, labels)


def test_prepared_from_many_threads(world):
    labels, journal = [f"thread {number}" for number in range(40)], MemoryJournal()
    relay = relay_on(world, journal)
    contract = world.address("CertificateAnchors")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda label: prepare(relay, contract, [label]), labels * 2))
    drain(relay, between=nap)
    assert_each_once(world.node, world.identity, world.department, journal, labels)


@pytest.mark.slow
def test_a_node_killed_again_and_again_loses_nothing(own_world):
    """kill -9 while transactions stream in; the embedded engine keeps its chain, its pool is forgotten."""
    world, journal, sink = own_world, MemoryJournal(), MemorySink()
    contract = world.address("CertificateAnchors")
    relay = relay_on(world, journal)
    indexer = Indexer(world.node, sink, world.identity)
    labels = []
    for life in range(4):
        fresh = [f"life {life} {number}" for number in range(25)]
        prepare(relay, contract, fresh, simulate=False)
        labels += fresh
        relay.step()
        world.engine.kill()
        with pytest.raises(NodeError):
            relay.step()
        with pytest.raises(NodeError):
            Indexer(world.node, sink, world.identity).step()
        world.engine.start()
    drain(relay, between=nap)
    while indexer.step().behind:
        pass
    assert_each_once(world.node, world.identity, world.department, journal, labels)
    assert Counter(event.args["root"] for event in sink.events if event.name == "Anchored") == anchored(
        world.node, world.identity, world.department.address
    )


@pytest.mark.slow
@pytest.mark.parametrize("count", [600])
def test_hundreds_at_a_time(count, world, capsys):
    labels, journal, sink = [f"many {number}" for number in range(count)], MemoryJournal(), MemorySink()
    relay = relay_on(world, journal, resend_s=10.0)
    contract = world.address("CertificateAnchors")
    began = time.perf_counter()
    prepare(relay, contract, labels, simulate=False)
    prepared = time.perf_counter()
    drain(relay, steps=2000, between=nap)
    drained = time.perf_counter()
    indexer = Indexer(world.node, sink, world.identity)
    while indexer.step().behind:
        pass
    indexed = time.perf_counter()
    assert_each_once(world.node, world.identity, world.department, journal, labels)
    with capsys.disabled():
        print(
            f"\n{world.engine.name}: {count} prepared at {count / (prepared - began):,.0f}/s, "
            f"mined and confirmed at {count / (drained - prepared):,.0f}/s, "
            f"{len(sink.events)} events indexed at {len(sink.events) / (indexed - drained):,.0f}/s"
        )
