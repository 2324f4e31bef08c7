"""Faults of a real engine, on the real journal: reorgs, dropped transactions, gaps, two relays, another chain.

The pass figures are those of ../../docs/engines.md: nothing missing, nothing doubled, never a false "confirmed", and
all of it heals by itself. Waits end after a minute, which is the longest that healing may take.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from api.store.crypto import Vault
from api.store.database import Database
from api.store.event_sink import SqlEventSink
from api.store.journal import SqlTxJournal
from api.store.keyring import KeyRing
from api.store.schema import migrate
from chain import calls
from chain.errors import FencedError, NodeError, RpcReason, WrongChainError
from chain.indexer import Indexer
from chain.node import Web3Node
from chain.ports import TxState
from chain.pricing import Pricing
from chain.relay import Relay
from devnet import anvil
from tests.chain_effects.engines import Engine, LossyProxy, World, settle
from tests.chain_effects.worlds import anchored, assert_each_once, prepare, root

pytestmark = pytest.mark.slow
HEALS_S = 60.0
FULL = pytest.mark.full
SOAK = pytest.mark.soak
DEPTHS = range(1, 65)
SOME = frozenset({1, 2, 3, 5, 8, 13, 21, 34, 55, 63, 64})
"""Depths of `--full`; the others are `--soak`'s."""


@dataclass
class Place:
    """A journal and a sink on one database, for one world."""

    db: Database
    vault: Vault
    world: World
    journal: SqlTxJournal

    def relay(self, journal: SqlTxJournal | None = None, node: Web3Node | None = None, **options: object) -> Relay:
        chosen = {"resend_s": 0.2, "identity": self.world.identity} | options
        return Relay(
            node or self.world.node,
            self.world.department,
            journal or self.journal,
            self.world.deployment.chain_id,
            **chosen,
        )

    def indexer(self, **options: object) -> Indexer:
        return Indexer(self.world.node, SqlEventSink(self.db, self.vault), self.world.identity, **options)

    @property
    def anchors(self) -> bytes:
        return self.world.address("CertificateAnchors")


@pytest.fixture
def place(tmp_path: Path, anvil_world: World) -> Iterator[Place]:
    with placed(tmp_path, anvil_world) as found:
        yield found


@pytest.fixture
def fresh_place(tmp_path: Path, fresh_anvil_world: World) -> Iterator[Place]:
    with placed(tmp_path, fresh_anvil_world) as found:
        yield found


@contextmanager
def placed(tmp_path: Path, world: World) -> Iterator[Place]:
    db = Database(f"sqlite:///{tmp_path / 'mydata.sqlite3'}")
    migrate(db)
    vault = Vault(KeyRing.load(tmp_path / "keys", production=False))
    yield Place(db, vault, world, SqlTxJournal(db))
    rpc(world, "evm_setAutomine", True)
    db.close()


def rpc(world: World, method: str, *params: object) -> object:
    return world.node._ask(method, list(params), lambda value: value)


def heal(place: Place, relay: Relay, indexer: Indexer) -> None:
    """Turns as a worker takes them, until nothing is open; after each, what is called confirmed stands on the chain."""
    deadline = time.monotonic() + HEALS_S
    while True:
        while True:
            done = indexer.step()
            no_false_confirmation(place)
            if not done.behind and not done.rewound:
                break
        progress = relay.step()
        no_false_confirmation(place)
        if not progress.open:
            return
        assert time.monotonic() < deadline, progress
        rpc(place.world, "evm_mine")
        time.sleep(0.02)


def no_false_confirmation(place: Place) -> None:
    with place.db.reader.connect() as connection:
        confirmed = connection.exec_driver_sql("SELECT tx_hash FROM chain_txs WHERE state = 'confirmed'").fetchall()
    receipts = place.world.node.receipts([row[0] for row in confirmed])
    assert all(receipt is not None and receipt.succeeded for receipt in receipts)


