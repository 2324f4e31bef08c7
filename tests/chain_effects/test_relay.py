"""The relay against a chain in memory: faults at every named step, then one invariant."""

import hashlib
import itertools

import pytest

from api.store.database import Database
from api.store.journal import SqlTxJournal
from api.store.schema import migrate
from chain import calls
from chain.attempts import NONCE_LOST
from chain.errors import FormatError, NodeError, RpcReason, WrongChainError
from chain.ports import TxState
from chain.relay import MAX_CALL_BYTES, RefusedError, Relay
from chain.signer import LocalSigner
from tests.chain_effects.worlds import anchored, assert_each_once, attempts, drain, live_through, prepare, root
from tests.fakes.chain_faults import FaultyNode, Plan
from tests.fakes.chain_node import ADDRESSES, FakeNode
from tests.fakes.chain_ports import MemoryJournal

SIGNER = LocalSigner(b"\x11" * 32)
ANCHORS = ADDRESSES["CertificateAnchors"]
LABELS = ["a", "b", "c"]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def chain():
    return FakeNode()


@pytest.fixture
def journal():
    return MemoryJournal()


def relay_on(node, journal, clock, **options):
    return Relay(node, SIGNER, journal, FakeNode.CHAIN_ID, clock=clock, **options)


# The plain path


def test_prepared_is_durable_and_not_yet_broadcast(chain, journal, clock):
    relay = relay_on(chain, journal, clock)
    row = relay.prepare("anchor:a", ANCHORS, calls.anchor([root("a")], [1]))
    assert (row.state, row.nonce, chain.sent) == (TxState.SIGNED, 0, 0)
    assert relay.step().confirmed == 1
    assert_each_once(chain, chain.identity(), SIGNER, journal, ["a"])
    assert relay.step() == relay.step()


def test_a_key_gives_one_transaction_however_often_it_is_prepared(chain, journal, clock):
    relay = relay_on(chain, journal, clock)
    first = relay.prepare("anchor:a", ANCHORS, calls.anchor([root("a")], [1]))
    assert relay.prepare("anchor:a", ANCHORS, calls.anchor([root("b")], [9])) == first
    drain(relay)
    again = relay.prepare("anchor:a", ANCHORS, calls.anchor([root("a")], [1]))
    assert (again.tx_hash, again.state) == (first.tx_hash, TxState.CONFIRMED)
    assert relay_on(chain, journal, clock).find("anchor:a") == again
    assert relay.find("anchor:b") is None
    assert_each_once(chain, chain.identity(), SIGNER, journal, ["a"])


def test_a_refusal_is_final_names_the_error_and_spends_no_nonce(chain, journal, clock):
    relay = relay_on(chain, journal, clock)
    prepare(relay, ANCHORS, ["a"])
    drain(relay)
    with pytest.raises(RefusedError) as caught:
        relay.prepare("again", ANCHORS, calls.anchor([root("a")], [1]))
    assert (caught.value.name, caught.value.arguments) == ("AlreadyAnchored", (SIGNER.address, root("a")))
    assert caught.value.already_done
    assert caught.value.code == "chain.refused"
    assert set(journal.rows) == {"anchor:a"}
    prepare(relay, ANCHORS, ["b"])
    assert journal.rows["anchor:b"].nonce == 1


def test_a_node_that_does_not_answer_is_no_refusal(chain, journal, clock):
    node = FaultyNode(chain)
    node.down = True
    with pytest.raises(NodeError) as caught:
        prepare(relay_on(node, journal, clock), ANCHORS, ["a"])
    assert caught.value.reason is RpcReason.UNREACHABLE
    assert not journal.rows


def test_the_first_nonce_is_the_chains_where_the_key_was_used_elsewhere(chain, journal, clock):
    drained = relay_on(chain, MemoryJournal(), clock)
    prepare(drained, ANCHORS, LABELS)
    drain(drained)
    relay = relay_on(chain, journal, clock)
    prepare(relay, ANCHORS, ["d"])
    assert journal.rows["anchor:d"].nonce == 3
    drain(relay)


def test_a_call_that_builds_on_a_waiting_one_is_not_simulated(journal, clock):
    chain = FakeNode(auto_mine=False)
    relay = relay_on(chain, journal, clock)
    prepare(relay, ANCHORS, ["a"])
    # On the head this would be refused only after "a" is mined; here the point is that `after` decides.
    prepare(relay, ANCHORS, ["x"], after="anchor:a")
    faulty = FaultyNode(chain, Plan("node.call"))
    waiting = relay_on(faulty, journal, clock)
    waiting.prepare("anchor:b", ANCHORS, calls.anchor([root("b")], [1]), after="anchor:a")
    assert not faulty.plan.seen["node.call"]
    relay.step()
    chain.mine()
    relay.step()
    with pytest.raises(NodeError):
        waiting.prepare("anchor:c", ANCHORS, calls.anchor([root("c")], [1]), after="anchor:a")
    assert faulty.plan.seen["node.call"] == 1


