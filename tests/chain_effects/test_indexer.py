"""Events arrive confirmed, in order and once; forks are undone; wrong, reset and rolled-back chains halt."""

from collections import Counter

import pytest

from chain import calls
from chain.errors import NodeError, RpcReason, WrongChainError
from chain.indexer import Indexer
from chain.relay import Relay
from chain.signer import LocalSigner
from tests.chain_effects.worlds import anchored, assert_each_once, drain, prepare, root
from tests.fakes.chain_faults import CrashError, FaultyNode, Plan
from tests.fakes.chain_node import ADDRESSES, FakeNode
from tests.fakes.chain_ports import MemoryJournal, MemorySink

SIGNER = LocalSigner(b"\x11" * 32)
ANCHORS = ADDRESSES["CertificateAnchors"]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def chain():
    return FakeNode()


@pytest.fixture
def sink():
    return MemorySink()


def put(chain, *labels):
    """One block for each label, with its anchor in it."""
    relay = Relay(chain, SIGNER, MemoryJournal(), FakeNode.CHAIN_ID)
    for label in labels:
        prepare(relay, ANCHORS, [label])
        drain(relay, between=chain.mine)


def follow(indexer, *, steps=50):
    """Step until nothing is behind."""
    for _ in range(steps):
        done = indexer.step()
        if not done.behind and not done.rewound:
            return done
    raise AssertionError("never up to date")


def roots(sink):
    return [event.args["root"] for event in sink.events]


def test_events_are_decoded_and_stand_in_order(chain, sink):
    put(chain, "a", "b", "c")
    done = follow(Indexer(chain, sink, chain.identity()))
    assert (done.events, done.cursor, done.behind) == (3, 3, 0)
    assert roots(sink) == [root("a"), root("b"), root("c")]
    event = sink.events[1]
    assert (event.contract, event.name, event.block.number, event.log_index) == ("CertificateAnchors", "Anchored", 2, 0)
    assert event.args == {"issuer": SIGNER.address, "root": root("b"), "size": 1}
    assert event.tx_hash == chain.blocks[2].txs[0].hash


def test_nothing_is_applied_before_its_confirmations(chain, sink):
    put(chain, "a", "b", "c")
    indexer = Indexer(chain, sink, chain.identity(), confirmations=2)
    follow(indexer)
    assert roots(sink) == [root("a")]
    chain.mine()
    follow(indexer)
    assert roots(sink) == [root("a"), root("b")]


def test_reading_begins_at_the_first_block_of_the_deployment(chain, sink):
    put(chain, "a", "b")
    follow(Indexer(chain, sink, chain.identity(first_block=2)))
    assert roots(sink) == [root("b")]
    fresh = MemorySink()
    done = Indexer(chain, fresh, chain.identity(first_block=9)).step()
    assert (done.cursor, fresh.history) == (None, [])


def test_long_histories_come_in_steps(chain, sink):
    put(chain, *range(25))
    indexer = Indexer(chain, sink, chain.identity(), max_blocks=10)
    seen = [indexer.step().behind for _ in range(3)]
    assert seen == [16, 6, 0]
    assert roots(sink) == [root(number) for number in range(25)]


def test_a_range_that_the_node_finds_too_large_is_halved(chain, sink):
    class Narrow(FakeNode):
        def logs(self, first, last, addresses):
            if last - first >= 3:
                raise NodeError(RpcReason.REJECTED, "range too wide")
            return super().logs(first, last, addresses)

    node = Narrow()
    put(node, *range(12))
    follow(Indexer(node, sink, node.identity(), max_blocks=100))
    assert roots(sink) == [root(number) for number in range(12)]


def test_a_refusal_that_no_smaller_range_cures_is_raised(chain, sink):
    class Closed(FakeNode):
        def logs(self, first, last, addresses):
            raise NodeError(RpcReason.REJECTED, "no logs here")

    node = Closed()
    put(node, "a")
    indexer = Indexer(node, sink, node.identity())
    with pytest.raises(NodeError):
        follow(indexer)


@pytest.mark.parametrize("depth", [1, 2, 7, 64])
def test_a_reorg_is_rewound_to_the_common_ancestor(depth, chain, sink):
    labels = list(range(70))
    put(chain, *labels)
    indexer = Indexer(chain, sink, chain.identity(), max_blocks=3)
    follow(indexer)
    chain.reorg(depth, grow=1)
    put(chain, "new")
    follow(indexer)
    assert roots(sink) == [root(label) for label in labels[: 70 - depth]] + [root("new")]
    assert Counter(roots(sink)) == anchored(chain, chain.identity(), SIGNER.address)


def test_a_rewind_is_reported_and_applied_in_its_own_step(chain, sink):
    put(chain, "a", "b", "c")
    indexer = Indexer(chain, sink, chain.identity(), max_blocks=1)
    follow(indexer)
    chain.reorg(2)
    done = indexer.step()
    assert (done.rewound, done.cursor, roots(sink)) == (2, 1, [root("a")])