def reorganise(place: Place, depth: int, confirmations: int) -> None:
    """Anchors in the blocks that go and in some below; some blocks are empty, as on a chain that is not busy."""
    labels = [f"reorg {depth} {confirmations} {time.time_ns()} {number}" for number in range(8)]
    relay = place.relay(confirmations=confirmations)
    indexer = place.indexer(confirmations=confirmations)
    while place.world.node.block_number() < place.world.identity.first_block + 40 + depth:
        rpc(place.world, "anvil_mine", hex(depth))  # so that the contracts stay out of it
    for label in labels:
        prepare(relay, place.anchors, [label], simulate=False)
        relay.step()
        rpc(place.world, "anvil_mine", hex(depth // 7))
    while indexer.step().behind:
        pass
    standing = sum(anchored(place.world.node, place.world.identity, place.world.department.address).values())
    rpc(place.world, "anvil_reorg", depth, [])
    lost = standing - sum(anchored(place.world.node, place.world.identity, place.world.department.address).values())
    assert 0 < lost <= len(labels)
    heal(place, relay, indexer)
    assert_each_once(place.world.node, place.world.identity, place.world.department, place.journal, labels)


@pytest.mark.parametrize(("depth", "confirmations"), [(1, 0), (64, 12)])
def test_a_reorg_heals(depth: int, confirmations: int, place: Place) -> None:
    reorganise(place, depth, confirmations)


@pytest.mark.parametrize("depth", [pytest.param(depth, marks=FULL if depth in SOME else SOAK) for depth in DEPTHS])
def test_a_reorg_of_any_depth_heals(depth: int, fresh_place: Place) -> None:
    for confirmations in (0, depth // 2):
        reorganise(fresh_place, depth, confirmations)


@pytest.mark.parametrize("dropped", ["first", "all", pytest.param("middle", marks=FULL)])
def test_dropped_transactions_and_the_gaps_that_they_leave_are_filled_again(dropped: str, place: Place) -> None:
    labels = [f"dropped {dropped} {number}" for number in range(12)]
    relay, indexer = place.relay(), place.indexer()
    rpc(place.world, "evm_setAutomine", False)
    prepare(relay, place.anchors, labels, simulate=False)
    assert relay.step().broadcast == 12
    rows = place.journal.unconfirmed(place.world.department.address, 20)
    gone = {"first": rows[:1], "middle": rows[5:7], "all": rows}[dropped]
    for row in gone:
        rpc(place.world, "anvil_dropTransaction", "0x" + row.tx_hash.hex())
    rpc(place.world, "evm_mine")
    mined = [receipt is not None for receipt in place.world.node.receipts([row.tx_hash for row in rows])]
    assert mined.count(True) == {"first": 0, "middle": 5, "all": 0}[dropped]
    heal(place, relay, indexer)
    assert_each_once(place.world.node, place.world.identity, place.world.department, place.journal, labels)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=FULL) for seed in range(1, 10))])
def test_answers_lost_at_random_double_nothing(seed: int, place: Place) -> None:
    """Of any call: each reaches the node, some answers are swallowed on the way back."""
    labels, chance = [f"swallowed {seed} {number}" for number in range(15)], random.Random(seed)
    proxy = LossyProxy(place.world.engine.port)
    node = Web3Node(proxy.url, timeout_s=5.0)
    relay = place.relay(node=node, identity=None)
    indexer, waiting = place.indexer(), list(labels)
    deadline = time.monotonic() + HEALS_S
    try:
        while True:
            (proxy.swallow.set if not proxy.swallowed or chance.random() < 0.4 else proxy.swallow.clear)()
            try:
                while waiting:
                    prepare(relay, place.anchors, waiting[:1], simulate=False)
                    waiting.pop(0)
                    if chance.random() < 0.3:
                        break
                if not relay.step().open and not waiting:
                    break
            except NodeError as error:
                if error.reason not in {RpcReason.TIMED_OUT, RpcReason.UNREACHABLE}:
                    raise
                relay = place.relay(node=node, identity=None)  # a worker that starts again
            assert time.monotonic() < deadline
    finally:
        proxy.close()
        node.close()
    assert proxy.swallowed
    heal(place, place.relay(), indexer)
    assert_each_once(place.world.node, place.world.identity, place.world.department, place.journal, labels)