def test_without_simulation_a_refusal_shows_as_a_failed_row_with_its_name(chain, journal, clock):
    relay = relay_on(chain, journal, clock)
    prepare(relay, ANCHORS, ["a"])
    relay.prepare("twice", ANCHORS, calls.anchor([root("a")], [1]), simulate=False)
    (progress,) = drain(relay)
    assert (progress.confirmed, progress.failed) == (1, 1)
    row = relay.find("twice")
    assert row is not None
    assert row.state is TxState.FAILED
    assert row.error is not None
    assert row.error.startswith("chain.reverted")
    # It stays so, unless the caller wants another attempt.
    assert relay.prepare("twice", ANCHORS, b"", gas=1) == row
    other = relay.prepare("twice", ANCHORS, calls.anchor([root("z")], [1]), retry_failed=True)
    assert (other.key, other.nonce) == ("twice~2", 2)
    assert relay.find("twice") == other


def test_what_no_node_would_take_gets_no_nonce(chain, journal, clock):
    relay = relay_on(chain, journal, clock)
    with pytest.raises(FormatError):
        relay.prepare("big", ANCHORS, bytes(MAX_CALL_BYTES + 1), gas=1)
    with pytest.raises(FormatError):
        relay.prepare("key~2", ANCHORS, calls.anchor([root("a")], [1]))
    assert not journal.rows


def test_the_window_bounds_what_the_node_holds(journal, clock):
    chain = FakeNode(auto_mine=False)
    relay = relay_on(chain, journal, clock, window=4)
    labels = list(range(10))
    prepare(relay, ANCHORS, labels, simulate=False)
    relay.step()
    assert len(chain.pool) == 4
    drain(relay, between=chain.mine)
    assert_each_once(chain, chain.identity(), SIGNER, journal, labels)


# Faults: each step fails, or its answer is lost, or the process dies before or after it; then one check

STEPS = [
    "journal.get",
    "journal.lead",
    "journal.reserve",
    "journal.signed",
    "journal.unconfirmed",
    "journal.set_state",
] + [f"node.{name}" for name in ("nonce", "call", "send_raw_many", "block_number", "receipts")]
FAULTS = [
    (step, occurrence, after, crash)
    for step, occurrence, after, crash in itertools.product(STEPS, (1, 2, 3), (False, True), (False, True))
    # A failing database ends the process; the relay does not handle it.
    if crash or step.startswith("node")
]


@pytest.mark.parametrize(("step", "occurrence", "after", "crash"), FAULTS)
def test_a_fault_at_any_step_loses_and_doubles_nothing(step, occurrence, after, crash, journal):
    chain = FakeNode(auto_mine=False)
    live_through(Plan(step, occurrence, after=after, crash=crash), chain, journal, SIGNER, LABELS)
    assert_each_once(chain, chain.identity(), SIGNER, journal, LABELS)
    assert len(journal.rows) == len(LABELS)
    assert chain.nonce(SIGNER.address) == len(LABELS)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    db = Database(f"sqlite:///{tmp_path_factory.mktemp('journal') / 'mydata.sqlite3'}")
    migrate(db)
    return db


@pytest.mark.slow
@pytest.mark.parametrize(("step", "occurrence", "after", "crash"), FAULTS)
def test_the_same_on_the_real_journal(step, occurrence, after, crash, database):
    signer = LocalSigner(hashlib.sha256(f"{step} {occurrence} {after} {crash}".encode()).digest())
    labels = [f"{signer.address.hex()} {label}" for label in LABELS]
    chain, journal = FakeNode(auto_mine=False), SqlTxJournal(database)
    live_through(Plan(step, occurrence, after=after, crash=crash), chain, journal, signer, labels)
    assert_each_once(chain, chain.identity(), signer, journal, labels)
    assert [len(attempts(journal, f"anchor:{label}")) for label in labels] == [1] * len(labels)