def test_a_rewind_goes_to_the_very_block_also_within_a_range(chain, sink):
    put(chain, *range(20))
    indexer = Indexer(chain, sink, chain.identity())
    follow(indexer)
    chain.reorg(3, grow=1)
    done = indexer.step()
    assert (done.rewound, done.cursor) == (3, 17)
    assert roots(sink) == [root(number) for number in range(17)]


def test_blocks_that_do_not_hang_on_one_another_are_not_taken_in(sink):
    """A node behind a balancer that answers from two chains."""

    class Mixed(FakeNode):
        other = None

        def headers(self, first, last):
            found = super().headers(first, last)
            return found if self.other is None else [*found[:1], *self.other.headers(first + 1, last)]

    node, other = Mixed(), FakeNode(seed=b"other")
    put(node, "a", "b", "c")
    put(other, "x", "y", "z")
    node.other = other
    indexer = Indexer(node, sink, node.identity(first_block=1))
    assert (indexer.step().events, sink.history) == (0, [])
    node.other = None
    follow(indexer)
    assert roots(sink) == [root("a"), root("b"), root("c")]


def test_a_reorg_while_a_range_is_read_applies_nothing(chain, sink):
    class Moving(FakeNode):
        moves = 0

        def logs(self, first, last, addresses):
            found = super().logs(first, last, addresses)
            if self.moves:
                self.moves -= 1
                self.reorg(1)
            return found

    node = Moving()
    put(node, "a", "b")
    node.moves = 1
    indexer = Indexer(node, sink, node.identity())
    done = indexer.step()
    assert (done.events, sink.history, done.behind) == (0, [], 3)
    follow(indexer)
    assert roots(sink) == [root("a")]


def test_logs_of_a_fork_that_came_and_went_are_not_taken_in(sink):
    class Flickering(FakeNode):
        fork = None

        def logs(self, first, last, addresses):
            return (self.fork or super()).logs(first, last, addresses)

    node, other = Flickering(), FakeNode()
    put(node, "a")
    put(other, "b")
    node.fork = other
    indexer = Indexer(node, sink, node.identity())
    assert (indexer.step().events, sink.history) == (0, [])
    node.fork = None
    follow(indexer)
    assert roots(sink) == [root("a")]


def test_a_fork_without_our_contracts_is_not_followed(chain, sink):
    put(chain, "a", "b")
    indexer = Indexer(chain, sink, chain.identity(), clock=Clock(), max_blocks=1)
    follow(indexer)
    chain.reorg(1)
    chain.codes.clear()
    with pytest.raises(WrongChainError):
        indexer.step()
    assert roots(sink) == [root("a"), root("b")]


@pytest.mark.parametrize("step", ["chain_id", "block", "headers", "code", "block_number", "logs"])
@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("occurrence", [1, 2])
def test_a_fault_at_any_call_loses_and_doubles_nothing(step, crash, occurrence, chain, sink):
    put(chain, "a", "b", "c", "d")
    clock = Clock()
    plan = Plan(f"node.{step}", occurrence, crash=crash)
    indexer = Indexer(FaultyNode(chain, plan), sink, chain.identity(), max_blocks=2, clock=clock)
    for _ in range(10):
        clock.now += 5
        try:
            indexer.step()
        except NodeError:
            pass
        except CrashError:
            indexer = Indexer(FaultyNode(chain, plan), sink, chain.identity(), max_blocks=2, clock=clock)
    assert plan.fired
    assert roots(sink) == [root("a"), root("b"), root("c"), root("d")]


# Chains that must not be followed


def reset(chain):
    """A fresh chain with the same id, genesis, contracts and as many blocks: only its history is another."""
    other = FakeNode()
    other.seed = b"another history"
    assert other.blocks[0].ref == chain.blocks[0].ref
    return other


@pytest.mark.parametrize("length", [0, 2, 3, 9])
def test_a_reset_chain_halts_whether_shorter_or_longer(length, chain, sink):
    put(chain, "a", "b", "c")
    identity = chain.identity(first_block=1)
    follow(Indexer(chain, sink, identity))
    other = reset(chain)
    for _ in range(length):
        other.mine()
    before = (list(sink.events), list(sink.history))
    with pytest.raises(WrongChainError):
        Indexer(other, sink, identity).step()
    assert (sink.events, sink.history) == before


@pytest.mark.parametrize("difference", ["chain_id", "genesis", "code", "no code"])
def test_another_chain_halts_within_the_interval(difference, chain, sink):
    put(chain, "a")
    clock = Clock()
    indexer = Indexer(chain, sink, chain.identity(), clock=clock)
    follow(indexer)
    if difference == "chain_id":
        chain.CHAIN_ID = 5
    elif difference == "genesis":
        chain.blocks[0].ref = FakeNode(seed=b"x").blocks[0].ref
    elif difference == "code":
        chain.codes[ADDRESSES["Grants"]] = b"other"
    else:
        chain.codes.clear()
    clock.now += 2.0
    with pytest.raises(WrongChainError):
        indexer.step()
    # A process that starts against it does not even begin.
    with pytest.raises(WrongChainError):
        Indexer(chain, sink, FakeNode().identity()).step()


