"""Blocks inside the process: faults while mining, times, the base fee, bounds, and import from genesis."""

import sqlite3
import threading
import time

import pytest
from eth.db.atomic import AtomicDB
from eth.exceptions import PyEVMError
from eth_typing import BlockNumber

from devnet import miner as mining
from devnet.ledger import Ledger
from devnet.miner import Miner
from devnet.pool import Pool
from devnet.rules import BLOCK_GAS_LIMIT, chain_class
from devnet.store import Store, StoreError
from devnet.submit import submit
from tests.nodes import accounts, contracts

CHAIN_ID = 777001


class Chain:
    """A chain without HTTP; `now` is its clock."""

    def __init__(self, path):
        self.store = Store(path)
        self.ledger = Ledger(self.store, CHAIN_ID)
        self.pool = Pool()
        self.now = self.ledger.head.timestamp
        self.miner = Miner(self.ledger, self.pool, clock=lambda: self.now)

    def send(self, account, nonce, **fields):
        raw, tx_hash = accounts.sign(account, nonce, **{"to": account.address, **fields})
        submit(self.ledger, self.pool, bytes.fromhex(raw[2:]))
        return bytes.fromhex(tx_hash[2:])


@pytest.fixture
def chain(tmp_path):
    chain = Chain(tmp_path / "chain.sqlite3")
    yield chain
    chain.miner.stop()
    chain.store.close()


def test_equal_times_do_not_drift(chain):
    account = accounts.fresh()
    start = chain.now
    for nonce in range(10):
        chain.send(account, nonce)
        chain.miner.mine()
    assert chain.ledger.head.block_number == 10
    assert chain.ledger.head.timestamp == start
    chain.now = start - 3_600
    chain.miner.mine(allow_empty=True)
    assert chain.ledger.head.timestamp == start
    chain.now = start + 60
    chain.miner.mine(allow_empty=True)
    assert chain.ledger.head.timestamp == start + 60


def test_nothing_is_minted_and_the_base_fee_stays_zero(chain):
    account = accounts.fresh()
    for nonce in range(3):
        chain.send(account, nonce, gas=30_000_000)
        chain.miner.mine()
    head = chain.ledger.head
    assert head.base_fee_per_gas == 0
    assert head.difficulty == 1
    assert chain.ledger.state(head).get_balance(head.coinbase) == 0


def test_no_block_is_promised_more_than_half_its_gas(chain, monkeypatch):
    monkeypatch.setattr(mining, "BLOCK_FILL_GAS", 100_000_000)
    account = accounts.fresh()
    for nonce in range(8):
        chain.send(account, nonce, gas=30_000_000)
    blocks = []
    while chain.miner.mine() is not None:
        blocks.append(len(chain.store.block_transactions(chain.ledger.head.block_number)))
    assert blocks == [3, 3, 2]
    assert chain.ledger.head.gas_limit == BLOCK_GAS_LIMIT