def test_the_reply_to_the_broadcast_is_lost(chain, journal, clock):
    plan = Plan("node.send_raw_many", after=True)
    relay = relay_on(FaultyNode(chain, plan), journal, clock)
    prepare(relay, ANCHORS, LABELS)
    with pytest.raises(NodeError) as caught:
        relay.step()
    assert caught.value.reason is RpcReason.TIMED_OUT
    assert chain.nonce(SIGNER.address) == 3
    # The second attempt is answered "nonce too low" for all three, which the receipts turn into success.
    assert relay.step().open == 0
    assert_each_once(chain, chain.identity(), SIGNER, journal, LABELS)


def test_already_known_counts_as_success(journal, clock):
    chain = FakeNode(auto_mine=False)
    plan = Plan("node.send_raw_many", after=True)
    relay = relay_on(FaultyNode(chain, plan), journal, clock)
    prepare(relay, ANCHORS, LABELS)
    with pytest.raises(NodeError):
        relay.step()
    assert relay.step().broadcast == 3
    assert all(row.state is TxState.SENT for row in journal.rows.values())
    chain.mine()
    drain(relay)
    assert_each_once(chain, chain.identity(), SIGNER, journal, LABELS)


def test_down_for_long_then_back(chain, journal, clock):
    node = FaultyNode(chain)
    relay = relay_on(node, journal, clock)
    prepare(relay, ANCHORS, ["a"])
    node.down = True
    for _ in range(5):
        with pytest.raises(NodeError):
            relay.step()
        prepare(relay, ANCHORS, ["b"], simulate=False)
    node.down = False
    drain(relay)
    assert_each_once(chain, chain.identity(), SIGNER, journal, ["a", "b"])


def test_a_pool_that_forgets_is_filled_again(journal, clock):
    chain = FakeNode(auto_mine=False)
    relay = relay_on(chain, journal, clock, resend_s=2.0)
    prepare(relay, ANCHORS, LABELS)
    relay.step()
    chain.forget_pool()
    chain.mine()
    assert relay.step().broadcast == 0  # too early to worry
    clock.now += 2
    assert relay.step().broadcast == 3
    chain.mine()
    drain(relay)
    assert_each_once(chain, chain.identity(), SIGNER, journal, LABELS)


def test_a_gap_heals_when_only_the_first_one_was_dropped(journal, clock):
    chain = FakeNode(auto_mine=False)
    relay = relay_on(chain, journal, clock)
    prepare(relay, ANCHORS, LABELS)
    relay.step()
    first = journal.rows["anchor:a"].tx_hash
    del chain.pool[first]
    assert chain.mine() == 0
    clock.now += 2
    relay.step()
    assert chain.mine() == 3
    drain(relay)
    assert_each_once(chain, chain.identity(), SIGNER, journal, LABELS)


class GappyNode(FakeNode):
    """Refuses a nonce beyond the pool's next, as besu may."""

    def _accept(self, raw):
        import rlp

        queued = [tx.nonce for tx in self.pool.values()]
        expected = max([self.nonce(SIGNER.address) - 1, *queued]) + 1
        if int.from_bytes(rlp.decode(raw)[0], "big") > expected:
            return NodeError(RpcReason.NONCE_TOO_HIGH)
        return super()._accept(raw)


def test_nonce_too_high_makes_the_relay_offer_the_earlier_ones_again(journal, clock):
    chain = GappyNode(auto_mine=False)
    relay = relay_on(chain, journal, clock, resend_s=1000.0)
    prepare(relay, ANCHORS, ["a"])
    relay.step()
    chain.forget_pool()
    prepare(relay, ANCHORS, ["b"])
    relay.step()
    assert not chain.pool
    relay.step()
    assert chain.mine() == 2
    drain(relay)
    assert_each_once(chain, chain.identity(), SIGNER, journal, ["a", "b"])


@pytest.mark.parametrize("reason", [RpcReason.UNDERPRICED, RpcReason.INSUFFICIENT_FUNDS, RpcReason.REJECTED])
def test_a_node_that_refuses_stalls_visibly_and_loses_nothing(reason, chain, journal, clock):
    class Refusing(FakeNode):
        refuse = True

        def _accept(self, raw):
            return NodeError(reason) if self.refuse else super()._accept(raw)

    node = Refusing()
    relay = relay_on(node, journal, clock)
    prepare(relay, ANCHORS, LABELS)
    progress = relay.step()
    assert (progress.stalled, progress.open) == (reason, 3)
    node.refuse = False
    assert drain(relay)[-1].stalled is None
    assert_each_once(node, node.identity(), SIGNER, journal, LABELS)


# Nonces used up elsewhere


