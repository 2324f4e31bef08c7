"""Checkpoints of the receipt log: what a crash at each point leaves, and heads that are not this log's."""

import hashlib
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain import calls
from chain.anchor import Checkpointer, CheckpointOutcome, checkpoint_key
from chain.deploy import admit_party, send_and_wait
from chain.errors import NodeError, ProofError, RpcReason, WrongChainError
from chain.heads import find_head
from chain.merkle import EMPTY_ROOT, leaf_hash, root_of
from chain.note import open_checkpoint
from chain.ports import Head, TxState
from chain.receipt import log_id
from chain.relay import RefusedError, Relay
from chain.signer import LocalSigner
from tests.chain_effects.engines import key, proposal
from tests.chain_effects.worlds import drain
from tests.fakes.chain_faults import CrashError, FaultyJournal, FaultyNode, Plan
from tests.fakes.chain_node import ADDRESSES, FakeNode, revert_bytes
from tests.fakes.chain_ports import MemoryJournal, MemoryLog

SIGNER = LocalSigner(b"\x22" * 32)
LOG_KEY = Ed25519PrivateKey.from_private_bytes(b"\x33" * 32)
PUBLIC_KEY = LOG_KEY.public_key().public_bytes_raw()
LOG_ID = log_id(PUBLIC_KEY)
CONTRACT = ADDRESSES["ReceiptLog"]
Outcome = CheckpointOutcome


class FaultyLog:
    """A `LogStore` around another one: a crash before or after the checkpoint's commit."""

    def __init__(self, log, plan):
        self.log, self.plan = log, plan
        self.size, self.node, self.last_checkpoint = log.size, log.node, log.last_checkpoint

    def add_checkpoint(self, head, note, tx_key):
        self.plan.run("log.add_checkpoint", lambda: self.log.add_checkpoint(head, note, tx_key))


class Bench:
    """A log, a journal and a chain; `start` makes the processes' objects anew, as a restart does."""

    def __init__(self, chain=None):
        self.chain = chain or FakeNode(auto_mine=False)
        self.log, self.journal = MemoryLog(), MemoryJournal()
        self.start(Plan())

    def start(self, plan):
        node = FaultyNode(self.chain, plan)
        journal = FaultyJournal(self.journal, plan)
        self.relay = Relay(node, SIGNER, journal, FakeNode.CHAIN_ID, resend_s=0)
        log = FaultyLog(self.log, plan)
        self.checkpointer = Checkpointer(log, self.relay, node, CONTRACT, log_id=LOG_ID, log_key=LOG_KEY)

    def write(self, count):
        first = len(self.log.leaves)
        self.log.leaves += [leaf_hash(b"receipt %d" % number) for number in range(first, first + count)]

    def onchain(self):
        return calls.read_head(self.chain.call(CONTRACT, calls.head())).head

    def turn(self):
        self.checkpointer.step()
        self.relay.step()
        self.chain.mine()

    def settle(self, turns=10):
        for _ in range(turns):
            self.turn()

    def expected(self):
        return Head(len(self.log.leaves), root_of(self.log.leaves))


@pytest.fixture
def bench():
    return Bench()


def test_an_empty_log_needs_no_checkpoint(bench):
    assert bench.checkpointer.step() is Outcome.UP_TO_DATE
    assert bench.onchain() == Head(0, EMPTY_ROOT)


def test_the_note_is_stored_before_the_transaction_and_opens_under_the_logs_key(bench):
    bench.write(5)
    assert bench.checkpointer.step() is Outcome.SUBMITTED
    head, note, tx_key = bench.log.checkpoints[5]
    assert head == bench.expected()
    opened = open_checkpoint(note, LOG_ID, PUBLIC_KEY)
    assert (opened.size, opened.root) == (head.size, head.root)
    assert tx_key == checkpoint_key(5)
    assert bench.journal.rows[tx_key].state is TxState.SIGNED