def test_a_fuller_block_would_raise_the_base_fee(chain, monkeypatch):
    """Why the bound exists: without it the base fee leaves zero, and free transactions are over."""
    import devnet.rules

    assert devnet.rules.BLOCK_FILL_GAS * 2 == BLOCK_GAS_LIMIT
    full = chain.ledger.head.copy(gas_used=BLOCK_GAS_LIMIT // 2 + 1)
    half = chain.ledger.head.copy(gas_used=BLOCK_GAS_LIMIT // 2)
    rules = chain.ledger.writing
    assert rules.create_header_from_parent(full, gas_limit=BLOCK_GAS_LIMIT).base_fee_per_gas == 1
    assert rules.create_header_from_parent(half, gas_limit=BLOCK_GAS_LIMIT).base_fee_per_gas == 0


def test_senders_take_turns(chain, monkeypatch):
    monkeypatch.setattr(mining, "MAX_BLOCK_TRANSACTIONS", 4)
    greedy, modest = accounts.fresh(), accounts.fresh()
    for nonce in range(12):
        chain.send(greedy, nonce)
    wanted = chain.send(modest, 0)
    chain.miner.mine()
    chain.miner.mine()
    assert chain.ledger.mined(wanted).block == 2


def test_blocks_import_again_from_genesis(chain):
    """Every header and body, run by the same rules on an empty database, gives the same chain."""
    account = accounts.fresh()
    deployed = chain.send(account, 0, to=None, data="0x" + contracts.RECORDER.hex(), gas=500_000)
    chain.miner.mine()
    contract = "0x" + chain.ledger.mined(deployed).contract.hex()
    for nonce in range(1, 4):
        chain.send(account, nonce, to=contract, data="0x" + contracts.word(nonce).hex())
        chain.miner.mine()
    source = chain.ledger.writing
    again = chain_class(CHAIN_ID).from_genesis_header(
        AtomicDB(), source.get_canonical_block_header_by_number(BlockNumber(0))
    )
    for number in range(1, chain.ledger.head.block_number + 1):
        again.import_block(source.get_canonical_block_by_number(BlockNumber(number)))
    assert again.get_canonical_head() == chain.ledger.head


def wait_for(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("step", ["store.commit", "chaindb.persist_block", "mine_block"])
def test_a_fault_keeps_pool_thread_and_chain(chain, monkeypatch, step, caplog):
    """A block that fails at a step is given up whole, and the same transactions are in the next one."""
    monkeypatch.setattr(mining, "RETRY_S", 0.01)
    failures = []

    def fail_twice(real):
        def step_(*args, **kwargs):
            if len(failures) < 2:
                failures.append(step)
                raise sqlite3.OperationalError("database or disk is full")
            return real(*args, **kwargs)

        return step_

    from eth.db.chain import ChainDB

    from devnet.rules import DevnetVM

    target, name = {
        "store.commit": (chain.store, "commit"),
        "chaindb.persist_block": (ChainDB, "persist_block"),
        "mine_block": (DevnetVM, "mine_block"),
    }[step]
    monkeypatch.setattr(target, name, fail_twice(getattr(target, name)))
    account = accounts.fresh()
    hashes = [chain.send(account, nonce) for nonce in range(3)]
    chain.miner.start()
    chain.miner.wake()
    wait_for(lambda: chain.ledger.mined(hashes[-1]) is not None)
    assert failures == [step, step]
    assert [chain.ledger.mined(tx_hash).block for tx_hash in hashes] == [1, 1, 1]
    assert len(chain.pool) == 0
    assert chain.store.pending.changes == {}
    assert chain.miner.last_error is None
    assert caplog.text.count("mining failed") == 2


def test_a_failed_commit_leaves_no_row(chain, monkeypatch):
    """The rows are written, then the commit itself fails: nothing of the block may be seen, then or after reopening."""
    account = accounts.fresh()
    tx_hash = chain.send(account, 0)

    class Broken:
        def __init__(self, real):
            self.real = real

        def execute(self, sql, *rest):
            if sql == "commit":
                raise sqlite3.OperationalError("disk I/O error")
            return self.real.execute(sql, *rest)

        def __getattr__(self, name):
            return getattr(self.real, name)

    real = chain.store._writer
    monkeypatch.setattr(chain.store, "_writer", Broken(real))
    with pytest.raises(sqlite3.OperationalError):
        chain.miner.mine()
    assert chain.store.pending.changes == {}
    assert chain.store.transaction(tx_hash) is None
    assert chain.store.block(1) is None
    monkeypatch.setattr(chain.store, "_writer", real)
    assert chain.miner.mine() == 1
    assert chain.ledger.mined(tx_hash).block == 1


def test_a_transaction_that_breaks_the_evm_is_dropped_and_the_rest_mined(chain, monkeypatch, caplog):
    from devnet.rules import DevnetVM

    poison, sound = accounts.fresh(), accounts.fresh()
    bad = chain.send(poison, 0)
    good = chain.send(sound, 0)
    real = DevnetVM.apply_transaction

    def apply(self, header, transaction):
        if transaction.hash == bad:
            raise RecursionError
        return real(self, header, transaction)

    monkeypatch.setattr(DevnetVM, "apply_transaction", apply)
    assert chain.miner.mine() == 1
    assert chain.ledger.mined(good) is not None
    assert chain.ledger.mined(bad) is None
    assert chain.pool.get(bad) is None
    assert bad.hex() in caplog.text


def test_a_fault_of_the_machine_is_not_held_against_a_transaction(chain, monkeypatch):
    from devnet.rules import DevnetVM

    tx_hash = chain.send(accounts.fresh(), 0)
    faults = iter([sqlite3.OperationalError("disk I/O error"), OSError(5, "I/O"), MemoryError()] * 2)
    real = DevnetVM.apply_transaction

    def apply(self, header, transaction):
        for fault in faults:
            raise fault
        return real(self, header, transaction)

    monkeypatch.setattr(DevnetVM, "apply_transaction", apply)
    for _ in range(6):
        with pytest.raises((sqlite3.Error, OSError, MemoryError)):
            chain.miner.mine()
    assert chain.miner.mine() == 1
    assert chain.ledger.mined(tx_hash) is not None


def test_a_transaction_that_the_rules_refuse_late_is_dropped(chain, monkeypatch):
    """Checked when it was queued, refused when its turn comes: it goes, its follower waits, others are mined."""
    from eth_utils.exceptions import ValidationError

    from devnet.rules import DevnetVM

    account, other = accounts.fresh(), accounts.fresh()
    refused, follower, good = chain.send(account, 0), chain.send(account, 1), chain.send(other, 0)
    real = DevnetVM.apply_transaction

    def apply(self, header, transaction):
        if transaction.hash == refused:
            raise ValidationError("no longer valid")
        return real(self, header, transaction)

    monkeypatch.setattr(DevnetVM, "apply_transaction", apply)
    assert chain.miner.mine() == 1
    assert chain.pool.get(refused) is None
    assert chain.pool.get(follower) is not None
    assert chain.ledger.mined(good) is not None


def test_a_pending_nonce_is_never_too_low(chain):
    """Asked all the time while blocks are mined, it only grows."""
    account = accounts.fresh()
    chain.miner.start()
    seen, done = [], threading.Event()

    def watch():
        while not done.is_set():
            with chain.pool.lock:
                nonce = chain.ledger.state(chain.ledger.head).get_nonce(bytes.fromhex(account.address[2:]))
                seen.append(chain.pool.next_nonce(bytes.fromhex(account.address[2:]), nonce))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for nonce in range(60):
        chain.send(account, nonce)
        chain.miner.wake()
    wait_for(lambda: len(chain.pool) == 0)
    done.set()
    watcher.join()
    assert seen == sorted(seen)
    assert seen[-1] == 60


def test_head_and_pool_change_in_one_step(chain, monkeypatch):
    """Nobody may read a head and a pool that do not belong together: the lock is held, and the head comes first."""
    seen = []
    real = chain.pool.remove

    def contend():
        free = chain.pool.lock.acquire(blocking=False)
        seen.append(free)
        if free:
            chain.pool.lock.release()

    def remove(gone):
        contender = threading.Thread(target=contend)
        contender.start()
        contender.join()
        seen.append(chain.ledger.head.block_number)
        real(gone)

    monkeypatch.setattr(chain.pool, "remove", remove)
    chain.send(accounts.fresh(), 0)
    chain.miner.mine()
    assert seen == [False, 1]


def test_chains_begun_in_the_same_second_differ(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    stores = [Store(tmp_path / name) for name in ("one", "two")]
    assert len({Ledger(store, CHAIN_ID).genesis_hash for store in stores}) == 2
    for store in stores:
        store.close()


def test_the_pool_is_bounded(chain, monkeypatch):
    from devnet import pool

    monkeypatch.setattr(pool, "MAX_TRANSACTIONS", 3)
    account = accounts.fresh()
    for nonce in range(3):
        chain.send(account, nonce)
    with pytest.raises(Exception, match="txpool is full"):
        chain.send(account, 3)
    chain.miner.mine()
    assert (len(chain.pool), chain.pool.size_bytes, chain.pool.senders) == (0, 0, 0)
    chain.send(account, 3)


def test_the_committed_view_refuses_writes(chain):
    with pytest.raises(StoreError):
        chain.store.committed[b"key"] = b"value"
    with pytest.raises(StoreError):
        del chain.store.committed[b"key"]


def test_the_cache_is_bounded_and_never_holds_what_may_change(chain, monkeypatch):
    from devnet import store

    monkeypatch.setattr(store, "CACHE_BYTES", 4_000)
    for number in range(100):
        chain.store.pending[number.to_bytes(32, "big")] = bytes(64)
    chain.store.pending[b"changes"] = b"first"
    chain.store.commit(store.BlockRow(1, bytes(32), 0))
    assert sum(len(key) + len(value) + 160 for key, value in chain.store._cache.items()) <= 4_000
    assert chain.store.read((3).to_bytes(32, "big")) == bytes(64)
    assert chain.store.read(b"changes") == b"first"
    chain.store.pending[b"changes"] = b"second"
    del chain.store.pending[(3).to_bytes(32, "big")]
    chain.store.commit(store.BlockRow(2, bytes(32), 0))
    assert chain.store.read(b"changes") == b"second"


def test_errors_of_the_evm_are_errors_of_python():
    """`_apply` tells the machine's faults from a transaction's by type; py-evm's must not be among the machine's."""
    assert not issubclass(PyEVMError, (sqlite3.Error, OSError, MemoryError))