def test_a_nonce_lost_to_another_transaction_is_replaced_once_that_one_is_final(chain, journal, clock):
    relay = relay_on(chain, journal, clock, lost_after_s=15, confirmations=2)
    prepare(relay, ANCHORS, ["a"])
    foreign = SIGNER.sign_transaction(
        chain_id=FakeNode.CHAIN_ID,
        nonce=0,
        to=ANCHORS,
        data=calls.anchor([root("foreign")], [1]),
        gas=10**6,
        gas_price=0,
    )
    chain.send_raw(foreign.raw)
    for _ in range(6):
        relay.step()
        clock.now += 4
    assert journal.rows["anchor:a"].state is TxState.SIGNED, "too early: a reorg may still bring the nonce back"
    chain.mine()
    chain.mine()
    clock.now += 4
    assert relay.step().replaced == 1
    old = journal.rows["anchor:a"]
    assert (old.state, old.error, old.replaced_by) == (TxState.REPLACED, NONCE_LOST, "anchor:a~2")
    newest = relay.find("anchor:a")
    assert newest is not None
    assert (newest.key, newest.nonce) == ("anchor:a~2", 1)
    drain(relay, between=chain.mine)
    assert_each_once(chain, chain.identity(), SIGNER, journal, ["a"])


def test_two_relays_on_one_journal_do_no_harm(journal, clock):
    chain = FakeNode(auto_mine=False)
    one, two = relay_on(chain, journal, clock), relay_on(chain, journal, clock)
    for label in range(6):
        prepare((one, two)[label % 2], ANCHORS, [label])
        one.step()
        two.step()
        if label % 3 == 2:
            chain.mine()
    drain(one, between=two.step) if chain.mine() else drain(two)
    assert_each_once(chain, chain.identity(), SIGNER, journal, list(range(6)))


# Confirmations and reorgs


def test_final_only_at_depth(chain, journal, clock):
    relay = relay_on(chain, journal, clock, confirmations=3)
    prepare(relay, ANCHORS, ["a"])
    assert (relay.step().mined, relay.find("anchor:a").state) == (1, TxState.MINED)
    for _ in range(2):
        chain.mine()
        assert relay.step().confirmed == 0
    chain.mine()
    assert relay.step().confirmed == 1


@pytest.mark.parametrize("depth", [1, 2, 5, 64])
def test_a_reorg_sends_the_stored_transactions_again(depth, journal, clock):
    chain = FakeNode()
    relay = relay_on(chain, journal, clock, confirmations=depth)
    for label in range(6):
        prepare(relay, ANCHORS, [label])
        relay.step()
    hashes = {row.tx_hash for row in journal.rows.values()}
    for _ in range(max(0, depth - 6)):
        chain.mine()
    chain.reorg(min(depth, chain.block_number()), grow=1)
    assert sum(anchored(chain, chain.identity(), SIGNER.address).values()) == max(0, 6 - depth)
    drain(relay, between=lambda: (chain.mine(), setattr(clock, "now", clock.now + 1)))
    assert {row.tx_hash for row in journal.rows.values()} == hashes
    assert_each_once(chain, chain.identity(), SIGNER, journal, list(range(6)))


def test_a_failure_is_not_final_before_depth(chain, journal, clock):
    relay = relay_on(chain, journal, clock, confirmations=2)
    prepare(relay, ANCHORS, ["a"])
    relay.prepare("anchor:b", ANCHORS, calls.anchor([root("a")], [1]), simulate=False)
    relay.step()
    assert journal.rows["anchor:b"].state is TxState.MINED
    chain.mine()
    chain.mine()
    assert relay.step().failed == 1


def test_receipts_are_asked_for_once_under_each_head(chain, journal, clock):
    node = FaultyNode(chain)
    relay = relay_on(node, journal, clock, confirmations=2)
    prepare(relay, ANCHORS, LABELS)
    for _ in range(5):
        relay.step()
    assert node.plan.seen["node.receipts"] == 1
    chain.mine()
    relay.step()
    assert node.plan.seen["node.receipts"] == 2
    clock.now += 2
    relay.step()
    assert node.plan.seen["node.receipts"] == 3, "from time to time, whatever the head says"
    chain.mine()
    assert relay.step().open == 0


# A wrong chain gets nothing


def test_a_wrong_chain_halts_before_anything_is_believed_or_sent(chain, journal, clock):
    relay = relay_on(chain, journal, clock, identity=chain.identity())
    prepare(relay, ANCHORS, ["a"])
    sent = chain.sent
    chain.codes[ANCHORS] = b"other code"
    clock.now += 10
    with pytest.raises(WrongChainError):
        relay.step()
    with pytest.raises(WrongChainError):
        prepare(relay, ANCHORS, ["b"])
    assert chain.sent == sent
    assert set(journal.rows) == {"anchor:a"}