def test_one_append_is_in_flight_at_a_time(bench):
    bench.write(3)
    assert bench.checkpointer.step() is Outcome.SUBMITTED
    bench.write(4)
    assert bench.checkpointer.step() is Outcome.IN_FLIGHT
    bench.relay.step()
    assert bench.checkpointer.step() is Outcome.IN_FLIGHT
    bench.chain.mine()
    bench.relay.step()
    assert bench.checkpointer.step() is Outcome.SUBMITTED
    bench.settle(2)
    assert bench.onchain() == bench.expected()
    assert sorted(bench.journal.rows) == ["checkpoint:3", "checkpoint:7"]


def test_growing_by_any_step_always_proves(bench):
    chance = random.Random(7)
    for _ in range(40):
        bench.write(chance.randint(1, 70))
        bench.turn()
        bench.relay.step()
    bench.settle(3)
    assert bench.onchain() == bench.expected()
    assert all(row.state is TxState.CONFIRMED for row in bench.journal.rows.values())


STEPS = ["log.add_checkpoint", "journal.reserve", "journal.set_state", "journal.get", "node.call", "node.send_raw_many"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("occurrence", [1, 2])
def test_a_crash_at_any_point_leaves_one_consistent_log(step, after, occurrence, bench):
    plan = Plan(step, occurrence, after=after, crash=True)
    bench.start(plan)
    for size in (3, 4, 9):
        bench.write(size)
        for _ in range(4):
            try:
                bench.turn()
            except CrashError:
                bench.start(plan)
    bench.settle(4)
    assert plan.fired
    assert bench.onchain() == bench.expected()
    # Every size that was ever signed is on the chain, under the very root that was signed, by one transaction each.
    rows = bench.journal.rows
    assert sorted(rows) == sorted(tx_key for _, _, tx_key in bench.log.checkpoints.values())
    assert all(row.state is TxState.CONFIRMED for row in rows.values())


def test_a_lost_reply_delays_and_does_not_double(bench):
    bench.start(Plan("node.send_raw_many", after=True))
    bench.write(3)
    bench.checkpointer.step()
    with pytest.raises(NodeError):
        bench.relay.step()
    bench.chain.mine()
    bench.settle(3)
    assert bench.onchain() == bench.expected()
    assert len(bench.journal.rows) == 1


def test_a_signed_checkpoint_without_a_transaction_is_submitted_as_it_was_signed(bench):
    plan = Plan("log.add_checkpoint", after=True, crash=True)
    bench.start(plan)
    bench.write(5)
    with pytest.raises(CrashError):
        bench.checkpointer.step()
    bench.start(Plan())
    bench.write(6)
    assert bench.checkpointer.step() is Outcome.SUBMITTED
    assert list(bench.journal.rows) == ["checkpoint:5"]
    bench.settle(4)
    assert bench.onchain() == bench.expected()


def test_a_head_that_the_store_forgot_is_adopted_if_it_is_the_logs_own(bench):
    bench.write(5)
    bench.settle(3)
    bench.log.checkpoints.clear()
    bench.journal.rows.clear()
    bench.start(Plan())
    assert bench.checkpointer.step() is Outcome.ADOPTED
    head, note, _ = bench.log.checkpoints[5]
    assert head == bench.onchain()
    assert open_checkpoint(note, LOG_ID, PUBLIC_KEY).root == head.root
    bench.write(2)
    bench.settle(3)
    assert bench.onchain() == bench.expected()


def test_a_store_that_lost_receipts_halts(bench):
    bench.write(5)
    bench.settle(3)
    del bench.log.leaves[4]
    with pytest.raises(WrongChainError, match="over 5 receipts"):
        bench.checkpointer.step()


@pytest.mark.parametrize("tampered", [0, 2, 4])
def test_a_store_that_rewrote_receipts_halts_and_sends_nothing(tampered, bench):
    bench.write(5)
    bench.settle(3)
    bench.log.leaves[tampered] = leaf_hash(b"another")
    bench.write(3)
    with pytest.raises(WrongChainError):
        bench.checkpointer.step()
    assert list(bench.journal.rows) == ["checkpoint:5"]
    assert set(bench.log.checkpoints) == {5}


@pytest.mark.parametrize("place", [(2, 0), (1, 2), (1, 3), (3, 0)])
def test_a_damaged_tree_is_found_before_anything_is_signed(place, bench, monkeypatch):
    """Nodes of the old head, of the proof alone, and of the new head, on the way from 6 to 11 leaves."""
    bench.write(6)
    bench.settle(3)
    bench.write(5)
    sound = bench.log.node
    with monkeypatch.context() as damage:
        damage.setattr(bench.checkpointer._log, "node", lambda *at: bytes(32) if at == place else sound(*at))
        with pytest.raises((ProofError, WrongChainError)):
            bench.checkpointer.step()
    assert set(bench.log.checkpoints) == {6}
    bench.settle(3)
    assert bench.onchain() == bench.expected()


def test_another_logs_head_halts(bench):
    other = Bench(bench.chain)
    other.write(2)
    other.log.leaves[1] = leaf_hash(b"foreign")
    other.settle(3)
    bench.write(9)
    with pytest.raises(WrongChainError):
        bench.checkpointer.step()


def test_a_refusal_is_raised_and_the_checkpoint_goes_on_once_it_is_cured(bench):
    class Suspended(FakeNode):
        suspended = True

        def call(self, to, data, *, sender=None, block=None):
            if self.suspended and data[:4] == calls.append(Head(0, EMPTY_ROOT), Head(1, EMPTY_ROOT), [])[:4]:
                raise NodeError(RpcReason.REVERTED, "", revert_bytes("NotOperator(address)", sender))
            return super().call(to, data, sender=sender, block=block)

    bench = Bench(Suspended(auto_mine=False))
    bench.write(3)
    with pytest.raises(RefusedError) as caught:
        bench.checkpointer.step()
    assert caught.value.name == "NotOperator"
    assert not bench.journal.rows
    bench.chain.suspended = False
    bench.settle(3)
    assert bench.onchain() == bench.expected()


# The real contract


def checkpointer_on(world, signer, log, journal):
    relay = Relay(world.node, signer, journal, world.deployment.chain_id, identity=world.identity)
    contract = world.address("ReceiptLog")
    return relay, Checkpointer(log, relay, world.node, contract, log_id=LOG_ID, log_key=LOG_KEY)


def test_the_real_contract_takes_every_checkpoint_and_a_suspension_is_survived(world):
    log, journal = MemoryLog(), MemoryJournal()
    # An operator of this test's own, for it ends up suspended.
    first, successor = key("first log operator"), key("second log operator")
    first_party = proposal("first log operator", calls.Role.OPERATOR, first.address)
    admit_party(world.node, world.deployment, world.admins, first_party)
    relay, checkpointer = checkpointer_on(world, first, log, journal)
    contract, registry = world.address("ReceiptLog"), world.address("PartyRegistry")
    chance = random.Random(3)

    def grow(count):
        first = log.size()
        log.leaves += [hashlib.sha256(b"leaf %d" % number).digest() for number in range(first, first + count)]

    for _ in range(12):
        grow(chance.randint(1, 40))
        assert checkpointer.step() is Outcome.SUBMITTED
        drain(relay)
    expected = Head(log.size(), root_of(log.leaves))
    assert calls.read_head(world.node.call(contract, calls.head())).head == expected
    assert checkpointer.step() is Outcome.UP_TO_DATE
    known = find_head(world.node, contract, expected.root, upto=world.node.block_number())
    assert known is not None
    assert (known.head, known.epoch) == (expected, 1)

    # The operator's key is suspended by one administrator: the contract refuses, and nothing is spent.
    rows = len(journal.rows)
    suspend = calls.suspend_party(first_party.party_id)
    send_and_wait(world.node, world.admins[0], registry, suspend, gas=calls.gas_limit(suspend))
    grow(3)
    with pytest.raises(RefusedError) as caught:
        checkpointer.step()
    assert (caught.value.name, caught.value.arguments) == ("NotOperator", (first.address,))
    assert len(journal.rows) == rows
    # Another operator is admitted by two; the log goes on from the checkpoint that was signed.
    second_party = proposal("second log operator", calls.Role.OPERATOR, successor.address)
    admit_party(world.node, world.deployment, world.admins, second_party)
    relay, checkpointer = checkpointer_on(world, successor, log, journal)
    assert checkpointer.step() is Outcome.SUBMITTED
    drain(relay)
    assert calls.read_head(world.node.call(contract, calls.head())).head.size == log.size()