def test_two_relays_at_once_take_turns_and_double_nothing(place: Place) -> None:
    """Each stops now and then for longer than its lease, as a paused process does; the other one takes over."""
    labels = [f"two at once {time.time_ns()} {number}" for number in range(30)]
    done, fenced, failures = threading.Event(), [0, 0], []

    def live(at: int) -> None:
        chance = random.Random(at)
        journal = SqlTxJournal(place.db, f"relay {at}", 0.3)
        relay = place.relay(journal)
        try:
            while not done.is_set():
                try:
                    for label in labels:
                        prepare(relay, place.anchors, [label], simulate=False)
                        if chance.random() < 0.05:
                            time.sleep(0.5)  # past the lease
                    if relay.step().led and not place.journal.unconfirmed(relay.address, 1):
                        done.set()
                except FencedError:
                    fenced[at] += 1
                    time.sleep(0.05)
        except BaseException as failure:
            failures.append(failure)
            done.set()
            raise

    threads = [threading.Thread(target=live, args=(at,)) for at in range(2)]
    for thread in threads:
        thread.start()
    assert done.wait(HEALS_S), "in vain"
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(fenced) > 0, "they never met"
    assert_each_once(place.world.node, place.world.identity, place.world.department, place.journal, labels)


def test_a_price_that_rises_is_met(place: Place) -> None:
    """A base fee on anvil; the account is funded. What was offered for less is offered for more under its own nonce."""
    labels = [f"dear {number}" for number in range(3)]
    account = "0x" + place.world.department.address.hex()
    rpc(place.world, "anvil_setBalance", account, hex(10**20))
    rpc(place.world, "anvil_setNextBlockBaseFeePerGas", hex(10**9))
    rpc(place.world, "evm_mine")
    relay = place.relay(pricing=Pricing(10**12, after_s=0.5))
    indexer = place.indexer()
    try:
        prepare(relay, place.anchors, labels, simulate=False)
        rpc(place.world, "anvil_setNextBlockBaseFeePerGas", hex(10**10))
        rpc(place.world, "evm_mine")
        heal(place, relay, indexer)
        assert_each_once(place.world.node, place.world.identity, place.world.department, place.journal, labels)
        (first, *_) = [place.journal.get(f"anchor:{label}") for label in labels]
        assert first is not None
        assert (first.state, first.replaced_by) == (TxState.REPLACED, f"anchor:{labels[0]}~2")
    finally:
        rpc(place.world, "anvil_setNextBlockBaseFeePerGas", "0x0")
        rpc(place.world, "evm_mine")


@pytest.fixture
def own_anvil(tmp_path: Path) -> Iterator[World]:
    try:
        anvil.find()
    except anvil.AnvilMissingError as missing:
        pytest.skip(str(missing))
    engine = Engine("anvil", tmp_path)
    engine.start()
    try:
        yield settle(engine)
    finally:
        engine.kill()


@pytest.mark.parametrize("length", ["shorter", "longer"])
def test_a_chain_that_was_reset_and_deployed_to_again_halts_at_once(
    length: str, own_anvil: World, tmp_path: Path
) -> None:
    """The same chain id, genesis and contracts at the same addresses; only its history is another."""
    world = own_anvil
    db = Database(f"sqlite:///{tmp_path / 'mydata.sqlite3'}")
    migrate(db)
    vault = Vault(KeyRing.load(tmp_path / "keys", production=False))
    place = Place(db, vault, world, SqlTxJournal(db))
    relay, indexer = place.relay(), place.indexer(identity_interval_s=0.0)
    prepare(relay, place.anchors, ["before the reset"])
    heal(place, relay, indexer)
    head = world.node.block_number()
    world.engine.kill()
    time.sleep(1.1)  # a new second, so that the new blocks are others
    world.engine.start()
    again = settle(world.engine)
    assert again.identity.contracts == world.identity.contracts
    if again.identity.genesis_hash != world.identity.genesis_hash:
        # Some versions put the time into the genesis; here not even that is to tell them apart.
        place.world.identity = replace(world.identity, genesis_hash=again.identity.genesis_hash)
        indexer = place.indexer(identity_interval_s=0.0)
    for _ in range(head + 5 if length == "longer" else 0):
        rpc(world, "evm_mine")
    before = place.journal.get("anchor:before the reset")
    with pytest.raises(WrongChainError) as caught:
        indexer.step()
    assert caught.value.code == "chain.reset"
    with pytest.raises(WrongChainError):
        place.indexer().step()
    assert place.journal.get("anchor:before the reset") == before
    assert world.node.nonce(world.department.address) == 0
    # The call itself would be taken there: it is the halt that keeps it away.
    world.node.call(place.anchors, calls.anchor([root("after")], [1]), sender=world.department.address)
    db.close()
