"""The relay's journal and the log's read side on a real database."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from api.errors import ApiError, Kind
from api.store import Database, unit_of_work
from api.store.journal import SqlLogStore, SqlTxJournal
from api.store.log_writer import LogWriter, ReceiptDraft
from chain.errors import FencedError
from chain.merkle import consistency_proof, tree_head, verify_consistency
from chain.ports import Head, LogStore, SignedTx, TxCall, TxJournal, TxState
from chain.receipt import ReceiptKind
from tests.store.world import World

SENDER, OTHER, TO = bytes(20), b"\1" * 20, b"\2" * 20


CALL = TxCall(TO, b"call", 90_000)


def tx(label: str) -> SignedTx:
    return SignedTx(f"raw {label}".encode(), hashlib.sha256(label.encode()).digest())


def test_nonces_follow_one_another_by_sender(db: Database) -> None:
    journal: TxJournal = SqlTxJournal(db)
    rows = [journal.reserve(f"k{n}", SENDER, CALL, first_nonce=7) for n in range(3)]
    assert [row.nonce for row in rows] == [7, 8, 9]
    assert journal.reserve("k9", SENDER, CALL, first_nonce=50).nonce == 50
    assert journal.reserve("k10", SENDER, CALL, first_nonce=7).nonce == 51
    assert [row.key for row in journal.unconfirmed(SENDER, 10)] == ["k0", "k1", "k2", "k9", "k10"]
    assert [row.key for row in journal.unconfirmed(SENDER, 2)] == ["k0", "k1"]
    assert journal.unconfirmed(OTHER, 10) == []


def test_reserving_and_signing_twice_is_once(db: Database) -> None:
    journal = SqlTxJournal(db)
    first = journal.reserve("key", SENDER, CALL, first_nonce=3)
    assert (first.state, first.tx_hash, TxCall.decode(first.raw), first.nonce) == (TxState.PREPARED, b"", CALL, 3)
    assert journal.reserve("key", SENDER, TxCall(None, b"", 1), first_nonce=9) == first == journal.get("key")
    signed = journal.signed("key", tx("one"))
    assert (signed.state, signed.to, signed.raw, signed.tx_hash) == (TxState.SIGNED, TO, b"raw one", tx("one").tx_hash)
    # A second signature (of a device that makes another each time) changes nothing: the first may be out already.
    assert journal.signed("key", tx("two")) == signed


def test_states_and_their_history(db: Database) -> None:
    journal = SqlTxJournal(db)
    journal.reserve("key", SENDER, CALL, first_nonce=0)
    signed = journal.signed("key", tx("one"))
    assert journal.set_state(signed, TxState.MINED, block_number=5, block_hash=b"\5" * 32)
    mined = journal.get("key")
    assert mined is not None
    assert (mined.state, mined.block_number, mined.block_hash) == (TxState.MINED, 5, b"\5" * 32)
    assert not journal.set_state(signed, TxState.SENT), "it has moved on since it was read"
    assert journal.set_state(mined, TxState.SENT)
    sent = journal.get("key")
    assert sent is not None
    assert (sent.state, sent.block_number, sent.block_hash) == (TxState.SENT, None, None)
    assert journal.set_state(sent, TxState.FAILED, error="chain.reverted")
    assert journal.unconfirmed(SENDER, 10) == []
    assert SqlTxJournal(Database(str(db.url))).get("key") == journal.get("key")
    lines = [(line.state.value, line.block_number, line.error) for line in journal.history("key")]
    assert lines == [
        ("prepared", None, None),
        ("signed", None, None),
        ("mined", 5, None),
        ("sent", None, None),
        ("failed", None, "chain.reverted"),
    ]
    assert all(line.at_ms > 0 for line in journal.history("key"))


def test_a_replacement_takes_the_nonce_or_a_new_one(db: Database) -> None:
    journal = SqlTxJournal(db)
    old = journal.reserve("a", SENDER, CALL, first_nonce=4)
    dearer = journal.replace(old, "a~2", TxCall(TO, b"call", 90_000, 7), error="chain.outbid", first_nonce=None)
    assert (dearer.nonce, dearer.bump, dearer.state, TxCall.decode(dearer.raw).gas_price) == (4, 1, TxState.PREPARED, 7)
    former = journal.get("a")
    assert former is not None
    assert (former.state, former.replaced_by, former.error) == (TxState.REPLACED, "a~2", "chain.outbid")
    assert [row.key for row in journal.unconfirmed(SENDER, 10)] == ["a", "a~2"], "either may be mined"
    assert journal.replace(old, "a~2", CALL, error="chain.outbid", first_nonce=None) == dearer
    elsewhere = journal.replace(dearer, "a~3", CALL, error="chain.nonce_lost", first_nonce=0)
    assert (elsewhere.nonce, elsewhere.bump) == (5, 0)
    assert [row.key for row in journal.unconfirmed(SENDER, 10)] == ["a~3"]


def test_one_leader_a_sender_and_the_other_is_fenced(db: Database) -> None:
    one, two = SqlTxJournal(db, "one", 600.0), SqlTxJournal(db, "two", 600.0)
    assert one.lead(SENDER)
    assert not two.lead(SENDER)
    assert two.lead(OTHER), "each signer has a leader of its own"
    row = one.reserve("a", SENDER, CALL, first_nonce=0)
    with pytest.raises(FencedError):
        two.reserve("b", SENDER, CALL, first_nonce=0)
    # The first one sleeps past its lease; whoever comes next fences it off, whatever it believes.
    with unit_of_work(db) as session:
        session.execute(text("UPDATE leases SET expires_at_ms = 0"))
    assert two.lead(SENDER)
    held = one._held[SENDER]
    for write in (
        lambda: one.reserve("c", SENDER, CALL, first_nonce=0),
        lambda: one.signed("a", tx("one")),
        lambda: one.set_state(row, TxState.SENT),
        lambda: one.replace(row, "a~2", CALL, error="chain.outbid", first_nonce=None),
    ):
        assert one.lead(SENDER), "it has not looked again yet"
        with pytest.raises(FencedError):
            write()
        one._held[SENDER] = held
    assert one.get("a") == row
    assert two.signed("a", tx("two")).state is TxState.SIGNED
    two.release()
    assert SqlTxJournal(db, "three").lead(SENDER), "given up, so nobody waits"


def test_two_processes_take_different_nonces(db: Database) -> None:
    """Unfenced ones, at the same time: the sender's row is locked while its nonce is taken."""
    journals = [SqlTxJournal(db) for _ in range(4)]
    keys = [[f"{at}/{number}" for number in range(10)] for at in range(4)]

    def reserve(at: int) -> list[int]:
        return [journals[at].reserve(key, SENDER, CALL, first_nonce=0).nonce for key in keys[at]]

    with ThreadPoolExecutor(4) as pool:
        nonces = [nonce for found in pool.map(reserve, range(4)) for nonce in found]
    assert sorted(nonces) == list(range(40))