def test_a_chain_that_lost_final_blocks_halts_after_the_grace(chain, sink):
    put(chain, "a", "b", "c")
    clock = Clock()
    indexer = Indexer(chain, sink, chain.identity(), clock=clock, max_blocks=1, shorter_grace_s=10)
    follow(indexer)
    dropped = chain.blocks.pop()
    assert indexer.step().cursor == 3, "a node may be catching up"
    chain.blocks.append(dropped)
    clock.now += 20
    assert indexer.step().cursor == 3
    chain.blocks.pop()
    assert indexer.step().cursor == 3, "the grace begins anew"
    clock.now += 10
    with pytest.raises(WrongChainError, match="rolled back"):
        indexer.step()
    assert len(sink.events) == 3


# Real engines


def test_events_of_a_real_engine(world, sink):
    follow(Indexer(world.node, sink, world.identity))
    admitted = [event for event in sink.events if event.name == "PartyAdmitted"]
    assert [event.args["account"] for event in admitted[:2]] == [world.operator.address, world.department.address]
    assert [event.args["role"] for event in admitted[:2]] == [calls.Role.OPERATOR, calls.Role.DEPARTMENT]
    order = [(event.block.number, event.log_index) for event in sink.events]
    assert order == sorted(set(order))


@pytest.mark.parametrize("confirmations", [0, 3, 8])
def test_a_reorg_on_anvil_is_followed(confirmations, fresh_anvil_world):
    """Shallower than the confirmations, and deeper: then it is the rewind that has the transactions sent again."""
    world, journal = fresh_anvil_world, MemoryJournal()
    sink = MemorySink(journal)
    options = {"confirmations": confirmations, "resend_s": 0.1}
    relay = Relay(world.node, world.department, journal, world.deployment.chain_id, **options)
    indexer = Indexer(world.node, sink, world.identity, confirmations=confirmations, max_blocks=2)
    labels = [f"reorged {confirmations} {number}" for number in range(6)]

    def mine():
        world.node._ask("evm_mine", [], lambda value: value)

    for label in labels:
        prepare(relay, world.address("CertificateAnchors"), [label])
        relay.step()
    standing = anchored(world.node, world.identity, world.department.address)
    follow(indexer)
    before = world.node.block(world.node.block_number()).hash
    world.node._ask("anvil_reorg", [4, []], lambda value: value)
    assert world.node.block(world.node.block_number()).hash != before
    assert sum(anchored(world.node, world.identity, world.department.address).values()) == sum(standing.values()) - 4

    def turn():
        mine()
        follow(indexer)

    follow(indexer)
    drain(relay, between=turn)
    for _ in range(confirmations):
        mine()
    follow(indexer)
    found = Counter(event.args["root"] for event in sink.events if event.name == "Anchored")
    assert found == anchored(world.node, world.identity, world.department.address)
    assert {label: found[root(label)] for label in labels} == dict.fromkeys(labels, 1)


@pytest.mark.slow
def test_a_fresh_engine_on_the_same_port_halts_everything(own_world, sink):
    world = own_world
    clock = Clock()
    indexer = Indexer(world.node, sink, world.identity, clock=clock)
    follow(indexer)
    world.engine.kill()
    clock.now += 5
    with pytest.raises(NodeError):
        indexer.step()
    (world.engine.folder / "chain").rename(world.engine.folder / "old")
    world.engine.start()
    with pytest.raises(WrongChainError):
        indexer.step()
    relay = Relay(world.node, world.department, MemoryJournal(), 777001, identity=world.identity)
    with pytest.raises(WrongChainError):
        prepare(relay, world.address("CertificateAnchors"), ["a"])


@pytest.mark.parametrize(("depth", "confirmations"), [(1, 0), (5, 0), (5, 3)])
def test_a_reorg_deeper_than_the_confirmations_heals_through_the_rewind(depth, confirmations, chain):
    journal = MemoryJournal()
    sink = MemorySink(journal)
    relay = Relay(chain, SIGNER, journal, FakeNode.CHAIN_ID, confirmations=confirmations)
    indexer = Indexer(chain, sink, chain.identity(), confirmations=confirmations, max_blocks=1)
    labels = list(range(8))
    for label in labels:
        prepare(relay, ANCHORS, [label])
        relay.step()
        follow(indexer)
    chain.reorg(depth, grow=1)

    def turn():
        chain.mine()
        follow(indexer)

    for _ in range(confirmations + 1):
        turn()
    drain(relay, between=turn)
    for _ in range(confirmations + 1):
        turn()
    assert Counter(roots(sink)) == Counter(root(label) for label in labels)
    assert_each_once(chain, chain.identity(), SIGNER, journal, labels)
