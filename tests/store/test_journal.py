"""The relay's journal and the log's read side on a real database."""

import pytest

from api.errors import ApiError, Kind
from api.store import Database
from api.store.journal import SqlLogStore, SqlTxJournal
from api.store.log_writer import LogWriter, ReceiptDraft
from chain.merkle import consistency_proof, tree_head, verify_consistency
from chain.ports import Head, LogStore, SignedTx, TxJournal, TxState
from chain.receipt import ReceiptKind
from tests.store.world import World

SENDER, OTHER, TO = bytes(20), b"\1" * 20, b"\2" * 20


def signer(calls: list[int]):
    def sign(nonce: int) -> SignedTx:
        calls.append(nonce)
        return SignedTx(b"raw %d" % len(calls), len(calls).to_bytes(32, "big"))

    return sign


def test_nonces_follow_one_another_by_sender(db: Database) -> None:
    journal: TxJournal = SqlTxJournal(db)
    calls: list[int] = []
    rows = [journal.reserve(f"k{n}", SENDER, TO, signer(calls), first_nonce=7) for n in range(3)]
    assert [row.nonce for row in rows] == [7, 8, 9]
    assert journal.reserve("k9", SENDER, None, signer(calls), first_nonce=50).nonce == 50
    assert [row.key for row in journal.unconfirmed(SENDER, 10)] == ["k0", "k1", "k2", "k9"]
    assert [row.key for row in journal.unconfirmed(SENDER, 2)] == ["k0", "k1"]
    assert journal.unconfirmed(OTHER, 10) == []


def test_reserving_twice_signs_once(db: Database) -> None:
    journal = SqlTxJournal(db)
    calls: list[int] = []
    first = journal.reserve("key", SENDER, TO, signer(calls), first_nonce=0)
    assert journal.reserve("key", SENDER, None, signer(calls), first_nonce=9) == first == journal.get("key")
    assert calls == [0]
    assert (first.state, first.to, first.raw) == (TxState.SIGNED, TO, b"raw 1")


def test_a_failing_signer_reserves_nothing(db: Database) -> None:
    journal = SqlTxJournal(db)

    def refuse(nonce: int) -> SignedTx:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        journal.reserve("key", SENDER, TO, refuse, first_nonce=0)
    assert journal.get("key") is None
    assert journal.reserve("key", SENDER, TO, signer([]), first_nonce=0).nonce == 0


def test_states(db: Database) -> None:
    journal = SqlTxJournal(db)
    row = journal.reserve("key", SENDER, TO, signer([]), first_nonce=0)
    journal.set_state(row.tx_hash, TxState.MINED, block_number=5, block_hash=b"\5" * 32)
    mined = journal.get("key")
    assert mined is not None
    assert (mined.state, mined.block_number, mined.block_hash) == (TxState.MINED, 5, b"\5" * 32)
    journal.set_state(row.tx_hash, TxState.SENT)
    sent = journal.get("key")
    assert sent is not None
    assert (sent.state, sent.block_number, sent.block_hash) == (TxState.SENT, None, None)
    journal.set_state(row.tx_hash, TxState.FAILED, error="chain.reverted")
    assert journal.unconfirmed(SENDER, 10) == []
    assert SqlTxJournal(Database(str(db.url))).get("key") == journal.get("key")


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