def test_log_store_serves_proofs(world: World, writer: LogWriter) -> None:
    log: LogStore = SqlLogStore(world.db)
    assert (log.size(), log.last_checkpoint()) == (0, None)
    heads = []
    for _ in range(13):
        writer.submit(lambda s, n: n.add(ReceiptDraft(ReceiptKind.REFUSAL, {})))
        heads.append(Head(log.size(), tree_head(log.node, log.size())))
    new = heads[-1]
    for old in heads:
        proof = consistency_proof(log.node, old.size, new.size)
        verify_consistency(old.size, old.root, new.size, new.root, proof)
    with pytest.raises(ApiError, match=r"store\.log_damaged"):
        log.node(0, 13)


def test_checkpoints(db: Database) -> None:
    log = SqlLogStore(db)
    log.add_checkpoint(Head(3, b"\3" * 32), "note 3", "checkpoint:3")
    log.add_checkpoint(Head(3, b"\3" * 32), "note again", "checkpoint:3")
    log.add_checkpoint(Head(9, b"\4" * 32), "note 9", "checkpoint:9")
    assert log.last_checkpoint() == Head(9, b"\4" * 32)
    with pytest.raises(ApiError) as raised:
        log.add_checkpoint(Head(3, b"\5" * 32), "fork", "checkpoint:3")
    assert (raised.value.code, raised.value.kind) == ("store.checkpoint_fork", Kind.INTEGRITY)
